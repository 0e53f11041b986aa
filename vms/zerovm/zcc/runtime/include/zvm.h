/* The interface of ZeroVM for its guests: the five traps, the user manifest and the channels.
   `zvm_…` has the numbers of the first generation, `z_…` those of the second. */
#ifndef ZVM_H
#define ZVM_H

#include <stdint.h>

/* How a channel is accessed. */
enum AccessType {
  SGetSPut, /* sequential read and write */
  RGetSPut, /* random read, sequential write: what is written is appended */
  SGetRPut, /* sequential read, random write */
  RGetRPut  /* random read and write */
};

/* What is limited of a channel: indices of `limits`. */
enum IOLimits {
  GetsLimit,     /* reads */
  GetSizeLimit,  /* bytes read */
  PutsLimit,     /* writes */
  PutSizeLimit,  /* bytes written */
  IOLimitsNumber
};

/* Numbers of the traps, of both generations. */
enum TrapCalls {
  TrapRead = 0x64616552,
  TrapWrite = 0x74697257,
  TrapJail = 0x6c69614a,
  TrapUnjail = 0x6c6a6e55,
  TrapExit = 0x74697845,
  TrapFork = 0x6b726f46,
  TrapREAD = 0x44414552,
  TrapWRITE = 0x54495257,
  TrapPROT = 0x544f5250,
  TrapEXIT = 0x54495845,
  TrapFORK = 0x4b524f46,
  TrapProt = TrapPROT
};

struct ZVMChannel {
  int64_t limits[IOLimitsNumber];
  int64_t size;  /* not defined for sequential channels */
  uint32_t type; /* enum AccessType */
  char *name;
};

struct UserManifest {
  void *heap_ptr;
  uint32_t heap_size;
  uint32_t stack_size;
  int32_t channels_count;
  struct ZVMChannel *channels;
};

extern const struct UserManifest *const *const zvm_manifest_pointer;
#define MANIFEST (*zvm_manifest_pointer)

/* Calls a trap with its array of 64-bit words. */
int32_t zvm_trap(const uint64_t *words);

/* Reads from or writes to a channel. The number of bytes, 0 at the end of the channel, or below 0 an
   error number. A sequential channel ignores `offset`. */
int32_t zvm_pread(int32_t channel, void *buffer, int32_t size, int64_t offset);
int32_t zvm_pwrite(int32_t channel, const void *buffer, int32_t size, int64_t offset);

/* Protects pages of 64 KiB of the heap: PROT_READ and others. What is to be executed is validated,
   and cannot be written any more. */
int32_t zvm_mprotect(void *buffer, uint32_t size, int32_t protection);
int32_t zvm_jail(void *buffer, uint32_t size);
int32_t zvm_unjail(void *buffer, uint32_t size);

/* Makes the session a daemon, where the manifest has a Job: each session of it goes on here. */
int32_t zvm_fork(void);

/* Ends the session. */
_Noreturn void zvm_exit(int32_t code);

int32_t z_pread(int32_t channel, void *buffer, int32_t size, int64_t offset);
int32_t z_pwrite(int32_t channel, const void *buffer, int32_t size, int64_t offset);
int32_t z_mprotect(void *buffer, uint32_t size, int32_t protection);
int32_t z_fork(void);
_Noreturn void z_exit(int64_t code);

#ifndef PROT_READ
#define PROT_NONE 0
#define PROT_READ 1
#define PROT_WRITE 2
#define PROT_EXEC 4
#endif

/* The number of a channel by its name; below 0 if there is none. */
int32_t zvm_find_channel(const char *name);

#endif
