//! What VMs were refused, for C.

use super::dl::cosmos_dl;
use super::guard;
use crate::session::Session;
use cosmos_rpc::{Fault, FaultCode};
use std::ffi::{c_char, c_long, c_ulong};

/// Bytes of the name of a system call or a limit, with its NUL; none is longer.
pub const COSMOS_CALL_NAME: usize = 40;

/// A system call that a VM was refused, by the kernel's word.
#[allow(non_camel_case_types)]
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct cosmos_denial {
    /// Its name, "connect".
    pub call: [c_char; COSMOS_CALL_NAME],
    /// How often.
    pub times: c_ulong,
}

/// The system calls that the VM of dl was refused until now. At most room of them go to denials, which may
/// be NULL where room is 0.
///
/// Returns how many there are, 0 for a VM that has no walls; or -1 with errno set: EBADF dl was closed
/// already, or never was one; EINVAL denials is NULL. Any thread may call it.
///
/// # Safety
/// denials has room for room of them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_denials(
    dl: *mut cosmos_dl,
    denials: *mut cosmos_denial,
    room: usize,
) -> c_long {
    guard(-1, || {
        if denials.is_null() && room > 0 {
            let message = "the room for what was denied is NULL";
            return Err(Fault::caller(FaultCode::BadArgument, message).into());
        }
        let handles = Session::current().handles();
        let found = handles.with_library(dl.addr() as u64, |library| listed(&library.denials()))?;
        let copied = found.len().min(room);
        if copied > 0 {
            // SAFETY: the caller's promise; the list is this library's own.
            unsafe { denials.copy_from_nonoverlapping(found.as_ptr(), copied) };
        }
        Ok(found.len() as c_long)
    })
}

/// As C has them.
pub(super) fn listed(denials: &[(String, u64)]) -> Vec<cosmos_denial> {
    let one = |(name, times): &(String, u64)| {
        let times = *times as c_ulong;
        cosmos_denial {
            call: self::name(name),
            times,
        }
    };
    denials.iter().map(one).collect()
}

/// A name, cut to its room, with a NUL.
pub(super) fn name(text: &str) -> [c_char; COSMOS_CALL_NAME] {
    let mut name = [0; COSMOS_CALL_NAME];
    for (place, byte) in name[..COSMOS_CALL_NAME - 1].iter_mut().zip(text.bytes()) {
        *place = byte as c_char;
    }
    name
}
