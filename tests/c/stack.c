#include "stack.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct stack {
    int values[100];
    int count;
    char *name;
};

void stack_free(stack *stack)
{
    free(stack->name);
    free(stack);
}

stack *stack_new(const char *name)
{
    stack *made = calloc(1, sizeof *made);
    made->name = strdup(name);
    return made;
}

int stack_push(stack *stack, int value)
{
    if (stack->count == 100) return -1;
    stack->values[stack->count++] = value;
    return stack->count;
}

int stack_values(stack *stack, int *out, size_t n)
{
    size_t count = n < (size_t)stack->count ? n : (size_t)stack->count;
    memcpy(out, stack->values, count * sizeof *out);
    return (int)count;
}

about stack_about(const stack *stack)
{
    about about = { 0, 0 };
    for (int at = 0; at < stack->count; at++) about.mean += stack->values[at];
    if (stack->count > 0) {
        about.mean /= stack->count;
        about.top = stack->values[stack->count - 1];
    }
    return about;
}

int stack_log(stack *stack, const char *format, ...)
{
    char text[100];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    free(stack->name);
    stack->name = strdup(text);
    return (int)strlen(text);
}

char *stack_name(stack *stack) { return strdup(stack->name); }
