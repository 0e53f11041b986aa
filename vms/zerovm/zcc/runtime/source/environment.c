/* What a guest has one of at most: a locale, signals that it raises itself, rounding modes. */
#include <errno.h>
#include <fenv.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

char *setlocale(int category, const char *locale) {
  (void)category;
  if (locale && *locale && strcmp(locale, "C") != 0 && strcmp(locale, "POSIX") != 0)
    return NULL;
  return "C";
}

struct lconv *localeconv(void) {
  static struct lconv conventions = {
      ".", "", "", "", "", "", "", "", "", "", CHAR_MAX, CHAR_MAX,
      CHAR_MAX, CHAR_MAX, CHAR_MAX, CHAR_MAX, CHAR_MAX, CHAR_MAX};
  return &conventions;
}

static __handler handlers[32];

__handler signal(int number, __handler handler) {
  if (number < 1 || number > 31 || number == SIGKILL) {
    errno = EINVAL;
    return SIG_ERR;
  }
  __handler before = handlers[number];
  handlers[number] = handler;
  return before;
}

int raise(int number) {
  if (number < 1 || number > 31) {
    errno = EINVAL;
    return -1;
  }
  __handler handler = handlers[number];
  if (handler == SIG_IGN)
    return 0;
  if (handler == SIG_DFL) {
    if (number == SIGABRT)
      return 0; /* abort goes on */
    _exit(128 + number);
  }
  handlers[number] = SIG_DFL;
  handler(number);
  return 0;
}

static unsigned get_control(void) {
  unsigned control;
  __asm__ volatile("stmxcsr %0" : "=m"(control));
  return control;
}

static void set_control(unsigned control) { __asm__ volatile("ldmxcsr %0" : : "m"(control)); }

int fegetround(void) { return get_control() >> 3 & FE_TOWARDZERO; }

int fesetround(int mode) {
  if (mode & ~FE_TOWARDZERO)
    return -1;
  set_control((get_control() & ~(FE_TOWARDZERO << 3)) | (unsigned)mode << 3);
  return 0;
}

int feclearexcept(int flags) {
  set_control(get_control() & ~(flags & FE_ALL_EXCEPT));
  return 0;
}

int fetestexcept(int flags) { return get_control() & flags & FE_ALL_EXCEPT; }

char *optarg;
int optind = 1, opterr = 1, optopt;

int getopt(int argc, char *const *argv, const char *options) {
  static int at = 1;
  if (optind >= argc || argv[optind][0] != '-' || !argv[optind][1])
    return -1;
  if (strcmp(argv[optind], "--") == 0) {
    optind++;
    return -1;
  }
  optopt = argv[optind][at++];
  const char *known = optopt == ':' ? NULL : strchr(options, optopt);
  int is_last = !argv[optind][at];
  if (known && known[1] == ':') {
    if (is_last && optind + 1 >= argc) {
      optind++;
      at = 1;
      return *options == ':' ? ':' : '?';
    }
    optarg = is_last ? argv[++optind] : argv[optind] + at;
    is_last = 1;
  }
  if (is_last) {
    optind++;
    at = 1;
  }
  return known ? optopt : '?';
}
