//! From the file name of a library to the SONAMEs its pack may have.
//!
//! A library's file is named by its SONAME or, where that is a link, by the SONAME and further
//! version numbers (`libz.so.1.2.13` for `libz.so.1`). Packs go by SONAME; so each version number is
//! taken off in turn, the longest name first.

use std::path::Path;

/// The names to look for, most precise first; none where the path has no file name.
pub(crate) fn candidates(library: &str) -> Vec<&str> {
    let Some(file) = Path::new(library)
        .file_name()
        .and_then(|name| name.to_str())
    else {
        return Vec::new();
    };
    let mut names = vec![file];
    let mut rest = file;
    while let Some((shorter, version)) = rest.rsplit_once('.') {
        let is_version = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
        if !is_version || !shorter.contains(".so") {
            break;
        }
        names.push(shorter);
        rest = shorter;
    }
    names
}

#[cfg(test)]
mod tests {
    use super::candidates;

    #[test]
    fn versions_are_taken_off_one_by_one() {
        assert_eq!(
            candidates("/usr/lib/libz.so.1.2.13"),
            ["libz.so.1.2.13", "libz.so.1.2", "libz.so.1", "libz.so"]
        );
        assert_eq!(candidates("libm.so.6"), ["libm.so.6", "libm.so"]);
        assert_eq!(candidates("./plugin.so"), ["plugin.so"]);
        assert_eq!(candidates("libpython3.11.a"), ["libpython3.11.a"]);
        assert_eq!(candidates("program-1.2"), ["program-1.2"]);
        assert!(candidates("/").is_empty());
        assert!(candidates("").is_empty());
    }
}
