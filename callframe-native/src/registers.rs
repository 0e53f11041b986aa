//! Two words as values of C types that travel in two registers.

/// Two words, whose types say in which registers they are returned.
///
/// Where there is one word, it is the first, and what the second one is does not matter: a caller that
/// expects one word looks into one register.
pub(crate) trait Pair {
    fn of(words: [u64; 2]) -> Self;
    fn words(self) -> [u64; 2];
}

/// rax and xmm0.
#[repr(C)]
pub(crate) struct IntegerFirst(u64, f64);

/// xmm0 and rax.
#[repr(C)]
pub(crate) struct FloatFirst(f64, u64);

/// rax and rdx.
#[repr(C)]
pub(crate) struct Integers(u64, u64);

/// xmm0 and xmm1.
#[repr(C)]
pub(crate) struct Floats(f64, f64);

impl Pair for IntegerFirst {
    #[inline]
    fn of([first, second]: [u64; 2]) -> Self {
        IntegerFirst(first, f64::from_bits(second))
    }

    #[inline]
    fn words(self) -> [u64; 2] {
        [self.0, self.1.to_bits()]
    }
}

impl Pair for FloatFirst {
    #[inline]
    fn of([first, second]: [u64; 2]) -> Self {
        FloatFirst(f64::from_bits(first), second)
    }

    #[inline]
    fn words(self) -> [u64; 2] {
        [self.0.to_bits(), self.1]
    }
}

impl Pair for Integers {
    #[inline]
    fn of([first, second]: [u64; 2]) -> Self {
        Integers(first, second)
    }

    #[inline]
    fn words(self) -> [u64; 2] {
        [self.0, self.1]
    }
}

impl Pair for Floats {
    #[inline]
    fn of([first, second]: [u64; 2]) -> Self {
        Floats(f64::from_bits(first), f64::from_bits(second))
    }

    #[inline]
    fn words(self) -> [u64; 2] {
        [self.0.to_bits(), self.1.to_bits()]
    }
}
