/* Heapsort with a callback that compares. */
#include <stdio.h>
#ifndef ROUNDS
#define ROUNDS 12
#endif
enum { COUNT = 100000 };
struct entry { unsigned key, value; };
static struct entry a[COUNT];
static int compare(const void *l, const void *r) {
  const struct entry *x = l, *y = r;
  return x->key < y->key ? -1 : x->key > y->key;
}
int (*volatile callback)(const void *, const void *) = compare;
static void sift(int at, int count, int (*order)(const void *, const void *)) {
  struct entry moved = a[at];
  for (int child; (child = 2 * at + 1) < count; at = child) {
    if (child + 1 < count && order(&a[child], &a[child + 1]) < 0) child++;
    if (order(&moved, &a[child]) >= 0) break;
    a[at] = a[child];
  }
  a[at] = moved;
}
int main(void) {
  unsigned x = 5, sum = 0;
  for (int r = 0; r < ROUNDS; r++) {
    for (int i = 0; i < COUNT; i++) a[i] = (struct entry){(x = x * 1103515245 + 12345) >> 4, i};
    for (int i = COUNT / 2; i-- > 0;) sift(i, COUNT, callback);
    for (int n = COUNT - 1; n > 0; n--) { struct entry t = a[0]; a[0] = a[n]; a[n] = t; sift(0, n, callback); }
    for (int i = 0; i < COUNT; i += 97) sum = sum * 31 + a[i].key;
  }
  printf("%u\n", sum);
  return 0;
}
