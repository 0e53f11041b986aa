//! Which units of the processor an instruction uses that hold more than the registers of its operands.

use super::{length, media, x87};
use crate::forms::Row;
use crate::units::Units;
use iced_x86::Code;

/// Instructions of other lists that use registers of MMX, which are the x87 unit's.
const MMX: &[Code] = &[
    Code::Movq2dq_xmm_mm,
    Code::Movdq2q_mm_xmm,
    Code::Cvtpi2ps_xmm_mmm64,
    Code::Cvttps2pi_mm_xmmm64,
    Code::Cvtps2pi_mm_xmmm64,
    Code::Cvtpi2pd_xmm_mmm64,
    Code::Cvttpd2pi_mm_xmmm128,
    Code::Cvtpd2pi_mm_xmmm128,
    Code::Maskmovq_rDI_mm_mm,
];

/// Those that the SSE control word is an operand of.
const MXCSR: &[Code] = &[Code::Ldmxcsr_m32, Code::Stmxcsr_m32];

static UNITS: [Units; length()] = table();

/// What an instruction that is allowed uses.
#[inline(always)]
pub(crate) fn units(code: Code) -> Units {
    UNITS.get(code as usize).copied().unwrap_or(Units::ALL)
}

const fn table() -> [Units; length()] {
    let table = [Units::NONE; length()];
    let table = mark_rows(table, x87::ROWS);
    let table = mark_rows(table, media::ROWS);
    mark(mark(table, MMX, Units::X87), MXCSR, Units::MXCSR)
}

const fn mark_rows(mut table: [Units; length()], rows: &[Row]) -> [Units; length()] {
    let mut row = 0;
    while row < rows.len() {
        table = mark(table, rows[row].codes, Units::X87);
        row += 1;
    }
    table
}

const fn mark(mut table: [Units; length()], codes: &[Code], units: Units) -> [Units; length()] {
    let mut index = 0;
    while index < codes.len() {
        table[codes[index] as usize] = units;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use iced_x86::{CpuidFeature, Mnemonic, OpCodeOperandKind};

    /// All that are allowed, by what the decoder's own description of each says.
    #[test]
    fn units_are_those_that_are_described() {
        let is_of_x87 = |code: Code| {
            let operands = code.op_code();
            let has_register = (0..operands.op_count()).any(|operand| {
                matches!(
                    operands.op_kind(operand),
                    OpCodeOperandKind::mm_reg
                        | OpCodeOperandKind::mm_rm
                        | OpCodeOperandKind::mm_or_mem
                        | OpCodeOperandKind::st0
                        | OpCodeOperandKind::sti_opcode
                )
            });
            let is_in_set = code.cpuid_features().iter().any(|feature| {
                matches!(
                    feature,
                    CpuidFeature::FPU
                        | CpuidFeature::FPU287
                        | CpuidFeature::FPU387
                        | CpuidFeature::MMX
                        | CpuidFeature::D3NOW
                        | CpuidFeature::D3NOWEXT
                )
            });
            // That one only waits.
            (has_register || is_in_set) && code.mnemonic() != Mnemonic::Wait
        };
        let allowed = Code::values().filter(|code| !super::super::fast(*code).is_forbidden());
        let mut count = 0;
        for code in allowed {
            let expected = match code.mnemonic() {
                Mnemonic::Ldmxcsr | Mnemonic::Stmxcsr => Units::MXCSR,
                _ if is_of_x87(code) => Units::X87,
                _ => Units::NONE,
            };
            assert_eq!(units(code), expected, "{code:?}");
            count += usize::from(expected == Units::X87);
        }
        assert!(count > 200, "only {count}");
    }
}
