/* Words of memory that a program and its VM share, found by the names of their mappings and written by who has no
   business there. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Bytes before the body areas of a ring, and of each body area where nobody says otherwise. */
#define PAGE 4096
#define AREA (2ul << 20)

struct blow {
    const char *memory; /* a part of the name of its mapping */
    uint64_t place;     /* in bytes, a multiple of 4; small ones of a ring are words of its lines */
    uint64_t random;
    int how;
    int wide; /* 8 bytes in place of 4 */
};

enum { WAYS = 11 };

static uint64_t changed(uint64_t old, int how, uint64_t random)
{
    switch (how) {
    case 0: return 0;
    case 1: return 1;
    case 2: return UINT64_MAX;
    case 3: return (uint64_t)(int64_t)INT32_MIN;
    case 4: return INT64_MAX;
    case 5: return old + 1;
    case 6: return old - 1;
    case 7: return old ^ 1;
    case 8: return old + 2;
    case 9: return (uint64_t)INT32_MAX << 1 | 1;
    default: return random;
    }
}

/* Strikes once, at each mapping of that name; a place behind its end is left alone. Says how many were struck. */
static int strike(const struct blow *blow)
{
    char line[512];
    int struck = 0;
    FILE *maps = fopen("/proc/self/maps", "re");

    if (!maps)
        return -1;
    while (fgets(line, sizeof line, maps)) {
        unsigned long from, to;
        volatile uint8_t *at;

        if (!strstr(line, blow->memory) || sscanf(line, "%lx-%lx", &from, &to) != 2)
            continue;
        if (blow->place > to - from || to - from - blow->place < 8)
            continue;
        at = (volatile uint8_t *)(uintptr_t)(from + blow->place);
        if (blow->wide)
            *(volatile uint64_t *)at = changed(*(volatile uint64_t *)at, blow->how, blow->random);
        else
            *(volatile uint32_t *)at = (uint32_t)changed(*(volatile uint32_t *)at, blow->how, blow->random);
        struck++;
    }
    fclose(maps);
    return struck;
}

/* Strikes on, where the mappings are now, as often as it can. */
static volatile int goes_on;

static void *storm(void *given)
{
    struct blow blow = *(struct blow *)given;
    unsigned long from[64];
    int count = 0;
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "re");

    while (maps && count < 64 && fgets(line, sizeof line, maps)) {
        unsigned long to;
        if (strstr(line, blow.memory) && sscanf(line, "%lx-%lx", &from[count], &to) == 2 &&
            blow.place <= to - from[count] && to - from[count] - blow.place >= 8)
            count++;
    }
    if (maps)
        fclose(maps);
    while (goes_on && count) {
        for (int which = 0; which < count; which++) {
            void *at = (void *)(uintptr_t)(from[which] + blow.place);
            if (blow.wide)
                *(volatile uint64_t *)at = changed(*(volatile uint64_t *)at, blow.how, blow.random);
            else
                *(volatile uint32_t *)at = (uint32_t)changed(*(volatile uint32_t *)at, blow.how, blow.random);
        }
        for (volatile unsigned pause = 0; pause < (blow.random & 1023); pause++)
            ;
    }
    return NULL;
}

static int begin_storm(const struct blow *blow)
{
    static struct blow kept;
    pthread_t thread;

    kept = *blow;
    goes_on = 1;
    return pthread_create(&thread, NULL, storm, &kept);
}
