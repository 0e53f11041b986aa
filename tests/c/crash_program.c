/* The functions of crash.c as a program: its first word names one, the others are its arguments. */
#include "crash.c"
#include <dlfcn.h>

int main(int count, char **words)
{
    if (count < 2) return 2;
    /* Called as a function, it finds hyphens in the word. */
    for (char *at = words[1]; *at; at++)
        if (*at == '-') *at = '_';
    int (*function)(int, int) = (int (*)(int, int))dlsym(RTLD_DEFAULT, words[1]);
    if (!function) return 3;
    return function(count > 2 ? atoi(words[2]) : 0, count > 3 ? atoi(words[3]) : 0);
}
