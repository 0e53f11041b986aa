/* A compressor that looks back, and what undoes it. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#ifndef ROUNDS
#define ROUNDS 60
#endif
enum { SIZE = 1 << 18 };
static uint8_t text[SIZE + 16], packed[SIZE * 2], unpacked[SIZE + 16];
static uint32_t heads[4096];
static int pack(void) {
  int to = 0, literal = 0;
  memset(heads, 0, sizeof heads);
  for (int at = 0; at < SIZE;) {
    uint32_t four;
    memcpy(&four, text + at, 4);
    uint32_t *head = &heads[four * 2654435761u >> 20];
    int from = (int)*head - 1, length = 0;
    *head = at + 1;
    if (from >= 0 && at - from < 65536)
      while (length < 255 && at + length < SIZE && text[from + length] == text[at + length]) length++;
    if (length >= 4) {
      packed[to++] = 1; packed[to++] = length; packed[to++] = at - from; packed[to++] = (at - from) >> 8;
      at += length; literal = 0;
    } else {
      if (!literal || packed[to - literal - 1] == 255) { packed[to++] = 0; packed[to++] = 0; literal = 0; }
      packed[to++] = text[at++]; literal++; packed[to - literal - 1] = literal;
    }
  }
  return to;
}
static int unpack(int size) {
  int to = 0;
  for (int at = 0; at < size;) {
    int kind = packed[at], length = packed[at + 1];
    if (kind) {
      int back = packed[at + 2] | packed[at + 3] << 8;
      for (int i = 0; i < length; i++, to++) unpacked[to] = unpacked[to - back];
      at += 4;
    } else { memcpy(unpacked + to, packed + at + 2, length); to += length; at += 2 + length; }
  }
  return to;
}
int main(void) {
  unsigned x = 3, sum = 0;
  for (int i = 0; i < SIZE; i++) { x = x * 1103515245 + 12345; text[i] = i > 64 && x >> 29 ? text[i - (x >> 26) - 1] : x >> 24; }
  for (int r = 0; r < ROUNDS; r++) {
    text[r * 11] ^= 1;
    int size = pack(), back = unpack(size);
    sum = sum * 31 + size + (back == SIZE && memcmp(text, unpacked, SIZE) == 0);
  }
  printf("%u\n", sum);
  return 0;
}
