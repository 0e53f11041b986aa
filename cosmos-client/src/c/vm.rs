//! VMs and raw requests of the C face.

use super::options::cosmos_options;
use super::{guard, text};
use crate::session::Session;
use crate::vm::{Vm, rp_call};
use cosmos_rpc::{Fault, FaultCode};
use std::ffi::{c_char, c_int, c_uint, c_void};

/// A running VM.
#[allow(non_camel_case_types)]
#[derive(Debug)]
pub struct cosmos_vm {
    _opaque: [u8; 0],
}

/// Starts a VM of a kind ("hostfn"), or joins the running one of a name ("hostfn-3"). Open
/// libraries in it with cosmos_options_set_vm. Close it with cosmos_vm_close.
///
/// Returns NULL on failure, with errno set: EINVAL the name is NULL or not UTF-8; ENOENT no such kind or name; EACCES it is not this
/// user's; ECOMM it cannot be started or reached. Any thread may call it; the result may be used
/// by all threads.
///
/// # Safety
/// kind_or_name is NULL or a string; options is NULL or from cosmos_options_new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_vm_open(
    kind_or_name: *const c_char,
    options: *const cosmos_options,
) -> *mut cosmos_vm {
    guard(std::ptr::null_mut(), || {
        // SAFETY: the caller's promise.
        let name = unsafe { text(kind_or_name, "the VM's kind or name") }?;
        // SAFETY: likewise.
        let options = unsafe { options.as_ref() }
            .map(|options| options.options().clone())
            .unwrap_or_default();
        let vm = Vm::open(name, &options)?;
        let handle = Session::current().handles().add_vm(vm);
        Ok(std::ptr::without_provenance_mut(handle as usize))
    })
}

/// Ends a private VM at once, whatever is open in it: functions of it fail with EOWNERDEAD from
/// now on, their pointers stay valid until cosmos_dlclose. Lets go of a shared one.
///
/// Returns 0, or -1 with errno set: EBADF vm was closed already, or never was one; EOWNERDEAD it
/// had ended by itself; ECOMM cosmosd did not answer, and the VM ends all the same.
#[unsafe(no_mangle)]
pub extern "C" fn cosmos_vm_close(vm: *mut cosmos_vm) -> c_int {
    guard(-1, || {
        Session::current()
            .handles()
            .remove_vm(vm.addr() as u64)?
            .close()?;
        Ok(0)
    })
}

/// Carries one request of the protocol (docs/protocol.md) to vm, or to cosmosd where vm is NULL,
/// and its answer back. kind is the request's number; request its request_length bytes, NULL where
/// there are none. At most reply_capacity bytes of the answer go to reply, which may be NULL where
/// that is 0; reply_length, unless NULL, gets the answer's whole length.
///
/// Returns 0, or -1 with errno set: EINVAL kind is no number of a request, or a pointer is NULL that leads to
/// something; EBADF vm was closed; EMSGSIZE the answer is longer than reply_capacity (its
/// beginning is there, its length in reply_length, and the request was carried out); otherwise
/// what the other side answered. A request that breaks the protocol ends the connection, and with
/// that to cosmosd the VMs of this process. Any thread may call it.
///
/// # Safety
/// request has request_length bytes, reply room for reply_capacity; reply_length is NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_rp_call(
    vm: *mut cosmos_vm,
    kind: c_uint,
    request: *const c_void,
    request_length: usize,
    reply: *mut c_void,
    reply_capacity: usize,
    reply_length: *mut usize,
) -> c_int {
    guard(-1, || {
        let kind = u16::try_from(kind).map_err(|_| {
            Fault::caller(
                FaultCode::BadArgument,
                format!("{kind} is no kind of request"),
            )
        })?;
        let body = match (request.is_null(), request_length) {
            (_, 0) => &[],
            (true, _) => return Err(bad("the request is NULL").into()),
            // SAFETY: the caller's promise.
            (false, length) => unsafe { std::slice::from_raw_parts(request.cast::<u8>(), length) },
        };
        if reply.is_null() && reply_capacity > 0 {
            return Err(bad("the room for the reply is NULL").into());
        }
        let vm = match vm.is_null() {
            true => None,
            false => Some(Session::current().handles().vm(vm.addr() as u64)?),
        };
        let answer = rp_call(vm.as_ref(), kind, body)?;
        let copied = answer.len().min(reply_capacity);
        if copied > 0 {
            // SAFETY: there is room for `copied` bytes; the answer is this library's own.
            unsafe { std::ptr::copy_nonoverlapping(answer.as_ptr(), reply.cast::<u8>(), copied) };
        }
        if !reply_length.is_null() {
            // SAFETY: the caller's promise.
            unsafe { reply_length.write(answer.len()) };
        }
        if copied < answer.len() {
            let message = format!(
                "the answer has {} bytes, there is room for {reply_capacity}",
                answer.len()
            );
            return Err(Fault::caller(FaultCode::TooLarge, message).into());
        }
        Ok(0)
    })
}

fn bad(message: &str) -> Fault {
    Fault::caller(FaultCode::BadArgument, message)
}
