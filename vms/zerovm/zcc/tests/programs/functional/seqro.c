/* A sequential channel that may be read 32 times, 32 bytes; its file has more. */
#include "check.h"
int main(void) {
  char buffer[64];
  int channel = zvm_find_channel("/dev/seqro");
  EXPECT(BAD, zvm_pread(channel, NULL, 0, 0));
  EXPECT(BAD, zvm_pread(channel, NULL, 1, 0));
  EXPECT(BAD, zvm_pread(channel, (void *)0x20000, 1, 0)); /* code cannot be read into */
  EXPECT(0, zvm_pread(channel, buffer, 0, 0));
  EXPECT(BAD_ADDRESS, zvm_pread(channel, buffer, -1, 0));
  EXPECT(1, zvm_pread(channel, buffer, 1, 0));
  EXPECT(1, zvm_pread(channel, buffer + 1, 1, 1));
  EXPECT(1, zvm_pread(channel, buffer + 2, 1, -1)); /* the offset is ignored */
  EXPECT(1, zvm_pread(channel, buffer + 3, 1, 1000));
  EXPECT(28, zvm_pread(channel, buffer + 4, 30, 0)); /* what is left of the bytes */
  EXPECT(QUOTA, zvm_pread(channel, buffer, 1, 0));
  EXPECT(0, memcmp(buffer, "abcdefghijklmnopqrstuvwxyz012345", 32));
  EXPECT(QUOTA, zvm_pwrite(channel, buffer, 1, 0));
  EXPECT(BAD, zvm_pread(99, buffer, 1, 0));
  EXPECT(BAD, zvm_pread(-1, buffer, 1, 0));
  return failures;
}
