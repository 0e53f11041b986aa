/* The error function and the gamma function, with the digits that a double is sure of. */
#include <errno.h>
#include <math.h>
#include <stdio.h>

static void show(const char *name, double x, double value) { printf("%s(%g) = %.13g\n", name, x, value); }

int main(void) {
  static const double at[] = {0,      -0.0,   1e-300, 1e-9,  0.1,   0.49, 0.5,   0.51,  0.99999999, 1,     1.00000001,
                              1.4,    1.5,    1.6,    1.99,  2,     2.01, 2.49,  2.5,   3,          4.5,   5.9,
                              6.5,    10,     15.9,   16.1,  20,    25.5, 30.5,  100.5, 170.6,      -0.1,  -0.5,
                              -1.5,   -2.001, -3.7,   -6.5,  -20.5, -50.3, 26.5, 1000,  1e10,       1e300, 171.5};
  for (unsigned each = 0; each < sizeof at / sizeof *at; each++) {
    double x = at[each];
    show("erf", x, erf(x));
    show("erfc", x, erfc(x));
    show("lgamma", x, lgamma(x));
    printf("%d ", signgam);
    show("tgamma", x, tgamma(x));
  }
  for (int n = 1; n < 24; n++)
    printf("%.13g%s", tgamma(n), n < 23 ? " " : "\n");
  static const double special[] = {INFINITY, -INFINITY, NAN, -1, -2, 0, 172, 28};
  for (unsigned each = 0; each < sizeof special / sizeof *special; each++) {
    double x = special[each];
    printf("%g: %g %g", x, erf(x), erfc(x));
    errno = 0;
    double log_gamma = lgamma(x);
    printf(" %g %d", log_gamma, errno == ERANGE);
    errno = 0;
    double gamma = tgamma(x);
    printf(" %g %d\n", fabs(gamma), errno != 0);
  }
  return 0;
}
