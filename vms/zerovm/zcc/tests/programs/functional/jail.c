/* Code that a guest makes runs after it was validated, and only then. */
#include "check.h"
#include <stdlib.h>
int main(void) {
  enum { PAGE = 0x10000 };
  unsigned char *page = aligned_alloc(PAGE, PAGE);
  memset(page, 0x90, PAGE);
  /* mov $77, %eax; then what a return is here. */
  static const unsigned char good[] = {0xb8, 77, 0, 0, 0, 0x41, 0x5b, 0x41, 0x83, 0xe3, 0xe0, 0x4d, 0x01, 0xfb, 0x41, 0xff, 0xe3};
  memcpy(page, good, sizeof good);
  EXPECT(0, zvm_jail(page, PAGE));
  EXPECT(77, ((int (*)(void))page)());
  EXPECT(BAD, zvm_pread(0, page, 1, 0)); /* it cannot be written any more */
  EXPECT(0, zvm_unjail(page, PAGE));
  page[0] = 0x0f; /* rdtsc */
  page[1] = 0x31;
  EXPECT(-1, zvm_jail(page, PAGE));
  EXPECT(BAD, zvm_jail(page + 1, PAGE));
  EXPECT(BAD, zvm_jail(page, 0));
  EXPECT(BAD, zvm_jail((void *)0x20000, PAGE));
  return failures;
}
