/* Ends by a signal: which one, its argument says. */
#include <stdlib.h>
int main(int argc, char **argv) {
  volatile int zero = 0;
  switch (argc > 1 ? atoi(argv[1]) : 0) {
  case 8: return 77 / zero;
  case 11: return *(volatile int *)(unsigned)zero;
  case 4: __builtin_trap();
  case 14:
    for (;;)
      zero++;
  }
  return 1;
}
