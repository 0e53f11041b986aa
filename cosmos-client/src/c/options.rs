//! Options of the C face.

use super::program_options::ProgramOptions;
use super::vm::cosmos_vm;
use super::{guard, text};
use crate::error::Error;
use crate::options::Options;
use crate::session::Session;
use cosmos_config::{HostError, Layer};
use cosmos_rpc::{Fault, FaultCode};
use std::ffi::{c_char, c_int, c_ulong};
use std::time::Duration;

/// How a target is to be opened.
#[allow(non_camel_case_types)]
#[derive(Debug)]
pub struct cosmos_options {
    options: Options,
    pub(super) program: ProgramOptions,
}

impl cosmos_options {
    /// What was set.
    pub(crate) fn options(&self) -> &Options {
        &self.options
    }
}

/// New options, all at their defaults; free them with cosmos_options_free. They are read by
/// cosmos_dlopen, cosmos_vm_open and cosmos_exec and not kept. One thread at a time may use them.
#[unsafe(no_mangle)]
pub extern "C" fn cosmos_options_new() -> *mut cosmos_options {
    guard(std::ptr::null_mut(), || {
        Ok(Box::into_raw(Box::new(cosmos_options {
            options: Options::new(),
            program: ProgramOptions::default(),
        })))
    })
}

/// Frees options; NULL is allowed.
///
/// # Safety
/// options is NULL or from cosmos_options_new, and not used after.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_options_free(options: *mut cosmos_options) {
    guard((), || {
        if !options.is_null() {
            // SAFETY: the caller's promise.
            drop(unsafe { Box::from_raw(options) });
        }
        Ok(())
    });
}

/// How long opening, resolving and each call may take, in milliseconds; 0, as at first: what the
/// configuration says, which by itself sets no limit. A call whose time is up fails with
/// ETIMEDOUT, and its VM is killed unless it is shared. Returns 0, or -1 with errno EINVAL.
///
/// # Safety
/// options is NULL or from cosmos_options_new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_options_set_timeout(
    options: *mut cosmos_options,
    milliseconds: c_ulong,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        change(options, |options| {
            Ok(options.timeout(Duration::from_millis(milliseconds)))
        })
    }
}

/// The machine to run on: "local", or `ssh://[USER@]HOST[:PORT]`. On another one, names and paths are
/// of that machine, and relative ones start in the home directory there. Returns 0, or -1 with errno
/// EINVAL for what is no host; whether it can be reached shows when something is opened.
///
/// # Safety
/// options is NULL or from cosmos_options_new; host is NULL or a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_options_set_host(
    options: *mut cosmos_options,
    host: *const c_char,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        change(options, |options| {
            let wrong = |error: HostError| Fault::caller(FaultCode::BadArgument, error.to_string());
            let host = text(host, "the host")?.parse().map_err(wrong)?;
            Ok(options.host(host))
        })
    }
}

/// How often one call may call functions of the program back, 100 million at first. The time that
/// those take does not count for the timeout, so a VM could put it off for ever by them. Returns 0,
/// or -1 with errno EINVAL.
///
/// # Safety
/// options is NULL or from cosmos_options_new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_options_set_callbacks(
    options: *mut cosmos_options,
    most: c_ulong,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { change(options, |options| Ok(options.callbacks(most))) }
}

/// The least isolation to accept: "none", "limits", "landlock+seccomp" or "namespaces". The
/// configuration may ask for more, never get less. The string is copied. Returns 0, or -1 with
/// errno EINVAL; whether the level can be had shows when something is opened.
///
/// # Safety
/// options is NULL or from cosmos_options_new; level is NULL or a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_options_set_isolation(
    options: *mut cosmos_options,
    level: *const c_char,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        change(options, |options| {
            let level = text(level, "the level")?;
            check("isolation.level", level)?;
            Ok(options.isolation(level))
        })
    }
}

/// An upper bound for the VM: "open_files", "memory_bytes", "processes" or another key of the
/// section "limits" of the configuration; it can only tighten what is configured. The string is
/// copied. Returns 0, or -1 with errno EINVAL.
///
/// # Safety
/// options is NULL or from cosmos_options_new; name is NULL or a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_options_set_limit(
    options: *mut cosmos_options,
    name: *const c_char,
    most: c_ulong,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        change(options, |options| {
            let key = format!("limits.{}", text(name, "the limit's name")?);
            let most = most.to_string();
            check(&key, &most)?;
            Ok(options.setting(&key, &most))
        })
    }
}

/// A file, or a directory with all that is in it, that the VM may read; a relative path is one of the
/// current directory. Without grants, a VM at "landlock+seccomp" or above can open its target's own
/// files alone. The string is copied. Returns 0, or -1 with errno EINVAL.
///
/// # Safety
/// options is NULL or from cosmos_options_new; path is NULL or a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_options_grant_read(
    options: *mut cosmos_options,
    path: *const c_char,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { change(options, |options| Ok(options.read(text(path, "the path")?))) }
}

/// A file, or a directory with all that is in it, that the VM may read and change. The string is
/// copied. Returns 0, or -1 with errno EINVAL.
///
/// # Safety
/// options is NULL or from cosmos_options_new; path is NULL or a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_options_grant_write(
    options: *mut cosmos_options,
    path: *const c_char,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        change(
            options,
            |options| Ok(options.write(text(path, "the path")?)),
        )
    }
}

/// Whether the VM may use the network; 0 at first. With that it may read how names are resolved and
/// which certificates count. Returns 0, or -1 with errno EINVAL.
///
/// # Safety
/// options is NULL or from cosmos_options_new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_options_grant_network(
    options: *mut cosmos_options,
    network: c_int,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { change(options, |options| Ok(options.network(network != 0))) }
}

/// Whether the VM may start the programs that it can read; 0 at first. What it starts is confined as it
/// is. Returns 0, or -1 with errno EINVAL.
///
/// # Safety
/// options is NULL or from cosmos_options_new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_options_grant_programs(
    options: *mut cosmos_options,
    programs: c_int,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { change(options, |options| Ok(options.programs(programs != 0))) }
}

/// Whether to start a new VM even where this process has one that fits; 0 at first. Nothing else is
/// opened in it, unless cosmos_options_set_vm names it. Returns 0, or -1 with errno EINVAL.
///
/// # Safety
/// options is NULL or from cosmos_options_new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_options_set_fresh(
    options: *mut cosmos_options,
    fresh: c_int,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { change(options, |options| Ok(options.fresh(fresh != 0))) }
}

/// The name of a VM that processes of this user share; it is started if it is not there. The
/// string is copied. Returns 0, or -1 with errno EINVAL.
///
/// # Safety
/// options is NULL or from cosmos_options_new; name is NULL or a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_options_set_shared(
    options: *mut cosmos_options,
    name: *const c_char,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        change(options, |options| {
            Ok(options.shared(text(name, "the VM's name")?))
        })
    }
}

/// A directory of prototype packs (files named SONAME.protos) to look functions up in that are given
/// by name, before those of directories given later, of the configuration and of cosmos itself. The
/// string is copied. Returns 0, or -1 with errno EINVAL.
///
/// # Safety
/// options is NULL or from cosmos_options_new; directory is NULL or a string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_options_add_packs(
    options: *mut cosmos_options,
    directory: *const c_char,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        change(options, |options| {
            Ok(options.packs(text(directory, "the directory")?))
        })
    }
}

/// The VM to open in, and no other; the options keep it running until they are freed. Returns 0,
/// or -1 with errno EINVAL, or EBADF: vm was closed.
///
/// # Safety
/// options is NULL or from cosmos_options_new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_options_set_vm(
    options: *mut cosmos_options,
    vm: *mut cosmos_vm,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        change(options, |options| {
            let vm = Session::current().handles().vm(vm.addr() as u64)?;
            Ok(options.vm(&vm))
        })
    }
}

/// # Safety
/// options is NULL or from cosmos_options_new.
unsafe fn change(
    options: *mut cosmos_options,
    set: impl FnOnce(Options) -> Result<Options, Error>,
) -> c_int {
    guard(-1, || {
        // SAFETY: the caller's promise; one thread at a time uses them.
        let Some(options) = (unsafe { options.as_mut() }) else {
            return Err(Fault::caller(FaultCode::BadArgument, "the options are NULL").into());
        };
        options.options = set(options.options.clone())?;
        Ok(0)
    })
}

/// Whether a request may carry this setting.
fn check(key: &str, value: &str) -> Result<(), Error> {
    match Layer::from_settings([(key, value)]) {
        Ok(_) => Ok(()),
        Err(error) => Err(Fault::caller(FaultCode::BadArgument, error.to_string()).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_or_limit_that_is_none_is_refused_at_once() {
        let options = cosmos_options_new();
        // SAFETY: the options are new and freed last; the texts are strings.
        unsafe {
            assert_eq!(cosmos_options_set_isolation(options, c"limits".as_ptr()), 0);
            assert_eq!(cosmos_options_set_isolation(options, c"bogus".as_ptr()), -1);
            assert_eq!(errno(), libc::EINVAL);
            let open_files = c"open_files".as_ptr();
            assert_eq!(cosmos_options_set_limit(options, open_files, 9), -1);
            assert_eq!(errno(), libc::EINVAL);
            assert_eq!(cosmos_options_set_limit(options, open_files, 64), 0);
            assert_eq!(cosmos_options_set_limit(options, c"bogus".as_ptr(), 9), -1);
            assert_eq!(errno(), libc::EINVAL);
            assert_eq!((*options).options.settings.len(), 2);
            cosmos_options_free(options);
        }
    }

    fn errno() -> c_int {
        std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
    }
}
