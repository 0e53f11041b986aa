//! Files that are named on the command line, of which `-` is standard input.

use std::io::Read;
use std::path::Path;

/// The bytes of the file; why there are none, in words.
pub fn file(path: &Path) -> Result<Vec<u8>, String> {
    if is_standard(path) {
        let mut bytes = Vec::new();
        return match std::io::stdin().lock().read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => Err(format!("cannot read {}: {error}", name(path))),
        };
    }
    std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", name(path)))
}

/// What it is called in messages.
pub fn name(path: &Path) -> String {
    match is_standard(path) {
        true => "standard input".to_owned(),
        false => path.display().to_string(),
    }
}

fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}
