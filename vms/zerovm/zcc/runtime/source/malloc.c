/* Memory from the heap that the manifest gives.

   The heap is chunks, one behind the other. Each begins with a header of 16 bytes: the size of the
   chunk before it, and its own with the lowest bit set while it is in use. Chunks are multiples of 16.
   Free ones are in lists by size: one list for each size below 1 KiB, and four for each power of two
   above; two free chunks are never neighbours. Behind the last chunk is what was never used. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zvm.h>

struct chunk {
  uint32_t before; /* the size of the chunk before; 0 for the first */
  uint32_t unused;
  uint32_t size; /* with IN_USE */
  uint32_t unused_too;
  struct chunk *next, *previous; /* while it is free */
};

enum { HEADER = 16, LEAST = 32, IN_USE = 1, SMALL = 64, LISTS = SMALL + 4 * 22 };

static struct chunk *lists[LISTS];
static uint64_t occupied[(LISTS + 63) / 64]; /* which lists are not empty */
static char *unused, *limit;
static uint32_t last_size; /* of the chunk before `unused` */

static uint32_t size_of(const struct chunk *chunk) { return chunk->size & ~IN_USE; }

static struct chunk *behind(struct chunk *chunk) {
  return (struct chunk *)((char *)chunk + size_of(chunk));
}

static unsigned list_of(uint32_t size) {
  if (size < SMALL * 16)
    return size / 16;
  unsigned power = 31 - __builtin_clz(size);
  return SMALL + (power - 10) * 4 + (size >> (power - 2) & 3);
}

static void insert(struct chunk *chunk) {
  unsigned list = list_of(size_of(chunk));
  chunk->previous = NULL;
  chunk->next = lists[list];
  if (chunk->next)
    chunk->next->previous = chunk;
  lists[list] = chunk;
  occupied[list / 64] |= 1ull << list % 64;
}

static void withdraw(struct chunk *chunk) {
  unsigned list = list_of(size_of(chunk));
  if (chunk->next)
    chunk->next->previous = chunk->previous;
  if (chunk->previous)
    chunk->previous->next = chunk->next;
  else if (!(lists[list] = chunk->next))
    occupied[list / 64] &= ~(1ull << list % 64);
}

/* Sets the size of a chunk, also in the one behind it. */
static void set_size(struct chunk *chunk, uint32_t size, uint32_t in_use) {
  chunk->size = size | in_use;
  if ((char *)chunk + size == unused)
    last_size = size;
  else
    behind(chunk)->before = size;
}

static void begin(void) {
  uintptr_t start = (uintptr_t)MANIFEST->heap_ptr;
  limit = (char *)((start + MANIFEST->heap_size) & -16u);
  unused = (char *)((start + 15) & -16u);
}

void *sbrk(intptr_t size) {
  if (!limit)
    begin();
  if (size < 0 || size > limit - unused) {
    errno = ENOMEM;
    return (void *)-1;
  }
  /* A block of its own that is never freed. */
  void *block = size ? malloc(size) : unused;
  return block ? block : (void *)-1;
}

/* The first list at `list` or above that is not empty; LISTS if there is none. */
static unsigned first_occupied(unsigned list) {
  for (unsigned word = list / 64; word < sizeof occupied / sizeof *occupied; word++) {
    uint64_t bits = occupied[word];
    if (word == list / 64)
      bits &= -1ull << list % 64;
    if (bits)
      return word * 64 + __builtin_ctzll(bits);
  }
  return LISTS;
}

static struct chunk *find(uint32_t size) {
  unsigned list = list_of(size);
  /* Chunks of one list of large ones differ. */
  if (list >= SMALL) {
    unsigned tries = 8;
    for (struct chunk *chunk = lists[list]; chunk && tries--; chunk = chunk->next)
      if (chunk->size >= size)
        return chunk;
    list++;
  }
  list = first_occupied(list);
  return list < LISTS ? lists[list] : NULL;
}

/* Gives what is behind `size` bytes of a chunk back. */
static void trim(struct chunk *chunk, uint32_t size) {
  uint32_t rest = size_of(chunk) - size;
  if (rest < LEAST)
    return;
  struct chunk *left = (struct chunk *)((char *)chunk + size);
  set_size(left, rest, IN_USE);
  left->before = size;
  chunk->size = size | IN_USE;
  free((char *)left + HEADER);
}

void *malloc(size_t wanted) {
  if (!limit)
    begin();
  if (wanted > 0xf0000000u) {
    errno = ENOMEM;
    return NULL;
  }
  uint32_t size = (wanted + HEADER + 15) & -16u;
  if (size < LEAST)
    size = LEAST;
  struct chunk *chunk = find(size);
  if (chunk) {
    withdraw(chunk);
    chunk->size |= IN_USE;
    trim(chunk, size);
  } else {
    if (size > (size_t)(limit - unused)) {
      errno = ENOMEM;
      return NULL;
    }
    chunk = (struct chunk *)unused;
    chunk->before = last_size;
    unused += size;
    set_size(chunk, size, IN_USE);
  }
  return (char *)chunk + HEADER;
}

void free(void *block) {
  if (!block)
    return;
  struct chunk *chunk = (struct chunk *)((char *)block - HEADER);
  if (!(chunk->size & IN_USE))
    abort(); /* freed twice */
  uint32_t size = size_of(chunk);
  struct chunk *next = behind(chunk);
  if ((char *)next != unused && !(next->size & IN_USE)) {
    withdraw(next);
    size += next->size;
  }
  if (chunk->before) {
    struct chunk *before = (struct chunk *)((char *)chunk - chunk->before);
    if (!(before->size & IN_USE)) {
      withdraw(before);
      size += before->size;
      chunk = before;
    }
  }
  if ((char *)chunk + size == unused) {
    unused = (char *)chunk;
    last_size = chunk->before;
    return;
  }
  set_size(chunk, size, 0);
  insert(chunk);
}

void *calloc(size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) {
    errno = ENOMEM;
    return NULL;
  }
  void *block = malloc(bytes);
  return block ? memset(block, 0, bytes) : NULL;
}

void *realloc(void *block, size_t size) {
  if (!block)
    return malloc(size);
  size_t old = malloc_usable_size(block);
  if (size <= old && size >= old / 2)
    return block;
  void *moved = malloc(size);
  if (moved) {
    memcpy(moved, block, size < old ? size : old);
    free(block);
  }
  return moved;
}

void *reallocarray(void *block, size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) {
    errno = ENOMEM;
    return NULL;
  }
  return realloc(block, bytes);
}

size_t malloc_usable_size(void *block) {
  return block ? size_of((struct chunk *)((char *)block - HEADER)) - HEADER : 0;
}

void *memalign(size_t alignment, size_t size) {
  if (alignment <= 16)
    return malloc(size);
  if (alignment & (alignment - 1) || size > 0xf0000000u - alignment) {
    errno = EINVAL;
    return NULL;
  }
  char *block = malloc(size + alignment + LEAST);
  if (!block)
    return NULL;
  if ((uintptr_t)block % alignment) {
    /* What is before the aligned block becomes a chunk of its own, and free. */
    char *aligned = (char *)(((uintptr_t)block + LEAST + alignment - 1) & -alignment);
    struct chunk *first = (struct chunk *)(block - HEADER);
    struct chunk *chunk = (struct chunk *)(aligned - HEADER);
    uint32_t before = aligned - block;
    set_size(chunk, size_of(first) - before, IN_USE);
    chunk->before = before;
    first->size = before | IN_USE;
    free(block);
    block = aligned;
  }
  uint32_t needed = (size + HEADER + 15) & -16u;
  trim((struct chunk *)(block - HEADER), needed < LEAST ? LEAST : needed);
  return block;
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **block, size_t alignment, size_t size) {
  *block = memalign(alignment, size);
  return *block ? 0 : ENOMEM;
}
