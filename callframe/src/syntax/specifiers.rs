//! Declaration specifiers: storage, qualifiers and the words that name a type, in any order.

use super::parser::{Parsed, Parser};
use super::raw::{Annotation, RawType, Shape};
use super::token::{Kind, Span};
use super::words;
use crate::error::{Code, PrototypeError};
use crate::types::Scalar;

/// What the specifiers of one declaration say.
pub(super) struct Specifiers {
    /// The type named, with its qualifiers, and the annotations that fit it.
    pub ty: RawType,
    /// Annotations written among the specifiers that the named type cannot bear: those of an
    /// array parameter, or of the function.
    pub loose: Vec<Annotation>,
    /// `[[cosmos::x]]` at the very front: they speak of what is declared.
    pub entity: Vec<Annotation>,
    pub typedef: bool,
    pub inline: Option<Span>,
    pub fixed: Option<Span>,
    pub span: Span,
}

/// The words read so far.
#[derive(Default)]
struct Words {
    void: u8,
    boolean: u8,
    char: u8,
    short: u8,
    int: u8,
    long: u8,
    float: u8,
    double: u8,
    signed: u8,
    unsigned: u8,
    complex: u8,
    named: Option<RawType>,
    constant: bool,
    typedef: bool,
    inline: Option<Span>,
    fixed: Option<Span>,
    annotations: Vec<Annotation>,
    entity: Vec<Annotation>,
}

impl Parser<'_, '_> {
    /// Whether a type can start here.
    pub(super) fn at_type(&self) -> bool {
        match self.peek() {
            Kind::Word(word) => self.starts_type(word),
            Kind::Punctuation("[") => self.peek_at(1) == Kind::Punctuation("["),
            _ => false,
        }
    }

    fn starts_type(&self, word: &str) -> bool {
        const STARTERS: &[&str] = &[
            "void",
            "_Bool",
            "bool",
            "char",
            "short",
            "int",
            "long",
            "float",
            "double",
            "signed",
            "unsigned",
            "_Complex",
            "complex",
            "__complex__",
            "__complex",
            "__signed__",
            "__signed",
            "struct",
            "union",
            "enum",
            "const",
            "volatile",
            "restrict",
            "__const",
            "__volatile__",
            "register",
            "__restrict",
            "__extension__",
            "_Atomic",
            "__int128",
            "__attribute__",
            "typedef",
            "extern",
            "static",
            "inline",
            "__inline",
            "__inline__",
            "_Noreturn",
            "_BitInt",
            "typeof",
            "__typeof__",
        ];
        STARTERS.contains(&word) || self.scope.typedef(word).is_some()
    }

    /// The specifiers of a declaration; `what` says what a type is expected for.
    pub(super) fn specifiers(&mut self, what: &str) -> Parsed<Specifiers> {
        let start = self.span();
        let mut words = Words::default();
        self.leading_attributes(&mut words.entity)?;
        while self.specifier(&mut words)? {}
        let span = start.to(self.last_span());
        let has_type = words.named.is_some() || words.count() > 0;
        if !has_type {
            return Err(self.no_type(what));
        }
        let mut ty = match words.named.take() {
            Some(named) if words.count() == 0 => named,
            Some(_) => return Err(self.impossible(span)),
            None => RawType::new(self.arithmetic(&words, span)?, span),
        };
        ty.span = span;
        ty.constant |= words.constant;
        let mut loose = Vec::new();
        for annotation in words.annotations {
            let fits = match ty.shape {
                Shape::Pointer(_) => !annotation.kind.of_function(),
                Shape::Scalar(_) => {
                    matches!(annotation.kind, super::raw::AnnotationKind::Descriptor)
                }
                _ => false,
            };
            if fits {
                ty.annotations.push(annotation);
            } else {
                loose.push(annotation);
            }
        }
        Ok(Specifiers {
            ty,
            loose,
            entity: words.entity,
            typedef: words.typedef,
            inline: words.inline,
            fixed: words.fixed,
            span,
        })
    }

    /// One specifier; false where none stands.
    fn specifier(&mut self, words: &mut Words) -> Parsed<bool> {
        let span = self.span();
        let Kind::Word(word) = self.peek() else {
            return self.attribute_specifier(&mut words.annotations);
        };
        if self.qualifier(&mut words.constant)? {
            return Ok(true);
        }
        let counter = match word {
            "void" => &mut words.void,
            "_Bool" | "bool" => &mut words.boolean,
            "char" => &mut words.char,
            "short" => &mut words.short,
            "int" => &mut words.int,
            "long" => &mut words.long,
            "float" => &mut words.float,
            "double" => &mut words.double,
            "signed" | "__signed__" | "__signed" => &mut words.signed,
            "unsigned" => &mut words.unsigned,
            "_Complex" | "complex" | "__complex__" | "__complex" => &mut words.complex,
            _ => return self.other_specifier(word, span, words),
        };
        *counter = counter.saturating_add(1);
        self.advance();
        Ok(true)
    }

    fn other_specifier(&mut self, word: &str, span: Span, words: &mut Words) -> Parsed<bool> {
        match word {
            "typedef" => words.typedef = true,
            "extern" | "register" | "auto" => {}
            "static" => words.fixed = Some(span),
            "inline" | "__inline" | "__inline__" => words.inline = Some(span),
            "_Noreturn" => words.annotations.push(Annotation {
                kind: super::raw::AnnotationKind::NoReturn,
                span,
            }),
            "struct" | "union" | "enum" if words.named.is_none() => {
                words.named = Some(self.nested(Parser::tagged)?);
                return Ok(true);
            }
            "__int128" | "__float128" | "_Float128" | "_Float128x" | "_Float64" | "_Float64x"
            | "_Float32" | "_Float32x" | "_Float16" | "_Decimal32" | "_Decimal64"
            | "_Decimal128" | "_BitInt" | "__int128_t" | "__uint128_t" => {
                return Err(self
                    .error(
                        Code::E0223,
                        span,
                        format!("not carried yet: the type `{word}`"),
                    )
                    .label("this type"));
            }
            "typeof" | "__typeof__" | "__typeof" => {
                return Err(self
                    .error(Code::E0104, span, "typeof needs a compiler")
                    .label("write the type itself"));
            }
            "_Alignas" | "alignas" => {
                return Err(self
                    .error(Code::E0306, span, "this changes how the type is laid out")
                    .label("not the platform's layout"));
            }
            _ if words.named.is_none() && words.count() == 0 => return self.named_type(words),
            _ => return self.attribute_specifier(&mut words.annotations),
        }
        self.advance();
        if word == "extern" && self.peek() == Kind::Text {
            self.advance();
        }
        Ok(true)
    }

    /// A typedef's name, or an annotation or attribute before the type.
    fn named_type(&mut self, words: &mut Words) -> Parsed<bool> {
        let span = self.span();
        if let Kind::Word(word) = self.peek()
            && let Some(ty) = self.scope.typedef(word)
        {
            let mut ty = ty.clone();
            ty.span = span;
            words.named = Some(ty);
            self.advance();
            return Ok(true);
        }
        match self.peek() {
            Kind::Word(word) if word.starts_with("__") && !self.at_attribute() => Ok(false),
            _ => self.attribute_specifier(&mut words.annotations),
        }
    }

    /// `const` and its kin; false where none stands.
    pub(super) fn qualifier(&mut self, constant: &mut bool) -> Parsed<bool> {
        match self.peek() {
            Kind::Word("const" | "__const" | "__const__") => *constant = true,
            Kind::Word(
                "volatile" | "__volatile" | "__volatile__" | "restrict" | "__restrict"
                | "__restrict__" | "__extension__",
            ) => {}
            Kind::Word("_Atomic") => {
                return Err(self
                    .error(
                        Code::E0305,
                        self.span(),
                        "an atomic object cannot be shared by copying",
                    )
                    .label("_Atomic"));
            }
            _ => return Ok(false),
        }
        self.advance();
        Ok(true)
    }

    fn arithmetic(&self, words: &Words, span: Span) -> Parsed<Shape> {
        let Some(scalar) = words.scalar() else {
            if words.only_void() {
                return Ok(Shape::Void);
            }
            return Err(self.impossible(span));
        };
        Ok(Shape::Scalar(scalar))
    }

    fn impossible(&self, span: Span) -> PrototypeError {
        self.error(Code::E0115, span, "these words together name no C type")
            .label("no such type")
    }

    /// The error where a type should stand.
    fn no_type(&self, what: &str) -> PrototypeError {
        let Kind::Word(word) = self.peek() else {
            return self.unexpected(what);
        };
        if words::is_keyword(word) {
            return self.unexpected(what);
        }
        let span = self.span();
        if self.peek_at(1) == Kind::Punctuation("(") {
            return self
                .error(Code::E0104, span, format!("`{word}` has no result type"))
                .label("a type must stand before the name")
                .example(
                    "say what it returns, for example",
                    format!("double {word}(double x)"),
                );
        }
        self.unknown_type(word, span)
    }

    fn unknown_type(&self, word: &str, span: Span) -> PrototypeError {
        let error = self
            .error(Code::E0106, span, format!("unknown type name '{word}'"))
            .label("not a standard type, and not given before");
        if word == "fd_set" {
            return error
                .note("the descriptors in it would be those of the other process")
                .example(
                    "poll waits for descriptors, and takes those of the caller:",
                    "int poll(struct pollfd *__inout __counted_by(nfds) fds, nfds_t nfds, int timeout)",
                );
        }
        let mut near = words::near(word, self.scope.type_names());
        let tag = format!("struct {word}");
        if self.scope.tag(word).is_some() {
            near.insert(0, &tag);
        }
        let error = if near.is_empty() {
            error
        } else {
            error.note(format!("did you mean {}?", words::either(&near)))
        };
        error.example(
            "give the type before the prototype, for example",
            format!("typedef struct {word} {word}; int f({word} *p)"),
        )
    }
}

impl Words {
    fn count(&self) -> u32 {
        self.counters().iter().map(|&count| u32::from(count)).sum()
    }

    fn counters(&self) -> [u8; 11] {
        [
            self.void,
            self.boolean,
            self.char,
            self.short,
            self.int,
            self.long,
            self.float,
            self.double,
            self.signed,
            self.unsigned,
            self.complex,
        ]
    }

    fn only_void(&self) -> bool {
        self.void == 1 && self.count() == 1
    }

    fn scalar(&self) -> Option<Scalar> {
        let sign = match (self.signed, self.unsigned) {
            (0, 0) => "",
            (1, 0) => "signed",
            (0, 1) => "unsigned",
            _ => return None,
        };
        let unsigned = sign == "unsigned";
        let others = [self.void, self.boolean, self.char, self.short, self.long];
        let integer = self.float == 0 && self.double == 0 && self.complex == 0 && self.int <= 1;
        if integer {
            return match (others, self.int, sign) {
                ([0, 1, 0, 0, 0], 0, "") => Some(Scalar::Bool),
                ([0, 0, 1, 0, 0], 0, "") => Some(Scalar::Char),
                ([0, 0, 1, 0, 0], 0, "signed") => Some(Scalar::SignedChar),
                ([0, 0, 1, 0, 0], 0, _) => Some(Scalar::UnsignedChar),
                ([0, 0, 0, 1, 0], _, _) if unsigned => Some(Scalar::UnsignedShort),
                ([0, 0, 0, 1, 0], _, _) => Some(Scalar::Short),
                ([0, 0, 0, 0, 1], _, _) if unsigned => Some(Scalar::UnsignedLong),
                ([0, 0, 0, 0, 1], _, _) => Some(Scalar::Long),
                ([0, 0, 0, 0, 2], _, _) if unsigned => Some(Scalar::UnsignedLongLong),
                ([0, 0, 0, 0, 2], _, _) => Some(Scalar::LongLong),
                ([0, 0, 0, 0, 0], 0, "") => None,
                ([0, 0, 0, 0, 0], _, _) if unsigned => Some(Scalar::UnsignedInt),
                ([0, 0, 0, 0, 0], _, _) => Some(Scalar::Int),
                _ => None,
            };
        }
        match (
            others,
            self.int,
            sign,
            self.float,
            self.double,
            self.complex,
        ) {
            ([0, 0, 0, 0, 0], 0, "", 1, 0, 0) => Some(Scalar::Float),
            ([0, 0, 0, 0, 0], 0, "", 1, 0, 1) => Some(Scalar::ComplexFloat),
            ([0, 0, 0, 0, 0], 0, "", 0, 1, 0) => Some(Scalar::Double),
            ([0, 0, 0, 0, 0], 0, "", 0, 1, 1) => Some(Scalar::ComplexDouble),
            ([0, 0, 0, 0, 1], 0, "", 0, 1, 0) => Some(Scalar::LongDouble),
            ([0, 0, 0, 0, 1], 0, "", 0, 1, 1) => Some(Scalar::ComplexLongDouble),
            _ => None,
        }
    }
}
