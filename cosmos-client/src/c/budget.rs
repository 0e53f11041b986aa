//! What is left of the limits of VMs, for C.

use super::denials::{COSMOS_CALL_NAME, name};
use super::dl::cosmos_dl;
use super::guard;
use crate::budget::Budget;
use crate::session::Session;
use cosmos_rpc::{Fault, FaultCode};
use std::ffi::{c_char, c_int, c_long, c_ulong};

/// A limit of a VM, and what is used of it.
#[allow(non_camel_case_types)]
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct cosmos_limit {
    /// Its key in the configuration, below limits: "memory_bytes".
    pub limit: [c_char; COSMOS_CALL_NAME],
    /// The most there can be, in the unit of the key.
    pub most: c_ulong,
    /// What is used or used up, in the same unit, rounded down; 0 where is_counted is 0.
    pub used: c_ulong,
    /// 0: each file, message or thread may have all of it, or nobody counts.
    pub is_counted: c_int,
}

/// The limits that the VM of dl has, and what is used of each now. At most room of them go to limits,
/// which may be NULL where room is 0.
///
/// Returns how many there are, 0 for a VM without limits; or -1 with errno set: EBADF dl was closed
/// already, or never was one; EINVAL limits is NULL though room is not 0; EOWNERDEAD the VM is gone; ECOMM and ETIMEDOUT
/// cosmosd did not answer. Any thread may call it.
///
/// # Safety
/// limits has room for room of them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_budget(
    dl: *mut cosmos_dl,
    limits: *mut cosmos_limit,
    room: usize,
) -> c_long {
    guard(-1, || {
        if limits.is_null() && room > 0 {
            let message = "the room for the limits is NULL";
            return Err(Fault::caller(FaultCode::BadArgument, message).into());
        }
        let handles = Session::current().handles();
        let found = handles.with_library(dl.addr() as u64, |library| library.budget())??;
        let found: Vec<cosmos_limit> = found.iter().map(listed).collect();
        let copied = found.len().min(room);
        if copied > 0 {
            // SAFETY: the caller's promise; the list is this function's own.
            unsafe { limits.copy_from_nonoverlapping(found.as_ptr(), copied) };
        }
        Ok(found.len() as c_long)
    })
}

fn listed(budget: &Budget) -> cosmos_limit {
    cosmos_limit {
        limit: name(&budget.limit),
        most: budget.most as c_ulong,
        used: budget.used.unwrap_or(0) as c_ulong,
        is_counted: budget.used.is_some().into(),
    }
}
