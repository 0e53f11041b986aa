//! Other functions of the library that a prototype asks how large it is what a call returned.

use crate::function::{Interface, code};
use crate::invoke::{self, Code};
use crate::library::Library;
use callframe::expression::Query;
use callframe::marshal::MemoryError;
use callframe::{CallFrame, DataModel};
use cosmos_rpc::{Fault, FaultCode};
use libffi::middle::Cif;
use std::ffi::c_void;

/// The functions that one prototype asks, ready to be called.
pub(crate) struct Queries(Vec<Prepared>);

struct Prepared {
    query: Query,
    interface: Interface,
    code: Code,
}

impl Queries {
    /// Finds the functions and prepares their calls.
    pub(crate) fn resolve(library: &Library, frame: &CallFrame) -> Result<Queries, Fault> {
        let mut prepared: Vec<Prepared> = Vec::new();
        for query in frame.queries() {
            if prepared.iter().any(|known| known.query == *query) {
                continue;
            }
            prepared.push(Prepared {
                query: query.clone(),
                interface: interface(frame, query)?,
                code: code(library.function(&query.function)?)?,
            });
        }
        Ok(Queries(prepared))
    }

    /// Asks one of them, with the bytes of the arguments.
    pub(crate) fn ask(&self, query: &Query, arguments: &[&[u8]]) -> Result<i128, MemoryError> {
        let prepared = self.0.iter().find(|known| known.query == *query);
        let Some(prepared) = prepared.filter(|_| query.arguments.len() == arguments.len()) else {
            let reason = format!("'{}' is not in the prototype", query.function);
            return Err(MemoryError::Other(reason));
        };
        let address = |bytes: &&[u8]| bytes.as_ptr().cast_mut().cast::<c_void>();
        let mut arguments: Vec<*mut c_void> = arguments.iter().map(address).collect();
        let mut result = [0u128; 1];
        // SAFETY: each argument is a slot of the call, aligned for its type, of which the interface
        // was made; libffi only reads them. The result, an integer, has room for a register. That
        // the function has this signature is what the prototype says: a wrong one harms this
        // process only.
        unsafe {
            let result = result.as_mut_ptr().cast();
            let interface = &prepared.interface.0;
            invoke::invoke(interface, prepared.code, &mut arguments, result, 0);
        }
        Ok(integer(query, result))
    }
}

/// How a function is called that gets parameters of `frame` and returns an integer.
fn interface(frame: &CallFrame, query: &Query) -> Result<Interface, Fault> {
    let refused = |reason: String| Fault::caller(FaultCode::BadPrototype, reason);
    let all = callframe_ffi::argument_types(frame).map_err(|error| refused(error.to_string()))?;
    let arguments = query
        .arguments
        .iter()
        .filter_map(|index| all.get(*index as usize).cloned());
    let model = DataModel::native().ok_or_else(|| refused("the data model is unknown".into()))?;
    let result = callframe_ffi::scalar_type(&model, query.result);
    let interface = Cif::try_new(arguments.collect::<Vec<_>>(), result)
        .map_err(|_| refused(format!("libffi refuses the types of '{}'", query.function)))?;
    Ok(Interface(interface))
}

/// The low bytes of the register that are the integer.
fn integer(query: &Query, [register]: [u128; 1]) -> i128 {
    let size = DataModel::native().map_or(8, |model| model.scalar(query.result).size);
    let unused = 64 - 8 * u32::from(size.clamp(1, 8));
    let low = register as u64;
    match query.result.is_signed() {
        true => i128::from((low << unused) as i64 >> unused),
        false => i128::from(low << unused >> unused),
    }
}
