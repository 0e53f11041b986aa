//! A declaration as C alone has it: the words of the language and GCC's attributes left out.

use super::annotations::{is_annotation, takes_arguments};
use super::lexer;
use super::token::{Kind, Token};

/// A function's declaration around its name: `const char *`, `(gzFile file, int *errnum)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain {
    /// What stands before the name.
    pub before: String,
    /// What stands after it, without the `;`.
    pub after: String,
}

/// Takes a declaration of `name` apart; `None` where the text declares no such function.
///
/// ```
/// let text = "void *__owned(free) __sized_by(n) f(const char *__restrict s, size_t n) __fail(0);";
/// let plain = callframe::plain(text, "f").unwrap();
/// assert_eq!((&*plain.before, &*plain.after), ("void *", "(const char *__restrict s, size_t n)"));
/// ```
pub fn plain(text: &str, name: &str) -> Option<Plain> {
    let tokens = lexer::tokens(text);
    let kept = kept(&tokens);
    let at = kept.iter().enumerate().position(|(at, token)| {
        let opens = kept.get(at + 1).map(|next| next.kind) == Some(Kind::Punctuation("("));
        token.kind == Kind::Word(name) && opens
    })?;
    Some(Plain {
        before: joined(text, kept.get(..at)?),
        after: joined(text, kept.get(at + 1..)?),
    })
}

/// The tokens that C has.
fn kept<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<&'t Token<'a>> {
    let mut kept = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let next = tokens.get(at + 1).map(|next| next.kind);
        at = match token.kind {
            Kind::Word("__attribute__" | "__attribute" | "__asm__" | "asm") => past(tokens, at + 1),
            Kind::Word(word) if is_annotation(word) && takes_arguments(word) => {
                past(tokens, at + 1)
            }
            Kind::Word(word) if is_annotation(word) => at + 1,
            Kind::Punctuation("[") if next == Some(Kind::Punctuation("[")) => past(tokens, at),
            Kind::Word("extern" | "__extension__") | Kind::Punctuation(";") => at + 1,
            Kind::Directive | Kind::End => at + 1,
            _ => {
                kept.push(token);
                at + 1
            }
        };
    }
    kept
}

/// The place after the bracket that opens at `at`; `at` itself where none does.
fn past(tokens: &[Token], at: usize) -> usize {
    let mut open = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(at) {
        match token.kind {
            Kind::Punctuation("(" | "[") => open += 1,
            Kind::Punctuation(")" | "]") => open = open.saturating_sub(1),
            _ => {}
        }
        if open == 0 {
            return if index == at { at } else { index + 1 };
        }
    }
    tokens.len()
}

/// The tokens as text, with blanks where C needs or people expect them.
fn joined(text: &str, tokens: &[&Token]) -> String {
    let mut joined = String::new();
    let mut before: Option<Kind> = None;
    for token in tokens {
        let tight = matches!(
            (before, token.kind),
            (None, _)
                | (_, Kind::Punctuation("," | ")" | "[" | "]"))
                | (Some(Kind::Punctuation("(" | "[" | "*")), _)
                | (Some(Kind::Punctuation(")")), Kind::Punctuation("("))
        );
        if !tight {
            joined.push(' ');
        }
        joined.push_str(text.get(token.span.range()).unwrap_or_default());
        before = Some(token.kind);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, name: &str) -> String {
        plain(text, name).map_or("none".to_owned(), |plain| {
            format!("{}|{}", plain.before, plain.after)
        })
    }

    #[test]
    fn what_is_not_c_is_left_out() {
        let sqlite =
            "const unsigned char *__null_terminated __borrowed_from(stmt) sqlite3_column_text(
            sqlite3_stmt *__handle stmt, int column) __fail(0);";
        assert_eq!(
            shown(sqlite, "sqlite3_column_text"),
            "const unsigned char *|(sqlite3_stmt *stmt, int column)"
        );
        let callback = "int f(int (*call)(void *__opaque, char *__null_terminated *__in \
            __counted_by(n) v, int n) __scope(h), T *__handle h, ...) __printf(2, 3)";
        assert_eq!(
            shown(callback, "f"),
            "int|(int (*call)(void *, char **v, int n), T *h, ...)"
        );
        let attributes =
            "extern int [[cosmos::x(1)]] g(int p[3]) __attribute__((access(read_only, 1)));";
        assert_eq!(shown(attributes, "g"), "int|(int p[3])");
        assert_eq!(
            shown("void (*signal(int n, void (*h)(int)))(int);", "signal"),
            "void (*|(int n, void (*h)(int)))(int)"
        );
        assert_eq!(shown("int f(int g);", "g"), "none");
        assert_eq!(shown("", "g"), "none");
        assert_eq!(shown("int f(__sized_by(", "f"), "int|(");
    }
}
