//! The words of the errors: what was found, and what to write instead.

use super::marks::Marks;
use super::parameters::{Known, Value, is_constant};
use super::{Place, Root};
use crate::error::{Code, PrototypeError};
use crate::syntax::not_carried;
use crate::syntax::raw::{Annotation, AnnotationKind, Name, RawRecord, RawType, Shape, Uncarried};
use crate::syntax::scope::Scope;
use crate::syntax::token::Span;
use crate::syntax::words;
use crate::types::{Direction, RecordName, Scalar};

/// Stands for a type without a name.
const UNNAMED: &str = "data";

/// `'dest'`; but `the result` is no name.
pub(super) fn quoted(name: &str) -> String {
    match name {
        "the result" => name.to_owned(),
        _ => format!("'{name}'"),
    }
}

/// E0103: a pointer whose reach no default can know.
pub(super) fn how_large(
    target: &RawType,
    marks: &Marks,
    known: &[Known],
    place: Place,
) -> PrototypeError {
    let constant = is_constant(target);
    let spelt = scalar_or_void(target);
    let label = match constant {
        true => format!("pointer to const {spelt}"),
        false => format!("pointer to {spelt}, not const"),
    };
    let message = match place.outer {
        None => format!("cannot tell how large {} is", quoted(place.name)),
        Some(_) => format!(
            "cannot tell how large what {} leads to is",
            quoted(place.name)
        ),
    };
    let error = PrototypeError::new(Code::E0103, place.span.range(), message).label(label);
    let Root::Parameter(index) = place.root else {
        let help = "say how far it reaches: __sized_by(n), __counted_by(n), __null_terminated";
        return error.help(help);
    };
    let prefix = if constant { "const " } else { "" };
    let direction = match marks.direction {
        Some((Direction::In, _)) => "__in ",
        Some((Direction::InOut, _)) => "__inout ",
        _ if constant => "",
        _ => "__out ",
    };
    let (size, name) = (likely_size(known, index as usize), place.name);
    let is_text = constant && !matches!(target.shape, Shape::Void);
    let extent = match (&target.shape, &size) {
        (_, None) if is_text => "__null_terminated".to_owned(),
        // Functions count these, not their bytes.
        (Shape::Scalar(Scalar::WideChar), _) => format!("__counted_by({})", or_some(&size)),
        _ => format!("__sized_by({})", or_some(&size)),
    };
    let example = match place.outer {
        None => format!("{prefix}{spelt} *{direction}{extent} {name}"),
        Some(_) => format!(
            "{prefix}{spelt} *__null_terminated *__in __counted_by({}) {name}",
            or_some(&size)
        ),
    };
    error.example("say what it is, for example", example)
}

/// E0103: an array of which nothing says how long it is, which is hardly one element.
pub(super) fn how_many(
    target: &RawType,
    spelt: &str,
    marks: &Marks,
    known: &[Known],
    place: Place,
) -> PrototypeError {
    let error = PrototypeError::new(
        Code::E0103,
        place.span.range(),
        format!("cannot tell how many elements {} has", quoted(place.name)),
    )
    .label("an array without its bound");
    let Root::Parameter(index) = place.root else {
        return error.help("say how many with __counted_by(n), or __single for exactly one");
    };
    let direction = match marks.direction {
        Some((Direction::In, _)) => " __in",
        Some((Direction::Out, _)) => " __out",
        Some((Direction::InOut, _)) => " __inout",
        None => "",
    };
    let prefix = if is_constant(target) { "const " } else { "" };
    let (size, name) = (likely_size(known, index as usize), place.name);
    error.example(
        "say how many, or __single for exactly one, for example",
        format!("{prefix}{spelt}{direction} {name}[{}]", or_some(&size)),
    )
}

/// E0103: a pointer to pointers without a direction: an array that goes in, or a place for one that
/// comes back?
pub(super) fn pointer_to_pointer(place: Place) -> PrototypeError {
    PrototypeError::new(
        Code::E0103,
        place.span.range(),
        format!("cannot tell which way the pointers behind {} go", quoted(place.name)),
    )
    .label("pointer to pointer")
    .example(
        "say whether they go in or come back, for example",
        format!(
            "const char *__null_terminated *__in __counted_by(n) {0}   or   char *__borrowed *__out {0}",
            place.name
        ),
    )
}

/// E0103: an output whose terminator is not there before the call.
pub(super) fn no_capacity(place: Place) -> PrototypeError {
    PrototypeError::new(
        Code::E0103,
        place.span.range(),
        format!("cannot tell how large {} is", quoted(place.name)),
    )
    .label("what comes back has no terminator before the call")
    .help("say its capacity with __sized_by(n) or __counted_by(n)")
}

/// The parameter that most likely says how large the one at `index` is: the first integer after it, else the
/// last before it.
fn likely_size(known: &[Known], index: usize) -> Option<String> {
    let later = known.get(index + 1..).unwrap_or_default().iter();
    let earlier = known.get(..index).unwrap_or_default().iter().rev();
    let named = |known: &Known| match known.value {
        Value::Integer => Some(known.name.clone()),
        Value::Pointee(direction) if direction.enters() && !leads_to_text(&known.ty) => {
            Some(format!("*{}", known.name))
        }
        _ => None,
    };
    later.chain(earlier).find_map(named)
}

/// A size for an example where no parameter says one.
fn or_some(size: &Option<String>) -> &str {
    size.as_deref().unwrap_or("64")
}

/// Whether it is a pointer to characters, which say nothing of sizes.
fn leads_to_text(ty: &RawType) -> bool {
    let Shape::Pointer(target) = &ty.shape else {
        return false;
    };
    let Shape::Scalar(scalar) = target.shape else {
        return false;
    };
    matches!(
        scalar,
        Scalar::Char | Scalar::SignedChar | Scalar::UnsignedChar | Scalar::WideChar
    )
}

/// The C name of a pointer's target, as far as messages need it.
pub(super) fn spelt(target: &RawType, scope: &Scope) -> String {
    match &target.shape {
        Shape::Record(key) => match scope.record(*key) {
            Some(record) => record_name(record),
            None => UNNAMED.to_owned(),
        },
        Shape::Pointer(target) => format!("{} *", spelt(target, scope)),
        Shape::Array(element, _) => spelt(element, scope),
        _ => scalar_or_void(target).to_owned(),
    }
}

fn scalar_or_void(target: &RawType) -> &str {
    match &target.shape {
        Shape::Scalar(scalar) => scalar.c_name(),
        Shape::Void => "void",
        _ => UNNAMED,
    }
}

fn record_name(record: &RawRecord) -> String {
    let keyword = if record.union { "union" } else { "struct" };
    match &record.name {
        RecordName::Tag(tag) => format!("{keyword} {tag}"),
        RecordName::Typedef(name) => name.clone(),
        RecordName::Unnamed => UNNAMED.to_owned(),
    }
}

/// E0107: a pointer member without a word.
pub(super) fn silent_member(place: Place) -> PrototypeError {
    PrototypeError::new(
        Code::E0107,
        place.span.range(),
        format!(
            "the member {} is a pointer that says nothing of itself",
            quoted(place.name)
        ),
    )
    .label("copied with its record, but how far?")
    .example(
        "give the record with annotated members, for example",
        "struct blob { const void *__sized_by(n) data; size_t n; };",
    )
}

/// E0132: a pointer that comes back and belongs to nobody.
pub(super) fn whose(
    target: &RawType,
    scope: &Scope,
    function: &str,
    place: Place,
) -> PrototypeError {
    let constant = if is_constant(target) { "const " } else { "" };
    let spelt = match &target.shape {
        Shape::Pointer(inner) => format!("{} *__borrowed", spelt(inner, scope)),
        _ => spelt(target, scope),
    };
    let example = match place.root {
        Root::Result => format!("{constant}{spelt} *__borrowed {function}(..)"),
        _ => format!("{constant}{spelt} *__owned(free) *__out {}", place.name),
    };
    let message = match place.outer {
        None => "cannot tell whose memory the result is".to_owned(),
        Some(_) => format!(
            "cannot tell whose memory comes back through {}",
            quoted(place.name)
        ),
    };
    PrototypeError::new(Code::E0132, place.span.range(), message)
        .label("a pointer from the other process")
        .note("__owned(f), __borrowed, __static, __alias(p) and __handle say so")
        .example("say it after the `*`, for example", example)
}

/// E0132: a record that comes back with a pointer that belongs to nobody.
pub(super) fn unowned(member: &str, place: Place) -> PrototypeError {
    PrototypeError::new(
        Code::E0132,
        place.span.range(),
        format!("cannot tell whose memory comes back in the member '{member}'"),
    )
    .label("its record is made by the function")
    .help("give the record with __owned(f), __borrowed or __static on that member")
}

/// E0201: a function of the library's that the program would call.
pub(super) fn function_comes_back(place: Place) -> PrototypeError {
    not_carried(Uncarried {
        code: Code::E0201,
        span: place.span,
    })
}

/// E0125: a function where a value belongs.
pub(super) fn function_value(place: Place) -> PrototypeError {
    PrototypeError::new(
        Code::E0125,
        place.span.range(),
        format!("{} is a function, which has no value", quoted(place.name)),
    )
    .label("a pointer to it can be passed")
}

/// E0140: words of callbacks on something else.
pub(super) fn no_callback(span: Span) -> PrototypeError {
    PrototypeError::new(
        Code::E0140,
        span.range(),
        "this annotation belongs to a pointer to a function",
    )
    .label("no function is passed here")
}

/// E0140: an annotation that a pointer to a function cannot bear.
pub(super) fn not_on_callback(span: Span, message: &str) -> PrototypeError {
    PrototypeError::new(Code::E0140, span.range(), message).label("not on a pointer to a function")
}

/// E0140: memory of the program's that is to last as long as an object of the library.
pub(super) fn borrowed_by_library(span: Span) -> PrototypeError {
    let message = "the library cannot borrow the program's memory for as long as a handle lives";
    PrototypeError::new(Code::E0140, span.range(), message)
        .label("in a callback, write __borrowed, __static or __owned(free)")
}

/// E0141: a scope that cannot be.
pub(super) fn scope(span: Span, message: &str) -> PrototypeError {
    PrototypeError::new(Code::E0141, span.range(), message)
        .label("nothing that the callback could live as long as")
}

/// E0304: a va_list.
pub(super) fn variable_arguments(place: Place) -> PrototypeError {
    PrototypeError::new(
        Code::E0304,
        place.span.range(),
        "a va_list leads into the stack of this process",
    )
    .label("a va_list")
}

/// E0128: `__fd` on another type.
pub(super) fn no_descriptor(span: Span) -> PrototypeError {
    PrototypeError::new(
        Code::E0128,
        span.range(),
        "only an int can be a file descriptor",
    )
    .label("not on an int")
}

/// E0113 or E0127: an annotation on what is no pointer.
pub(super) fn no_pointer(annotation: &Annotation, span: Span, place: Place) -> PrototypeError {
    if annotation.kind.of_function() {
        return PrototypeError::new(
            Code::E0127,
            span.range(),
            "this annotation belongs to the function",
        )
        .label("not here")
        .help("write it after the function's closing `)`");
    }
    if annotation.kind.of_union() {
        return tag_place(span);
    }
    let what = match annotation.kind {
        AnnotationKind::Direction(_) => "a value only goes in",
        AnnotationKind::Extent(_) => "a value has no extent",
        _ => "this is no pointer",
    };
    PrototypeError::new(
        Code::E0113,
        span.range(),
        format!("{} is no pointer", quoted(place.name)),
    )
    .label(what)
}

/// E0131: `()`.
pub(super) fn empty_parentheses(span: Span, name: &str) -> PrototypeError {
    PrototypeError::new(
        Code::E0131,
        span.range(),
        "these parentheses say nothing of parameters",
    )
    .label("no parameters, or unknown ones?")
    .example("if it takes none, write", format!("{name}(void)"))
}

/// E0131: `()` in the type of a callback.
pub(super) fn empty_callback(span: Span) -> PrototypeError {
    PrototypeError::new(
        Code::E0131,
        span.range(),
        "these parentheses say nothing of the callback's parameters",
    )
    .label("no parameters, or unknown ones?")
    .help("write `(void)` if it takes none")
}

/// E0117: a record that is not known.
pub(super) fn incomplete(span: Span, place: Place) -> PrototypeError {
    PrototypeError::new(
        Code::E0117,
        span.range(),
        format!("the members of {} are not known", quoted(place.name)),
    )
    .label("an incomplete type")
    .help("give the record before the prototype")
}

/// E0117: data annotations on a pointer to a record that is not known.
pub(super) fn incomplete_data(span: Span, place: Place) -> PrototypeError {
    PrototypeError::new(
        Code::E0117,
        span.range(),
        format!(
            "{} leads to a record whose members are not known",
            quoted(place.name)
        ),
    )
    .label("cannot be copied")
    .help("give the record before the prototype, or leave it a handle")
}

/// E0120: an alias that cannot be.
pub(super) fn alias(span: Span, message: &str) -> PrototypeError {
    PrototypeError::new(Code::E0120, span.range(), message)
        .label("nothing to point into")
        .help("`__alias(p)` is for results and what __out pointers lead to")
}

/// E0150: an end that cannot be one.
pub(super) fn no_end(span: Span, message: &str) -> PrototypeError {
    PrototypeError::new(Code::E0150, span.range(), message)
        .label("no end")
        .help("`__ended_by(p)` stands on one pointer parameter and names another one")
}

/// E0153: a member of what is no record.
pub(super) fn no_member(member: &Name) -> PrototypeError {
    PrototypeError::new(
        Code::E0153,
        member.span.range(),
        format!(
            "'{}' is a member of no record whose members travel",
            member.text
        ),
    )
    .label("no record leads to it")
    .help("`__field(p->m, ..)` names a parameter that leads to a record, and a member of that")
}

/// E0154: a question that cannot be asked.
pub(super) fn no_query(span: Span, message: &str) -> PrototypeError {
    PrototypeError::new(Code::E0154, span.range(), message)
        .label("not asked here")
        .help("`__sized_by(f(h))` stands on the result, or on what an __out pointer leads to")
}

/// E0151: a union of pointers that nothing tells apart.
pub(super) fn untagged(span: Span, place: Place) -> PrototypeError {
    PrototypeError::new(
        Code::E0151,
        span.range(),
        format!("nothing says which member of the union {} is there", quoted(place.name)),
    )
    .label("it holds pointers")
    .example(
        "name the member beside it that says so, for example",
        "struct v { int kind; union { long n __case(1); const char *__in s __case(2); } u __switch(kind); };",
    )
}

/// E0152: words about unions that do not fit.
pub(super) fn no_tag(span: Span, message: &str) -> PrototypeError {
    PrototypeError::new(Code::E0152, span.range(), message).label("does not choose a member")
}

/// E0152: words about unions elsewhere.
pub(super) fn tag_place(span: Span) -> PrototypeError {
    no_tag(span, "`__switch` and `__case` stand on members of records")
        .help("the tag of a union is a member beside it")
}

/// E0122: a handle where none can be.
pub(super) fn handle_place(span: Span, message: &str) -> PrototypeError {
    PrototypeError::new(Code::E0122, span.range(), message).label("not a handle here")
}

/// E0145: values in the place of an object, where there is none.
pub(super) fn no_object(span: Span) -> PrototypeError {
    PrototypeError::new(
        Code::E0145,
        span.range(),
        "constants stand in for objects only, and this is data",
    )
    .label("not on data")
    .help("write it on a handle, beside `__handle` or `__closed_by(f)`")
}

/// E0146: `__retained` on what cannot be kept.
pub(super) fn not_kept(span: Span, message: &str) -> PrototypeError {
    PrototypeError::new(Code::E0146, span.range(), message)
        .label("cannot be kept")
        .help("`__retained(h)` is for data without pointers, and `h` a handle or a record that holds one")
}

/// E0147: an object in the caller's memory of which nothing is known.
pub(super) fn no_resident(span: Span) -> PrototypeError {
    PrototypeError::new(
        Code::E0147,
        span.range(),
        "the members of the object that the function makes here are not known",
    )
    .label("made in the caller's memory")
    .help("give the struct before the prototype: its pointers need no annotations")
}

/// E0148: a cursor that is none.
pub(super) fn no_cursor(span: Span, message: &str) -> PrototypeError {
    PrototypeError::new(Code::E0148, span.range(), message).label("no cursor")
}

/// E0126: an extent that does not suit the type.
pub(super) fn unsuited(span: Span, message: &str) -> PrototypeError {
    PrototypeError::new(Code::E0126, span.range(), message).label("does not suit the type")
}

/// E0112: an expression without a value.
pub(super) fn no_value(span: Span, message: &str) -> PrototypeError {
    PrototypeError::new(Code::E0112, span.range(), message).label("has no value here")
}

/// E0111: a name that is not there.
pub(super) fn unknown_name<'n>(
    name: &str,
    span: Span,
    candidates: impl Iterator<Item = &'n str>,
    kind: &str,
) -> PrototypeError {
    let near = words::near(name, candidates);
    let error = PrototypeError::new(
        Code::E0111,
        span.range(),
        format!("there is no {kind} named '{name}'"),
    )
    .label("unknown");
    if near.is_empty() {
        error
    } else {
        error.help(format!("did you mean {}?", words::either(&near)))
    }
}

/// E0133: an attribute that speaks of a parameter that is not there, or not a pointer.
pub(super) fn attribute_position(span: Span) -> PrototypeError {
    PrototypeError::new(
        Code::E0133,
        span.range(),
        "this attribute speaks of a parameter that does not fit",
    )
    .label("positions count from 1")
}
