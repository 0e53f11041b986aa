/* The error function and the gamma function, computed with 64 bits and rounded once to double. */
#include <errno.h>
#include <math.h>

typedef long double real;

int signgam;

static const real SQRT_PI = 1.772453850905516027298167483341145183L;
static const real PI = 3.141592653589793238462643383279502884L;
static const real HALF_LOG_2_PI = 0.918938533204672741780329736405617640L;
static const real LESS_EULER = 0.422784335098467139393487909917597569L; /* 1 - 0.5772... */

/* A sum whose terms have one sign, so that nothing is lost; for x from 0 to 2. */
static real erf_by_series(real x) {
  real term = x, sum = x;
  for (int n = 1; term > sum * 1e-21L; n++) {
    term *= 2 * x * x / (2 * n + 1);
    sum += term;
  }
  return 2 / SQRT_PI * expl(-x * x) * sum;
}

/* Its continued fraction, from the end; for x above 2. */
static real erfc_by_fraction(real x) {
  real fraction = x;
  for (int n = 200; n > 0; n--)
    fraction = x + n / 2.0L / fraction;
  return expl(-x * x) / (SQRT_PI * fraction);
}

double erf(double x) {
  real size = fabsl(x);
  if (!(size > 0))
    return x;
  if (size > 7)
    return x < 0 ? -1 : 1;
  return copysignl(size < 2 ? erf_by_series(size) : 1 - erfc_by_fraction(size), x);
}

double erfc(double x) {
  real size = fabsl(x);
  if (isnan(x))
    return x;
  if (size < 2)
    return 1 - copysignl(erf_by_series(size), x);
  if (x < 0)
    return 2 - erfc_by_fraction(size > 7 ? 7 : size);
  double rest = size > 28 ? 0 : erfc_by_fraction(size);
  if (rest == 0 && size < INFINITY)
    errno = ERANGE;
  return rest;
}

/* The logarithm of gamma(2 + z), for z up to 1/2 from 0; the table has zeta(k) - 1 for k from 2. */
static real log_gamma_2(real z) {
  static const real zeta_less_1[] = {
    6.4493406684822643647242e-1L, 2.0205690315959428539974e-1L, 8.2323233711138191516004e-2L,
    3.6927755143369926331365e-2L, 1.7343061984449139714518e-2L, 8.3492773819228268397975e-3L,
    4.0773561979443393786852e-3L, 2.0083928260822144178528e-3L, 9.9457512781808533714596e-4L,
    4.9418860411946455870228e-4L, 2.4608655330804829863800e-4L, 1.2271334757848914675184e-4L,
    6.1248135058704829258545e-5L, 3.0588236307020493551729e-5L, 1.5282259408651871732571e-5L,
    7.6371976378997622736003e-6L, 3.8172932649998398564616e-6L, 1.9082127165539389256570e-6L,
    9.5396203387279611315204e-7L, 4.7693298678780646311672e-7L, 2.3845050272773299000365e-7L,
    1.1921992596531107306779e-7L, 5.9608189051259479612440e-8L, 2.9803503514652280186064e-8L,
    1.4901554828365041234659e-8L, 7.4507117898354294919810e-9L, 3.7253340247884570548192e-9L,
    1.8626597235130490064039e-9L, 9.3132743241966818287176e-10L, 4.6566290650337840729892e-10L,
    2.3283118336765054920015e-10L, 1.1641550172700519775930e-10L};
  real sum = 0;
  for (int k = sizeof zeta_less_1 / sizeof *zeta_less_1 + 1; k >= 2; k--)
    sum = (k & 1 ? -zeta_less_1[k - 2] : zeta_less_1[k - 2]) / k + sum * z;
  return z * (LESS_EULER + z * sum);
}

static real stirling(real x) {
  real y = 1 / (x * x);
  real rest = 1 / 12.0L - y * (1 / 360.0L - y * (1 / 1260.0L - y * (1 / 1680.0L - y * (1 / 1188.0L -
              y * (691 / 360360.0L - y / 156)))));
  return (x - 0.5L) * logl(x) - x + HALF_LOG_2_PI + rest / x;
}

/* Steps from x down to what is near 2; what they multiply. */
static real descend(real *x) {
  real product = 1;
  while (*x > 2.5L)
    product *= *x -= 1;
  return product;
}

/* For x above 0. */
static real log_gamma(real x) {
  if (x < 0.5L)
    return log_gamma(x + 1) - logl(x);
  if (x < 1.5L)
    return log_gamma_2(x - 1) - log1pl(x - 1);
  if (x > 16)
    return stirling(x);
  real product = descend(&x);
  return log_gamma_2(x - 2) + logl(product);
}

static real sine_of_pi_times(real x) {
  real part = fmodl(x, 2);
  return part > 1 ? -sinl(PI * (part - 1)) : sinl(PI * part);
}

double lgamma(double x) {
  signgam = 1;
  if (isnan(x) || isinf(x))
    return x * x;
  if (x > 0) {
    double result = log_gamma(x);
    if (isinf(result))
      errno = ERANGE;
    return result;
  }
  if (x == floor(x)) {
    errno = ERANGE;
    if (x == 0 && signbit(x))
      signgam = -1;
    return INFINITY;
  }
  /* gamma(x) gamma(-x) = -pi / (x sin(pi x)) */
  real size = -(real)x, sine = sine_of_pi_times(size);
  signgam = sine > 0 ? -1 : 1;
  return logl(PI / (size * fabsl(sine))) - log_gamma(size);
}

/* For x above 0. */
static real gamma_of(real x) {
  if (x > 30 && x != rintl(x))
    return expl(stirling(x));
  if (x < 0.5L)
    return gamma_of(x + 1) / x;
  if (x < 1.5L)
    return expl(log_gamma_2(x - 1)) / x;
  real product = descend(&x);
  return product * expl(log_gamma_2(x - 2));
}

double tgamma(double x) {
  if (isnan(x) || x == INFINITY)
    return x;
  if (x == 0) {
    errno = ERANGE;
    return 1 / x;
  }
  if (x < 0 && x == floor(x)) {
    errno = EDOM;
    return NAN;
  }
  double result = x > 172    ? INFINITY
                  : x > 0    ? gamma_of(x)
                  : x < -184 ? copysignl(0, sine_of_pi_times(-(real)x) > 0 ? -1 : 1)
                             : -PI / (-(real)x * sine_of_pi_times(-(real)x) * gamma_of(-(real)x));
  if (isinf(result) || result == 0)
    errno = ERANGE;
  return result;
}

float erff(float x) { return erf(x); }
float erfcf(float x) { return erfc(x); }
float lgammaf(float x) { return lgamma(x); }
float tgammaf(float x) { return tgamma(x); }
