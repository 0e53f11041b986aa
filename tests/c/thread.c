/* Functions of every way that a call can go, each of which says on which thread it ran. */

#define _GNU_SOURCE
#include <stddef.h>
#include <string.h>
#include <unistd.h>

int thread(void) { return gettid(); }

int thread_of_bytes(const unsigned char *bytes, size_t size)
{
    return size > 0 && bytes[size - 1] == 'x' ? gettid() : -1;
}

int thread_of_text(const char *text) { return *text != 0 ? gettid() : -1; }

int thread_of_descriptor(int fd) { return fd >= 0 ? gettid() : -1; }

/* Duplicates fd: a descriptor goes each way. */
int another(int fd, int *where)
{
    *where = gettid();
    return dup(fd);
}

/* Calls back once: the thread before and after is the same. */
int thread_around(int (*function)(int number), int number)
{
    int before = gettid();
    int inside = function(number);
    return gettid() == before && inside == before ? before : -1;
}
