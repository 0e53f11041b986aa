//! E02xx: understood, and not carried by this release.

use super::Code;

pub(super) fn texts(code: Code) -> Option<(&'static str, &'static str)> {
    Some(match code {
        Code::E0201 => (
            "not carried: functions of the library that come back",
            "A pointer to a function that the library returns, or hands to a callback, leads to code \
             of the other process. Functions of the program that the library calls (callbacks) are \
             carried. Where the function can return only values that are no functions, such as \
             SIG_DFL, list them with `__or_const(..)`; else call the function by its name.",
        ),
        Code::E0202 => (
            "not carried yet: callbacks with `...`",
            "A function of the library may take `...`, as `__printf`, `__sentinel`, `__variadic` or \
             `__variadic_by` say. A callback may not: what the library passes there is known only to \
             the callback, when it looks. Give the callback the parameters that the library passes it.",
        ),
        Code::E0216 => (
            "not carried yet: bit-fields by value",
            "A record with bit-fields is carried where a pointer leads to it. Passed or returned by value \
             its bits would lie in registers as each ABI decides. Give the storage unit as an ordinary \
             integer member instead: `unsigned flags;` in place of `unsigned a : 1, b : 3;`.",
        ),
        Code::E0221 => (
            "not carried yet: flexible array members",
            "The size of a struct that ends in `T member[]` depends on the data. Give the struct with \
             the array bound that the call uses.",
        ),
        Code::E0223 => (
            "not carried yet: this arithmetic type",
            "Carried are C's integers, float, double, long double and their complex forms, and the \
             standard typedefs. 128-bit integers, decimal floating point, _Float128, vectors, \
             _BitInt, and enums with a type of their own or values of more than 32 bits are not.",
        ),
        _ => return None,
    })
}
