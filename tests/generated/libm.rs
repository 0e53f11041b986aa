//! The functions of libm.so.6, called in a VM. Made by `cosmos gen rust libm.so.6`: not to be
//! changed.
//!
//! With `mod libm;`, `libm::Libm::open()` opens the library.

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
pub struct Libm {
    library: Library,
    acos: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    asin: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    atan: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    atan2: OnceLock<Symbol<extern "C" fn(c_double, c_double) -> c_double>>,
    cos: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    sin: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    tan: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    cosh: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    sinh: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    tanh: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    acosh: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    asinh: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    atanh: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    exp: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    frexp: OnceLock<Symbol<unsafe extern "C" fn(c_double, *mut c_int) -> c_double>>,
    ldexp: OnceLock<Symbol<extern "C" fn(c_double, c_int) -> c_double>>,
    log: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    log10: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    modf: OnceLock<Symbol<unsafe extern "C" fn(c_double, *mut c_double) -> c_double>>,
    expm1: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    log1p: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    logb: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    exp2: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    log2: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    pow: OnceLock<Symbol<extern "C" fn(c_double, c_double) -> c_double>>,
    sqrt: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    hypot: OnceLock<Symbol<extern "C" fn(c_double, c_double) -> c_double>>,
    cbrt: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    ceil: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    fabs: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    floor: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    fmod: OnceLock<Symbol<extern "C" fn(c_double, c_double) -> c_double>>,
    isinf: OnceLock<Symbol<extern "C" fn(c_double) -> c_int>>,
    finite: OnceLock<Symbol<extern "C" fn(c_double) -> c_int>>,
    drem: OnceLock<Symbol<extern "C" fn(c_double, c_double) -> c_double>>,
    significand: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    copysign: OnceLock<Symbol<extern "C" fn(c_double, c_double) -> c_double>>,
    nan: OnceLock<Symbol<unsafe extern "C" fn(*const c_char) -> c_double>>,
    isnan: OnceLock<Symbol<extern "C" fn(c_double) -> c_int>>,
    j0: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    j1: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    jn: OnceLock<Symbol<extern "C" fn(c_int, c_double) -> c_double>>,
    y0: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    y1: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    yn: OnceLock<Symbol<extern "C" fn(c_int, c_double) -> c_double>>,
    erf: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    erfc: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    lgamma: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    tgamma: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    gamma: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    lgamma_r: OnceLock<Symbol<unsafe extern "C" fn(c_double, *mut c_int) -> c_double>>,
    rint: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    nextafter: OnceLock<Symbol<extern "C" fn(c_double, c_double) -> c_double>>,
    remainder: OnceLock<Symbol<extern "C" fn(c_double, c_double) -> c_double>>,
    scalbn: OnceLock<Symbol<extern "C" fn(c_double, c_int) -> c_double>>,
    ilogb: OnceLock<Symbol<extern "C" fn(c_double) -> c_int>>,
    scalbln: OnceLock<Symbol<extern "C" fn(c_double, c_long) -> c_double>>,
    nearbyint: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    round: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    trunc: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    remquo: OnceLock<Symbol<unsafe extern "C" fn(c_double, c_double, *mut c_int) -> c_double>>,
    lrint: OnceLock<Symbol<extern "C" fn(c_double) -> c_long>>,
    llrint: OnceLock<Symbol<extern "C" fn(c_double) -> c_longlong>>,
    lround: OnceLock<Symbol<extern "C" fn(c_double) -> c_long>>,
    llround: OnceLock<Symbol<extern "C" fn(c_double) -> c_longlong>>,
    fdim: OnceLock<Symbol<extern "C" fn(c_double, c_double) -> c_double>>,
    fmax: OnceLock<Symbol<extern "C" fn(c_double, c_double) -> c_double>>,
    fmin: OnceLock<Symbol<extern "C" fn(c_double, c_double) -> c_double>>,
    fma: OnceLock<Symbol<extern "C" fn(c_double, c_double, c_double) -> c_double>>,
    scalb: OnceLock<Symbol<extern "C" fn(c_double, c_double) -> c_double>>,
    exp10: OnceLock<Symbol<extern "C" fn(c_double) -> c_double>>,
    sincos: OnceLock<Symbol<unsafe extern "C" fn(c_double, *mut c_double, *mut c_double)>>,
    acosf: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    asinf: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    atanf: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    atan2f: OnceLock<Symbol<extern "C" fn(c_float, c_float) -> c_float>>,
    cosf: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    sinf: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    tanf: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    coshf: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    sinhf: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    tanhf: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    acoshf: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    asinhf: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    atanhf: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    expf: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    frexpf: OnceLock<Symbol<unsafe extern "C" fn(c_float, *mut c_int) -> c_float>>,
    ldexpf: OnceLock<Symbol<extern "C" fn(c_float, c_int) -> c_float>>,
    logf: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    log10f: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    modff: OnceLock<Symbol<unsafe extern "C" fn(c_float, *mut c_float) -> c_float>>,
    expm1f: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    log1pf: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    logbf: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    exp2f: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    log2f: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    powf: OnceLock<Symbol<extern "C" fn(c_float, c_float) -> c_float>>,
    sqrtf: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    hypotf: OnceLock<Symbol<extern "C" fn(c_float, c_float) -> c_float>>,
    cbrtf: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    ceilf: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    fabsf: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    floorf: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    fmodf: OnceLock<Symbol<extern "C" fn(c_float, c_float) -> c_float>>,
    isinff: OnceLock<Symbol<extern "C" fn(c_float) -> c_int>>,
    finitef: OnceLock<Symbol<extern "C" fn(c_float) -> c_int>>,
    dremf: OnceLock<Symbol<extern "C" fn(c_float, c_float) -> c_float>>,
    significandf: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    copysignf: OnceLock<Symbol<extern "C" fn(c_float, c_float) -> c_float>>,
    nanf: OnceLock<Symbol<unsafe extern "C" fn(*const c_char) -> c_float>>,
    isnanf: OnceLock<Symbol<extern "C" fn(c_float) -> c_int>>,
    j0f: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    j1f: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    jnf: OnceLock<Symbol<extern "C" fn(c_int, c_float) -> c_float>>,
    y0f: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    y1f: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    ynf: OnceLock<Symbol<extern "C" fn(c_int, c_float) -> c_float>>,
    erff: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    erfcf: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    lgammaf: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    tgammaf: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    gammaf: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    lgammaf_r: OnceLock<Symbol<unsafe extern "C" fn(c_float, *mut c_int) -> c_float>>,
    rintf: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    nextafterf: OnceLock<Symbol<extern "C" fn(c_float, c_float) -> c_float>>,
    remainderf: OnceLock<Symbol<extern "C" fn(c_float, c_float) -> c_float>>,
    scalbnf: OnceLock<Symbol<extern "C" fn(c_float, c_int) -> c_float>>,
    ilogbf: OnceLock<Symbol<extern "C" fn(c_float) -> c_int>>,
    scalblnf: OnceLock<Symbol<extern "C" fn(c_float, c_long) -> c_float>>,
    nearbyintf: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    roundf: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    truncf: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    remquof: OnceLock<Symbol<unsafe extern "C" fn(c_float, c_float, *mut c_int) -> c_float>>,
    lrintf: OnceLock<Symbol<extern "C" fn(c_float) -> c_long>>,
    llrintf: OnceLock<Symbol<extern "C" fn(c_float) -> c_longlong>>,
    lroundf: OnceLock<Symbol<extern "C" fn(c_float) -> c_long>>,
    llroundf: OnceLock<Symbol<extern "C" fn(c_float) -> c_longlong>>,
    fdimf: OnceLock<Symbol<extern "C" fn(c_float, c_float) -> c_float>>,
    fmaxf: OnceLock<Symbol<extern "C" fn(c_float, c_float) -> c_float>>,
    fminf: OnceLock<Symbol<extern "C" fn(c_float, c_float) -> c_float>>,
    fmaf: OnceLock<Symbol<extern "C" fn(c_float, c_float, c_float) -> c_float>>,
    scalbf: OnceLock<Symbol<extern "C" fn(c_float, c_float) -> c_float>>,
    exp10f: OnceLock<Symbol<extern "C" fn(c_float) -> c_float>>,
    sincosf: OnceLock<Symbol<unsafe extern "C" fn(c_float, *mut c_float, *mut c_float)>>,
    cacos: OnceLock<Symbol<extern "C" fn(ComplexDouble) -> ComplexDouble>>,
    casin: OnceLock<Symbol<extern "C" fn(ComplexDouble) -> ComplexDouble>>,
    catan: OnceLock<Symbol<extern "C" fn(ComplexDouble) -> ComplexDouble>>,
    ccos: OnceLock<Symbol<extern "C" fn(ComplexDouble) -> ComplexDouble>>,
    csin: OnceLock<Symbol<extern "C" fn(ComplexDouble) -> ComplexDouble>>,
    ctan: OnceLock<Symbol<extern "C" fn(ComplexDouble) -> ComplexDouble>>,
    cacosh: OnceLock<Symbol<extern "C" fn(ComplexDouble) -> ComplexDouble>>,
    casinh: OnceLock<Symbol<extern "C" fn(ComplexDouble) -> ComplexDouble>>,
    catanh: OnceLock<Symbol<extern "C" fn(ComplexDouble) -> ComplexDouble>>,
    ccosh: OnceLock<Symbol<extern "C" fn(ComplexDouble) -> ComplexDouble>>,
    csinh: OnceLock<Symbol<extern "C" fn(ComplexDouble) -> ComplexDouble>>,
    ctanh: OnceLock<Symbol<extern "C" fn(ComplexDouble) -> ComplexDouble>>,
    cexp: OnceLock<Symbol<extern "C" fn(ComplexDouble) -> ComplexDouble>>,
    clog: OnceLock<Symbol<extern "C" fn(ComplexDouble) -> ComplexDouble>>,
    cpow: OnceLock<Symbol<extern "C" fn(ComplexDouble, ComplexDouble) -> ComplexDouble>>,
    csqrt: OnceLock<Symbol<extern "C" fn(ComplexDouble) -> ComplexDouble>>,
    cabs: OnceLock<Symbol<extern "C" fn(ComplexDouble) -> c_double>>,
    carg: OnceLock<Symbol<extern "C" fn(ComplexDouble) -> c_double>>,
    conj: OnceLock<Symbol<extern "C" fn(ComplexDouble) -> ComplexDouble>>,
    cproj: OnceLock<Symbol<extern "C" fn(ComplexDouble) -> ComplexDouble>>,
    cimag: OnceLock<Symbol<extern "C" fn(ComplexDouble) -> c_double>>,
    creal: OnceLock<Symbol<extern "C" fn(ComplexDouble) -> c_double>>,
    cacosf: OnceLock<Symbol<extern "C" fn(ComplexFloat) -> ComplexFloat>>,
    casinf: OnceLock<Symbol<extern "C" fn(ComplexFloat) -> ComplexFloat>>,
    catanf: OnceLock<Symbol<extern "C" fn(ComplexFloat) -> ComplexFloat>>,
    ccosf: OnceLock<Symbol<extern "C" fn(ComplexFloat) -> ComplexFloat>>,
    csinf: OnceLock<Symbol<extern "C" fn(ComplexFloat) -> ComplexFloat>>,
    ctanf: OnceLock<Symbol<extern "C" fn(ComplexFloat) -> ComplexFloat>>,
    cacoshf: OnceLock<Symbol<extern "C" fn(ComplexFloat) -> ComplexFloat>>,
    casinhf: OnceLock<Symbol<extern "C" fn(ComplexFloat) -> ComplexFloat>>,
    catanhf: OnceLock<Symbol<extern "C" fn(ComplexFloat) -> ComplexFloat>>,
    ccoshf: OnceLock<Symbol<extern "C" fn(ComplexFloat) -> ComplexFloat>>,
    csinhf: OnceLock<Symbol<extern "C" fn(ComplexFloat) -> ComplexFloat>>,
    ctanhf: OnceLock<Symbol<extern "C" fn(ComplexFloat) -> ComplexFloat>>,
    cexpf: OnceLock<Symbol<extern "C" fn(ComplexFloat) -> ComplexFloat>>,
    clogf: OnceLock<Symbol<extern "C" fn(ComplexFloat) -> ComplexFloat>>,
    cpowf: OnceLock<Symbol<extern "C" fn(ComplexFloat, ComplexFloat) -> ComplexFloat>>,
    csqrtf: OnceLock<Symbol<extern "C" fn(ComplexFloat) -> ComplexFloat>>,
    cabsf: OnceLock<Symbol<extern "C" fn(ComplexFloat) -> c_float>>,
    cargf: OnceLock<Symbol<extern "C" fn(ComplexFloat) -> c_float>>,
    conjf: OnceLock<Symbol<extern "C" fn(ComplexFloat) -> ComplexFloat>>,
    cprojf: OnceLock<Symbol<extern "C" fn(ComplexFloat) -> ComplexFloat>>,
    cimagf: OnceLock<Symbol<extern "C" fn(ComplexFloat) -> c_float>>,
    crealf: OnceLock<Symbol<extern "C" fn(ComplexFloat) -> c_float>>,
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

impl Libm {
    /// Opens the library with the configuration's defaults.
    ///
    /// # Errors
    /// As `cosmos::dlopen`.
    pub fn open() -> Result<Libm, Error> {
        Libm::open_with(&Options::default())
    }

    /// Opens the library.
    ///
    /// # Errors
    /// As `cosmos::dlopen_with`.
    pub fn open_with(options: &Options) -> Result<Libm, Error> {
        cosmos::dlopen_with("libm.so.6", options).map(Libm::of)
    }

    /// The functions of a library that is open.
    pub fn of(library: Library) -> Libm {
        Libm {
            library,
            acos: OnceLock::new(),
            asin: OnceLock::new(),
            atan: OnceLock::new(),
            atan2: OnceLock::new(),
            cos: OnceLock::new(),
            sin: OnceLock::new(),
            tan: OnceLock::new(),
            cosh: OnceLock::new(),
            sinh: OnceLock::new(),
            tanh: OnceLock::new(),
            acosh: OnceLock::new(),
            asinh: OnceLock::new(),
            atanh: OnceLock::new(),
            exp: OnceLock::new(),
            frexp: OnceLock::new(),
            ldexp: OnceLock::new(),
            log: OnceLock::new(),
            log10: OnceLock::new(),
            modf: OnceLock::new(),
            expm1: OnceLock::new(),
            log1p: OnceLock::new(),
            logb: OnceLock::new(),
            exp2: OnceLock::new(),
            log2: OnceLock::new(),
            pow: OnceLock::new(),
            sqrt: OnceLock::new(),
            hypot: OnceLock::new(),
            cbrt: OnceLock::new(),
            ceil: OnceLock::new(),
            fabs: OnceLock::new(),
            floor: OnceLock::new(),
            fmod: OnceLock::new(),
            isinf: OnceLock::new(),
            finite: OnceLock::new(),
            drem: OnceLock::new(),
            significand: OnceLock::new(),
            copysign: OnceLock::new(),
            nan: OnceLock::new(),
            isnan: OnceLock::new(),
            j0: OnceLock::new(),
            j1: OnceLock::new(),
            jn: OnceLock::new(),
            y0: OnceLock::new(),
            y1: OnceLock::new(),
            yn: OnceLock::new(),
            erf: OnceLock::new(),
            erfc: OnceLock::new(),
            lgamma: OnceLock::new(),
            tgamma: OnceLock::new(),
            gamma: OnceLock::new(),
            lgamma_r: OnceLock::new(),
            rint: OnceLock::new(),
            nextafter: OnceLock::new(),
            remainder: OnceLock::new(),
            scalbn: OnceLock::new(),
            ilogb: OnceLock::new(),
            scalbln: OnceLock::new(),
            nearbyint: OnceLock::new(),
            round: OnceLock::new(),
            trunc: OnceLock::new(),
            remquo: OnceLock::new(),
            lrint: OnceLock::new(),
            llrint: OnceLock::new(),
            lround: OnceLock::new(),
            llround: OnceLock::new(),
            fdim: OnceLock::new(),
            fmax: OnceLock::new(),
            fmin: OnceLock::new(),
            fma: OnceLock::new(),
            scalb: OnceLock::new(),
            exp10: OnceLock::new(),
            sincos: OnceLock::new(),
            acosf: OnceLock::new(),
            asinf: OnceLock::new(),
            atanf: OnceLock::new(),
            atan2f: OnceLock::new(),
            cosf: OnceLock::new(),
            sinf: OnceLock::new(),
            tanf: OnceLock::new(),
            coshf: OnceLock::new(),
            sinhf: OnceLock::new(),
            tanhf: OnceLock::new(),
            acoshf: OnceLock::new(),
            asinhf: OnceLock::new(),
            atanhf: OnceLock::new(),
            expf: OnceLock::new(),
            frexpf: OnceLock::new(),
            ldexpf: OnceLock::new(),
            logf: OnceLock::new(),
            log10f: OnceLock::new(),
            modff: OnceLock::new(),
            expm1f: OnceLock::new(),
            log1pf: OnceLock::new(),
            logbf: OnceLock::new(),
            exp2f: OnceLock::new(),
            log2f: OnceLock::new(),
            powf: OnceLock::new(),
            sqrtf: OnceLock::new(),
            hypotf: OnceLock::new(),
            cbrtf: OnceLock::new(),
            ceilf: OnceLock::new(),
            fabsf: OnceLock::new(),
            floorf: OnceLock::new(),
            fmodf: OnceLock::new(),
            isinff: OnceLock::new(),
            finitef: OnceLock::new(),
            dremf: OnceLock::new(),
            significandf: OnceLock::new(),
            copysignf: OnceLock::new(),
            nanf: OnceLock::new(),
            isnanf: OnceLock::new(),
            j0f: OnceLock::new(),
            j1f: OnceLock::new(),
            jnf: OnceLock::new(),
            y0f: OnceLock::new(),
            y1f: OnceLock::new(),
            ynf: OnceLock::new(),
            erff: OnceLock::new(),
            erfcf: OnceLock::new(),
            lgammaf: OnceLock::new(),
            tgammaf: OnceLock::new(),
            gammaf: OnceLock::new(),
            lgammaf_r: OnceLock::new(),
            rintf: OnceLock::new(),
            nextafterf: OnceLock::new(),
            remainderf: OnceLock::new(),
            scalbnf: OnceLock::new(),
            ilogbf: OnceLock::new(),
            scalblnf: OnceLock::new(),
            nearbyintf: OnceLock::new(),
            roundf: OnceLock::new(),
            truncf: OnceLock::new(),
            remquof: OnceLock::new(),
            lrintf: OnceLock::new(),
            llrintf: OnceLock::new(),
            lroundf: OnceLock::new(),
            llroundf: OnceLock::new(),
            fdimf: OnceLock::new(),
            fmaxf: OnceLock::new(),
            fminf: OnceLock::new(),
            fmaf: OnceLock::new(),
            scalbf: OnceLock::new(),
            exp10f: OnceLock::new(),
            sincosf: OnceLock::new(),
            cacos: OnceLock::new(),
            casin: OnceLock::new(),
            catan: OnceLock::new(),
            ccos: OnceLock::new(),
            csin: OnceLock::new(),
            ctan: OnceLock::new(),
            cacosh: OnceLock::new(),
            casinh: OnceLock::new(),
            catanh: OnceLock::new(),
            ccosh: OnceLock::new(),
            csinh: OnceLock::new(),
            ctanh: OnceLock::new(),
            cexp: OnceLock::new(),
            clog: OnceLock::new(),
            cpow: OnceLock::new(),
            csqrt: OnceLock::new(),
            cabs: OnceLock::new(),
            carg: OnceLock::new(),
            conj: OnceLock::new(),
            cproj: OnceLock::new(),
            cimag: OnceLock::new(),
            creal: OnceLock::new(),
            cacosf: OnceLock::new(),
            casinf: OnceLock::new(),
            catanf: OnceLock::new(),
            ccosf: OnceLock::new(),
            csinf: OnceLock::new(),
            ctanf: OnceLock::new(),
            cacoshf: OnceLock::new(),
            casinhf: OnceLock::new(),
            catanhf: OnceLock::new(),
            ccoshf: OnceLock::new(),
            csinhf: OnceLock::new(),
            ctanhf: OnceLock::new(),
            cexpf: OnceLock::new(),
            clogf: OnceLock::new(),
            cpowf: OnceLock::new(),
            csqrtf: OnceLock::new(),
            cabsf: OnceLock::new(),
            cargf: OnceLock::new(),
            conjf: OnceLock::new(),
            cprojf: OnceLock::new(),
            cimagf: OnceLock::new(),
            crealf: OnceLock::new(),
        }
    }

    /// `double acos(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn acos(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.acos, "double acos(double x)")?.try_call(x)
    }

    /// `double asin(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn asin(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.asin, "double asin(double x)")?.try_call(x)
    }

    /// `double atan(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn atan(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.atan, "double atan(double x)")?.try_call(x)
    }

    /// `double atan2(double y, double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn atan2(&self, y: c_double, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.atan2, "double atan2(double y, double x)")?.try_call(y, x)
    }

    /// `double cos(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn cos(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.cos, "double cos(double x)")?.try_call(x)
    }

    /// `double sin(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn sin(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.sin, "double sin(double x)")?.try_call(x)
    }

    /// `double tan(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn tan(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.tan, "double tan(double x)")?.try_call(x)
    }

    /// `double cosh(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn cosh(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.cosh, "double cosh(double x)")?.try_call(x)
    }

    /// `double sinh(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn sinh(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.sinh, "double sinh(double x)")?.try_call(x)
    }

    /// `double tanh(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn tanh(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.tanh, "double tanh(double x)")?.try_call(x)
    }

    /// `double acosh(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn acosh(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.acosh, "double acosh(double x)")?.try_call(x)
    }

    /// `double asinh(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn asinh(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.asinh, "double asinh(double x)")?.try_call(x)
    }

    /// `double atanh(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn atanh(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.atanh, "double atanh(double x)")?.try_call(x)
    }

    /// `double exp(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn exp(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.exp, "double exp(double x)")?.try_call(x)
    }

    /// `double frexp(double x, int *__out __single exponent)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn frexp(&self, x: c_double, exponent: *mut c_int) -> Result<c_double, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.frexp, "double frexp(double x, int *__out __single exponent)")?.try_call(x, exponent) }
    }

    /// `double ldexp(double x, int exponent)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn ldexp(&self, x: c_double, exponent: c_int) -> Result<c_double, Error> {
        resolved(&self.library, &self.ldexp, "double ldexp(double x, int exponent)")?.try_call(x, exponent)
    }

    /// `double log(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn log(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.log, "double log(double x)")?.try_call(x)
    }

    /// `double log10(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn log10(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.log10, "double log10(double x)")?.try_call(x)
    }

    /// `double modf(double x, double *__out __single iptr)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn modf(&self, x: c_double, iptr: *mut c_double) -> Result<c_double, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.modf, "double modf(double x, double *__out __single iptr)")?.try_call(x, iptr) }
    }

    /// `double expm1(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn expm1(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.expm1, "double expm1(double x)")?.try_call(x)
    }

    /// `double log1p(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn log1p(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.log1p, "double log1p(double x)")?.try_call(x)
    }

    /// `double logb(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn logb(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.logb, "double logb(double x)")?.try_call(x)
    }

    /// `double exp2(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn exp2(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.exp2, "double exp2(double x)")?.try_call(x)
    }

    /// `double log2(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn log2(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.log2, "double log2(double x)")?.try_call(x)
    }

    /// `double pow(double x, double y)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn pow(&self, x: c_double, y: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.pow, "double pow(double x, double y)")?.try_call(x, y)
    }

    /// `double sqrt(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn sqrt(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.sqrt, "double sqrt(double x)")?.try_call(x)
    }

    /// `double hypot(double x, double y)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn hypot(&self, x: c_double, y: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.hypot, "double hypot(double x, double y)")?.try_call(x, y)
    }

    /// `double cbrt(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn cbrt(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.cbrt, "double cbrt(double x)")?.try_call(x)
    }

    /// `double ceil(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn ceil(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.ceil, "double ceil(double x)")?.try_call(x)
    }

    /// `double fabs(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn fabs(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.fabs, "double fabs(double x)")?.try_call(x)
    }

    /// `double floor(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn floor(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.floor, "double floor(double x)")?.try_call(x)
    }

    /// `double fmod(double x, double y)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn fmod(&self, x: c_double, y: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.fmod, "double fmod(double x, double y)")?.try_call(x, y)
    }

    /// `int isinf(double value)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn isinf(&self, value: c_double) -> Result<c_int, Error> {
        resolved(&self.library, &self.isinf, "int isinf(double value)")?.try_call(value)
    }

    /// `int finite(double value)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn finite(&self, value: c_double) -> Result<c_int, Error> {
        resolved(&self.library, &self.finite, "int finite(double value)")?.try_call(value)
    }

    /// `double drem(double x, double y)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn drem(&self, x: c_double, y: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.drem, "double drem(double x, double y)")?.try_call(x, y)
    }

    /// `double significand(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn significand(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.significand, "double significand(double x)")?.try_call(x)
    }

    /// `double copysign(double x, double y)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn copysign(&self, x: c_double, y: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.copysign, "double copysign(double x, double y)")?.try_call(x, y)
    }

    /// `double nan(const char *__in __null_terminated tag)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn nan(&self, tag: *const c_char) -> Result<c_double, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.nan, "double nan(const char *__in __null_terminated tag)")?.try_call(tag) }
    }

    /// `int isnan(double value)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn isnan(&self, value: c_double) -> Result<c_int, Error> {
        resolved(&self.library, &self.isnan, "int isnan(double value)")?.try_call(value)
    }

    /// `double j0(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn j0(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.j0, "double j0(double x)")?.try_call(x)
    }

    /// `double j1(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn j1(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.j1, "double j1(double x)")?.try_call(x)
    }

    /// `double jn(int n, double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn jn(&self, n: c_int, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.jn, "double jn(int n, double x)")?.try_call(n, x)
    }

    /// `double y0(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn y0(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.y0, "double y0(double x)")?.try_call(x)
    }

    /// `double y1(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn y1(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.y1, "double y1(double x)")?.try_call(x)
    }

    /// `double yn(int n, double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn yn(&self, n: c_int, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.yn, "double yn(int n, double x)")?.try_call(n, x)
    }

    /// `double erf(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn erf(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.erf, "double erf(double x)")?.try_call(x)
    }

    /// `double erfc(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn erfc(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.erfc, "double erfc(double x)")?.try_call(x)
    }

    /// `double lgamma(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn lgamma(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.lgamma, "double lgamma(double x)")?.try_call(x)
    }

    /// `double tgamma(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn tgamma(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.tgamma, "double tgamma(double x)")?.try_call(x)
    }

    /// `double gamma(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn gamma(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.gamma, "double gamma(double x)")?.try_call(x)
    }

    /// `double lgamma_r(double x, int *__out __single signgamp)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn lgamma_r(&self, x: c_double, signgamp: *mut c_int) -> Result<c_double, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.lgamma_r, "double lgamma_r(double x, int *__out __single signgamp)")?.try_call(x, signgamp) }
    }

    /// `double rint(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn rint(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.rint, "double rint(double x)")?.try_call(x)
    }

    /// `double nextafter(double x, double y)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn nextafter(&self, x: c_double, y: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.nextafter, "double nextafter(double x, double y)")?.try_call(x, y)
    }

    /// `double remainder(double x, double y)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn remainder(&self, x: c_double, y: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.remainder, "double remainder(double x, double y)")?.try_call(x, y)
    }

    /// `double scalbn(double x, int n)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn scalbn(&self, x: c_double, n: c_int) -> Result<c_double, Error> {
        resolved(&self.library, &self.scalbn, "double scalbn(double x, int n)")?.try_call(x, n)
    }

    /// `int ilogb(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn ilogb(&self, x: c_double) -> Result<c_int, Error> {
        resolved(&self.library, &self.ilogb, "int ilogb(double x)")?.try_call(x)
    }

    /// `double scalbln(double x, long n)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn scalbln(&self, x: c_double, n: c_long) -> Result<c_double, Error> {
        resolved(&self.library, &self.scalbln, "double scalbln(double x, long n)")?.try_call(x, n)
    }

    /// `double nearbyint(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn nearbyint(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.nearbyint, "double nearbyint(double x)")?.try_call(x)
    }

    /// `double round(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn round(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.round, "double round(double x)")?.try_call(x)
    }

    /// `double trunc(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn trunc(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.trunc, "double trunc(double x)")?.try_call(x)
    }

    /// `double remquo(double x, double y, int *__out __single quo)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn remquo(&self, x: c_double, y: c_double, quo: *mut c_int) -> Result<c_double, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.remquo, "double remquo(double x, double y, int *__out __single quo)")?.try_call(x, y, quo) }
    }

    /// `long lrint(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn lrint(&self, x: c_double) -> Result<c_long, Error> {
        resolved(&self.library, &self.lrint, "long lrint(double x)")?.try_call(x)
    }

    /// `long long llrint(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn llrint(&self, x: c_double) -> Result<c_longlong, Error> {
        resolved(&self.library, &self.llrint, "long long llrint(double x)")?.try_call(x)
    }

    /// `long lround(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn lround(&self, x: c_double) -> Result<c_long, Error> {
        resolved(&self.library, &self.lround, "long lround(double x)")?.try_call(x)
    }

    /// `long long llround(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn llround(&self, x: c_double) -> Result<c_longlong, Error> {
        resolved(&self.library, &self.llround, "long long llround(double x)")?.try_call(x)
    }

    /// `double fdim(double x, double y)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn fdim(&self, x: c_double, y: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.fdim, "double fdim(double x, double y)")?.try_call(x, y)
    }

    /// `double fmax(double x, double y)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn fmax(&self, x: c_double, y: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.fmax, "double fmax(double x, double y)")?.try_call(x, y)
    }

    /// `double fmin(double x, double y)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn fmin(&self, x: c_double, y: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.fmin, "double fmin(double x, double y)")?.try_call(x, y)
    }

    /// `double fma(double x, double y, double z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn fma(&self, x: c_double, y: c_double, z: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.fma, "double fma(double x, double y, double z)")?.try_call(x, y, z)
    }

    /// `double scalb(double x, double n)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn scalb(&self, x: c_double, n: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.scalb, "double scalb(double x, double n)")?.try_call(x, n)
    }

    /// `double exp10(double x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn exp10(&self, x: c_double) -> Result<c_double, Error> {
        resolved(&self.library, &self.exp10, "double exp10(double x)")?.try_call(x)
    }

    /// `void sincos(double x, double *__out __single sine, double *__out __single cosine)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sincos(&self, x: c_double, sine: *mut c_double, cosine: *mut c_double) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sincos, "void sincos(double x, double *__out __single sine, double *__out __single cosine)")?.try_call(x, sine, cosine) }
    }

    /// `float acosf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn acosf(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.acosf, "float acosf(float x)")?.try_call(x)
    }

    /// `float asinf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn asinf(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.asinf, "float asinf(float x)")?.try_call(x)
    }

    /// `float atanf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn atanf(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.atanf, "float atanf(float x)")?.try_call(x)
    }

    /// `float atan2f(float y, float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn atan2f(&self, y: c_float, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.atan2f, "float atan2f(float y, float x)")?.try_call(y, x)
    }

    /// `float cosf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn cosf(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.cosf, "float cosf(float x)")?.try_call(x)
    }

    /// `float sinf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn sinf(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.sinf, "float sinf(float x)")?.try_call(x)
    }

    /// `float tanf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn tanf(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.tanf, "float tanf(float x)")?.try_call(x)
    }

    /// `float coshf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn coshf(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.coshf, "float coshf(float x)")?.try_call(x)
    }

    /// `float sinhf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn sinhf(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.sinhf, "float sinhf(float x)")?.try_call(x)
    }

    /// `float tanhf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn tanhf(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.tanhf, "float tanhf(float x)")?.try_call(x)
    }

    /// `float acoshf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn acoshf(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.acoshf, "float acoshf(float x)")?.try_call(x)
    }

    /// `float asinhf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn asinhf(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.asinhf, "float asinhf(float x)")?.try_call(x)
    }

    /// `float atanhf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn atanhf(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.atanhf, "float atanhf(float x)")?.try_call(x)
    }

    /// `float expf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn expf(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.expf, "float expf(float x)")?.try_call(x)
    }

    /// `float frexpf(float x, int *__out __single exponent)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn frexpf(&self, x: c_float, exponent: *mut c_int) -> Result<c_float, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.frexpf, "float frexpf(float x, int *__out __single exponent)")?.try_call(x, exponent) }
    }

    /// `float ldexpf(float x, int exponent)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn ldexpf(&self, x: c_float, exponent: c_int) -> Result<c_float, Error> {
        resolved(&self.library, &self.ldexpf, "float ldexpf(float x, int exponent)")?.try_call(x, exponent)
    }

    /// `float logf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn logf(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.logf, "float logf(float x)")?.try_call(x)
    }

    /// `float log10f(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn log10f(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.log10f, "float log10f(float x)")?.try_call(x)
    }

    /// `float modff(float x, float *__out __single iptr)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn modff(&self, x: c_float, iptr: *mut c_float) -> Result<c_float, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.modff, "float modff(float x, float *__out __single iptr)")?.try_call(x, iptr) }
    }

    /// `float expm1f(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn expm1f(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.expm1f, "float expm1f(float x)")?.try_call(x)
    }

    /// `float log1pf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn log1pf(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.log1pf, "float log1pf(float x)")?.try_call(x)
    }

    /// `float logbf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn logbf(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.logbf, "float logbf(float x)")?.try_call(x)
    }

    /// `float exp2f(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn exp2f(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.exp2f, "float exp2f(float x)")?.try_call(x)
    }

    /// `float log2f(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn log2f(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.log2f, "float log2f(float x)")?.try_call(x)
    }

    /// `float powf(float x, float y)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn powf(&self, x: c_float, y: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.powf, "float powf(float x, float y)")?.try_call(x, y)
    }

    /// `float sqrtf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn sqrtf(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.sqrtf, "float sqrtf(float x)")?.try_call(x)
    }

    /// `float hypotf(float x, float y)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn hypotf(&self, x: c_float, y: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.hypotf, "float hypotf(float x, float y)")?.try_call(x, y)
    }

    /// `float cbrtf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn cbrtf(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.cbrtf, "float cbrtf(float x)")?.try_call(x)
    }

    /// `float ceilf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn ceilf(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.ceilf, "float ceilf(float x)")?.try_call(x)
    }

    /// `float fabsf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn fabsf(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.fabsf, "float fabsf(float x)")?.try_call(x)
    }

    /// `float floorf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn floorf(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.floorf, "float floorf(float x)")?.try_call(x)
    }

    /// `float fmodf(float x, float y)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn fmodf(&self, x: c_float, y: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.fmodf, "float fmodf(float x, float y)")?.try_call(x, y)
    }

    /// `int isinff(float value)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn isinff(&self, value: c_float) -> Result<c_int, Error> {
        resolved(&self.library, &self.isinff, "int isinff(float value)")?.try_call(value)
    }

    /// `int finitef(float value)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn finitef(&self, value: c_float) -> Result<c_int, Error> {
        resolved(&self.library, &self.finitef, "int finitef(float value)")?.try_call(value)
    }

    /// `float dremf(float x, float y)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn dremf(&self, x: c_float, y: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.dremf, "float dremf(float x, float y)")?.try_call(x, y)
    }

    /// `float significandf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn significandf(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.significandf, "float significandf(float x)")?.try_call(x)
    }

    /// `float copysignf(float x, float y)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn copysignf(&self, x: c_float, y: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.copysignf, "float copysignf(float x, float y)")?.try_call(x, y)
    }

    /// `float nanf(const char *__in __null_terminated tag)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn nanf(&self, tag: *const c_char) -> Result<c_float, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.nanf, "float nanf(const char *__in __null_terminated tag)")?.try_call(tag) }
    }

    /// `int isnanf(float value)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn isnanf(&self, value: c_float) -> Result<c_int, Error> {
        resolved(&self.library, &self.isnanf, "int isnanf(float value)")?.try_call(value)
    }

    /// `float j0f(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn j0f(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.j0f, "float j0f(float x)")?.try_call(x)
    }

    /// `float j1f(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn j1f(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.j1f, "float j1f(float x)")?.try_call(x)
    }

    /// `float jnf(int n, float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn jnf(&self, n: c_int, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.jnf, "float jnf(int n, float x)")?.try_call(n, x)
    }

    /// `float y0f(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn y0f(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.y0f, "float y0f(float x)")?.try_call(x)
    }

    /// `float y1f(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn y1f(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.y1f, "float y1f(float x)")?.try_call(x)
    }

    /// `float ynf(int n, float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn ynf(&self, n: c_int, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.ynf, "float ynf(int n, float x)")?.try_call(n, x)
    }

    /// `float erff(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn erff(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.erff, "float erff(float x)")?.try_call(x)
    }

    /// `float erfcf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn erfcf(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.erfcf, "float erfcf(float x)")?.try_call(x)
    }

    /// `float lgammaf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn lgammaf(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.lgammaf, "float lgammaf(float x)")?.try_call(x)
    }

    /// `float tgammaf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn tgammaf(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.tgammaf, "float tgammaf(float x)")?.try_call(x)
    }

    /// `float gammaf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn gammaf(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.gammaf, "float gammaf(float x)")?.try_call(x)
    }

    /// `float lgammaf_r(float x, int *__out __single signgamp)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn lgammaf_r(&self, x: c_float, signgamp: *mut c_int) -> Result<c_float, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.lgammaf_r, "float lgammaf_r(float x, int *__out __single signgamp)")?.try_call(x, signgamp) }
    }

    /// `float rintf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn rintf(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.rintf, "float rintf(float x)")?.try_call(x)
    }

    /// `float nextafterf(float x, float y)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn nextafterf(&self, x: c_float, y: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.nextafterf, "float nextafterf(float x, float y)")?.try_call(x, y)
    }

    /// `float remainderf(float x, float y)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn remainderf(&self, x: c_float, y: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.remainderf, "float remainderf(float x, float y)")?.try_call(x, y)
    }

    /// `float scalbnf(float x, int n)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn scalbnf(&self, x: c_float, n: c_int) -> Result<c_float, Error> {
        resolved(&self.library, &self.scalbnf, "float scalbnf(float x, int n)")?.try_call(x, n)
    }

    /// `int ilogbf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn ilogbf(&self, x: c_float) -> Result<c_int, Error> {
        resolved(&self.library, &self.ilogbf, "int ilogbf(float x)")?.try_call(x)
    }

    /// `float scalblnf(float x, long n)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn scalblnf(&self, x: c_float, n: c_long) -> Result<c_float, Error> {
        resolved(&self.library, &self.scalblnf, "float scalblnf(float x, long n)")?.try_call(x, n)
    }

    /// `float nearbyintf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn nearbyintf(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.nearbyintf, "float nearbyintf(float x)")?.try_call(x)
    }

    /// `float roundf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn roundf(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.roundf, "float roundf(float x)")?.try_call(x)
    }

    /// `float truncf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn truncf(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.truncf, "float truncf(float x)")?.try_call(x)
    }

    /// `float remquof(float x, float y, int *__out __single quo)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn remquof(&self, x: c_float, y: c_float, quo: *mut c_int) -> Result<c_float, Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.remquof, "float remquof(float x, float y, int *__out __single quo)")?.try_call(x, y, quo) }
    }

    /// `long lrintf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn lrintf(&self, x: c_float) -> Result<c_long, Error> {
        resolved(&self.library, &self.lrintf, "long lrintf(float x)")?.try_call(x)
    }

    /// `long long llrintf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn llrintf(&self, x: c_float) -> Result<c_longlong, Error> {
        resolved(&self.library, &self.llrintf, "long long llrintf(float x)")?.try_call(x)
    }

    /// `long lroundf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn lroundf(&self, x: c_float) -> Result<c_long, Error> {
        resolved(&self.library, &self.lroundf, "long lroundf(float x)")?.try_call(x)
    }

    /// `long long llroundf(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn llroundf(&self, x: c_float) -> Result<c_longlong, Error> {
        resolved(&self.library, &self.llroundf, "long long llroundf(float x)")?.try_call(x)
    }

    /// `float fdimf(float x, float y)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn fdimf(&self, x: c_float, y: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.fdimf, "float fdimf(float x, float y)")?.try_call(x, y)
    }

    /// `float fmaxf(float x, float y)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn fmaxf(&self, x: c_float, y: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.fmaxf, "float fmaxf(float x, float y)")?.try_call(x, y)
    }

    /// `float fminf(float x, float y)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn fminf(&self, x: c_float, y: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.fminf, "float fminf(float x, float y)")?.try_call(x, y)
    }

    /// `float fmaf(float x, float y, float z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn fmaf(&self, x: c_float, y: c_float, z: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.fmaf, "float fmaf(float x, float y, float z)")?.try_call(x, y, z)
    }

    /// `float scalbf(float x, float n)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn scalbf(&self, x: c_float, n: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.scalbf, "float scalbf(float x, float n)")?.try_call(x, n)
    }

    /// `float exp10f(float x)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn exp10f(&self, x: c_float) -> Result<c_float, Error> {
        resolved(&self.library, &self.exp10f, "float exp10f(float x)")?.try_call(x)
    }

    /// `void sincosf(float x, float *__out __single sine, float *__out __single cosine)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    ///
    /// # Safety
    /// Pointers lead to as much memory as the prototype says.
    pub unsafe fn sincosf(&self, x: c_float, sine: *mut c_float, cosine: *mut c_float) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { resolved(&self.library, &self.sincosf, "void sincosf(float x, float *__out __single sine, float *__out __single cosine)")?.try_call(x, sine, cosine) }
    }

    /// `double _Complex cacos(double _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn cacos(&self, z: ComplexDouble) -> Result<ComplexDouble, Error> {
        resolved(&self.library, &self.cacos, "double _Complex cacos(double _Complex z)")?.try_call(z)
    }

    /// `double _Complex casin(double _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn casin(&self, z: ComplexDouble) -> Result<ComplexDouble, Error> {
        resolved(&self.library, &self.casin, "double _Complex casin(double _Complex z)")?.try_call(z)
    }

    /// `double _Complex catan(double _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn catan(&self, z: ComplexDouble) -> Result<ComplexDouble, Error> {
        resolved(&self.library, &self.catan, "double _Complex catan(double _Complex z)")?.try_call(z)
    }

    /// `double _Complex ccos(double _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn ccos(&self, z: ComplexDouble) -> Result<ComplexDouble, Error> {
        resolved(&self.library, &self.ccos, "double _Complex ccos(double _Complex z)")?.try_call(z)
    }

    /// `double _Complex csin(double _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn csin(&self, z: ComplexDouble) -> Result<ComplexDouble, Error> {
        resolved(&self.library, &self.csin, "double _Complex csin(double _Complex z)")?.try_call(z)
    }

    /// `double _Complex ctan(double _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn ctan(&self, z: ComplexDouble) -> Result<ComplexDouble, Error> {
        resolved(&self.library, &self.ctan, "double _Complex ctan(double _Complex z)")?.try_call(z)
    }

    /// `double _Complex cacosh(double _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn cacosh(&self, z: ComplexDouble) -> Result<ComplexDouble, Error> {
        resolved(&self.library, &self.cacosh, "double _Complex cacosh(double _Complex z)")?.try_call(z)
    }

    /// `double _Complex casinh(double _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn casinh(&self, z: ComplexDouble) -> Result<ComplexDouble, Error> {
        resolved(&self.library, &self.casinh, "double _Complex casinh(double _Complex z)")?.try_call(z)
    }

    /// `double _Complex catanh(double _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn catanh(&self, z: ComplexDouble) -> Result<ComplexDouble, Error> {
        resolved(&self.library, &self.catanh, "double _Complex catanh(double _Complex z)")?.try_call(z)
    }

    /// `double _Complex ccosh(double _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn ccosh(&self, z: ComplexDouble) -> Result<ComplexDouble, Error> {
        resolved(&self.library, &self.ccosh, "double _Complex ccosh(double _Complex z)")?.try_call(z)
    }

    /// `double _Complex csinh(double _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn csinh(&self, z: ComplexDouble) -> Result<ComplexDouble, Error> {
        resolved(&self.library, &self.csinh, "double _Complex csinh(double _Complex z)")?.try_call(z)
    }

    /// `double _Complex ctanh(double _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn ctanh(&self, z: ComplexDouble) -> Result<ComplexDouble, Error> {
        resolved(&self.library, &self.ctanh, "double _Complex ctanh(double _Complex z)")?.try_call(z)
    }

    /// `double _Complex cexp(double _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn cexp(&self, z: ComplexDouble) -> Result<ComplexDouble, Error> {
        resolved(&self.library, &self.cexp, "double _Complex cexp(double _Complex z)")?.try_call(z)
    }

    /// `double _Complex clog(double _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn clog(&self, z: ComplexDouble) -> Result<ComplexDouble, Error> {
        resolved(&self.library, &self.clog, "double _Complex clog(double _Complex z)")?.try_call(z)
    }

    /// `double _Complex cpow(double _Complex x, double _Complex y)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn cpow(&self, x: ComplexDouble, y: ComplexDouble) -> Result<ComplexDouble, Error> {
        resolved(&self.library, &self.cpow, "double _Complex cpow(double _Complex x, double _Complex y)")?.try_call(x, y)
    }

    /// `double _Complex csqrt(double _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn csqrt(&self, z: ComplexDouble) -> Result<ComplexDouble, Error> {
        resolved(&self.library, &self.csqrt, "double _Complex csqrt(double _Complex z)")?.try_call(z)
    }

    /// `double cabs(double _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn cabs(&self, z: ComplexDouble) -> Result<c_double, Error> {
        resolved(&self.library, &self.cabs, "double cabs(double _Complex z)")?.try_call(z)
    }

    /// `double carg(double _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn carg(&self, z: ComplexDouble) -> Result<c_double, Error> {
        resolved(&self.library, &self.carg, "double carg(double _Complex z)")?.try_call(z)
    }

    /// `double _Complex conj(double _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn conj(&self, z: ComplexDouble) -> Result<ComplexDouble, Error> {
        resolved(&self.library, &self.conj, "double _Complex conj(double _Complex z)")?.try_call(z)
    }

    /// `double _Complex cproj(double _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn cproj(&self, z: ComplexDouble) -> Result<ComplexDouble, Error> {
        resolved(&self.library, &self.cproj, "double _Complex cproj(double _Complex z)")?.try_call(z)
    }

    /// `double cimag(double _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn cimag(&self, z: ComplexDouble) -> Result<c_double, Error> {
        resolved(&self.library, &self.cimag, "double cimag(double _Complex z)")?.try_call(z)
    }

    /// `double creal(double _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn creal(&self, z: ComplexDouble) -> Result<c_double, Error> {
        resolved(&self.library, &self.creal, "double creal(double _Complex z)")?.try_call(z)
    }

    /// `float _Complex cacosf(float _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn cacosf(&self, z: ComplexFloat) -> Result<ComplexFloat, Error> {
        resolved(&self.library, &self.cacosf, "float _Complex cacosf(float _Complex z)")?.try_call(z)
    }

    /// `float _Complex casinf(float _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn casinf(&self, z: ComplexFloat) -> Result<ComplexFloat, Error> {
        resolved(&self.library, &self.casinf, "float _Complex casinf(float _Complex z)")?.try_call(z)
    }

    /// `float _Complex catanf(float _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn catanf(&self, z: ComplexFloat) -> Result<ComplexFloat, Error> {
        resolved(&self.library, &self.catanf, "float _Complex catanf(float _Complex z)")?.try_call(z)
    }

    /// `float _Complex ccosf(float _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn ccosf(&self, z: ComplexFloat) -> Result<ComplexFloat, Error> {
        resolved(&self.library, &self.ccosf, "float _Complex ccosf(float _Complex z)")?.try_call(z)
    }

    /// `float _Complex csinf(float _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn csinf(&self, z: ComplexFloat) -> Result<ComplexFloat, Error> {
        resolved(&self.library, &self.csinf, "float _Complex csinf(float _Complex z)")?.try_call(z)
    }

    /// `float _Complex ctanf(float _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn ctanf(&self, z: ComplexFloat) -> Result<ComplexFloat, Error> {
        resolved(&self.library, &self.ctanf, "float _Complex ctanf(float _Complex z)")?.try_call(z)
    }

    /// `float _Complex cacoshf(float _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn cacoshf(&self, z: ComplexFloat) -> Result<ComplexFloat, Error> {
        resolved(&self.library, &self.cacoshf, "float _Complex cacoshf(float _Complex z)")?.try_call(z)
    }

    /// `float _Complex casinhf(float _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn casinhf(&self, z: ComplexFloat) -> Result<ComplexFloat, Error> {
        resolved(&self.library, &self.casinhf, "float _Complex casinhf(float _Complex z)")?.try_call(z)
    }

    /// `float _Complex catanhf(float _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn catanhf(&self, z: ComplexFloat) -> Result<ComplexFloat, Error> {
        resolved(&self.library, &self.catanhf, "float _Complex catanhf(float _Complex z)")?.try_call(z)
    }

    /// `float _Complex ccoshf(float _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn ccoshf(&self, z: ComplexFloat) -> Result<ComplexFloat, Error> {
        resolved(&self.library, &self.ccoshf, "float _Complex ccoshf(float _Complex z)")?.try_call(z)
    }

    /// `float _Complex csinhf(float _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn csinhf(&self, z: ComplexFloat) -> Result<ComplexFloat, Error> {
        resolved(&self.library, &self.csinhf, "float _Complex csinhf(float _Complex z)")?.try_call(z)
    }

    /// `float _Complex ctanhf(float _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn ctanhf(&self, z: ComplexFloat) -> Result<ComplexFloat, Error> {
        resolved(&self.library, &self.ctanhf, "float _Complex ctanhf(float _Complex z)")?.try_call(z)
    }

    /// `float _Complex cexpf(float _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn cexpf(&self, z: ComplexFloat) -> Result<ComplexFloat, Error> {
        resolved(&self.library, &self.cexpf, "float _Complex cexpf(float _Complex z)")?.try_call(z)
    }

    /// `float _Complex clogf(float _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn clogf(&self, z: ComplexFloat) -> Result<ComplexFloat, Error> {
        resolved(&self.library, &self.clogf, "float _Complex clogf(float _Complex z)")?.try_call(z)
    }

    /// `float _Complex cpowf(float _Complex x, float _Complex y)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn cpowf(&self, x: ComplexFloat, y: ComplexFloat) -> Result<ComplexFloat, Error> {
        resolved(&self.library, &self.cpowf, "float _Complex cpowf(float _Complex x, float _Complex y)")?.try_call(x, y)
    }

    /// `float _Complex csqrtf(float _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn csqrtf(&self, z: ComplexFloat) -> Result<ComplexFloat, Error> {
        resolved(&self.library, &self.csqrtf, "float _Complex csqrtf(float _Complex z)")?.try_call(z)
    }

    /// `float cabsf(float _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn cabsf(&self, z: ComplexFloat) -> Result<c_float, Error> {
        resolved(&self.library, &self.cabsf, "float cabsf(float _Complex z)")?.try_call(z)
    }

    /// `float cargf(float _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn cargf(&self, z: ComplexFloat) -> Result<c_float, Error> {
        resolved(&self.library, &self.cargf, "float cargf(float _Complex z)")?.try_call(z)
    }

    /// `float _Complex conjf(float _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn conjf(&self, z: ComplexFloat) -> Result<ComplexFloat, Error> {
        resolved(&self.library, &self.conjf, "float _Complex conjf(float _Complex z)")?.try_call(z)
    }

    /// `float _Complex cprojf(float _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn cprojf(&self, z: ComplexFloat) -> Result<ComplexFloat, Error> {
        resolved(&self.library, &self.cprojf, "float _Complex cprojf(float _Complex z)")?.try_call(z)
    }

    /// `float cimagf(float _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn cimagf(&self, z: ComplexFloat) -> Result<c_float, Error> {
        resolved(&self.library, &self.cimagf, "float cimagf(float _Complex z)")?.try_call(z)
    }

    /// `float crealf(float _Complex z)`
    ///
    /// # Errors
    /// When the call cannot be carried.
    pub fn crealf(&self, z: ComplexFloat) -> Result<c_float, Error> {
        resolved(&self.library, &self.crealf, "float crealf(float _Complex z)")?.try_call(z)
    }
}

#[derive(Clone, Copy)]
#[repr(C)]
pub struct ComplexDouble {
    pub re: c_double,
    pub im: c_double,
}
// SAFETY: #[repr(C)], and its members take any bits.
unsafe impl Carried for ComplexDouble {}
// SAFETY: it holds no address.
unsafe impl cosmos::ByValue for ComplexDouble {}

#[derive(Clone, Copy)]
#[repr(C)]
pub struct ComplexFloat {
    pub re: c_float,
    pub im: c_float,
}
// SAFETY: #[repr(C)], and its members take any bits.
unsafe impl Carried for ComplexFloat {}
// SAFETY: it holds no address.
unsafe impl cosmos::ByValue for ComplexFloat {}

// Left out:
// nexttoward: Rust has no long double; use Library::function
// nexttowardf: Rust has no long double; use Library::function
// acosl: Rust has no long double; use Library::function
// asinl: Rust has no long double; use Library::function
// atanl: Rust has no long double; use Library::function
// atan2l: Rust has no long double; use Library::function
// cosl: Rust has no long double; use Library::function
// sinl: Rust has no long double; use Library::function
// tanl: Rust has no long double; use Library::function
// coshl: Rust has no long double; use Library::function
// sinhl: Rust has no long double; use Library::function
// tanhl: Rust has no long double; use Library::function
// acoshl: Rust has no long double; use Library::function
// asinhl: Rust has no long double; use Library::function
// atanhl: Rust has no long double; use Library::function
// expl: Rust has no long double; use Library::function
// frexpl: Rust has no long double; use Library::function
// ldexpl: Rust has no long double; use Library::function
// logl: Rust has no long double; use Library::function
// log10l: Rust has no long double; use Library::function
// modfl: Rust has no long double; use Library::function
// expm1l: Rust has no long double; use Library::function
// log1pl: Rust has no long double; use Library::function
// logbl: Rust has no long double; use Library::function
// exp2l: Rust has no long double; use Library::function
// log2l: Rust has no long double; use Library::function
// powl: Rust has no long double; use Library::function
// sqrtl: Rust has no long double; use Library::function
// hypotl: Rust has no long double; use Library::function
// cbrtl: Rust has no long double; use Library::function
// ceill: Rust has no long double; use Library::function
// fabsl: Rust has no long double; use Library::function
// floorl: Rust has no long double; use Library::function
// fmodl: Rust has no long double; use Library::function
// isinfl: Rust has no long double; use Library::function
// finitel: Rust has no long double; use Library::function
// dreml: Rust has no long double; use Library::function
// significandl: Rust has no long double; use Library::function
// copysignl: Rust has no long double; use Library::function
// nanl: Rust has no long double; use Library::function
// isnanl: Rust has no long double; use Library::function
// j0l: Rust has no long double; use Library::function
// j1l: Rust has no long double; use Library::function
// jnl: Rust has no long double; use Library::function
// y0l: Rust has no long double; use Library::function
// y1l: Rust has no long double; use Library::function
// ynl: Rust has no long double; use Library::function
// erfl: Rust has no long double; use Library::function
// erfcl: Rust has no long double; use Library::function
// lgammal: Rust has no long double; use Library::function
// tgammal: Rust has no long double; use Library::function
// gammal: Rust has no long double; use Library::function
// lgammal_r: Rust has no long double; use Library::function
// rintl: Rust has no long double; use Library::function
// nextafterl: Rust has no long double; use Library::function
// nexttowardl: Rust has no long double; use Library::function
// remainderl: Rust has no long double; use Library::function
// scalbnl: Rust has no long double; use Library::function
// ilogbl: Rust has no long double; use Library::function
// scalblnl: Rust has no long double; use Library::function
// nearbyintl: Rust has no long double; use Library::function
// roundl: Rust has no long double; use Library::function
// truncl: Rust has no long double; use Library::function
// remquol: Rust has no long double; use Library::function
// lrintl: Rust has no long double; use Library::function
// llrintl: Rust has no long double; use Library::function
// lroundl: Rust has no long double; use Library::function
// llroundl: Rust has no long double; use Library::function
// fdiml: Rust has no long double; use Library::function
// fmaxl: Rust has no long double; use Library::function
// fminl: Rust has no long double; use Library::function
// fmal: Rust has no long double; use Library::function
// scalbl: Rust has no long double; use Library::function
// exp10l: Rust has no long double; use Library::function
// sincosl: Rust has no long double; use Library::function
// cacosl: Rust has no long double; use Library::function
// casinl: Rust has no long double; use Library::function
// catanl: Rust has no long double; use Library::function
// ccosl: Rust has no long double; use Library::function
// csinl: Rust has no long double; use Library::function
// ctanl: Rust has no long double; use Library::function
// cacoshl: Rust has no long double; use Library::function
// casinhl: Rust has no long double; use Library::function
// catanhl: Rust has no long double; use Library::function
// ccoshl: Rust has no long double; use Library::function
// csinhl: Rust has no long double; use Library::function
// ctanhl: Rust has no long double; use Library::function
// cexpl: Rust has no long double; use Library::function
// clogl: Rust has no long double; use Library::function
// cpowl: Rust has no long double; use Library::function
// csqrtl: Rust has no long double; use Library::function
// cabsl: Rust has no long double; use Library::function
// cargl: Rust has no long double; use Library::function
// conjl: Rust has no long double; use Library::function
// cprojl: Rust has no long double; use Library::function
// cimagl: Rust has no long double; use Library::function
// creall: Rust has no long double; use Library::function
