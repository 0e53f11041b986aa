//! Every row of the corpus, called through a VM and directly, must do the same: result, memory and
//! errno. The verdicts on all rows are those recorded.

use cosmos_tests::{errno, repository, set_errno};
use std::collections::HashMap;
use std::ffi::{c_int, c_void};

/// Gives a pointer a C function type; the test states the true one.
macro_rules! as_function {
    ($pointer:expr, $type:ty) => {
        // SAFETY: the pointer is a function of this C type, by the row's prototype.
        unsafe { std::mem::transmute::<Pointer, $type>($pointer) }
    };
}

mod buffers;
mod callbacks;
mod handles;
mod libraries;
mod objects;
mod records;
mod residents;
mod scalars;
mod there;
mod variadic;
mod verdicts;

/// A function, of whatever type.
pub type Pointer = *const c_void;

/// What one call did, in words that can be compared.
pub type Seen = Vec<String>;

/// Where a function comes from.
pub enum Source {
    /// The library, loaded into this process.
    Direct,
    /// The library in a VM.
    Vm(HashMap<&'static str, cosmos::Library>),
}

/// A resolved function, with what keeps its pointer valid.
pub struct Resolved {
    /// The function.
    pub pointer: Pointer,
    _direct: Option<libloading::Library>,
    _remote: Option<cosmos::Function>,
}

impl Source {
    /// The function of this name in `library`.
    pub fn resolve(&mut self, library: &'static str, name: &str, prototype: &str) -> Resolved {
        match self {
            Source::Direct => {
                // SAFETY: the libraries of this test run no code of note when loaded.
                let direct = unsafe { libloading::Library::new(library) }.expect(library);
                // SAFETY: only the address is taken here; whoever calls it knows the type, and the
                // library stays open as long as the pointer is kept.
                let pointer = unsafe {
                    let symbol = direct.get::<Pointer>(name.as_bytes()).expect(name);
                    symbol.try_as_raw_ptr().expect(name).cast_const()
                };
                Resolved {
                    pointer,
                    _direct: Some(direct),
                    _remote: None,
                }
            }
            Source::Vm(libraries) => {
                let opened = libraries
                    .entry(library)
                    .or_insert_with(|| open(library).expect(library));
                let function = opened.function(prototype).expect(name);
                assert_eq!(function.name(), name);
                Resolved {
                    pointer: function.pointer(),
                    _direct: None,
                    _remote: Some(function),
                }
            }
        }
    }
}

/// Opens a library in a VM that is granted what its rows of the corpus need beyond the library itself.
pub fn open(library: &str) -> Result<cosmos::Library, cosmos::Error> {
    let here = std::env::current_dir().expect("the test's own directory");
    let options = cosmos::Options::new();
    let options = match library {
        // fopen and getline of files here, getaddrinfo, execl.
        C => options.write(here).network(true).programs(true),
        // gzopen.
        Z => options.write(here),
        // file:// here, and http:// on this machine.
        "libcurl.so.4" => options.read(here).network(true),
        // Its configuration, which it looks for by itself.
        CRYPTO => options.read("/usr/lib/ssl").read("/etc/ssl"),
        _ => options,
    };
    cosmos::dlopen_with(library, &options)
}

/// The prototypes of the corpus by function name.
pub fn prototype(name: &str) -> String {
    let path = repository().join("tests/corpus/protos.h");
    let text = std::fs::read_to_string(path).expect("the corpus");
    let mut text = text.as_str();
    let mut plain = String::new();
    while let Some((before, comment)) = text.split_once("/*") {
        plain.push_str(before);
        text = comment.split_once("*/").expect("the end of the comment").1;
    }
    plain.push_str(text);
    let declares = |declaration: &&str| {
        declaration.split_once('(').is_some_and(|_| {
            declaration
                .match_indices(name)
                .any(|(at, _)| is_declared_at(declaration, at, name))
        })
    };
    let found = plain.split(';').map(str::trim).find(declares);
    found
        .unwrap_or_else(|| panic!("{name} is not in the corpus"))
        .to_owned()
}

/// The declared name follows a space or a star and comes before the list of parameters.
fn is_declared_at(declaration: &str, at: usize, name: &str) -> bool {
    let before = declaration[..at].chars().last();
    declaration[at + name.len()..].starts_with('(')
        && matches!(before, Some(' ' | '*' | '\n'))
        && declaration[..at].matches('(').count() == declaration[..at].matches(')').count()
}

/// Runs `observe` on the function itself and on the one in the VM, and compares.
pub fn compare(library: &'static str, name: &str, observe: impl Fn(Pointer) -> Seen) {
    let mut seen = Vec::new();
    for mut source in [Source::Direct, Source::Vm(HashMap::new())] {
        let function = source.resolve(library, name, &prototype(name));
        seen.push(observe(function.pointer));
    }
    assert_same(name, &seen);
}

/// The direct and the remote observations agree, one by one.
pub fn assert_same(name: &str, seen: &[Seen]) {
    let [direct, remote] = seen else {
        panic!("two sources")
    };
    assert!(!direct.is_empty());
    assert_eq!(direct.len(), remote.len(), "{name}");
    for (index, (direct, remote)) in direct.iter().zip(remote).enumerate() {
        assert_eq!(
            remote, direct,
            "{name}, observation {index}: left the VM's, right direct"
        );
    }
    println!("{name}: {} observations agree", direct.len());
}

/// Calls with errno set to `before` and says what it was after.
pub fn with_errno<T>(before: c_int, call: impl FnOnce() -> T) -> (T, c_int) {
    set_errno(before);
    let result = call();
    (result, errno())
}

/// The bytes of plain data, padding excluded by the choice of types.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// glibc.
pub const C: &str = "libc.so.6";
/// glibc's mathematics.
pub const M: &str = "libm.so.6";
/// zlib.
pub const Z: &str = "libz.so.1";
/// OpenSSL's cryptography.
pub const CRYPTO: &str = "libcrypto.so.3";
