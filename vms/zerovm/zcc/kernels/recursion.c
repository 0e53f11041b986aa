/* Fibonacci's numbers and Ackermann's function: nothing but calls. */
#include <stdio.h>
#ifndef ROUNDS
#define ROUNDS 40
#endif
static __attribute__((noinline)) unsigned fib(unsigned n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
static __attribute__((noinline)) unsigned ackermann(unsigned m, unsigned n) {
  return !m ? n + 1 : !n ? ackermann(m - 1, 1) : ackermann(m - 1, ackermann(m, n - 1));
}
int main(void) {
  printf("%u %u\n", fib(ROUNDS), ackermann(3, ROUNDS / 5));
  return 0;
}
