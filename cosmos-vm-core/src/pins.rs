//! What targets must be to be run: digests by their paths.

use cosmos_rpc::{Fault, FaultCode};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Bytes read at once.
const PIECE: usize = 256 << 10;
/// The digest of no contents.
const NOTHING: &str = "none";

/// SHA-256 digests, by the paths of targets without links.
#[derive(Debug, Default)]
pub struct Pins(HashMap<PathBuf, String>);

impl Pins {
    /// These; a path may go over links. What has two digests by two paths is neither.
    pub fn of(pins: Vec<(String, PathBuf)>) -> Pins {
        let mut known: HashMap<PathBuf, String> = HashMap::new();
        for (digest, path) in pins {
            let path = path.canonicalize().unwrap_or(path);
            let entry = known.entry(path).or_insert_with(|| digest.clone());
            if *entry != digest {
                *entry = NOTHING.to_owned();
            }
        }
        Pins(known)
    }

    /// What the target at this path is pinned to, where it is.
    pub fn digest(&self, path: &Path) -> Option<&str> {
        let known = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        self.0.get(&known).map(String::as_str)
    }
}

/// The SHA-256 of what is read, in hexadecimal digits.
///
/// # Errors
/// Those of reading.
pub fn digest(mut from: impl Read) -> io::Result<String> {
    let mut digest = Sha256::new();
    let mut piece = vec![0; PIECE];
    loop {
        match from.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => digest.update(piece.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let bytes = digest.finalize();
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// That the contents of a target are not those that it is pinned to.
pub fn refusal(path: &Path) -> Fault {
    let path = path.display();
    let message =
        format!("{path} was not run: its contents are not those that it is pinned to (pins)");
    Fault::caller(FaultCode::NotPermitted, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_target_is_pinned_by_whatever_path_it_is_opened() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("target");
        std::fs::write(&path, "abc").expect("written");
        let link = directory.path().join("link");
        symlink(&path, &link).expect("a link");
        let pins = Pins::of(vec![("ab".to_owned(), link.clone())]);
        for path in [&path, &link] {
            assert_eq!(pins.digest(path), Some("ab"));
        }
        assert_eq!(pins.digest("/bin/sh".as_ref()), None);
        let two = [("ab", &link), ("cd", &path), ("ab", &link)];
        let two = two.map(|(digest, path)| (digest.to_owned(), path.clone()));
        let digest_of_both = Pins::of(two.to_vec()).digest(&path).map(str::to_owned);
        assert!(digest_of_both.is_some_and(|digest| digest != "ab" && digest != "cd"));
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest(&b"abc"[..]).expect("a digest"), expected);
    }
}
