/* usage: bare_loader NEXE [second]
   Runs a nexe that uses gs as its base, with the traps for reading, writing and the end, and nothing
   that would confine it: for tests of what zcc makes, where nobody hostile wrote it. With "second" it is
   entered as the second generation does. */
#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RESERVED 0x440000000000ull
#define BASE (RESERVED + (40ull << 30))
enum { PAGE = 0x10000, TRAMPOLINES = 0x10000, STACK_SIZE = 16 << 20, ARCH_SET_GS = 0x1001 };
enum { MANIFEST = 0xfeff1000, CHANNELS = 0xfeff2000, NAME = 0xfeff3000 };

static int is_second;

static void *at(uint64_t address) { return (void *)(BASE + (uint32_t)address); }

int64_t on_trap(const uint64_t *words) {
  switch (words[0]) {
  case 0x74697845: _exit((int)words[2]);
  case 0x74697257: return write((int)words[2], at(words[3]), (int)words[4]);
  case 0x64616552: return read((int)words[2], at(words[3]), (int)words[4]);
  }
  return -1;
}

/* Both return addresses are the guest's: that of the trampoline is dropped, the other masked. */
uint64_t host_stack;
extern const char trap_entry[];
__asm__("trap_entry:\n"
        "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        "mov %rsp, %rbx; mov host_stack(%rip), %rsp\n"
        "mov %edi, %edi; add %r15, %rdi; cld; call on_trap\n"
        "mov %rbx, %rsp\n"
        "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
        "add $8, %rsp; pop %r11; and $-32, %r11d; add %r15, %r11; jmp *%r11\n");

static void protect(uint64_t address, uint64_t size, int protection) {
  uint64_t whole = (size + PAGE - 1) / PAGE * PAGE;
  if (mprotect(at(address), whole, protection))
    _exit(98);
}

static uint64_t load(const char *image) {
  const Elf64_Ehdr *header = (const void *)image;
  const Elf64_Phdr *segments = (const void *)(image + header->e_phoff);
  uint64_t end = 0;
  for (int each = 0; each < header->e_phnum; each++) {
    const Elf64_Phdr *segment = &segments[each];
    if (segment->p_type != PT_LOAD)
      continue;
    memcpy(at(segment->p_vaddr), image + segment->p_offset, segment->p_filesz);
    if (segment->p_flags & PF_X)
      protect(segment->p_vaddr, segment->p_memsz, PROT_READ | PROT_EXEC);
    if (segment->p_vaddr + segment->p_memsz > end)
      end = segment->p_vaddr + segment->p_memsz;
  }
  return end;
}

/* The first slot; a guest uses no other. */
static void make_trampoline(void) {
  unsigned char *slot = at(TRAMPOLINES);
  uint64_t entry = (uint64_t)trap_entry;
  memcpy(slot, "\x48\xb8", 2);
  memcpy(slot + 2, &entry, 8);
  memcpy(slot + 10, "\xff\xd0\xf4", 3);
  if (is_second) {
    uint32_t manifest = MANIFEST;
    slot[12] = 0x3d;
    memcpy(slot + 13, &manifest, 4);
  }
  protect(TRAMPOLINES, PAGE, PROT_READ | PROT_EXEC);
}

static void make_manifest(uint64_t heap) {
  struct { uint32_t heap, heap_size, stack_size, count, channels; } *manifest = at(MANIFEST);
  struct { int64_t limits[4], size; uint32_t type, name; } *channels = at(CHANNELS);
  manifest->heap = heap;
  manifest->heap_size = 1 << 30;
  manifest->stack_size = STACK_SIZE;
  manifest->count = 3;
  manifest->channels = CHANNELS;
  for (int each = 0; each < 3; each++) {
    for (int limit = 0; limit < 4; limit++)
      channels[each].limits[limit] = 1ll << 40;
    channels[each].name = NAME;
  }
  if (!is_second)
    *(uint32_t *)at(0xfefffffc) = MANIFEST;
}

int main(int argc, char **argv) {
  static char image[1 << 24];
  FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
  if (!file || !fread(image, 1, sizeof image, file))
    return 99;
  is_second = argc > 2;
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
  if (mmap((void *)RESERVED, 84ull << 30, PROT_NONE, flags, -1, 0) == MAP_FAILED)
    return 97;
  protect(TRAMPOLINES, (1ull << 32) - TRAMPOLINES, PROT_READ | PROT_WRITE);
  make_manifest(load(image));
  make_trampoline();
  syscall(SYS_arch_prctl, ARCH_SET_GS, BASE);
  register uint64_t base __asm__("r15") = BASE;
  uint64_t stack = BASE + (is_second ? 0x100000000 : 0xffffffc8), entry = BASE + ((const Elf64_Ehdr *)image)->e_entry;
  __asm__ volatile("lea -65536(%%rsp), %%rax; and $-16, %%rax; mov %%rax, host_stack(%%rip)\n"
                   "mov %0, %%rsp; xor %%ebp, %%ebp; jmp *%1"
                   :
                   : "r"(stack), "r"(entry), "r"(base)
                   : "rax", "memory");
}
