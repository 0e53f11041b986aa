//! What this machine offers, asked of the kernel itself by trying.

use crate::files::ABI_NEEDED;
use crate::{namespaces, totals};
use nix::errno::Errno;

/// What there is; each with the reason where it is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offers {
    /// Landlock with scopes.
    pub landlock: Result<i32, String>,
    /// Filters that notify.
    pub seccomp: Result<(), String>,
    /// User, pid, net and mount namespaces.
    pub namespaces: Result<(), String>,
    /// Totals by control groups.
    pub totals: totals::Bounded,
    /// Looking into a process that crashes; who starts processes tries that.
    pub tracing: Result<(), String>,
}

/// What nobody tried is not offered.
const UNTRIED: &str = "nobody tried";

impl Offers {
    /// What this process could have now. Tries out, which makes a process and a group for a moment.
    pub fn of_this_machine() -> Offers {
        Offers {
            landlock: landlock(),
            seccomp: seccomp(),
            namespaces: namespaces::tried(),
            totals: totals(),
            tracing: Err(UNTRIED.to_owned()),
        }
    }

    /// Whether files and system calls can be confined; why not.
    ///
    /// # Errors
    /// What is missing.
    pub fn walls(&self) -> Result<(), String> {
        self.landlock.clone()?;
        self.seccomp.clone()
    }

    /// Whether that holds and nothing else need be visible; why not.
    ///
    /// # Errors
    /// What is missing.
    pub fn seclusion(&self) -> Result<(), String> {
        self.walls()?;
        self.namespaces.clone()
    }
}

fn landlock() -> Result<i32, String> {
    const VERSION: libc::c_ulong = 1;
    // SAFETY: a null pointer, size 0 and this flag ask for the version alone.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<libc::c_void>(),
            0usize,
            VERSION,
        )
    };
    match Errno::result(version).map(i32::try_from) {
        Ok(Ok(version)) if version >= ABI_NEEDED => Ok(version),
        Ok(Ok(version)) => Err(format!(
            "this kernel's Landlock has ABI {version}, and signals stay open below {ABI_NEEDED}"
        )),
        Err(Errno::EOPNOTSUPP) => Err("Landlock is switched off (kernel option lsm=)".to_owned()),
        _ => Err("this kernel has no Landlock".to_owned()),
    }
}

fn seccomp() -> Result<(), String> {
    if std::env::consts::ARCH != "x86_64" {
        return Err(format!(
            "the list of system calls is for x86_64, not {}",
            std::env::consts::ARCH
        ));
    }
    const GET_ACTION_AVAIL: libc::c_uint = 2;
    let action = libc::SECCOMP_RET_USER_NOTIF;
    // SAFETY: the kernel reads one number, which outlives the call.
    let available = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            GET_ACTION_AVAIL,
            0,
            std::ptr::from_ref(&action),
        )
    };
    match Errno::result(available) {
        Ok(_) => Ok(()),
        Err(Errno::EOPNOTSUPP) => Err("this kernel's seccomp does not notify".to_owned()),
        Err(error) => Err(format!("seccomp is not available ({})", error.desc())),
    }
}

fn totals() -> totals::Bounded {
    let bounds = totals::Bounds {
        memory: Some(64 << 20),
        processes: Some(64),
    };
    let name = format!("cosmos-tried-{}", std::process::id());
    totals::Totals::make(&name, &bounds).bounded()
}

impl Offers {
    /// As lines, for the process that has to know.
    pub fn to_text(&self) -> String {
        let line = |name: &str, what: Result<String, &String>| match what {
            Ok(what) => format!("{name}\tok\t{what}\n"),
            Err(why) => format!("{name}\tno\t{}\n", why.replace(['\t', '\n'], " ")),
        };
        let total = |name: &str, is: bool| match is {
            true => format!("{name}\tok\t\n"),
            false => format!("{name}\tno\t\n"),
        };
        [
            line("landlock", self.landlock.as_ref().map(i32::to_string)),
            line("seccomp", self.seccomp.as_ref().map(|()| String::new())),
            line(
                "namespaces",
                self.namespaces.as_ref().map(|()| String::new()),
            ),
            line("tracing", self.tracing.as_ref().map(|()| String::new())),
            total("memory", self.totals.memory),
            total("processes", self.totals.processes),
        ]
        .concat()
    }

    /// From those lines; what they do not say is not there.
    pub fn from_text(text: &str) -> Offers {
        let found = |name: &str| {
            let mut lines = text.lines().map(|line| line.splitn(3, '\t'));
            lines.find_map(|mut parts| {
                let is_it = parts.next()? == name;
                let (is, what) = (parts.next()?, parts.next()?);
                is_it.then(|| match is {
                    "ok" => Ok(what.to_owned()),
                    _ => Err(what.to_owned()),
                })
            })
        };
        let of = |name: &str| found(name).unwrap_or_else(|| Err("nobody could look".to_owned()));
        Offers {
            landlock: of("landlock")
                .and_then(|version| version.parse().map_err(|_| "no version".to_owned())),
            seccomp: of("seccomp").map(drop),
            namespaces: of("namespaces").map(drop),
            tracing: of("tracing").map(drop),
            totals: totals::Bounded {
                memory: of("memory").is_ok(),
                processes: of("processes").is_ok(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let offers = Offers {
            landlock: Ok(7),
            seccomp: Err("none\there".to_owned()),
            namespaces: Ok(()),
            totals: totals::Bounded {
                memory: true,
                processes: false,
            },
            tracing: Ok(()),
        };
        let read = Offers::from_text(&offers.to_text());
        assert_eq!(read.landlock, Ok(7));
        assert_eq!(read.seccomp, Err("none here".to_owned()));
        assert_eq!((read.namespaces, read.totals), (Ok(()), offers.totals));
        assert_eq!(read.tracing, Ok(()));
    }

    #[test]
    fn silence_offers_nothing() {
        let offers = Offers::from_text("");
        assert!(offers.walls().is_err() && offers.seclusion().is_err());
        assert_eq!(offers.totals, totals::Bounded::default());
    }
}
