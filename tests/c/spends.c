/* Uses up what is limited, as much of it as is asked for. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* 0, or -1 where there is no memory. It is never given back. */
int spend_memory(int bytes)
{
    char *memory = malloc(bytes);
    if (!memory)
        return -1;
    memset(memory, 1, bytes);
    __asm__ volatile("" : : "r"(memory) : "memory");
    return 0;
}

/* How many more descriptors are open now. */
int spend_descriptors(int count)
{
    int opened = 0;
    while (opened < count && open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0)
        opened++;
    return opened;
}

int spend_output(int bytes)
{
    static char line[64];
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    while (bytes > 0) {
        size_t part = bytes < (int)sizeof line ? (size_t)bytes : sizeof line;
        ssize_t written = write(STDERR_FILENO, line, part);
        if (written <= 0)
            return -1;
        bytes -= (int)written;
    }
    return 0;
}

/* Until the process has used so much processor time in all. */
int spend_seconds(int seconds)
{
    struct timespec used;
    do {
        if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used))
            return -1;
    } while (used.tv_sec < seconds);
    return 0;
}
