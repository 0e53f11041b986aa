/* Gives back one of two structs, when everything around them arrived as it should. */
#include "by_value.h"
#include <string.h>

#define PASS(name, members, one, two, equality) \
    struct name pass_##name(int which, struct name first, double between, struct name last) \
    { \
        if (between != 2.5) \
            memset(&first, 0, sizeof first); \
        return which == 1 ? first : last; \
    }
SHAPES(PASS)
