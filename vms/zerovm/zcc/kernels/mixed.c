/* What a processor's usual work is: lists, small matrices, a state machine and a check sum. */
#include <stdint.h>
#include <stdio.h>
#ifndef ROUNDS
#define ROUNDS 100000
#endif
struct item { struct item *next; int16_t value, index; };
static struct item items[128], *list;
static uint16_t crc(uint16_t value, uint16_t sum) {
  for (int i = 0; i < 16; i++, value >>= 1)
    sum = (value ^ sum) & 1 ? sum >> 1 ^ 0xa001 : sum >> 1;
  return sum;
}
static struct item *reverse(struct item *from) {
  struct item *to = NULL;
  while (from) { struct item *next = from->next; from->next = to; to = from; from = next; }
  return to;
}
static struct item *find(struct item *from, int value) {
  while (from && from->value != value) from = from->next;
  return from;
}
static int state(const char *text, int *counts) {
  int s = 0;
  for (; *text; text++) {
    char c = *text;
    switch (s) {
    case 0: s = c >= '0' && c <= '9' ? 1 : c == '-' || c == '+' ? 2 : c == '.' ? 3 : 6; break;
    case 1: s = c == '.' ? 3 : c >= '0' && c <= '9' ? 1 : c == ',' ? 0 : 6; break;
    case 2: s = c >= '0' && c <= '9' ? 1 : c == '.' ? 3 : 6; break;
    case 3: s = c == 'e' || c == 'E' ? 4 : c >= '0' && c <= '9' ? 3 : c == ',' ? 0 : 6; break;
    case 4: s = c == '-' || c == '+' ? 5 : 6; break;
    case 5: s = c >= '0' && c <= '9' ? 5 : c == ',' ? 0 : 6; break;
    default: if (c == ',') s = 0;
    }
    counts[s]++;
  }
  return s;
}
int main(void) {
  static int16_t m[9][9], n[9][9];
  int counts[8] = {0};
  uint16_t sum = 0;
  for (int i = 0; i < 128; i++) { items[i].value = i * 37 % 128; items[i].index = i; items[i].next = list; list = &items[i]; }
  for (int i = 0; i < 81; i++) { m[i / 9][i % 9] = i; n[i / 9][i % 9] = 81 - i; }
  for (int r = 0; r < ROUNDS; r++) {
    list = reverse(list);
    struct item *found = find(list, r % 130);
    if (found) { found->index += r; sum = crc(found->index, sum); }
    for (int i = 0; i < 9; i++)
      for (int j = 0; j < 9; j++) {
        int s = 0;
        for (int k = 0; k < 9; k++) s += m[i][k] * n[k][j];
        sum = crc(s, sum);
      }
    state("5012,-874,+122,35.54400,.1234500,-110.700,+0.64400,5.500e+3,-.123e-2,T0.3e-1F,1T3.4e4z", counts);
    sum = crc(counts[r % 8], sum);
  }
  printf("%u %d\n", sum, counts[3]);
  return 0;
}
