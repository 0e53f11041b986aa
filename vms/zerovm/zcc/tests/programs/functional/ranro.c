/* A channel with random reads: 8 reads, 64 bytes, of a file of 26. */
#include "check.h"
int main(void) {
  char buffer[64];
  int channel = zvm_find_channel("/dev/ranro");
  EXPECT(26, MANIFEST->channels[channel].size);
  EXPECT(RGetSPut, MANIFEST->channels[channel].type);
  EXPECT(3, zvm_pread(channel, buffer, 3, 23));
  EXPECT('z', buffer[2]);
  EXPECT(1, zvm_pread(channel, buffer, 10, 25));
  EXPECT(0, zvm_pread(channel, buffer, 1, 26));
  EXPECT(BAD_ADDRESS, zvm_pread(channel, buffer, 1, 27)); /* beyond the end */
  EXPECT(BAD, zvm_pread(channel, buffer, 1, -1));
  EXPECT(26, zvm_pread(channel, buffer, 64, 0));
  EXPECT(26, zvm_pread(channel, buffer, 26, 0));
  EXPECT(8, zvm_pread(channel, buffer, 26, 0)); /* what is left of the bytes */
  EXPECT(QUOTA, zvm_pread(channel, buffer, 1, 0));
  EXPECT(QUOTA, zvm_pwrite(channel, buffer, 1, 0));
  return failures;
}
