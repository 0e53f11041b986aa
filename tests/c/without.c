/* Calls functions of a library that is not there. */
#include "libnone_cosmos.h"
#include <errno.h>
#include <stdio.h>

int main(void)
{
    double half;
    int number;

    errno = 0;
    number = libnone_answer(1);
    if (errno != ENOENT)
        return 1;
    half = libnone_half(1.0);
    libnone_nothing();
    printf("%d %d %d %u %ld\n", number, half != half, libnone_name() == NULL, libnone_count(),
        (long)libnone_when().tv_sec);
    puts(cosmos_dlerror() != NULL ? "ENOENT" : "no error");
    return 0;
}
