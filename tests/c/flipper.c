/* A library that changes words of the memory by which its VM and the program talk: at once, before and after each call
   back, or on and on from a thread of its own. */
#include "flips.h"
#include <stddef.h>

static struct blow blow;
static int strikes_inside;

/* What to strike, and when: 0 in the functions below, 1 from a thread, 2 not. */
int arms(const char *memory, uint64_t place, int how, int wide, uint64_t random, int when)
{
    static char name[64];

    strncpy(name, memory, sizeof name - 1);
    blow = (struct blow) {name, place, random, how, wide};
    strikes_inside = when == 0;
    return when == 1 ? begin_storm(&blow) : 0;
}

static void may_strike(void)
{
    if (strikes_inside)
        strike(&blow);
}

/* Numbers alone. */
double half(double number)
{
    may_strike();
    return number / 2;
}

/* Bytes in, few or many. */
uint64_t sums(const unsigned char *bytes, size_t size)
{
    uint64_t sum = 0;

    may_strike();
    for (size_t at = 0; at < size; at++)
        sum += bytes[at];
    return sum;
}

/* Bytes out, as many as it says. */
size_t fills(unsigned char *bytes, size_t size)
{
    memset(bytes, 'f', size / 2);
    may_strike();
    return size / 2;
}

/* A few bytes there and back. */
int turns(unsigned char *bytes, size_t size)
{
    for (size_t at = 0; at < size; at++)
        bytes[at] = (unsigned char)~bytes[at];
    may_strike();
    return (int)size;
}

/* Calls back with a number. */
int each(int (*function)(int number), int count)
{
    int sum = 0;

    for (int number = 0; number < count; number++) {
        sum += function(number);
        may_strike();
    }
    return sum;
}

/* Calls back with bytes. */
int tells(int (*function)(const char *text, size_t length), int count)
{
    static const char text[] = "a text that is longer than what fits into a line of the memory that is shared";
    int sum = 0;

    for (int number = 0; number < count; number++) {
        may_strike();
        sum += function(text, sizeof text - 1);
    }
    return sum;
}
