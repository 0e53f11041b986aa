/* Without a Job in its manifest a fork is no fork. */
#include "check.h"
int main(void) {
  EXPECT(0, zvm_fork());
  EXPECT(-1, z_fork());
  return failures;
}
