/* Functions of every type of result that end their process, each in its own way. */

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

struct pair {
    long first;
    double second;
};

#define DIES(type, name)                                                                             \
    type name(void) { abort(); }

DIES(int, die_int)
DIES(unsigned char, die_byte)
DIES(unsigned long, die_unsigned)
DIES(long long, die_long)
DIES(_Bool, die_bool)
DIES(float, die_float)
DIES(double, die_double)
DIES(void *, die_pointer)
DIES(struct pair, die_pair)

/* Writes its output before it dies. */
int die_writing(int *output) {
    *output = 5;
    abort();
}

/* Dies where the marker is missing, and leaves it; else 42. */
int die_once(const char *marker) {
    int file = open(marker, O_CREAT | O_EXCL | O_WRONLY, 0600);
    if (file >= 0)
        abort();
    return 42;
}

/* The same for a handle, whatever it is. */
int die_with(const void *handle, const char *marker) { return handle ? -1 : die_once(marker); }

/* Leaves one more byte in the file each time, and dies. */
int die_counting(const char *file) {
    int counter = open(file, O_CREAT | O_APPEND | O_WRONLY, 0600);
    if (write(counter, "x", 1) == 1)
        abort();
    return -1;
}

int hang(void) {
    for (;;)
        pause();
}

int add(int left, int right) { return left + right; }
