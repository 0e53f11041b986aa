/* The C half of the comparison of faces: prints what each call gave, one line a call. */
#include <cosmos_vm.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    cosmos_dl *math = cosmos_dlopen("libm.so.6", NULL);
    cosmos_dl *zlib = cosmos_dlopen("libz.so.1", NULL);
    cosmos_dl *libc = cosmos_dlopen("libc.so.6", NULL);
    double (*cosine)(double);
    double (*logarithm)(double);
    unsigned long (*crc32)(unsigned long, const unsigned char *, unsigned);
    char *(*duplicate)(const char *);
    int (*change)(const char *);
    char *copy;

    if (!math || !zlib || !libc) {
        fprintf(stderr, "%s\n", cosmos_dlerror());
        return 1;
    }
    cosine = (double (*)(double))cosmos_dlfunc(math, "double cos(double x)");
    logarithm = (double (*)(double))cosmos_dlfunc(math, "double log(double x)");
    crc32 = (unsigned long (*)(unsigned long, const unsigned char *, unsigned))cosmos_dlfunc(
        zlib, "uLong crc32(uLong crc, const Bytef *__sized_by(len) buf, uInt len)");
    duplicate = (char *(*)(const char *))cosmos_dlfunc(libc, "char *__owned(free) strdup(const char *s)");
    change = (int (*)(const char *))cosmos_dlfunc(libc, "int chdir(const char *path)");
    if (!cosine || !logarithm || !crc32 || !duplicate || !change) {
        fprintf(stderr, "%s\n", cosmos_dlerror());
        return 1;
    }

    printf("cos %.17g\n", cosine(0.5));
    printf("crc32 %lu\n", crc32(0, (const unsigned char *)"hello", 5));
    copy = duplicate("hello");
    printf("strdup %s\n", copy);
    free(copy);
    errno = 0;
    printf("chdir %d", change("/no/such/directory"));
    printf(" errno %d\n", errno);
    errno = 0;
    (void)logarithm(0.0);
    printf("log errno %d\n", errno);

    cosmos_dlclose(libc);
    cosmos_dlclose(zlib);
    cosmos_dlclose(math);
    return 0;
}
