/* Calls functions by their names alone: usage: by_name DIRECTORY-OF-PACKS */
#include <cosmos_vm.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    cosmos_dl *zlib = cosmos_dlopen("libz.so.1", NULL);
    cosmos_options *options = cosmos_options_new();
    cosmos_dl *libc;
    unsigned long (*crc32)(unsigned long, const unsigned char *, unsigned);
    int (*to_upper)(int);

    if (argc != 2 || zlib == NULL || cosmos_options_add_packs(options, argv[1]) != 0)
        return 2;
    crc32 = (unsigned long (*)(unsigned long, const unsigned char *, unsigned))
        cosmos_dlfunc(zlib, "crc32");
    libc = cosmos_dlopen("libc.so.6", options);
    cosmos_options_free(options);
    to_upper = (int (*)(int))cosmos_dlfunc(libc, "toupper");
    if (crc32 == NULL || to_upper == NULL) {
        fprintf(stderr, "%s\n", cosmos_dlerror());
        return 1;
    }
    printf("%lu\n", crc32(0, (const unsigned char *)"hello", 5));
    printf("%c\n", to_upper('a'));
    if (cosmos_dlfunc(zlib, "crc23") == NULL && strstr(cosmos_dlerror(), "E0165") != NULL)
        puts("E0165");
    cosmos_dlclose(libc);
    cosmos_dlclose(zlib);
    return 0;
}
