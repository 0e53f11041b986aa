/* What the report is to count: 30 bytes by 5 reads, of which two find the end, and 20 bytes by 2 writes. */
#include "check.h"
int main(void) {
  char buffer[64];
  EXPECT(10, zvm_pread(0, buffer, 10, 0));
  EXPECT(10, zvm_pread(0, buffer, 10, 0));
  EXPECT(10, zvm_pread(0, buffer, 64, 0));
  EXPECT(0, zvm_pread(0, buffer, 64, 0));
  EXPECT(12, zvm_pwrite(1, "twelve bytes", 12, 0));
  EXPECT(8, zvm_pwrite(1, "and 8 so", 8, 0));
  return failures;
}
