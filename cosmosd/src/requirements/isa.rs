//! x86-64 microarchitecture levels, of files and of this CPU.

use std::fmt;

/// An x86-64 microarchitecture level (System V ABI AMD64 supplement, section 3.1.1); each contains
/// the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IsaLevel {
    /// Every x86-64 CPU.
    Baseline,
    /// Up to SSE4.2 and POPCNT.
    V2,
    /// Up to AVX2, BMI2 and FMA.
    V3,
    /// AVX-512.
    V4,
    /// A level of later revisions of the supplement.
    Beyond,
}

impl IsaLevel {
    /// The level that the bits of a `GNU_PROPERTY_X86_ISA_1_NEEDED` note ask for.
    pub(super) fn from_needed(bits: u32) -> IsaLevel {
        match 32 - bits.leading_zeros() {
            0 | 1 => IsaLevel::Baseline,
            2 => IsaLevel::V2,
            3 => IsaLevel::V3,
            4 => IsaLevel::V4,
            _ => IsaLevel::Beyond,
        }
    }

    /// The level of this CPU, as far as programs can use it under this kernel.
    pub fn of_this_cpu() -> IsaLevel {
        #[cfg(target_arch = "x86_64")]
        {
            use std::is_x86_feature_detected as has;
            let v2 = has!("cmpxchg16b") && has!("popcnt") && has!("ssse3") && has!("sse4.2");
            let v3 = v2
                && has!("avx2")
                && has!("bmi1")
                && has!("bmi2")
                && has!("f16c")
                && has!("fma")
                && has!("lzcnt")
                && has!("movbe");
            let v4 = v3
                && has!("avx512f")
                && has!("avx512bw")
                && has!("avx512cd")
                && has!("avx512dq")
                && has!("avx512vl");
            if v4 {
                return IsaLevel::V4;
            }
            if v3 {
                return IsaLevel::V3;
            }
            if v2 {
                return IsaLevel::V2;
            }
        }
        IsaLevel::Baseline
    }

    /// Its name, as compilers spell it after `-march=`.
    pub fn name(self) -> &'static str {
        match self {
            IsaLevel::Baseline => "x86-64",
            IsaLevel::V2 => "x86-64-v2",
            IsaLevel::V3 => "x86-64-v3",
            IsaLevel::V4 => "x86-64-v4",
            IsaLevel::Beyond => "beyond x86-64-v4",
        }
    }
}

impl fmt::Display for IsaLevel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
