/* Calls zlib in a VM by the functions that `cosmos gen c` made, one of two source files. */
#include "libz_cosmos.h"
#include <stdio.h>

unsigned long other_crc(void);
cosmos_dl *other_library(void);

int main(void)
{
    printf("%lu\n", (unsigned long)libz_crc32(0, (const Bytef *)"hello", 5));
    printf("%lu\n", other_crc());
    puts(other_library() == libz_cosmos_dl ? "one library" : "two libraries");
    return cosmos_dlclose(libz_cosmos_dl);
}
