/* A library that goes on writing to what it was given, from a thread of its own, long after it has returned. */
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct span {
    volatile unsigned char *from;
    size_t size;
};

static unsigned next_random(unsigned *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Bytes of every kind, words of them now and then, and NULs that come and go. */
static void *scribble(void *given)
{
    struct span span = *(struct span *)given;
    unsigned state = 88172645;
    for (;;) {
        size_t at = next_random(&state) % span.size;
        if (next_random(&state) % 4)
            span.from[at] = next_random(&state) % 3 ? 'x' : 0;
        else
            for (size_t step = 0; step < 64 && at + step < span.size; step++)
                span.from[at + step] = (unsigned char)next_random(&state);
        /* The end of it most of all. */
        span.from[span.size - 1] = next_random(&state) % 2 ? 'x' : 0;
    }
    return NULL;
}

/* Pointers that lead nowhere, past the end, into the caller, and to where they should. */
static void *mislead(void *given)
{
    struct span span = *(struct span *)given;
    volatile uint64_t *words = (volatile uint64_t *)span.from;
    const uint64_t base = (uint64_t)(uintptr_t)span.from;
    const uint64_t choices[] = { 0, 1, 0x1000, base, base + span.size, base + span.size - 8, base - 8, base + 16,
                                 0x7fffffffe000, UINT64_MAX, (uint64_t)1 << 62, base + 4096 };
    unsigned state = 2463534242u;
    for (;;)
        words[next_random(&state) % (span.size / 8)] = choices[next_random(&state) % 12];
    return NULL;
}

static int begin(void *(*body)(void *), void *memory, size_t size)
{
    pthread_t thread;
    struct span *span = malloc(sizeof *span);
    if (!span)
        return -1;
    *span = (struct span) { memory, size };
    return pthread_create(&thread, NULL, body, span);
}

/* Goes on writing to all of memory. */
int scribbles(void *memory, size_t size) { return begin(scribble, memory, size); }

/* Goes on writing pointers to all of memory. */
int misleads(void *memory, size_t size) { return begin(mislead, memory, size); }

/* Takes every NUL away, once. */
void unterminate(void *memory, size_t size) { memset(memory, 'x', size); }

/* Says that it filled so much. */
size_t fills(unsigned char *to, size_t size)
{
    memset(to, 'f', size / 2);
    return size / 2;
}

/* A text, somewhere in what the thread writes to. */
void tells(char *to, size_t size)
{
    memset(to, 't', size - 1);
    to[size - 1] = 0;
}

struct node {
    struct node *next;
    long value;
};

/* Looks at nothing. */
int ignores(const struct node *list) { return list != NULL; }
size_t measures(const char *text) { return strlen(text); }
