/* A character device that is read, and numbers of channels that there are not. */
#include "check.h"
int main(void) {
  char buffer[64];
  memset(buffer, 7, sizeof buffer);
  int channel = zvm_find_channel("/dev/charo");
  EXPECT(64, zvm_pread(channel, buffer, 64, 0));
  EXPECT(0, buffer[0] | buffer[63]);
  EXPECT(BAD, zvm_pread(MANIFEST->channels_count, buffer, 1, 0));
  EXPECT(BAD, zvm_pread(0x7fffffff, buffer, 1, 0));
  EXPECT(BAD, zvm_pread(-1, buffer, 1, 0));
  EXPECT(1, zvm_pread(channel, NULL, 0, 0) < 0);
  return failures;
}
