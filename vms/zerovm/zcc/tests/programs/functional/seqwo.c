/* A sequential channel that may be written 5 times, 16 bytes. */
#include "check.h"
int main(void) {
  int channel = zvm_find_channel("/dev/seqwo");
  EXPECT(BAD, zvm_pwrite(channel, NULL, 1, 0));
  EXPECT(0, zvm_pwrite(channel, (void *)0x20000, 0, 0));
  EXPECT(BAD_ADDRESS, zvm_pwrite(channel, "a", -1, 0));
  EXPECT(1, zvm_pwrite(channel, "a", 1, 100)); /* the offset is ignored */
  EXPECT(3, zvm_pwrite(channel, "bcd", 3, 0));
  EXPECT(4, zvm_pwrite(channel, (void *)0x10000, 4, 0)); /* code may be written from */
  EXPECT(8, zvm_pwrite(channel, "0123456789", 10, 0));   /* what is left of the bytes */
  EXPECT(BAD, zvm_pwrite(channel, "x", 1, 0));           /* bytes of a write-only channel end so */
  EXPECT(QUOTA, zvm_pread(channel, (char[1]){0}, 1, 0));
  return failures;
}
