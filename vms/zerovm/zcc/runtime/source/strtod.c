/* Numbers with a point from text, rounded to nearest, ties to even. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What a type of numbers has. */
struct type {
  int bits, least, most; /* the exponents of its first bit */
};

static const struct type types[] = {{24, -126, 127}, {53, -1022, 1023}, {64, -16382, 16383}};

/* Whole numbers without sign, the lowest word first. */
enum { WORDS = 1400, MOST_DIGITS = 800 };

struct big {
  int count;
  uint32_t words[WORDS];
};

static void multiply(struct big *big, uint32_t factor, uint32_t summand) {
  uint64_t carry = summand;
  for (int each = 0; each < big->count; each++) {
    carry += (uint64_t)big->words[each] * factor;
    big->words[each] = carry;
    carry >>= 32;
  }
  if (carry)
    big->words[big->count++] = carry;
}

static void multiply_by_ten_to(struct big *big, int power) {
  for (; power >= 9; power -= 9)
    multiply(big, 1000000000, 0);
  for (; power > 0; power--)
    multiply(big, 10, 0);
}

static int bits_of(const struct big *big) {
  return big->count ? big->count * 32 - __builtin_clz(big->words[big->count - 1]) : 0;
}

static void shift_left(struct big *big, int bits) {
  int whole = bits / 32;
  multiply(big, 1u << bits % 32, 0);
  memmove(big->words + whole, big->words, big->count * sizeof *big->words);
  memset(big->words, 0, whole * sizeof *big->words);
  big->count += whole;
}

static int compare(const struct big *left, const struct big *right) {
  if (left->count != right->count)
    return left->count < right->count ? -1 : 1;
  for (int each = left->count - 1; each >= 0; each--)
    if (left->words[each] != right->words[each])
      return left->words[each] < right->words[each] ? -1 : 1;
  return 0;
}

static void subtract(struct big *from, const struct big *what) {
  int64_t borrow = 0;
  for (int each = 0; each < from->count; each++) {
    borrow += (int64_t)from->words[each] - (each < what->count ? what->words[each] : 0);
    from->words[each] = borrow;
    borrow >>= 32;
  }
  while (from->count && !from->words[from->count - 1])
    from->count--;
}

/* Mantissa, whose highest bit is set, times 2 to the power of `exponent`, and a bit more if `more`:
   rounded to a type. */
static long double rounded(uint64_t mantissa, int exponent, int more, const struct type *type) {
  int first = exponent + 63, bits = type->bits;
  if (first < type->least)
    bits -= type->least - first;
  if (bits < 0) {
    errno = ERANGE;
    return 0;
  }
  int drop = 64 - bits;
  uint64_t kept = drop == 64 ? 0 : mantissa >> drop;
  if (drop) {
    uint64_t half = 1ull << (drop - 1), rest = drop == 64 ? mantissa : mantissa & (2 * half - 1);
    if (rest > half || (rest == half && (more || kept & 1)))
      kept++;
    more |= rest != 0;
  } else if (more >= 2 && (more > 2 || kept & 1)) {
    /* All 64 bits are kept: what comes behind them decides; see below for its numbers. */
    if (!++kept) {
      kept = 1ull << 63;
      exponent++;
    }
  }
  long double value = ldexpl((long double)kept, exponent + drop);
  if (kept && first + 1 >= type->most && value >= ldexpl(1, type->most) * 2) {
    errno = ERANGE;
    return HUGE_VALL;
  }
  if (bits < type->bits && more)
    errno = ERANGE;
  return value;
}

/* What comes behind 64 bits: 0 nothing, 1 less than half, 2 half, 3 more than half. */
static int behind(int half, int rest) { return half * 2 + rest; }

/* Digits times 10 to the power of `power`. */
static long double from_decimal(const char *digits, int count, int power, const struct type *type) {
  static struct big number, divisor;
  unsigned __int128 quotient = 0;
  int exponent, more;
  number.count = divisor.count = 0;
  for (int each = 0; each < count; each++) {
    multiply(&number, 10, digits[each]);
    if (!number.count && digits[each])
      number.words[number.count++] = digits[each];
  }
  if (power >= 0) {
    multiply_by_ten_to(&number, power);
    exponent = bits_of(&number) - 66;
    if (exponent < 0) {
      shift_left(&number, -exponent);
    }
    int from = exponent > 0 ? exponent : 0;
    for (int bit = from + 65; bit >= from; bit--)
      quotient = quotient << 1 | (number.words[bit / 32] >> bit % 32 & 1);
    more = 0;
    for (int bit = 0; bit < from && !more; bit++)
      more = number.words[bit / 32] >> bit % 32 & 1;
  } else {
    divisor.words[divisor.count++] = 1;
    multiply_by_ten_to(&divisor, -power);
    /* The quotient gets 66 or 67 bits. */
    int shift = 66 + bits_of(&divisor) - bits_of(&number);
    if (shift > 0)
      shift_left(&number, shift);
    else
      shift_left(&divisor, -shift);
    exponent = -shift;
    shift_left(&divisor, 67);
    for (int each = 0; each <= 67; each++) {
      quotient <<= 1;
      if (compare(&number, &divisor) >= 0) {
        subtract(&number, &divisor);
        quotient |= 1;
      }
      if (each < 67)
        shift_left(&number, 1);
    }
    more = number.count != 0;
  }
  int bits = 128 - (quotient >> 64 ? __builtin_clzll(quotient >> 64)
                                   : 64 + __builtin_clzll((uint64_t)quotient));
  int drop = bits - 64;
  uint64_t dropped = quotient & (((unsigned __int128)1 << drop) - 1);
  uint64_t half = 1ull << (drop - 1);
  int rest = (dropped & (half - 1)) != 0 || more;
  return rounded(quotient >> drop, exponent + drop, behind((dropped & half) != 0, rest), type);
}

static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* An exponent behind its letter; `text` where there is none. */
static const char *exponent_of(const char *text, int *value) {
  const char *each = text + 1;
  int negative = *each == '-', read = 0;
  if (*each == '-' || *each == '+')
    each++;
  if (!isdigit((unsigned char)*each))
    return text;
  for (; isdigit((unsigned char)*each); each++)
    if (read < 100000000)
      read = read * 10 + *each - '0';
  *value += negative ? -read : read;
  return each;
}

static const char *decimal(const char *text, const struct type *type, long double *value) {
  char digits[MOST_DIGITS + 1];
  int count = 0, power = 0, any = 0, point = 0, lost = 0;
  uint64_t small = 0;
  const char *each = text;
  for (;; each++) {
    if (*each == '.' && !point) {
      point = 1;
      continue;
    }
    if (!isdigit((unsigned char)*each))
      break;
    any = 1;
    power -= point;
    if (!count && *each == '0')
      continue;
    if (count < MOST_DIGITS) {
      digits[count++] = *each - '0';
      if (count <= 19)
        small = small * 10 + *each - '0';
    } else {
      power++;
      lost |= *each != '0';
    }
  }
  if (!any)
    return NULL;
  if ((*each | 32) == 'e')
    each = exponent_of(each, &power);
  *value = 0;
  if (!count)
    return each;
  if (lost)
    digits[MOST_DIGITS - 1] |= 1; /* it only has to be no tie */
  if (count <= 15 && power >= -22 && power <= 22 && type->bits == 53)
    *value = power < 0 ? (double)small / powers[-power] : (double)small * powers[power];
  else if (power + count > 5000)
    *value = rounded(1ull << 63, 20000, 0, type);
  else if (power + count < -5000)
    errno = ERANGE;
  else
    *value = from_decimal(digits, count, power, type);
  return each;
}

static const char *hexadecimal(const char *text, const struct type *type, long double *value) {
  uint64_t mantissa = 0;
  int exponent = 0, any = 0, point = 0, half = 0, rest = 0, full = 0;
  const char *each = text;
  for (;; each++) {
    if (*each == '.' && !point) {
      point = 1;
      continue;
    }
    if (!isxdigit((unsigned char)*each))
      break;
    int digit = isdigit((unsigned char)*each) ? *each - '0' : (*each | 32) - 'a' + 10;
    any = 1;
    if (point)
      exponent -= 4;
    for (int bit = 3; bit >= 0; bit--) {
      int is_set = digit >> bit & 1;
      if (mantissa >> 63) {
        exponent++;
        if (!full)
          half = is_set;
        else
          rest |= is_set;
        full = 1;
      } else
        mantissa = mantissa << 1 | is_set;
    }
  }
  if (!any)
    return NULL;
  if ((*each | 32) == 'p')
    each = exponent_of(each, &exponent);
  *value = 0;
  if (mantissa) {
    int shift = __builtin_clzll(mantissa);
    *value = rounded(mantissa << shift, exponent - shift, behind(half, rest), type);
  }
  return each;
}

static long double parse(const char *text, char **end, const struct type *type) {
  const char *each = text, *behind = NULL;
  long double value = 0;
  while (isspace((unsigned char)*each))
    each++;
  int negative = *each == '-';
  if (*each == '-' || *each == '+')
    each++;
  if (strncasecmp(each, "inf", 3) == 0) {
    value = HUGE_VALL;
    behind = each + (strncasecmp(each, "infinity", 8) == 0 ? 8 : 3);
  } else if (strncasecmp(each, "nan", 3) == 0) {
    value = NAN;
    behind = each + 3;
    if (*behind == '(') {
      const char *close = behind + 1;
      while (isalnum((unsigned char)*close) || *close == '_')
        close++;
      if (*close == ')')
        behind = close + 1;
    }
  } else if (each[0] == '0' && (each[1] | 32) == 'x') {
    behind = hexadecimal(each + 2, type, &value);
    if (!behind)
      behind = each + 1;
  } else
    behind = decimal(each, type, &value);
  if (end)
    *end = (char *)(behind ? behind : text);
  return negative ? -value : value;
}

float strtof(const char *restrict text, char **restrict end) { return parse(text, end, &types[0]); }
double strtod(const char *restrict text, char **restrict end) { return parse(text, end, &types[1]); }
long double strtold(const char *restrict text, char **restrict end) {
  return parse(text, end, &types[2]);
}
