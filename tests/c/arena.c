/* Functions on buffers, for the tests of memory that a program and a VM both see. */
#define _GNU_SOURCE
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

void copy(void *to, const void *from, size_t size) { memmove(to, from, size); }

/* Where a buffer is. */
unsigned long place(const void *memory, size_t size) {
  (void)size;
  return (unsigned long)memory;
}

static const unsigned char *noted;

/* Keeps the pointer itself. */
void note(const void *memory, size_t size) {
  (void)size;
  noted = memory;
}

int noted_byte(size_t at) { return noted[at]; }

struct node {
  struct node *next;
  long value;
};

/* Doubles every value, and gives the sum of what they were. */
long sum(struct node *list) {
  long total = 0;
  for (; list; list = list->next) {
    total += list->value;
    list->value *= 2;
  }
  return total;
}

struct part {
  const char *bytes;
  size_t size;
};

/* A record elsewhere, whose pointer leads to the buffer. */
unsigned long part_place(const struct part *part) { return (unsigned long)part->bytes; }

struct part2 {
  char *next;
  unsigned left;
};

/* Walks to the end of what is left. */
void walk(struct part2 *cursor) {
  cursor->next += cursor->left;
  cursor->left = 0;
}

char *find(char *text, int letter) { return strchr(text, letter); }

/* Adds one to every byte and leaves the second half alone; says how many it filled. */
void half(unsigned char *to, size_t *filled, size_t size) {
  size_t at;
  for (at = 0; at < size / 2; at++)
    to[at] += 1;
  *filled = size / 2;
}

struct user {
  int (*function)(int);
  int value;
};

int use(const struct user *user) { return user->value; }

/* Calls back with what the buffer begins with. */
int ask(int (*function)(int), const unsigned char *memory, size_t size) {
  (void)size;
  return function(memory[0]) + memory[0];
}

/* Takes all addresses of a range that are free, so that nothing else is mapped there. */
int occupy(unsigned long from, unsigned long to) {
  void *at = mmap((void *)from, to - from, PROT_NONE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  return at == (void *)from ? 0 : -1;
}
