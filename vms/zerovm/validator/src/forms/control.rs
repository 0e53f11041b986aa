//! Stack, branches and strings: forms that touch memory which no operand names, or that do not
//! fall through.
//!
//! Not here, and so forbidden: returns but one in dialect `fast`, far branches, `enter`, `leave`, system calls, ports.

use super::{Form, Kind, Row, rows};
use crate::prefix::Allowed;

pub(super) const ROWS: &[Row] = rows! {
    // Touch neither memory nor a general register.
    Form::new(Allowed::PLAIN) =>
        Push_r64 Pushq_imm32 Pushq_imm8 Hlt Ud2;

    // Write a register and touch no memory.
    Form::new(Allowed::PLAIN).writes_first() =>
        Pop_r64;

    // Write their r/m operand, which may be memory.
    Form::new(Allowed::PLAIN).modrm_first().writes_first().no_segment() =>
        Pop_rm64;

    // Use their r/m operand and write no general register.
    Form::new(Allowed::PLAIN).modrm_first().no_segment() =>
        Push_rm64;
    Form::new(Allowed::PLAIN).kind(Kind::Branch) =>
        Jrcxz_rel8_64 Call_rel32_64 Jmp_rel32_64 Jmp_rel8_64;
    Form::new(Allowed::HINTED).kind(Kind::Branch) =>
        Jo_rel8_64 Jno_rel8_64 Jb_rel8_64 Jae_rel8_64 Je_rel8_64 Jne_rel8_64 Jbe_rel8_64
        Ja_rel8_64 Js_rel8_64 Jns_rel8_64 Jp_rel8_64 Jnp_rel8_64 Jl_rel8_64 Jge_rel8_64
        Jle_rel8_64 Jg_rel8_64 Jo_rel32_64 Jno_rel32_64 Jb_rel32_64 Jae_rel32_64 Je_rel32_64
        Jne_rel32_64 Jbe_rel32_64 Ja_rel32_64 Js_rel32_64 Jns_rel32_64 Jp_rel32_64 Jnp_rel32_64
        Jl_rel32_64 Jge_rel32_64 Jle_rel32_64 Jg_rel32_64;
    Form::new(Allowed::PLAIN).modrm_first().no_segment().kind(Kind::IndirectBranch) =>
        Call_rm64 Jmp_rm64;
    Form::new(Allowed::PLAIN).kind(Kind::StringDestination) =>
        Maskmovq_rDI_mm_mm;
    Form::new(Allowed::P66).kind(Kind::StringDestination) =>
        Maskmovdqu_rDI_xmm_xmm;

    // Write general registers that no operand names.
    Form::new(Allowed::PLAIN).kind(Kind::Branch), also writes RCX =>
        Loopne_rel8_64_RCX Loope_rel8_64_RCX Loop_rel8_64_RCX;
    Form::new(Allowed::WORD).kind(Kind::StringBoth), also writes RCX RSI RDI =>
        Movsw_m16_m16 Cmpsw_m16_m16;
    Form::new(Allowed::REP_BYTE).kind(Kind::StringBoth), also writes RCX RSI RDI =>
        Movsb_m8_m8;
    Form::new(Allowed::REP_LONG).kind(Kind::StringBoth), also writes RCX RSI RDI =>
        Movsd_m32_m32;
    Form::new(Allowed::REP_QUAD).kind(Kind::StringBoth), also writes RCX RSI RDI =>
        Movsq_m64_m64;
    Form::new(Allowed::REPCC_BYTE).kind(Kind::StringBoth), also writes RCX RSI RDI =>
        Cmpsb_m8_m8;
    Form::new(Allowed::REPCC_LONG).kind(Kind::StringBoth), also writes RCX RSI RDI =>
        Cmpsd_m32_m32;
    Form::new(Allowed::REPCC_QUAD).kind(Kind::StringBoth), also writes RCX RSI RDI =>
        Cmpsq_m64_m64;
    Form::new(Allowed::WORD).kind(Kind::StringDestination), also writes RCX RDI =>
        Stosw_m16_AX Scasw_AX_m16;
    Form::new(Allowed::REP_BYTE).kind(Kind::StringDestination), also writes RCX RDI =>
        Stosb_m8_AL;
    Form::new(Allowed::REP_LONG).kind(Kind::StringDestination), also writes RCX RDI =>
        Stosd_m32_EAX;
    Form::new(Allowed::REP_QUAD).kind(Kind::StringDestination), also writes RCX RDI =>
        Stosq_m64_RAX;
    Form::new(Allowed::REPCC_BYTE).kind(Kind::StringDestination), also writes RCX RDI =>
        Scasb_AL_m8;
    Form::new(Allowed::REPCC_LONG).kind(Kind::StringDestination), also writes RCX RDI =>
        Scasd_EAX_m32;
    Form::new(Allowed::REPCC_QUAD).kind(Kind::StringDestination), also writes RCX RDI =>
        Scasq_RAX_m64;
    Form::new(Allowed::WORD).kind(Kind::StringSource), also writes RAX RCX RSI =>
        Lodsw_AX_m16;
    Form::new(Allowed::REP_BYTE).kind(Kind::StringSource), also writes RAX RCX RSI =>
        Lodsb_AL_m8;
    Form::new(Allowed::REP_LONG).kind(Kind::StringSource), also writes RAX RCX RSI =>
        Lodsd_EAX_m32;
    Form::new(Allowed::REP_QUAD).kind(Kind::StringSource), also writes RAX RCX RSI =>
        Lodsq_RAX_m64;
};

/// What dialect `fast` has beside these.
pub(super) const ROWS_OF_FAST: &[Row] = rows! {
    // Reads memory at rsp.
    Form::new(Allowed::PLAIN).kind(Kind::Return) =>
        Retnq;
};
