/* A library that writes to standard error. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Writes so many bytes of a text; 0 when all were written. */
int say(const char *text, int length)
{
    return write(2, text, (size_t)length) == length ? 0 : errno;
}

/* Writes so many mebibytes of lines, and says how many bytes that were. */
long flood(int mebibytes)
{
    static char block[65536];
    memset(block, 'x', sizeof block);
    for (size_t end = 63; end < sizeof block; end += 64)
        block[end] = '\n';
    long written = 0;
    for (int number = 0; number < mebibytes * 16; number++) {
        ssize_t count = write(2, block, sizeof block);
        if (count < 0)
            return -errno;
        written += count;
    }
    return written;
}
