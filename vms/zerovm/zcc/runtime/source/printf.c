/* Formatted output. */
#include "decimal.h"
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where text goes: to a stream, or to a buffer as far as that has room. */
struct sink {
  FILE *file;
  char *to;
  size_t room;
  uint64_t total;
  int failed;
};

enum { LEFT = 1, PLUS = 2, SPACE = 4, OTHER = 8, ZERO = 16 };

struct conversion {
  int flags, width, precision; /* no precision is -1 */
};

static void put(struct sink *sink, const char *text, size_t size) {
  sink->total += size;
  if (sink->file) {
    if (size && fwrite(text, 1, size, sink->file) != size)
      sink->failed = 1;
    return;
  }
  size_t fits = size < sink->room ? size : sink->room;
  memcpy(sink->to, text, fits);
  sink->to += fits;
  sink->room -= fits;
}

static void fill(struct sink *sink, char byte, int count) {
  char many[64];
  memset(many, byte, sizeof many);
  for (; count > 0; count -= sizeof many)
    put(sink, many, count < (int)sizeof many ? count : sizeof many);
}

/* A sign or the like, zeros, and a text, in a field. */
static void field(struct sink *sink, const struct conversion *how, const char *sign, int zeros,
                  const char *text, int size) {
  int sign_size = strlen(sign);
  int blank = how->width - sign_size - zeros - size;
  if (how->flags & ZERO && !(how->flags & LEFT) && blank > 0) {
    zeros += blank;
    blank = 0;
  }
  if (!(how->flags & LEFT))
    fill(sink, ' ', blank);
  put(sink, sign, sign_size);
  fill(sink, '0', zeros);
  put(sink, text, size);
  if (how->flags & LEFT)
    fill(sink, ' ', blank);
}

static const char *sign_of(int flags, int negative) {
  return negative ? "-" : flags & PLUS ? "+" : flags & SPACE ? " " : "";
}

static void integer(struct sink *sink, struct conversion how, uint64_t value, int base, int upper,
                    const char *sign) {
  char text[24], *end = text + sizeof text, *start = end;
  const char *names = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  if (base == 10)
    for (; value; value /= 10)
      *--start = '0' + value % 10;
  else {
    int shift = base == 8 ? 3 : 4;
    if (how.flags & OTHER && base == 16 && value)
      sign = upper ? "0X" : "0x";
    for (; value; value >>= shift)
      *--start = names[value & (base - 1)];
  }
  int count = end - start;
  if (how.precision >= 0)
    how.flags &= ~ZERO;
  int least = how.precision < 0 ? 1 : how.precision;
  if (how.flags & OTHER && base == 8 && least <= count)
    least = count + 1;
  field(sink, &how, sign, least > count ? least - count : 0, start, count);
}

/* The digits from place `from` on of a number: places before its first and behind its last are 0. */
static void put_digits(struct sink *sink, const struct decimal *number, int from, int count) {
  for (; count > 0 && from < 0; from++, count--)
    put(sink, "0", 1);
  int there = number->count - from < count ? number->count - from : count;
  if (there > 0) {
    put(sink, number->digits + from, there);
    count -= there;
  }
  fill(sink, '0', count);
}

static void begin_field(struct sink *sink, const struct conversion *how, const char *sign,
                        uint64_t size) {
  int64_t blank = how->width - (int64_t)strlen(sign) - (int64_t)size;
  if (!(how->flags & (LEFT | ZERO)))
    fill(sink, ' ', blank);
  put(sink, sign, strlen(sign));
  if (how->flags & ZERO && !(how->flags & LEFT))
    fill(sink, '0', blank);
}

static void end_field(struct sink *sink, const struct conversion *how, const char *sign,
                      uint64_t size) {
  if (how->flags & LEFT)
    fill(sink, ' ', how->width - (int64_t)strlen(sign) - (int64_t)size);
}

static void fixed(struct sink *sink, const struct conversion *how, const char *sign,
                  const struct decimal *number, int places) {
  int whole = number->count && number->point > 0 ? number->point : 1;
  int has_point = places || how->flags & OTHER;
  uint64_t size = (uint64_t)whole + has_point + places;
  begin_field(sink, how, sign, size);
  if (number->count && number->point > 0)
    put_digits(sink, number, 0, whole);
  else
    put(sink, "0", 1);
  put(sink, ".", has_point);
  put_digits(sink, number, number->count ? number->point : 0, places);
  end_field(sink, how, sign, size);
}

static void scientific(struct sink *sink, const struct conversion *how, const char *sign,
                       const struct decimal *number, int places, int upper) {
  char exponent[8];
  int power = number->count ? number->point - 1 : 0;
  int length = snprintf(exponent, sizeof exponent, "%c%c%02d", upper ? 'E' : 'e',
                        power < 0 ? '-' : '+', power < 0 ? -power : power);
  int has_point = places || how->flags & OTHER;
  uint64_t size = 1ull + has_point + places + length;
  begin_field(sink, how, sign, size);
  put_digits(sink, number, 0, 1);
  put(sink, ".", has_point);
  put_digits(sink, number, 1, places);
  put(sink, exponent, length);
  end_field(sink, how, sign, size);
}

static void hexadecimal(struct sink *sink, const struct conversion *how, int negative,
                        long double value, int upper) {
  const char *names = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  char sign[4], digits[16], exponent[8];
  strcpy(stpcpy(sign, sign_of(how->flags, negative)), upper ? "0X" : "0x");
  int power = 0, count = 0, places = how->precision;
  /* One bit before the point, as for numbers of 53 bits. */
  uint64_t bits = 0;
  if (value != 0) {
    bits = (uint64_t)ldexpl(frexpl(value, &power), 64);
    power--;
  }
  unsigned first = bits >> 63;
  bits <<= 1;
  if (places >= 0 && places < 16) {
    uint64_t unit = places ? 1ull << (64 - 4 * places) : 0;
    uint64_t half = places ? unit >> 1 : 1ull << 63, rest = places ? bits & (unit - 1) : bits;
    unsigned odd = places ? (bits & unit) != 0 : first & 1;
    bits -= rest;
    if (rest > half || (rest == half && odd)) {
      bits += unit;
      first += !bits;
    }
  }
  for (; bits; bits <<= 4)
    digits[count++] = names[bits >> 60];
  if (places < 0)
    places = count;
  int length = snprintf(exponent, sizeof exponent, "%c%+d", upper ? 'P' : 'p', power);
  int has_point = places || how->flags & OTHER;
  uint64_t size = 1ull + has_point + places + length;
  begin_field(sink, how, sign, size);
  put(sink, &names[first], 1);
  put(sink, ".", has_point);
  put(sink, digits, count < places ? count : places);
  fill(sink, '0', places - count);
  put(sink, exponent, length);
  end_field(sink, how, sign, size);
}

static void floating(struct sink *sink, struct conversion how, long double value, char letter) {
  int upper = letter < 'a', negative = signbit(value) != 0;
  const char *sign = sign_of(how.flags, negative);
  letter |= 32;
  if (!isfinite(value)) {
    const char *text = isnan(value) ? (upper ? "NAN" : "nan") : upper ? "INF" : "inf";
    how.flags &= ~ZERO;
    field(sink, &how, sign, 0, text, 3);
    return;
  }
  value = fabsl(value);
  if (letter == 'a') {
    hexadecimal(sink, &how, negative, value, upper);
    return;
  }
  int places = how.precision < 0 ? 6 : how.precision;
  struct decimal number = {"", 0, 0};
  if (value != 0)
    number = __to_decimal(value);
  if (letter == 'f') {
    int64_t count = (int64_t)places + number.point;
    __round_decimal(&number, count > INT_MAX ? INT_MAX : count);
    fixed(sink, &how, sign, &number, places);
  } else if (letter == 'e') {
    __round_decimal(&number, places == INT_MAX ? places : places + 1);
    scientific(sink, &how, sign, &number, places, upper);
  } else {
    places = places ? places : 1;
    __round_decimal(&number, places);
    int power = number.count ? number.point - 1 : 0;
    int is_fixed = power >= -4 && power < places;
    int after = places - 1 - (is_fixed ? power : 0);
    if (!(how.flags & OTHER)) {
      int there = number.count - 1 - (is_fixed ? power : 0);
      after = there < after ? there : after;
      after = after < 0 || !number.count ? 0 : after;
    }
    if (is_fixed)
      fixed(sink, &how, sign, &number, after);
    else
      scientific(sink, &how, sign, &number, after, upper);
  }
}

/* The sizes of integers that h, l and others say. */
enum size { INT, CHAR, SHORT, LONG, LLONG, LDOUBLE };

static enum size size_of(const char **format) {
  switch (*(*format)++) {
  case 'h':
    if (**format != 'h')
      return SHORT;
    ++*format;
    return CHAR;
  case 'l':
    if (**format != 'l')
      return LONG;
    ++*format;
    return LLONG;
  case 'j':
  case 'q': return LLONG;
  case 'z':
  case 't': return LONG;
  case 'L': return LDOUBLE;
  }
  --*format;
  return INT;
}

struct arguments {
  va_list list;
};

static int64_t signed_of(struct arguments *arguments, enum size size) {
  if (size == LLONG || size == LDOUBLE)
    return va_arg(arguments->list, long long);
  if (size == LONG)
    return va_arg(arguments->list, long);
  int value = va_arg(arguments->list, int);
  return size == CHAR ? (signed char)value : size == SHORT ? (short)value : value;
}

static uint64_t unsigned_of(struct arguments *arguments, enum size size) {
  if (size == LLONG || size == LDOUBLE)
    return va_arg(arguments->list, unsigned long long);
  if (size == LONG)
    return va_arg(arguments->list, unsigned long);
  unsigned value = va_arg(arguments->list, unsigned);
  return size == CHAR ? (unsigned char)value : size == SHORT ? (unsigned short)value : value;
}

static int number_of(const char **format, struct arguments *arguments) {
  if (**format == '*') {
    ++*format;
    return va_arg(arguments->list, int);
  }
  int value = 0;
  for (; (unsigned)**format - '0' < 10; ++*format)
    if (__builtin_mul_overflow(value, 10, &value) ||
        __builtin_add_overflow(value, **format - '0', &value))
      value = INT_MAX;
  return value;
}

static struct conversion conversion_of(const char **format, struct arguments *arguments) {
  struct conversion how = {0, 0, -1};
  const char *flags = "-+ #0", *flag;
  while (**format && (flag = strchr(flags, **format))) {
    how.flags |= 1 << (flag - flags);
    ++*format;
  }
  how.width = number_of(format, arguments);
  if (how.width < 0) {
    how.flags |= LEFT;
    how.width = how.width == INT_MIN ? INT_MAX : -how.width;
  }
  if (**format == '.') {
    ++*format;
    how.precision = number_of(format, arguments);
  }
  return how;
}

static void store_count(struct arguments *arguments, enum size size, uint64_t total) {
  void *to = va_arg(arguments->list, void *);
  switch (size) {
  case CHAR: *(signed char *)to = total; break;
  case SHORT: *(short *)to = total; break;
  case LLONG: *(long long *)to = total; break;
  default: *(int *)to = total;
  }
}

static void string(struct sink *sink, struct conversion how, const char *text) {
  if (!text)
    text = "(null)";
  how.flags &= ~ZERO;
  int size = how.precision < 0 ? strlen(text) : strnlen(text, how.precision);
  field(sink, &how, "", 0, text, size);
}

/* Wide characters are those of one byte. */
static void wide_string(struct sink *sink, struct conversion how, const wchar_t *text) {
  char narrow[256];
  size_t size = 0, most = how.precision < 0 ? sizeof narrow : (size_t)how.precision;
  for (; text && *text && size < most && size < sizeof narrow; text++)
    narrow[size++] = *text;
  how.flags &= ~ZERO;
  field(sink, &how, "", 0, narrow, size);
}

/* 0 for what is no conversion. */
static int convert(struct sink *sink, const char **format, struct arguments *arguments) {
  struct conversion how = conversion_of(format, arguments);
  enum size size = size_of(format);
  char letter = *(*format)++, byte;
  switch (letter) {
  case 'd':
  case 'i': {
    int64_t value = signed_of(arguments, size);
    uint64_t magnitude = value < 0 ? -(uint64_t)value : value;
    integer(sink, how, magnitude, 10, 0, sign_of(how.flags, value < 0));
    return 1;
  }
  case 'u': integer(sink, how, unsigned_of(arguments, size), 10, 0, ""); return 1;
  case 'o': integer(sink, how, unsigned_of(arguments, size), 8, 0, ""); return 1;
  case 'x':
  case 'X': integer(sink, how, unsigned_of(arguments, size), 16, letter == 'X', ""); return 1;
  case 'p': {
    uintptr_t address = (uintptr_t)va_arg(arguments->list, void *);
    how.flags |= OTHER;
    if (address)
      integer(sink, how, address, 16, 0, "");
    else
      string(sink, how, "(nil)");
    return 1;
  }
  case 'c':
    byte = va_arg(arguments->list, int);
    how.flags &= ~ZERO;
    field(sink, &how, "", 0, &byte, 1);
    return 1;
  case 's':
    if (size == LONG)
      wide_string(sink, how, va_arg(arguments->list, const wchar_t *));
    else
      string(sink, how, va_arg(arguments->list, const char *));
    return 1;
  case 'm': string(sink, how, strerror(errno)); return 1;
  case 'n': store_count(arguments, size, sink->total); return 1;
  case '%': put(sink, "%", 1); return 1;
  case 'a':
  case 'A':
  case 'e':
  case 'E':
  case 'f':
  case 'F':
  case 'g':
  case 'G': {
    long double value = size == LDOUBLE ? va_arg(arguments->list, long double)
                                        : va_arg(arguments->list, double);
    floating(sink, how, value, letter);
    return 1;
  }
  }
  return 0;
}

static int print(struct sink *sink, const char *format, va_list list) {
  struct arguments arguments;
  va_copy(arguments.list, list);
  while (*format && !sink->failed) {
    const char *percent = strchrnul(format, '%');
    put(sink, format, percent - format);
    if (!*percent)
      break;
    format = percent + 1;
    if (!convert(sink, &format, &arguments)) {
      errno = EINVAL;
      sink->failed = 1;
    }
  }
  va_end(arguments.list);
  if (sink->total > INT_MAX) {
    errno = EOVERFLOW;
    return -1;
  }
  return sink->failed ? -1 : (int)sink->total;
}

int vfprintf(FILE *restrict file, const char *restrict format, va_list arguments) {
  struct sink sink = {.file = file};
  return print(&sink, format, arguments);
}

int vsnprintf(char *restrict to, size_t size, const char *restrict format, va_list arguments) {
  struct sink sink = {.to = to, .room = size ? size - 1 : 0};
  int result = print(&sink, format, arguments);
  if (size)
    *sink.to = 0;
  return result;
}

int vsprintf(char *restrict to, const char *restrict format, va_list arguments) {
  return vsnprintf(to, INT_MAX, format, arguments);
}

int vprintf(const char *restrict format, va_list arguments) {
  return vfprintf(stdout, format, arguments);
}

int vasprintf(char **restrict to, const char *restrict format, va_list arguments) {
  int size = vsnprintf(NULL, 0, format, arguments);
  *to = size < 0 ? NULL : malloc(size + 1);
  return *to ? vsnprintf(*to, size + 1, format, arguments) : -1;
}

#define FORWARD(call)                                                                              \
  va_list arguments;                                                                               \
  va_start(arguments, format);                                                                     \
  int result = call;                                                                               \
  va_end(arguments);                                                                               \
  return result;

int printf(const char *restrict format, ...) { FORWARD(vfprintf(stdout, format, arguments)) }
int fprintf(FILE *restrict file, const char *restrict format, ...) {
  FORWARD(vfprintf(file, format, arguments))
}
int sprintf(char *restrict to, const char *restrict format, ...) {
  FORWARD(vsprintf(to, format, arguments))
}
int snprintf(char *restrict to, size_t size, const char *restrict format, ...) {
  FORWARD(vsnprintf(to, size, format, arguments))
}
int asprintf(char **restrict to, const char *restrict format, ...) {
  FORWARD(vasprintf(to, format, arguments))
}

int dprintf(int descriptor, const char *restrict format, ...) {
  char *text;
  va_list arguments;
  va_start(arguments, format);
  int size = vasprintf(&text, format, arguments);
  va_end(arguments);
  if (size >= 0 && write(descriptor, text, size) != size)
    size = -1;
  free(text);
  return size;
}
