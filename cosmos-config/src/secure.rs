//! Whether this process runs with rights that whoever started it does not have. The crate's only
//! unsafe code.

/// True in a set-user-id, set-group-id or file-capability program: the kernel's `AT_SECURE`.
pub fn is_set_id() -> bool {
    // SAFETY: getauxval reads the process's own auxiliary vector, takes no pointer and is safe to
    // call from any thread; an unknown type answers 0.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}
