/* A channel with random reads and writes, empty at first. */
#include "check.h"
int main(void) {
  char buffer[64] = "";
  int channel = zvm_find_channel("/dev/ranrw");
  EXPECT(0, MANIFEST->channels[channel].size);
  EXPECT(0, zvm_pread(channel, buffer, 1, 0));
  EXPECT(5, zvm_pwrite(channel, "hello", 5, 0));
  EXPECT(5, zvm_pread(channel, buffer, 64, 0));
  EXPECT(0, memcmp(buffer, "hello", 5));
  EXPECT(2, zvm_pwrite(channel, "LL", 2, 2));
  EXPECT(3, zvm_pread(channel, buffer, 3, 2));
  EXPECT(0, memcmp(buffer, "LLo", 3));
  EXPECT(1, zvm_pwrite(channel, "!", 1, 5));
  EXPECT(6, zvm_pread(channel, buffer, 64, 0));
  EXPECT(BAD_ADDRESS, zvm_pread(channel, buffer, 1, 7));
  EXPECT(6, z_pread(channel, buffer, 64, 0)); /* the second generation's call, on the same channel */
  EXPECT(1, z_pwrite(channel, "?", 1, 6));
  EXPECT(0, z_pread(channel, buffer, 0, 0));
  return failures;
}
