/* A library whose header says enough for most of its functions. */
#ifndef STACK_H
#define STACK_H
#include <stddef.h>

typedef struct stack stack;

typedef struct {
    int top;
    double mean;
} about;

void stack_free(stack *stack);
stack *stack_new(const char *name) __attribute__((malloc(stack_free, 1)));
int stack_push(stack *stack, int value);
int stack_values(stack *stack, int *out, size_t n) __attribute__((access(write_only, 2, 3)));
about stack_about(const stack *stack);
int stack_log(stack *stack, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *stack_name(stack *stack);

#endif
