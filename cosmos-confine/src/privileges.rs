//! The capabilities of root, given up for good: what runs as root and is confined is an ordinary
//! user's process that owns root's files.

use crate::Error;
use nix::errno::Errno;

/// No capability, now or after an exec, and none that uid 0 brings.
///
/// # Errors
/// A system call that failed; the process must not go on.
pub fn give_up() -> Result<(), Error> {
    secure_bits()?;
    for capability in 0..=63 {
        // SAFETY: integers only. The first number that this kernel has no capability for gives EINVAL, and a
        // process that has no right to drop any has none to lose by exec either: no_new_privs is set.
        let dropped = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
        match Errno::result(dropped) {
            Ok(_) => {}
            Err(Errno::EINVAL | Errno::EPERM) => break,
            Err(error) => return Err(Error::System("dropping a capability", error)),
        }
    }
    clear()
}

/// Root's uid shall bring no capabilities at exec. A process without the right to say so is not root.
fn secure_bits() -> Result<(), Error> {
    const NO_ROOT: libc::c_ulong = 0b11;
    const NO_SETUID_FIXUP: libc::c_ulong = 0b1100;
    const NO_AMBIENT_RAISE: libc::c_ulong = 0b1100_0000;
    let bits = NO_ROOT | NO_SETUID_FIXUP | NO_AMBIENT_RAISE;
    // SAFETY: integers only.
    let set = unsafe { libc::prctl(libc::PR_SET_SECUREBITS, bits, 0, 0, 0) };
    match Errno::result(set) {
        Ok(_) => Ok(()),
        Err(Errno::EPERM) if !nix::unistd::geteuid().is_root() => Ok(()),
        Err(error) => Err(Error::System("PR_SET_SECUREBITS", error)),
    }
}

/// Empties the sets of this process.
fn clear() -> Result<(), Error> {
    #[repr(C)]
    struct Header {
        version: u32,
        pid: i32,
    }
    const VERSION_3: u32 = 0x2008_0522;
    let header = Header {
        version: VERSION_3,
        pid: 0,
    };
    let none = [0u32; 6];
    // SAFETY: the kernel reads the header and two triples of sets, which outlive the call.
    let cleared =
        unsafe { libc::syscall(libc::SYS_capset, std::ptr::from_ref(&header), none.as_ptr()) };
    match Errno::result(cleared) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::System("capset", error)),
    }
}
