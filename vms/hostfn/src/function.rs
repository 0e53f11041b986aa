//! A resolved function.

use crate::invoke::{self, Code};
use crate::library::Library;
use crate::query::Queries;
use crate::raw;
use crate::thunk::Pool;
use callframe::expression::Query;
use callframe::marshal::MemoryError;
use callframe::types::{Handle, Identity, Ownership, Type, TypeId};
use callframe::{CallFrame, Template};
use callframe_ffi::NarrowResult;
use callframe_native::{Convention, Scalars};
use cosmos_rpc::ahead::Ahead;
use cosmos_rpc::{Fault, FaultCode};
use cosmos_vm_core::{Call, Callback, Held, Numbers, Words};
use libffi::middle::Cif;
use std::collections::{HashMap, HashSet};
use std::ffi::c_void;
use std::sync::Arc;

/// Arguments up to this number, and results of up to as many words of 16 bytes, need no memory of
/// their own.
const FEW: usize = 16;
const FEW_WORDS: usize = 4;

/// Bytes of a function's code that are asked for after a pause.
const CODE: usize = 512;

/// A function that is ready to be called, any number of times at once. What a call of a few numbers needs is first,
/// in a line of the processor's.
#[repr(C, align(64))]
pub struct Function {
    code: Code,
    /// Of a function of a few numbers, on a machine where it can be called without libffi.
    convention: Option<Convention>,
    /// The same of a function of a word for each parameter.
    scalars: Option<Scalars>,
    interface: Interface,
    narrow: Option<NarrowResult>,
    /// Where its arguments lie in the memory of a call.
    offsets: Vec<usize>,
    /// Whether arguments and result are in 16 bytes each.
    few: bool,
    deallocators: HashMap<String, Code>,
    queries: Queries,
    callbacks: HashMap<TypeId, Arc<Pool>>,
    /// Keeps the code where it is.
    _library: Arc<Library>,
}

/// A call interface that several threads use.
pub(crate) struct Interface(pub(crate) Cif);

// SAFETY: the raw pointers in a Cif lead to type descriptions it owns. They are written when it is
// made, and by libffi never again: a call only reads them.
unsafe impl Send for Interface {}
// SAFETY: as above.
unsafe impl Sync for Interface {}

impl Function {
    /// Finds the function that `template` describes, and prepares its calls.
    pub(crate) fn resolve(library: &Arc<Library>, template: &Template) -> Result<Function, Fault> {
        let frame = template.frame();
        let interface = callframe_ffi::cif(frame)
            .map_err(|error| Fault::caller(FaultCode::BadPrototype, error.to_string()))?;
        let code = code(library.function(frame.name())?)?;
        let mut deallocators = HashMap::new();
        for name in deallocator_names(frame) {
            let code = code_of_deallocator(library, name)?;
            deallocators.insert(name.to_owned(), code);
        }
        Ok(Function {
            code,
            convention: Convention::of(template),
            scalars: Scalars::of(template),
            interface: Interface(interface),
            narrow: callframe_ffi::result_of(frame),
            offsets: offsets(template)?,
            few: template.arguments_size() <= 16
                && template.result().size <= 16
                && template.arguments().len() <= FEW,
            deallocators,
            queries: Queries::resolve(library, frame)?,
            callbacks: callbacks(template, library)?,
            _library: Arc::clone(library),
        })
    }

    /// A function that the library can call, for a callback of this type.
    pub(crate) fn thunk(&self, ty: TypeId, callback: Arc<Callback>) -> Result<Held, MemoryError> {
        let pool = self.callbacks.get(&ty).ok_or_else(|| {
            MemoryError::Other("the prototype has no callback of this type".to_owned())
        })?;
        let bound = pool.bind(callback)?;
        Ok(Held::new(bound.address(), bound))
    }

    /// Calls it.
    pub(crate) fn call(&self, call: &mut Call<'_>) -> Result<(), Fault> {
        let errno = call.errno();
        let image = call.image();
        let address = image.bytes().as_ptr().addr() as u64;
        image.relocate(address);
        for (at, bytes) in image.outside() {
            raw::write(at, &bytes)
                .map_err(|error| Fault::vm(FaultCode::System, error.to_string()))?;
        }
        let bytes = image.bytes_mut();
        if self.offsets.iter().any(|&offset| offset >= bytes.len()) {
            return Err(Fault::vm(
                FaultCode::System,
                "an argument lies outside the call",
            ));
        }
        let base = bytes.as_mut_ptr();
        // The function gets addresses into the image as numbers.
        base.expose_provenance();
        let mut few = [std::ptr::null_mut(); FEW];
        let mut many = Vec::new();
        let arguments = take_room(&mut few, &mut many, self.offsets.len());
        for (argument, &offset) in arguments.iter_mut().zip(&self.offsets) {
            *argument = base.wrapping_add(offset).cast::<c_void>();
        }
        let mut few = [0u128; FEW_WORDS];
        let mut many = Vec::new();
        let words = call.result().len().div_ceil(size_of::<u128>()).max(1);
        let result = take_room(&mut few, &mut many, words);
        // SAFETY: the slots hold the arguments as the template lays them out, which is what the
        // call interface was made from; the image is aligned to 16 and each slot to its type. The
        // result has room for itself and a register. That the code has this signature is what the
        // client's prototype says: a wrong one harms this process only.
        let left = unsafe {
            let result = result.as_mut_ptr().cast();
            invoke::invoke(&self.interface.0, self.code, arguments, result, errno)
        };
        self.take_result(result, call.result());
        call.set_errno(left);
        Ok(())
    }

    /// What a call of it needs.
    pub(crate) fn needs(&self, ahead: &mut Ahead) {
        ahead.add(&self.code);
        ahead.add(&self.convention);
        ahead.add_range(self.code.address(), CODE);
    }

    /// Calls it, where it is a function of a few numbers. Whether it is.
    #[inline(always)]
    pub(crate) fn call_numbers(&self, numbers: &mut Numbers) -> bool {
        if let Some(convention) = &self.convention {
            // SAFETY: the slots are the words of the arguments, as the template lays them out, from which
            // the convention was made. As for the code, see `call`.
            (numbers.result, numbers.errno) = unsafe {
                invoke::invoke_native(convention, self.code, numbers.slots, numbers.errno)
            };
            return true;
        }
        // A copy, or they would be in memory on the way above, too.
        let mut copy = *numbers;
        let called = self.call_few(&mut copy);
        *numbers = copy;
        called
    }

    /// The same through libffi.
    #[inline(never)]
    fn call_few(&self, numbers: &mut Numbers) -> bool {
        if !self.few {
            return false;
        }
        let slots = numbers.slots.as_mut_ptr().cast::<u8>();
        let mut arguments = [std::ptr::null_mut(); FEW];
        for (argument, &offset) in arguments.iter_mut().zip(&self.offsets) {
            *argument = slots.wrapping_add(offset).cast::<c_void>();
        }
        let result = numbers.result.as_mut_ptr().cast();
        // SAFETY: `few`: the arguments are in the slots, as the template lays them out, which is what
        // the call interface was made from, each aligned to its type, for the slots are to 16. The result
        // has 16 bytes, which are enough for it and for a register, and is aligned to 16. As for the
        // code, see `call`.
        numbers.errno = unsafe {
            invoke::invoke(
                &self.interface.0,
                self.code,
                &mut arguments,
                result,
                numbers.errno,
            )
        };
        true
    }

    /// Calls it with a word for each argument. Whether it did; where not, nothing was done.
    #[inline]
    pub(crate) fn call_words(&self, words: &mut Words<'_>) -> bool {
        if let Some(convention) = &self.convention {
            let mut both = [0; 2];
            both.iter_mut()
                .zip(&*words.arguments)
                .for_each(|(word, argument)| *word = *argument);
            // SAFETY: the words are those of the arguments, as the template lays them out, from which the
            // convention was made. As for the code, see `call`.
            (words.result, words.errno) =
                unsafe { invoke::invoke_native(convention, self.code, both, words.errno) };
            return true;
        }
        if let Some(scalars) = &self.scalars
            && scalars.count() == words.arguments.len()
        {
            // SAFETY: as above: each parameter is one of the words.
            (words.result, words.errno) =
                unsafe { invoke::invoke_scalars(scalars, self.code, words.arguments, words.errno) };
            return true;
        }
        let mut arguments = [std::ptr::null_mut(); FEW];
        let count = words.arguments.len();
        let (Some(arguments), true) = (arguments.get_mut(..count), count == self.offsets.len())
        else {
            return false;
        };
        for (place, argument) in arguments.iter_mut().zip(&mut *words.arguments) {
            *place = std::ptr::from_mut(argument).cast::<c_void>();
        }
        let result = words.result.as_mut_ptr().cast();
        // SAFETY: there is a value for each argument that the call interface has, in a word whose first bytes
        // are the type's own, aligned to 8 as none needs more; the result has 16 bytes, of which it and a
        // register take 8 at most. As for the code, see `call`.
        words.errno =
            unsafe { invoke::invoke(&self.interface.0, self.code, arguments, result, words.errno) };
        true
    }

    /// Copies the result out of where libffi put it.
    fn take_result(&self, from: &[u128], into: &mut [u8]) {
        if let (Some(_), Some(register)) = (self.narrow, from.first()) {
            // A register, of which the type's own bytes are the low ones.
            let register = register.to_le_bytes();
            if let Some(bytes) = register.get(..into.len()) {
                into.copy_from_slice(bytes);
            }
            return;
        }
        for (word, place) in from.iter().zip(into.chunks_mut(size_of::<u128>())) {
            let bytes = word.to_ne_bytes();
            place.copy_from_slice(bytes.get(..place.len()).unwrap_or_default());
        }
    }

    /// Asks another function, which the prototype mentions.
    pub(crate) fn query(&self, query: &Query, arguments: &[&[u8]]) -> Result<i128, MemoryError> {
        self.queries.ask(query, arguments)
    }

    /// Runs the deallocator of this name, which the prototype mentions, on what the call returned.
    pub(crate) fn release(&self, deallocator: &str, address: u64) -> Result<(), MemoryError> {
        let code = self.deallocators.get(deallocator).ok_or_else(|| {
            MemoryError::Other(format!("'{deallocator}' is not in the prototype"))
        })?;
        let address = usize::try_from(address).map_err(|_| MemoryError::Address(address))?;
        // SAFETY: the prototype says that the function returned memory that this deallocator, of
        // one pointer, frees.
        unsafe { invoke::deallocate(*code, std::ptr::with_exposed_provenance_mut(address)) };
        Ok(())
    }
}

pub(crate) fn code(address: *mut c_void) -> Result<Code, Fault> {
    // SAFETY: the loader says that it is code, of a library that the function holds.
    unsafe { Code::at(address) }
        .ok_or_else(|| Fault::caller(FaultCode::NoSuchSymbol, "the symbol's address is NULL"))
}

fn code_of_deallocator(library: &Library, name: &str) -> Result<Code, Fault> {
    code(library.deallocator(name)?)
}

/// The closures of each type of callback that values of the frame hold.
fn callbacks(template: &Template, library: &Library) -> Result<HashMap<TypeId, Arc<Pool>>, Fault> {
    let frame = template.frame();
    let mut pools = HashMap::new();
    for ty in frame.callbacks() {
        if let Some(callback) = frame.callback(ty) {
            let result = template.size_align(callback.result()).size;
            let result = usize::try_from(result).unwrap_or(usize::MAX);
            let pool = Pool::new(&Arc::new(callback), template.model(), result)
                .map_err(|error| Fault::caller(FaultCode::BadPrototype, error.to_string()))?;
            let pool = Arc::new(pool);
            library.keep(&pool);
            pools.insert(ty, pool);
        }
    }
    Ok(pools)
}

/// So many of the places that are there, or of such as are made.
fn take_room<'a, T: Copy>(few: &'a mut [T], many: &'a mut Vec<T>, count: usize) -> &'a mut [T] {
    if count > few.len()
        && let Some(&empty) = few.first()
    {
        many.resize(count, empty);
        return many;
    }
    few.get_mut(..count).unwrap_or_default()
}

/// Where the arguments of a call lie in its memory.
fn offsets(template: &Template) -> Result<Vec<usize>, Fault> {
    let wide = |_| Fault::caller(FaultCode::BadPrototype, "the arguments are too large");
    let slots = template.arguments().iter();
    slots
        .map(|slot| usize::try_from(slot.offset).map_err(wide))
        .collect()
}

/// Every function that `__owned(f)` and `__closed_by(f)` name in a frame.
fn deallocator_names(frame: &CallFrame) -> HashSet<&str> {
    let mut names = HashSet::new();
    let mut seen = HashSet::new();
    let mut waiting: Vec<TypeId> = frame.parameters().iter().map(|it| it.ty).collect();
    waiting.push(frame.result());
    while let Some(id) = waiting.pop() {
        if !seen.insert(id) {
            continue;
        }
        match frame.ty(id) {
            Type::Pointer(pointer) => {
                if let Ownership::Owned(name) = &pointer.ownership {
                    names.insert(name.as_str());
                }
                if let Identity::Handle(Handle {
                    closed_by: Some(name),
                    ..
                }) = &pointer.identity
                {
                    names.insert(name.as_str());
                }
                waiting.push(pointer.target);
            }
            Type::Array { element, .. } => waiting.push(*element),
            Type::Record(record) => {
                waiting.extend(frame.record(*record).fields.iter().map(|field| field.ty));
            }
            Type::Void | Type::Scalar(_) | Type::Descriptor | Type::Function { .. } => {}
        }
    }
    names
}
