//! Attributes of GCC and C23: what they say of the data is used, what changes nothing is skipped,
//! and what could change the way a function is called is refused.

use super::annotations::{is_annotation, speaks_of_function};
use super::parser::{Parsed, Parser};
use super::raw::{Annotation, AnnotationKind, RawVariadic};
use super::token::{Kind, Span};
use crate::error::{Code, PrototypeError};
use crate::types::Direction;

/// Attributes that say nothing of how a call travels.
const HARMLESS: &[&str] = &[
    "alloc_align",
    "alloc_size",
    "always_inline",
    "artificial",
    "assume_aligned",
    "cold",
    "const",
    "deprecated",
    "error",
    "externally_visible",
    "fallthrough",
    "flatten",
    "format_arg",
    "hot",
    "leaf",
    "maybe_unused",
    "no_sanitize",
    "nodiscard",
    "noinline",
    "nonnull",
    "nonstring",
    "nothrow",
    "pure",
    "reproducible",
    "returns_nonnull",
    "sysv_abi",
    "unavailable",
    "unsequenced",
    "unused",
    "used",
    "visibility",
    "warning",
    "warn_unused_result",
    "weak",
];

/// Attributes under which calls or layouts differ from the platform's ABI.
const OTHER_ABI: &[&str] = &[
    "aligned",
    "cdecl",
    "fastcall",
    "force_align_arg_pointer",
    "interrupt",
    "mode",
    "ms_abi",
    "ms_struct",
    "packed",
    "pcs",
    "preserve_all",
    "preserve_most",
    "regcall",
    "regparm",
    "scalar_storage_order",
    "sseregparm",
    "stdcall",
    "thiscall",
    "transparent_union",
    "vectorcall",
    "vector_size",
];

impl Parser<'_, '_> {
    /// One annotation, `__attribute__((..))` or `[[..]]`; false where none stands.
    pub(super) fn attribute_specifier(&mut self, into: &mut Vec<Annotation>) -> Parsed<bool> {
        let span = self.span();
        match self.peek() {
            Kind::Word("__attribute__" | "__attribute") => {
                self.advance();
                self.nested(|parser| parser.gnu_attributes(into))?;
            }
            Kind::Word("__asm__" | "__asm" | "asm") => {
                return Err(self
                    .error(
                        Code::E0306,
                        span,
                        "an asm label gives the function another symbol",
                    )
                    .label("the symbol to resolve")
                    .help("declare the function under the name that the library exports"));
            }
            Kind::Word(word) if self.is_annotation_here(word) => {
                self.advance();
                let name = word.strip_prefix("__").unwrap_or(word);
                self.nested(|parser| parser.annotation(name, span, into))?;
            }
            Kind::Word(word) if self.looks_like_annotation(word) => {
                let name = word.strip_prefix("__").unwrap_or(word);
                return Err(self.unknown_annotation(name, span));
            }
            Kind::Punctuation("[") if self.peek_at(1) == Kind::Punctuation("[") => {
                self.advance();
                self.advance();
                self.nested(|parser| parser.standard_attributes(into))?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Whether a known annotation or attribute stands here.
    pub(super) fn at_attribute(&self) -> bool {
        match self.peek() {
            Kind::Word("__attribute__" | "__attribute" | "__asm__" | "__asm" | "asm") => true,
            Kind::Word(word) => self.is_annotation_here(word),
            Kind::Punctuation("[") => self.peek_at(1) == Kind::Punctuation("["),
            _ => false,
        }
    }

    /// `[[..]]` at the front of a declaration.
    pub(super) fn leading_attributes(&mut self, into: &mut Vec<Annotation>) -> Parsed<()> {
        while self.at("[") && self.peek_at(1) == Kind::Punctuation("[") {
            self.attribute_specifier(into)?;
        }
        Ok(())
    }

    /// Attributes where none can say anything of a call, as behind a constant's name. One that is not understood is
    /// refused there, too.
    pub(super) fn attributes_of_nothing(&mut self) -> Parsed<()> {
        let mut unused = Vec::new();
        while matches!(self.peek(), Kind::Word("__attribute__" | "__attribute"))
            || self.at("[") && self.peek_at(1) == Kind::Punctuation("[")
        {
            self.attribute_specifier(&mut unused)?;
        }
        Ok(())
    }

    /// Whether an unknown `__word` can only be a misspelt annotation: something that can start or
    /// continue a declarator follows it.
    fn looks_like_annotation(&self, word: &str) -> bool {
        if !word.starts_with("__") || super::words::is_keyword(word) {
            return false;
        }
        if self.scope.typedef(word).is_some() {
            return false;
        }
        match self.peek_at(1) {
            Kind::Word(next) => !self.scope.is_standard() && !is_annotation(next),
            Kind::Punctuation("(") => {
                if matches!(self.peek_at(2), Kind::Punctuation(")" | "..." | "[")) {
                    return false;
                }
                if let Kind::Word(first) = self.peek_at(2)
                    && (self.scope.typedef(first).is_some() || super::words::is_keyword(first))
                {
                    return false;
                }
                match self.closing(1).map(|end| self.peek_at(end + 1)) {
                    Some(Kind::Word(next)) => {
                        !super::words::is_keyword(next) && !speaks_of_function(next)
                    }
                    after => after == Some(Kind::Punctuation("*")),
                }
            }
            _ => false,
        }
    }

    /// `__attribute__((a, b(c)))`
    fn gnu_attributes(&mut self, into: &mut Vec<Annotation>) -> Parsed<()> {
        self.expect("(", "after __attribute__")?;
        self.expect("(", "after __attribute__(")?;
        while !self.at(")") {
            if let Kind::Word(word) = self.peek() {
                let span = self.span();
                self.advance();
                self.gnu_attribute(word, span, into)?;
            }
            if !self.eat(",") {
                break;
            }
        }
        self.expect(")", "to close __attribute__")?;
        self.expect(")", "to close __attribute__")?;
        Ok(())
    }

    /// `[[a, b::c(d)]]`
    fn standard_attributes(&mut self, into: &mut Vec<Annotation>) -> Parsed<()> {
        while let Kind::Word(first) = self.peek() {
            let span = self.span();
            self.advance();
            if self.eat("::") {
                let Kind::Word(name) = self.peek() else {
                    return Err(self.unexpected("an attribute's name"));
                };
                self.advance();
                match first {
                    "cosmos" | "__cosmos__" => self.annotation(name, span, into)?,
                    "gnu" | "__gnu__" | "clang" | "_Clang" => {
                        self.gnu_attribute(name, span, into)?
                    }
                    _ => return Err(self.unknown_attribute(name, span)),
                }
            } else {
                self.gnu_attribute(first, span, into)?;
            }
            if !self.eat(",") {
                break;
            }
        }
        self.expect("]", "to close the attribute")?;
        self.expect("]", "to close the attribute")?;
        Ok(())
    }

    /// One attribute whose name has been read.
    fn gnu_attribute(&mut self, word: &str, span: Span, into: &mut Vec<Annotation>) -> Parsed<()> {
        let name = plain(word);
        let kind = match name {
            "noreturn" | "_Noreturn" => Some(AnnotationKind::NoReturn),
            "access" if self.at("(") => self.access()?,
            "malloc" if self.at("(") => self.malloc()?,
            "fd_arg" | "fd_arg_read" | "fd_arg_write" if self.at("(") => {
                Some(AnnotationKind::DescriptorParameter(self.position()?))
            }
            "null_terminated_string_arg" if self.at("(") => {
                Some(AnnotationKind::TerminatedParameter(self.position()?))
            }
            "format" if self.at("(") => self.format()?,
            "sentinel" => self.sentinel()?,
            "returns_twice" => {
                return Err(self
                    .error(
                        Code::E0301,
                        span,
                        "a function that returns twice acts on its own stack",
                    )
                    .label("cannot run elsewhere"));
            }
            _ if OTHER_ABI.contains(&name) => {
                return Err(self
                    .error(
                        Code::E0306,
                        span,
                        format!("`{name}` means another calling convention or layout"),
                    )
                    .label("not the platform's ABI"));
            }
            _ if HARMLESS.contains(&name) || name == "malloc" => {
                self.skip_arguments()?;
                None
            }
            _ => return Err(self.unknown_attribute(name, span)),
        };
        if let Some(kind) = kind {
            let span = span.to(self.last_span());
            into.push(Annotation { kind, span });
        }
        Ok(())
    }

    fn unknown_attribute(&self, name: &str, span: Span) -> PrototypeError {
        self.error(
            Code::E0133,
            span,
            format!("the attribute `{name}` is not understood"),
        )
        .label("unknown attribute")
        .help("remove it if it changes neither the calling convention nor a layout")
    }

    /// `(read_only, 1, 2)`
    fn access(&mut self) -> Parsed<Option<AnnotationKind>> {
        self.expect("(", "after access")?;
        let direction = match self.peek() {
            Kind::Word(word) => match plain(word) {
                "read_only" => Some(Direction::In),
                "write_only" => Some(Direction::Out),
                "read_write" => Some(Direction::InOut),
                "none" => None,
                _ => return Err(self.unexpected("read_only, write_only, read_write or none")),
            },
            _ => return Err(self.unexpected("read_only, write_only, read_write or none")),
        };
        self.advance();
        self.expect(",", "after the mode")?;
        let pointer = self.position_number()?;
        let size = if self.eat(",") {
            Some(self.position_number()?)
        } else {
            None
        };
        self.expect(")", "to close access")?;
        Ok(direction.map(|direction| AnnotationKind::Access {
            direction,
            pointer,
            size,
        }))
    }

    /// `(free)` or `(free, 1)`; a deallocator that takes the pointer elsewhere says nothing to us.
    fn malloc(&mut self) -> Parsed<Option<AnnotationKind>> {
        self.expect("(", "after malloc")?;
        let (function, _) = self.expect_name("the function that releases it")?;
        let first = !self.eat(",") || self.position_number()? == 1;
        self.expect(")", "to close malloc")?;
        // glibc's headers cannot count on a declaration of free.
        let function = function.strip_prefix("__builtin_").unwrap_or(function);
        Ok(first.then(|| AnnotationKind::ReleasedBy(function.to_owned())))
    }

    /// `(printf, 1, 2)`; other formats type no arguments of a call, and `(printf, 1, 0)` has none.
    fn format(&mut self) -> Parsed<Option<AnnotationKind>> {
        self.expect("(", "after format")?;
        let (archetype, _) = self.expect_name("the kind of format")?;
        let printf = matches!(plain(archetype), "printf" | "gnu_printf");
        self.expect(",", "after the kind of format")?;
        let format = self.constant("a parameter's position")?.0;
        self.expect(",", "between the two positions")?;
        let first = self.constant("a parameter's position")?.0;
        self.expect(")", "to close format")?;
        let variadic = RawVariadic::Printf(format, first);
        Ok((printf && first != 0).then_some(AnnotationKind::VariadicAttribute(variadic)))
    }

    /// A sentinel that is not the last argument ends nothing that we could walk.
    fn sentinel(&mut self) -> Parsed<Option<AnnotationKind>> {
        let mut after = 0;
        if self.eat("(") {
            after = self.constant("the arguments after the sentinel")?.0;
            self.expect(")", "to close sentinel")?;
        }
        let variadic = RawVariadic::Sentinel;
        Ok((after == 0).then_some(AnnotationKind::VariadicAttribute(variadic)))
    }

    fn position(&mut self) -> Parsed<u32> {
        self.expect("(", "before the position")?;
        let position = self.position_number()?;
        self.expect(")", "after the position")?;
        Ok(position)
    }

    /// A parameter's position, counted from 1.
    fn position_number(&mut self) -> Parsed<u32> {
        let (value, span) = self.constant("a parameter's position")?;
        match u32::try_from(value) {
            Ok(position) if (1..=1000).contains(&position) => Ok(position),
            _ => Err(self
                .error(Code::E0121, span, "no parameter has this position")
                .label("positions count from 1")),
        }
    }

    fn skip_arguments(&mut self) -> Parsed<()> {
        if !self.at("(") {
            return Ok(());
        }
        let mut open = 0_usize;
        loop {
            match self.peek() {
                Kind::Punctuation("(") => open += 1,
                Kind::Punctuation(")") => open -= 1,
                Kind::End | Kind::Invalid(..) | Kind::Directive => {
                    return Err(self.unexpected("`)` to close the attribute"));
                }
                _ => {}
            }
            self.advance();
            if open == 0 {
                return Ok(());
            }
        }
    }
}

/// `__x__` is another spelling of `x`.
fn plain(word: &str) -> &str {
    word.strip_prefix("__")
        .and_then(|word| word.strip_suffix("__"))
        .unwrap_or(word)
}
