/* What a compiler makes of C, in as many shapes as there may be; prints the same everywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct { int a, b; long long c; double d; char e[40]; } record;
static record records[4] = {{1, 2, 3, 4.5, "five"}};
static int table[16] = {5, 3, 8, 1, 9, 2, 7, 0, 6, 4, 11, 15, 13, 12, 10, 14};

static int dense(int x, int *p) {
  switch (x) {
  case 0: return p[1];
  case 1: return 7;
  case 2: return table[x + 1];
  case 3: return 8;
  case 4: return p[x] * 3;
  case 5: return 11;
  case 9: return x << 4;
  }
  return -1;
}

static int computed(const char *program) {
  static void *labels[] = {&&stop, &&add, &&twice, &&negate};
  int value = 1;
next:
  goto *labels[*program++ - '0'];
add: value += 3; goto next;
twice: value *= 2; goto next;
negate: value = -value; goto next;
stop: return value;
}

/* Indexes below zero, of every type of elements. */
static long long negative(signed char *c, short *s, int *i, long long *l, double *d, int at) {
  return c[at] + s[at - 1] + i[at] + l[at - 2] + (long)d[at] + table[8 + at];
}

static int variable(int count, ...) {
  va_list list;
  double sum = 0;
  va_start(list, count);
  for (int each = 0; each < count; each++)
    sum += each % 2 ? va_arg(list, double) : va_arg(list, int);
  va_end(list);
  return (int)(sum * 8);
}

static size_t stack(int size) {
  char array[size], *more = __builtin_alloca(size / 2 + 1);
  memset(array, 'x', size);
  memset(more, 'y', size / 2 + 1);
  array[size - 1] = more[size / 2] = 0;
  return strlen(array) * 1000 + strlen(more);
}

static __attribute__((noinline)) uintptr_t aligned(int depth) {
  char array[64] __attribute__((aligned(64)));
  array[0] = depth;
  uintptr_t wrong = (uintptr_t)array % 64;
  return depth ? wrong + aligned(depth - 1) + (array[0] != depth) : wrong;
}

static __attribute__((noinline)) int deep(int depth) {
  volatile char page[3000];
  page[depth % 3000] = depth;
  return depth ? deep(depth - 1) + page[depth % 3000] : 0;
}

static int by_value(const void *left, const void *right) { return *(int *)left - *(int *)right; }

static jmp_buf context;
static __attribute__((noinline)) void leap(int value) { longjmp(context, value); }

static __attribute__((noinline)) unsigned char high_bytes(unsigned x, unsigned char *p) {
  p[1] = x >> 8;
  *p = (x >> 8) + p[3];
  return (x >> 8) & 255;
}

static __attribute__((noinline)) int high_compare(unsigned x, unsigned char *p, unsigned y) {
  int count = 0;
  for (int each = 0; each < 4; each++, x += 0x123, y ^= x)
    count += ((x >> 8) & 255) == p[each], p[each] = (unsigned char)(y >> 8), count += (char)(x >> 8) < (char)y;
  return count;
}

static __attribute__((noinline)) unsigned bits(unsigned x, unsigned long long y, int at) {
  unsigned found = 0;
  if (x >> at & 1) found |= 1;
  if (y >> (at + 20) & 1) found |= 2;
  x |= 1u << at;
  y ^= 1ull << at;
  x &= ~(1u << (at + 3));
  return found + x + (unsigned)(y >> 7);
}

static __attribute__((noinline, optimize("Os"))) unsigned small_bits(unsigned x, unsigned long long y, int at) {
  unsigned found = 0;
  if (x >> at & 1) found |= 1;
  if (y >> (at + 20) & 1) found |= 2;
  x |= 1u << at;
  y ^= 1ull << at;
  x &= ~(1u << (at + 3));
  return found + x + (unsigned)(y >> 7);
}

static _Atomic int counter;
static _Atomic long long wide_counter;

static __attribute__((noinline)) record returned(record r, int by) {
  r.a += by;
  r.c *= by;
  r.e[0] ^= 32;
  return r;
}

static long double extended(long double x, unsigned long long y) { return x * y / 3 - (long long)x; }

static __attribute__((constructor)) void before(void) { table[15] = 41; }
static void after(void) { puts("after"); }
static int (*pointers[])(const void *, const void *) = {by_value, memcmp ? by_value : 0};

int main(int argc, char **argv) {
  signed char c[8] = {-1, 2, -3, 4, -5, 6, -7, 8};
  short s[8] = {10, -20, 30, -40, 50, -60, 70, -80};
  long long l[8] = {1LL << 40, 2, 3, -4, 5, 6, 7, 8};
  double d[8] = {1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5};
  atexit(after);
  for (int each = -1; each < 11; each++)
    printf("%d ", dense(each, table));
  printf("%d %d\n", computed("1212310"), computed("3332222110"));
  for (int at = -3; at < 3; at++)
    printf("%lld ", negative(c + 4, s + 4, table + 8, l + 5, d + 4, at));
  printf("%d %zu %zu\n", variable(5, 1, 2.5, 3, 4.25, 5), stack(100), stack(5000));
  printf("%lu %d\n", (unsigned long)aligned(5), deep(1000));
  qsort(table, 16, sizeof *table, pointers[argc > 90]);
  for (int each = 0; each < 16; each++)
    printf("%d ", table[each]);
  int key = 7;
  printf("%d\n", (int)((int *)bsearch(&key, table, 16, sizeof key, by_value) - table));
  int again = setjmp(context);
  printf("jump %d\n", again);
  if (again < 3)
    leap(again + (again == 0) * 0 + 1);
  unsigned char p[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  int high = high_bytes(0xabcd1234, p);
  printf("%d %d %d %d %d\n", high, p[0], p[1], high_compare(0xabcd, p, 0x7654), p[2]);
  for (int at = 0; at < 20; at += 3)
    printf("%u %u ", bits(0x12345678, 0x123456789abcdef, at), small_bits(0x12345678, 0x123456789abcdef, at));
  printf("\n%d %d %lld ", counter++, ++counter, wide_counter += 1LL << 33);
  int expected = 2;
  printf("%d %d\n", __atomic_compare_exchange_n(&counter, &expected, 9, 0, 5, 5), counter);
  record r = returned(records[0], 5);
  records[2] = r;
  memmove(&records[1], &records[0], sizeof(record) * 3);
  printf("%d %d %lld %g %s %s\n", r.a, records[3].b, records[3].c, r.d, r.e, records[1].e);
  printf("%.15Lg %Lf\n", extended(2.75L, 1ull << 63), extended(-7.5L, 3));
  unsigned __int128 big = (unsigned __int128)0xfedcba9876543210 * 0x123456789abcdef;
  printf("%llx %llx %llx\n", (unsigned long long)(big >> 64), (unsigned long long)(big / 12345678901234567), (unsigned long long)(big % 98765432109));
  printf("%d %d %d\n", __builtin_popcountll(0x123456789abcdef), __builtin_clz(77), __builtin_ctzll(1ull << 44));
  printf("%g %d %u %llu\n", (double)18446744073709551615ull, (int)-3.99, (unsigned)3e9, (unsigned long long)1.8e19);
  return 42;
}
