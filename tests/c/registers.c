/* Functions of three to eight scalars of every kind, in the registers and beside them. */

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

/* Every kind of integer, and the two kinds of floats, in turns. */
double turns(signed char a, float b, unsigned short c, double d, int e, float f, unsigned g, double h) {
    return a + 3 * b + 5.0 * c + 7 * d + 11.0 * e + 13 * f + 17.0 * g + 19 * h;
}

/* As many floats as there are registers for them. */
float floats(float a, double b, float c, double d, float e, double f, float g, double h) {
    return (float)(a - b + c - d + e - f + g - h);
}

/* As many integers as there are. */
long integers(long a, short b, unsigned char c, int d, _Bool e, long f) {
    return a ^ (long)b << 1 ^ (long)c << 2 ^ (long)d << 3 ^ (long)e << 4 ^ f << 5;
}

/* One more, which is on the stack. */
long stack(long a, short b, unsigned char c, int d, _Bool e, long f, short g) {
    return integers(a, b, c, d, e, f) ^ (long)g << 6;
}

/* Narrow results, of which the caller expects a whole register. */
signed char narrow(int a, int b, int c) {
    errno = a;
    return (signed char)(a + b + c);
}

unsigned short wide(unsigned a, float b, unsigned char c) {
    return (unsigned short)(a + (unsigned)b + c);
}

_Bool any(double a, int b, char c) {
    return a != 0 || b || c;
}

/* Buffers that enter, that leave, and that do both, beside numbers. */
size_t mix(char *to, size_t room, const char *from, unsigned char step, double *total) {
    size_t length = strlen(from), written = 0;
    for (size_t index = 0; index < length && written < room; index += step ? step : 1)
        to[written++] = (char)(from[index] + 1);
    *total += (double)written;
    return written;
}

/* Calls a function of three and one of six scalars. */
double each(int (*compare)(const int *a, const int *b, long more),
            double (*add)(float a, int b, double c, short d, unsigned char e, float f), int n) {
    double sum = 0;
    for (int index = 0; index < n; index++) {
        int other = n - index;
        sum += compare(&index, &other, -(long)index);
        sum += add((float)index, -index, index / 4.0, (short)-index, (unsigned char)index, 0.5f);
    }
    return sum;
}
