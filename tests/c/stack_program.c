/* Uses the library of stack.h as its header says; compiled against it or against the header that
   `cosmos gen c` made. */
#include "stack.h"
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    int values[5] = { 0 };
    stack *numbers = stack_new("numbers");
    about about;
    char *name;

    stack_push(numbers, 5);
    stack_push(numbers, -7);
    printf("%d:", stack_values(numbers, values, 5));
    printf(" %d %d %d\n", values[0], values[1], values[2]);
    about = stack_about(numbers);
    printf("%d %g\n", about.top, about.mean);
    printf("%d\n", stack_log(numbers, "%s-%d-%.2f", "five", 5, 5.0));
    name = stack_name(numbers);
    puts(name);
    free(name);
    stack_free(numbers);
    return 0;
}
