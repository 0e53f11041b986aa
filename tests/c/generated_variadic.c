/* Formats and lists through the functions of libc that `cosmos gen c` made: they walk a va_list. Each
   line is told twice, by the VM and by this process. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <wchar.h>
#include "libc_cosmos.h"

static int differences;

#define SAME(...)                                                                         \
    do {                                                                                  \
        char here[200] = "", there[200] = "";                                             \
        int wanted = snprintf(here, sizeof here, __VA_ARGS__);                            \
        int got = libc_snprintf(there, sizeof there, __VA_ARGS__);                        \
        if (wanted != got || strcmp(here, there) != 0) {                                  \
            printf("line %d: %d \"%s\", not %d \"%s\"\n", __LINE__, got, there, wanted, here); \
            differences++;                                                                \
        }                                                                                 \
    } while (0)

static void formats(void)
{
    char unterminated[3] = { 'a', 'b', 'c' };

    SAME("nothing");
    SAME("%%");
    SAME("%d %i %u %x %X %o %c", -1, 2, 3u, 255u, 255u, 8u, 'x');
    SAME("%hhd %hd %ld %lld", (signed char)-1, (short)-2, -3L, -4LL);
    SAME("%hhu %hu %lu %llu", (unsigned char)255, (unsigned short)65535, ~0UL, ~0ULL);
    SAME("%jd %zu %td", (intmax_t)-5, (size_t)6, (ptrdiff_t)-7);
    SAME("%f %e %g %a %.3f", 1.5, 2.5e10, 1e-7, 0.1, 3.14159);
    SAME("%Lf %.3Le %Lg", 1.5L, 2.5e1000L, 1e-7L);
    SAME("%s|%10s|%-10s|%.2s|%.*s", "text", "right", "left", "cut", 3, unterminated);
    SAME("%ls %lc", L"wide", (wint_t)L'w');
    SAME("%p %p", (void *)0x1234, NULL);
    SAME("%*d|%-*d|%+d|% d|%#x|%05d", 6, 1, 6, 2, 3, 4, 5u, 6);
    SAME("%2$s %1$d %2$.1s", 7, "twice");
    SAME("%d %f %d %f %d %f %d %f %d %f %d %f %d %f %d %f %d %f %d %Lf",
         1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7, 7.5, 8, 8.5, 9, 9.5, 10, 10.5L);
}

/* What it writes to where an argument leads, and what it gives away. */
static void outputs(void)
{
    char text[20];
    int at = -1;
    char *made = NULL;

    libc_snprintf(text, sizeof text, "%d%n rest", 1234, &at);
    printf("%s, %d\n", text, at);
    printf("%d", libc_asprintf(&made, "%s-%d", "made", 5));
    printf(" %s\n", made);
    free(made);
}

static void failures(void)
{
    char text[20] = "untouched";

    errno = 0;
    printf("%d", libc_snprintf(text, sizeof text, "%"));
    printf(" %s %s\n", errno == EINVAL ? "EINVAL" : strerror(errno), text);
    errno = 0;
    printf("%d", libc_snprintf(text, sizeof text, NULL));
    printf(" %s %s\n", errno == EINVAL ? "EINVAL" : strerror(errno), text);
    /* The VM becomes another program: it is gone as if it had died. */
    errno = 0;
    printf("%d", libc_execl("/bin/true", "true", "one", "two", (char *)NULL));
    printf(" %s\n", errno == EOWNERDEAD ? "EOWNERDEAD" : strerror(errno));
    errno = 0;
    printf("%d", libc_snprintf(text, sizeof text, "%d", 1));
    printf(" %s %s\n", errno == EOWNERDEAD ? "EOWNERDEAD" : strerror(errno), text);
}

int main(void)
{
    formats();
    printf("%d differences\n", differences);
    outputs();
    failures();
    return 0;
}
