#include "decimal.h"
#include <float.h>
#include <stdint.h>
#include <string.h>

/* A long double has 64 bits, 16445 of a fraction, and 16384 before the point at most. */
enum { BILLION = 1000000000, WORDS = 16448 / 32 + 4, DIGITS = 4944 + 16448 + 16 };

static char digits[DIGITS];
static uint32_t words[WORDS];

/* Nine digits of a part, with its leading zeros. */
static void put_nine(char *to, uint32_t part) {
  for (int each = 8; each >= 0; each--, part /= 10)
    to[each] = '0' + part % 10;
}

/* The digits of mantissa times 2 to the power of `exponent`, which is not below 0, end at `end`. */
static char *whole_digits(char *end, uint64_t mantissa, int exponent) {
  int low = exponent / 32, shift = exponent % 32, count = low + 3;
  unsigned __int128 shifted = (unsigned __int128)mantissa << shift;
  memset(words, 0, low * sizeof *words);
  words[low] = shifted;
  words[low + 1] = shifted >> 32;
  words[low + 2] = shifted >> 64;
  for (;;) {
    while (count && !words[count - 1])
      count--;
    if (!count)
      return end;
    uint64_t rest = 0;
    for (int each = count - 1; each >= 0; each--) {
      rest = rest << 32 | words[each];
      words[each] = rest / BILLION;
      rest %= BILLION;
    }
    end -= 9;
    put_nine(end, rest);
  }
}

/* The digits of a fraction of `bits` bits, the lowest of which are `fraction`, begin at `to`. */
static char *fraction_digits(char *to, uint64_t fraction, int bits) {
  int count = (bits + 31) / 32, first = 0;
  unsigned __int128 shifted = (unsigned __int128)fraction << (count * 32 - bits);
  memset(words, 0, (count + 4) * sizeof *words);
  words[0] = shifted;
  words[1] = shifted >> 32;
  words[2] = shifted >> 64;
  for (;;) {
    while (first < count && !words[first])
      first++;
    if (first == count)
      return to;
    uint64_t carry = 0;
    for (int each = first; each < count; each++) {
      carry += (uint64_t)words[each] * BILLION;
      words[each] = carry;
      carry >>= 32;
    }
    put_nine(to, carry);
    to += 9;
  }
}

struct decimal __to_decimal(long double value) {
  union {
    long double value;
    struct {
      uint64_t mantissa;
      uint16_t exponent;
    } bits;
  } parts = {value};
  uint64_t mantissa = parts.bits.mantissa;
  int exponent = parts.bits.exponent & 0x7fff;
  exponent = (exponent ? exponent : 1) - 16383 - 63;
  int zeros = __builtin_ctzll(mantissa);
  mantissa >>= zeros;
  exponent += zeros;
  char *point = digits + 4960, *start, *end;
  if (exponent >= 0) {
    start = whole_digits(point, mantissa, exponent);
    end = point;
  } else {
    int bits = -exponent;
    uint64_t whole = bits < 64 ? mantissa >> bits : 0;
    uint64_t fraction = bits < 64 ? mantissa & ((1ull << bits) - 1) : mantissa;
    start = whole_digits(point, whole, 0);
    end = fraction_digits(point, fraction, bits);
  }
  while (*start == '0')
    start++;
  while (end[-1] == '0')
    end--;
  return (struct decimal){start, end - start, point - start};
}

void __round_decimal(struct decimal *decimal, int count) {
  char *digits = decimal->digits;
  if (count >= decimal->count)
    return;
  if (count < 0) {
    decimal->count = 0;
    return;
  }
  int is_half = digits[count] == '5' && decimal->count == count + 1;
  int is_odd = count && (digits[count - 1] & 1);
  int up = is_half ? is_odd : digits[count] >= '5';
  while (up && count && digits[count - 1] == '9')
    count--;
  if (up && !count) {
    /* All nines, or nothing: one digit more before the point. */
    digits[0] = '1';
    decimal->count = 1;
    decimal->point++;
    return;
  }
  if (up)
    digits[count - 1]++;
  else
    while (count && digits[count - 1] == '0')
      count--;
  decimal->count = count;
}
