/* SHA-256 of a text that changes. */
#include <stdint.h>
#include <stdio.h>
#ifndef ROUNDS
#define ROUNDS 400
#endif
static uint32_t k[64], h[8];
static uint32_t turn(uint32_t x, int by) { return x >> by | x << (32 - by); }
static void block(const uint8_t *p) {
  uint32_t w[64], s[8];
  for (int i = 0; i < 16; i++)
    w[i] = (uint32_t)p[4 * i] << 24 | p[4 * i + 1] << 16 | p[4 * i + 2] << 8 | p[4 * i + 3];
  for (int i = 16; i < 64; i++) {
    uint32_t a = w[i - 15], b = w[i - 2];
    w[i] = w[i - 16] + (turn(a, 7) ^ turn(a, 18) ^ a >> 3) + w[i - 7] + (turn(b, 17) ^ turn(b, 19) ^ b >> 10);
  }
  for (int i = 0; i < 8; i++) s[i] = h[i];
  for (int i = 0; i < 64; i++) {
    uint32_t e = s[4], a = s[0];
    uint32_t t = s[7] + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & s[5]) ^ (~e & s[6])) + k[i] + w[i];
    uint32_t u = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
    s[7] = s[6]; s[6] = s[5]; s[5] = e; s[4] = s[3] + t; s[3] = s[2]; s[2] = s[1]; s[1] = a; s[0] = t + u;
  }
  for (int i = 0; i < 8; i++) h[i] += s[i];
}
int main(void) {
  static uint8_t text[65536];
  uint32_t x = 1;
  for (int i = 0; i < 64; i++) k[i] = x = x * 1664525 + 1013904223;
  for (int i = 0; i < 8; i++) h[i] = x = x * 1664525 + 1013904223;
  for (int i = 0; i < 65536; i++) text[i] = i * 7;
  for (int r = 0; r < ROUNDS; r++) {
    text[r % 65536]++;
    for (int i = 0; i < 65536; i += 64) block(text + i);
  }
  printf("%08x %08x\n", h[0], h[7]);
  return 0;
}
