//! The types every C programmer expects to exist, written as C and read by the project's own
//! parser.
//!
//! A prototype may give any of them anew; its own text then wins. Records whose members differ from
//! target to target (`struct stat`, `fd_set`, `sigset_t`) are left out on purpose: give them as text.

mod curl;

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};

use crate::syntax::add_standard;
use crate::syntax::annotations::is_annotation;
use crate::syntax::raw::{RawType, Shape};
use crate::syntax::scope::Scope;
use crate::syntax::token::Span;
use crate::syntax::words::is_keyword;
use crate::types::Scalar;

/// The names of the standard types, in alphabetical order.
pub fn type_names() -> Vec<&'static str> {
    let mut names: Vec<&str> = scope().type_names().collect();
    names.sort_unstable();
    names
}

/// All of them: the scope below a text that may use any.
pub(crate) fn scope() -> &'static Scope {
    made_of(ALL)
}

/// The scope below this text, with all standard types that it can mean; and whether all others are in it, too. To
/// read them all takes longer than most prototypes do, of which each uses few.
pub(crate) fn scope_of(text: &str) -> (&'static Scope, bool) {
    let libraries = match SCOPES[usize::from(ALL)].get() {
        None if text.len() <= SHORT => known_or(text, used_by),
        _ => ALL,
    };
    (made_of(libraries), libraries == ALL)
}

/// Reads the standard types now, which the first prototype would wait for otherwise.
pub fn prepare() {
    scope();
}

/// Longest text whose words are looked for in what all libraries declare.
const SHORT: usize = 512;

/// Some of the libraries, a bit each.
type Libraries = u8;
const ALL: Libraries = ((1u32 << LIBRARIES.len()) - 1) as Libraries;
const _: () = assert!(LIBRARIES.len() <= Libraries::BITS as usize);

/// What was read by now, by the libraries that it is made of. Behind a pointer: most is never read.
static SCOPES: [OnceLock<Box<Scope>>; 1 << LIBRARIES.len()] =
    [const { OnceLock::new() }; 1 << LIBRARIES.len()];

fn made_of(libraries: Libraries) -> &'static Scope {
    SCOPES[usize::from(libraries)].get_or_init(|| {
        let mut scope = arithmetic();
        let chosen = LIBRARIES
            .iter()
            .enumerate()
            .filter(|(place, _)| libraries & 1 << place != 0);
        for (_, library) in chosen {
            // The text is a constant that the tests read; a mistake in it leaves the names before it.
            let _ = add_standard(&mut scope, library.text);
        }
        Box::new(scope)
    })
}

/// The libraries that give a name which is a word of this text, and what those need. Some only have a member of
/// that name.
fn used_by(text: &str) -> Libraries {
    let mut used = 0;
    let is_free = |word: &&str| !is_keyword(word) && !is_annotation(word) && !is_arithmetic(word);
    for word in words_of(text).filter(is_free) {
        for (place, library) in LIBRARIES.iter().enumerate() {
            if used & 1 << place == 0 && gives(library.text, word) {
                used |= 1 << place | library.needs;
            }
        }
    }
    used
}

/// Most texts that are known.
const KNOWN: usize = 64;

/// What comes of `look`, or came of it lately: a program that opens a library again asks for the same functions, and to
/// look through all declarations takes several times what is done with the text otherwise.
fn known_or(text: &str, look: impl FnOnce(&str) -> Libraries) -> Libraries {
    static LATELY: Mutex<BTreeMap<Box<str>, Libraries>> = Mutex::new(BTreeMap::new());
    // Another thread has it, or had when this process was forked.
    let Ok(mut lately) = LATELY.try_lock() else {
        return look(text);
    };
    if let Some(known) = lately.get(text) {
        return *known;
    }
    let found = look(text);
    if lately.len() >= KNOWN {
        lately.clear();
    }
    lately.insert(text.into(), found);
    found
}

fn words_of(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|letter: char| !is_of_word(letter));
    words.filter(|word| !word.is_empty())
}

/// Whether these declarations give this name: it is behind `struct` or `union`, or ends one; or the first part of one
/// that is a table of variadic arguments, which is called after its function.
fn gives(declarations: &str, word: &str) -> bool {
    declarations.match_indices(word).any(|(at, _)| {
        let (before, behind) = (&declarations[..at], &declarations[at + word.len()..]);
        let is_tag = before.ends_with("struct ") || before.ends_with("union ");
        let behind = behind.strip_prefix("_variadic").unwrap_or(behind);
        match is_tag {
            true => !behind.starts_with(is_of_word),
            false => {
                let ends = behind.starts_with(';') || behind.starts_with(")(");
                ends && !before.ends_with(is_of_word)
            }
        }
    })
}

fn is_of_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// The typedefs whose width is the target's: they stay what they are called.
const ARITHMETIC: &[(&str, Scalar)] = &[
    ("int8_t", Scalar::Int8),
    ("uint8_t", Scalar::UInt8),
    ("int16_t", Scalar::Int16),
    ("uint16_t", Scalar::UInt16),
    ("int32_t", Scalar::Int32),
    ("uint32_t", Scalar::UInt32),
    ("int64_t", Scalar::Int64),
    ("uint64_t", Scalar::UInt64),
    ("size_t", Scalar::Size),
    ("ssize_t", Scalar::SignedSize),
    ("ptrdiff_t", Scalar::PointerDifference),
    ("intptr_t", Scalar::IntPointer),
    ("uintptr_t", Scalar::UIntPointer),
    ("wchar_t", Scalar::WideChar),
    ("time_t", Scalar::Time),
    ("off_t", Scalar::Offset),
];
const VARIABLE: [&str; 3] = ["va_list", "__builtin_va_list", "__gnuc_va_list"];

fn is_arithmetic(word: &str) -> bool {
    ARITHMETIC.iter().any(|(name, _)| *name == word)
}

fn arithmetic() -> Scope {
    let mut scope = Scope::over(None);
    for (name, scalar) in ARITHMETIC {
        let ty = RawType::new(Shape::Scalar(*scalar), Span::FOREIGN);
        scope.define_typedef(name, ty);
    }
    for name in VARIABLE {
        let ty = RawType::new(Shape::VariableArguments, Span::FOREIGN);
        scope.define_typedef(name, ty);
    }
    scope
}

/// The declarations of one library.
struct Library {
    text: &'static str,
    /// Those of the ones before whose types it uses.
    needs: Libraries,
}

const LIBRARIES: [Library; 8] = [
    Library::of(INTEGERS, 0),
    Library::of(C_LIBRARY, 0b1),
    Library::of(POSIX, 0b11),
    Library::of(ZLIB, 0),
    Library::of(PNG, 0b11),
    Library::of(SQLITE, 0),
    Library::of(OPENSSL, 0),
    Library::of(curl::CURL, 0),
];

impl Library {
    const fn of(text: &'static str, needs: Libraries) -> Library {
        Library { text, needs }
    }
}

/// `<stdint.h>`, `<uchar.h>`, `<wchar.h>` beyond the table above.
const INTEGERS: &str = "
    typedef int8_t int_least8_t; typedef uint8_t uint_least8_t;
    typedef int16_t int_least16_t; typedef uint16_t uint_least16_t;
    typedef int32_t int_least32_t; typedef uint32_t uint_least32_t;
    typedef int64_t int_least64_t; typedef uint64_t uint_least64_t;
    typedef signed char int_fast8_t; typedef unsigned char uint_fast8_t;
    typedef long int_fast16_t; typedef unsigned long uint_fast16_t;
    typedef long int_fast32_t; typedef unsigned long uint_fast32_t;
    typedef int64_t int_fast64_t; typedef uint64_t uint_fast64_t;
    typedef int64_t intmax_t; typedef uint64_t uintmax_t;
    typedef uint16_t char16_t; typedef uint32_t char32_t; typedef unsigned char char8_t;
    typedef unsigned int wint_t; typedef unsigned long wctype_t; typedef float float_t;
    typedef double double_t; typedef int errno_t; typedef size_t rsize_t;
";

/// ISO C as glibc lays it out.
const C_LIBRARY: &str = "
    typedef struct { int quot; int rem; } div_t;
    typedef struct { long quot; long rem; } ldiv_t;
    typedef struct { long long quot; long long rem; } lldiv_t;
    typedef struct { intmax_t quot; intmax_t rem; } imaxdiv_t;
    typedef struct _IO_FILE FILE;
    typedef long clock_t;
    struct tm {
        int tm_sec; int tm_min; int tm_hour; int tm_mday; int tm_mon; int tm_year; int tm_wday;
        int tm_yday; int tm_isdst; long tm_gmtoff; const char *__static __null_terminated tm_zone;
    };
    struct timespec { time_t tv_sec; long tv_nsec; };
    typedef struct { int __count; union { unsigned int __wch; char __wchb[4]; } __value; } mbstate_t;
    struct lconv;
    typedef struct __locale_struct *locale_t;
    struct __jmp_buf_tag;
    typedef struct __jmp_buf_tag *jmp_buf; typedef struct __jmp_buf_tag *sigjmp_buf;
";

/// POSIX and Linux as glibc lays it out.
const POSIX: &str = "
    typedef int pid_t; typedef unsigned int uid_t; typedef unsigned int gid_t;
    typedef unsigned int id_t; typedef unsigned int mode_t; typedef int key_t;
    typedef unsigned long ino_t; typedef unsigned long nlink_t; typedef long suseconds_t;
    typedef unsigned int useconds_t; typedef uint64_t dev_t; typedef long blksize_t;
    typedef long blkcnt_t; typedef unsigned long fsblkcnt_t; typedef unsigned long fsfilcnt_t;
    typedef int64_t off64_t; typedef int64_t loff_t; typedef int clockid_t;
    typedef unsigned long nfds_t; typedef unsigned int socklen_t; typedef unsigned short sa_family_t;
    typedef uint16_t in_port_t; typedef uint32_t in_addr_t; typedef unsigned long rlim_t;
    typedef unsigned long pthread_t; typedef unsigned int pthread_key_t; typedef void *timer_t;
    typedef unsigned char u_char; typedef unsigned short u_short; typedef unsigned int u_int;
    typedef unsigned long u_long; typedef unsigned int uint; typedef unsigned short ushort;
    typedef unsigned long ulong; typedef uint8_t u_int8_t; typedef uint16_t u_int16_t;
    typedef uint32_t u_int32_t; typedef uint64_t u_int64_t; typedef char *caddr_t;
    typedef unsigned char cc_t; typedef unsigned int speed_t; typedef unsigned int tcflag_t;
    typedef void *iconv_t; typedef int nl_item; typedef int regoff_t; typedef int sig_atomic_t;
    struct timeval { time_t tv_sec; suseconds_t tv_usec; };
    struct timezone { int tz_minuteswest; int tz_dsttime; };
    struct itimerval { struct timeval it_interval; struct timeval it_value; };
    struct itimerspec { struct timespec it_interval; struct timespec it_value; };
    struct tms { clock_t tms_utime; clock_t tms_stime; clock_t tms_cutime; clock_t tms_cstime; };
    struct utimbuf { time_t actime; time_t modtime; };
    struct pollfd { int __fd fd; short events; short revents; };
    struct iovec { void *iov_base; size_t iov_len; };
    struct rlimit { rlim_t rlim_cur; rlim_t rlim_max; };
    struct rusage {
        struct timeval ru_utime; struct timeval ru_stime; long ru_maxrss; long ru_ixrss;
        long ru_idrss; long ru_isrss; long ru_minflt; long ru_majflt; long ru_nswap; long ru_inblock;
        long ru_oublock; long ru_msgsnd; long ru_msgrcv; long ru_nsignals; long ru_nvcsw;
        long ru_nivcsw;
    };
    struct winsize {
        unsigned short ws_row; unsigned short ws_col; unsigned short ws_xpixel;
        unsigned short ws_ypixel;
    };
    struct utsname {
        char sysname[65]; char nodename[65]; char release[65]; char version[65]; char machine[65];
        char domainname[65];
    };
    struct termios {
        tcflag_t c_iflag; tcflag_t c_oflag; tcflag_t c_cflag; tcflag_t c_lflag; cc_t c_line;
        cc_t c_cc[32]; speed_t c_ispeed; speed_t c_ospeed;
    };
    struct dirent {
        ino_t d_ino; off_t d_off; unsigned short d_reclen; unsigned char d_type; char d_name[256];
    };
    typedef struct __dirstream DIR;
    struct passwd {
        char *__borrowed __null_terminated pw_name; char *__borrowed __null_terminated pw_passwd;
        uid_t pw_uid; gid_t pw_gid; char *__borrowed __null_terminated pw_gecos;
        char *__borrowed __null_terminated pw_dir; char *__borrowed __null_terminated pw_shell;
    };
    struct in_addr { in_addr_t s_addr; };
    struct in6_addr { uint8_t s6_addr[16]; };
    struct sockaddr { sa_family_t sa_family; char sa_data[14]; };
    struct sockaddr_in {
        sa_family_t sin_family; in_port_t sin_port; struct in_addr sin_addr; unsigned char sin_zero[8];
    };
    struct sockaddr_un { sa_family_t sun_family; char sun_path[108]; };
    struct addrinfo {
        int ai_flags; int ai_family; int ai_socktype; int ai_protocol; socklen_t ai_addrlen;
        struct sockaddr *__in __sized_by(ai_addrlen) ai_addr; char *__in __null_terminated ai_canonname;
        struct addrinfo *__in ai_next;
    };
    struct linger { int l_onoff; int l_linger; };
    union sigval { int sival_int; void *__opaque sival_ptr; };
    typedef union sigval sigval_t;
    struct re_dfa_t;
    typedef struct re_pattern_buffer {
        struct re_dfa_t *__buffer; unsigned long __allocated; unsigned long __used;
        unsigned long __syntax; char *__fastmap; unsigned char *__translate; size_t re_nsub;
        unsigned __flags;
    } regex_t;
    typedef struct { regoff_t rm_so; regoff_t rm_eo; } regmatch_t;
";

/// `<zlib.h>` of a 64-bit Linux.
const ZLIB: &str = "
    typedef unsigned char Byte; typedef unsigned int uInt; typedef unsigned long uLong;
    typedef Byte Bytef; typedef char charf; typedef int intf; typedef uInt uIntf;
    typedef uLong uLongf; typedef const void *voidpc; typedef void *voidpf; typedef void *voidp;
    typedef unsigned int z_crc_t; typedef size_t z_size_t; typedef off_t z_off_t;
    typedef int64_t z_off64_t;
    typedef struct gzFile_s *gzFile;
    struct internal_state;
    typedef voidpf (*alloc_func)(voidpf opaque, uInt items, uInt size);
    typedef void (*free_func)(voidpf opaque, voidpf address);
    typedef struct z_stream_s {
        const Bytef *next_in; uInt avail_in; uLong total_in; Bytef *next_out; uInt avail_out;
        uLong total_out; const char *__static __null_terminated msg; struct internal_state *state; alloc_func zalloc;
        free_func zfree; voidpf opaque; int data_type; uLong adler; uLong reserved;
    } z_stream;
    typedef z_stream *z_streamp;
    typedef struct gz_header_s {
        int text; uLong time; int xflags; int os; Bytef *extra; uInt extra_len; uInt extra_max;
        Bytef *name; uInt name_max; Bytef *comment; uInt comm_max; int hcrc; int done;
    } gz_header;
    typedef gz_header *gz_headerp;
";

/// `<png.h>`: libpng's structs, and the ones of its simplified interface.
const PNG: &str = "
    typedef unsigned char png_byte; typedef int16_t png_int_16; typedef uint16_t png_uint_16;
    typedef int png_int_32; typedef unsigned int png_uint_32; typedef size_t png_size_t;
    typedef ptrdiff_t png_ptrdiff_t; typedef int png_fixed_point; typedef size_t png_alloc_size_t;
    typedef void *png_voidp; typedef const void *png_const_voidp; typedef png_byte *png_bytep;
    typedef const png_byte *png_const_bytep; typedef char *png_charp; typedef const char *png_const_charp;
    typedef png_uint_32 *png_uint_32p; typedef png_byte **png_bytepp; typedef FILE *png_FILE_p;
    typedef struct png_struct_def png_struct; typedef png_struct *png_structp;
    typedef const png_struct *png_const_structp; typedef png_struct *png_structrp;
    typedef const png_struct *png_const_structrp; typedef struct png_info_def png_info;
    typedef png_info *png_infop; typedef const png_info *png_const_infop;
    typedef png_info *png_inforp; typedef const png_info *png_const_inforp;
    typedef struct png_control *png_controlp;
    typedef struct {
        png_controlp __handle opaque; png_uint_32 version; png_uint_32 width; png_uint_32 height;
        png_uint_32 format; png_uint_32 flags; png_uint_32 colormap_entries;
        png_uint_32 warning_or_error; char message[64];
    } png_image;
    typedef png_image *png_imagep;
";

/// `<sqlite3.h>`
const SQLITE: &str = "
    typedef long long sqlite_int64; typedef unsigned long long sqlite_uint64;
    typedef sqlite_int64 sqlite3_int64; typedef sqlite_uint64 sqlite3_uint64;
    typedef struct sqlite3 sqlite3; typedef struct sqlite3_stmt sqlite3_stmt;
    typedef struct sqlite3_value sqlite3_value; typedef struct sqlite3_context sqlite3_context;
    typedef struct sqlite3_blob sqlite3_blob; typedef struct sqlite3_backup sqlite3_backup;
    typedef struct sqlite3_mutex sqlite3_mutex; typedef struct sqlite3_vfs sqlite3_vfs;
";

/// `<openssl/types.h>`
const OPENSSL: &str = "
    typedef struct evp_md_st EVP_MD; typedef struct evp_md_ctx_st EVP_MD_CTX;
    typedef struct evp_cipher_st EVP_CIPHER; typedef struct evp_cipher_ctx_st EVP_CIPHER_CTX;
    typedef struct evp_pkey_st EVP_PKEY; typedef struct evp_pkey_ctx_st EVP_PKEY_CTX;
    typedef struct evp_mac_st EVP_MAC; typedef struct evp_mac_ctx_st EVP_MAC_CTX;
    typedef struct evp_kdf_st EVP_KDF; typedef struct evp_kdf_ctx_st EVP_KDF_CTX;
    typedef struct engine_st ENGINE; typedef struct bio_st BIO; typedef struct bio_method_st BIO_METHOD;
    typedef struct bignum_st BIGNUM; typedef struct bignum_ctx BN_CTX; typedef struct rsa_st RSA;
    typedef struct dsa_st DSA; typedef struct dh_st DH; typedef struct ec_key_st EC_KEY;
    typedef struct ec_group_st EC_GROUP; typedef struct ec_point_st EC_POINT;
    typedef struct hmac_ctx_st HMAC_CTX; typedef struct x509_st X509;
    typedef struct X509_name_st X509_NAME; typedef struct x509_store_st X509_STORE;
    typedef struct ssl_st SSL; typedef struct ssl_ctx_st SSL_CTX; typedef struct ssl_method_st SSL_METHOD;
    typedef struct ssl_session_st SSL_SESSION; typedef struct ossl_lib_ctx_st OSSL_LIB_CTX;
    typedef struct ossl_param_st OSSL_PARAM; typedef struct ossl_provider_st OSSL_PROVIDER;
    typedef struct asn1_string_st ASN1_INTEGER; typedef struct asn1_string_st ASN1_STRING;
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_library_needs_what_it_says_and_no_more() {
        for (place, library) in LIBRARIES.iter().enumerate() {
            let needed = |wanted: Libraries| {
                let mut scope = arithmetic();
                for (other, before) in LIBRARIES.iter().take(place).enumerate() {
                    if wanted & 1 << other != 0 {
                        add_standard(&mut scope, before.text).unwrap();
                    }
                }
                add_standard(&mut scope, library.text)
            };
            if let Err(error) = needed(library.needs) {
                panic!("{error} in {}", library.text);
            }
            for other in (0..place).filter(|other| library.needs & 1 << other != 0) {
                let without = library.needs & !(1 << other);
                let closed = LIBRARIES
                    .iter()
                    .enumerate()
                    .all(|(at, one)| without & 1 << at == 0 || one.needs & !without == 0);
                assert!(
                    !closed || needed(without).is_err(),
                    "{place} without {other}"
                );
            }
        }
    }

    #[test]
    fn what_came_of_looking_is_known_and_bounded() {
        for round in 0..2 {
            for number in 0..2 * KNOWN {
                let text = format!("uLong f{number}(void)");
                let some = made_of(known_or(&text, used_by));
                assert!(some.typedef("uLong").is_some(), "{round}, {number}");
                let other = format!("sqlite_int64 f{number}(void)");
                assert_eq!(known_or(&other, used_by), used_by(&other));
            }
        }
        // Another test may be about to look, or have had it forget.
        let (text, mut looks) = ("uLong f(void)", 0);
        for _ in 0..100 {
            let look = |text: &str| {
                looks += 1;
                used_by(text)
            };
            assert_eq!(known_or(text, look), used_by(text));
        }
        assert!(looks < 100, "it is never known");
    }

    #[test]
    fn every_name_is_found_in_the_libraries_that_a_text_with_it_is_read_with() {
        let all = scope();
        for name in all.type_names() {
            let some = made_of(used_by(&format!("int f({name} *it);")));
            assert!(some.typedef(name).is_some(), "{name}");
        }
        for tag in all.tags() {
            let some = made_of(used_by(&format!("int f(struct {tag} *it);")));
            assert!(some.tag(tag).is_some(), "{tag}");
        }
        let options = made_of(used_by(
            "CURLcode curl_easy_setopt(CURL *it, CURLoption which, ...)",
        ));
        assert!(options.tag("curl_easy_setopt_variadic").is_some());
    }

    #[test]
    fn a_prototype_is_read_with_what_it_uses() {
        let zlib = 1 << 3;
        assert_eq!(used_by("uLong zlibCompileFlags(void)"), zlib);
        assert_eq!(
            used_by("unsigned long f(const char *const x, size_t __inout y)"),
            0
        );
        assert_eq!(used_by("int f(uLongs a, some_uLong b)"), 0);
        assert_eq!(used_by("void f(png_uint_32)"), 0b1_0011);
    }

    #[test]
    fn names_are_known() {
        for name in [
            "size_t",
            "uLongf",
            "FILE",
            "sqlite3_stmt",
            "CURL",
            "regmatch_t",
            "nfds_t",
        ] {
            assert!(type_names().contains(&name), "{name}");
        }
    }
}
