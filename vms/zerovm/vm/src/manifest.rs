//! What a session may use.

use cosmos_rpc::{Fault, FaultCode};
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use zerovm_session::manifest::{MAX_BYTES, Manifest};

/// For programs that nobody has a manifest for: 1 GiB of memory, a day, and the standard streams
/// without limits. The program is put in its place afterwards, as in every manifest.
const STANDARD: &str = "\
Version = 20130611
Program = program
Memory = 1073741824, 0
Timeout = 86400
Channel = /dev/stdin, /dev/stdin, 0, 0, 0x7fffffffffffffff, 0x7fffffffffffffff, 0, 0
Channel = /dev/stdout, /dev/stdout, 0, 0, 0, 0, 0x7fffffffffffffff, 0x7fffffffffffffff
Channel = /dev/stderr, /dev/stderr, 0, 0, 0, 0, 0x7fffffffffffffff, 0x7fffffffffffffff
";

/// The text of the client's manifest, or of the standard one. It is one that a session can have.
pub(crate) fn text(file: Option<OwnedFd>) -> Result<Vec<u8>, Fault> {
    let text = match file {
        None => STANDARD.into(),
        Some(file) => read(File::from(file))?,
    };
    let manifest = Manifest::parse(&text).map_err(|error| {
        let message = format!("the manifest is refused: {error}");
        Fault::caller(FaultCode::NotLoadable, message)
    })?;
    if manifest.job.is_some() {
        let message = "a manifest with a Job makes a daemon, which only the command `zerovm` does";
        return Err(Fault::caller(FaultCode::Unsupported, message));
    }
    Ok(text)
}

fn read(file: File) -> Result<Vec<u8>, Fault> {
    let mut text = Vec::new();
    match file.take(MAX_BYTES as u64).read_to_end(&mut text) {
        Ok(_) => Ok(text),
        Err(error) => {
            let message = format!("the manifest cannot be read: {error}");
            Err(Fault::caller(FaultCode::NotLoadable, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek, Write};

    fn given(text: &str) -> Result<Vec<u8>, Fault> {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(text.as_bytes()).expect("written");
        file.rewind().expect("back");
        super::text(Some(file.into()))
    }

    #[test]
    fn the_standard_manifest_gives_the_streams() {
        let text = text(None).expect("it is one");
        let manifest = Manifest::parse(&text).expect("it is one");
        let names = manifest.channels.iter().map(|channel| &channel.alias);
        assert!(names.eq(["/dev/stdin", "/dev/stdout", "/dev/stderr"].map(str::as_bytes)));
        assert_eq!(manifest.channels[0].limits, [i64::MAX, i64::MAX, 0, 0]);
    }

    #[test]
    fn what_no_session_here_can_have_is_refused() {
        assert_eq!(given(STANDARD).expect("it is one"), STANDARD.as_bytes());
        let refused = given("Version = 20130611\n").expect_err("it lacks everything");
        assert!(refused.message.contains("not specified"), "{refused}");
        let daemon = format!("{STANDARD}Job = /nonexistent/job\n");
        let refused = given(&daemon).expect_err("a daemon");
        assert_eq!(refused.code, FaultCode::Unsupported);
    }
}
