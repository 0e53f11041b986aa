/* Starts what gcc makes for x32 as a process of 64 bits, without any sandbox: a kernel need not run
   programs of x32 for that. Memory is below 4 GiB, and the runtime finds what zerovm would give it. */
#include <zvm.h>

enum { READ = 0, WRITE = 1, MMAP = 9, EXIT_GROUP = 231 };
enum { READ_WRITE = 3, ANONYMOUS_FIXED = 0x32 };
enum { PAGE = 0x10000, TRAMPOLINES = 0x10000, HEAP_START = 1 << 30, HEAP = 1 << 30, STACK = 16 << 20 };

_Noreturn void __zvm_start(void);

static long long call(long long number, long long a, long long b, long long c, long long d) {
  register long long flags __asm__("r10") = d, file __asm__("r8") = -1, offset __asm__("r9") = 0;
  __asm__ volatile("syscall"
                   : "+a"(number)
                   : "D"(a), "S"(b), "d"(c), "r"(flags), "r"(file), "r"(offset)
                   : "rcx", "r11", "memory");
  return number;
}

int32_t zvm_trap(const uint64_t *words) {
  switch (words[0]) {
  case TrapRead: return call(READ, words[2], words[3], words[4], 0);
  case TrapWrite: return call(WRITE, words[2], words[3], words[4], 0);
  case TrapExit: call(EXIT_GROUP, words[2], 0, 0, 0);
  }
  return -1;
}

static struct ZVMChannel channels[3] = {
    {.name = "/dev/stdin"}, {.name = "/dev/stdout"}, {.name = "/dev/stderr"}};
static struct UserManifest manifest = {
    .heap_size = HEAP, .stack_size = STACK, .channels_count = 3, .channels = channels};

__attribute__((used)) static void begin(void) {
  unsigned char *slot = (unsigned char *)TRAMPOLINES;
  call(MMAP, TRAMPOLINES, PAGE, READ_WRITE, ANONYMOUS_FIXED);
  manifest.heap_ptr = (void *)call(MMAP, HEAP_START, HEAP, READ_WRITE, ANONYMOUS_FIXED);
  slot[0xc] = 0x3d;
  *(uint32_t *)(slot + 0xd) = (uint32_t)&manifest;
  __zvm_start();
}

__attribute__((used, aligned(16))) static char stack[STACK];
__asm__(".globl _start\n_start:\n\tmovl $stack+16777216, %esp\n\tcall begin\n\thlt\n");
