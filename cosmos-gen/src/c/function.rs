//! One inline function.

use super::value::{self, Failed};
use super::variadic;
use crate::functions::Function;
use callframe::CallFrame;

/// Longest line of a string literal.
const WIDTH: usize = 88;

/// The function and what it needs.
pub(super) fn text(function: &Function, prefix: &str) -> String {
    let text = if function.is_variadic() {
        variadic::text(function, prefix)
    } else {
        plain(function, prefix)
    };
    if is_c_only(function) {
        format!("\n#ifndef __cplusplus{text}#endif\n")
    } else {
        text
    }
}

fn plain(function: &Function, prefix: &str) -> String {
    let (before, after) = (&function.plain.before, &function.plain.after);
    let name = format!("{prefix}_{}", function.frame.name());
    let call = format!("call({})", names(&function.frame).join(", "));
    let body = match value::failed(function) {
        None => format!("    if (call != NULL)\n        {call};\n"),
        Some(Failed::Expression(value)) => {
            format!("    return call != NULL ? {call} : {value};\n")
        }
        Some(Failed::Zeros) => format!(
            "    {before} failed;\n\n    if (call != NULL)\n        return {call};\n    \
             memset(&failed, 0, sizeof failed);\n    return failed;\n"
        ),
    };
    format!(
        "\nstatic __inline__ {}\n{{\n{}\n{body}}}\n",
        declared(before, &name, after),
        resolved(before, after, &function.frame, prefix, "    "),
    )
}

/// Declares `call`, the pointer to the function of this frame, with `indent` before each line.
pub(super) fn resolved(
    before: &str,
    after: &str,
    frame: &CallFrame,
    prefix: &str,
    indent: &str,
) -> String {
    let pointer = declared(before, "(*call)", after);
    let cast = declared(before, "(*)", after);
    let prototype = literal(&frame.to_string(), &format!("{indent}        "));
    format!(
        "{indent}static cosmos_fn known;\n{indent}{pointer} =\n{indent}    \
         ({cast}){prefix}_cosmos_function(\n{indent}        &known,\n{prototype});\n"
    )
}

/// The names of the parameters.
pub(super) fn names(frame: &CallFrame) -> Vec<&str> {
    let parameters = frame.parameters().iter();
    parameters
        .map(|parameter| parameter.name.as_str())
        .collect()
}

/// `before`, the name and `after`, with a blank where one is needed.
pub(super) fn declared(before: &str, name: &str, after: &str) -> String {
    let blank = if before.ends_with('*') { "" } else { " " };
    format!("{before}{blank}{name}{after}")
}

/// C++ has other complex numbers.
fn is_c_only(function: &Function) -> bool {
    let has = |text: &str| text.contains("complex") || text.contains("_Complex");
    has(&function.plain.before) || has(&function.plain.after)
}

/// A string literal over as many lines as it takes.
pub(super) fn literal(text: &str, indent: &str) -> String {
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
