/* Formatted input. */
#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where text comes from: a stream, or a string. */
struct source {
  FILE *file;
  const char *text;
  int taken, at_end;
};

static int take(struct source *source) {
  int byte;
  if (source->file)
    byte = fgetc(source->file);
  else
    byte = *source->text ? (unsigned char)*source->text++ : EOF;
  if (byte == EOF)
    source->at_end = 1;
  else
    source->taken++;
  return byte;
}

static void give_back(struct source *source, int byte) {
  if (byte == EOF)
    return;
  source->taken--;
  if (source->file)
    ungetc(byte, source->file);
  else
    source->text--;
}

static int skip_space(struct source *source) {
  int byte;
  while (isspace(byte = take(source)))
    ;
  give_back(source, byte);
  return byte;
}

enum { MOST = 512 };

/* Whether a byte may be the next of a number of the base; `seen` is what there is of it. */
static int continues_integer(const char *seen, int count, int byte, int *base) {
  int signs = count && (seen[0] == '-' || seen[0] == '+');
  if (!count && (byte == '-' || byte == '+'))
    return 1;
  if ((*base == 0 || *base == 16) && count == signs + 1 && seen[signs] == '0' &&
      (byte | 32) == 'x') {
    *base = 16;
    return 1;
  }
  /* A 0 leaves it open until the byte behind it. */
  if (*base == 0 && count == signs && isdigit(byte) && byte != '0')
    *base = 10;
  if (*base == 0 && count > signs)
    *base = 8;
  int digit = isdigit(byte) ? byte - '0' : isalpha(byte) ? (byte | 32) - 'a' + 10 : 99;
  return digit < (*base ? *base : 10);
}

/* Whether a byte may be the next of a number with a point. */
static int continues_floating(const char *seen, int count, int byte) {
  int before = count ? seen[count - 1] | 32 : 0;
  int is_hexadecimal = memchr(seen, 'x', count) || memchr(seen, 'X', count);
  if (byte == '-' || byte == '+')
    return !count || (before == 'e' && !is_hexadecimal) || before == 'p';
  if (byte == '.')
    return !memchr(seen, '.', count);
  return isxdigit(byte) || strchr("xXpPiInNtTyY", byte) != NULL;
}

static void store_integer(void *to, int size, uint64_t value) {
  switch (size) {
  case 'H': *(uint8_t *)to = value; break;
  case 'h': *(uint16_t *)to = value; break;
  case 'q': *(uint64_t *)to = value; break;
  default: *(uint32_t *)to = value;
  }
}

/* A set in brackets; returns where the format goes on. */
static const char *set_of(const char *format, unsigned char *set) {
  int inverted = *format == '^';
  format += inverted;
  memset(set, inverted, 256);
  const char *first = format;
  for (; *format && (*format != ']' || format == first); format++) {
    unsigned char from = *format, to = from;
    if (format[1] == '-' && format[2] && format[2] != ']') {
      to = format[2];
      format += 2;
    }
    for (unsigned byte = from; byte <= to; byte++)
      set[byte] = !inverted;
  }
  return *format ? format + 1 : format;
}

static int scan(struct source *source, const char *format, va_list arguments) {
  int stored = 0;
  for (; *format; format++) {
    if (isspace((unsigned char)*format)) {
      skip_space(source);
      continue;
    }
    if (*format != '%' || format[1] == '%') {
      format += *format == '%';
      if (*format == '%')
        skip_space(source);
      int byte = take(source);
      if (byte != (unsigned char)*format) {
        give_back(source, byte);
        goto done;
      }
      continue;
    }
    int suppressed = *++format == '*', width = 0, size = 0;
    format += suppressed;
    for (; isdigit((unsigned char)*format); format++)
      width = width * 10 + *format - '0';
    for (;; format++) {
      if (*format == 'h')
        size = size == 'h' ? 'H' : 'h';
      else if (*format == 'l')
        size = size == 'l' ? 'q' : 'l';
      else if (*format == 'j' || *format == 'L' || *format == 'q')
        size = 'q';
      else if (*format == 'z' || *format == 't')
        size = 'l';
      else
        break;
    }
    char letter = *format;
    if (letter != 'c' && letter != '[' && letter != 'n' && skip_space(source) == EOF)
      goto done;
    void *to = suppressed ? NULL : letter ? va_arg(arguments, void *) : NULL;
    if (letter == 'n') {
      if (to)
        store_integer(to, size, source->taken);
      continue;
    }
    if (letter == 'c' || letter == 's' || letter == '[') {
      unsigned char set[256];
      int count = 0, most = width ? width : letter == 'c' ? 1 : 0x7fffffff, byte;
      if (letter == '[') {
        format = set_of(format + 1, set) - 1;
      } else
        for (int each = 0; each < 256; each++)
          set[each] = letter == 'c' || !isspace(each);
      while (count < most) {
        byte = take(source);
        if (byte == EOF)
          break;
        if (!set[byte]) {
          give_back(source, byte);
          break;
        }
        if (to)
          ((char *)to)[count] = byte;
        count++;
      }
      if (!count || (letter == 'c' && count < most))
        goto done;
      if (to && letter != 'c')
        ((char *)to)[count] = 0;
      stored += to != NULL;
      continue;
    }
    char text[MOST + 1], *end;
    int count = 0, byte;
    int base = letter == 'd' || letter == 'u'                     ? 10
               : letter == 'o'                                    ? 8
               : letter == 'x' || letter == 'X' || letter == 'p' ? 16
                                                                  : 0;
    int is_floating = letter && strchr("aAeEfFgG", letter) != NULL;
    if (!is_floating && (!letter || !strchr("diuoxXp", letter)))
      goto done;
    int most = width && width < MOST ? width : MOST;
    while (count < most) {
      byte = take(source);
      int goes_on = byte != EOF && (is_floating ? continues_floating(text, count, byte)
                                                : continues_integer(text, count, byte, &base));
      if (!goes_on) {
        give_back(source, byte);
        break;
      }
      text[count++] = byte;
    }
    text[count] = 0;
    if (is_floating) {
      long double wide = 0;
      if (size == 'q')
        wide = strtold(text, &end);
      else if (size == 'l')
        wide = strtod(text, &end);
      else
        wide = strtof(text, &end);
      if (!count || *end)
        goto done;
      if (to && size == 'q')
        *(long double *)to = wide;
      else if (to && size == 'l')
        *(double *)to = wide;
      else if (to)
        *(float *)to = wide;
    } else {
      int is_signed = letter == 'd' || letter == 'i';
      uint64_t value = is_signed ? (uint64_t)strtoll(text, &end, base) : strtoull(text, &end, base);
      if (!count || *end)
        goto done;
      if (to)
        store_integer(to, size, value);
    }
    stored += to != NULL;
  }
done:
  return !stored && source->at_end ? EOF : stored;
}

int vfscanf(FILE *restrict file, const char *restrict format, va_list arguments) {
  struct source source = {.file = file};
  return scan(&source, format, arguments);
}

int vsscanf(const char *restrict text, const char *restrict format, va_list arguments) {
  struct source source = {.text = text};
  return scan(&source, format, arguments);
}

#define FORWARD(call)                                                                              \
  va_list arguments;                                                                               \
  va_start(arguments, format);                                                                     \
  int result = call;                                                                               \
  va_end(arguments);                                                                               \
  return result;

int scanf(const char *restrict format, ...) { FORWARD(vfscanf(stdin, format, arguments)) }
int fscanf(FILE *restrict file, const char *restrict format, ...) {
  FORWARD(vfscanf(file, format, arguments))
}
int sscanf(const char *restrict text, const char *restrict format, ...) {
  FORWARD(vsscanf(text, format, arguments))
}
