/* What the VM does for a call, seen from inside: how often its program allocates, and, from a point on, the end
   of the process at any system call that is none of waiting. */

#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

long negated(long number) { return -number; }

unsigned long sum(const unsigned char *bytes, size_t size)
{
    unsigned long sum = 0;
    for (size_t at = 0; at < size; ++at)
        sum += bytes[at];
    return sum;
}

static pthread_t counted;
static int counts;
static long count;

/* Calls back so many times and once before; how often it was allocated meanwhile, or -1 for a wrong answer. */
long asks(int (*function)(int number), int times)
{
    long before;
    if (function(0) != 1)
        return -1;
    before = count;
    for (int number = 0; number < times; ++number)
        if (function(number) != 1)
            return -1;
    return count - before;
}

static void note(void)
{
    if (counts && pthread_equal(pthread_self(), counted))
        ++count;
}

static void *counting_malloc(size_t size) { note(); return malloc(size); }
static void *counting_calloc(size_t many, size_t size) { note(); return calloc(many, size); }
static void *counting_realloc(void *from, size_t size) { note(); return realloc(from, size); }
static int counting_memalign(void **to, size_t by, size_t size) { note(); return posix_memalign(to, by, size); }

static void *instead_of(const char *name)
{
    if (strcmp(name, "malloc") == 0)
        return (void *)counting_malloc;
    if (strcmp(name, "calloc") == 0)
        return (void *)counting_calloc;
    if (strcmp(name, "realloc") == 0)
        return (void *)counting_realloc;
    return strcmp(name, "posix_memalign") == 0 ? (void *)counting_memalign : NULL;
}

/* Puts a function that counts into each place by which the program finds one of these; how many there were. */
static int put(ElfW(Addr) base, const ElfW(Rela) *from, size_t bytes, const ElfW(Sym) *symbols, const char *names)
{
    int places = 0;
    for (const ElfW(Rela) *entry = from; entry < from + bytes / sizeof *entry; ++entry) {
        unsigned type = ELF64_R_TYPE(entry->r_info);
        if (type != R_X86_64_GLOB_DAT && type != R_X86_64_JUMP_SLOT)
            continue;
        void *other = instead_of(names + symbols[ELF64_R_SYM(entry->r_info)].st_name);
        void **place = (void **)(base + entry->r_offset);
        void *page = (void *)((size_t)place & ~(size_t)4095);
        if (other && mprotect(page, 8192, PROT_READ | PROT_WRITE) == 0) {
            *place = other;
            ++places;
        }
    }
    return places;
}

static int in_program(struct dl_phdr_info *info, size_t size, void *places)
{
    const ElfW(Dyn) *dynamic = NULL;
    const ElfW(Rela) *rela = NULL, *slots = NULL;
    const ElfW(Sym) *symbols = NULL;
    const char *names = NULL;
    size_t bytes = 0, slot_bytes = 0;
    (void)size;
    for (int at = 0; at < info->dlpi_phnum; ++at)
        if (info->dlpi_phdr[at].p_type == PT_DYNAMIC)
            dynamic = (const ElfW(Dyn) *)(info->dlpi_addr + info->dlpi_phdr[at].p_vaddr);
    for (; dynamic && dynamic->d_tag != DT_NULL; ++dynamic) {
        const void *there = (const void *)dynamic->d_un.d_ptr;
        switch (dynamic->d_tag) {
        case DT_RELA: rela = there; break;
        case DT_RELASZ: bytes = dynamic->d_un.d_val; break;
        case DT_JMPREL: slots = there; break;
        case DT_PLTRELSZ: slot_bytes = dynamic->d_un.d_val; break;
        case DT_SYMTAB: symbols = there; break;
        case DT_STRTAB: names = there; break;
        }
    }
    *(int *)places = put(info->dlpi_addr, rela, bytes, symbols, names)
        + put(info->dlpi_addr, slots, slot_bytes, symbols, names);
    return 1; /* the first one is the program */
}

/* Counts what this thread of the program allocates from now on; how many ways to allocate it was found to have. */
int count_allocations(void)
{
    int places = 0;
    counted = pthread_self();
    dl_iterate_phdr(in_program, &places);
    counts = 1;
    return places;
}

long allocations(void) { return count; }

#define ALLOW(call) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* From now on any system call of this thread ends the process, but such as a thread makes that waits, or that
   looks for where to. */
int allow_only_waiting(void)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        ALLOW(SYS_futex), ALLOW(SYS_sched_yield), ALLOW(SYS_poll), ALLOW(SYS_getcpu), ALLOW(SYS_clock_gettime),
        ALLOW(SYS_sched_setaffinity), ALLOW(SYS_sched_getaffinity),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog filter = { sizeof program / sizeof *program, program };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return errno;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0 ? 0 : errno;
}

/* A system call that is none of those. */
int other(void) { return (int)syscall(SYS_getppid) > 0; }
