//! Which machine VMs run on: `local`, or another one by ssh.
//!
//! A host comes from command lines, environments and files, and becomes words of an `ssh` command:
//! it is hostile input. Only what a name consists of is let through, and nothing that begins with a
//! hyphen, which ssh would take for an option (`-oProxyCommand=...` runs a program).

use std::{fmt, str::FromStr};

/// The machine that VMs run on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Host {
    /// This one.
    #[default]
    Local,
    /// Another one, by ssh.
    Ssh(SshHost),
}

/// A machine that ssh reaches: `ssh://[USER@]HOST[:PORT]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SshHost {
    user: Option<String>,
    host: String,
    port: Option<u16>,
}

/// What is wrong with the text of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Neither `local` nor a URL of ssh.
    #[error("a host is local, or ssh://[USER@]HOST[:PORT]")]
    Form,
    /// The user's name.
    #[error(
        "the user in it has other characters than A-Z a-z 0-9 . _ + -, begins with -, is empty or too long"
    )]
    User,
    /// The machine's name.
    #[error(
        "the machine in it has other characters than A-Z a-z 0-9 . _ -, begins with - or ., is empty or too long; an IPv6 address stands in brackets"
    )]
    Name,
    /// The port.
    #[error("the port in it is no number from 1 to 65535")]
    Port,
}

const SCHEME: &str = "ssh://";
const LONGEST_USER: usize = 64;
const LONGEST_NAME: usize = 255;

impl SshHost {
    /// The words of an ssh command line that name it: to stand after all options, for they end with
    /// `--` and the machine's name.
    pub fn ssh_arguments(&self) -> Vec<String> {
        let mut words = Vec::new();
        if let Some(user) = &self.user {
            words.extend(["-l".to_owned(), user.clone()]);
        }
        if let Some(port) = self.port {
            words.extend(["-p".to_owned(), port.to_string()]);
        }
        words.extend(["--".to_owned(), self.host.clone()]);
        words
    }

    /// The machine's name, without user and port.
    pub fn name(&self) -> &str {
        &self.host
    }
}

impl FromStr for Host {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Host, HostError> {
        match text {
            "local" => Ok(Host::Local),
            _ => text.parse().map(Host::Ssh),
        }
    }
}

impl FromStr for SshHost {
    type Err = HostError;

    fn from_str(text: &str) -> Result<SshHost, HostError> {
        let place = text.strip_prefix(SCHEME).ok_or(HostError::Form)?;
        let place = place.strip_suffix('/').unwrap_or(place);
        let (user, machine) = match place.rsplit_once('@') {
            Some((user, machine)) => (Some(user), machine),
            None => (None, place),
        };
        if !user.is_none_or(|user| is_name(user, "._+-", LONGEST_USER)) {
            return Err(HostError::User);
        }
        let (host, port) = match machine.strip_prefix('[') {
            Some(bracketed) => {
                let (address, rest) = bracketed.split_once(']').ok_or(HostError::Name)?;
                if !is_address(address) {
                    return Err(HostError::Name);
                }
                let port = match rest {
                    "" => None,
                    rest => Some(rest.strip_prefix(':').ok_or(HostError::Form)?),
                };
                (address, port)
            }
            None => {
                let (name, port) = match machine.split_once(':') {
                    Some((name, port)) => (name, Some(port)),
                    None => (machine, None),
                };
                if name.starts_with('.') || !is_name(name, "._-", LONGEST_NAME) {
                    return Err(HostError::Name);
                }
                (name, port)
            }
        };
        Ok(SshHost {
            user: user.map(str::to_owned),
            host: host.to_owned(),
            port: port.map(number).transpose()?,
        })
    }
}

/// Letters, digits and these, of which it begins with no hyphen.
fn is_name(text: &str, besides: &str, longest: usize) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || besides.contains(letter);
    !text.is_empty() && text.len() <= longest && !text.starts_with('-') && text.chars().all(plain)
}

/// An IPv6 address, with the name of an interface where it needs one.
fn is_address(text: &str) -> bool {
    let (address, zone) = match text.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (text, None),
    };
    address.parse::<std::net::Ipv6Addr>().is_ok()
        && zone.is_none_or(|zone| is_name(zone, "._-", 15))
}

/// Digits alone: not the plus sign that numbers may begin with.
fn number(text: &str) -> Result<u16, HostError> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| text.parse().ok()).flatten();
    number.filter(|port| *port != 0).ok_or(HostError::Port)
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Local => formatter.write_str("local"),
            Host::Ssh(host) => host.fmt(formatter),
        }
    }
}

impl fmt::Display for SshHost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(SCHEME)?;
        if let Some(user) = &self.user {
            write!(formatter, "{user}@")?;
        }
        match self.host.contains(':') {
            true => write!(formatter, "[{}]", self.host)?,
            false => formatter.write_str(&self.host)?,
        }
        match self.port {
            Some(port) => write!(formatter, ":{port}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_taken_apart() {
        let words = |text: &str| text.parse::<SshHost>().map(|host| host.ssh_arguments());
        assert_eq!(words("ssh://apu2").expect("a host"), ["--", "apu2"]);
        assert_eq!(
            words("ssh://me@apu-2.example.org:2222/").expect("a host"),
            ["-l", "me", "-p", "2222", "--", "apu-2.example.org"]
        );
        assert_eq!(
            words("ssh://[fe80::1%eth0]:22").expect("a host"),
            ["-p", "22", "--", "fe80::1%eth0"]
        );
        assert_eq!("local".parse(), Ok(Host::Local));
    }

    #[test]
    fn what_ssh_or_a_shell_would_take_for_more_than_a_name_is_refused() {
        for (text, error) in [
            ("", HostError::Form),
            ("apu2", HostError::Form),
            ("http://apu2", HostError::Form),
            ("ssh://", HostError::Name),
            ("ssh://-oProxyCommand=id", HostError::Name),
            ("ssh://me@-oProxyCommand=id", HostError::Name),
            ("ssh://-oProxyCommand=id@apu2", HostError::User),
            ("ssh://-lroot@apu2", HostError::User),
            ("ssh://@apu2", HostError::User),
            ("ssh://a@b@apu2", HostError::User),
            ("ssh://apu2;id", HostError::Name),
            ("ssh://apu2 -oProxyCommand=id", HostError::Name),
            ("ssh://$(id)", HostError::Name),
            ("ssh://%h", HostError::Name),
            ("ssh://apu2/path", HostError::Name),
            ("ssh://apu2\n", HostError::Name),
            ("ssh://apu2\0", HostError::Name),
            ("ssh://.", HostError::Name),
            ("ssh://\u{430}pu2", HostError::Name),
            ("ssh://[::1", HostError::Name),
            ("ssh://[-oProxyCommand=id]", HostError::Name),
            ("ssh://[::1%-o]", HostError::Name),
            ("ssh://[::1]22", HostError::Form),
            ("ssh://apu2:", HostError::Port),
            ("ssh://apu2:0", HostError::Port),
            ("ssh://apu2:+22", HostError::Port),
            ("ssh://apu2:65536", HostError::Port),
            ("ssh://apu2:22 -v", HostError::Port),
            ("ssh://a:b@apu2", HostError::User),
        ] {
            assert_eq!(text.parse::<SshHost>(), Err(error), "{text:?}");
        }
        let long = format!("ssh://{}", "a".repeat(256));
        assert_eq!(long.parse::<SshHost>(), Err(HostError::Name));
    }

    proptest::proptest! {
        /// Whatever is taken becomes words of which only those meant as options look like options,
        /// and says the same when it is read again.
        #[test]
        fn nothing_becomes_an_option(text in "ssh://[-a-zA-Z0-9@:%.;$ =\\[\\]/]{0,40}") {
            if let Ok(host) = text.parse::<SshHost>() {
                let words = host.ssh_arguments();
                let (name, options) = words.split_last().expect("a name");
                proptest::prop_assert!(!name.starts_with('-'));
                proptest::prop_assert_eq!(options.last().map(String::as_str), Some("--"));
                for pair in options[..options.len() - 1].chunks(2) {
                    proptest::prop_assert!(matches!(pair[0].as_str(), "-l" | "-p"));
                    proptest::prop_assert!(!pair[1].starts_with('-'));
                }
                proptest::prop_assert_eq!(host.to_string().parse(), Ok(host));
            }
        }
    }
}
