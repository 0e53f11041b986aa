//! Where libraries are: the configured search path, /etc/ld.so.conf, the loader's own directories.

use cosmos_config::Stamp;
use std::{
    collections::BTreeSet,
    fs::File,
    io::Read,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// The loader's configuration.
const LD_SO_CONF: &str = "/etc/ld.so.conf";
/// Most bytes of one of its files, most files, deepest inclusion, most directories.
const FILE_LIMIT: u64 = 64 << 10;
const FILES: usize = 256;
const DEPTH: usize = 8;
const DIRECTORIES: usize = 1024;

/// Directories that hold more than libraries.
const MIXED: [&str; 4] = ["/lib", "/usr/lib", "/usr/local/lib", "/"];

/// What the loader searches last, for this machine.
const DEFAULTS: &[&str] = &[
    #[cfg(target_arch = "x86_64")]
    "/lib/x86_64-linux-gnu",
    #[cfg(target_arch = "x86_64")]
    "/usr/lib/x86_64-linux-gnu",
    #[cfg(target_arch = "aarch64")]
    "/lib/aarch64-linux-gnu",
    #[cfg(target_arch = "aarch64")]
    "/usr/lib/aarch64-linux-gnu",
    #[cfg(target_arch = "x86")]
    "/lib/i386-linux-gnu",
    #[cfg(target_arch = "x86")]
    "/usr/lib/i386-linux-gnu",
    #[cfg(target_pointer_width = "64")]
    "/lib64",
    #[cfg(target_pointer_width = "64")]
    "/usr/lib64",
    "/lib",
    "/usr/lib",
];

/// Directories to search, in order, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directories {
    configured: usize,
    all: Vec<PathBuf>,
    installed: Vec<PathBuf>,
    /// Which directory each of those was.
    identities: Vec<Option<(u64, u64)>>,
    /// What was read to find them, as it was then.
    read: Vec<(PathBuf, Option<Stamp>)>,
    /// Whether a change of that would show.
    is_settled: bool,
    /// Which directory each was that was looked for.
    found: Vec<(PathBuf, Option<(u64, u64)>)>,
}

impl Directories {
    /// The configured ones, then this machine's.
    pub fn of_this_machine(configured: &[PathBuf]) -> Directories {
        Directories::new(
            configured,
            Path::new(LD_SO_CONF),
            DEFAULTS.iter().map(PathBuf::from),
        )
    }

    /// The configured ones, then those that `ld_so_conf` names, then `defaults`.
    pub fn new(
        configured: &[PathBuf],
        ld_so_conf: &Path,
        defaults: impl IntoIterator<Item = PathBuf>,
    ) -> Directories {
        let mut reader = Reader::default();
        reader.read(ld_so_conf, 0);
        let mut seen = BTreeSet::new();
        let mut all: Vec<PathBuf> = configured
            .iter()
            .filter(|path| seen.insert(real(path)))
            .cloned()
            .collect();
        let configured = all.len();
        let others: Vec<PathBuf> = reader.directories.into_iter().chain(defaults).collect();
        let mut found: Vec<(PathBuf, Option<(u64, u64)>)> = Vec::new();
        let (mut installed, mut identities) = (Vec::new(), Vec::new());
        for path in others {
            if found.iter().any(|(known, _)| *known == path) {
                continue;
            }
            let identity = identity(&path);
            found.push((path.clone(), identity));
            let real = real(&path);
            if path.is_dir() && seen.insert(real.clone()) {
                if !MIXED.iter().any(|mixed| real == Path::new(mixed)) {
                    // By each of its names: /lib may be a link to /usr/lib.
                    let names = match path == real {
                        true => vec![real],
                        false => vec![path.clone(), real],
                    };
                    identities.resize(identities.len() + names.len(), identity);
                    installed.extend(names);
                }
                all.push(path);
            }
        }
        Directories {
            configured,
            all,
            installed,
            identities,
            read: reader.read,
            is_settled: !reader.is_unsettled,
            found,
        }
    }

    /// The machine's own, in which installed libraries are and nothing else, by the names they are
    /// looked for and by those they have: those that hold more beside them, /lib and /usr/lib, are not
    /// among them, nor are configured ones.
    pub fn installed(&self) -> &[PathBuf] {
        &self.installed
    }

    /// Which directory each of those was when it was found.
    pub fn identities(&self) -> &[Option<(u64, u64)>] {
        &self.identities
    }

    /// Whether a file is in one of those, whatever links lead to it.
    pub fn have_installed(&self, path: &Path) -> bool {
        let is_below = |path: &Path| self.installed.iter().any(|one| path.starts_with(one));
        is_below(path) && is_below(&real(path))
    }

    /// Whether all of them are the machine's own: nobody has configured others.
    pub fn are_the_machines_own(&self) -> bool {
        self.configured == 0
    }

    /// Whether they would be found again as they are: nothing of what says where they are has changed.
    pub fn are_current(&self) -> bool {
        let read = |(path, stamp): &(PathBuf, Option<Stamp>)| Stamp::of(path) == *stamp;
        let found = |(path, known): &(PathBuf, Option<(u64, u64)>)| identity(path) == *known;
        self.is_settled && self.read.iter().all(read) && self.found.iter().all(found)
    }

    /// Each, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Path> {
        self.all.iter().map(PathBuf::as_path)
    }

    /// In words.
    pub(super) fn describe(&self) -> String {
        let configured: Vec<String> = self
            .all
            .iter()
            .take(self.configured)
            .map(|path| path.display().to_string())
            .collect();
        let system = format!(
            "the system's {} library directories",
            self.all.len() - self.configured
        );
        if configured.is_empty() {
            format!("{system} (search_path adds others)")
        } else {
            format!("{}, nor in {system}", configured.join(", "))
        }
    }
}

/// On a merged-usr machine /lib and /usr/lib are one.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = path.metadata().ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// What has been read of the loader's configuration.
#[derive(Default)]
struct Reader {
    files: usize,
    directories: Vec<PathBuf>,
    read: Vec<(PathBuf, Option<Stamp>)>,
    is_unsettled: bool,
}

impl Reader {
    /// Notes what is read next.
    fn look(&mut self, path: &Path) {
        let stamp = Stamp::of(path);
        self.is_unsettled |= stamp.is_some_and(|stamp| !stamp.is_settled());
        self.read.push((path.to_owned(), stamp));
    }

    fn read(&mut self, path: &Path, depth: usize) {
        self.files += 1;
        if self.files > FILES || depth > DEPTH {
            return;
        }
        self.look(path);
        let mut text = String::new();
        let Ok(file) = File::open(path) else { return };
        if file.take(FILE_LIMIT).read_to_string(&mut text).is_err() {
            return;
        }
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if let Some(patterns) = line
                .strip_prefix("include")
                .filter(|rest| starts_blank(rest))
            {
                for pattern in patterns.split_whitespace() {
                    self.include(path, pattern, depth);
                }
            } else if line.starts_with('/') && self.directories.len() < DIRECTORIES {
                // An old form names a library type after `=`.
                let directory = line
                    .split(['=', ' ', '\t', ':', ','])
                    .next()
                    .unwrap_or(line);
                self.directories.push(PathBuf::from(directory));
            }
        }
    }

    /// Files of a pattern whose last component may hold `*`; relative to the including file.
    fn include(&mut self, includer: &Path, pattern: &str, depth: usize) {
        let pattern = includer.parent().unwrap_or(Path::new("/")).join(pattern);
        let (Some(directory), Some(name)) = (pattern.parent(), pattern.file_name()) else {
            return;
        };
        let name = name.to_string_lossy();
        self.look(directory);
        let Ok(entries) = std::fs::read_dir(directory) else {
            return;
        };
        let mut paths: Vec<PathBuf> = entries
            .flatten()
            .take(DIRECTORIES)
            .filter(|entry| matches(&name, &entry.file_name().to_string_lossy()))
            .map(|entry| entry.path())
            .collect();
        paths.sort();
        for path in paths {
            self.read(&path, depth + 1);
        }
    }
}

fn starts_blank(rest: &str) -> bool {
    rest.starts_with(char::is_whitespace)
}

/// Whether `name` matches `pattern`, in which `*` stands for any run of characters. Like the
/// shell's, it does not match a leading dot.
fn matches(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let Some(last) = pieces.next_back() else {
        return rest.is_empty();
    };
    for piece in pieces {
        let Some(at) = rest.find(piece) else {
            return false;
        };
        rest = rest.get(at + piece.len()..).unwrap_or_default();
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn patterns() {
        assert!(matches("*.conf", "a.conf"));
        assert!(!matches("*.conf", ".hidden.conf"));
        assert!(matches("a*b*c", "a1b2c"));
        assert!(!matches("a*bc", "ab"));
        assert!(matches("libc.conf", "libc.conf"));
        assert!(!matches("libc.conf", "libc.conf2"));
        assert!(!matches("a*a", "a"));
    }

    #[test]
    fn follows_includes_and_survives_loops() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        for name in ["one", "two", "conf.d", "mine"] {
            fs::create_dir(at(name)).unwrap();
        }
        let conf = at("ld.so.conf");
        fs::write(
            &conf,
            "include conf.d/*.conf\ninclude ld.so.conf\n/nonexistent\n",
        )
        .unwrap();
        let one = format!("# comment\n{}  # here\n", at("one").display());
        fs::write(at("conf.d/1.conf"), one).unwrap();
        fs::write(
            at("conf.d/2.conf"),
            format!("{}=libc6\n", at("two").display()),
        )
        .unwrap();
        fs::write(at("conf.d/skipped"), "/proc\n").unwrap();
        let look = || Directories::new(&[at("mine")], &conf, [at("two"), at("one"), at("three")]);
        let directories = look();
        let all: Vec<&Path> = directories.iter().collect();
        assert_eq!(all, [at("mine"), at("one"), at("two")]);
    }

    #[test]
    fn what_was_found_is_current_until_something_changes() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        for name in ["one", "conf.d"] {
            fs::create_dir(at(name)).unwrap();
        }
        let conf = at("ld.so.conf");
        fs::write(&conf, "include conf.d/*.conf\n").unwrap();
        let settled = || {
            let look = || Directories::new(&[], &conf, [at("one"), at("two")]);
            let patience = std::time::Instant::now() + std::time::Duration::from_secs(30);
            let mut directories = look();
            // What was changed a moment ago may be changed again without a trace.
            while !directories.are_current() && std::time::Instant::now() < patience {
                std::thread::sleep(std::time::Duration::from_millis(50));
                directories = look();
            }
            assert!(directories.are_current());
            directories
        };
        let before = settled();
        fs::create_dir(at("two")).unwrap();
        assert!(!before.are_current(), "a directory that was looked for");
        let before = settled();
        fs::write(at("conf.d/1.conf"), "/nonexistent\n").unwrap();
        assert!(!before.are_current(), "a file that is included");
        let before = settled();
        fs::rename(at("one"), at("other")).unwrap();
        fs::create_dir(at("one")).unwrap();
        assert!(!before.are_current(), "another directory by the same name");
    }
}
