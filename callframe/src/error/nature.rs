//! E03xx: what no other process can do for the caller.

use super::Code;

pub(super) fn texts(code: Code) -> Option<(&'static str, &'static str)> {
    Some(match code {
        Code::E0301 => (
            "acts on the calling thread itself",
            "The function returns twice, returns elsewhere, or changes the stack or process of its \
             caller: setjmp, longjmp, fork, vfork, getcontext, alloca and their kin. Run in another \
             process it would do that to the other process. Libraries that report errors by longjmp \
             usually offer an interface without it (libpng: png_image_*).",
        ),
        Code::E0302 => (
            "an inline function has no symbol",
            "A function given with a body, or declared inline, is compiled into its caller: the \
             library holds nothing to resolve. Call the functions that its body calls.",
        ),
        Code::E0303 => (
            "a static function cannot be found",
            "A function declared static is visible in its own source file only; the dynamic loader \
             does not see it. Remove `static` if the library does export it.",
        ),
        Code::E0304 => (
            "a va_list belongs to one stack",
            "A va_list leads into the registers and the stack of the function that made it, in a form \
             that depends on types nobody knows. It cannot be copied to another process. Use a \
             function that takes its arguments one by one.",
        ),
        Code::E0305 => (
            "an atomic object is shared memory",
            "_Atomic promises that several threads see each other's writes to one object. A copy in \
             another process keeps no such promise.",
        ),
        Code::E0306 => (
            "another calling convention or layout",
            "The attribute makes the function take its arguments in other registers or lays a type out \
             in another way than the platform's C ABI (ms_abi, regparm, packed, aligned, vector_size, \
             transparent_union ...). Calls follow the platform's ABI.",
        ),
        _ => return None,
    })
}
