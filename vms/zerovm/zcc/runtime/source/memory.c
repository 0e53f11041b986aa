/* Memory: sixteen bytes at a time where there are as many. */
#include <stdint.h>
#include <string.h>

typedef long long block __attribute__((vector_size(16), aligned(1), may_alias));

void *memcpy(void *restrict to, const void *restrict from, size_t size) {
  return memmove(to, from, size);
}

void *mempcpy(void *restrict to, const void *restrict from, size_t size) {
  return (char *)memmove(to, from, size) + size;
}

typedef uint64_t word __attribute__((aligned(1), may_alias));
typedef uint32_t half __attribute__((aligned(1), may_alias));
typedef uint16_t quarter __attribute__((aligned(1), may_alias));

/* Up to 16 bytes. All are read before any is written, as in what follows. */
static void move_short(char *to, const char *from, size_t size) {
  if (size >= 8) {
    uint64_t first = *(const word *)from, last = *(const word *)(from + size - 8);
    *(word *)to = first;
    *(word *)(to + size - 8) = last;
  } else if (size >= 4) {
    uint32_t first = *(const half *)from, last = *(const half *)(from + size - 4);
    *(half *)to = first;
    *(half *)(to + size - 4) = last;
  } else if (size >= 2) {
    uint16_t first = *(const quarter *)from, last = *(const quarter *)(from + size - 2);
    *(quarter *)to = first;
    *(quarter *)(to + size - 2) = last;
  } else if (size) {
    *to = *from;
  }
}

void *memmove(void *to_, const void *from_, size_t size) {
  char *to = to_;
  const char *from = from_;
  if (size <= 16) {
    move_short(to, from, size);
    return to_;
  }
  block last = *(const block *)(from + size - 16), first = *(const block *)from;
  if ((size_t)(to - from) >= size) {
    char *end = to + size - 16;
    size_t done = 0;
    for (; done + 64 < size; done += 64) {
      block a = *(const block *)(from + done), b = *(const block *)(from + done + 16);
      block c = *(const block *)(from + done + 32), d = *(const block *)(from + done + 48);
      *(block *)(to + done) = a;
      *(block *)(to + done + 16) = b;
      *(block *)(to + done + 32) = c;
      *(block *)(to + done + 48) = d;
    }
    for (; done + 16 < size; done += 16)
      *(block *)(to + done) = *(const block *)(from + done);
    *(block *)end = last;
  } else {
    for (size_t left = size; left > 16; left -= 16)
      *(block *)(to + left - 16) = *(const block *)(from + left - 16);
    *(block *)to = first;
  }
  return to_;
}

void *memset(void *to_, int byte, size_t size) {
  char *to = to_;
  uint64_t pattern = (unsigned char)byte * 0x0101010101010101u;
  if (size < 16) {
    if (size >= 8) {
      *(word *)to = pattern;
      *(word *)(to + size - 8) = pattern;
    } else
      while (size--)
        *to++ = byte;
    return to_;
  }
  block filled = {pattern, pattern};
  size_t done = 0;
  for (; done + 64 <= size; done += 64) {
    *(block *)(to + done) = filled;
    *(block *)(to + done + 16) = filled;
    *(block *)(to + done + 32) = filled;
    *(block *)(to + done + 48) = filled;
  }
  for (; done + 16 <= size; done += 16)
    *(block *)(to + done) = filled;
  *(block *)(to + size - 16) = filled;
  return to_;
}

int memcmp(const void *left_, const void *right_, size_t size) {
  const unsigned char *left = left_, *right = right_;
  while (size >= 8 && *(const word *)left == *(const word *)right) {
    left += 8;
    right += 8;
    size -= 8;
  }
  for (; size; size--, left++, right++)
    if (*left != *right)
      return *left - *right;
  return 0;
}

typedef unsigned char bytes __attribute__((vector_size(16)));

/* One bit for each of the sixteen bytes of an aligned block that is `byte`. */
static unsigned matches(const char *aligned, int byte) {
  bytes wanted = (bytes){} + (unsigned char)byte;
  typedef char mask __attribute__((vector_size(16)));
  return __builtin_ia32_pmovmskb128((mask)(*(const bytes *)aligned == wanted));
}

void *memchr(const void *start, int byte, size_t size) {
  const unsigned char *each = start;
  for (; size && (uintptr_t)each % 16; size--, each++)
    if (*each == (unsigned char)byte)
      return (void *)each;
  for (; size >= 16; size -= 16, each += 16) {
    unsigned found = matches((const char *)each, byte);
    if (found)
      return (void *)(each + __builtin_ctz(found));
  }
  for (; size; size--, each++)
    if (*each == (unsigned char)byte)
      return (void *)each;
  return NULL;
}

void *memrchr(const void *start, int byte, size_t size) {
  const unsigned char *bytes = start;
  while (size--)
    if (bytes[size] == (unsigned char)byte)
      return (void *)(bytes + size);
  return NULL;
}

void *memmem(const void *start, size_t size, const void *wanted, size_t wanted_size) {
  const char *each = start, *first = wanted;
  if (!wanted_size)
    return (void *)start;
  while (size >= wanted_size) {
    const char *found = memchr(each, *first, size - wanted_size + 1);
    if (!found)
      return NULL;
    if (memcmp(found, wanted, wanted_size) == 0)
      return (void *)found;
    size -= found + 1 - each;
    each = found + 1;
  }
  return NULL;
}

/* Aligned blocks lie within a page, so none is read that is not there. */
size_t strlen(const char *text) {
  const char *aligned = (const char *)((uintptr_t)text & -16u);
  unsigned skipped = text - aligned;
  unsigned found = matches(aligned, 0) >> skipped;
  if (found)
    return __builtin_ctz(found);
  do
    aligned += 16;
  while (!(found = matches(aligned, 0)));
  return aligned - text + __builtin_ctz(found);
}

int bcmp(const void *left, const void *right, size_t size) { return memcmp(left, right, size); }
void bzero(void *to, size_t size) { memset(to, 0, size); }
