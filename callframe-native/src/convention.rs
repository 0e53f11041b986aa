//! Which functions have a [`Convention`], and what it is.

use callframe::types::{Scalar, Type, TypeId};
use callframe::{DataModel, Template};

/// Bytes of a word.
const WORD: u64 = 8;
/// Words of the arguments, and of the result, at most.
const WORDS: usize = 2;

/// In which registers the arguments and the result of a function travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convention {
    pub(crate) arguments: [Word; WORDS],
    /// Whether all of them fill their words.
    pub(crate) whole: bool,
    pub(crate) outcome: Outcome,
}

/// In which registers the words of a result are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// An integer, and a float if there is a second word; nothing at all, too.
    IntegerFirst,
    /// A float, and an integer if there is a second word.
    FloatFirst,
    Integers,
    Floats,
}

/// A word of the arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub class: Class,
    /// Bits above an integer that is narrower than the word: they hold its sign, or zeros.
    pub unused: u8,
    pub signed: bool,
}

/// The kind of register that a word travels in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// There is no such word.
    None,
    Integer,
    Float,
}

impl Word {
    pub const NONE: Word = Word::whole(Class::None);

    pub const fn whole(class: Class) -> Word {
        Word {
            class,
            unused: 0,
            signed: false,
        }
    }

    /// The word as the register holds it.
    #[inline]
    pub fn extended(self, word: u64) -> u64 {
        let moved = word << self.unused;
        match self.signed {
            true => (moved.cast_signed() >> self.unused).cast_unsigned(),
            false => moved >> self.unused,
        }
    }
}

impl Convention {
    /// The convention of the function that `template` lays out for this process; `None` where its
    /// arguments or its result are more than two words, or of types that travel in other ways, and
    /// where this is another machine.
    pub fn of(template: &Template) -> Option<Convention> {
        let outcome = outcome_of(template)?;
        let frame = template.frame();
        let mut arguments = [Word::NONE; WORDS];
        for (parameter, slot) in frame.parameters().iter().zip(template.arguments()) {
            let first = usize::try_from(slot.offset / WORD).ok()?;
            let classes = classes(template, parameter.ty)?;
            for (index, class) in classes.into_iter().enumerate() {
                if class != Class::None {
                    *arguments.get_mut(first + index)? = Word::whole(class);
                }
            }
            if let Some(word) = narrow(template, parameter.ty) {
                *arguments.get_mut(first)? = word;
            }
        }
        let whole = arguments.iter().all(|word| word.unused == 0);
        Some(Convention {
            arguments,
            whole,
            outcome,
        })
    }
}

/// In which registers the result of a function is; `None` where that is in none, or where no function has a
/// convention: on other machines, and with `...`.
pub(crate) fn outcome_of(template: &Template) -> Option<Outcome> {
    let here = cfg!(all(
        target_arch = "x86_64",
        target_pointer_width = "64",
        unix
    ));
    let frame = template.frame();
    if !here || DataModel::native() != Some(template.model()) || frame.variadic().is_some() {
        return None;
    }
    let result = match frame.ty(frame.result()) {
        Type::Void => [Class::None; WORDS],
        _ => classes(template, frame.result())?,
    };
    Some(match result {
        [Class::Integer, Class::Integer] => Outcome::Integers,
        [Class::Float, Class::Float] => Outcome::Floats,
        [Class::Float, _] => Outcome::FloatFirst,
        _ => Outcome::IntegerFirst,
    })
}

/// An integer that does not fill its word.
pub(crate) fn narrow(template: &Template, id: TypeId) -> Option<Word> {
    let signed = match template.frame().ty(id) {
        Type::Scalar(scalar) if scalar.is_integer() => scalar.is_signed(),
        Type::Descriptor => true,
        _ => return None,
    };
    let unused = WORD.checked_sub(template.size_align(id).size)? * 8;
    Some(Word {
        class: Class::Integer,
        unused: u8::try_from(unused).ok()?,
        signed,
    })
}

/// How the words of a value travel, from its first byte on; `None` where they do not travel in
/// registers of these two kinds.
pub(crate) fn classes(template: &Template, id: TypeId) -> Option<[Class; WORDS]> {
    let size = template.size_align(id).size;
    if size == 0 || size > WORD * WORDS as u64 {
        return None;
    }
    let mut classes = [Class::None; WORDS];
    mark(template, id, 0, &mut classes)?;
    let words = usize::try_from(size.div_ceil(WORD)).ok()?;
    // A word of nothing but padding travels in no register.
    let all_marked = classes.iter().take(words).all(|it| *it != Class::None);
    all_marked.then_some(classes)
}

/// Marks the words of a value at `at`.
fn mark(template: &Template, id: TypeId, at: u64, classes: &mut [Class; WORDS]) -> Option<()> {
    let frame = template.frame();
    let layout = template.size_align(id);
    if !at.is_multiple_of(layout.align) {
        return None;
    }
    let mut each = |class: Class| {
        let last = at.checked_add(layout.size)?.checked_sub(1)?;
        for word in at / WORD..=last / WORD {
            let place = classes.get_mut(usize::try_from(word).ok()?)?;
            // One integer makes the whole word one.
            if *place != Class::Integer {
                *place = class;
            }
        }
        Some(())
    };
    match frame.ty(id) {
        Type::Scalar(Scalar::LongDouble | Scalar::ComplexLongDouble) => None,
        Type::Scalar(scalar) if !scalar.is_integer() => each(Class::Float),
        Type::Scalar(_) | Type::Descriptor | Type::Pointer(_) => each(Class::Integer),
        Type::Array { element, length } => {
            let stride = template.size_align(*element).size;
            (0..*length).try_for_each(|index| {
                let offset = index.checked_mul(stride)?.checked_add(at)?;
                mark(template, *element, offset, classes)
            })
        }
        Type::Record(record) => {
            let fields = &frame.record(*record).fields;
            if fields.is_empty() || fields.iter().any(|field| field.bits.is_some()) {
                return None;
            }
            fields.iter().enumerate().try_for_each(|(index, field)| {
                let offset = template.field_offset(*record, index)?.checked_add(at)?;
                mark(template, field.ty, offset, classes)
            })
        }
        Type::Void | Type::Function { .. } => None,
    }
}
