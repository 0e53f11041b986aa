//! A note where a prototype passes other things than the pack of the library says.
//!
//! The prototype is obeyed all the same: the library may be another version of it than the pack was written for. But
//! whatever does not pass what the function takes is answered with some value, and nothing else says so.

use crate::packs;
use crate::report::say;
use callframe::types::{Scalar, Type, TypeId};
use callframe::{CallFrame, DataModel};

/// How a value is passed.
#[derive(Debug, PartialEq, Eq)]
enum Passed {
    Nothing,
    /// So many bytes.
    Integer(u8),
    Floating(Scalar),
    Address,
    Record,
}

/// Says so, where a pack of the target has this function otherwise.
pub fn note(target: &str, given: &CallFrame) {
    // What is wrong with the packs is told to who asks for one.
    let Ok(packs) = packs::configured() else {
        return;
    };
    let known = packs.entry(target, given.name()).ok();
    let known = known.and_then(|known| callframe::parse(&known.prototype).ok());
    if let Some(known) = known.filter(|known| differs(given, known)) {
        say(&format!(
            "note: the prototype pack of {target} says otherwise: {known}"
        ));
    }
}

/// Whether parameters or the result are passed otherwise. Who ignores a result needs not say what it is.
fn differs(given: &CallFrame, known: &CallFrame) -> bool {
    let (ours, theirs) = (given.parameters(), known.parameters());
    let is_other = |ours: TypeId, theirs: TypeId| passed(given, ours) != passed(known, theirs);
    let result = passed(given, given.result());
    // What follows the named parameters is up to who writes the prototype.
    let has_more = given.variadic().is_some() || known.variadic().is_some();
    ours.len() != theirs.len() && !has_more
        || ours
            .iter()
            .zip(theirs)
            .any(|(ours, theirs)| is_other(ours.ty, theirs.ty))
        || result != Passed::Nothing && is_other(given.result(), known.result())
}

fn passed(frame: &CallFrame, ty: TypeId) -> Passed {
    match frame.ty(ty) {
        Type::Void => Passed::Nothing,
        Type::Scalar(scalar) if scalar.is_integer() => Passed::Integer(bytes(*scalar)),
        Type::Scalar(scalar) => Passed::Floating(*scalar),
        Type::Descriptor => Passed::Integer(bytes(Scalar::Int)),
        Type::Pointer(_) | Type::Function { .. } | Type::Array { .. } => Passed::Address,
        Type::Record(_) => Passed::Record,
    }
}

fn bytes(scalar: Scalar) -> u8 {
    DataModel::native().map_or(0, |model| model.scalar(scalar).size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_passed_otherwise_differs_and_other_words_do_not() {
        let read = |text: &str| callframe::parse(text).expect(text);
        let cases = [
            ("int cos(int x)", "double cos(double x)", true),
            ("float cosf(double x)", "float cosf(float x)", true),
            ("int labs(int n)", "long labs(long n)", true),
            ("int toupper(void)", "int toupper(int c)", true),
            ("long f(long p)", "long f(const char *p)", true),
            ("void puts(const char *s)", "int puts(const char *s)", false),
            ("int puts(const char *s)", "void puts(const char *s)", true),
            ("unsigned toupper(unsigned c)", "int toupper(int c)", false),
            (
                "size_t strlen(const void *__sized_by(n) s, int n)",
                "size_t strlen(const char *s)",
                true,
            ),
            (
                "unsigned long strlen(const unsigned char *__null_terminated s)",
                "size_t strlen(const char *s)",
                false,
            ),
            ("int close(int __fd fd)", "int close(int fd)", false),
            (
                "int printf(const char *format, int number) __variadic(1)",
                "int printf(const char *format, ...) __printf(1, 2)",
                false,
            ),
            (
                "struct p { int x; }; int f(struct p p)",
                "int f(int x)",
                true,
            ),
        ];
        for (given, known, expected) in cases {
            assert_eq!(differs(&read(given), &read(known)), expected, "{given}");
        }
    }
}
