//! The cursor over the tokens: what every part of the grammar stands on.

use super::raw::Uncarried;
use super::scope::Scope;
use super::token::{Kind, Span, Token};
use crate::error::{Code, PrototypeError};

/// The result of each piece of the grammar.
pub(super) type Parsed<T> = Result<T, PrototypeError>;

/// How deep declarators, records and expressions may nest. Real ones stay below ten.
const MAXIMUM_NESTING: usize = 40;

/// The end of a text without one; never reached, because the last token is always an end.
const END: Token<'static> = Token {
    kind: Kind::End,
    span: Span::FOREIGN,
};

/// A position in the tokens of one text, and what has been learnt so far.
pub(super) struct Parser<'a, 's> {
    tokens: &'a [Token<'a>],
    position: usize,
    nesting: usize,
    pub scope: &'s mut Scope,
    /// What was understood and cannot be carried, in the order of the text.
    pub uncarried: Vec<Uncarried>,
}

impl<'a, 's> Parser<'a, 's> {
    /// A parser at the first of `tokens`, which end with [`Kind::End`].
    pub fn new(tokens: &'a [Token<'a>], scope: &'s mut Scope) -> Self {
        Parser {
            tokens,
            position: 0,
            nesting: 0,
            scope,
            uncarried: Vec::new(),
        }
    }

    fn token_at(&self, index: usize) -> &Token<'a> {
        self.tokens
            .get(index)
            .or(self.tokens.last())
            .unwrap_or(&END)
    }

    pub fn peek(&self) -> Kind<'a> {
        self.token_at(self.position).kind
    }

    /// The kind of the token `ahead` places further.
    pub fn peek_at(&self, ahead: usize) -> Kind<'a> {
        self.token_at(self.position.saturating_add(ahead)).kind
    }

    /// Where the current token stands; foreign in the standard declarations.
    pub fn span(&self) -> Span {
        self.visible(self.token_at(self.position).span)
    }

    /// Where the token before the current one stands.
    pub fn last_span(&self) -> Span {
        self.visible(self.token_at(self.position.saturating_sub(1)).span)
    }

    /// The word before the current token.
    pub fn last_word(&self) -> Option<&'a str> {
        match self.token_at(self.position.saturating_sub(1)).kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }

    fn visible(&self, span: Span) -> Span {
        if self.scope.is_standard() {
            Span::FOREIGN
        } else {
            span
        }
    }

    pub fn at_end(&self) -> bool {
        self.peek() == Kind::End
    }

    pub fn advance(&mut self) {
        if !self.at_end() {
            self.position += 1;
        }
    }

    pub fn at(&self, punctuation: &str) -> bool {
        matches!(self.peek(), Kind::Punctuation(found) if found == punctuation)
    }

    pub fn at_word(&self, word: &str) -> bool {
        matches!(self.peek(), Kind::Word(found) if found == word)
    }

    /// Steps over `punctuation` if it is next.
    pub fn eat(&mut self, punctuation: &str) -> bool {
        let found = self.at(punctuation);
        if found {
            self.advance();
        }
        found
    }

    pub fn eat_word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        if found {
            self.advance();
        }
        found
    }

    pub fn expect(&mut self, punctuation: &str, context: &str) -> Parsed<Span> {
        let span = self.span();
        if self.eat(punctuation) {
            Ok(span)
        } else {
            Err(self.unexpected(&format!("`{punctuation}` {context}")))
        }
    }

    /// The identifier that must stand here; `what` says what it would name.
    pub fn expect_name(&mut self, what: &str) -> Parsed<(&'a str, Span)> {
        let span = self.span();
        match self.peek() {
            Kind::Word(word) if !super::words::is_keyword(word) => {
                self.advance();
                Ok((word, span))
            }
            _ => Err(self.unexpected(what)),
        }
    }

    /// The error for a token that cannot stand here.
    pub fn unexpected(&self, expected: &str) -> PrototypeError {
        let span = self.span();
        let found = match self.peek() {
            Kind::Invalid(code, message) => return self.error(code, span, message),
            Kind::Directive => {
                return self
                    .error(Code::E0102, span, "a prototype holds no preprocessor lines")
                    .help("run the header through the preprocessor, or remove the line");
            }
            Kind::End => "the end of the text".to_owned(),
            Kind::Word(word) => format!("`{word}`"),
            Kind::Punctuation(text) => format!("`{text}`"),
            Kind::Integer(_) | Kind::Float(_) => "a number".to_owned(),
            Kind::Text => "a string".to_owned(),
        };
        self.error(
            Code::E0104,
            span,
            format!("expected {expected}, found {found}"),
        )
        .label(format!("expected {expected}"))
    }

    pub fn error(&self, code: Code, span: Span, message: impl Into<String>) -> PrototypeError {
        PrototypeError::new(code, span.range(), message)
    }

    /// Runs `parse` one level deeper.
    pub fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.nesting >= MAXIMUM_NESTING {
            return Err(self.too_deep(self.span()));
        }
        self.nesting += 1;
        let result = parse(self);
        self.nesting -= 1;
        result
    }

    pub fn too_deep(&self, span: Span) -> PrototypeError {
        self.error(Code::E0105, span, "this is nested too deeply")
            .label("deeper than 40 levels")
            .help("give an inner part a name with a typedef or a tag")
    }

    pub fn not_carried(&mut self, code: Code, span: Span) {
        self.uncarried.push(Uncarried { code, span });
    }

    /// How many tokens ahead the parenthesis closes that opens `ahead` tokens from here.
    pub fn closing(&self, ahead: usize) -> Option<usize> {
        let mut open = 0_usize;
        let mut index = ahead;
        loop {
            match self.peek_at(index) {
                Kind::Punctuation("(") => open += 1,
                Kind::Punctuation(")") => {
                    open = open.checked_sub(1)?;
                    if open == 0 {
                        return Some(index);
                    }
                }
                Kind::End => return None,
                _ => {}
            }
            index += 1;
        }
    }
}
