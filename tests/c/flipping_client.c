/* flipping_client NAME LIBRARY MEMORY PLACE HOW WIDE RANDOM ALWAYS: calls flipper.c in the shared VM of that name, and
   changes words of the memory by which it does. What comes of the calls is its own affair. */
#include "flips.h"
#include <cosmos_vm.h>
#include <stdlib.h>

static struct blow blow;
static int always;

static void may_strike(void)
{
    if (!always)
        strike(&blow);
}

static int twice(int number)
{
    may_strike();
    return 2 * number;
}

static int length(const char *text, size_t size)
{
    (void)text;
    may_strike();
    return (int)size;
}

int main(int count, char **arguments)
{
    cosmos_options *options = cosmos_options_new();
    unsigned char bytes[70000] = {0};
    double (*half)(double);
    unsigned long (*sums)(const unsigned char *, size_t);
    int (*turns)(unsigned char *, size_t), (*each)(int (*)(int), int), (*tells)(int (*)(const char *, size_t), int);
    cosmos_dl *library;

    if (count != 9)
        return 2;
    blow = (struct blow) {arguments[3], strtoul(arguments[4], NULL, 0), strtoul(arguments[7], NULL, 0),
                          atoi(arguments[5]), atoi(arguments[6])};
    always = atoi(arguments[8]);
    cosmos_options_set_shared(options, arguments[1]);
    cosmos_options_set_isolation(options, "none");
    cosmos_thread_timeout(500);
    library = cosmos_dlopen(arguments[2], options);
    half = (double (*)(double))cosmos_dlfunc(library, "double half(double number)");
    sums = (unsigned long (*)(const unsigned char *, size_t))cosmos_dlfunc(
        library, "uint64_t sums(const unsigned char *__sized_by(size) bytes, size_t size)");
    turns = (int (*)(unsigned char *, size_t))cosmos_dlfunc(
        library, "int turns(unsigned char *__inout __sized_by(size) bytes, size_t size)");
    each = (int (*)(int (*)(int), int))cosmos_dlfunc(library, "int each(int (*function)(int number), int count)");
    tells = (int (*)(int (*)(const char *, size_t), int))cosmos_dlfunc(
        library, "int tells(int (*function)(const char *__sized_by(length) text, size_t length), int count)");
    if (!half || !sums || !turns || !each || !tells) {
        fprintf(stderr, "%s\n", cosmos_dlerror());
        return 3;
    }
    half(1);
    if (always)
        begin_storm(&blow);
    for (int round = 0; round < 5; round++) {
        static const size_t sizes[] = {3, 20, 600, sizeof bytes};
        for (size_t which = 0; which < sizeof sizes / sizeof *sizes; which++) {
            may_strike();
            sums(bytes, sizes[which]);
            may_strike();
            turns(bytes, sizes[which]);
        }
        for (int number = 0; number < 10; number++) {
            may_strike();
            half(number);
        }
        each(twice, 4);
        tells(length, 2);
    }
    goes_on = 0;
    puts("done");
    return cosmos_dlclose(library) != 0;
}
