//! Functions with `...`.
//!
//! Where a table tells the type of the one argument, the function takes it from its `va_list` and
//! calls the concrete function for it. A format or a list of text is only understood by who reads it:
//! such a function is a pointer behind a macro, which recovers its arguments as the callee of a
//! variadic function does; `cosmos_dlsym` offers that on x86-64.

use super::function::{declared, names, resolved};
use super::value::{self, Failed};
use crate::functions::Function;
use callframe::CallFrame;
use callframe::types::{Case, RecordName, Table, Type, TypeId, Variadic};
use callframe::variadic::Argument;
use std::fmt::Write as _;

/// The function, or the macro that stands for it.
pub(super) fn text(function: &Function, prefix: &str) -> String {
    match function.frame.variadic() {
        Some(Variadic::By(table)) => by_table(function, table, prefix),
        _ => pointer(function, prefix),
    }
}

/// A function that gives the pointer, a function to point to where there is none, and a macro.
fn pointer(function: &Function, prefix: &str) -> String {
    let (before, after) = (&function.plain.before, &function.plain.after);
    let own = format!("{prefix}_{}", function.frame.name());
    let unused: String = names(&function.frame)
        .iter()
        .map(|name| format!("    (void){name};\n"))
        .collect();
    let value = match value::failed(function) {
        None => String::new(),
        Some(Failed::Expression(value)) => format!("    return {value};\n"),
        Some(Failed::Zeros) => format!(
            "    {before} failed;\n    memset(&failed, 0, sizeof failed);\n    return failed;\n"
        ),
    };
    format!(
        "\nstatic inline {}\n{{\n{unused}{value}}}\n\nstatic inline {}\n{{\n{}\n    \
         return call != NULL ? call : {own}_failing;\n}}\n#define {own} (*{own}_pointer())\n",
        declared(before, &format!("{own}_failing"), after),
        declared(before, &format!("(*{own}_pointer(void))"), after),
        resolved(before, after, &function.frame, prefix, "    "),
    )
}

/// A function that looks the type of its argument up.
fn by_table(function: &Function, table: &Table, prefix: &str) -> String {
    let frame = &function.frame;
    let (before, after) = (&function.plain.before, &function.plain.after);
    let names = names(frame);
    let (Some(tag), Some(last)) = (names.get(table.tag as usize), names.last()) else {
        return pointer(function, prefix);
    };
    let Some(Failed::Expression(failed)) = value::failed(function) else {
        return pointer(function, prefix);
    };
    let own = format!("{prefix}_{}", frame.name());
    let mut text = format!(
        "\nstatic inline {}\n{{\n    const long long tag = (long long){tag};\n    {} result = {failed};\n    \
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
    text + "    va_end(list);\n    return result;\n}\n"
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
