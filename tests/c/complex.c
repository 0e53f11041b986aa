/* Complex numbers for a language whose calls cannot carry them. */
#include <complex.h>
#include <string.h>

void apply(double complex (*function)(double complex), const double *number, double *result)
{
    double complex given, got;
    memcpy(&given, number, sizeof given);
    got = function(given);
    memcpy(result, &got, sizeof got);
}
