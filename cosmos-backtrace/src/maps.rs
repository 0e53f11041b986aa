//! `/proc/PID/maps`.

/// Most lines that are looked at; a process may have 65530.
const LINES: usize = 1 << 16;

/// A range of addresses that holds a part of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// First address.
    pub start: u64,
    /// First address after it.
    pub end: u64,
    /// Whether it can be run.
    pub executable: bool,
    /// Where in the file it begins.
    pub offset: u64,
    /// The file's number in its file system.
    pub inode: u64,
    /// Its path, as the kernel tells it.
    pub path: String,
}

/// The mappings of files, in the order of addresses. Lines that are none are passed over.
pub fn parse(text: &str) -> Vec<Mapping> {
    text.lines().take(LINES).filter_map(line).collect()
}

fn line(line: &str) -> Option<Mapping> {
    // start-end perms offset device inode path
    let mut rest = line;
    let mut word = || {
        let (word, after) = rest.trim_start().split_once(' ')?;
        rest = after;
        Some(word)
    };
    let (start, end) = word()?.split_once('-')?;
    let permissions = word()?;
    let offset = word()?;
    let _device = word()?;
    let inode = word()?.parse().ok()?;
    let path = rest.trim_start();
    let hexadecimal = |text| u64::from_str_radix(text, 16).ok();
    let mapping = Mapping {
        start: hexadecimal(start)?,
        end: hexadecimal(end)?,
        executable: permissions.as_bytes().get(2) == Some(&b'x'),
        offset: hexadecimal(offset)?,
        inode,
        path: path.to_owned(),
    };
    (mapping.start < mapping.end && path.starts_with('/')).then_some(mapping)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "\
55f0c0a00000-55f0c0a2c000 r--p 00000000 fe:00 1234                       /usr/bin/it
55f0c0a2c000-55f0c0b00000 r-xp 0002c000 fe:00 1234                       /usr/bin/it
7ffd0000-7ffd1000 rw-p 00000000 00:00 0                                  [stack]
7f0000000000-7f0000001000 r-xp 00000000 fe:00 99                         /tmp/a b.so (deleted)
7f0000002000-7f0000003000 rw-p 00000000 00:00 0
";

    #[test]
    fn files_are_found() {
        let found = parse(TEXT);
        let paths: Vec<&str> = found.iter().map(|mapping| mapping.path.as_str()).collect();
        assert_eq!(
            paths,
            ["/usr/bin/it", "/usr/bin/it", "/tmp/a b.so (deleted)"]
        );
        assert!(!found[0].executable && found[1].executable);
        assert_eq!(found[1].offset, 0x2c000);
        assert_eq!(found[2].inode, 99);
    }

    #[test]
    fn this_process_has_its_executable_mapped() {
        let text = std::fs::read_to_string("/proc/self/maps").unwrap();
        let own = std::env::current_exe().unwrap();
        let found = parse(&text);
        assert!(
            found
                .iter()
                .any(|mapping| mapping.executable && own == std::path::Path::new(&mapping.path))
        );
    }

    proptest! {
        #[test]
        fn what_is_no_map_is_none(text in "\\PC{0,200}") {
            for mapping in parse(&text) {
                prop_assert!(mapping.start < mapping.end);
            }
        }

        #[test]
        fn nearly_maps_stay_in_order(
            start in any::<u64>(), end in any::<u64>(), offset in any::<u64>(), path in "/[a-z ]{0,20}"
        ) {
            let text = format!("{start:x}-{end:x} r-xp {offset:x} 00:01 7 {path}\n");
            prop_assert_eq!(parse(&text).len(), usize::from(start < end));
        }
    }
}
