//! E01xx: what is wrong with the text.

use super::Code;

pub(super) fn texts(code: Code) -> Option<(&'static str, &'static str)> {
    Some(match code {
        Code::E0101 => (
            "the text is too long",
            "A prototype string, together with the records and typedefs given before it, may have 64 \
             KiB; a file of declarations 4 MiB. Prototypes of real functions with all they need are a \
             few hundred bytes: give only the types that the prototype uses.",
        ),
        Code::E0102 => (
            "a character or constant that C does not have",
            "The text holds something that is no token of the language: a character outside C's set, \
             a comment or literal without an end, an integer constant with a wrong suffix or digit, a \
             preprocessor line. Preprocessor lines are skipped in files, never inside a prototype \
             string.",
        ),
        Code::E0103 => (
            "cannot tell how far a pointer reaches",
            "C does not say how many bytes a pointer to char, unsigned char, wchar_t or void leads \
             to, nor how many elements an array `a[]` has, and what is copied to the other process must be neither too little nor too much. Say \
             it after the `*`: `__sized_by(n)` for n bytes, `__counted_by(n)` for n elements, \
             `__null_terminated` for a string, `__single` for exactly one; `__handle` if it is an \
             object that lives with the library. n may be a parameter, `*param`, a constant, \
             sizeof(type) or arithmetic on those. Say also which way the data flows: `__in`, `__out` \
             or `__inout`. Only `const char *` needs no words: it is a string that goes in.",
        ),
        Code::E0104 => (
            "something else was expected here",
            "The text is not a C declaration at this place. A prototype string is one declaration as \
             it stands in a header, such as `double cos(double x)`, with the records and typedefs it \
             needs before it, each ended by `;`. Annotations stand where `const` could stand: after \
             the `*` they describe, after the parameter's name, or after the closing `)` for the \
             function.",
        ),
        Code::E0105 => (
            "nested too deeply",
            "Parentheses, declarators, records or pointers are nested deeper than any real \
             declaration nests them. The limit keeps hostile text from exhausting the stack of the \
             program that parses it. Give the inner part a name with a typedef or a record tag.",
        ),
        Code::E0106 => (
            "unknown type name",
            "The name stands where a type must stand, and is neither a standard type nor given before \
             the prototype. Give it as C text, separated by `;`: `typedef struct gadget gadget; int \
             gadget_open(gadget *g)`. A struct whose members are not given is a handle.",
        ),
        Code::E0107 => (
            "a pointer inside a copied struct says nothing of itself",
            "A struct that travels takes along what its pointer members lead to, and no default can \
             say how much that is, which way it flows or who owns it. Give the struct before the \
             prototype with annotated members: `struct blob { const void *__sized_by(n) data; size_t \
             n; };`, or `__handle` and `__static` where they are right. If the struct itself lives \
             with the library, `__handle` on the parameter is enough. A struct of the standard \
             library can be given anew in the same way.",
        ),
        Code::E0108 => (
            "directions contradict each other",
            "Data behind one pointer goes in (`__in`), comes back (`__out`) or both (`__inout`): one \
             of the three, once, and `const` data only goes in. A result always comes back and takes \
             no direction.",
        ),
        Code::E0109 => (
            "more than one extent",
            "How far a pointer reaches is said once: by `__counted_by`, `__sized_by`, `__single`, \
             `__null_terminated` or `__terminated_by`, by an array bound, or by GCC's access \
             attribute. Keep the one that is right.",
        ),
        Code::E0110 => (
            "`__filled` where nothing is filled",
            "`__filled(e)` says how much of a buffer is valid after the call. It needs a buffer that \
             comes back (`__out` or `__inout`) and a capacity given by `__sized_by` or \
             `__counted_by`; it counts in the same unit.",
        ),
        Code::E0111 => (
            "no such parameter or field",
            "An annotation names something that the function has not: in a parameter's annotation the \
             names are those of the parameters, in a member's those of the members beside it. \
             Constants of enums given before are known too; macros are not.",
        ),
        Code::E0112 => (
            "an expression reads what has no value there",
            "Sizes are computed from integers that exist at that moment. Before the call those are \
             integer parameters and, with `*p`, the integer an `__in` or `__inout` pointer leads to; \
             after the call (`__filled`, `__success`, extents of what comes back) also `return` and \
             what `__out` pointers lead to. Pointers, floating point values and structs have no \
             integer value, and a function that returns nothing has no `return`.",
        ),
        Code::E0113 => (
            "an annotation on what is no pointer",
            "Directions, extents, handles and owners belong to pointers. Write the annotation after \
             the `*` it describes, or after the parameter's name for the outermost one: `char *__out \
             __sized_by(n) buf`, not `__out char *buf`. For an array parameter `T __out p[n]` is \
             right too.",
        ),
        Code::E0114 => (
            "no such annotation, or wrong arguments",
            "Annotations are the identifiers listed in the language's documentation; each always or \
             never takes arguments, so that a header can define it away. Check the spelling and the \
             parentheses. As a C23 attribute the same word is written `[[cosmos::out]]`.",
        ),
        Code::E0115 => (
            "type specifiers that make no type",
            "C knows combinations such as `unsigned long int`, `long double` and `double _Complex`, in \
             any order; what stands here is none of them. A declaration names exactly one type.",
        ),
        Code::E0116 => (
            "defined twice",
            "A struct, union, enum constant or typedef is given twice with different meanings. Types \
             of the standard library may be given anew, once; what a text itself gives it gives once.",
        ),
        Code::E0117 => (
            "a type that is not complete",
            "A struct whose members are unknown can only be pointed to, as a handle: it can neither be \
             passed by value nor copied. Give its members before the prototype, or remove the \
             direction and the extent if it is a handle. An enum must be given before it is used, \
             because its values decide whether it is signed.",
        ),
        Code::E0118 => (
            "strict: the direction must be written",
            "Without `--strict` an unannotated `T *` is one T that goes in and comes back. Strict \
             checking wants that written, because it is the one default that is easily wrong: add \
             `__in`, `__out` or `__inout`, or the extent.",
        ),
        Code::E0119 => (
            "a name used twice",
            "Two parameters of one function, or two members of one record, have the same name. \
             Annotations refer to them by name, so the names must differ.",
        ),
        Code::E0120 => (
            "`__alias` of what cannot be pointed into",
            "`__alias(p)` says that a pointer which comes back (a result, or what an `__out` pointer \
             leads to) points into the data of parameter p and travels as an offset. p must be a \
             pointer parameter whose data is copied, and the pointer must be one that comes back.",
        ),
        Code::E0121 => (
            "a constant out of range",
            "The constant does not fit where it stands: an integer constant fits 64 bits, an array \
             has between one and 67108864 elements, arithmetic on constants must not overflow or \
             divide by zero, and a terminator must be a value of its type.",
        ),
        Code::E0122 => (
            "two kinds of pointer at once",
            "A pointer is data that is copied, or a handle (`__handle`, `__closed_by`, `__consume`), \
             or an alias into a parameter, or an opaque value. Only data has a direction, an extent \
             and an owner.",
        ),
        Code::E0123 => (
            "an owner where none belongs",
            "`__owned(f)`, `__borrowed` and `__static` say whose memory a pointer is that comes back: \
             a result, what an `__out` pointer leads to, or a member of a record that comes back. \
             Exactly one of them applies. Data that the caller passes in stays the caller's.",
        ),
        Code::E0124 => (
            "not exactly one function",
            "A prototype string declares one function, after the types it needs. Variables, several \
             functions, or types alone have nothing to call.",
        ),
        Code::E0125 => (
            "not a type that C can declare",
            "Functions return neither arrays nor functions, arrays hold neither functions nor void, \
             and no parameter or member is of type void; `(void)` alone means no parameters.",
        ),
        Code::E0126 => (
            "an extent that does not suit the type",
            "`__null_terminated` and `__terminated_by` look for an integer or pointer value among \
             elements, so they do not fit structs and floating point numbers. `void` has no elements \
             to count: use `__sized_by`. The extent of a single function-like thing cannot be counted.",
        ),
        Code::E0127 => (
            "an annotation in the wrong place",
            "`__success`, `__fail`, `__noerrno`, `__idempotent`, `__timeout`, `__noreturn`, \
             `__nocallback` and the words about `...` belong to the function and stand after its closing `)`; the others belong to a pointer or \
             an int. Each is written once.",
        ),
        Code::E0128 => (
            "`__fd` on what is no int",
            "A file descriptor is an `int`. The descriptor itself is passed to the other process, so \
             `__fd` cannot stand on a pointer or another type.",
        ),
        Code::E0129 => (
            "a failure value that the function cannot return",
            "`__fail(v)` is what the caller sees when the call itself failed. v must be a value of the \
             result's type: an integer in its range, a number for floating point, 0 or a constant \
             address such as -1 for pointers. Functions returning void or a struct have none.",
        ),
        Code::E0130 => (
            "too much of something",
            "Declarations have limits that no real one meets: 127 parameters, 1024 members of a \
             record, 256 operations in an expression, 64 MiB of data in a record. They keep hostile \
             text from consuming memory and time.",
        ),
        Code::E0131 => (
            "empty parentheses",
            "`int f()` says nothing of the parameters before C23 and means `int f(void)` since. \
             Because a call with the wrong number of arguments is never noticed in C, write `(void)` \
             for a function without parameters.",
        ),
        Code::E0132 => (
            "whose memory comes back",
            "A pointer that comes back from the other process must lead somewhere in this one. Say \
             whose memory it is: `__owned(f)` (you free it with free(), f runs over there), \
             `__borrowed` (valid until the next call of this function on this thread), `__static` \
             (valid until dlclose), `__alias(p)` (points into parameter p), or `__handle` (an object \
             that stays there).",
        ),
        Code::E0133 => (
            "an attribute that is not understood",
            "Attributes can change how a function is called or how a type is laid out, so one that is \
             unknown is refused rather than skipped. Remove it if it says nothing of the calling \
             convention or the layout.",
        ),
        Code::E0140 => (
            "callbacks and something else at once",
            "`__scope(h)` says of a pointer to a function how long the library may call it. It stands \
             after its `*` or after the parentheses with what it takes, as does `__or_const(0, -1)`, \
             which lists values that are no functions. The other annotations of pointers describe data and objects, which a \
             function is not; those of what it takes and returns stand inside of its parentheses.",
        ),
        Code::E0141 => (
            "a scope that is no handle",
            "A callback may be called while the function runs. `__scope(h)` lets the library keep it \
             until the handle in parameter h is closed, so h must be a handle parameter of the same \
             function, as in `void XML_SetEndElementHandler(XML_Parser *__handle parser, void \
             (*end)(void *__opaque, const char *) __scope(parser))`. Callbacks in members of records \
             are valid during the call only.",
        ),
        Code::E0145 => (
            "constants in place of data",
            "`__or_const(0, -1)` lists values that a pointer may have besides leading to something: \
             iconv_open answers -1 where it fails, SQLITE_TRANSIENT is -1 in place of a function. \
             They travel as they are. Data that is copied has no such values; NULL is always allowed.",
        ),
        Code::E0147 => (
            "an object in memory of the caller's",
            "`__closed_by(f)` on a parameter says that the function makes an object in memory that the \
             caller provides, as regcomp does. The object lives in the VM, and its numbers are kept alike \
             on both sides, so its struct has to be known, and have no unions of pointers and no \
             bit-fields. Pointers among its members need no annotations: they are the library's own.",
        ),
        Code::E0148 => (
            "a cursor that is none",
            "`__cursor(next, available)` names two members of the struct that a handle leads to: a pointer \
             to numbers that walks through a buffer of the caller's during the call, and an integer that \
             says how many elements are left behind it. A buffer of const elements goes in, any other \
             comes back. Neither may be where the object's token is: the first pointer to a struct that \
             is not known, or else the first `void *`, or else the first eight bytes.",
        ),
        Code::E0146 => (
            "what the library keeps",
            "`__retained(h)` says that the library goes on reading what a parameter leads to until h is \
             closed. The VM keeps its copy that long: data without pointers, that only goes in. h is a \
             handle, or a record that comes back and holds one; what keeps the data of several calls \
             cannot be a number or a buffer.",
        ),
        Code::E0160 => (
            "nothing says what takes the place of `...`",
            "Machine code does not show how many arguments stand in place of `...`, nor of which types, \
             and what is unknown cannot be carried. `__printf(f, first)` types them by the format in \
             parameter f (GCC's format attribute is understood), `__sentinel` says they are text up to \
             a NULL, `__variadic_by(tag)` lets the value of a parameter choose from a table, and \
             `__variadic(n)` says that the arguments are written out among the parameters, of which \
             the first n are the named ones.",
        ),
        Code::E0161 => (
            "an argument that C passes as another type",
            "In place of `...` C passes float as double, and integers narrower than int as int. A \
             prototype with `__variadic(n)` writes the arguments as they are passed: double, int.",
        ),
        Code::E0162 => (
            "a word about `...` that does not suit the function",
            "`__printf(f, first)`, `__sentinel` and `__variadic_by(tag)` stand on a function with `...`, \
             `__variadic(n)` on one without. Positions count from 1: f is the format, a `const char *` \
             that goes in, and first is one more than the number of parameters. Of `__variadic(n)` n is \
             the number of named parameters. tag is an integer parameter. One of them is said once.",
        ),
        Code::E0163 => (
            "a table of variadic arguments that does not say what is meant",
            "`__variadic_by(tag)` needs a table: a union called FUNCTION_variadic, given before the \
             prototype (that of curl_easy_setopt and curl_easy_getinfo is known). Its members are the \
             types that may take the place of `...`, as parameters would be declared; `__case(v, ..)` \
             and `__case_range(first, last)` after a member's name are the values of the tag for which \
             it is there, and one member without either is there for all others. No value stands on \
             two members, no ranges overlap; a single value goes before a range.",
        ),
        Code::E0164 => (
            "a time limit that is none",
            "`__timeout(ms)` is the time in milliseconds that one call may take, from 1 to 4294967295. \
             Without it the limit of the library, the options or the configuration holds.",
        ),
        Code::E0165 => (
            "a name without a prototype",
            "A function can be called by its name alone where a prototype pack of its library tells the \
             rest: packs for libc.so.6, libm.so.6, libz.so.1 and others come with cosmos, and the \
             configuration key `packs` names directories of further ones. No pack of this library has \
             this name. Give the prototype, or write it into a pack of your own.",
        ),
        _ => return None,
    })
}
