//! The functions of libz.so.1, called in a VM. Made by `cosmos gen rust libz.so.1`: not to be
//! changed.
//!
//! With `mod libz;`, `libz::Libz::open()` opens the library.

#![allow(
    clippy::all,
    dead_code,
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    rustdoc::all,
    unused_imports,
    unused_unsafe
)]
#![cfg_attr(rustfmt, rustfmt_skip)]

use cosmos::{Carried, Error, Library, Options, Signature, Symbol};
use std::ffi::{c_char, c_double, c_float, c_int, c_long, c_longlong, c_schar, c_short, c_uchar};
use std::ffi::{c_uint, c_ulong, c_ulonglong, c_ushort, c_void};
use std::sync::OnceLock;

/// The library, open in a VM.
#[derive(Debug)]
pub struct Libz {
    library: Library,
    zlibVersion: OnceLock<Symbol<extern "C" fn() -> *const c_char>>,
    zlibCompileFlags: OnceLock<Symbol<extern "C" fn() -> c_ulong>>,
    zError: OnceLock<Symbol<extern "C" fn(c_int) -> *const c_char>>,
    deflateInit_: OnceLock<Symbol<unsafe extern "C" fn(*mut z_stream_s, c_int, *const c_char, c_int) -> c_int>>,
    deflateInit2_: OnceLock<Symbol<unsafe extern "C" fn(*mut z_stream_s, c_int, c_int, c_int, c_int, c_int, *const c_char, c_int) -> c_int>>,
    deflate: OnceLock<Symbol<unsafe extern "C" fn(*mut z_stream_s, c_int) -> c_int>>,
    deflateEnd: OnceLock<Symbol<unsafe extern "C" fn(*mut z_stream_s) -> c_int>>,
    deflateSetDictionary: OnceLock<Symbol<unsafe extern "C" fn(*mut z_stream_s, *const c_uchar, c_uint) -> c_int>>,
    deflateGetDictionary: OnceLock<Symbol<unsafe extern "C" fn(*mut z_stream_s, *mut c_uchar, *mut c_uint) -> c_int>>,
    deflateCopy: OnceLock<Symbol<unsafe extern "C" fn(*mut z_stream_s, *mut z_stream_s) -> c_int>>,
    deflateReset: OnceLock<Symbol<unsafe extern "C" fn(*mut z_stream_s) -> c_int>>,
    deflateResetKeep: OnceLock<Symbol<unsafe extern "C" fn(*mut z_stream_s) -> c_int>>,
    deflateParams: OnceLock<Symbol<unsafe extern "C" fn(*mut z_stream_s, c_int, c_int) -> c_int>>,
    deflateTune: OnceLock<Symbol<unsafe extern "C" fn(*mut z_stream_s, c_int, c_int, c_int, c_int) -> c_int>>,
    deflateBound: OnceLock<Symbol<unsafe extern "C" fn(*mut z_stream_s, c_ulong) -> c_ulong>>,
    deflatePending: OnceLock<Symbol<unsafe extern "C" fn(*mut z_stream_s, *mut c_uint, *mut c_int) -> c_int>>,
    deflatePrime: OnceLock<Symbol<unsafe extern "C" fn(*mut z_stream_s, c_int, c_int) -> c_int>>,
    inflateInit_: OnceLock<Symbol<unsafe extern "C" fn(*mut z_stream_s, *const c_char, c_int) -> c_int>>,
    inflateInit2_: OnceLock<Symbol<unsafe extern "C" fn(*mut z_stream_s, c_int, *const c_char, c_int) -> c_int>>,
    inflate: OnceLock<Symbol<unsafe extern "C" fn(*mut z_stream_s, c_int) -> c_int>>,
    inflateEnd: OnceLock<Symbol<unsafe extern "C" fn(*mut z_stream_s) -> c_int>>,
    inflateSetDictionary: OnceLock<Symbol<unsafe extern "C" fn(*mut z_stream_s, *const c_uchar, c_uint) -> c_int>>,
    inflateGetDictionary: OnceLock<Symbol<unsafe extern "C" fn(*mut z_stream_s, *mut c_uchar, *mut c_uint) -> c_int>>,
    inflateSync: OnceLock<Symbol<unsafe extern "C" fn(*mut z_stream_s) -> c_int>>,
    inflateSyncPoint: OnceLock<Symbol<unsafe extern "C" fn(*mut z_stream_s) -> c_int>>,
    inflateCopy: OnceLock<Symbol<unsafe extern "C" fn(*mut z_stream_s, *mut z_stream_s) -> c_int>>,
    inflateReset: OnceLock<Symbol<unsafe extern "C" fn(*mut z_stream_s) -> c_int>>,
    inflateResetKeep: OnceLock<Symbol<unsafe extern "C" fn(*mut z_stream_s) -> c_int>>,
    inflateReset2: OnceLock<Symbol<unsafe extern "C" fn(*mut z_stream_s, c_int) -> c_int>>,
    inflatePrime: OnceLock<Symbol<unsafe extern "C" fn(*mut z_stream_s, c_int, c_int) -> c_int>>,
    inflateMark: OnceLock<Symbol<unsafe extern "C" fn(*mut z_stream_s) -> c_long>>,
    inflateUndermine: OnceLock<Symbol<unsafe extern "C" fn(*mut z_stream_s, c_int) -> c_int>>,
    inflateValidate: OnceLock<Symbol<unsafe extern "C" fn(*mut z_stream_s, c_int) -> c_int>>,
    inflateCodesUsed: OnceLock<Symbol<unsafe extern "C" fn(*mut z_stream_s) -> c_ulong>>,
    compress: OnceLock<Symbol<unsafe extern "C" fn(*mut c_uchar, *mut c_ulong, *const c_uchar, c_ulong) -> c_int>>,
    compress2: OnceLock<Symbol<unsafe extern "C" fn(*mut c_uchar, *mut c_ulong, *const c_uchar, c_ulong, c_int) -> c_int>>,
    compressBound: OnceLock<Symbol<extern "C" fn(c_ulong) -> c_ulong>>,
    uncompress: OnceLock<Symbol<unsafe extern "C" fn(*mut c_uchar, *mut c_ulong, *const c_uchar, c_ulong) -> c_int>>,
    uncompress2: OnceLock<Symbol<unsafe extern "C" fn(*mut c_uchar, *mut c_ulong, *const c_uchar, *mut c_ulong) -> c_int>>,
    adler32: OnceLock<Symbol<unsafe extern "C" fn(c_ulong, *const c_uchar, c_uint) -> c_ulong>>,
    adler32_z: OnceLock<Symbol<unsafe extern "C" fn(c_ulong, *const c_uchar, usize) -> c_ulong>>,
    adler32_combine: OnceLock<Symbol<extern "C" fn(c_ulong, c_ulong, c_long) -> c_ulong>>,
    crc32: OnceLock<Symbol<unsafe extern "C" fn(c_ulong, *const c_uchar, c_uint) -> c_ulong>>,
    crc32_z: OnceLock<Symbol<unsafe extern "C" fn(c_ulong, *const c_uchar, usize) -> c_ulong>>,
    crc32_combine: OnceLock<Symbol<extern "C" fn(c_ulong, c_ulong, c_long) -> c_ulong>>,
    crc32_combine_gen: OnceLock<Symbol<extern "C" fn(c_long) -> c_ulong>>,
    crc32_combine_op: OnceLock<Symbol<extern "C" fn(c_ulong, c_ulong, c_ulong) -> c_ulong>>,
    get_crc_table: OnceLock<Symbol<extern "C" fn() -> *const c_uint>>,
    gzopen: OnceLock<Symbol<unsafe extern "C" fn(*const c_char, *const c_char) -> *mut gzFile_s>>,
    gzdopen: OnceLock<Symbol<unsafe extern "C" fn(c_int, *const c_char) -> *mut gzFile_s>>,
    gzbuffer: OnceLock<Symbol<unsafe extern "C" fn(*mut gzFile_s, c_uint) -> c_int>>,
    gzsetparams: OnceLock<Symbol<unsafe extern "C" fn(*mut gzFile_s, c_int, c_int) -> c_int>>,
    gzread: OnceLock<Symbol<unsafe extern "C" fn(*mut gzFile_s, *mut c_void, c_uint) -> c_int>>,
    gzfread: OnceLock<Symbol<unsafe extern "C" fn(*mut c_void, usize, usize, *mut gzFile_s) -> usize>>,
    gzwrite: OnceLock<Symbol<unsafe extern "C" fn(*mut gzFile_s, *const c_void, c_uint) -> c_int>>,
    gzfwrite: OnceLock<Symbol<unsafe extern "C" fn(*const c_void, usize, usize, *mut gzFile_s) -> usize>>,
    gzputs: OnceLock<Symbol<unsafe extern "C" fn(*mut gzFile_s, *const c_char) -> c_int>>,
    gzgets: OnceLock<Symbol<unsafe extern "C" fn(*mut gzFile_s, *mut c_char, c_int) -> *mut c_char>>,
    gzputc: OnceLock<Symbol<unsafe extern "C" fn(*mut gzFile_s, c_int) -> c_int>>,
    gzgetc: OnceLock<Symbol<unsafe extern "C" fn(*mut gzFile_s) -> c_int>>,
    gzgetc_: OnceLock<Symbol<unsafe extern "C" fn(*mut gzFile_s) -> c_int>>,
    gzungetc: OnceLock<Symbol<unsafe extern "C" fn(c_int, *mut gzFile_s) -> c_int>>,
    gzflush: OnceLock<Symbol<unsafe extern "C" fn(*mut gzFile_s, c_int) -> c_int>>,
    gzseek: OnceLock<Symbol<unsafe extern "C" fn(*mut gzFile_s, c_long, c_int) -> c_long>>,
    gzrewind: OnceLock<Symbol<unsafe extern "C" fn(*mut gzFile_s) -> c_int>>,
    gztell: OnceLock<Symbol<unsafe extern "C" fn(*mut gzFile_s) -> c_long>>,
    gzoffset: OnceLock<Symbol<unsafe extern "C" fn(*mut gzFile_s) -> c_long>>,
    gzeof: OnceLock<Symbol<unsafe extern "C" fn(*mut gzFile_s) -> c_int>>,
    gzdirect: OnceLock<Symbol<unsafe extern "C" fn(*mut gzFile_s) -> c_int>>,
    gzclose: OnceLock<Symbol<unsafe extern "C" fn(*mut gzFile_s) -> c_int>>,
    gzclose_r: OnceLock<Symbol<unsafe extern "C" fn(*mut gzFile_s) -> c_int>>,
    gzclose_w: OnceLock<Symbol<unsafe extern "C" fn(*mut gzFile_s) -> c_int>>,
    gzerror: OnceLock<Symbol<unsafe extern "C" fn(*mut gzFile_s, *mut c_int) -> *const c_char>>,
    gzclearerr: OnceLock<Symbol<unsafe extern "C" fn(*mut gzFile_s)>>,
}

/// The function, resolved when it is called first.
fn resolved<'s, F: Signature>(
    library: &Library,
    known: &'s OnceLock<Symbol<F>>,
    prototype: &str,
) -> Result<&'s Symbol<F>, Error> {
    match known.get() {
        Some(symbol) => Ok(symbol),
        None => {
            let symbol = library.symbol(prototype)?;
            Ok(known.get_or_init(|| symbol))
        }
    }
}

impl Libz {
    /// Opens the library with the configuration's defaults.
    ///
    /// # Errors
    /// As `cosmos::dlopen`.
    pub fn open() -> Result<Libz, Error> {
        Libz::open_with(&Options::default())
    }

    /// Opens the library.
    ///
    /// # Errors
    /// As `cosmos::dlopen_with`.
    pub fn open_with(options: &Options) -> Result<Libz, Error> {
        cosmos::dlopen_with("libz.so.1", options).map(Libz::of)
    }

    /// The functions of a library that is open.
    pub fn of(library: Library) -> Libz {
        Libz {
            library,
            zlibVersion: OnceLock::new(),
            zlibCompileFlags: OnceLock::new(),
            zError: OnceLock::new(),
            deflateInit_: OnceLock::new(),
            deflateInit2_: OnceLock::new(),
            deflate: OnceLock::new(),
            deflateEnd: OnceLock::new(),
            deflateSetDictionary: OnceLock::new(),
            deflateGetDictionary: OnceLock::new(),
            deflateCopy: OnceLock::new(),
            deflateReset: OnceLock::new(),
            deflateResetKeep: OnceLock::new(),
            deflateParams: OnceLock::new(),
            deflateTune: OnceLock::new(),
            deflateBound: OnceLock::new(),
            deflatePending: OnceLock::new(),
            deflatePrime: OnceLock::new(),
            inflateInit_: OnceLock::new(),
            inflateInit2_: OnceLock::new(),
            inflate: OnceLock::new(),
            inflateEnd: OnceLock::new(),
            inflateSetDictionary: OnceLock::new(),
            inflateGetDictionary: OnceLock::new(),
            inflateSync: OnceLock::new(),
            inflateSyncPoint: OnceLock::new(),
            inflateCopy: OnceLock::new(),
            inflateReset: OnceLock::new(),
            inflateResetKeep: OnceLock::new(),
            inflateReset2: OnceLock::new(),
            inflatePrime: OnceLock::new(),
            inflateMark: OnceLock::new(),
            inflateUndermine: OnceLock::new(),
            inflateValidate: OnceLock::new(),
            inflateCodesUsed: OnceLock::new(),
            compress: OnceLock::new(),
            compress2: OnceLock::new(),
            compressBound: OnceLock::new(),
            uncompress: OnceLock::new(),
            uncompress2: OnceLock::new(),
            adler32: OnceLock::new(),
            adler32_z: OnceLock::new(),
            adler32_combine: OnceLock::new(),
            crc32: OnceLock::new(),
            crc32_z: OnceLock::new(),
            crc32_combine: OnceLock::new(),
            crc32_combine_gen: OnceLock::new(),
            crc32_combine_op: OnceLock::new(),
            get_crc_table: OnceLock::new(),
            gzopen: OnceLock::new(),
            gzdopen: OnceLock::new(),
            gzbuffer: OnceLock::new(),
            gzsetparams: OnceLock::new(),
            gzread: OnceLock::new(),
            gzfread: OnceLock::new(),
            gzwrite: OnceLock::new(),
            gzfwrite: OnceLock::new(),
            gzputs: OnceLock::new(),
            gzgets: OnceLock::new(),
            gzputc: OnceLock::new(),
            gzgetc: OnceLock::new(),
            gzgetc_: OnceLock::new(),
            gzungetc: OnceLock::new(),
            gzflush: OnceLock::new(),
            gzseek: OnceLock::new(),
            gzrewind: OnceLock::new(),
            gztell: OnceLock::new(),
            gzoffset: OnceLock::new(),
            gzeof: OnceLock::new(),
            gzdirect: OnceLock::new(),
            gzclose: OnceLock::new(),
            gzclose_r: OnceLock::new(),
            gzclose_w: OnceLock::new(),
            gzerror: OnceLock::new(),
            gzclearerr: OnceLock::new(),
        }
    }

    /// `const char *__static __null_terminated zlibVersion(void)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn zlibVersion(&self) -> Result<*const c_char, Error> {
        resolved(&self.library, &self.zlibVersion, "const char *__static __null_terminated zlibVersion(void)")?.try_call()
    }

    /// `unsigned long zlibCompileFlags(void)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn zlibCompileFlags(&self) -> Result<c_ulong, Error> {
        resolved(&self.library, &self.zlibCompileFlags, "unsigned long zlibCompileFlags(void)")?.try_call()
    }

    /// `const char *__static __null_terminated zError(int err)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn zError(&self, err: c_int) -> Result<*const c_char, Error> {
        resolved(&self.library, &self.zError, "const char *__static __null_terminated zError(int err)")?.try_call(err)
    }

    /// `int deflateInit_(struct z_stream_s *__closed_by(deflateEnd) strm, int level, const char *__in __null_terminated version, int stream_size) __success(return == 0) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn deflateInit_(&self, strm: *mut z_stream_s, level: c_int, version: *const c_char, stream_size: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.deflateInit_, "int deflateInit_(struct z_stream_s *__closed_by(deflateEnd) strm, int level, const char *__in __null_terminated version, int stream_size) __success(return == 0) __fail(-2)")?.try_call(strm, level, version, stream_size) }
    }

    /// `int deflateInit2_(struct z_stream_s *__closed_by(deflateEnd) strm, int level, int method, int windowBits, int memLevel, int strategy, const char *__in __null_terminated version, int stream_size) __success(return == 0) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn deflateInit2_(&self, strm: *mut z_stream_s, level: c_int, method: c_int, windowBits: c_int, memLevel: c_int, strategy: c_int, version: *const c_char, stream_size: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.deflateInit2_, "int deflateInit2_(struct z_stream_s *__closed_by(deflateEnd) strm, int level, int method, int windowBits, int memLevel, int strategy, const char *__in __null_terminated version, int stream_size) __success(return == 0) __fail(-2)")?.try_call(strm, level, method, windowBits, memLevel, strategy, version, stream_size) }
    }

    /// `int deflate(struct z_stream_s *__handle __cursor(next_in, avail_in) __cursor(next_out, avail_out) strm, int flush) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn deflate(&self, strm: *mut z_stream_s, flush: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.deflate, "int deflate(struct z_stream_s *__handle __cursor(next_in, avail_in) __cursor(next_out, avail_out) strm, int flush) __fail(-2)")?.try_call(strm, flush) }
    }

    /// `int deflateEnd(struct z_stream_s *__handle __consume strm) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn deflateEnd(&self, strm: *mut z_stream_s) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.deflateEnd, "int deflateEnd(struct z_stream_s *__handle __consume strm) __fail(-2)")?.try_call(strm) }
    }

    /// `int deflateSetDictionary(struct z_stream_s *__handle strm, const unsigned char *__in __sized_by(dictLength) dictionary, unsigned int dictLength) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn deflateSetDictionary(&self, strm: *mut z_stream_s, dictionary: *const c_uchar, dictLength: c_uint) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.deflateSetDictionary, "int deflateSetDictionary(struct z_stream_s *__handle strm, const unsigned char *__in __sized_by(dictLength) dictionary, unsigned int dictLength) __fail(-2)")?.try_call(strm, dictionary, dictLength) }
    }

    /// `int deflateGetDictionary(struct z_stream_s *__handle strm, unsigned char *__out __sized_by(32768) __filled(*dictLength) dictionary, unsigned int *__out __single dictLength) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn deflateGetDictionary(&self, strm: *mut z_stream_s, dictionary: *mut c_uchar, dictLength: *mut c_uint) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.deflateGetDictionary, "int deflateGetDictionary(struct z_stream_s *__handle strm, unsigned char *__out __sized_by(32768) __filled(*dictLength) dictionary, unsigned int *__out __single dictLength) __fail(-2)")?.try_call(strm, dictionary, dictLength) }
    }

    /// `int deflateCopy(struct z_stream_s *__closed_by(deflateEnd) dest, struct z_stream_s *__handle source) __success(return == 0) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn deflateCopy(&self, dest: *mut z_stream_s, source: *mut z_stream_s) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.deflateCopy, "int deflateCopy(struct z_stream_s *__closed_by(deflateEnd) dest, struct z_stream_s *__handle source) __success(return == 0) __fail(-2)")?.try_call(dest, source) }
    }

    /// `int deflateReset(struct z_stream_s *__handle strm) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn deflateReset(&self, strm: *mut z_stream_s) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.deflateReset, "int deflateReset(struct z_stream_s *__handle strm) __fail(-2)")?.try_call(strm) }
    }

    /// `int deflateResetKeep(struct z_stream_s *__handle strm) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn deflateResetKeep(&self, strm: *mut z_stream_s) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.deflateResetKeep, "int deflateResetKeep(struct z_stream_s *__handle strm) __fail(-2)")?.try_call(strm) }
    }

    /// `int deflateParams(struct z_stream_s *__handle __cursor(next_in, avail_in) __cursor(next_out, avail_out) strm, int level, int strategy) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn deflateParams(&self, strm: *mut z_stream_s, level: c_int, strategy: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.deflateParams, "int deflateParams(struct z_stream_s *__handle __cursor(next_in, avail_in) __cursor(next_out, avail_out) strm, int level, int strategy) __fail(-2)")?.try_call(strm, level, strategy) }
    }

    /// `int deflateTune(struct z_stream_s *__handle strm, int good_length, int max_lazy, int nice_length, int max_chain) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn deflateTune(&self, strm: *mut z_stream_s, good_length: c_int, max_lazy: c_int, nice_length: c_int, max_chain: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.deflateTune, "int deflateTune(struct z_stream_s *__handle strm, int good_length, int max_lazy, int nice_length, int max_chain) __fail(-2)")?.try_call(strm, good_length, max_lazy, nice_length, max_chain) }
    }

    /// `unsigned long deflateBound(struct z_stream_s *__handle strm, unsigned long sourceLen) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn deflateBound(&self, strm: *mut z_stream_s, sourceLen: c_ulong) -> Result<c_ulong, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.deflateBound, "unsigned long deflateBound(struct z_stream_s *__handle strm, unsigned long sourceLen) __fail(0)")?.try_call(strm, sourceLen) }
    }

    /// `int deflatePending(struct z_stream_s *__handle strm, unsigned int *__out __single pending, int *__out __single bits) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn deflatePending(&self, strm: *mut z_stream_s, pending: *mut c_uint, bits: *mut c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.deflatePending, "int deflatePending(struct z_stream_s *__handle strm, unsigned int *__out __single pending, int *__out __single bits) __fail(-2)")?.try_call(strm, pending, bits) }
    }

    /// `int deflatePrime(struct z_stream_s *__handle strm, int bits, int value) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn deflatePrime(&self, strm: *mut z_stream_s, bits: c_int, value: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.deflatePrime, "int deflatePrime(struct z_stream_s *__handle strm, int bits, int value) __fail(-2)")?.try_call(strm, bits, value) }
    }

    /// `int inflateInit_(struct z_stream_s *__closed_by(inflateEnd) strm, const char *__in __null_terminated version, int stream_size) __success(return == 0) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn inflateInit_(&self, strm: *mut z_stream_s, version: *const c_char, stream_size: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.inflateInit_, "int inflateInit_(struct z_stream_s *__closed_by(inflateEnd) strm, const char *__in __null_terminated version, int stream_size) __success(return == 0) __fail(-2)")?.try_call(strm, version, stream_size) }
    }

    /// `int inflateInit2_(struct z_stream_s *__closed_by(inflateEnd) strm, int windowBits, const char *__in __null_terminated version, int stream_size) __success(return == 0) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn inflateInit2_(&self, strm: *mut z_stream_s, windowBits: c_int, version: *const c_char, stream_size: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.inflateInit2_, "int inflateInit2_(struct z_stream_s *__closed_by(inflateEnd) strm, int windowBits, const char *__in __null_terminated version, int stream_size) __success(return == 0) __fail(-2)")?.try_call(strm, windowBits, version, stream_size) }
    }

    /// `int inflate(struct z_stream_s *__handle __cursor(next_in, avail_in) __cursor(next_out, avail_out) strm, int flush) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn inflate(&self, strm: *mut z_stream_s, flush: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.inflate, "int inflate(struct z_stream_s *__handle __cursor(next_in, avail_in) __cursor(next_out, avail_out) strm, int flush) __fail(-2)")?.try_call(strm, flush) }
    }

    /// `int inflateEnd(struct z_stream_s *__handle __consume strm) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn inflateEnd(&self, strm: *mut z_stream_s) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.inflateEnd, "int inflateEnd(struct z_stream_s *__handle __consume strm) __fail(-2)")?.try_call(strm) }
    }

    /// `int inflateSetDictionary(struct z_stream_s *__handle strm, const unsigned char *__in __sized_by(dictLength) dictionary, unsigned int dictLength) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn inflateSetDictionary(&self, strm: *mut z_stream_s, dictionary: *const c_uchar, dictLength: c_uint) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.inflateSetDictionary, "int inflateSetDictionary(struct z_stream_s *__handle strm, const unsigned char *__in __sized_by(dictLength) dictionary, unsigned int dictLength) __fail(-2)")?.try_call(strm, dictionary, dictLength) }
    }

    /// `int inflateGetDictionary(struct z_stream_s *__handle strm, unsigned char *__out __sized_by(32768) __filled(*dictLength) dictionary, unsigned int *__out __single dictLength) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn inflateGetDictionary(&self, strm: *mut z_stream_s, dictionary: *mut c_uchar, dictLength: *mut c_uint) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.inflateGetDictionary, "int inflateGetDictionary(struct z_stream_s *__handle strm, unsigned char *__out __sized_by(32768) __filled(*dictLength) dictionary, unsigned int *__out __single dictLength) __fail(-2)")?.try_call(strm, dictionary, dictLength) }
    }

    /// `int inflateSync(struct z_stream_s *__handle __cursor(next_in, avail_in) strm) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn inflateSync(&self, strm: *mut z_stream_s) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.inflateSync, "int inflateSync(struct z_stream_s *__handle __cursor(next_in, avail_in) strm) __fail(-2)")?.try_call(strm) }
    }

    /// `int inflateSyncPoint(struct z_stream_s *__handle strm) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn inflateSyncPoint(&self, strm: *mut z_stream_s) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.inflateSyncPoint, "int inflateSyncPoint(struct z_stream_s *__handle strm) __fail(-2)")?.try_call(strm) }
    }

    /// `int inflateCopy(struct z_stream_s *__closed_by(inflateEnd) dest, struct z_stream_s *__handle source) __success(return == 0) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn inflateCopy(&self, dest: *mut z_stream_s, source: *mut z_stream_s) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.inflateCopy, "int inflateCopy(struct z_stream_s *__closed_by(inflateEnd) dest, struct z_stream_s *__handle source) __success(return == 0) __fail(-2)")?.try_call(dest, source) }
    }

    /// `int inflateReset(struct z_stream_s *__handle strm) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn inflateReset(&self, strm: *mut z_stream_s) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.inflateReset, "int inflateReset(struct z_stream_s *__handle strm) __fail(-2)")?.try_call(strm) }
    }

    /// `int inflateResetKeep(struct z_stream_s *__handle strm) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn inflateResetKeep(&self, strm: *mut z_stream_s) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.inflateResetKeep, "int inflateResetKeep(struct z_stream_s *__handle strm) __fail(-2)")?.try_call(strm) }
    }

    /// `int inflateReset2(struct z_stream_s *__handle strm, int windowBits) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn inflateReset2(&self, strm: *mut z_stream_s, windowBits: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.inflateReset2, "int inflateReset2(struct z_stream_s *__handle strm, int windowBits) __fail(-2)")?.try_call(strm, windowBits) }
    }

    /// `int inflatePrime(struct z_stream_s *__handle strm, int bits, int value) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn inflatePrime(&self, strm: *mut z_stream_s, bits: c_int, value: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.inflatePrime, "int inflatePrime(struct z_stream_s *__handle strm, int bits, int value) __fail(-2)")?.try_call(strm, bits, value) }
    }

    /// `long inflateMark(struct z_stream_s *__handle strm) __fail(-65536)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn inflateMark(&self, strm: *mut z_stream_s) -> Result<c_long, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.inflateMark, "long inflateMark(struct z_stream_s *__handle strm) __fail(-65536)")?.try_call(strm) }
    }

    /// `int inflateUndermine(struct z_stream_s *__handle strm, int subvert) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn inflateUndermine(&self, strm: *mut z_stream_s, subvert: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.inflateUndermine, "int inflateUndermine(struct z_stream_s *__handle strm, int subvert) __fail(-2)")?.try_call(strm, subvert) }
    }

    /// `int inflateValidate(struct z_stream_s *__handle strm, int check) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn inflateValidate(&self, strm: *mut z_stream_s, check: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.inflateValidate, "int inflateValidate(struct z_stream_s *__handle strm, int check) __fail(-2)")?.try_call(strm, check) }
    }

    /// `unsigned long inflateCodesUsed(struct z_stream_s *__handle strm)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn inflateCodesUsed(&self, strm: *mut z_stream_s) -> Result<c_ulong, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.inflateCodesUsed, "unsigned long inflateCodesUsed(struct z_stream_s *__handle strm)")?.try_call(strm) }
    }

    /// `int compress(unsigned char *__out __sized_by(*destLen) dest, unsigned long *__inout __single destLen, const unsigned char *__in __sized_by(sourceLen) source, unsigned long sourceLen) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn compress(&self, dest: *mut c_uchar, destLen: *mut c_ulong, source: *const c_uchar, sourceLen: c_ulong) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.compress, "int compress(unsigned char *__out __sized_by(*destLen) dest, unsigned long *__inout __single destLen, const unsigned char *__in __sized_by(sourceLen) source, unsigned long sourceLen) __fail(-2)")?.try_call(dest, destLen, source, sourceLen) }
    }

    /// `int compress2(unsigned char *__out __sized_by(*destLen) dest, unsigned long *__inout __single destLen, const unsigned char *__in __sized_by(sourceLen) source, unsigned long sourceLen, int level) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn compress2(&self, dest: *mut c_uchar, destLen: *mut c_ulong, source: *const c_uchar, sourceLen: c_ulong, level: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.compress2, "int compress2(unsigned char *__out __sized_by(*destLen) dest, unsigned long *__inout __single destLen, const unsigned char *__in __sized_by(sourceLen) source, unsigned long sourceLen, int level) __fail(-2)")?.try_call(dest, destLen, source, sourceLen, level) }
    }

    /// `unsigned long compressBound(unsigned long sourceLen) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn compressBound(&self, sourceLen: c_ulong) -> Result<c_ulong, Error> {
        resolved(&self.library, &self.compressBound, "unsigned long compressBound(unsigned long sourceLen) __fail(0)")?.try_call(sourceLen)
    }

    /// `int uncompress(unsigned char *__out __sized_by(*destLen) dest, unsigned long *__inout __single destLen, const unsigned char *__in __sized_by(sourceLen) source, unsigned long sourceLen) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn uncompress(&self, dest: *mut c_uchar, destLen: *mut c_ulong, source: *const c_uchar, sourceLen: c_ulong) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.uncompress, "int uncompress(unsigned char *__out __sized_by(*destLen) dest, unsigned long *__inout __single destLen, const unsigned char *__in __sized_by(sourceLen) source, unsigned long sourceLen) __fail(-2)")?.try_call(dest, destLen, source, sourceLen) }
    }

    /// `int uncompress2(unsigned char *__out __sized_by(*destLen) dest, unsigned long *__inout __single destLen, const unsigned char *__in __sized_by(*sourceLen) source, unsigned long *__inout __single sourceLen) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn uncompress2(&self, dest: *mut c_uchar, destLen: *mut c_ulong, source: *const c_uchar, sourceLen: *mut c_ulong) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.uncompress2, "int uncompress2(unsigned char *__out __sized_by(*destLen) dest, unsigned long *__inout __single destLen, const unsigned char *__in __sized_by(*sourceLen) source, unsigned long *__inout __single sourceLen) __fail(-2)")?.try_call(dest, destLen, source, sourceLen) }
    }

    /// `unsigned long adler32(unsigned long adler, const unsigned char *__in __sized_by(len) buf, unsigned int len)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn adler32(&self, adler: c_ulong, buf: *const c_uchar, len: c_uint) -> Result<c_ulong, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.adler32, "unsigned long adler32(unsigned long adler, const unsigned char *__in __sized_by(len) buf, unsigned int len)")?.try_call(adler, buf, len) }
    }

    /// `unsigned long adler32_z(unsigned long adler, const unsigned char *__in __sized_by(len) buf, size_t len)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn adler32_z(&self, adler: c_ulong, buf: *const c_uchar, len: usize) -> Result<c_ulong, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.adler32_z, "unsigned long adler32_z(unsigned long adler, const unsigned char *__in __sized_by(len) buf, size_t len)")?.try_call(adler, buf, len) }
    }

    /// `unsigned long adler32_combine(unsigned long adler1, unsigned long adler2, off_t len2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn adler32_combine(&self, adler1: c_ulong, adler2: c_ulong, len2: c_long) -> Result<c_ulong, Error> {
        resolved(&self.library, &self.adler32_combine, "unsigned long adler32_combine(unsigned long adler1, unsigned long adler2, off_t len2)")?.try_call(adler1, adler2, len2)
    }

    /// `unsigned long crc32(unsigned long crc, const unsigned char *__in __sized_by(len) buf, unsigned int len)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn crc32(&self, crc: c_ulong, buf: *const c_uchar, len: c_uint) -> Result<c_ulong, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.crc32, "unsigned long crc32(unsigned long crc, const unsigned char *__in __sized_by(len) buf, unsigned int len)")?.try_call(crc, buf, len) }
    }

    /// `unsigned long crc32_z(unsigned long crc, const unsigned char *__in __sized_by(len) buf, size_t len)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn crc32_z(&self, crc: c_ulong, buf: *const c_uchar, len: usize) -> Result<c_ulong, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.crc32_z, "unsigned long crc32_z(unsigned long crc, const unsigned char *__in __sized_by(len) buf, size_t len)")?.try_call(crc, buf, len) }
    }

    /// `unsigned long crc32_combine(unsigned long crc1, unsigned long crc2, off_t len2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn crc32_combine(&self, crc1: c_ulong, crc2: c_ulong, len2: c_long) -> Result<c_ulong, Error> {
        resolved(&self.library, &self.crc32_combine, "unsigned long crc32_combine(unsigned long crc1, unsigned long crc2, off_t len2)")?.try_call(crc1, crc2, len2)
    }

    /// `unsigned long crc32_combine_gen(off_t len2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn crc32_combine_gen(&self, len2: c_long) -> Result<c_ulong, Error> {
        resolved(&self.library, &self.crc32_combine_gen, "unsigned long crc32_combine_gen(off_t len2)")?.try_call(len2)
    }

    /// `unsigned long crc32_combine_op(unsigned long crc1, unsigned long crc2, unsigned long op)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn crc32_combine_op(&self, crc1: c_ulong, crc2: c_ulong, op: c_ulong) -> Result<c_ulong, Error> {
        resolved(&self.library, &self.crc32_combine_op, "unsigned long crc32_combine_op(unsigned long crc1, unsigned long crc2, unsigned long op)")?.try_call(crc1, crc2, op)
    }

    /// `const unsigned int *__static __counted_by(256) get_crc_table(void)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn get_crc_table(&self) -> Result<*const c_uint, Error> {
        resolved(&self.library, &self.get_crc_table, "const unsigned int *__static __counted_by(256) get_crc_table(void)")?.try_call()
    }

    /// `struct gzFile_s *__closed_by(gzclose) gzopen(const char *__in __null_terminated path, const char *__in __null_terminated mode)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn gzopen(&self, path: *const c_char, mode: *const c_char) -> Result<*mut gzFile_s, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.gzopen, "struct gzFile_s *__closed_by(gzclose) gzopen(const char *__in __null_terminated path, const char *__in __null_terminated mode)")?.try_call(path, mode) }
    }

    /// `struct gzFile_s *__closed_by(gzclose) gzdopen(int __fd fd, const char *__in __null_terminated mode)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn gzdopen(&self, fd: c_int, mode: *const c_char) -> Result<*mut gzFile_s, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.gzdopen, "struct gzFile_s *__closed_by(gzclose) gzdopen(int __fd fd, const char *__in __null_terminated mode)")?.try_call(fd, mode) }
    }

    /// `int gzbuffer(struct gzFile_s *__handle file, unsigned int size)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn gzbuffer(&self, file: *mut gzFile_s, size: c_uint) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.gzbuffer, "int gzbuffer(struct gzFile_s *__handle file, unsigned int size)")?.try_call(file, size) }
    }

    /// `int gzsetparams(struct gzFile_s *__handle file, int level, int strategy) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn gzsetparams(&self, file: *mut gzFile_s, level: c_int, strategy: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.gzsetparams, "int gzsetparams(struct gzFile_s *__handle file, int level, int strategy) __fail(-2)")?.try_call(file, level, strategy) }
    }

    /// `int gzread(struct gzFile_s *__handle file, void *__out __sized_by(len) __filled(return) buf, unsigned int len)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn gzread(&self, file: *mut gzFile_s, buf: *mut c_void, len: c_uint) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.gzread, "int gzread(struct gzFile_s *__handle file, void *__out __sized_by(len) __filled(return) buf, unsigned int len)")?.try_call(file, buf, len) }
    }

    /// `size_t gzfread(void *__out __sized_by(size * nitems) __filled(return * size) buf, size_t size, size_t nitems, struct gzFile_s *__handle file) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn gzfread(&self, buf: *mut c_void, size: usize, nitems: usize, file: *mut gzFile_s) -> Result<usize, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.gzfread, "size_t gzfread(void *__out __sized_by(size * nitems) __filled(return * size) buf, size_t size, size_t nitems, struct gzFile_s *__handle file) __fail(0)")?.try_call(buf, size, nitems, file) }
    }

    /// `int gzwrite(struct gzFile_s *__handle file, const void *__in __sized_by(len) buf, unsigned int len) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn gzwrite(&self, file: *mut gzFile_s, buf: *const c_void, len: c_uint) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.gzwrite, "int gzwrite(struct gzFile_s *__handle file, const void *__in __sized_by(len) buf, unsigned int len) __fail(0)")?.try_call(file, buf, len) }
    }

    /// `size_t gzfwrite(const void *__in __sized_by(size * nitems) buf, size_t size, size_t nitems, struct gzFile_s *__handle file) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn gzfwrite(&self, buf: *const c_void, size: usize, nitems: usize, file: *mut gzFile_s) -> Result<usize, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.gzfwrite, "size_t gzfwrite(const void *__in __sized_by(size * nitems) buf, size_t size, size_t nitems, struct gzFile_s *__handle file) __fail(0)")?.try_call(buf, size, nitems, file) }
    }

    /// `int gzputs(struct gzFile_s *__handle file, const char *__in __null_terminated s)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn gzputs(&self, file: *mut gzFile_s, s: *const c_char) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.gzputs, "int gzputs(struct gzFile_s *__handle file, const char *__in __null_terminated s)")?.try_call(file, s) }
    }

    /// `char *__alias(buf) gzgets(struct gzFile_s *__handle file, char *__out __sized_by(len) __null_terminated buf, int len)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn gzgets(&self, file: *mut gzFile_s, buf: *mut c_char, len: c_int) -> Result<*mut c_char, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.gzgets, "char *__alias(buf) gzgets(struct gzFile_s *__handle file, char *__out __sized_by(len) __null_terminated buf, int len)")?.try_call(file, buf, len) }
    }

    /// `int gzputc(struct gzFile_s *__handle file, int c)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn gzputc(&self, file: *mut gzFile_s, c: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.gzputc, "int gzputc(struct gzFile_s *__handle file, int c)")?.try_call(file, c) }
    }

    /// `int gzgetc(struct gzFile_s *__handle file)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn gzgetc(&self, file: *mut gzFile_s) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.gzgetc, "int gzgetc(struct gzFile_s *__handle file)")?.try_call(file) }
    }

    /// `int gzgetc_(struct gzFile_s *__handle file)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn gzgetc_(&self, file: *mut gzFile_s) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.gzgetc_, "int gzgetc_(struct gzFile_s *__handle file)")?.try_call(file) }
    }

    /// `int gzungetc(int c, struct gzFile_s *__handle file)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn gzungetc(&self, c: c_int, file: *mut gzFile_s) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.gzungetc, "int gzungetc(int c, struct gzFile_s *__handle file)")?.try_call(c, file) }
    }

    /// `int gzflush(struct gzFile_s *__handle file, int flush) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn gzflush(&self, file: *mut gzFile_s, flush: c_int) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.gzflush, "int gzflush(struct gzFile_s *__handle file, int flush) __fail(-2)")?.try_call(file, flush) }
    }

    /// `off_t gzseek(struct gzFile_s *__handle file, off_t offset, int whence)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn gzseek(&self, file: *mut gzFile_s, offset: c_long, whence: c_int) -> Result<c_long, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.gzseek, "off_t gzseek(struct gzFile_s *__handle file, off_t offset, int whence)")?.try_call(file, offset, whence) }
    }

    /// `int gzrewind(struct gzFile_s *__handle file)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn gzrewind(&self, file: *mut gzFile_s) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.gzrewind, "int gzrewind(struct gzFile_s *__handle file)")?.try_call(file) }
    }

    /// `off_t gztell(struct gzFile_s *__handle file)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn gztell(&self, file: *mut gzFile_s) -> Result<c_long, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.gztell, "off_t gztell(struct gzFile_s *__handle file)")?.try_call(file) }
    }

    /// `off_t gzoffset(struct gzFile_s *__handle file)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn gzoffset(&self, file: *mut gzFile_s) -> Result<c_long, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.gzoffset, "off_t gzoffset(struct gzFile_s *__handle file)")?.try_call(file) }
    }

    /// `int gzeof(struct gzFile_s *__handle file) __fail(1)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn gzeof(&self, file: *mut gzFile_s) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.gzeof, "int gzeof(struct gzFile_s *__handle file) __fail(1)")?.try_call(file) }
    }

    /// `int gzdirect(struct gzFile_s *__handle file) __fail(0)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn gzdirect(&self, file: *mut gzFile_s) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.gzdirect, "int gzdirect(struct gzFile_s *__handle file) __fail(0)")?.try_call(file) }
    }

    /// `int gzclose(struct gzFile_s *__handle __consume file) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn gzclose(&self, file: *mut gzFile_s) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.gzclose, "int gzclose(struct gzFile_s *__handle __consume file) __fail(-2)")?.try_call(file) }
    }

    /// `int gzclose_r(struct gzFile_s *__handle __consume file) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn gzclose_r(&self, file: *mut gzFile_s) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.gzclose_r, "int gzclose_r(struct gzFile_s *__handle __consume file) __fail(-2)")?.try_call(file) }
    }

    /// `int gzclose_w(struct gzFile_s *__handle __consume file) __fail(-2)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn gzclose_w(&self, file: *mut gzFile_s) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.gzclose_w, "int gzclose_w(struct gzFile_s *__handle __consume file) __fail(-2)")?.try_call(file) }
    }

    /// `const char *__borrowed_from(file) __null_terminated gzerror(struct gzFile_s *__handle file, int *__out __single errnum)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn gzerror(&self, file: *mut gzFile_s, errnum: *mut c_int) -> Result<*const c_char, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.gzerror, "const char *__borrowed_from(file) __null_terminated gzerror(struct gzFile_s *__handle file, int *__out __single errnum)")?.try_call(file, errnum) }
    }

    /// `void gzclearerr(struct gzFile_s *__handle file)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn gzclearerr(&self, file: *mut gzFile_s) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.gzclearerr, "void gzclearerr(struct gzFile_s *__handle file)")?.try_call(file) }
    }
}

#[derive(Debug)]
#[repr(C)]
pub struct gzFile_s {
    _opaque: [u8; 0],
}

#[derive(Debug)]
#[repr(C)]
pub struct internal_state {
    _opaque: [u8; 0],
}

#[derive(Clone, Copy)]
#[repr(C)]
pub struct z_stream_s {
    pub next_in: *const c_uchar,
    pub avail_in: c_uint,
    pub total_in: c_ulong,
    pub next_out: *mut c_uchar,
    pub avail_out: c_uint,
    pub total_out: c_ulong,
    pub msg: *const c_char,
    pub state: *mut internal_state,
    pub zalloc: *mut c_void,
    pub zfree: *mut c_void,
    pub opaque: *mut c_void,
    pub data_type: c_int,
    pub adler: c_ulong,
    pub reserved: c_ulong,
}
// SAFETY: #[repr(C)], and its members take any bits.
unsafe impl Carried for z_stream_s {}

// Left out:
// gzprintf: Rust has no functions with `...`; use Library::function
