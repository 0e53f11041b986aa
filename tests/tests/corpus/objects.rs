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

type Getline = unsafe extern "C" fn(*mut *mut c_char, *mut usize, *mut c_void) -> isize;

/// Reads all lines of a file, the buffer of each call that of the one before.
fn lines(functions: &Functions, path: &std::ffi::CStr, first: Option<usize>) -> Seen {
    type Open = unsafe extern "C" fn(*const c_char, *const c_char) -> *mut c_void;
    let open = as_function!(functions.get("fopen"), Open);
    let close = as_function!(
        functions.get("fclose"),
        unsafe extern "C" fn(*mut c_void) -> c_int
    );
    let getline = as_function!(functions.get("getline"), Getline);
    let mut seen = Vec::new();
    // SAFETY: the buffer is malloc's, and as large as `room` says.
    unsafe {
        let file = open(path.as_ptr(), c"r".as_ptr());
        assert!(!file.is_null());
        let mut room = first.unwrap_or(0);
        let mut line = match first {
            Some(size) => libc::malloc(size).cast::<c_char>(),
            None => null_mut(),
        };
        loop {
            let (length, after) = with_errno(3, || getline(&mut line, &mut room, file));
            let text = match usize::try_from(length) {
                Ok(length) => std::slice::from_raw_parts(line.cast::<u8>(), length + 1).to_vec(),
                Err(_) => Vec::new(),
            };
            let shown = (
                text.len(),
                text.last().copied(),
                text.iter().map(|it| u64::from(*it)).sum::<u64>(),
            );
            seen.push(format!("{length}, errno {after}, room {room}, {shown:?}"));
            if length < 0 {
                break;
            }
        }
        libc::free(line.cast());
        seen.push(format!("{}", close(file)));
    }
    seen
}

#[test]
fn row_37_getline() {
    in_world(|world| {
        let path = world.directory().join("lines");
        let mut text = b"first\n\nwith a \0 inside\n".to_vec();
        text.extend(b"long ".repeat(3000));
        text.extend(b"\nshort again\nno end of line");
        std::fs::write(&path, text).expect("a file");
        let path = std::ffi::CString::new(path.to_str().expect("UTF-8")).expect("no NUL");
        let close = "int fclose(FILE *__handle __consume stream)";
        let prototypes = [row("getline"), row("fopen"), plain("fclose", close)];
        compare_all(C, &prototypes, |functions| {
            let buffers = [None, Some(1), Some(120), Some(20_000)];
            let read = buffers.map(|size| lines(functions, &path, size));
            read.into_iter().flatten().collect()
        });
    });
}

/// Row 29 as it stands in the corpus: libpng goes on reading the program's bytes until the image is
/// freed. It also remembers where the record is, which a record that is copied cannot offer; see
/// [`row_29_read_to_the_end`].
#[test]
fn row_29_png_image_begin_read_from_memory() {
    in_world(|_| {
        const PNG: &str = "libpng16.so.16";
        if cosmos::dlopen(PNG).is_err() {
            println!("skipped: there is no {PNG}");
            return;
        }
        let free = "void png_image_free(png_image *__inout image)";
        let write = "int png_image_write_to_memory(png_image *__inout image,
            void *__out __sized_by(*memory_bytes) memory, png_alloc_size_t *__inout memory_bytes,
            int convert_to_8_bit, const void *__sized_by(64) buffer, png_int_32 row_stride,
            const void *__handle colormap)";
        let prototypes = [
            row("png_image_begin_read_from_memory"),
            plain("png_image_free", free),
            plain("png_image_write_to_memory", write),
        ];
        compare_all(PNG, &prototypes, pixels);
    });
}

/// The same with an image that stays where it is: begun, read to its end, and freed.
#[test]
fn row_29_read_to_the_end() {
    in_world(|_| {
        const PNG: &str = "libpng16.so.16";
        if cosmos::dlopen(PNG).is_err() {
            println!("skipped: there is no {PNG}");
            return;
        }
        let begin = "int png_image_begin_read_from_memory(
            png_image *__closed_by(png_image_free) image,
            png_const_voidp __sized_by(size) __retained(image) memory, size_t size)";
        let finish = "struct png_color { png_byte red, green, blue; };
            int png_image_finish_read(png_image *__handle image,
                const struct png_color *background, void *__out __sized_by(64) buffer,
                png_int_32 row_stride, void *__out __sized_by(1024) colormap)";
        let write = "int png_image_write_to_memory(png_image *__inout image,
            void *__out __sized_by(*memory_bytes) memory, png_alloc_size_t *__inout memory_bytes,
            int convert_to_8_bit, const void *__sized_by(64) buffer, png_int_32 row_stride,
            const void *__handle colormap)";
        let prototypes = [
            plain("png_image_begin_read_from_memory", begin),
            plain("png_image_finish_read", finish),
            plain(
                "png_image_free",
                "void png_image_free(png_image *__handle __consume image)",
            ),
            plain("png_image_write_to_memory", write),
        ];
        compare_all(PNG, &prototypes, pictures);
    });
}

/// `png_image` of png.h.
#[repr(C)]
#[derive(Clone)]
struct Image {
    opaque: usize,
    version: u32,
    width: u32,
    height: u32,
    format: u32,
    flags: u32,
    colormap_entries: u32,
    warning_or_error: u32,
    message: [u8; 64],
}

impl Image {
    fn new(width: u32, height: u32) -> Image {
        Image {
            opaque: 0,
            version: 1,
            width,
            height,
            format: 3,
            flags: 0,
            colormap_entries: 0,
            warning_or_error: 0,
            message: [0; 64],
        }
    }

    fn words(&self) -> String {
        let end = self.message.iter().position(|byte| *byte == 0);
        let message = String::from_utf8_lossy(&self.message[..end.unwrap_or(64)]);
        let (width, height, bad) = (self.width, self.height, self.warning_or_error);
        format!(
            "{width}x{height}, {bad}: {message}, alive {}",
            self.opaque != 0
        )
    }
}

type Begin = unsafe extern "C" fn(*mut Image, *const u8, usize) -> c_int;

/// Writes an image of four by four pixels and begins to read it.
fn pixels(functions: &Functions) -> Seen {
    let begin = as_function!(functions.get("png_image_begin_read_from_memory"), Begin);
    let free = as_function!(
        functions.get("png_image_free"),
        unsafe extern "C" fn(*mut Image)
    );
    let (packed, mut seen) = pack(functions);
    // SAFETY: the bytes are as many as the call says, and images are whole.
    unsafe {
        for damaged in [false, true] {
            let mut bytes = packed.clone();
            if damaged {
                bytes[3] ^= 0xff;
            }
            let mut image = Image::new(0, 0);
            let begun = begin(&mut image, bytes.as_ptr(), bytes.len());
            seen.push(format!("{begun}, {}", image.words()));
            free(&mut image);
            seen.push(image.words());
        }
    }
    seen
}

/// Reads images, whole and damaged ones, to their end; each also once more than that.
fn pictures(functions: &Functions) -> Seen {
    type Finish =
        unsafe extern "C" fn(*mut Image, *const [u8; 3], *mut u8, i32, *mut c_void) -> c_int;
    let begin = as_function!(functions.get("png_image_begin_read_from_memory"), Begin);
    let finish = as_function!(functions.get("png_image_finish_read"), Finish);
    let free = as_function!(
        functions.get("png_image_free"),
        unsafe extern "C" fn(*mut Image)
    );
    let (packed, mut seen) = pack(functions);
    // What of an image is the program's to see: where the object is, is not.
    let words = |image: &Image| {
        let mut image = image.clone();
        image.opaque = 0;
        format!(
            "{} {} {} {}, {}",
            image.version,
            image.format,
            image.flags,
            image.colormap_entries,
            image.words()
        )
    };
    let broken = [
        None,
        Some(3),
        Some(packed.len() / 2),
        Some(packed.len() - 3),
    ];
    for place in broken {
        let mut bytes = packed.clone();
        if let Some(place) = place {
            bytes[place] ^= 0xff;
        }
        let mut image = Image::new(0, 0);
        // SAFETY: the bytes are as many as the calls say, and images are whole.
        unsafe {
            let begun = begin(&mut image, bytes.as_ptr(), bytes.len());
            seen.push(format!("{place:?}: {begun}, {}", words(&image)));
            if begun != 0 {
                image.format = 3;
                let background = [7, 8, 9];
                for _ in 0..2 {
                    let mut read = [0xddu8; 64];
                    let finished =
                        finish(&mut image, &background, read.as_mut_ptr(), 0, null_mut());
                    seen.push(format!("{finished}, {}", words(&image)));
                    if finished != 0 {
                        seen.push(format!("{read:?}"));
                    }
                }
            }
            free(&mut image);
            seen.push(words(&image));
        }
    }
    seen
}

/// An image of four by four pixels, and what was seen of writing it.
fn pack(functions: &Functions) -> (Vec<u8>, Seen) {
    type Write = unsafe extern "C" fn(
        *mut Image,
        *mut u8,
        *mut usize,
        c_int,
        *const u8,
        i32,
        *const c_void,
    ) -> c_int;
    let write = as_function!(functions.get("png_image_write_to_memory"), Write);
    let colours: Vec<u8> = (0..64).map(|number| number * 3 + 1).collect();
    let mut seen = Vec::new();
    let mut packed = vec![0u8; 4096];
    let mut size = packed.len();
    // SAFETY: the buffers are as large as the calls say, and images are whole.
    unsafe {
        let mut image = Image::new(4, 4);
        let written = write(
            &mut image,
            packed.as_mut_ptr(),
            &mut size,
            0,
            colours.as_ptr(),
            0,
            std::ptr::null(),
        );
        seen.push(format!("{written}, {size} bytes, {}", image.words()));
        packed.truncate(size);
    }
    (packed, seen)
}

/// Row 39: text that SQLite goes on reading, or copies at once; a destructor is called in the call.
#[test]
fn row_39_sqlite3_bind_text() {
    in_world(|_| {
        const SQLITE: &str = "libsqlite3.so.0";
        if cosmos::dlopen(SQLITE).is_err() {
            println!("skipped: there is no {SQLITE}");
            return;
        }
        let prototypes = [
            row("sqlite3_open"),
            row("sqlite3_prepare_v2"),
            row("sqlite3_bind_text"),
            row("sqlite3_column_text"),
            plain(
                "sqlite3_step",
                "int sqlite3_step(sqlite3_stmt *__handle stmt)",
            ),
            plain(
                "sqlite3_reset",
                "int sqlite3_reset(sqlite3_stmt *__handle stmt)",
            ),
            plain(
                "sqlite3_finalize",
                "int sqlite3_finalize(sqlite3_stmt *__handle __consume stmt)",
            ),
            plain(
                "sqlite3_close",
                "int sqlite3_close(sqlite3 *__handle __consume db)",
            ),
        ];
        compare_all(SQLITE, &prototypes, bind);
    });
}

fn bind(functions: &Functions) -> Seen {
    type Handle = *mut c_void;
    type Bind = unsafe extern "C" fn(Handle, c_int, *const c_char, c_int, isize) -> c_int;
    type Prepare = unsafe extern "C" fn(
        Handle,
        *const c_char,
        c_int,
        *mut Handle,
        *mut *const c_char,
    ) -> c_int;
    type Work = unsafe extern "C" fn(Handle) -> c_int;
    let open = as_function!(
        functions.get("sqlite3_open"),
        unsafe extern "C" fn(*const c_char, *mut Handle) -> c_int
    );
    let prepare = as_function!(functions.get("sqlite3_prepare_v2"), Prepare);
    let bind = as_function!(functions.get("sqlite3_bind_text"), Bind);
    let text = as_function!(
        functions.get("sqlite3_column_text"),
        unsafe extern "C" fn(Handle, c_int) -> *const c_char
    );
    let [step, reset, finalize, close] = [
        "sqlite3_step",
        "sqlite3_reset",
        "sqlite3_finalize",
        "sqlite3_close",
    ]
    .map(|name| as_function!(functions.get(name), Work));
    let mut seen = Vec::new();
    // SAFETY: texts are as long as is said, and stay as long as SQLite may read them.
    unsafe {
        let (mut database, mut statement) = (null_mut(), null_mut());
        assert_eq!(open(c":memory:".as_ptr(), &mut database), 0);
        let sql = c"select ?1 || '-' || ?2";
        let mut tail = std::ptr::null();
        assert_eq!(
            prepare(database, sql.as_ptr(), -1, &mut statement, &mut tail),
            0
        );
        let words = ["gr\u{fc}n", "", "a longer text that is not in any cache"];
        for (destroy, first) in [(0, words[0]), (-1, words[1]), (0, words[2])] {
            for (index, word) in [(1, first), (2, words[2])] {
                let length = c_int::try_from(word.len()).expect("short");
                let bound = bind(statement, index, word.as_ptr().cast(), length, destroy);
                seen.push(format!("bound {bound}"));
            }
            seen.push(format!("step {}", step(statement)));
            let read = std::ffi::CStr::from_ptr(text(statement, 0)).to_owned();
            seen.push(format!("{read:?}, reset {}", reset(statement)));
        }
        let none = bind(statement, 1, std::ptr::null(), 0, 0);
        let beyond = bind(statement, 9, words[0].as_ptr().cast(), 2, -1);
        seen.push(format!("NULL {none}, no such place {beyond}"));
        seen.push(format!("{} {}", finalize(statement), close(database)));
    }
    seen
}
