/* A library that calls its caller back, as libraries do and as they should not. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int (*visitor)(void *cookie, int value);

/* Calls visit with 0 to count - 1 until it returns something else than 0. */
int visit_all(int count, visitor visit, void *cookie)
{
    for (int value = 0; value < count; value++) {
        int result = visit(cookie, value);
        if (result != 0)
            return result;
    }
    return 0;
}

/* Calls visit so often, whatever it returns; gives the sum. */
int64_t visit_sum(int count, visitor visit, void *cookie)
{
    int64_t sum = 0;
    for (int value = 0; value < count; value++)
        sum += visit(cookie, value);
    return sum;
}

struct point { double x, y; };

/* Every kind of thing goes to the callback and comes back. */
double exchange(double (*by_value)(struct point point, float scale, char letter, int64_t wide),
                void (*in_place)(struct point *points, int count),
                void (*fill)(char *text, size_t size))
{
    struct point points[3] = { { 1, 2 }, { 3, 4 }, { 5, 6 } };
    char text[16] = "untouched";
    double first = by_value(points[0], 0.5f, 'x', -1234567890123);
    in_place(points, 3);
    fill(text, sizeof text);
    return first + points[0].x * 100 + points[2].y * 10000 + (strcmp(text, "filled") == 0 ? 0.5 : 0.25);
}

/* What a callback gives away is freed here. */
size_t length_of_given(char *(*give)(int number), int number)
{
    char *given = give(number);
    size_t length = given == NULL ? 0 : strlen(given);
    free(given);
    return length;
}

/* A visitor that is kept beyond its call. */
struct keeper { visitor visit; void *cookie; };

struct keeper *keeper_open(void) { return calloc(1, sizeof(struct keeper)); }

void keeper_set(struct keeper *keeper, visitor visit, void *cookie)
{
    keeper->visit = visit;
    keeper->cookie = cookie;
}

int keeper_call(struct keeper *keeper, int value)
{
    return keeper->visit == NULL ? -1 : keeper->visit(keeper->cookie, value);
}

/* The last call of the kept visitor comes from here. */
int keeper_close(struct keeper *keeper)
{
    int result = keeper_call(keeper, -1);
    free(keeper);
    return result;
}

static visitor kept;

void keep(visitor visit) { kept = visit; }

int call_kept(int value) { return kept == NULL ? -1 : kept(NULL, value); }

/* A table of callbacks. */
struct table { int (*open)(const char *name); int (*close)(int number); int calls; };

int run_table(struct table *table, const char *name)
{
    int number = table->open(name);
    table->calls++;
    if (table->close != NULL) {
        number = table->close(number);
        table->calls++;
    }
    return number;
}

/* The callback may be one of two numbers instead. */
int dispose(void (*destroy)(void *cookie), void *cookie)
{
    if (destroy == NULL)
        return 0;
    if ((intptr_t)destroy == -1)
        return -1;
    destroy(cookie);
    return 1;
}

struct foreign { visitor visit; int result; };

static void *call_there(void *argument)
{
    struct foreign *foreign = argument;
    foreign->result = foreign->visit(NULL, 7);
    return NULL;
}

/* Calls back on a thread of the library's own. */
int visit_elsewhere(visitor visit)
{
    struct foreign foreign = { visit, -1 };
    pthread_t thread;
    if (pthread_create(&thread, NULL, call_there, &foreign) != 0)
        return -2;
    pthread_join(thread, NULL);
    return foreign.result;
}

static visitor _Atomic hammered;
static atomic_int hammers;
static pthread_t hammer;

static void *beat(void *unused)
{
    for (int times = 0; hammers && times < 20000; times++) {
        visitor visit = hammered;
        if (visit != NULL)
            visit(NULL, 1);
        sched_yield();
    }
    return unused;
}

/* From now on a thread of the library's own calls whatever visit_hammered was given last. */
int hammer_begin(void)
{
    hammers = 1;
    return pthread_create(&hammer, NULL, beat, NULL);
}

void hammer_end(void)
{
    hammers = 0;
    pthread_join(hammer, NULL);
}

int64_t visit_hammered(int count, visitor visit)
{
    hammered = visit;
    return visit_sum(count, visit, NULL);
}

int own_pid(void) { return (int)getpid(); }

/* Compares as memcmp does, to measure by. */
void sort_numbers(int *numbers, size_t count, int (*compare)(const int *a, const int *b))
{
    qsort(numbers, count, sizeof *numbers, (int (*)(const void *, const void *))compare);
}

/* Sleeps before each call of visit. */
int64_t nap_between(int count, int milliseconds, visitor visit)
{
    int64_t sum = 0;
    for (int value = 0; value < count; value++) {
        usleep((useconds_t)milliseconds * 1000);
        sum += visit(NULL, value);
    }
    return sum;
}

/* Asks for two names and looks at the second one; at both where they are to last. */
size_t lengths_of_names(const char *(*name)(int number), int both)
{
    const char *first = name(1);
    size_t length = first == NULL ? 0 : strlen(first);
    const char *second = name(2);
    length = length * 100 + (second == NULL ? 0 : strlen(second));
    return both && first != NULL ? length * 100 + strlen(first) : length;
}
