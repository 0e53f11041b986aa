/* Mathematics by the x87 unit: each function is computed with 64 bits and rounded once to its type. */
#include <errno.h>
#include <math.h>
#include <stdint.h>

typedef long double real;

#define UNARY(name, instruction)                                                                   \
  static real name(real x) {                                                                       \
    __asm__(instruction : "+t"(x));                                                                \
    return x;                                                                                      \
  }
UNARY(x87_sin, "fsin")
UNARY(x87_cos, "fcos")
UNARY(x87_sqrt, "fsqrt")
UNARY(x87_round, "frndint")
UNARY(x87_exp2_less_1, "f2xm1")

static real x87_scale(real x, real power) {
  __asm__("fscale" : "+t"(x) : "u"(power));
  return x;
}

/* y times the binary logarithm of x. */
static real x87_log2(real x, real y) {
  __asm__("fyl2x" : "+t"(x) : "u"(y) : "st(1)");
  return x;
}

static real x87_log2_plus_1(real x, real y) {
  __asm__("fyl2xp1" : "+t"(x) : "u"(y) : "st(1)");
  return x;
}

static real x87_atan(real y, real x) {
  __asm__("fpatan" : "+t"(x) : "u"(y) : "st(1)");
  return x;
}

static const real LOG2_E = 1.442695040888963407359924681001892137L;
static const real LN_2 = 0.693147180559945309417232121458176568L;

real fabsl(real x) { return __builtin_fabsl(x); }
real sqrtl(real x) { return x87_sqrt(x); }
real copysignl(real x, real y) { return __builtin_copysignl(x, y); }
real rintl(real x) { return x87_round(x); }
real nearbyintl(real x) { return x87_round(x); }

real truncl(real x) {
  real whole = x87_round(x);
  if (fabsl(whole) > fabsl(x))
    whole -= copysignl(1, x);
  return copysignl(whole, x);
}
real floorl(real x) {
  real whole = x87_round(x);
  return whole > x ? whole - 1 : whole;
}
real ceill(real x) {
  real whole = x87_round(x);
  return whole < x ? copysignl(whole + 1, x) : whole;
}
real roundl(real x) {
  real whole = truncl(x);
  return fabsl(x - whole) >= 0.5L ? whole + copysignl(1, x) : whole;
}

real ldexpl(real x, int exponent) { return x87_scale(x, exponent); }
real scalbnl(real x, int exponent) { return x87_scale(x, exponent); }
real scalblnl(real x, long exponent) { return x87_scale(x, exponent); }

real frexpl(real x, int *exponent) {
  *exponent = 0;
  if (x == 0 || !isfinite(x))
    return x;
  real power = x;
  __asm__("fxtract\n\tfstp %%st(0)" : "+t"(power));
  *exponent = (int)power + 1;
  return x87_scale(x, -(power + 1));
}

real logbl(real x) {
  int exponent;
  if (x == 0)
    return -HUGE_VALL;
  if (!isfinite(x))
    return x * x;
  frexpl(x, &exponent);
  return exponent - 1;
}

int ilogbl(real x) {
  if (x == 0 || isnan(x))
    return FP_ILOGB0;
  return isinf(x) ? 2147483647 : (int)logbl(x);
}

real modfl(real x, real *whole) {
  *whole = truncl(x);
  return copysignl(isinf(x) ? 0 : x - *whole, x);
}

real fmodl(real x, real y) {
  uint16_t status;
  if (!isfinite(x) || isnan(y) || y == 0)
    return (x * y) / (x * y);
  if (isinf(y))
    return x;
  do
    __asm__("fprem\n\tfnstsw %1" : "+t"(x), "=a"(status) : "u"(y));
  while (status & 0x400);
  return x;
}

real remainderl(real x, real y) {
  uint16_t status;
  if (!isfinite(x) || isnan(y) || y == 0)
    return (x * y) / (x * y);
  if (isinf(y))
    return x;
  do
    __asm__("fprem1\n\tfnstsw %1" : "+t"(x), "=a"(status) : "u"(y));
  while (status & 0x400);
  return x;
}

/* Exponentials. */

real exp2l(real x) {
  if (isnan(x) || x == HUGE_VALL)
    return x;
  if (x > 20000)
    return HUGE_VALL;
  if (x < -20000)
    return 0;
  real whole = x87_round(x);
  return x87_scale(x87_exp2_less_1(x - whole) + 1, whole);
}

real expl(real x) {
  /* The first 32 bits of ln 2, so that its products are exact, and the rest. */
  const real high = 0x1.62e42feep-1L, low = 0x1.a39ef35793c7673p-33L;
  if (isnan(x) || x == HUGE_VALL)
    return x;
  if (x > 12000)
    return HUGE_VALL;
  if (x < -12000)
    return 0;
  real whole = x87_round(x * LOG2_E);
  real rest = (x - whole * high) - whole * low;
  return x87_scale(x87_exp2_less_1(rest * LOG2_E) + 1, whole);
}

real expm1l(real x) {
  if (fabsl(x) < 0.5L)
    return x == 0 ? x : x87_exp2_less_1(x * LOG2_E);
  return expl(x) - 1;
}

/* Logarithms. */

static real log_base(real x, real factor) {
  /* Where x is near 1 its difference to 1 is exact. */
  if (x > 0.75L && x < 1.25L)
    return x87_log2_plus_1(x - 1, factor);
  return x87_log2(x, factor);
}
real log2l(real x) { return log_base(x, 1); }
real logl(real x) { return log_base(x, LN_2); }
real log10l(real x) { return log_base(x, 0.301029995663981195213738894724493027L); }
real log1pl(real x) {
  if (fabsl(x) < 0.25L)
    return x == 0 ? x : x87_log2_plus_1(x, LN_2);
  return logl(1 + x);
}

/* Powers and roots. */

static int is_whole(real x) { return truncl(x) == x; }
static int is_odd(real x) { return fabsl(x) < 0x1p63L && is_whole(x) && (int64_t)x & 1; }

real powl(real x, real y) {
  if (y == 0 || x == 1)
    return 1;
  if (isnan(x) || isnan(y))
    return x + y;
  if (x == 0) {
    real zero = is_odd(y) ? x : 0;
    return y > 0 ? zero : 1 / zero;
  }
  if (isinf(y)) {
    real size = fabsl(x);
    if (size == 1)
      return 1;
    return (size > 1) == (y > 0) ? HUGE_VALL : 0;
  }
  if (isinf(x)) {
    real size = y > 0 ? HUGE_VALL : 0;
    return x < 0 && is_odd(y) ? -size : size;
  }
  if (is_whole(y) && fabsl(y) <= 64) {
    real result = 1, base = x;
    for (unsigned left = fabsl(y); left; left >>= 1, base *= base)
      if (left & 1)
        result *= base;
    if (isfinite(result) && result != 0)
      return y < 0 ? 1 / result : result;
  }
  if (x < 0) {
    if (!is_whole(y))
      return (x - x) / (x - x);
    real size = exp2l(y * log2l(-x));
    return is_odd(y) ? -size : size;
  }
  return exp2l(y * log2l(x));
}

real cbrtl(real x) {
  if (x == 0 || !isfinite(x))
    return x;
  real root = exp2l(log2l(fabsl(x)) / 3);
  root -= (root * root * root - fabsl(x)) / (3 * root * root);
  return copysignl(root, x);
}

real hypotl(real x, real y) {
  if (isinf(x) || isinf(y))
    return HUGE_VALL;
  x = fabsl(x);
  y = fabsl(y);
  real most = x > y ? x : y;
  if (most < 0x1p8000L && most > 0x1p-8000L)
    return x87_sqrt(x * x + y * y);
  if (most == 0)
    return 0;
  x /= most;
  y /= most;
  return most * x87_sqrt(x * x + y * y);
}

/* Angles. */

/* x less its multiple of pi/2, of which the lowest bits are returned. Up to 2^61 the products of the two
   halves of the multiple with the parts of pi/2 are exact; larger ones are left to the unit, which knows
   66 bits of pi. */
static unsigned reduce(real *x) {
  const real parts[] = {0x1.921fb544p0L, 0x42d18469p-64L, 0x898cc517p-96L, 0x1b839a252049c11p-160L};
  if (fabsl(*x) <= 0.785398163397448309616L || !(fabsl(*x) < 0x1p61L))
    return 0;
  real whole = x87_round(*x * 0.636619772367581343075535L);
  real high = truncl(whole * 0x1p-31L) * 0x1p31L, low = whole - high;
  for (int each = 0; each < 4; each++) {
    *x -= high * parts[each];
    *x -= low * parts[each];
  }
  return (int64_t)whole & 3;
}

static real sine_of(real x, unsigned quarters) {
  if (isinf(x))
    return x - x;
  if (fabsl(x) >= 0x1p62L)
    x = fmodl(x, 2 * 3.14159265358979323846264338327950288L);
  real value = quarters & 1 ? x87_cos(x) : x87_sin(x);
  return quarters & 2 ? -value : value;
}
real sinl(real x) {
  unsigned quarters = reduce(&x);
  return sine_of(x, quarters);
}
real cosl(real x) {
  unsigned quarters = reduce(&x);
  return sine_of(x, quarters + 1);
}
real tanl(real x) {
  unsigned quarters = reduce(&x);
  return sine_of(x, quarters) / sine_of(x, quarters + 1);
}
real atan2l(real y, real x) { return isnan(x) || isnan(y) ? x + y : x87_atan(y, x); }
real atanl(real x) { return x87_atan(x, 1); }
real asinl(real x) { return x87_atan(x, x87_sqrt((1 - x) * (1 + x))); }
real acosl(real x) { return x87_atan(x87_sqrt((1 - x) * (1 + x)), x); }

real sinhl(real x) {
  real grown = expm1l(fabsl(x));
  return copysignl(isinf(grown) ? grown : (grown + grown / (grown + 1)) / 2, x);
}
real coshl(real x) {
  real grown = expl(fabsl(x));
  return (grown + 1 / grown) / 2;
}
real tanhl(real x) {
  if (fabsl(x) > 40)
    return copysignl(1, x);
  real grown = expm1l(2 * fabsl(x));
  return copysignl(grown / (grown + 2), x);
}
real asinhl(real x) {
  real size = fabsl(x);
  if (size > 0x1p32L)
    return copysignl(logl(size) + LN_2, x);
  return copysignl(log1pl(size + size * size / (1 + x87_sqrt(1 + size * size))), x);
}
real acoshl(real x) {
  return x > 0x1p32L ? logl(x) + LN_2 : log1pl((x - 1) + x87_sqrt((x - 1) * (x + 1)));
}
real atanhl(real x) { return copysignl(log1pl(2 * fabsl(x) / (1 - fabsl(x))) / 2, x); }

/* Others. */

real fmaxl(real x, real y) {
  if (x == y)
    return signbit(x) ? y : x;
  return isnan(x) || x < y ? y : x;
}
real fminl(real x, real y) {
  if (x == y)
    return signbit(x) ? x : y;
  return isnan(x) || x > y ? y : x;
}
real fdiml(real x, real y) { return isnan(x) || isnan(y) ? x + y : x > y ? x - y : 0; }

/* The next number of 64 bits. */
real nextafterl(real x, real y) {
  union {
    real value;
    struct {
      uint64_t mantissa;
      uint16_t exponent;
    } bits;
  } parts = {x};
  if (isnan(x) || isnan(y))
    return x + y;
  if (x == y)
    return y;
  if (x == 0)
    return copysignl(0x1p-16445L, y);
  if ((x < y) == (x > 0)) {
    if (!++parts.bits.mantissa) {
      parts.bits.mantissa = 1ull << 63;
      parts.bits.exponent++;
    } else if (!(parts.bits.exponent & 0x7fff) && parts.bits.mantissa >> 63)
      parts.bits.exponent++;
  } else if (parts.bits.mantissa-- == 1ull << 63 && parts.bits.exponent & 0x7fff) {
    parts.bits.exponent--;
    if (parts.bits.exponent & 0x7fff)
      parts.bits.mantissa = -1ull;
  }
  return parts.value;
}

double nextafter(double x, double y) {
  if (isnan(x) || isnan(y))
    return x + y;
  if (x == y)
    return y;
  if (x == 0)
    return copysign(0x1p-1074, y);
  union {
    double value;
    int64_t bits;
  } parts = {x};
  parts.bits += (x < y) == (x > 0) ? 1 : -1;
  return parts.value;
}

float nextafterf(float x, float y) {
  if (isnan(x) || isnan(y))
    return x + y;
  if (x == y)
    return y;
  if (x == 0)
    return copysignf(0x1p-149f, y);
  union {
    float value;
    int32_t bits;
  } parts = {x};
  parts.bits += (x < y) == (x > 0) ? 1 : -1;
  return parts.value;
}

/* x times y as a sum of two numbers, exactly. */
static real product(real x, real y, real *low) {
  const real splitter = 0x1p32L + 1;
  real high = x * y, a = x * splitter, b = y * splitter;
  real x_high = a - (a - x), y_high = b - (b - y), x_low = x - x_high, y_low = y - y_high;
  *low = ((x_high * y_high - high) + x_high * y_low + x_low * y_high) + x_low * y_low;
  return high;
}

/* x times y plus z with more bits than a double has, and the last of these bits set if any is lost. */
static real fused(real x, real y, real z) {
  real low, high = product(x, y, &low), sum = high + z;
  if (!isfinite(sum))
    return sum;
  real part = sum - high, error = (high - (sum - part)) + (z - part) + low;
  real whole = sum + error, lost = error - (whole - sum);
  union {
    real value;
    uint64_t mantissa;
  } parts = {whole};
  if (lost != 0 && !(parts.mantissa & 1))
    return nextafterl(whole, lost > 0 ? HUGE_VALL : -HUGE_VALL);
  return whole;
}
real fmal(real x, real y, real z) { return fused(x, y, z); }
double fma(double x, double y, double z) { return fused(x, y, z); }
float fmaf(float x, float y, float z) { return fused(x, y, z); }

/* Doubles that need no x87: adding 2^52 leaves no fraction. */

double fabs(double x) { return __builtin_fabs(x); }
float fabsf(float x) { return __builtin_fabsf(x); }
double copysign(double x, double y) { return __builtin_copysign(x, y); }
float copysignf(float x, float y) { return __builtin_copysignf(x, y); }

double sqrt(double x) {
  double root;
  __asm__("sqrtsd %1, %0" : "=x"(root) : "x"(x));
  return root;
}
float sqrtf(float x) {
  float root;
  __asm__("sqrtss %1, %0" : "=x"(root) : "x"(x));
  return root;
}

double rint(double x) {
  double large = copysign(0x1p52, x);
  if (!(fabs(x) < 0x1p52))
    return x;
  volatile double sum = x + large;
  return copysign(sum - large, x);
}
double nearbyint(double x) { return rint(x); }
double floor(double x) {
  double whole = rint(x);
  return whole > x ? whole - 1 : whole;
}
double ceil(double x) {
  double whole = rint(x);
  return whole < x ? copysign(whole + 1, x) : whole;
}
double trunc(double x) {
  double whole = rint(x);
  return copysign(fabs(whole) > fabs(x) ? fabs(whole) - 1 : whole, x);
}
double round(double x) {
  double whole = trunc(x);
  return fabs(x - whole) >= 0.5 ? whole + copysign(1, x) : whole;
}
float rintf(float x) { return rint(x); }
float nearbyintf(float x) { return rint(x); }
float floorf(float x) { return floor(x); }
float ceilf(float x) { return ceil(x); }
float truncf(float x) { return trunc(x); }
float roundf(float x) { return round(x); }

#define OTHERS(suffix, type)                                                                       \
  type ldexp##suffix(type x, int exponent) { return ldexpl(x, exponent); }                         \
  type scalbn##suffix(type x, int exponent) { return ldexpl(x, exponent); }                        \
  type scalbln##suffix(type x, long exponent) { return ldexpl(x, exponent); }                      \
  type frexp##suffix(type x, int *exponent) { return frexpl(x, exponent); }                        \
  int ilogb##suffix(type x) { return ilogbl(x); }                                                  \
  type modf##suffix(type x, type *whole) {                                                         \
    *whole = trunc##suffix(x);                                                                     \
    return copysign##suffix(isinf(x) ? 0 : x - *whole, x);                                         \
  }
OTHERS(, double)
OTHERS(f, float)

#define WHOLE(suffix, type)                                                                        \
  long lround##suffix(type x) { return round##suffix(x); }                                         \
  long lrint##suffix(type x) { return rint##suffix(x); }                                           \
  long long llround##suffix(type x) { return round##suffix(x); }                                   \
  long long llrint##suffix(type x) { return rint##suffix(x); }                                     \
  type nan##suffix(const char *tag) { return NAN; }
WHOLE(, double)
WHOLE(f, float)
WHOLE(l, long double)

/* A range error where a finite argument has no finite result, as C has it. */
static real checked(real result, real x) {
  if (isnan(result) && !isnan(x))
    errno = EDOM;
  else if (isinf(result) && isfinite(x))
    errno = ERANGE;
  return result;
}

#define ONE(name)                                                                                  \
  double name(double x) { return checked(name##l(x), x); }                                         \
  float name##f(float x) { return checked(name##l(x), x); }
ONE(sin) ONE(cos) ONE(tan) ONE(asin) ONE(acos) ONE(atan) ONE(sinh) ONE(cosh) ONE(tanh) ONE(asinh)
ONE(acosh) ONE(atanh) ONE(exp) ONE(exp2) ONE(expm1) ONE(log) ONE(log2) ONE(log10) ONE(log1p)
ONE(cbrt) ONE(logb)

#define TWO(name)                                                                                  \
  double name(double x, double y) { return checked(name##l(x, y), x + y); }                        \
  float name##f(float x, float y) { return checked(name##l(x, y), x + y); }
TWO(atan2) TWO(pow) TWO(fmod) TWO(remainder) TWO(hypot) TWO(fmax) TWO(fmin) TWO(fdim)
