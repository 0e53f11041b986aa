/* The traps as functions, and the user manifest. */
#include <string.h>
#include <zvm.h>

#define ADDRESS(pointer) ((uint64_t)(uintptr_t)(pointer))

static const struct UserManifest *manifest;
const struct UserManifest *const *const zvm_manifest_pointer = &manifest;

/* In the second generation the first slot of the trampolines holds the manifest's address behind an
   instruction that is never executed; in the first it is in the last word below the stack. */
void __zvm_find_manifest(void) {
  const volatile unsigned char *slot = (const volatile unsigned char *)0x1000c;
  uint32_t address;
  if (*slot == 0x3d)
    memcpy(&address, (const void *)(slot + 1), sizeof address);
  else
    address = *(const volatile uint32_t *)0xfefffffc;
  manifest = (const struct UserManifest *)address;
}

int32_t zvm_pread(int32_t channel, void *buffer, int32_t size, int64_t offset) {
  uint64_t words[] = {TrapRead, 0, channel, ADDRESS(buffer), size, offset};
  return zvm_trap(words);
}

int32_t zvm_pwrite(int32_t channel, const void *buffer, int32_t size, int64_t offset) {
  uint64_t words[] = {TrapWrite, 0, channel, ADDRESS(buffer), size, offset};
  return zvm_trap(words);
}

int32_t zvm_mprotect(void *buffer, uint32_t size, int32_t protection) {
  return z_mprotect(buffer, size, protection);
}

int32_t zvm_jail(void *buffer, uint32_t size) {
  uint64_t words[] = {TrapJail, 0, ADDRESS(buffer), size};
  return zvm_trap(words);
}

int32_t zvm_unjail(void *buffer, uint32_t size) {
  uint64_t words[] = {TrapUnjail, 0, ADDRESS(buffer), size};
  return zvm_trap(words);
}

int32_t zvm_fork(void) {
  uint64_t words[] = {TrapFork};
  return zvm_trap(words);
}

void zvm_exit(int32_t code) {
  uint64_t words[] = {TrapExit, 0, code};
  zvm_trap(words);
  __builtin_trap();
}

int32_t z_pread(int32_t channel, void *buffer, int32_t size, int64_t offset) {
  uint64_t words[] = {TrapREAD, channel, ADDRESS(buffer), size, offset};
  return zvm_trap(words);
}

int32_t z_pwrite(int32_t channel, const void *buffer, int32_t size, int64_t offset) {
  uint64_t words[] = {TrapWRITE, channel, ADDRESS(buffer), size, offset};
  return zvm_trap(words);
}

int32_t z_mprotect(void *buffer, uint32_t size, int32_t protection) {
  uint64_t words[] = {TrapPROT, ADDRESS(buffer), size, protection};
  return zvm_trap(words);
}

int32_t z_fork(void) {
  uint64_t words[] = {TrapFORK};
  return zvm_trap(words);
}

void z_exit(int64_t code) {
  uint64_t words[] = {TrapEXIT, code};
  zvm_trap(words);
  __builtin_trap();
}

int32_t zvm_find_channel(const char *name) {
  for (int32_t channel = 0; channel < MANIFEST->channels_count; channel++)
    if (strcmp(MANIFEST->channels[channel].name, name) == 0)
      return channel;
  return -1;
}
