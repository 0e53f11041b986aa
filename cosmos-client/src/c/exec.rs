//! Programs of the C face.

use super::denials::{self, COSMOS_CALL_NAME, cosmos_denial};
use super::guard;
use super::options::cosmos_options;
use super::program_options::{bad, descriptor, window};
use crate::error::Error;
use crate::exec::{Captured, Command, Ended, Running};
use crate::session::Session;
use cosmos_rpc::{Fault, FaultCode};
use std::ffi::{CStr, OsStr, c_char, c_int, c_uint, c_ulong};
use std::os::fd::{IntoRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

/// A program that runs.
#[allow(non_camel_case_types)]
#[derive(Debug)]
pub struct cosmos_program {
    _opaque: [u8; 0],
}

/// How a program ended. Give back what is kept with cosmos_exit_free.
#[allow(non_camel_case_types)]
#[derive(Debug)]
#[repr(C)]
pub struct cosmos_exit {
    /// Its exit code; 0 where a signal ended it.
    pub code: c_int,
    /// The signal that ended it, or 0.
    pub signal: c_int,
    /// 1 if it was killed because its time was over, else 0.
    pub timed_out: c_int,
    /// 1 if it wrote more than was kept, else 0.
    pub truncated: c_int,
    /// Microseconds from its start to its end.
    pub elapsed: c_ulong,
    /// Microseconds of processor time that it and what it waited for spent in user mode.
    pub user: c_ulong,
    /// Likewise in the kernel.
    pub system: c_ulong,
    /// The most memory that it or one of those had resident, in bytes.
    pub peak: c_ulong,
    /// What was kept of its standard output, NUL-terminated; NULL where nothing was to be kept.
    pub output: *mut c_char,
    /// Its length, without the NUL.
    pub output_length: usize,
    /// Likewise of its standard error.
    pub error: *mut c_char,
    /// Its length, without the NUL.
    pub error_length: usize,
    /// The system calls that programs of its VM were refused until then; NULL where there are none.
    pub denials: *mut cosmos_denial,
    /// Their number.
    pub denial_count: usize,
    /// The limit that it was ended for, "limits.cpu_seconds = 1"; empty where it was not.
    pub limit: [c_char; COSMOS_CALL_NAME],
    /// The number of the report that is kept of its crash, for "cosmos crash show"; empty where there is
    /// none.
    pub crash: [c_char; COSMOS_CALL_NAME],
}

/// Runs a program in a VM to its end. argv begins with its path, or a name that is searched for in PATH; its
/// last is NULL. options say how its VM is isolated, how long it may take, and what it gets; NULL: this
/// process's streams, directory and mask, and PATH. result, unless NULL, says how it ended.
///
/// Returns 0 when the program ran, however it ended; else -1 with errno set: ENOENT there is no such
/// program; ENOEXEC it cannot be run; EINVAL an argument or its directory; EOWNERDEAD its VM ended; ECOMM
/// it cannot be started or reached. Any thread may call it.
///
/// # Safety
/// argv is NULL or ends with NULL, its strings are strings; options is NULL or from cosmos_options_new;
/// result is NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_exec(
    argv: *const *const c_char,
    options: *const cosmos_options,
    result: *mut cosmos_exit,
) -> c_int {
    guard(-1, || {
        // SAFETY: the caller's promise.
        let (mut command, limit) = unsafe { command(argv, options) }?;
        // SAFETY: likewise.
        if unsafe { options.as_ref() }.is_some_and(|options| options.program.has_pipes()) {
            let message =
                "COSMOS_STREAM_PIPE is for cosmos_exec_start: nobody has its other end here";
            return Err(bad(message).into());
        }
        let running = command.spawn()?;
        // Its ends of the streams are the program's alone.
        drop(command);
        // SAFETY: likewise.
        unsafe { finish(running, limit, result) }
    })
}

/// Starts a program as cosmos_exec does, and does not wait for it. Returns NULL on failure with errno
/// set; that a program cannot be run may show in cosmos_exec_wait only. A program ends when it is waited
/// for or when this process ends.
///
/// # Safety
/// As with cosmos_exec.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_exec_start(
    argv: *const *const c_char,
    options: *const cosmos_options,
) -> *mut cosmos_program {
    guard(std::ptr::null_mut(), || {
        // SAFETY: the caller's promise.
        let (mut command, _) = unsafe { command(argv, options) }?;
        let handle = Session::current().handles().add_program(command.spawn()?);
        Ok(std::ptr::without_provenance_mut(handle as usize))
    })
}

/// A new descriptor of our end of a stream of program that is a pipe, or of its terminal; close-on-exec,
/// and to be closed by the caller. A program sees the end of its input when all of these are closed and
/// cosmos_exec_close_input or cosmos_exec_wait was called. Returns -1 with errno set: EBADF program was
/// waited for; EINVAL there is no pipe.
#[unsafe(no_mangle)]
pub extern "C" fn cosmos_exec_stream(program: *mut cosmos_program, stream: c_int) -> c_int {
    guard(-1, || {
        let copy = Session::current()
            .handles()
            .with_program(program.addr() as u64, |running| {
                let file = match stream {
                    _ if running.terminal.is_some() => running.terminal.as_ref(),
                    0 => running.stdin.as_ref(),
                    1 => running.stdout.as_ref(),
                    2 => running.stderr.as_ref(),
                    _ => None,
                };
                file.map(|file| file.try_clone())
            })?;
        let copy = copy.ok_or_else(|| bad("this stream is no pipe"))?;
        let descriptor = OwnedFd::from(copy.map_err(descriptor)?);
        Ok(descriptor.into_raw_fd())
    })
}

/// Closes the library's own end of a pipe to program, so that the program sees the end of its input when
/// the descriptors of cosmos_exec_stream are closed; none is given any more. It is for who reads the
/// output to its end before cosmos_exec_wait. Returns 0, also where there is none to close; or -1 with errno
/// set: EBADF program was waited for; EINVAL it has a terminal, whose input ends by a character.
#[unsafe(no_mangle)]
pub extern "C" fn cosmos_exec_close_input(program: *mut cosmos_program) -> c_int {
    guard(-1, || {
        let has_terminal =
            Session::current()
                .handles()
                .with_program(program.addr() as u64, |running| {
                    drop(running.stdin.take());
                    running.terminal.is_some()
                })?;
        match has_terminal {
            true => Err(bad("its input is a terminal").into()),
            false => Ok(0),
        }
    })
}

/// Gives program a signal, by its number; a negative number, to every process of its group. Returns 0, or
/// -1 with errno set: EBADF program was waited for; EINVAL this is no signal; ECOMM it has ended.
#[unsafe(no_mangle)]
pub extern "C" fn cosmos_exec_signal(program: *mut cosmos_program, signal: c_int) -> c_int {
    guard(-1, || {
        let steering = Session::current()
            .handles()
            .with_program(program.addr() as u64, |running| running.steering())?;
        match signal < 0 {
            true => steering.signal_group(signal.saturating_neg())?,
            false => steering.signal(signal)?,
        }
        Ok(0)
    })
}

/// Gives the terminal of program another size, which tells the programs on it by SIGWINCH. Returns 0, or -1
/// with errno set: EBADF program was waited for; EINVAL it has no terminal, or none is so large; ECOMM it has
/// ended.
#[unsafe(no_mangle)]
pub extern "C" fn cosmos_exec_resize(
    program: *mut cosmos_program,
    rows: c_uint,
    columns: c_uint,
) -> c_int {
    guard(-1, || {
        let window = window(rows, columns)?;
        let steering = Session::current()
            .handles()
            .with_program(program.addr() as u64, |running| running.steering())?;
        steering.resize(window)?;
        Ok(0)
    })
}

/// Waits for the end of program and forgets it, whatever it returns; result as with cosmos_exec. What was
/// to be kept of its outputs is read meanwhile. Returns as cosmos_exec; EBADF program was waited for.
///
/// # Safety
/// options is NULL or what program was started with; result is NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_exec_wait(
    program: *mut cosmos_program,
    options: *const cosmos_options,
    result: *mut cosmos_exit,
) -> c_int {
    guard(-1, || {
        let running = Session::current()
            .handles()
            .remove_program(program.addr() as u64)?;
        // SAFETY: the caller's promise.
        let options = unsafe { options.as_ref() };
        let kept = options.and_then(|options| options.program.kept());
        // SAFETY: likewise.
        unsafe { finish(running, kept, result) }
    })
}

/// Frees what was kept; result may be NULL, and may be given again.
///
/// # Safety
/// result is NULL, zeroed, or was filled by cosmos_exec or cosmos_exec_wait.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cosmos_exit_free(result: *mut cosmos_exit) {
    // SAFETY: the caller's promise.
    if let Some(result) = unsafe { result.as_mut() } {
        for text in [&mut result.output, &mut result.error] {
            // SAFETY: NULL, or of `keep`'s malloc, and not freed: it is NULL afterwards.
            unsafe { libc::free(text.cast()) };
            *text = std::ptr::null_mut();
        }
        // SAFETY: likewise.
        unsafe { libc::free(result.denials.cast()) };
        result.denials = std::ptr::null_mut();
        result.denial_count = 0;
    }
}

/// # Safety
/// As with cosmos_exec.
unsafe fn command(
    argv: *const *const c_char,
    options: *const cosmos_options,
) -> Result<(Command, Option<usize>), Error> {
    if argv.is_null() {
        return Err(bad("argv is NULL").into());
    }
    let mut words = Vec::new();
    // SAFETY: the caller's promise; it ends with NULL.
    while let word = unsafe { *argv.add(words.len()) }
        && !word.is_null()
    {
        // SAFETY: likewise a string.
        words.push(OsStr::from_bytes(
            unsafe { CStr::from_ptr(word) }.to_bytes(),
        ));
    }
    let (program, arguments) = words.split_first().ok_or_else(|| bad("argv is empty"))?;
    let mut command = Command::new(program);
    command.args(arguments);
    // SAFETY: the caller's promise.
    let Some(options) = (unsafe { options.as_ref() }) else {
        return Ok((command, None));
    };
    command.options(options.options());
    options.program.apply(&mut command)?;
    Ok((command, options.program.kept()))
}

/// # Safety
/// result is NULL or valid.
unsafe fn finish(
    running: Running,
    limit: Option<usize>,
    result: *mut cosmos_exit,
) -> Result<c_int, Error> {
    let captured = match limit {
        Some(limit) => running.output(limit)?,
        None => Captured {
            ended: running.wait()?,
            stdout: Vec::new(),
            stderr: Vec::new(),
            is_truncated: false,
        },
    };
    if result.is_null() {
        return Ok(0);
    }
    let exit = exit(&captured.ended, &captured, limit.is_some())?;
    // SAFETY: the caller's promise; what it held before is the caller's.
    unsafe { result.write(exit) };
    Ok(0)
}

fn exit(ended: &Ended, captured: &Captured, kept: bool) -> Result<cosmos_exit, Error> {
    let microseconds = |time: std::time::Duration| time.as_micros() as c_ulong;
    let keep = |bytes: &[u8]| match kept {
        true => keep(bytes),
        false => Ok(std::ptr::null_mut()),
    };
    let denials = denials::listed(&ended.denials);
    Ok(cosmos_exit {
        code: ended.code,
        signal: ended.signal,
        timed_out: ended.timed_out.into(),
        truncated: captured.is_truncated.into(),
        elapsed: microseconds(ended.elapsed),
        user: microseconds(ended.user),
        system: microseconds(ended.system),
        peak: ended.peak as c_ulong,
        output: keep(&captured.stdout)?,
        output_length: captured.stdout.len(),
        error: keep(&captured.stderr)?,
        error_length: captured.stderr.len(),
        denial_count: denials.len(),
        denials: keep_denials(&denials)?,
        limit: denials::name(
            &ended
                .limit
                .map(|limit| limit.to_string())
                .unwrap_or_default(),
        ),
        crash: denials::name(
            ended
                .crash
                .as_ref()
                .map_or("", |crash| crash.report.as_str()),
        ),
    })
}

/// A copy for C; NULL of none.
fn keep_denials(denials: &[cosmos_denial]) -> Result<*mut cosmos_denial, Error> {
    if denials.is_empty() {
        return Ok(std::ptr::null_mut());
    }
    // SAFETY: the copy has room for all of them.
    unsafe {
        let copy = libc::malloc(size_of_val(denials)).cast::<cosmos_denial>();
        if copy.is_null() {
            let message = "there is no memory for what was denied";
            return Err(Fault::host(FaultCode::System, message).into());
        }
        copy.copy_from_nonoverlapping(denials.as_ptr(), denials.len());
        Ok(copy)
    }
}

/// A copy for C, with a NUL behind it.
fn keep(bytes: &[u8]) -> Result<*mut c_char, Error> {
    // SAFETY: the copy has room for all of the bytes and the NUL.
    unsafe {
        let copy = libc::malloc(bytes.len() + 1).cast::<u8>();
        if copy.is_null() {
            let message = "there is no memory for what was kept";
            return Err(Fault::host(FaultCode::System, message).into());
        }
        copy.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        copy.add(bytes.len()).write(0);
        Ok(copy.cast())
    }
}
