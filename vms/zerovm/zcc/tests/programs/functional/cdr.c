/* A channel with random reads whose writes are appended to what its file had. */
#include "check.h"
int main(void) {
  char buffer[64] = "";
  int channel = zvm_find_channel("/dev/cdr");
  EXPECT(5, MANIFEST->channels[channel].size);
  EXPECT(5, zvm_pread(channel, buffer, 64, 0));
  EXPECT(3, zvm_pwrite(channel, "abc", 3, 0)); /* the offset is ignored */
  EXPECT(3, zvm_pwrite(channel, "def", 3, 0));
  EXPECT(11, zvm_pread(channel, buffer, 64, 0));
  EXPECT(0, memcmp(buffer, "firstabcdef", 11));
  return failures;
}
