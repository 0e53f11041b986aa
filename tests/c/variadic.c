/* Prints through a VM and directly, and compares. */

#include <cosmos_vm.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

typedef int (*print_function)(char *, size_t, const char *, ...);

static int calls;

static void compare(const char *format, int direct, int remote, const char *left, const char *right) {
    if (direct != remote || strcmp(left, right) != 0) {
        printf("%s: %d \"%s\" directly, %d \"%s\" through the VM (%s)\n", format, direct, left, remote,
               right, remote == -1 ? cosmos_dlerror() : "no error");
        exit(1);
    }
    calls++;
}

#define TRY(...)                                                                                     \
    do {                                                                                             \
        char left[300] = "", right[300] = "";                                                        \
        int direct = snprintf(left, sizeof left, __VA_ARGS__);                                       \
        int remote = print(right, sizeof right, __VA_ARGS__);                                        \
        compare(#__VA_ARGS__, direct, remote, left, right);                                          \
    } while (0)

int main(void) {
    cosmos_dl *dl = cosmos_dlopen("libc.so.6", NULL);
    print_function print = dl ? (print_function)cosmos_dlfunc(
                                    dl, "int snprintf(char *__out __sized_by(n) __null_terminated s, size_t n, "
                                        "const char *format, ...) __printf(3, 4)")
                              : NULL;
    if (!print) {
        printf("%s\n", cosmos_dlerror());
        return 1;
    }
    long double third = 1.0L / 3;
    TRY("%s", "text");
    TRY("%Lf", third);
    TRY("%La %LE %Lg", third, -third, 1e4000L);
    TRY("%d %Lf %d %Lf", 1, third, 2, -third);
    TRY("%d %d %d %d %Lf %d", 1, 2, 3, 4, third, 5);
    TRY("%d %d %d %d %d %Lf", 1, 2, 3, 4, 5, third);
    TRY("%f %f %f %f %f %f %f %f %f %Lf %f", 1., 2., 3., 4., 5., 6., 7., 8., 9., third, 10.);
    TRY("%*.*Lf", 30, 10, third);
    TRY("%hhd %hhu %hhx", CHAR_MIN, UCHAR_MAX, 0x80);
    TRY("%hd %hu", SHRT_MIN, USHRT_MAX);
    TRY("%d %u", INT_MIN, UINT_MAX);
    TRY("%ld %lu", LONG_MIN, ULONG_MAX);
    TRY("%lld %llu", LLONG_MIN, ULLONG_MAX);
    TRY("%jd %ju", INTMAX_MIN, UINTMAX_MAX);
    TRY("%zd %zu %td", (ssize_t)-1, SIZE_MAX, (ptrdiff_t)-3);
    TRY("%#o %#x %#X %+d % d %05d %-5d|", 8, 9, 10, 11, 12, 13, 14);
    TRY("%'d", 1234567);
    TRY("%c%lc", 'c', (wint_t)L'l');
    TRY("%ls|%.3ls|%20ls", L"wide", L"wider", L"widest");
    TRY("%p", (void *)&calls);
    TRY("%3$s %2$s %1$s", "c", "b", "a");
    TRY("%.*s", 3, "abcdef");
    TRY("%%%s%%", "percent");
    TRY("%f %e %g %a", 0.1f, 0.1f, 0.1f, 0.1f);
    errno = ENOENT;
    {
        char left[100], right[100];
        int direct, remote;
        direct = snprintf(left, sizeof left, "%m");
        errno = ENOENT;
        remote = print(right, sizeof right, "%m");
        compare("%m", direct, remote, left, right);
    }
    printf("%d calls agree\n", calls);
    return cosmos_dlclose(dl);
}
