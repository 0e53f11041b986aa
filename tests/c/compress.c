/* Compresses a file with the zlib of another process and reads it back.
 *
 * Compiled with nothing but cosmos_vm.h and `pkg-config --cflags --libs libcosmos`. */
#include <cosmos_vm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned long (*bound_function)(unsigned long);
typedef int (*compress2_function)(unsigned char *, unsigned long *, const unsigned char *,
                                  unsigned long, int);
typedef int (*uncompress_function)(unsigned char *, unsigned long *, const unsigned char *,
                                   unsigned long);

static int fail(const char *what)
{
    const char *why = cosmos_dlerror();
    fprintf(stderr, "%s: %s\n", what, why ? why : "no reason given");
    return 1;
}

static unsigned char *contents(const char *path, unsigned long *size)
{
    FILE *file = fopen(path, "rb");
    unsigned char *bytes;
    long end;
    if (!file) return NULL;
    fseek(file, 0, SEEK_END);
    end = ftell(file);
    rewind(file);
    bytes = malloc((size_t)end + 1);
    *size = fread(bytes, 1, (size_t)end, file);
    fclose(file);
    return bytes;
}

int main(int argc, char **argv)
{
    cosmos_dl *zlib;
    bound_function bound;
    compress2_function compress2;
    uncompress_function uncompress;
    unsigned char *input, *packed, *output;
    unsigned long size = 0, packed_size, output_size;
    int status;

    if (argc != 2) return 2;
    input = contents(argv[1], &size);
    if (!input) return 2;

    zlib = cosmos_dlopen("libz.so.1", NULL);
    if (!zlib) return fail("cosmos_dlopen");
    bound = (bound_function)cosmos_dlfunc(zlib, "uLong compressBound(uLong sourceLen)");
    compress2 = (compress2_function)cosmos_dlfunc(
        zlib, "int compress2(Bytef *__out __sized_by(*destLen) dest, uLongf *__inout destLen,"
              " const Bytef *__sized_by(sourceLen) source, uLong sourceLen, int level)");
    uncompress = (uncompress_function)cosmos_dlfunc(
        zlib, "int uncompress(Bytef *__out __sized_by(*destLen) dest, uLongf *__inout destLen,"
              " const Bytef *__sized_by(sourceLen) source, uLong sourceLen)");
    if (!bound || !compress2 || !uncompress) return fail("cosmos_dlfunc");

    packed_size = bound(size);
    packed = malloc(packed_size);
    status = compress2(packed, &packed_size, input, size, 9);
    if (status != 0) return fail("compress2");

    output_size = size;
    output = malloc(size + 1);
    status = uncompress(output, &output_size, packed, packed_size);
    if (status != 0) return fail("uncompress");

    if (output_size != size || memcmp(input, output, size) != 0) {
        fprintf(stderr, "the bytes differ\n");
        return 1;
    }
    printf("%lu bytes, %lu compressed, the same again\n", size, packed_size);

    free(input);
    free(packed);
    free(output);
    if (cosmos_dlclose(zlib) != 0) return fail("cosmos_dlclose");
    return 0;
}
