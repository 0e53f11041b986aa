//! Who runs the session: never root.
//!
//! The original refuses root. Here root becomes somebody else before anything that a manifest says
//! is looked at, and is refused where that cannot be done.

use nix::unistd::{Gid, Uid, User, setgroups, setresgid, setresuid};
use zerovm_session::Error;

/// Becomes `name` if this is root.
pub fn leave_root(name: &str) -> Result<(), Error> {
    if !Uid::effective().is_root() && !Uid::current().is_root() {
        return Ok(());
    }
    let (uid, gid) = find(name).ok_or(Error::Root)?;
    let become_user = || {
        setgroups(&[])?;
        setresgid(gid, gid, gid)?;
        setresuid(uid, uid, uid)
    };
    become_user().map_err(|_: nix::Error| Error::Root)?;
    // What was given up has to be gone.
    if Uid::effective().is_root() || setresuid(Uid::from_raw(0), uid, uid).is_ok() {
        return Err(Error::Root);
    }
    Ok(())
}

fn find(name: &str) -> Option<(Uid, Gid)> {
    let user = User::from_name(name).ok()??;
    (!user.uid.is_root()).then_some((user.uid, user.gid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_nobody_to_become() {
        assert_eq!(find("root"), None);
        assert_eq!(find("there is no such user"), None);
    }
}
