//! Rust signatures, checked against prototypes.
//!
//! | C | Rust |
//! |---|---|
//! | integer, enum, `bool`, `__fd` | the integer of the same size and sign, `bool` |
//! | plain `char` | `i8` or `u8` |
//! | `float`, `double` | `f32`, `f64` |
//! | `float complex`, `double complex` | a struct of two |
//! | any pointer, any handle | `*const T` or `*mut T` |
//! | pointer to a function, as a parameter | `extern "C" fn(…) -> …`, `unsafe` or not, or an `Option` of one; `None` is NULL |
//! | pointer to a function, elsewhere | the `Option` |
//! | struct by value | a `#[repr(C)]` struct that implements [`Carried`], of the same size and alignment |
//! | `void` as a result | `()` |
//!
//! `long double` has no Rust type; [`Function::call`](crate::Function::call) carries it.

use crate::error::SignatureMismatch;
use crate::resolved::Resolved;
use callframe::types::{Scalar, Type, TypeId};
use std::any::type_name;
use std::ffi::c_void;

/// A Rust type that stands for a C type in a signature.
///
/// Implement it for a `#[repr(C)]` struct to pass or return it by value:
///
/// ```
/// #[derive(Clone, Copy)]
/// #[repr(C)]
/// struct Quotient {
///     quotient: i32,
///     remainder: i32,
/// }
/// // SAFETY: #[repr(C)], and two integers take any bits.
/// unsafe impl cosmos::Carried for Quotient {}
/// unsafe impl cosmos::ByValue for Quotient {}
/// ```
///
/// # Safety
/// The type is `#[repr(C)]` and any bits are a valid value of it: a VM decides what a function
/// returns.
pub unsafe trait Carried: Copy + 'static {
    /// What it is in C.
    #[doc(hidden)]
    const SHAPE: Shape = Shape::Record {
        size: size_of::<Self>(),
        align: align_of::<Self>(),
    };
}

/// A [`Carried`] type without pointers: a function that takes only these can be called safely.
///
/// # Safety
/// The type holds no address that a callee would follow.
pub unsafe trait ByValue: Carried {}

/// A type of parameters: any [`Carried`] one, or a C function for the VM to call back. No VM makes a
/// value of it, so it may be one that not all bits are valid for.
///
/// # Safety
/// `SHAPE` is what a value of the type is in C.
pub unsafe trait Argument: Copy + 'static {
    /// What it is in C.
    #[doc(hidden)]
    const SHAPE: Shape;
}

// SAFETY: it is the same type.
unsafe impl<T: Carried> Argument for T {
    const SHAPE: Shape = <T as Carried>::SHAPE;
}

/// What a Rust type is in C.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shape {
    Unit,
    Bool,
    Integer { size: usize, signed: bool },
    Floating { size: usize },
    Pointer,
    Record { size: usize, align: usize },
}

/// A function type that a prototype can be checked against: `extern "C" fn(A, …) -> R` with
/// [`ByValue`] parameters, or `unsafe extern "C" fn(A, …) -> R` with any [`Argument`]; up to
/// twelve of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no signature of a C function",
    note = "write `extern \"C\" fn(..) -> ..` where all parameters travel by value, and `unsafe extern \"C\" fn(..) -> ..` where pointers are among them"
)]
pub trait Signature: Copy + 'static + sealed::Sealed {
    /// Its parameters: shape and Rust name.
    #[doc(hidden)]
    fn parameters() -> Vec<(Shape, &'static str)>;
    /// Its result, likewise.
    #[doc(hidden)]
    fn result() -> (Shape, &'static str);
    /// The pointer as a value of this type.
    ///
    /// # Safety
    /// The pointer is of a function of this signature.
    #[doc(hidden)]
    unsafe fn from_pointer(pointer: *const c_void) -> Self;
}

pub(crate) mod sealed {
    /// Only function types of this crate's list are signatures.
    pub trait Sealed {}
}

/// Compares a Rust signature with a prototype.
pub(crate) fn check<F: Signature>(function: &Resolved) -> Result<(), SignatureMismatch> {
    let frame = function.frame();
    let parameters = F::parameters();
    let mismatch = |place: &str, expected: String, found: String| SignatureMismatch {
        function: function.name().to_owned(),
        place: place.to_owned(),
        expected,
        found,
    };
    if function.open().is_some() {
        return Err(mismatch(
            "parameters",
            "'...' (a Rust function type has its arguments written out: so must the prototype, with \
             __variadic(n))"
                .to_owned(),
            format!("{} of them", parameters.len()),
        ));
    }
    if parameters.len() != frame.parameters().len() {
        let count = |number: usize| match number {
            1 => "1 parameter".to_owned(),
            number => format!("{number} parameters"),
        };
        return Err(mismatch(
            "parameters",
            count(frame.parameters().len()),
            count(parameters.len()),
        ));
    }
    for (parameter, (shape, name)) in frame.parameters().iter().zip(parameters) {
        if !fits(function, parameter.ty, shape) {
            let place = format!("parameter '{}'", parameter.name);
            return Err(mismatch(
                &place,
                expected(function, parameter.ty),
                name.to_owned(),
            ));
        }
    }
    let (shape, name) = F::result();
    if !fits(function, frame.result(), shape) {
        return Err(mismatch(
            "result",
            expected(function, frame.result()),
            name.to_owned(),
        ));
    }
    Ok(())
}

fn fits(function: &Resolved, ty: TypeId, shape: Shape) -> bool {
    let layout = function.native().size_align(ty);
    let (size, align) = (layout.size as usize, layout.align as usize);
    match (function.frame().ty(ty), shape) {
        (Type::Void, Shape::Unit) | (Type::Pointer(_), Shape::Pointer) => true,
        (
            Type::Descriptor,
            Shape::Integer {
                size: 4,
                signed: true,
            },
        ) => true,
        (Type::Record(_), shape) => shape == Shape::Record { size, align },
        (Type::Scalar(scalar), shape) => match scalar {
            Scalar::Bool => shape == Shape::Bool,
            Scalar::Char => matches!(shape, Shape::Integer { size: 1, .. }),
            Scalar::Float | Scalar::Double => shape == Shape::Floating { size },
            Scalar::ComplexFloat | Scalar::ComplexDouble => shape == Shape::Record { size, align },
            Scalar::LongDouble | Scalar::ComplexLongDouble => false,
            integer => {
                shape
                    == Shape::Integer {
                        size,
                        signed: integer.is_signed(),
                    }
            }
        },
        _ => false,
    }
}

/// What the prototype says, with what stands for it in Rust.
fn expected(function: &Resolved, ty: TypeId) -> String {
    let layout = function.native().size_align(ty);
    let bits = layout.size * 8;
    match function.frame().ty(ty) {
        Type::Void => "void, ()".to_owned(),
        Type::Pointer(_) => "a pointer, *const T or *mut T".to_owned(),
        Type::Descriptor => "a descriptor, i32".to_owned(),
        Type::Scalar(scalar) => match scalar {
            Scalar::Bool => "bool".to_owned(),
            Scalar::Char => "char, i8 or u8".to_owned(),
            Scalar::Float | Scalar::Double => format!("f{bits}"),
            Scalar::ComplexFloat | Scalar::ComplexDouble => {
                format!("a complex number, a struct of two f{}", bits / 2)
            }
            Scalar::LongDouble | Scalar::ComplexLongDouble => {
                "long double, for which there is no Rust type (use Function::call)".to_owned()
            }
            integer if integer.is_signed() => format!("i{bits}"),
            _ => format!("u{bits}"),
        },
        Type::Record(_) => format!(
            "a struct of {} bytes aligned to {}",
            layout.size, layout.align
        ),
        _ => "a type without values".to_owned(),
    }
}

macro_rules! by_value {
    ($($ty:ty => $shape:expr;)*) => {$(
        // SAFETY: a primitive that takes any bits (`bool` is made one from any byte before it is
        // looked at) and is no address.
        unsafe impl Carried for $ty {
            const SHAPE: Shape = $shape;
        }
        // SAFETY: as above.
        unsafe impl ByValue for $ty {}
    )*};
}

by_value! {
    () => Shape::Unit;
    bool => Shape::Bool;
    i8 => Shape::Integer { size: 1, signed: true };
    i16 => Shape::Integer { size: 2, signed: true };
    i32 => Shape::Integer { size: 4, signed: true };
    i64 => Shape::Integer { size: 8, signed: true };
    isize => Shape::Integer { size: size_of::<isize>(), signed: true };
    u8 => Shape::Integer { size: 1, signed: false };
    u16 => Shape::Integer { size: 2, signed: false };
    u32 => Shape::Integer { size: 4, signed: false };
    u64 => Shape::Integer { size: 8, signed: false };
    usize => Shape::Integer { size: size_of::<usize>(), signed: false };
    f32 => Shape::Floating { size: 4 };
    f64 => Shape::Floating { size: 8 };
}

// SAFETY: a raw pointer takes any bits.
unsafe impl<T: 'static> Carried for *const T {
    const SHAPE: Shape = Shape::Pointer;
}

// SAFETY: as above.
unsafe impl<T: 'static> Carried for *mut T {
    const SHAPE: Shape = Shape::Pointer;
}

macro_rules! function_pointer {
    ([$($safety:tt)*], $($parameter:ident)*) => {
        // SAFETY: NULL is None, and with any other value Rust does nothing but hand it on.
        unsafe impl<R: 'static, $($parameter: 'static),*> Carried
            for Option<$($safety)* extern "C" fn($($parameter),*) -> R>
        {
            const SHAPE: Shape = Shape::Pointer;
        }

        // SAFETY: a function pointer is a pointer.
        unsafe impl<R: 'static, $($parameter: 'static),*> Argument
            for $($safety)* extern "C" fn($($parameter),*) -> R
        {
            const SHAPE: Shape = Shape::Pointer;
        }
    };
}

macro_rules! signature {
    ($bound:ident, [$($safety:tt)*], $($parameter:ident)*) => {
        impl<R: Carried, $($parameter: $bound),*> sealed::Sealed
            for $($safety)* extern "C" fn($($parameter),*) -> R
        {
        }
        impl<R: Carried, $($parameter: $bound),*> Signature
            for $($safety)* extern "C" fn($($parameter),*) -> R
        {
            fn parameters() -> Vec<(Shape, &'static str)> {
                vec![$((<$parameter as Argument>::SHAPE, type_name::<$parameter>())),*]
            }

            fn result() -> (Shape, &'static str) {
                (R::SHAPE, type_name::<R>())
            }

            unsafe fn from_pointer(pointer: *const c_void) -> Self {
                // SAFETY: the caller's promise; both are pointers of the same size.
                unsafe { std::mem::transmute::<*const c_void, Self>(pointer) }
            }
        }
    };
}

macro_rules! signatures {
    ($(($($parameter:ident)*))*) => {$(
        signature!(ByValue, [], $($parameter)*);
        signature!(Argument, [unsafe], $($parameter)*);
        function_pointer!([], $($parameter)*);
        function_pointer!([unsafe], $($parameter)*);
    )*};
}

signatures! {
    ()
    (A)
    (A B)
    (A B C)
    (A B C D)
    (A B C D E)
    (A B C D E G)
    (A B C D E G H)
    (A B C D E G H I)
    (A B C D E G H I J)
    (A B C D E G H I J K)
    (A B C D E G H I J K L)
    (A B C D E G H I J K L M)
}
