//! Files that are named on the command line, of which `-` is standard input.

use std::io::Read;
use std::path::Path;

/// The bytes of the file; why there are none, in words.
pub fn file(path: &Path) -> Result<Vec<u8>, String> {
    if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        return match std::io::stdin().lock().read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => Err(format!("cannot read standard input: {error}")),
        };
    }
    std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}
