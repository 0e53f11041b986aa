/* What the functional tests share: each expectation that fails is a line on standard error, and the
   code of the program is their number. */
#include <stdio.h>
#include <string.h>
#include <zvm.h>

static int failures;

#define EXPECT(wanted, call)                                                                       \
  do {                                                                                             \
    long long found_ = (call), wanted_ = (wanted);                                                 \
    if (found_ != wanted_) {                                                                       \
      fprintf(stderr, "FAILED %s:%d: %s is %lld instead of %lld\n", __FILE__, __LINE__, #call,     \
              found_, wanted_);                                                                    \
      failures++;                                                                                  \
    }                                                                                              \
  } while (0)

enum { QUOTA = -122, BAD = -22, BAD_ADDRESS = -14 };
