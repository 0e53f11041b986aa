/* With a Job a fork makes a daemon of the session. Each session of it goes on behind the call, with the
   memory as it was then, and a fork of its own is no fork. Exits with the number of bytes it copied. */
#include "check.h"
int main(void) {
  static int before = 41;
  char buffer[64];
  before++;
  EXPECT(14, zvm_pwrite(2, "before it did\n", 14, 0));
  EXPECT(0, zvm_fork());
  EXPECT(42, before++);
  EXPECT(0, zvm_fork());
  EXPECT(-1, z_fork());
  int size = zvm_pread(0, buffer, sizeof buffer, 0);
  EXPECT(0, zvm_pread(0, buffer, sizeof buffer, 0));
  EXPECT(size, zvm_pwrite(1, buffer, size, 0));
  EXPECT(13, zvm_pwrite(2, "after it did\n", 13, 0));
  return failures ? -1 : size;
}
