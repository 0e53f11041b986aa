//! Text to types: tokens, declarators, annotations and record text, by recursive descent.
//!
//! | file | purpose |
//! |---|---|
//! | `lexer`, `token`, `words` | text to tokens; the words that C reserves |
//! | `parser` | the cursor: looking ahead, expecting, limits on nesting |
//! | `declarations` | typedefs into the scope, functions out |
//! | `specifiers`, `records`, `declarators` | C's own grammar |
//! | `annotations`, `attributes` | what is said beyond C, in three spellings |
//! | `expressions` | sizes and conditions, to postfix operations |
//! | `raw`, `scope` | what all of it produces: types as declared, and the names given so far |
//! | `file` | a header-like file, declaration by declaration |
//! | `constants` | what the enums of a text call their values |
//! | `bare` | names that stand where a prototype could |
//! | `plain` | a declaration without what is not C |
//!
//! What a declaration *means* (defaults, contradictions, what can be carried) is [`crate::resolve`]'s.

pub(crate) mod annotations;
mod attributes;
mod bare;
mod constants;
mod declarations;
mod declarators;
pub(crate) mod expressions;
mod file;
mod lexer;
mod parser;
mod plain;
pub(crate) mod raw;
mod records;
pub(crate) mod scope;
mod specifiers;
pub(crate) mod token;
pub(crate) mod words;

pub use bare::{bare_name, no_prototype};
pub use constants::{Constants, constants};
pub(crate) use declarations::RawPrototype;
pub use file::{Declaration, parse_file, parse_file_with, parse_header, parse_one_of_file};
pub use plain::{Plain, plain};
pub(crate) use records::MAXIMUM_LENGTH;

use crate::error::{Code, PrototypeError};
use crate::resolve;
use crate::standard;
use crate::types::CallFrame;
use parser::Parser;
use raw::Uncarried;
use scope::Scope;

/// The longest prototype string in bytes, records and typedefs before it included.
pub const MAXIMUM_TEXT: usize = 64 << 10;

/// How a text is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Refuse the one default that is easily wrong: an unannotated `T *` that goes in and comes
    /// back.
    pub strict: bool,
}

/// Parses one prototype string: a function declaration, after the records and typedefs it needs.
///
/// ```
/// let frame = callframe::parse("double cos(double x)").unwrap();
/// assert_eq!(frame.name(), "cos");
/// assert_eq!(frame.to_string(), "double cos(double x)");
/// ```
pub fn parse(text: &str) -> Result<CallFrame, PrototypeError> {
    parse_with(text, &Options::default())
}

/// [`parse`] with options.
pub fn parse_with(text: &str, options: &Options) -> Result<CallFrame, PrototypeError> {
    if text.len() > MAXIMUM_TEXT {
        return Err(too_long(MAXIMUM_TEXT));
    }
    if let Some(name) = bare_name(text)
        && standard::scope().typedef(name).is_none()
    {
        return Err(no_prototype(name, std::iter::empty(), ""));
    }
    let (standard, is_whole) = standard::scope_of(text);
    match parse_over(standard, text, options) {
        // What is said of a mistake depends on all names that there are.
        Err(_) if !is_whole => parse_over(standard::scope(), text, options),
        outcome => outcome,
    }
}

fn parse_over(
    standard: &'static Scope,
    text: &str,
    options: &Options,
) -> Result<CallFrame, PrototypeError> {
    let tokens = lexer::tokens(text);
    let mut scope = Scope::over(Some(standard));
    let mut parser = Parser::new(&tokens, &mut scope);
    let mut functions = Vec::new();
    while !parser.at_end() {
        parser.declaration(&mut functions)?;
    }
    let end = parser.span();
    let Some(function) = functions.pop() else {
        return Err(
            PrototypeError::new(Code::E0124, end.range(), "no function is declared")
                .label("the text ends here")
                .example(
                    "a prototype declares one function, for example",
                    "double cos(double x)",
                ),
        );
    };
    for before in &functions {
        scope.define_function(&before.name.text, before.function.result.clone());
    }
    let frame = resolve::frame(&function, &scope, options)?;
    check_asked(&functions, &function, &frame)?;
    Ok(frame)
}

/// A function before the prototype is one that the prototype asks for a size.
fn check_asked(
    before: &[RawPrototype],
    function: &RawPrototype,
    frame: &CallFrame,
) -> Result<(), PrototypeError> {
    let asked = |name: &str| frame.queries().any(|query| query.function == name);
    match before.iter().find(|before| !asked(&before.name.text)) {
        None => Ok(()),
        Some(_) => Err(PrototypeError::new(
            Code::E0124,
            function.name.span.range(),
            "more than one function is declared",
        )
        .label("the second function")
        .help("look up one function at a time")),
    }
}

/// Adds what a text declares to the standard scope: how [`crate::standard`] is made. After a mistake
/// what came before it is there.
pub(crate) fn add_standard(scope: &mut Scope, text: &str) -> Result<(), PrototypeError> {
    let tokens = lexer::tokens(text);
    let mut parser = Parser::new(&tokens, scope);
    let mut functions = Vec::new();
    while !parser.at_end() {
        parser.declaration(&mut functions)?;
    }
    Ok(())
}

fn too_long(limit: usize) -> PrototypeError {
    PrototypeError::new(
        Code::E0101,
        0..0,
        format!("the text is longer than {limit} bytes"),
    )
    .label("too long to be a declaration")
    .help("give only the types that the prototype uses")
}

/// The error for a construct that was understood and is not carried.
pub(crate) fn not_carried(uncarried: Uncarried) -> PrototypeError {
    PrototypeError::new(
        uncarried.code,
        uncarried.span.range(),
        uncarried.code.title(),
    )
    .label("understood, but not carried yet")
}
