/* All of the heap, in pieces, filled and looked at again. */
#include "check.h"
#include <stdlib.h>
int main(void) {
  enum { PIECE = 1 << 20 };
  static unsigned char *pieces[4096];
  size_t count = 0;
  EXPECT(1, MANIFEST->heap_size > 8 << 20);
  EXPECT(16 << 20, MANIFEST->stack_size);
  while (count < 4096 && (pieces[count] = malloc(PIECE)))
    memset(pieces[count], count, PIECE), count++;
  EXPECT(1, count >= MANIFEST->heap_size / PIECE - 1);
  for (size_t each = 0; each < count; each++)
    for (size_t at = 0; at < PIECE; at += 4093)
      if (pieces[each][at] != (unsigned char)each)
        EXPECT(0, 1);
  for (size_t each = 0; each < count; each += 2)
    free(pieces[each]);
  for (size_t each = 0; each < count; each += 2)
    EXPECT(1, (pieces[each] = malloc(PIECE)) != NULL);
  for (size_t each = 0; each < count; each++)
    free(pieces[each]);
  void *all = malloc((size_t)PIECE * (count - 1));
  EXPECT(1, all != NULL);
  return failures;
}
