/* Calls of functions by pointers. */
#include <stdio.h>
#ifndef ROUNDS
#define ROUNDS 60000000
#endif
typedef unsigned operation(unsigned, unsigned);
static unsigned add(unsigned a, unsigned b) { return a + b; }
static unsigned mix(unsigned a, unsigned b) { return a ^ b * 3; }
static unsigned turn(unsigned a, unsigned b) { return a << 5 | a >> 27; }
static unsigned less(unsigned a, unsigned b) { return a - b / 3; }
operation *volatile table[4] = {add, mix, turn, less};
int main(void) {
  unsigned x = 1;
  operation *local[4] = {table[0], table[1], table[2], table[3]};
  for (unsigned i = 0; i < ROUNDS; i++) x = local[i & 3](x, i);
  printf("%u\n", x);
  return 0;
}
