/* Objects that remember what was done to them: every closing is a line of a log. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct box {
    int number;
    char *log;
    const char *text;
};

struct lid {
    struct box *box;
    int number;
};

static void note(const char *log, const char *what, int number)
{
    char line[64];
    int length = snprintf(line, sizeof line, "%s %d\n", what, number);
    int fd = open(log, O_WRONLY | O_APPEND | O_CREAT, 0600);

    if (fd >= 0) {
        if (write(fd, line, (size_t)length) != length)
            abort();
        close(fd);
    }
}

struct box *open_box(const char *log, int number)
{
    struct box *box = calloc(1, sizeof *box);

    box->number = number;
    box->log = strdup(log);
    return box;
}

int number_of(struct box *box)
{
    return box->number;
}

/* Waits until the other end of a pipe is closed, and then looks at the box. */
int hold(struct box *box, int fd)
{
    char byte;

    note(box->log, "holding", box->number);
    while (read(fd, &byte, 1) > 0)
        ;
    return box->number;
}

int close_box(struct box *box)
{
    note(box->log, "box", box->number);
    box->number = -1;
    free(box->log);
    free(box);
    return 0;
}

struct lid *open_lid(struct box *box, int number)
{
    struct lid *lid = calloc(1, sizeof *lid);

    lid->box = box;
    lid->number = number;
    return lid;
}

/* A lid looks at its box when it goes: that has to be there. */
void close_lid(struct lid *lid)
{
    note(lid->box->log, lid->box->number < 0 ? "late lid" : "lid", lid->number);
    free(lid);
}

/* Shows a lid to a function that gives a box for it, if any; says that box's number. */
int box_for_lid(struct box *box, struct box *(*choose)(struct lid *lid, int number))
{
    struct lid *lid = open_lid(box, 7);
    struct box *chosen = choose(lid, lid->number);
    int number = chosen ? chosen->number : -1;

    free(lid);
    return number;
}

/* A box, or -1 with errno where there is none of a negative number. */
void *find_box(const char *log, int number)
{
    if (number < 0) {
        errno = ENOENT;
        return (void *)-1;
    }
    return open_box(log, number);
}

/* Keeps the text it is given, not a copy of it. */
int label_box(struct box *box, const char *text)
{
    box->text = text;
    return 0;
}

const char *label_of(struct box *box)
{
    return box->text;
}

/* A box inside a record of the caller's. */
struct holder {
    struct box *box;
    int number;
};

int fill_holder(struct holder *holder, const char *log, const char *text)
{
    if (holder->number < 0) {
        close_box(holder->box);
        holder->box = NULL;
        return 0;
    }
    if (!holder->box)
        holder->box = open_box(log, holder->number);
    holder->box->text = text;
    return 0;
}

/* Doubles a number of bytes in place, in memory of the C library's. */
int double_bytes(unsigned char **bytes, size_t *count)
{
    size_t i;
    unsigned char *larger = realloc(*bytes, *count * 2);

    if (!larger)
        return -1;
    for (i = 0; i < *count; i++)
        larger[*count + i] = larger[i];
    *bytes = larger;
    *count *= 2;
    return 0;
}
