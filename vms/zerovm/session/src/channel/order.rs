//! Which handle is which channel: by alias, but the three standard ones first.

use crate::Error;
use crate::manifest::ChannelLine;

/// Fewer channels than this.
pub const MAX_CHANNELS: usize = 10_915;
const STANDARD: [&[u8]; 3] = [b"/dev/stdin", b"/dev/stdout", b"/dev/stderr"];

/// Puts channels into the order of their handles.
pub fn order(mut channels: Vec<ChannelLine>) -> Result<Vec<ChannelLine>, Error> {
    if channels.len() < STANDARD.len() {
        return Err(Error::channel(libc::EFAULT, "not enough channels"));
    }
    if channels.len() >= MAX_CHANNELS {
        return Err(Error::channel(libc::ENFILE, "too many channels"));
    }
    channels.sort_by(|one, other| one.alias.cmp(&other.alias));
    if let Some(pair) = channels
        .windows(2)
        .find(|pair| pair[0].alias == pair[1].alias)
    {
        let alias = String::from_utf8_lossy(&pair[0].alias);
        let reason = format!("{alias} is already allocated");
        return Err(Error::channel(libc::EFAULT, reason));
    }
    let place = |channel: &ChannelLine| {
        let standard = STANDARD.iter().position(|alias| *alias == channel.alias);
        standard.unwrap_or(STANDARD.len())
    };
    channels.sort_by_key(place);
    if channels[2].alias != STANDARD[2] {
        let reason = "missing standard channels in manifest";
        return Err(Error::channel(libc::EFAULT, reason));
    }
    Ok(channels)
}

/// Whether a daemon's session may have these channels: in handles, names, access types and limits
/// they are those that the daemon was made with. Both are in their order.
pub fn check_same(daemon: &[ChannelLine], session: &[ChannelLine]) -> Result<(), Error> {
    let difference = |what: &str, alias: &[u8]| {
        let reason = format!("difference in {what} of {}", String::from_utf8_lossy(alias));
        Err(Error::channel(libc::EFAULT, reason))
    };
    if daemon.len() != session.len() {
        let reason = "difference in the number of channels";
        return Err(Error::channel(libc::EFAULT, reason));
    }
    for (old, new) in daemon.iter().zip(session) {
        if old.alias != new.alias {
            return difference("the alias", &new.alias);
        }
        if old.access != new.access {
            return difference("the type", &new.alias);
        }
        if old.limits != new.limits {
            return difference("the limits", &new.alias);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(aliases: &[&str]) -> Vec<ChannelLine> {
        let line = |alias: &&str| ChannelLine {
            sources: Vec::new(),
            alias: alias.as_bytes().to_vec(),
            access: 0,
            etag: false,
            limits: [0; 4],
        };
        aliases.iter().map(line).collect()
    }

    #[test]
    fn handles_are_by_alias_after_the_standard_ones() {
        let aliases = [
            "/dev/z",
            "/dev/stderr",
            "/dev/B",
            "/dev/stdin",
            "/dev/a",
            "/dev/stdout",
        ];
        let ordered = order(lines(&aliases)).expect("good");
        let ordered: Vec<&str> = ordered
            .iter()
            .map(|line| std::str::from_utf8(&line.alias).expect("text"))
            .collect();
        let expected = [
            "/dev/stdin",
            "/dev/stdout",
            "/dev/stderr",
            "/dev/B",
            "/dev/a",
            "/dev/z",
        ];
        assert_eq!(ordered, expected);
    }

    #[test]
    fn sets_that_no_session_has_are_refused() {
        let refused = |aliases: &[&str]| order(lines(aliases)).expect_err("refused").code();
        assert_eq!(refused(&[]), libc::EFAULT);
        assert_eq!(refused(&["/dev/stdin", "/dev/stdout"]), libc::EFAULT);
        assert_eq!(
            refused(&["/dev/stdin", "/dev/stdout", "/dev/a"]),
            libc::EFAULT
        );
        let twice = ["/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/stdout"];
        assert_eq!(refused(&twice), libc::EFAULT);
        assert_eq!(refused(&["/dev/stderr"; MAX_CHANNELS]), libc::ENFILE);
    }

    #[test]
    fn sessions_have_the_channels_of_their_daemon() {
        let aliases = ["/dev/stdin", "/dev/stdout", "/dev/stderr"];
        let daemon = lines(&aliases);
        assert_eq!(check_same(&daemon, &lines(&aliases)), Ok(()));
        let state = |session: &[ChannelLine]| {
            let error = check_same(&daemon, session).expect_err("different");
            assert_eq!(error.code(), libc::EFAULT);
            error.to_string()
        };
        let mut other = lines(&aliases);
        other[1].limits[2] = 1;
        assert_eq!(state(&other), "difference in the limits of /dev/stdout");
        other[0].access = 1;
        assert_eq!(state(&other), "difference in the type of /dev/stdin");
        let renamed = lines(&["/dev/stdin", "/dev/other", "/dev/stderr"]);
        assert_eq!(state(&renamed), "difference in the alias of /dev/other");
        assert_eq!(
            state(&lines(&aliases[..2])),
            "difference in the number of channels"
        );
    }
}
