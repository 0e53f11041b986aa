/* Functions that take and give as much as a call carries, and more. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* How many of the bytes are this one. */
size_t count(const unsigned char *bytes, size_t size, int byte) {
  size_t at, found = 0;
  for (at = 0; at < size; at++)
    found += bytes[at] == byte;
  return found;
}

void fill(unsigned char *bytes, size_t size, int byte) { memset(bytes, byte, size); }

void copy(unsigned char *to, const unsigned char *from, size_t size) { memcpy(to, from, size); }

unsigned char *make(size_t size, int byte) {
  unsigned char *made = malloc(size);
  if (made)
    memset(made, byte, size);
  return made;
}

/* Shows so many bytes to a function of the caller's. */
size_t show(size_t (*look)(const unsigned char *bytes, size_t size), size_t size, int byte) {
  unsigned char *made = make(size, byte);
  size_t seen = made ? look(made, size) : 0;
  free(made);
  return seen;
}

/* Asks a function of the caller's for so many bytes; how many of them are this one. */
size_t ask(void (*give)(unsigned char *bytes, size_t size), size_t size, int byte) {
  unsigned char *given = calloc(1, size);
  size_t found = 0;
  if (given) {
    give(given, size);
    found = count(given, size, byte);
  }
  free(given);
  return found;
}
