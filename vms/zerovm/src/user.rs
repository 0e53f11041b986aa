//! Who runs the session: never root.
//!
//! The original refuses root. Here root becomes somebody else before anything that a manifest says
//! is looked at, and is refused where that cannot be done.

use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use std::process::Command;
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
    let table = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let (uid, gid) = match listed(&table, name) {
        Some(listed) => listed,
        // Somebody else may know, and the system whom to ask, which takes a hundred times as long.
        None => listed(&ask(name)?, name)?,
    };
    (!uid.is_root()).then_some((uid, gid))
}

/// A line like those of the table. The program loads what knows other users: this one has its C library
/// in it, which cannot.
fn ask(name: &str) -> Option<String> {
    let mut command = Command::new("/usr/bin/getent");
    let answer = command.args(["passwd", "--", name]).env_clear().output();
    String::from_utf8(answer.ok()?.stdout).ok()
}

/// Who is in the system's table of users: `name:password:uid:gid:…`.
fn listed(table: &str, name: &str) -> Option<(Uid, Gid)> {
    let mut lines = table.lines();
    let mut fields = lines.find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then_some(fields)
    })?;
    fields.next()?;
    let uid = fields.next()?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    Some((Uid::from_raw(uid), Gid::from_raw(gid)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_in_the_table() {
        let table = "root:x:0:0::/:\nnobody:x:65534:65533:nobody:/:/bin\nshort:x:1\n:::\nx:y:-1:0";
        let nobody = (Uid::from_raw(65534), Gid::from_raw(65533));
        assert_eq!(listed(table, "nobody"), Some(nobody));
        for name in [
            "nobod",
            "",
            "short",
            "x",
            "nobody:x",
            "nobody:x:65534:65533",
        ] {
            assert_eq!(listed(table, name), None, "{name}");
        }
    }

    #[test]
    fn whoever_is_in_the_table_is_known_to_the_system_too() {
        let answer = ask("nobody").expect("the system is asked");
        assert_eq!(listed(&answer, "nobody"), find("nobody"));
        // A number is nobody's name, and an option is not one of the question.
        for name in ["0", "-s", "--help", "there is no such user"] {
            let answer = ask(name).expect("the system is asked");
            assert_eq!(listed(&answer, name), None, "{name}");
        }
    }

    #[test]
    fn root_is_nobody_to_become() {
        assert_eq!(find("root"), None);
        assert_eq!(find("there is no such user"), None);
    }
}
