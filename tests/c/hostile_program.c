/* The functions of hostile.c as a program: its first word names one, the second is its argument. It prints
 * the errno that was met, 0 where it had its way. */
#include "hostile.c"
#include <ctype.h>
#include <dlfcn.h>

int main(int count, char **words)
{
    if (count < 2) return 2;
    int (*function)() = (int (*)())dlsym(RTLD_DEFAULT, words[1]);
    if (!function) return 3;
    const char *word = count > 2 ? words[2] : "";
    const char *digits = *word == '-' ? word + 1 : word;
    int is_number = isdigit((unsigned char)*digits) && !digits[strspn(digits, "0123456789")];
    int found = is_number ? ((int (*)(int))function)(atoi(word)) : ((int (*)(const char *))function)(word);
    printf("%d\n", found);
    return 0;
}
