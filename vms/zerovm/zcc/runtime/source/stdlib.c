/* Numbers, sorting, the environment, and the end of the program. */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zvm.h>

int errno;

/* Parses an integer of any base. `overflow` is 1 where it has more than 64 bits. */
static uint64_t parse(const char *text, char **end, int base, int *negative, int *overflow) {
  const char *each = text, *digits;
  uint64_t value = 0;
  *negative = *overflow = 0;
  while (isspace((unsigned char)*each))
    each++;
  if (*each == '-' || *each == '+')
    *negative = *each++ == '-';
  if ((base == 0 || base == 16) && *each == '0' && (each[1] | 32) == 'x' && isxdigit(each[2])) {
    each += 2;
    base = 16;
  } else if (base == 0)
    base = *each == '0' ? 8 : 10;
  for (digits = each;; each++) {
    unsigned char byte = *each;
    int digit = isdigit(byte) ? byte - '0' : isalpha(byte) ? (byte | 32) - 'a' + 10 : 99;
    if (digit >= base)
      break;
    if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
        __builtin_add_overflow(value, (uint64_t)digit, &value))
      *overflow = 1;
  }
  if (end)
    *end = (char *)(each == digits ? text : each);
  return value;
}

static int64_t parse_signed(const char *text, char **end, int base, int64_t low, int64_t high) {
  int negative, overflow;
  uint64_t value = parse(text, end, base, &negative, &overflow);
  uint64_t most = negative ? -(uint64_t)low : (uint64_t)high;
  if (overflow || value > most) {
    errno = ERANGE;
    return negative ? low : high;
  }
  return negative ? -value : value;
}

static uint64_t parse_unsigned(const char *text, char **end, int base, uint64_t high) {
  int negative, overflow;
  uint64_t value = parse(text, end, base, &negative, &overflow);
  if (overflow || value > high) {
    errno = ERANGE;
    return high;
  }
  return negative ? -value : value;
}

long strtol(const char *restrict text, char **restrict end, int base) {
  return parse_signed(text, end, base, LONG_MIN, LONG_MAX);
}
long long strtoll(const char *restrict text, char **restrict end, int base) {
  return parse_signed(text, end, base, LLONG_MIN, LLONG_MAX);
}
intmax_t strtoimax(const char *text, char **end, int base) { return strtoll(text, end, base); }
unsigned long strtoul(const char *restrict text, char **restrict end, int base) {
  return parse_unsigned(text, end, base, ULONG_MAX);
}
unsigned long long strtoull(const char *restrict text, char **restrict end, int base) {
  return parse_unsigned(text, end, base, ULLONG_MAX);
}
uintmax_t strtoumax(const char *text, char **end, int base) { return strtoull(text, end, base); }
int atoi(const char *text) { return strtol(text, NULL, 10); }
long atol(const char *text) { return strtol(text, NULL, 10); }
long long atoll(const char *text) { return strtoll(text, NULL, 10); }
double atof(const char *text) { return strtod(text, NULL); }

int abs(int value) { return value < 0 ? -value : value; }
long labs(long value) { return value < 0 ? -value : value; }
long long llabs(long long value) { return value < 0 ? -value : value; }
div_t div(int a, int b) { return (div_t){a / b, a % b}; }
ldiv_t ldiv(long a, long b) { return (ldiv_t){a / b, a % b}; }
lldiv_t lldiv(long long a, long long b) { return (lldiv_t){a / b, a % b}; }

static uint64_t seed = 1;

static int next(uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return *state >> 33;
}

void srand(unsigned value) { seed = value; }
int rand(void) { return next(&seed); }
void srandom(unsigned value) { seed = value; }
long random(void) { return next(&seed); }

int rand_r(unsigned *state) {
  uint64_t wide = *state;
  int value = next(&wide);
  *state = wide >> 32 ^ wide;
  return value;
}

void *bsearch(const void *key, const void *base, size_t count, size_t size,
              int (*compare)(const void *, const void *)) {
  while (count) {
    const char *middle = (const char *)base + count / 2 * size;
    int order = compare(key, middle);
    if (order == 0)
      return (void *)middle;
    if (order > 0) {
      base = middle + size;
      count = (count - 1) / 2;
    } else
      count /= 2;
  }
  return NULL;
}

extern char **environ;

char *getenv(const char *name) {
  size_t size = strlen(name);
  for (char **each = environ; *each; each++)
    if (strncmp(*each, name, size) == 0 && (*each)[size] == '=')
      return *each + size + 1;
  return NULL;
}

int unsetenv(const char *name) {
  size_t size = strlen(name);
  char **to = environ;
  for (char **each = environ; *each; each++)
    if (strncmp(*each, name, size) != 0 || (*each)[size] != '=')
      *to++ = *each;
  *to = NULL;
  return 0;
}

int setenv(const char *name, const char *value, int overwrite) {
  size_t count = 0;
  if (!*name || strchr(name, '=')) {
    errno = EINVAL;
    return -1;
  }
  if (getenv(name)) {
    if (!overwrite)
      return 0;
    unsetenv(name);
  }
  while (environ[count])
    count++;
  char **grown = malloc((count + 2) * sizeof *grown);
  char *entry = malloc(strlen(name) + strlen(value) + 2);
  if (!grown || !entry)
    return -1;
  memcpy(grown, environ, count * sizeof *grown);
  sprintf(entry, "%s=%s", name, value);
  grown[count] = entry;
  grown[count + 1] = NULL;
  environ = grown;
  return 0;
}

int system(const char *command) {
  if (!command)
    return 0;
  errno = ENOSYS;
  return -1;
}

static void (*at_exit[64])(void);
static unsigned at_exit_count;

int atexit(void (*function)(void)) {
  if (at_exit_count == sizeof at_exit / sizeof *at_exit)
    return -1;
  at_exit[at_exit_count++] = function;
  return 0;
}

typedef void function(void);
extern function *__fini_array_start[], *__fini_array_end[];

void exit(int code) {
  while (at_exit_count)
    at_exit[--at_exit_count]();
  for (function **each = __fini_array_end; each > __fini_array_start;)
    (*--each)();
  fflush(NULL);
  zvm_exit(code);
}

void _Exit(int code) { zvm_exit(code); }
void _exit(int code) { zvm_exit(code); }

void abort(void) {
  raise(SIGABRT);
  /* An instruction that ends the session with a signal. */
  __builtin_trap();
}

void __assert_failed(const char *condition, const char *file, int line, const char *function) {
  fprintf(stderr, "%s:%d: %s: Assertion `%s' failed.\n", file, line, function, condition);
  abort();
}

int mblen(const char *text, size_t size) { return text && size && *text ? 1 : 0; }

int mbtowc(wchar_t *restrict to, const char *restrict from, size_t size) {
  if (!from || !size)
    return 0;
  if (to)
    *to = (unsigned char)*from;
  return *from != 0;
}
