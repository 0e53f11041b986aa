/* A library of which one function is picked, when it is looked up, by code that ends the process, or waits for ever,
   once there is a file. */
#include <stdlib.h>
#include <unistd.h>

static int seven(void) { return 7; }

__attribute__((visibility("default"))) int plain(void) { return 5; }

static int (*pick(void))(void)
{
    if (access(ABORTS, F_OK) == 0)
        abort();
    while (access(WAITS, F_OK) == 0)
        usleep(1000);
    return seven;
}

int picked(void) __attribute__((ifunc("pick")));
