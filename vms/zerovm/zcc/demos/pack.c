/* Compresses standard input in blocks, as LZ4 does: literals, and references to at most 64 KiB before.
   With the argument -d it undoes that.

   A block is its size packed and its size unpacked, four bytes each, and sequences: a byte with two
   numbers of four bits, how many literals follow and how many bytes more than four are referred to, each
   of which goes on in bytes where it is 15; the literals; and two bytes with how far back they are. The
   last sequence has literals alone. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK = 1 << 20, LEAST = 4, TABLE = 1 << 14 };

static uint8_t plain[BLOCK + 16], packed[BLOCK + BLOCK / 128 + 64];
static uint32_t places[TABLE];

static uint32_t four_at(const uint8_t *at) {
  uint32_t four;
  memcpy(&four, at, 4);
  return four;
}

static uint8_t *put_more(uint8_t *to, uint32_t number) {
  for (number -= 15; number >= 255; number -= 255)
    *to++ = 255;
  *to++ = number;
  return to;
}

static uint8_t *put_sequence(uint8_t *to, const uint8_t *literals, uint32_t count, uint32_t length,
                             uint32_t back) {
  uint32_t more = length ? length - LEAST : 0;
  *to++ = (count < 15 ? count : 15) << 4 | (more < 15 ? more : 15);
  if (count >= 15)
    to = put_more(to, count);
  memcpy(to, literals, count);
  to += count;
  if (!length)
    return to;
  *to++ = back;
  *to++ = back >> 8;
  return more >= 15 ? put_more(to, more) : to;
}

static uint32_t pack(uint32_t size) {
  uint8_t *to = packed;
  uint32_t at = 0, literals = 0;
  memset(places, 0, sizeof places);
  while (at + LEAST <= size) {
    uint32_t *place = &places[four_at(plain + at) * 2654435761u >> 18];
    uint32_t from = *place;
    *place = at + 1;
    if (!from || at - (from - 1) > 65535 || four_at(plain + --from) != four_at(plain + at)) {
      at++;
      continue;
    }
    uint32_t length = LEAST;
    while (at + length < size && plain[from + length] == plain[at + length])
      length++;
    to = put_sequence(to, plain + literals, at - literals, length, at - from);
    literals = at += length;
  }
  return put_sequence(to, plain + literals, size - literals, 0, 0) - packed;
}

/* A number that goes on; UINT32_MAX beyond the block. */
static uint32_t more_of(uint32_t number, const uint8_t **at, const uint8_t *end) {
  uint8_t byte = 255;
  if (number < 15)
    return number;
  while (byte == 255) {
    if (*at == end || number > BLOCK)
      return UINT32_MAX;
    number += byte = *(*at)++;
  }
  return number;
}

/* 0 where the block is damaged. */
static int unpack(uint32_t packed_size, uint32_t size) {
  const uint8_t *at = packed, *end = packed + packed_size;
  uint32_t done = 0;
  while (at < end) {
    uint8_t head = *at++;
    uint32_t count = more_of(head >> 4, &at, end);
    if (count > (uint32_t)(end - at) || count > size - done)
      return 0;
    memcpy(plain + done, at, count);
    done += count;
    at += count;
    if (at == end)
      break;
    if (end - at < 2)
      return 0;
    uint32_t back = at[0] | at[1] << 8, length;
    at += 2;
    length = more_of(head & 15, &at, end);
    if (!back || back > done || length > BLOCK || length + LEAST > size - done)
      return 0;
    for (length += LEAST; length--; done++)
      plain[done] = plain[done - back];
  }
  return done == size;
}

int main(int argc, char **argv) {
  uint32_t sizes[2];
  if (argc < 2 || strcmp(argv[1], "-d") != 0) {
    while ((sizes[1] = fread(plain, 1, BLOCK, stdin))) {
      sizes[0] = pack(sizes[1]);
      fwrite(sizes, sizeof sizes, 1, stdout);
      fwrite(packed, sizes[0], 1, stdout);
    }
    return fflush(stdout) != 0;
  }
  while (fread(sizes, sizeof sizes, 1, stdin) == 1) {
    int fits = sizes[0] <= sizeof packed && sizes[1] <= BLOCK;
    if (!fits || fread(packed, 1, sizes[0], stdin) != sizes[0] || !unpack(sizes[0], sizes[1])) {
      fputs("pack: the input is damaged\n", stderr);
      return 1;
    }
    fwrite(plain, sizes[1], 1, stdout);
  }
  return fflush(stdout) != 0;
}
