/* Greets on both streams. */
#include <stdio.h>

int main(void) {
  puts("hello from an untrusted program");
  fputs("and the same on the other stream\n", stderr);
  return 0;
}
