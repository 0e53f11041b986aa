/* The other source file: written for zlib itself, but for the header it includes. */
#define COSMOS_REDIRECT
#include "libz_cosmos.h"
#include <zlib.h>

unsigned long other_crc(void);
cosmos_dl *other_library(void);

unsigned long other_crc(void)
{
    return crc32(crc32(0L, Z_NULL, 0), (const Bytef *)"hello", 5);
}

cosmos_dl *other_library(void)
{
    return libz_cosmos_dl;
}
