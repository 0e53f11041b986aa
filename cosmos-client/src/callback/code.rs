//! Entering a C function of the program's.

use super::Signature;
use callframe::marshal::{Argument, Brief, BriefBody, Image, Kind, MOST_PARAMETERS};
use callframe_native::{Convention, Scalars};
use libffi::raw;
use std::ffi::{c_int, c_void};

// SAFETY: the raw pointers in the interface lead to type descriptions it owns. They are written
// when it is made and only read by a call.
unsafe impl Send for Signature {}
// SAFETY: as above.
unsafe impl Sync for Signature {}

/// What a C function left.
pub(super) struct Left {
    /// Its result, in its C representation.
    pub result: Vec<u8>,
    pub errno: c_int,
}

/// Calls the function at `address` with the arguments in the image, whose pointers are set here.
///
/// # Safety
/// `address` is that of a C function whose type is what the prototype says of the callback: the
/// program's promise, which it makes by passing the pointer.
pub(super) unsafe fn enter(signature: &Signature, address: u64, image: &mut Image) -> Option<Left> {
    let template = signature.callee.template();
    let base = image.bytes_mut().as_mut_ptr();
    image.relocate(base.expose_provenance() as u64);
    let errno = image.errno();
    let bytes = image.bytes_mut();
    let mut arguments = Vec::with_capacity(template.arguments().len());
    for slot in template.arguments() {
        let start = usize::try_from(slot.offset).ok()?;
        let end = start.checked_add(usize::try_from(slot.size).ok()?)?;
        arguments.push(bytes.get_mut(start..end)?.as_mut_ptr().cast::<c_void>());
    }
    let size = usize::try_from(template.result().size).ok()?;
    let mut result = vec![0u128; size.div_ceil(16).max(1)];
    let code = code_at(address)?;
    // SAFETY: each argument lies in the image as the template says, which is what the interface was
    // made from, aligned to its type; the result has room for itself and a register; the code is of
    // this type by the caller's promise. errno is thread-local and always there.
    let errno = unsafe {
        *libc::__errno_location() = errno;
        raw::ffi_call(
            signature.interface.as_raw_ptr(),
            Some(code),
            result.as_mut_ptr().cast(),
            arguments.as_mut_ptr(),
        );
        *libc::__errno_location()
    };
    let whole: Vec<u8> = match (signature.narrow, result.as_slice()) {
        // A register, of which the type's own bytes are the low ones.
        (Some(_), [register, ..]) => register.to_le_bytes().to_vec(),
        _ => result.iter().flat_map(|word| word.to_ne_bytes()).collect(),
    };
    Some(Left {
        result: whole.get(..size)?.to_vec(),
        errno,
    })
}

/// Calls the function at `address` with the arguments of a brief request; gives the errno that it left,
/// and its result, with whatever is behind it in a register.
///
/// # Safety
/// As [`enter`]; `brief` is of this signature, and `body` is a request that it let enter.
#[inline]
pub(super) unsafe fn enter_briefly(
    signature: &Signature,
    address: u64,
    brief: &Brief,
    body: &mut BriefBody,
    errno: c_int,
) -> Option<(c_int, u64)> {
    let code = code_at(address)?;
    if signature.convention.is_some() || signature.scalars.is_some() {
        let words = words_of(brief, body)?;
        let [first, second, ..] = words;
        // SAFETY: each word is an argument, or leads to where its data is in the request, of the type that
        // convention and scalars have by the same template; the code is of this type by the caller's
        // promise. errno is thread-local and always there.
        return unsafe {
            *libc::__errno_location() = errno;
            let [result, _] = match (&signature.convention, &signature.scalars) {
                (Some(convention), _) => convention.call(code, [first, second]),
                (None, Some(scalars)) => scalars.call(code, &words),
                (None, None) => return None,
            };
            Some((*libc::__errno_location(), result))
        };
    }
    let bytes = body.bytes_mut();
    let mut pointers = [std::ptr::null_mut::<u8>(); MOST_PARAMETERS];
    let mut arguments = [std::ptr::null_mut::<c_void>(); MOST_PARAMETERS];
    for ((part, pointer), argument) in brief.parts().iter().zip(&mut pointers).zip(&mut arguments) {
        let value = bytes.get_mut(part.at..part.at + part.size)?.as_mut_ptr();
        *argument = match part.kind {
            Kind::Data { .. } => {
                *pointer = value;
                std::ptr::from_mut(pointer).cast()
            }
            _ => value.cast(),
        };
    }
    let mut result = [0u64; 2];
    // SAFETY: each argument is where the request has it, or is a pointer to where its data is there, of
    // the type and the alignment that the interface has by the same template; the result has room for
    // itself and a register; the code is of this type by the caller's promise. errno is thread-local and
    // always there.
    let errno = unsafe {
        *libc::__errno_location() = errno;
        raw::ffi_call(
            signature.interface.as_raw_ptr(),
            Some(code),
            result.as_mut_ptr().cast(),
            arguments.as_mut_ptr(),
        );
        *libc::__errno_location()
    };
    let [result, _] = result;
    Some((errno, result))
}

/// A C function of the program's that can be called without libffi.
#[derive(Clone, Copy, Debug)]
pub(super) struct Code {
    code: unsafe extern "C" fn(),
    way: Way,
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Words(Convention),
    Each(Scalars),
}

impl Code {
    /// The one at `address`, of this type.
    pub(super) fn of(signature: &Signature, address: u64) -> Option<Code> {
        let way = match (&signature.convention, &signature.scalars) {
            (Some(convention), _) => Way::Words(*convention),
            (None, Some(scalars)) => Way::Each(*scalars),
            (None, None) => return None,
        };
        let code = code_at(address)?;
        Some(Code { code, way })
    }
}

/// Calls a function with the arguments of a request that is a line, whose words these are; gives the errno that
/// it left, and its result, with whatever is behind it in a register.
///
/// # Safety
/// `arguments` are those of a request that was made for this function.
#[inline]
pub(super) unsafe fn enter_in_line(
    code: &Code,
    arguments: &[Argument; 3],
    words: &mut [u64; 5],
    errno: c_int,
) -> (c_int, u64) {
    let request = words.as_mut_ptr().expose_provenance() as u64;
    let [first, second, third] = arguments.map(|argument| match argument {
        Argument::Number(number) => number,
        Argument::Data(at) => request + at as u64,
    });
    // SAFETY: each word is an argument, or leads to where its data is in the request, of the type that the
    // way has by the same template; the code is of this type by the promise that `enter` has of the caller.
    // errno is where it is as long as the thread lives.
    unsafe {
        let place = libc::__errno_location();
        *place = errno;
        let [result, _] = match &code.way {
            Way::Words(convention) => convention.call(code.code, [first, second]),
            Way::Each(scalars) => scalars.call(code.code, &[first, second, third]),
        };
        (*place, result)
    }
}

/// A word for each argument of a brief request: its value, or where its data is in the request.
#[inline]
fn words_of(brief: &Brief, body: &mut BriefBody) -> Option<[u64; MOST_PARAMETERS]> {
    let mut words = [0; MOST_PARAMETERS];
    for (word, part) in words.iter_mut().zip(brief.parts()) {
        let value = body.bytes_mut().get_mut(part.at..part.at + part.size)?;
        *word = match (part.kind, part.size) {
            (Kind::Data { .. }, _) => value.as_mut_ptr().expose_provenance() as u64,
            (_, 8) => u64::from_le_bytes(*value.first_chunk()?),
            (_, 4) => u32::from_le_bytes(*value.first_chunk()?).into(),
            (_, 2) => u16::from_le_bytes(*value.first_chunk()?).into(),
            _ => (*value.first()?).into(),
        };
    }
    Some(words)
}

/// The code at an address.
fn code_at(address: u64) -> Option<unsafe extern "C" fn()> {
    let address = usize::try_from(address).ok()?;
    let address: *const c_void = std::ptr::with_exposed_provenance(address);
    // SAFETY: a function pointer and a data pointer are the same on every POSIX system, and NULL is
    // the None of `Option`.
    unsafe { std::mem::transmute::<*const c_void, Option<unsafe extern "C" fn()>>(address) }
}
