/* A jump to the middle of an instruction arrives at the start of its bundle. */
#include "check.h"
static __attribute__((noinline, noclone, aligned(64))) int entered(void) { return 33; }
int main(void) {
  for (unsigned off = 0; off < 32; off++) {
    int (*jump)(void) = (int (*)(void))((unsigned)entered + off);
    __asm__("" : "+r"(jump));
    EXPECT(33, jump());
  }
  return failures;
}
