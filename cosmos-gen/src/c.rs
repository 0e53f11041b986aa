//! A C header of inline functions, for C99 and later and for C++.
//!
//! The types are those of the library's own headers, which it includes. Each function is a pointer
//! resolved once, by the thread that needs it first; the library is opened once in a program,
//! however many source files include the header. A function that cannot be resolved returns what
//! it returns when a call fails.
//!
//! Functions with `...` are pointers behind a macro: they recover their arguments as the callee of a
//! variadic function does, which cosmos_dlsym offers on x86-64.

mod value;

use crate::functions::{Function, Functions};
use crate::name::prefix;
use cosmos_packs::Pack;
use std::fmt::Write as _;

/// Longest line of a string literal.
const WIDTH: usize = 88;

/// The header of a library's packs. `soname` is what its functions are called in.
pub fn header(soname: &str, packs: &[Pack]) -> String {
    let all = Functions::of(packs);
    let prefix = prefix(soname);
    let guard = format!("{}_COSMOS_H", prefix.to_ascii_uppercase());
    let mut text = front(soname, &prefix, &guard, &all);
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
        text += &inline_function(function, &prefix);
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
        let _ = writeln!(includes, "#include <{header}>");
    }
    format!(
        "/* The functions of {soname}, called in a VM. Made by `cosmos gen c {soname}`: not to be changed.

   crc32 of the library is {prefix}_crc32 here. With COSMOS_REDIRECT defined before, its own name
   means that too. {prefix}_cosmos_open opens the library with options, before the first call. */

#ifndef {guard}
#define {guard}

{definitions}#include <cosmos_vm.h>
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
static inline cosmos_dl *{prefix}_cosmos_open(const cosmos_options *options)
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

static inline cosmos_fn {prefix}_cosmos_function(cosmos_fn *known, const char *prototype)
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

fn inline_function(function: &Function, prefix: &str) -> String {
    let (name, plain) = (function.frame.name(), &function.plain);
    let declaration = declared(&plain.before, &format!("{prefix}_{name}"), &plain.after);
    let pointer = declared(&plain.before, "(*call)", &plain.after);
    let cast = declared(&plain.before, "(*)", &plain.after);
    let prototype = literal(&function.frame.to_string(), "            ");
    let resolve = format!(
        "    static cosmos_fn known;\n    {pointer} =\n        ({cast}){prefix}_cosmos_function(\n            \
         &known,\n{prototype});\n"
    );
    let text = if function.is_variadic() {
        variadic(function, prefix, &resolve)
    } else {
        let names: Vec<&str> = function
            .frame
            .parameters()
            .iter()
            .map(|parameter| parameter.name.as_str())
            .collect();
        let call = format!("call({})", names.join(", "));
        let body = match value::failed(function) {
            None => format!("    if (call != NULL)\n        {call};\n"),
            Some(value::Failed::Expression(value)) => {
                format!("    return call != NULL ? {call} : {value};\n")
            }
            Some(value::Failed::Zeros) => format!(
                "    {} failed;\n\n    if (call != NULL)\n        return {call};\n    \
                 memset(&failed, 0, sizeof failed);\n    return failed;\n",
                plain.before
            ),
        };
        format!("\nstatic inline {declaration}\n{{\n{resolve}\n{body}}}\n")
    };
    if is_c_only(function) {
        format!("\n#ifndef __cplusplus{text}#endif\n")
    } else {
        text
    }
}

/// A function that gives the pointer, a function to point to where there is none, and a macro.
fn variadic(function: &Function, prefix: &str, resolve: &str) -> String {
    let (name, plain) = (function.frame.name(), &function.plain);
    let own = format!("{prefix}_{name}");
    let failing = declared(&plain.before, &format!("{own}_failing"), &plain.after);
    let getter = declared(
        &plain.before,
        &format!("(*{own}_pointer(void))"),
        &plain.after,
    );
    let unused: String = function
        .frame
        .parameters()
        .iter()
        .map(|parameter| format!("    (void){};\n", parameter.name))
        .collect();
    let value = match value::failed(function) {
        None => String::new(),
        Some(value::Failed::Expression(value)) => format!("    return {value};\n"),
        Some(value::Failed::Zeros) => format!(
            "    {} failed;\n    memset(&failed, 0, sizeof failed);\n    return failed;\n",
            plain.before
        ),
    };
    format!(
        "\nstatic inline {failing}\n{{\n{unused}{value}}}\n\nstatic inline {getter}\n{{\n{resolve}\n    \
         return call != NULL ? call : {own}_failing;\n}}\n#define {own} (*{own}_pointer())\n"
    )
}

/// What the library would release is the program's own memory: a copy made by malloc.
fn releasing(name: &str, prefix: &str) -> String {
    format!(
        "\n/* What a function of the library gave away is memory of this program. */\n\
         static inline void {prefix}_{name}(void *memory)\n{{\n    free(memory);\n}}\n"
    )
}

fn redirections(names: &[String], prefix: &str) -> String {
    let mut text = "\n#ifdef COSMOS_REDIRECT\n".to_owned();
    for name in names {
        let _ = write!(text, "#undef {name}\n#define {name} {prefix}_{name}\n");
    }
    text + "#endif\n"
}

/// C++ has other complex numbers.
fn is_c_only(function: &Function) -> bool {
    let has = |text: &str| text.contains("complex") || text.contains("_Complex");
    has(&function.plain.before) || has(&function.plain.after)
}

/// `before`, the name and `after`, with a blank where one is needed.
fn declared(before: &str, name: &str, after: &str) -> String {
    let blank = if before.ends_with('*') { "" } else { " " };
    format!("{before}{blank}{name}{after}")
}

/// A string literal over as many lines as it takes.
fn literal(text: &str, indent: &str) -> String {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_inclusive(' ') {
        if !line.is_empty() && line.len() + word.len() > WIDTH {
            lines.push(std::mem::take(&mut line));
        }
        line.push_str(word);
    }
    lines.push(line);
    let quoted = lines.iter().map(|line| {
        let escaped = line.replace('\\', "\\\\").replace('"', "\\\"");
        format!("{indent}\"{escaped}\"")
    });
    quoted.collect::<Vec<_>>().join("\n")
}
