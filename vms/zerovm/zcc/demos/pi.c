/* The digits of pi, as many as the argument says: Rabinowitz and Wagon's spigot. */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  int digits = argc > 1 ? atoi(argv[1]) : 100, count = digits * 10 / 3 + 2;
  unsigned *rest = malloc(count * sizeof *rest);
  int nines = 0, held = -1, printed = 0;
  if (digits < 1 || !rest) {
    fputs("usage: pi [DIGITS]\n", stderr);
    return 1;
  }
  for (int each = 0; each < count; each++)
    rest[each] = 2;
  while (printed < digits) {
    unsigned carry = 0;
    for (int each = count - 1; each > 0; each--) {
      unsigned value = rest[each] * 10 + carry;
      rest[each] = value % (2 * each + 1);
      carry = value / (2 * each + 1) * each;
    }
    unsigned value = rest[0] * 10 + carry;
    int digit = value / 10;
    rest[0] = value % 10;
    if (digit == 9) {
      nines++;
      continue;
    }
    /* A ten makes the digit that was held larger, and all nines behind it zeros. */
    int is_ten = digit == 10;
    if (held >= 0) {
      printf("%d%s", held + is_ten, printed ? "" : ".");
      printed++;
    }
    for (; nines && printed < digits; nines--, printed++)
      putchar(is_ten ? '0' : '9');
    nines = 0;
    held = is_ten ? 0 : digit;
  }
  putchar('\n');
  return 0;
}
