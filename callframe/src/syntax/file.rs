//! Files of declarations: each is read by itself, so that one error does not hide the others.

use std::ops::Range;

use super::annotations::is_annotation;
use super::parser::Parser;
use super::scope::Scope;
use super::token::{Kind, Span, Token};
use super::words::is_keyword;
use super::{MAXIMUM_TEXT, Options, lexer, too_long};
use crate::error::{Code, PrototypeError};
use crate::resolve;
use crate::standard;
use crate::types::CallFrame;

/// The longest file in bytes.
const MAXIMUM_FILE: usize = 4 << 20;

/// One function of a file, or a declaration that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declaration {
    /// The name it declares, as far as that could be seen.
    pub name: Option<String>,
    /// Its bytes in the file, without blanks and comments around it.
    pub span: Range<usize>,
    /// The function, or why it was refused; the error's span counts from the start of the file.
    pub outcome: Result<CallFrame, PrototypeError>,
}

/// Parses every declaration of a header-like file. Comments and preprocessor lines are skipped;
/// records, typedefs and enums apply to what follows them and are listed only if they are wrong.
pub fn parse_file(text: &str) -> Vec<Declaration> {
    parse_file_with(text, &Options::default())
}

/// [`parse_file`] with options.
pub fn parse_file_with(text: &str, options: &Options) -> Vec<Declaration> {
    parse_those(text, options, |_| true, |_| false).1
}

/// Parses every declaration of a preprocessed header of somebody else's. Types that are standard
/// here keep the meaning they have in every prototype, annotations included, whatever members the
/// header gives them.
pub fn parse_header(text: &str) -> Vec<Declaration> {
    let everything = |_: &str| true;
    parse_those(text, &Options::default(), everything, defines_standard).1
}

/// The first declaration of the function `name` in a file: all types of the file are read, and what
/// other functions mean is left alone. `None` where the file declares no such function.
pub fn parse_one_of_file(text: &str, name: &str) -> Option<Declaration> {
    parse_those(text, &Options::default(), |other| other == name, |_| false)
        .1
        .into_iter()
        .find(|declaration| declaration.name.as_deref() == Some(name))
}

/// The names that a file gives.
pub(super) fn scope(text: &str) -> Scope {
    parse_those(text, &Options::default(), |_| false, |_| false).0
}

/// The names that a file gives, the functions in it that are wanted, and every declaration that cannot be read; those that
/// are to be skipped are not looked at.
fn parse_those(
    text: &str,
    options: &Options,
    wanted: impl Fn(&str) -> bool,
    skipped: impl Fn(&[Token]) -> bool,
) -> (Scope, Vec<Declaration>) {
    let mut scope = Scope::over(Some(standard::scope()));
    if text.len() > MAXIMUM_FILE {
        let whole = Declaration {
            name: None,
            span: 0..text.len(),
            outcome: Err(too_long(MAXIMUM_FILE)),
        };
        return (scope, vec![whole]);
    }
    let mut tokens = lexer::tokens(text);
    tokens.retain(|token| token.kind != Kind::Directive);
    let tokens = without_linkage_blocks(tokens);
    let mut declarations = Vec::new();
    for chunk in chunks(&tokens).into_iter().filter(|chunk| !skipped(chunk)) {
        read(chunk, &mut scope, options, &wanted, &mut declarations);
    }
    (scope, declarations)
}

/// Reads one declaration into the scope or the list.
fn read(
    chunk: &[Token],
    scope: &mut Scope,
    options: &Options,
    wanted: &impl Fn(&str) -> bool,
    into: &mut Vec<Declaration>,
) {
    let (Some(first), Some(last)) = (chunk.first(), chunk.last()) else {
        return;
    };
    let span = first.span.to(last.span).range();
    let mut tokens = chunk.to_vec();
    tokens.push(Token {
        kind: Kind::End,
        span: Span {
            start: last.span.end,
            end: last.span.end,
        },
    });
    let failed = |error| Declaration {
        name: declared_name(chunk),
        span: span.clone(),
        outcome: Err(error),
    };
    if span.len() > MAXIMUM_TEXT {
        let error = PrototypeError::new(Code::E0101, span.clone(), "this declaration is too long");
        into.push(failed(error.label("more than 64 KiB")));
        return;
    }
    let mut functions = Vec::new();
    let mut parser = Parser::new(&tokens, scope);
    while !parser.at_end() {
        if let Err(error) = parser.declaration(&mut functions) {
            into.push(failed(error));
            return;
        }
    }
    for function in functions
        .iter()
        .filter(|function| wanted(&function.name.text))
    {
        into.push(Declaration {
            name: Some(function.name.text.clone()),
            span: span.clone(),
            outcome: resolve::frame(function, scope, options),
        });
    }
}

/// Whether it gives a type that is standard: `typedef .. FILE;`, `struct tm { .. };`.
fn defines_standard(chunk: &[Token]) -> bool {
    let mut words = chunk.iter().filter_map(|token| match token.kind {
        Kind::Word(word) if word != "__extension__" => Some(word),
        _ => None,
    });
    match (words.next(), words.next()) {
        (Some("typedef"), _) => {
            declared_name(chunk).is_some_and(|name| standard::scope().typedef(&name).is_some())
        }
        (Some("struct" | "union"), Some(tag)) => {
            let ends = chunk.iter().rev().nth(1).map(|token| token.kind);
            ends == Some(Kind::Punctuation("}")) && standard::scope().own_tag(tag).is_some()
        }
        _ => false,
    }
}

/// `extern "C" { .. }` is only its contents.
fn without_linkage_blocks(tokens: Vec<Token<'_>>) -> Vec<Token<'_>> {
    let mut kept = Vec::with_capacity(tokens.len());
    let mut open = 0_usize;
    let mut blocks = Vec::new();
    let mut skip = 0;
    for (index, token) in tokens.iter().enumerate() {
        if skip > 0 {
            skip -= 1;
            continue;
        }
        let kinds = |ahead: usize| tokens.get(index + ahead).map(|token| token.kind);
        match token.kind {
            Kind::Word("extern")
                if kinds(1) == Some(Kind::Text) && kinds(2) == Some(Kind::Punctuation("{")) =>
            {
                blocks.push(open);
                skip = 2;
                continue;
            }
            Kind::Punctuation("{") => open += 1,
            Kind::Punctuation("}") if blocks.last() == Some(&open) => {
                blocks.pop();
                continue;
            }
            Kind::Punctuation("}") => open = open.saturating_sub(1),
            _ => {}
        }
        kept.push(*token);
    }
    kept
}

/// The tokens of each declaration: up to a `;` outside all brackets, or the end of a body.
fn chunks<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<&'t [Token<'a>]> {
    let mut chunks = Vec::new();
    let mut start = 0;
    let mut open = 0_usize;
    let mut braces = 0_usize;
    let mut body = false;
    for (index, token) in tokens.iter().enumerate() {
        let mut ends = token.kind == Kind::End;
        match token.kind {
            Kind::Punctuation("(" | "[") => open += 1,
            Kind::Punctuation(")" | "]") => open = open.saturating_sub(1),
            Kind::Punctuation("{") => {
                let before = index.checked_sub(1).and_then(|before| tokens.get(before));
                let after_list = before.map(|before| before.kind) == Some(Kind::Punctuation(")"));
                body |= open == 0 && after_list;
                open += 1;
                braces += 1;
            }
            Kind::Punctuation("}") => {
                open = open.saturating_sub(1);
                braces = braces.saturating_sub(1);
                ends |= body && braces == 0;
            }
            // A forgotten bracket must not swallow the rest of the file.
            Kind::Punctuation(";") => ends |= braces == 0,
            _ => {}
        }
        if ends {
            let end = index + usize::from(token.kind != Kind::End);
            if end > start {
                chunks.push(&tokens[start..end]);
            }
            start = end;
            open = 0;
            braces = 0;
            body = false;
        }
    }
    chunks
}

/// The name before the first list in parentheses that is no annotation's; else the last name.
fn declared_name(tokens: &[Token]) -> Option<String> {
    let mut open = 0_usize;
    let mut last = None;
    for (index, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Punctuation("(" | "{" | "[") => open += 1,
            Kind::Punctuation(")" | "}" | "]") => open = open.saturating_sub(1),
            Kind::Word(word) if open == 0 && !is_keyword(word) && !is_annotation(word) => {
                let next = tokens.get(index + 1).map(|token| token.kind);
                if next == Some(Kind::Punctuation("(")) {
                    return Some(word.to_owned());
                }
                last = Some(word.to_owned());
            }
            _ => {}
        }
    }
    last
}
