//! Functions with `...`.
//!
//! Each takes its arguments from its own `va_list`, which C does alike on every machine. Where a table
//! tells the type of the one argument, it calls the concrete function for it. What a format or a list of
//! text asks for, the library tells from the named arguments, and is given the addresses of what was
//! taken; [`helper`] does that for all of them.

use super::function::{declared, literal, names, resolved};
use super::value::{self, Failed};
use crate::functions::Function;
use callframe::CallFrame;
use callframe::types::{Case, RecordName, Table, Type, TypeId, Variadic};
use callframe::variadic::Argument;
use std::fmt::Write as _;

/// The function.
pub(super) fn text(function: &Function, prefix: &str) -> String {
    match function.frame.variadic() {
        Some(Variadic::By(table)) => {
            by_table(function, table, prefix).unwrap_or_else(|| walking(function, prefix))
        }
        _ => walking(function, prefix),
    }
}

/// What takes arguments from a `va_list` as the library says, and calls.
pub(super) fn helper(prefix: &str) -> String {
    format!(
        "
/* An argument in place of `...`. */
union {prefix}_cosmos_argument {{
    int i;
    long l;
    long long q;
    double d;
    long double D;
    void *p;
}};

/* Calls a function with the values of its named parameters, whose addresses arguments begins with, and
   those in list; without a library or types for them it does nothing, and errno says why. */
static __inline__ void {prefix}_cosmos_variadic(
    const char *prototype, void **arguments, int named, void *result, va_list list)
{{
    union {prefix}_cosmos_argument values[COSMOS_VARIADIC_ARGUMENTS];
    char types[COSMOS_VARIADIC_ARGUMENTS + 1];
    cosmos_dl *library = {prefix}_cosmos_open(NULL);
    const char *type = types;
    int count = 0;

    if (library == NULL
        || cosmos_variadic_types(library, prototype, arguments, types, sizeof types) < 0)
        return;
    while (*type != '\\0') {{
        union {prefix}_cosmos_argument *value = &values[count];

        if (count == COSMOS_VARIADIC_ARGUMENTS) {{
            errno = EMSGSIZE;
            return;
        }}
        switch (*type) {{
        case 'i': value->i = va_arg(list, int); break;
        case 'l': value->l = va_arg(list, long); break;
        case 'q': value->q = va_arg(list, long long); break;
        case 'd': value->d = va_arg(list, double); break;
        case 'D': value->D = va_arg(list, long double); break;
        default: value->p = va_arg(list, void *); break;
        }}
        arguments[named + count++] = value;
        /* A list goes on up to its NULL. */
        if (*type != 's' || value->p == NULL)
            type++;
    }}
    cosmos_variadic_call(library, prototype, arguments, count, result);
}}
"
    )
}

/// A function that hands its `va_list` on.
fn walking(function: &Function, prefix: &str) -> String {
    let (before, after) = (&function.plain.before, &function.plain.after);
    let own = format!("{prefix}_{}", function.frame.name());
    let names = names(&function.frame);
    let last = names.last().copied().unwrap_or_default();
    let taken: String = names
        .iter()
        .enumerate()
        .map(|(index, name)| format!("    cosmos_arguments[{index}] = (void *)&{name};\n"))
        .collect();
    let (result, place, returned) = match value::failed(function) {
        None => (String::new(), "NULL", ""),
        Some(Failed::Expression(value)) => (
            format!("    {} = {value};\n", declared(before, "cosmos_result", "")),
            "(void *)&cosmos_result",
            "    return cosmos_result;\n",
        ),
        Some(Failed::Zeros) => (
            format!("    {};\n", declared(before, "cosmos_result", "")),
            "(void *)&cosmos_result",
            "    return cosmos_result;\n",
        ),
    };
    let cleared = match value::failed(function) {
        Some(Failed::Zeros) => "    memset(&cosmos_result, 0, sizeof cosmos_result);\n",
        _ => "",
    };
    let count = names.len();
    format!(
        "\nstatic __inline__ {}\n{{\n    void *cosmos_arguments[{count} + COSMOS_VARIADIC_ARGUMENTS];\n{result}    \
         va_list cosmos_list;\n\n{cleared}{taken}    va_start(cosmos_list, {last});\n    {prefix}_cosmos_variadic(\n{},\n        \
         cosmos_arguments, {count}, {place}, cosmos_list);\n    va_end(cosmos_list);\n{returned}}}\n",
        declared(before, &own, after),
        literal(&function.frame.to_string(), "        "),
    )
}

/// A function that looks the type of its argument up.
fn by_table(function: &Function, table: &Table, prefix: &str) -> Option<String> {
    let frame = &function.frame;
    let (before, after) = (&function.plain.before, &function.plain.after);
    let names = names(frame);
    let (tag, last) = (names.get(table.tag as usize)?, names.last()?);
    let Some(Failed::Expression(failed)) = value::failed(function) else {
        return None;
    };
    let own = format!("{prefix}_{}", frame.name());
    let mut text = format!(
        "\nstatic __inline__ {}\n{{\n    const long long tag = (long long){tag};\n    {} result = {failed};\n    \
         va_list list;\n\n    va_start(list, {last});\n",
        declared(before, &own, after),
        before.trim_end(),
    );
    let mut branches = Vec::new();
    for (index, case) in ordered(table) {
        let concrete = frame.with_arguments(&[Argument::Case(index)]);
        let ty = argument(frame, case.ty);
        let after = after.replace("...", &ty);
        branches.push(format!(
            "{}{{\n{}        {} = va_arg(list, {ty});\n\n        if (call != NULL)\n            \
             result = call({}, argument);\n    }}",
            condition(case),
            resolved(before, &after, &concrete, prefix, "        "),
            declared(&ty, "argument", ""),
            names.join(", "),
        ));
    }
    if table.cases.iter().all(names_values) {
        let nothing =
            "{\n        /* Nothing is there for this value. */\n        errno = EINVAL;\n    }";
        branches.push(nothing.to_owned());
    }
    let _ = writeln!(text, "    {}", branches.join(" else "));
    Some(text + "    va_end(list);\n    return result;\n}\n")
}

/// The cases in the order in which they are tried: single values, ranges, the rest.
fn ordered(table: &Table) -> Vec<(usize, &Case)> {
    let mut cases: Vec<(usize, &Case)> = table.cases.iter().enumerate().collect();
    cases.sort_by_key(|(_, case)| (case.values.is_empty(), case.range.is_none()));
    cases
}

fn names_values(case: &Case) -> bool {
    !case.values.is_empty() || case.range.is_some()
}

/// `if (tag == 1 || (tag >= 5 && tag <= 9))`, over several lines where there are many.
fn condition(case: &Case) -> String {
    let mut tests: Vec<String> = case
        .values
        .iter()
        .map(|value| format!("tag == {value}"))
        .collect();
    if let Some((first, last)) = case.range {
        tests.push(format!("(tag >= {first} && tag <= {last})"));
    }
    if tests.is_empty() {
        return String::new();
    }
    let lines: Vec<String> = tests.chunks(5).map(|some| some.join(" || ")).collect();
    format!("if ({}) ", lines.join("\n        || "))
}

/// The argument's type: any pointer is one to void, which C passes alike.
fn argument(frame: &CallFrame, ty: TypeId) -> String {
    match frame.ty(ty) {
        Type::Scalar(scalar) => scalar.c_name().to_owned(),
        Type::Descriptor => "int".to_owned(),
        Type::Record(record) => {
            let record = frame.record(*record);
            let keyword = if record.union { "union" } else { "struct" };
            match &record.name {
                RecordName::Tag(name) => format!("{keyword} {name}"),
                RecordName::Typedef(name) => name.clone(),
                RecordName::Unnamed => "void *".to_owned(),
            }
        }
        _ => "void *".to_owned(),
    }
}
