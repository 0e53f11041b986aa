//! Rows whose functions walk through buffers of the program's, or keep objects and data of it: the
//! same calls directly and through a VM.

use crate::*;
use cosmos_tests::in_world;
use std::ffi::{c_char, c_int, c_void};
use std::ptr::null_mut;

/// The functions of one library by name, from one source.
pub struct Functions(HashMap<&'static str, Resolved>);

impl Functions {
    /// The function of this name, to be given its C type.
    pub fn get(&self, name: &str) -> Pointer {
        self.0[name].pointer
    }
}

/// Runs `observe` with the functions themselves and with those in a VM, and compares.
pub fn compare_all(
    library: &'static str,
    prototypes: &[(&'static str, String)],
    observe: impl Fn(&Functions) -> Seen,
) {
    let mut seen = Vec::new();
    for mut source in [Source::Direct, Source::Vm(HashMap::new())] {
        let resolved = prototypes
            .iter()
            .map(|(name, text)| (*name, source.resolve(library, name, text)));
        seen.push(observe(&Functions(resolved.collect())));
    }
    assert_same(library, &seen);
}

/// A row of the corpus.
pub fn row(name: &'static str) -> (&'static str, String) {
    (name, prototype(name))
}

/// A function that is no row.
pub fn plain(name: &'static str, text: &str) -> (&'static str, String) {
    (name, text.to_owned())
}

type Iconv = unsafe extern "C" fn(
    *mut c_void,
    *mut *mut c_char,
    *mut usize,
    *mut *mut c_char,
    *mut usize,
) -> usize;

/// One call of iconv, in words: what it returned, and how far each buffer was walked.
fn convert(iconv: Iconv, descriptor: *mut c_void, text: Option<&[u8]>, room: usize) -> String {
    let mut input = text.unwrap_or_default().to_vec();
    let mut output = vec![0xddu8; room + 4];
    let start = output.as_mut_ptr().cast::<c_char>();
    let mut from = input.as_mut_ptr().cast::<c_char>();
    let (first, mut to) = (from, start);
    let (mut left, mut space) = (input.len(), room);
    let (result, after) = with_errno(3, || {
        // SAFETY: both pointers lead to buffers of the lengths beside them.
        unsafe {
            match text {
                Some(_) => iconv(descriptor, &mut from, &mut left, &mut to, &mut space),
                None => iconv(descriptor, null_mut(), null_mut(), &mut to, &mut space),
            }
        }
    });
    let walked = (from.addr() - first.addr(), to.addr() - start.addr());
    format!(
        "{text:?} into {room}: {result} errno {after}, walked {walked:?}, left {left} {space}, {}",
        hex(&output)
    )
}

#[test]
fn row_35_iconv() {
    in_world(|_| {
        let open = "iconv_t __closed_by(iconv_close) iconv_open(const char *to, const char *from)";
        let close = "int iconv_close(iconv_t __handle __consume cd)";
        let prototypes = [
            row("iconv"),
            plain("iconv_open", open),
            plain("iconv_close", close),
        ];
        compare_all(C, &prototypes, |functions| {
            type Open = unsafe extern "C" fn(*const c_char, *const c_char) -> *mut c_void;
            let open = as_function!(functions.get("iconv_open"), Open);
            let iconv = as_function!(functions.get("iconv"), Iconv);
            let close = as_function!(
                functions.get("iconv_close"),
                unsafe extern "C" fn(*mut c_void) -> c_int
            );
            let mut seen = Vec::new();
            for (to, from) in [
                (c"UTF-16LE", c"UTF-8"),
                (c"ISO-8859-1", c"UTF-8"),
                (c"UTF-7", c"UTF-8"),
                (c"UTF-8", c"ISO-8859-1"),
            ] {
                // SAFETY: two strings.
                let descriptor = unsafe { open(to.as_ptr(), from.as_ptr()) };
                assert!(!descriptor.is_null());
                for (text, room) in [
                    (&b"plain"[..], 64),
                    ("gr\u{fc}\u{df}e".as_bytes(), 64),
                    ("zu eng \u{20ac}".as_bytes(), 5),
                    ("nichts".as_bytes(), 0),
                    ("".as_bytes(), 10),
                    (b"bad \xff here", 64),
                    (b"short \xc3", 64),
                    (&b"long ".repeat(5000), 60_000),
                ] {
                    seen.push(convert(iconv, descriptor, Some(text), room));
                    seen.push(convert(iconv, descriptor, None, 16));
                }
                // SAFETY: NULL asks for the initial state.
                let reset =
                    unsafe { iconv(descriptor, null_mut(), null_mut(), null_mut(), null_mut()) };
                // SAFETY: the descriptor is open and not used after.
                seen.push(format!("{reset} {}", unsafe { close(descriptor) }));
            }
            seen
        });
    });
}
