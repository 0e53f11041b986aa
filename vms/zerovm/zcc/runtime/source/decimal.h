/* Numbers with a point, between their bits and their decimal digits; exact both ways. */
#ifndef DECIMAL_H
#define DECIMAL_H

/* The significant digits of a number that is finite and not 0: 0.DIGITS times 10 to the power of
   `point`. The digits are those of the number itself, all of them; they are kept until the next call. */
struct decimal {
  char *digits;
  int count, point;
};
struct decimal __to_decimal(long double value);

/* Rounds to so many digits, half to even; leaves fewer where there are no more. */
void __round_decimal(struct decimal *decimal, int count);

#endif
