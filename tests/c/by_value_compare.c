/* by_value_compare LIBRARY: every shape there and back through a VM, by function pointer. */
#include "by_value.h"
#include <cosmos_vm.h>
#include <stdio.h>

static int failures;

#define COMPARE(name, members, one, two, equality) \
    static int equal_##name(struct name a, struct name b) { return equality; } \
    static void compare_##name(cosmos_dl *library) \
    { \
        typedef struct name (*function)(int, struct name, double, struct name); \
        const struct name first = one, last = two; \
        function pass = (function)cosmos_dlfunc( \
            library, "struct " #name " { " #members " }; struct " #name " pass_" #name \
            "(int which, struct " #name " first, double between, struct " #name " last)"); \
        if (!pass) { \
            printf("%s: %s\n", #name, cosmos_dlerror()); \
            failures++; \
        } else if (!equal_##name(pass(1, first, 2.5, last), first) || \
                   !equal_##name(pass(2, first, 2.5, last), last)) { \
            printf("%s: came back changed\n", #name); \
            failures++; \
        } else { \
            printf("%s: the same\n", #name); \
        } \
    }
SHAPES(COMPARE)

#define CALL(name, members, one, two, equality) compare_##name(library);

int main(int count, char **arguments)
{
    cosmos_dl *library = count == 2 ? cosmos_dlopen(arguments[1], NULL) : NULL;

    if (!library) {
        printf("%s\n", cosmos_dlerror());
        return 2;
    }
    SHAPES(CALL)
    return cosmos_dlclose(library) != 0 || failures != 0;
}
