/* Functions of a few numbers, of which many are called at once. */

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

long twice(long number) { return 2 * number; }

double halves(double number, float divisor) { return number / divisor; }

struct pair { long first; double second; };

/* Sixteen bytes each way. */
struct pair turned(struct pair pair)
{
    struct pair turned = { (long)pair.second, (double)pair.first };
    return turned;
}

static long count;

void nothing(void) { ++count; }
long how_often(void) { return count; }
_Bool is_odd(unsigned char number) { return number & 1; }
signed char negated(signed char number) { return (signed char)-number; }

/* Gives what errno was, and leaves this in it. */
int swap_errno(int next)
{
    int before = errno;
    errno = next;
    return before;
}

long die_at(long number, long fatal)
{
    if (number == fatal) abort();
    return number;
}

long naps(long milliseconds)
{
    usleep((useconds_t)milliseconds * 1000);
    return milliseconds;
}

/* A function of the caller's, called by functions that take numbers alone. */
struct holder { long (*back)(long number); };

static struct holder *held;

struct holder *hold(void) { return held = calloc(1, sizeof *held); }
void set_back(struct holder *holder, long (*back)(long number)) { holder->back = back; }
long through_back(long number) { return held->back(number) + 1; }

int let_go(struct holder *holder)
{
    held = NULL;
    free(holder);
    return 0;
}
