/* Variadic functions of each kind. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "a|b|c" of all texts up to the NULL; the caller frees it. */
char *join(const char *first, ...) {
    size_t length = 1;
    va_list list;
    va_start(list, first);
    for (const char *text = first; text; text = va_arg(list, const char *))
        length += strlen(text) + 1;
    va_end(list);
    char *joined = malloc(length);
    if (!joined)
        return NULL;
    joined[0] = 0;
    va_start(list, first);
    for (const char *text = first; text; text = va_arg(list, const char *)) {
        strcat(joined, text);
        strcat(joined, "|");
    }
    va_end(list);
    return joined;
}

/* How many texts follow the number. */
int count(int number, ...) {
    va_list list;
    va_start(list, number);
    while (va_arg(list, const char *))
        number++;
    va_end(list);
    return number;
}

/* The sum of so many doubles. */
double sum(int number, ...) {
    double total = 0;
    va_list list;
    va_start(list, number);
    while (number-- > 0)
        total += va_arg(list, double);
    va_end(list);
    return total;
}

struct point {
    double x, y;
    int z;
};

/* What snprintf makes of it, after a struct in memory and a float. */
int framed(char *buffer, size_t size, struct point point, const char *format, ...) {
    va_list list;
    va_start(list, format);
    int written = snprintf(buffer, size, "(%g %g %d) ", point.x, point.y, point.z);
    if (written >= 0 && (size_t)written < size)
        written += vsnprintf(buffer + written, size - (size_t)written, format, list);
    va_end(list);
    return written;
}

/* Floating results and float parameters in front of a format. */
double scaled(float factor, const char *format, ...) {
    char text[64];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    return (double)factor * atof(text);
}

/* Prints the one argument that `kind` says; 6 is written instead. */
int chosen(char *buffer, size_t size, int kind, ...) {
    va_list list;
    int result = -1;
    va_start(list, kind);
    switch (kind) {
    case 1:
        result = snprintf(buffer, size, "int %d", va_arg(list, int));
        break;
    case 2:
        result = snprintf(buffer, size, "double %g", va_arg(list, double));
        break;
    case 3:
        result = snprintf(buffer, size, "text %s", va_arg(list, const char *));
        break;
    case 4:
        result = snprintf(buffer, size, "long double %Lg", va_arg(list, long double));
        break;
    case 5: {
        struct point point = va_arg(list, struct point);
        result = snprintf(buffer, size, "point %g %g %d", point.x, point.y, point.z);
        break;
    }
    case 6:
        *va_arg(list, int *) = 66;
        result = snprintf(buffer, size, "written");
        break;
    default:
        result = snprintf(buffer, size, "long %ld", va_arg(list, long));
    }
    va_end(list);
    return result;
}
