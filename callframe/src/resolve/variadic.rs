//! What takes the place of `...`: told by an annotation of the function, or by GCC's attributes.

use super::{Resolved, Resolver};
use crate::error::{Code, PrototypeError};
use crate::syntax::RawPrototype;
use crate::syntax::raw::{AnnotationKind, RawVariadic};
use crate::syntax::token::Span;
use crate::types::{Direction, Extent, Identity, Parameter, Scalar, Type, Variadic};

impl Resolver<'_> {
    /// How the arguments in place of `...` are typed; `None` for a function that has none.
    pub(super) fn variadic(
        &mut self,
        prototype: &RawPrototype,
        parameters: &[Parameter],
    ) -> Resolved<Option<Variadic>> {
        let dots = prototype.function.variadic;
        let Some((said, span)) = said(prototype, dots)? else {
            return dots.map_or(Ok(None), |dots| Err(untyped(dots, &prototype.name.text)));
        };
        if matches!(said, RawVariadic::Fixed(_)) == dots.is_some() {
            return Err(misplaced(said, span));
        }
        match said {
            RawVariadic::Fixed(count) => self.written_out(*count, span, parameters),
            RawVariadic::Printf(format, first) => self.printf(*format, *first, span, parameters),
            RawVariadic::By(tag) => self.table(&prototype.name, tag, span).map(Variadic::By),
            RawVariadic::Sentinel => Ok(Variadic::Sentinel),
        }
        .map(Some)
    }

    fn written_out(&self, count: i128, span: Span, parameters: &[Parameter]) -> Resolved<Variadic> {
        let fixed = u32::try_from(count).ok().filter(|&fixed| fixed > 0);
        let rest = fixed.and_then(|fixed| parameters.get(fixed as usize..));
        let (Some(fixed), Some(rest)) = (fixed, rest) else {
            let message = format!(
                "{count} parameters cannot be the named ones: the function has {}",
                parameters.len()
            );
            return Err(unsuitable(span, message, "at least one, at most all"));
        };
        for parameter in rest {
            if let Some(Type::Scalar(scalar)) = self.types.get(parameter.ty.0 as usize)
                && let Some(promoted) = promoted(*scalar)
            {
                return Err(unpromoted(span, &parameter.name, *scalar, promoted));
            }
        }
        Ok(Variadic::Fixed(fixed))
    }

    fn printf(
        &self,
        format: i128,
        first: i128,
        span: Span,
        parameters: &[Parameter],
    ) -> Resolved<Variadic> {
        let index = u32::try_from(format - 1).ok();
        let parameter = index.and_then(|index| parameters.get(index as usize));
        let (Some(index), Some(parameter)) = (index, parameter) else {
            let message = format!("no parameter has position {format}");
            return Err(unsuitable(span, message, "positions count from 1"));
        };
        if !self.is_text(parameter) {
            let message = format!(
                "'{}' is no format: it is not text that goes in",
                parameter.name
            );
            return Err(unsuitable(span, message, "a format is a `const char *`"));
        }
        if first != parameters.len() as i128 + 1 {
            let message = format!(
                "the arguments of the format begin at position {}, where `...` stands",
                parameters.len() + 1
            );
            return Err(unsuitable(span, message, "another position"));
        }
        Ok(Variadic::Printf(index))
    }

    fn is_text(&self, parameter: &Parameter) -> bool {
        let Some(Type::Pointer(pointer)) = self.types.get(parameter.ty.0 as usize) else {
            return false;
        };
        pointer.identity == Identity::Data
            && pointer.direction == Direction::In
            && pointer.extent == Extent::NullTerminated
            && matches!(
                self.types.get(pointer.target.0 as usize),
                Some(Type::Scalar(Scalar::Char))
            )
    }
}

/// What is said of `...`; annotations before attributes, which say nothing without a `...`.
fn said(prototype: &RawPrototype, dots: Option<Span>) -> Resolved<Option<(&RawVariadic, Span)>> {
    let mut annotated = None;
    let mut attributed = None;
    for annotation in &prototype.annotations {
        match &annotation.kind {
            AnnotationKind::Variadic(said) if annotated.is_none() => {
                annotated = Some((said, annotation.span));
            }
            AnnotationKind::Variadic(_) => {
                let message = "what takes the place of `...` is said twice";
                return Err(unsuitable(
                    annotation.span,
                    message.into(),
                    "the second time",
                ));
            }
            AnnotationKind::VariadicAttribute(said) if dots.is_some() => {
                attributed = attributed.or(Some((said, annotation.span)));
            }
            _ => {}
        }
    }
    Ok(annotated.or(attributed))
}

/// The type that C passes in place of `...` where this one is given; `None` where it is the same.
pub(super) fn promoted(scalar: Scalar) -> Option<Scalar> {
    use Scalar::*;
    match scalar {
        Float => Some(Double),
        Bool | Char | SignedChar | UnsignedChar | Short | UnsignedShort | Int8 | UInt8 | Int16
        | UInt16 => Some(Int),
        _ => None,
    }
}

fn untyped(dots: Span, function: &str) -> PrototypeError {
    PrototypeError::new(
        Code::E0160,
        dots.range(),
        format!("nothing says what takes the place of `...` in '{function}'"),
    )
    .label("any number of anything")
    .help(
        "write __printf(format, first), __sentinel or __variadic_by(tag) after the `)`; or the \
         arguments of one call in place of `...`, and __variadic(n) for n named parameters",
    )
}

fn misplaced(said: &RawVariadic, span: Span) -> PrototypeError {
    if matches!(said, RawVariadic::Fixed(_)) {
        return unsuitable(
            span,
            "`__variadic` says that the arguments are written out, and `...` stands there".into(),
            "not with `...`",
        )
        .help("write the arguments of the call in place of `...`");
    }
    unsuitable(
        span,
        "this annotation types the arguments in place of `...`, and there is no `...`".into(),
        "of a variadic function",
    )
}

pub(super) fn unpromoted(
    span: Span,
    name: &str,
    scalar: Scalar,
    promoted: Scalar,
) -> PrototypeError {
    let (given, passed) = (scalar.c_name(), promoted.c_name());
    PrototypeError::new(
        Code::E0161,
        span.range(),
        format!("'{name}' is {given}, which C passes as {passed} in place of `...`"),
    )
    .label("beyond the named parameters")
    .help(format!("write `{passed} {name}`"))
}

pub(super) fn unsuitable(span: Span, message: String, label: &str) -> PrototypeError {
    PrototypeError::new(Code::E0162, span.range(), message).label(label)
}
