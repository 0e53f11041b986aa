/* What gcc calls where it has no instruction. */
#include <math.h>
#include <stdint.h>

typedef __int128 wide;
typedef unsigned __int128 uwide;

int __popcountdi2(uint64_t bits) {
  bits -= bits >> 1 & 0x5555555555555555;
  bits = (bits & 0x3333333333333333) + (bits >> 2 & 0x3333333333333333);
  bits = (bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0f;
  return bits * 0x0101010101010101 >> 56;
}
int __popcountsi2(uint32_t bits) { return __popcountdi2(bits); }
int __popcountti2(uwide bits) { return __popcountdi2(bits) + __popcountdi2(bits >> 64); }
int __paritydi2(uint64_t bits) { return __popcountdi2(bits) & 1; }
int __paritysi2(uint32_t bits) { return __popcountdi2(bits) & 1; }
int __clzti2(uwide bits) {
  return bits >> 64 ? __builtin_clzll(bits >> 64) : 64 + __builtin_clzll((uint64_t)bits);
}
int __ctzti2(uwide bits) {
  return (uint64_t)bits ? __builtin_ctzll((uint64_t)bits) : 64 + __builtin_ctzll(bits >> 64);
}
int __ffsdi2(uint64_t bits) { return bits ? __builtin_ctzll(bits) + 1 : 0; }

uwide __udivmodti4(uwide numerator, uwide denominator, uwide *rest) {
  uwide quotient = 0;
  if (!denominator)
    __builtin_trap();
  if (!(numerator >> 64) && !(denominator >> 64)) {
    if (rest)
      *rest = (uint64_t)numerator % (uint64_t)denominator;
    return (uint64_t)numerator / (uint64_t)denominator;
  }
  int shift = denominator > numerator ? -1 : __clzti2(denominator) - __clzti2(numerator);
  for (; shift >= 0; shift--)
    if (numerator >> shift >= denominator) {
      numerator -= denominator << shift;
      quotient |= (uwide)1 << shift;
    }
  if (rest)
    *rest = numerator;
  return quotient;
}

uwide __udivti3(uwide a, uwide b) { return __udivmodti4(a, b, 0); }
uwide __umodti3(uwide a, uwide b) {
  uwide rest;
  __udivmodti4(a, b, &rest);
  return rest;
}
wide __divti3(wide a, wide b) {
  uwide quotient = __udivmodti4(a < 0 ? -(uwide)a : a, b < 0 ? -(uwide)b : b, 0);
  return (a < 0) != (b < 0) ? -quotient : quotient;
}
wide __modti3(wide a, wide b) {
  uwide rest;
  __udivmodti4(a < 0 ? -(uwide)a : a, b < 0 ? -(uwide)b : b, &rest);
  return a < 0 ? -rest : rest;
}

/* The 64 highest bits as a number with a point, with one bit for all that is lost. */
static long double floated(uwide value) {
  if (!(value >> 64))
    return (uint64_t)value;
  int shift = 64 - __builtin_clzll(value >> 64);
  uint64_t high = value >> shift;
  uint64_t lost = value & (((uwide)1 << shift) - 1) ? 1 : 0;
  return ldexpl(high | lost, shift);
}
long double __floatuntixf(uwide value) { return floated(value); }
double __floatuntidf(uwide value) { return floated(value); }
float __floatuntisf(uwide value) { return floated(value); }
long double __floattixf(wide value) { return value < 0 ? -floated(-(uwide)value) : floated(value); }
double __floattidf(wide value) { return __floattixf(value); }
float __floattisf(wide value) { return __floattixf(value); }

uwide __fixunsxfti(long double value) {
  if (!(value >= 1))
    return 0;
  uint64_t high = ldexpl(value, -64);
  return (uwide)high << 64 | (uint64_t)(value - ldexpl(high, 64));
}
uwide __fixunsdfti(double value) { return __fixunsxfti(value); }
uwide __fixunssfti(float value) { return __fixunsxfti(value); }
wide __fixxfti(long double value) {
  return value < 0 ? -(wide)__fixunsxfti(-value) : (wide)__fixunsxfti(value);
}
wide __fixdfti(double value) { return __fixxfti(value); }
wide __fixsfti(float value) { return __fixxfti(value); }

#define POWER(name, type)                                                                          \
  type name(type base, int exponent) {                                                             \
    unsigned left = exponent < 0 ? -(unsigned)exponent : exponent;                                 \
    type result = left & 1 ? base : 1;                                                             \
    while (left >>= 1) {                                                                           \
      base *= base;                                                                                \
      if (left & 1)                                                                                \
        result *= base;                                                                            \
    }                                                                                              \
    return exponent < 0 ? 1 / result : result;                                                     \
  }
POWER(__powisf2, float)
POWER(__powidf2, double)
POWER(__powixf2, long double)

#define COMPLEX(multiply, divide, type)                                                            \
  _Complex type multiply(type a, type b, type c, type d) {                                         \
    _Complex type result;                                                                          \
    __real__ result = a * c - b * d;                                                               \
    __imag__ result = a * d + b * c;                                                               \
    return result;                                                                                 \
  }                                                                                                \
  _Complex type divide(type a, type b, type c, type d) {                                           \
    long double size = (long double)c * c + (long double)d * d;                                    \
    _Complex type result;                                                                          \
    __real__ result = ((long double)a * c + (long double)b * d) / size;                            \
    __imag__ result = ((long double)b * c - (long double)a * d) / size;                            \
    return result;                                                                                 \
  }
COMPLEX(__mulsc3, __divsc3, float)
COMPLEX(__muldc3, __divdc3, double)
COMPLEX(__mulxc3, __divxc3, long double)
