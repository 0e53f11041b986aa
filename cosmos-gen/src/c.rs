//! A C header of inline functions, for C from C89 on and for C++: `__inline__` is what compilers call it in all of
//! them.
//!
//! The types are those of the library's own headers, which it includes. Each function is a pointer
//! resolved once, by the thread that needs it first; the library is opened once in a program,
//! however many source files include the header. A function that cannot be resolved returns what
//! it returns when a call fails.
//!
//! | file | purpose |
//! |---|---|
//! | `function` | one function |
//! | `variadic` | one with `...` |
//! | `value` | what it returns where it cannot be had |

mod function;
mod value;
mod variadic;

use crate::functions::Functions;
use crate::name::prefix;
use cosmos_packs::Pack;
use std::fmt::Write as _;

/// The header of a library's packs. `soname` is what its functions are called in.
pub fn header(soname: &str, packs: &[Pack]) -> String {
    let all = Functions::of(packs);
    let prefix = prefix(soname);
    let guard = format!("{}_COSMOS_H", prefix.to_ascii_uppercase());
    let mut text = front(soname, &prefix, &guard, &all);
    if all.functions.iter().any(|function| function.is_variadic()) {
        text += &variadic::helper(&prefix);
    }
    let mut redirected = Vec::new();
    let mut left_out = Vec::new();
    for function in &all.functions {
        let name = function.frame.name();
        if !function.names_its_parameters() || function.plain.before.contains('(') {
            left_out.push(format!(
                "{name}: a parameter without a name, or a function that returns one"
            ));
            continue;
        }
        text += &function::text(function, &prefix);
        redirected.push(name.to_owned());
    }
    for name in &all.releasing {
        text += &releasing(name, &prefix);
        redirected.push(name.clone());
    }
    let refused = all
        .refused
        .iter()
        .map(|(name, error)| format!("{name}: {error}"));
    left_out.extend(refused);
    text += &redirections(&redirected, &prefix);
    if !left_out.is_empty() {
        let lines: String = left_out.iter().map(|line| format!("   {line}\n")).collect();
        let _ = write!(text, "\n/* Left out:\n{}*/\n", lines.replace("*/", "* /"));
    }
    let _ = write!(text, "\n#endif\n");
    text
}

fn front(soname: &str, prefix: &str, guard: &str, all: &Functions) -> String {
    let mut definitions = String::new();
    for name in &all.definitions {
        let _ = write!(definitions, "#ifndef {name}\n#define {name}\n#endif\n");
    }
    let mut includes = String::new();
    for header in &all.headers {
        let _ = writeln!(includes, "#include {header}");
    }
    format!(
        "/* The functions of {soname}, called in a VM. Made by `cosmos gen c {soname}`: not to be changed.

   crc32 of the library is {prefix}_crc32 here. With COSMOS_REDIRECT defined before, its own name
   means that too. {prefix}_cosmos_open opens the library with options, before the first call. */

#ifndef {guard}
#define {guard}

{definitions}#include <cosmos_vm.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
{includes}
#ifdef __cplusplus
extern \"C\" {{
#endif

/* The library: one for all source files. */
__attribute__((weak)) cosmos_dl *{prefix}_cosmos_dl;

#ifdef __cplusplus
}}
#endif

/* Opens the library, unless it is open; NULL, and cosmos_dlerror, where that fails. */
static __inline__ cosmos_dl *{prefix}_cosmos_open(const cosmos_options *options)
{{
    cosmos_dl *opened = __atomic_load_n(&{prefix}_cosmos_dl, __ATOMIC_ACQUIRE);
    cosmos_dl *none = NULL;

    if (opened != NULL)
        return opened;
    opened = cosmos_dlopen(\"{soname}\", options);
    if (opened != NULL
        && !__atomic_compare_exchange_n(
            &{prefix}_cosmos_dl, &none, opened, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {{
        /* Another thread was faster. */
        cosmos_dlclose(opened);
        opened = none;
    }}
    return opened;
}}

static __inline__ cosmos_fn {prefix}_cosmos_function(cosmos_fn *known, const char *prototype)
{{
    cosmos_fn function = __atomic_load_n(known, __ATOMIC_ACQUIRE);

    if (function == NULL) {{
        cosmos_dl *library = {prefix}_cosmos_open(NULL);
        if (library != NULL)
            function = cosmos_dlfunc(library, prototype);
        __atomic_store_n(known, function, __ATOMIC_RELEASE);
    }}
    return function;
}}
"
    )
}

/// What the library would release is the program's own memory: a copy made by malloc.
fn releasing(name: &str, prefix: &str) -> String {
    format!(
        "\n/* What a function of the library gave away is memory of this program. */\n\
         static __inline__ void {prefix}_{name}(void *memory)\n{{\n    free(memory);\n}}\n"
    )
}

fn redirections(names: &[String], prefix: &str) -> String {
    let mut text = "\n#ifdef COSMOS_REDIRECT\n".to_owned();
    for name in names {
        let _ = write!(text, "#undef {name}\n#define {name} {prefix}_{name}\n");
    }
    text + "#endif\n"
}
