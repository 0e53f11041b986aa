/* A machine with a loop and a switch. */
#include <stdint.h>
#include <stdio.h>
#ifndef ROUNDS
#define ROUNDS 12000000
#endif
enum { LOAD, ADD, SUB, MUL, XOR, SHIFT, LOOP, STORE, FETCH, HALT };
int main(void) {
  static const uint8_t code[] = {LOAD, 3, ADD, 1, MUL, 2, XOR, 0, STORE, 5, SHIFT, 1, FETCH, 5, SUB, 4, LOOP, 2, HALT, 0};
  uint32_t registers[8] = {9, 2, 3, 7, 1, 0, 5, 8}, accumulator = 1, count = ROUNDS;
  for (const uint8_t *at = code;;) {
    unsigned what = *at++, which = *at++;
    switch (what) {
    case LOAD: accumulator = registers[which]; break;
    case ADD: accumulator += registers[which]; break;
    case SUB: accumulator -= registers[which]; break;
    case MUL: accumulator *= registers[which]; break;
    case XOR: accumulator ^= registers[which]; break;
    case SHIFT: accumulator = accumulator << which | accumulator >> (32 - which); break;
    case STORE: registers[which] = accumulator; break;
    case FETCH: accumulator += registers[which] >> 3; break;
    case LOOP: if (--count) at = code + which; break;
    default: printf("%u\n", accumulator); return 0;
    }
  }
}
