/* A stream that copies its input to its output, and a library of it that lies about how much is left
   of the buffers, by so much as it is told. */

#include <stdlib.h>
#include <unistd.h>

struct inner {
    long total;
};

struct stream {
    const char *next_in;
    unsigned avail_in;
    char *next_out;
    unsigned avail_out;
    struct inner *state;
};

static void lie(struct stream *stream, unsigned in, unsigned out)
{
    stream->avail_in += in;
    stream->avail_out += out;
}

int begin(struct stream *stream, unsigned in, unsigned out)
{
    stream->state = calloc(1, sizeof *stream->state);
    lie(stream, in, out);
    return 0;
}

int feed(struct stream *stream)
{
    unsigned count = 0;

    while (stream->avail_in > 0 && stream->avail_out > 0) {
        *stream->next_out++ = *stream->next_in++;
        stream->avail_in--;
        stream->avail_out--;
        count++;
    }
    stream->state->total += count;
    return (int)count;
}

int restart(struct stream *stream, unsigned in, unsigned out)
{
    stream->state->total = 0;
    lie(stream, in, out);
    return 0;
}

long total(struct stream *stream)
{
    return stream->state->total;
}

/* Waits until the other end of a pipe is closed, and looks at nothing of the stream after. */
int linger(struct stream *stream, int started, int fd)
{
    char byte = 0;

    stream->avail_in = 0;
    if (write(started, &byte, 1) != 1)
        return -2;
    while (read(fd, &byte, 1) > 0)
        ;
    return 7;
}

int end(struct stream *stream, unsigned in, unsigned out)
{
    free(stream->state);
    lie(stream, in, out);
    return 0;
}
