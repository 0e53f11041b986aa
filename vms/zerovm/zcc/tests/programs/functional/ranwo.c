/* A channel with random writes: 4 writes, 16 bytes, within 16. */
#include "check.h"
int main(void) {
  int channel = zvm_find_channel("/dev/ranwo");
  EXPECT(BAD, zvm_pwrite(channel, "x", 1, -1));
  EXPECT(BAD, zvm_pwrite(channel, "x", 1, 16));
  EXPECT(2, zvm_pwrite(channel, "ab", 2, 8));
  EXPECT(2, zvm_pwrite(channel, "cd", 2, 0));
  EXPECT(1, zvm_pwrite(channel, "e", 1, 9));
  EXPECT(11, zvm_pwrite(channel, "0123456789abcdef", 16, 2)); /* what is left of the bytes */
  EXPECT(QUOTA, zvm_pwrite(channel, "x", 1, 0));
  return failures;
}
