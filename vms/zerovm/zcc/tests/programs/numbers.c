/* Numbers to text and back, and mathematics; prints the same everywhere. */
#include <errno.h>
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = 88172645463325252ull;

static uint64_t chance(void) {
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}

static double number(void) {
  uint64_t bits = chance();
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* The same number from each of its texts. */
static void texts(double value) {
  char text[512];
  static const char *const formats[] = {"%.17g", "%g", "%.3f", "%e", "%a", "%.0f", "%.20e", "%#.5g", "%+012.2e", "%-15.8g|", "% .1f", "%.40f"};
  for (size_t each = 0; each < sizeof formats / sizeof *formats; each++) {
    snprintf(text, sizeof text, formats[each], value);
    printf("%s ", text);
  }
  snprintf(text, sizeof text, "%.17g", value);
  double back = strtod(text, NULL);
  float single = strtof(text, NULL);
  printf("%d %.9g\n", memcmp(&back, &value, sizeof back) == 0 || isnan(value), single);
}

static const char *const inputs[] = {
    "0", "-0", "1", "1e23", "9007199254740993", "9007199254740992.99999", "0.1", "1e-400", "1e400", "4.9406564584124654e-324", "2.4703282292062327e-324",
    "2.4703282292062328e-324", "2.2250738585072011e-308", "2.2250738585072014e-308", "1.7976931348623157e308", "1.7976931348623159e308",
    "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649017977587207096330286416692887910946555547851940402630657488671505820681908902000708383676273854845817711531764475730270069855571366959622842914819860834936475292719074168444365510704342711559699508093042880",
    "0x1.8p3", "0x1.fffffffffffff8p0", "0x1.fffffffffffff7fffp0", "0x.1p-1074", "0xep+1", "inf", "-infinity", "nan", "1e", "1e+", ".5", "5.", ".", "+3.25xyz",
    "6.0221407e23", "8.41e+21", "2.0000000000000001e-1", "0.000000000000000000000000000000000000000000000000000001234567890123456789012345678901234567890",
};

int main(void) {
  for (int each = 0; each < 400; each++)
    texts(number());
  for (int each = 0; each < 300; each++)
    texts((double)(int64_t)chance() / (1 << (each % 50)));
  for (int each = -20; each < 20; each++)
    texts(each / 8.0);
  for (size_t each = 0; each < sizeof inputs / sizeof *inputs; each++) {
    char *end;
    errno = 0;
    double value = strtod(inputs[each], &end);
    printf("%s -> %.17g rest '%s' %d; ", inputs[each], value, end, errno == ERANGE);
    errno = 0;
    float single = strtof(inputs[each], &end);
    printf("%a %d; ", single, errno == ERANGE);
    long double wide = strtold(inputs[each], &end);
    printf("%.21Lg\n", wide);
  }
  printf("%d|%5d|%-5d|%05d|%+d|% d|%x|%#X|%o|%#o|%u|%c|%s|%.2s|%10s|%-10s|%%|%hhd|%hd|%lld|%zu|%jd\n", -7, 42, 42, 42, 42, 42, 255, 255, 8, 8, 4000000000u, 'x', "text", "text", "text", "text", 300, 70000, LLONG_MIN, (size_t)9, (intmax_t)-1);
  printf("%.0d|%.5d|%8.3d|%-8.3d|%*d|%-*d|%.*f|%p|%5c|%.3d\n", 0, 42, 42, 42, 6, 7, 6, 7, 2, 3.14159, (void *)0, 'y', -5);
  int i, count;
  unsigned u;
  long long l;
  double d;
  float f;
  char word[32], set[32], c;
  int got = sscanf("  42 0x1F -9000000000 3.5e2 .25 hello [abc]z rest", "%d %x %lld %lf %f %31s [%31[a-c]]%c%n", &i, &u, &l, &d, &f, word, set, &c, &count);
  printf("%d %d %u %lld %g %g %s %s %c %d\n", got, i, u, l, d, f, word, set, c, count);
  printf("%d %d %d\n", sscanf("", "%d", &i), sscanf("x", "%d", &i), sscanf("12 13", "%*d %i", &i));
  printf("%ld %lu %d\n", strtol("0x7fz", NULL, 16), strtoul("-1", NULL, 10) == ULONG_MAX ? 1ul : 0ul, (int)strtol("  -077", NULL, 0));
  errno = 0;
  printf("%lld %d\n", strtoll("99999999999999999999", NULL, 10), errno == ERANGE);
  static double (*const functions[])(double) = {sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, asinh, acosh, atanh, exp, exp2, expm1, log, log2, log10, log1p, sqrt, cbrt, floor, ceil, trunc, round, rint, fabs};
  static const double arguments[] = {0, -0.0, 0.1, -0.3, 0.5, 0.9, 1, 1.5, 2, -2.5, 3.7, 10, 100.25, 1000, 1e6, 1e9, 1e-9, 1e15, 4503599627370497.5};
  for (size_t function = 0; function < sizeof functions / sizeof *functions; function++)
    for (size_t each = 0; each < sizeof arguments / sizeof *arguments; each++) {
      double value = functions[function](arguments[each]);
      isnan(value) ? printf("nan ") : printf("%.14g ", value);
    }
  puts("");
  for (size_t x = 0; x < sizeof arguments / sizeof *arguments; x++)
    for (size_t y = 0; y < sizeof arguments / sizeof *arguments; y += 3) {
      double a = arguments[x], b = arguments[y], values[] = {pow(a, b), atan2(a, b), fmod(a, b), hypot(a, b), remainder(a, b), fmax(a, b), fdim(a, b), copysign(a, b), fma(a, b, 1)};
      for (size_t each = 0; each < sizeof values / sizeof *values; each++)
        isnan(values[each]) ? printf("nan ") : printf("%.13g ", values[each]);
    }
  int exponent;
  double whole, part = modf(-3.75, &whole), fraction = frexp(48.5, &exponent);
  printf("\n%g %g %g %d %g %d %d %ld %lld %g\n", part, whole, fraction, exponent, ldexp(0.75, 10), ilogb(1000), fpclassify(DBL_MIN / 2) == FP_SUBNORMAL, lround(-2.5), llrint(3.5), nextafter(1, 2) - 1);
  return 0;
}
