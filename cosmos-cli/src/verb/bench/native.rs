//! The floor: `dlopen`, and the call by libffi, in this process.
//!
//! Numbers, texts, buffers and numbers behind pointers are passed; what else there is, is refused by name.
//! The process is one that was started for this, and whatever the function does to it hurts nobody.

use crate::literal::Given;
use callframe::CallFrame;
use callframe::types::{Scalar, Type};
use cosmos::Value;
use libffi::{middle, raw};
use libloading::Library;
use std::ffi::{CString, c_void};
use std::ptr;

/// Bytes of memory for an output.
const OUTPUT: usize = 1 << 20;
/// Most parameters.
const PARAMETERS: usize = 64;
/// Most bytes of a result.
const RESULT: usize = 32;

/// A function of a library that is loaded here, and what it is called with.
pub struct Native {
    interface: middle::Cif,
    code: unsafe extern "C" fn(),
    arguments: Vec<Argument>,
    _library: Library,
}

/// An argument's own bytes; for a pointer the address of `memory`, or of `cell`.
struct Argument {
    word: u64,
    /// What is behind it, kept as long as it is pointed to.
    _memory: Vec<u8>,
    /// A number that the function may change: what it is before each call, and during one.
    cell: Option<(u64, Box<u64>)>,
}

impl Native {
    /// Loads the library and finds the function.
    pub fn open(target: &str, given: &Given) -> Result<Native, String> {
        let frame = &given.frame;
        let interface = callframe_ffi::cif(frame).map_err(|error| error.to_string())?;
        if !matches!(
            frame.ty(frame.result()),
            Type::Void | Type::Scalar(_) | Type::Pointer(_)
        ) {
            return Err("a result of this type is not taken in this process".to_owned());
        }
        let parameters = frame.parameters().iter().zip(&given.values);
        let arguments = parameters.map(|(parameter, value)| {
            argument(frame, frame.ty(parameter.ty), value)
                .ok_or_else(|| format!("'{}' is not passed in this process", parameter.name))
        });
        let arguments = arguments.collect::<Result<Vec<_>, String>>()?;
        if arguments.len() > PARAMETERS {
            return Err(format!(
                "more than {PARAMETERS} arguments are not passed in this process"
            ));
        }
        let name = CString::new(frame.name()).map_err(|error| error.to_string())?;
        // SAFETY: whose library it is runs its constructors here on purpose.
        let library = unsafe { Library::new(target) }.map_err(|error| why(&error))?;
        // SAFETY: the type of the function is what the prototype says, as with any cast of dlsym's result.
        let code = unsafe { library.get::<unsafe extern "C" fn()>(name.as_bytes_with_nul()) };
        let code = *code.map_err(|error| why(&error))?;
        Ok(Native {
            interface,
            code,
            arguments,
            _library: library,
        })
    }

    /// Calls it.
    pub fn call(&mut self) {
        let mut pointers = [ptr::null_mut::<c_void>(); PARAMETERS];
        for (pointer, argument) in pointers.iter_mut().zip(&mut self.arguments) {
            if let Some((before, cell)) = &mut argument.cell {
                **cell = *before;
            }
            *pointer = ptr::from_mut(&mut argument.word).cast();
        }
        let mut result = [0u128; RESULT / size_of::<u128>()];
        // SAFETY: the interface was made of the frame whose arguments these are, each at least as long as
        // its type; the result has room for any scalar. What the function does with them its prototype
        // says, and whoever wrote that.
        unsafe {
            raw::ffi_call(
                self.interface.as_raw_ptr(),
                Some(self.code),
                result.as_mut_ptr().cast(),
                pointers.as_mut_ptr(),
            );
        }
        std::hint::black_box(result);
    }
}

/// What the loader says.
fn why(error: &libloading::Error) -> String {
    use std::error::Error;
    error
        .source()
        .map_or_else(|| error.to_string(), ToString::to_string)
}

/// `None`: it is not passed here.
fn argument(frame: &CallFrame, ty: &Type, value: &Value) -> Option<Argument> {
    let word = |word: u64| Argument {
        word,
        _memory: Vec::new(),
        cell: None,
    };
    let memory = |mut memory: Vec<u8>| Argument {
        word: memory.as_mut_ptr() as u64,
        _memory: memory,
        cell: None,
    };
    // Little-endian: the low bytes of a word are the number in any narrower type.
    Some(match (ty, value) {
        (Type::Scalar(Scalar::Float), Value::Float(number)) => {
            word(u64::from((*number as f32).to_bits()))
        }
        (Type::Scalar(Scalar::Double), Value::Float(number)) => word(number.to_bits()),
        (Type::Scalar(_), Value::Int(number)) => word(*number as u64),
        (Type::Descriptor, Value::Descriptor(number)) => word(i64::from(*number) as u64),
        (Type::Pointer(_), Value::Null) => word(0),
        (Type::Pointer(_), Value::Text(text)) => memory([text.as_slice(), &[0]].concat()),
        (Type::Pointer(_), Value::Bytes(bytes)) => memory(bytes.clone()),
        (Type::Pointer(_), Value::Out) => memory(vec![0; OUTPUT]),
        (Type::Pointer(pointer), Value::Int(number)) => {
            let Type::Scalar(_) = frame.ty(pointer.target) else {
                return None;
            };
            let before = *number as u64;
            let mut cell = Box::new(before);
            Argument {
                word: ptr::from_mut(cell.as_mut()) as u64,
                _memory: Vec::new(),
                cell: Some((before, cell)),
            }
        }
        _ => return None,
    })
}
