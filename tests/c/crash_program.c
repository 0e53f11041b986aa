/* The functions of crash.c as a program: its first word names one, the others are its arguments. */
#include "crash.c"
#include <dlfcn.h>

int main(int count, char **words)
{
    if (count < 2) return 2;
    int (*function)(int, int) = (int (*)(int, int))dlsym(RTLD_DEFAULT, words[1]);
    if (!function) return 3;
    return function(count > 2 ? atoi(words[2]) : 0, count > 3 ? atoi(words[3]) : 0);
}
