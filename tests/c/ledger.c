/* Notes each call in a file that its callers and their judge map too: how often each number was run.
 *
 *   offset         what
 *   0              a page that is not for here
 *   4096 + 16 n    of the number n: how often it was run; the rest is the callers'
 */
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct entry {
    _Atomic uint32_t ran;
    uint32_t of_the_caller[3];
};

static _Atomic(unsigned char *) ledger;
static _Atomic long entries;

int keep(int fd)
{
    struct stat about;
    if (fstat(fd, &about) != 0) return -1;
    void *mapped = mmap(NULL, (size_t)about.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) return -1;
    entries = (about.st_size - 4096) / (long)sizeof(struct entry);
    unsigned char *none = NULL;
    if (!atomic_compare_exchange_strong(&ledger, &none, mapped)) munmap(mapped, (size_t)about.st_size);
    return 0;
}

static int note(long number)
{
    unsigned char *start = ledger;
    if (start == NULL || number < 0 || number >= entries) return -1;
    struct entry *of_number = (struct entry *)(start + 4096) + number;
    atomic_fetch_add(&of_number->ran, 1);
    return 0;
}

long enter(long number) { return note(number) == 0 ? 7 * number + 3 : -1; }

/* Is run, and the last that is. */
long enter_and_end(long number)
{
    note(number);
    _exit(5);
}

long enter_between(long number, long (*back)(long number))
{
    return note(number) == 0 ? back(number) + 1 : -1;
}

/* Turns each byte around; fails where one is not what the number says. */
long enter_bytes(long number, unsigned char *bytes, size_t size)
{
    for (size_t at = 0; at < size; ++at) {
        if (bytes[at] != (unsigned char)(number + (long)at)) return -2;
        bytes[at] = (unsigned char)~bytes[at];
    }
    return note(number) == 0 ? (long)size : -1;
}
