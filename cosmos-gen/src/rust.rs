//! A Rust module: a struct with a method per function of the library, and the types they need.
//!
//! A method resolves its function when it is called first. Those whose parameters all travel by value
//! are safe, the others `unsafe`: that pointers lead to as much memory as the prototype says is the
//! caller's promise. Left out are functions that Rust has no type for.

mod types;

use crate::functions::{Function, Functions};
use crate::name::{prefix, type_name};
use callframe::CallFrame;
use cosmos_packs::Pack;
use std::fmt::Write as _;
use types::Types;

/// Most parameters that a signature of cosmos-client has.
const PARAMETERS: usize = 12;

/// The module of a library's packs.
pub fn module(soname: &str, packs: &[Pack]) -> String {
    let all = Functions::of(packs);
    let name = type_name(soname);
    let mut types = Types::default();
    let mut fields = String::new();
    let mut initial = String::new();
    let mut methods = String::new();
    let mut left_out = Vec::new();
    for function in &all.functions {
        match method(function, &mut types) {
            Ok(made) => {
                fields += &made.field;
                let _ = writeln!(initial, "            {}: OnceLock::new(),", made.name);
                methods += &made.text;
            }
            Err(reason) => left_out.push(format!("{}: {reason}", function.frame.name())),
        }
    }
    let refused = all
        .refused
        .iter()
        .map(|(name, error)| format!("{name}: {error}"));
    left_out.extend(refused);
    let mut text = front(soname, &name, &fields, &initial, &methods);
    text += &types.text();
    if !left_out.is_empty() {
        let _ = write!(text, "\n// Left out:\n");
        for line in left_out {
            let _ = writeln!(text, "// {line}");
        }
    }
    text
}

fn front(soname: &str, name: &str, fields: &str, initial: &str, methods: &str) -> String {
    let module = prefix(soname);
    format!(
        "//! The functions of {soname}, called in a VM. Made by `cosmos gen rust {soname}`: not to be
//! changed.
//!
//! With `mod {module};`, `{module}::{name}::open()` opens the library.

#![allow(
    clippy::all,
    dead_code,
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    rustdoc::all,
    unused_imports,
    unused_unsafe
)]
#![cfg_attr(rustfmt, rustfmt_skip)]

use cosmos::{{Carried, Error, Library, Options, Signature, Symbol}};
use std::ffi::{{c_char, c_double, c_float, c_int, c_long, c_longlong, c_schar, c_short, c_uchar}};
use std::ffi::{{c_uint, c_ulong, c_ulonglong, c_ushort, c_void}};
use std::sync::OnceLock;

/// The library, open in a VM.
#[derive(Debug)]
pub struct {name} {{
    library: Library,
{fields}}}

/// The function, resolved when it is called first.
fn resolved<'s, F: Signature>(
    library: &Library,
    known: &'s OnceLock<Symbol<F>>,
    prototype: &str,
) -> Result<&'s Symbol<F>, Error> {{
    match known.get() {{
        Some(symbol) => Ok(symbol),
        None => {{
            let symbol = library.symbol(prototype)?;
            Ok(known.get_or_init(|| symbol))
        }}
    }}
}}

impl {name} {{
    /// Opens the library with the configuration's defaults.
    ///
    /// # Errors
    /// As `cosmos::dlopen`.
    pub fn open() -> Result<{name}, Error> {{
        {name}::open_with(&Options::default())
    }}

    /// Opens the library.
    ///
    /// # Errors
    /// As `cosmos::dlopen_with`.
    pub fn open_with(options: &Options) -> Result<{name}, Error> {{
        cosmos::dlopen_with(\"{soname}\", options).map({name}::of)
    }}

    /// The functions of a library that is open.
    pub fn of(library: Library) -> {name} {{
        {name} {{
            library,
{initial}        }}
    }}
{methods}}}
"
    )
}

struct Method {
    name: String,
    field: String,
    text: String,
}

fn method(function: &Function, types: &mut Types) -> Result<Method, String> {
    let frame = &function.frame;
    if function.is_variadic() {
        return Err("Rust has no functions with `...`; use Library::function".to_owned());
    }
    if frame.parameters().len() > PARAMETERS {
        return Err(format!(
            "more than {PARAMETERS} parameters; use Library::function"
        ));
    }
    let mut parameters = Vec::new();
    let mut by_value = true;
    for parameter in frame.parameters() {
        let made = types.of(frame, parameter.ty)?;
        by_value &= types::is_by_value(frame, parameter.ty);
        parameters.push((identifier(&parameter.name), made));
    }
    let result = types.of(frame, frame.result())?;
    let list: Vec<&str> = parameters.iter().map(|(_, ty)| ty.as_str()).collect();
    let arrow = if result == "()" {
        String::new()
    } else {
        format!(" -> {result}")
    };
    let safety = if by_value { "" } else { "unsafe " };
    let signature = format!("{safety}extern \"C\" fn({}){arrow}", list.join(", "));
    let name = identifier(frame.name());
    let declared: String = parameters
        .iter()
        .map(|(name, ty)| format!(", {name}: {ty}"))
        .collect();
    let names: Vec<&str> = parameters.iter().map(|(name, _)| name.as_str()).collect();
    let call = format!(
        "resolved(&self.library, &self.{name}, {:?})?.try_call({})",
        frame.to_string(),
        names.join(", ")
    );
    let call = if by_value {
        call
    } else {
        format!("// SAFETY: the caller's promise.\n        unsafe {{ {call} }}")
    };
    Ok(Method {
        field: format!("    {name}: OnceLock<Symbol<{signature}>>,\n"),
        text: format!(
            "\n{}    pub {safety}fn {name}(&self{declared}) -> Result<{result}, Error> {{\n        \
             {call}\n    }}\n",
            documentation(frame, by_value)
        ),
        name,
    })
}

fn documentation(frame: &CallFrame, by_value: bool) -> String {
    let mut text = format!(
        "    /// `{}`\n    ///\n    /// # Errors\n    /// When the call cannot be carried.\n",
        frame.declaration()
    );
    if !by_value {
        text += "    ///\n    /// # Safety\n    /// Pointers lead to as much memory as the prototype \
                 says.\n";
    }
    text
}

/// The name as Rust takes it.
fn identifier(name: &str) -> String {
    const KEYWORDS: &[&str] = &[
        "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do",
        "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in",
        "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
        "return", "static", "struct", "trait", "true", "try", "type", "typeof", "unsafe",
        "unsized", "use", "virtual", "where", "while", "yield",
    ];
    match name {
        // Names of the generated code itself, and those that no `r#` helps.
        "self" | "Self" | "super" | "crate" | "library" | "open" | "open_with" | "of"
        | "resolved" => {
            format!("{name}_")
        }
        name if KEYWORDS.contains(&name) => format!("r#{name}"),
        name => name.to_owned(),
    }
}
