//! Integer arithmetic, moves and no-operations.
//!
//! Not here, and so forbidden: bit tests with a register as offset, which reach beyond their
//! operand; `mov` with an absolute address; the aliases `test` F6/F7 /1 and `shl` /6; `bswap` of 16
//! bits; `lahf` and `sahf`.

use super::{Form, Kind, Row, rows};
use crate::prefix::Allowed;

pub(super) const ROWS: &[Row] = rows! {
    // Write their r/m operand, which may be memory.
    Form::new(Allowed::PLAIN).modrm_first().writes_first() =>
        Mov_rm8_r8 Rol_rm8_imm8 Ror_rm8_imm8 Rcl_rm8_imm8 Rcr_rm8_imm8 Shl_rm8_imm8 Shr_rm8_imm8
        Sar_rm8_imm8 Mov_rm8_imm8 Rol_rm8_1 Ror_rm8_1 Rcl_rm8_1 Rcr_rm8_1 Shl_rm8_1 Shr_rm8_1
        Sar_rm8_1 Rol_rm8_CL Ror_rm8_CL Rcl_rm8_CL Rcr_rm8_CL Shl_rm8_CL Shr_rm8_CL Sar_rm8_CL
        Seto_rm8 Setno_rm8 Setb_rm8 Setae_rm8 Sete_rm8 Setne_rm8 Setbe_rm8 Seta_rm8 Sets_rm8
        Setns_rm8 Setp_rm8 Setnp_rm8 Setl_rm8 Setge_rm8 Setle_rm8 Setg_rm8;
    Form::new(Allowed::BYTE_LOCKABLE).modrm_first().writes_first() =>
        Add_rm8_r8 Or_rm8_r8 Adc_rm8_r8 Sbb_rm8_r8 And_rm8_r8 Sub_rm8_r8 Xor_rm8_r8 Add_rm8_imm8
        Or_rm8_imm8 Adc_rm8_imm8 Sbb_rm8_imm8 And_rm8_imm8 Sub_rm8_imm8 Xor_rm8_imm8 Not_rm8
        Neg_rm8 Inc_rm8 Dec_rm8;
    Form::new(Allowed::WORD_LOCKABLE).modrm_first().writes_first() =>
        Add_rm16_r16 Or_rm16_r16 Adc_rm16_r16 Sbb_rm16_r16 And_rm16_r16 Sub_rm16_r16 Xor_rm16_r16
        Add_rm16_imm16 Or_rm16_imm16 Adc_rm16_imm16 Sbb_rm16_imm16 And_rm16_imm16 Sub_rm16_imm16
        Xor_rm16_imm16 Add_rm16_imm8 Or_rm16_imm8 Adc_rm16_imm8 Sbb_rm16_imm8 And_rm16_imm8
        Sub_rm16_imm8 Xor_rm16_imm8 Not_rm16 Neg_rm16 Inc_rm16 Dec_rm16 Bts_rm16_imm8
        Btr_rm16_imm8 Btc_rm16_imm8;
    Form::new(Allowed::LONG_LOCKABLE).modrm_first().writes_first() =>
        Adc_rm32_r32 Sbb_rm32_r32 Adc_rm32_imm32 Sbb_rm32_imm32 Adc_rm32_imm8 Sbb_rm32_imm8
        Bts_rm32_imm8 Btr_rm32_imm8 Btc_rm32_imm8;
    Form::new(Allowed::QUAD_LOCKABLE).modrm_first().writes_first() =>
        Add_rm64_r64 Or_rm64_r64 Adc_rm64_r64 Sbb_rm64_r64 And_rm64_r64 Sub_rm64_r64 Xor_rm64_r64
        Add_rm64_imm32 Or_rm64_imm32 Adc_rm64_imm32 Sbb_rm64_imm32 And_rm64_imm32 Sub_rm64_imm32
        Xor_rm64_imm32 Add_rm64_imm8 Or_rm64_imm8 Adc_rm64_imm8 Sbb_rm64_imm8 And_rm64_imm8
        Sub_rm64_imm8 Xor_rm64_imm8 Not_rm64 Neg_rm64 Inc_rm64 Dec_rm64 Bts_rm64_imm8
        Btr_rm64_imm8 Btc_rm64_imm8;
    Form::new(Allowed::WORD).modrm_first().writes_first() =>
        Mov_rm16_r16 Rol_rm16_imm8 Ror_rm16_imm8 Rcl_rm16_imm8 Rcr_rm16_imm8 Shl_rm16_imm8
        Shr_rm16_imm8 Sar_rm16_imm8 Mov_rm16_imm16 Rol_rm16_1 Ror_rm16_1 Rcl_rm16_1 Rcr_rm16_1
        Shl_rm16_1 Shr_rm16_1 Sar_rm16_1 Rol_rm16_CL Ror_rm16_CL Rcl_rm16_CL Rcr_rm16_CL
        Shl_rm16_CL Shr_rm16_CL Sar_rm16_CL Shld_rm16_r16_imm8 Shld_rm16_r16_CL Shrd_rm16_r16_imm8
        Shrd_rm16_r16_CL Movbe_m16_r16;
    Form::new(Allowed::LONG).modrm_first().writes_first() =>
        Rol_rm32_imm8 Ror_rm32_imm8 Rcl_rm32_imm8 Rcr_rm32_imm8 Shl_rm32_imm8 Shr_rm32_imm8
        Sar_rm32_imm8 Rol_rm32_1 Ror_rm32_1 Rcl_rm32_1 Rcr_rm32_1 Shl_rm32_1 Shr_rm32_1 Sar_rm32_1
        Rol_rm32_CL Ror_rm32_CL Rcl_rm32_CL Rcr_rm32_CL Shl_rm32_CL Shr_rm32_CL Sar_rm32_CL
        Shld_rm32_r32_imm8 Shld_rm32_r32_CL Shrd_rm32_r32_imm8 Shrd_rm32_r32_CL Movbe_m32_r32;
    Form::new(Allowed::QUAD).modrm_first().writes_first() =>
        Mov_rm64_r64 Rol_rm64_imm8 Ror_rm64_imm8 Rcl_rm64_imm8 Rcr_rm64_imm8 Shl_rm64_imm8
        Shr_rm64_imm8 Sar_rm64_imm8 Mov_rm64_imm32 Rol_rm64_1 Ror_rm64_1 Rcl_rm64_1 Rcr_rm64_1
        Shl_rm64_1 Shr_rm64_1 Sar_rm64_1 Rol_rm64_CL Ror_rm64_CL Rcl_rm64_CL Rcr_rm64_CL
        Shl_rm64_CL Shr_rm64_CL Sar_rm64_CL Shld_rm64_r64_imm8 Shld_rm64_r64_CL Shrd_rm64_r64_imm8
        Shrd_rm64_r64_CL Movbe_m64_r64;

    // Write their r/m operand and clear the upper half of a register there.
    Form::new(Allowed::LONG_LOCKABLE).modrm_first().writes_first().zero_extends() =>
        Add_rm32_r32 Or_rm32_r32 And_rm32_r32 Sub_rm32_r32 Xor_rm32_r32 Add_rm32_imm32
        Or_rm32_imm32 And_rm32_imm32 Sub_rm32_imm32 Xor_rm32_imm32 Add_rm32_imm8 Or_rm32_imm8
        And_rm32_imm8 Sub_rm32_imm8 Xor_rm32_imm8 Not_rm32 Neg_rm32 Inc_rm32 Dec_rm32;
    Form::new(Allowed::LONG).modrm_first().writes_first().zero_extends() =>
        Mov_rm32_r32 Mov_rm32_imm32;

    // Read their r/m operand and write a register.
    Form::new(Allowed::PLAIN).modrm_second().writes_first() =>
        Add_r8_rm8 Or_r8_rm8 Adc_r8_rm8 Sbb_r8_rm8 And_r8_rm8 Sub_r8_rm8 Xor_r8_rm8 Mov_r8_rm8;
    Form::new(Allowed::WORD).modrm_second().writes_first() =>
        Add_r16_rm16 Or_r16_rm16 Adc_r16_rm16 Sbb_r16_rm16 And_r16_rm16 Sub_r16_rm16 Xor_r16_rm16
        Imul_r16_rm16_imm16 Imul_r16_rm16_imm8 Mov_r16_rm16 Cmovo_r16_rm16 Cmovno_r16_rm16
        Cmovb_r16_rm16 Cmovae_r16_rm16 Cmove_r16_rm16 Cmovne_r16_rm16 Cmovbe_r16_rm16
        Cmova_r16_rm16 Cmovs_r16_rm16 Cmovns_r16_rm16 Cmovp_r16_rm16 Cmovnp_r16_rm16
        Cmovl_r16_rm16 Cmovge_r16_rm16 Cmovle_r16_rm16 Cmovg_r16_rm16 Imul_r16_rm16 Movzx_r16_rm8
        Movzx_r16_rm16 Bsf_r16_rm16 Bsr_r16_rm16 Movsx_r16_rm8 Movsx_r16_rm16 Movbe_r16_m16;
    Form::new(Allowed::LONG).modrm_second().writes_first() =>
        Adc_r32_rm32 Sbb_r32_rm32 Cmovo_r32_rm32 Cmovno_r32_rm32 Cmovb_r32_rm32 Cmovae_r32_rm32
        Cmove_r32_rm32 Cmovne_r32_rm32 Cmovbe_r32_rm32 Cmova_r32_rm32 Cmovs_r32_rm32
        Cmovns_r32_rm32 Cmovp_r32_rm32 Cmovnp_r32_rm32 Cmovl_r32_rm32 Cmovge_r32_rm32
        Cmovle_r32_rm32 Cmovg_r32_rm32 Bsf_r32_rm32 Bsr_r32_rm32 Movbe_r32_m32;
    Form::new(Allowed::QUAD).modrm_second().writes_first() =>
        Add_r64_rm64 Or_r64_rm64 Adc_r64_rm64 Sbb_r64_rm64 And_r64_rm64 Sub_r64_rm64 Xor_r64_rm64
        Movsxd_r64_rm32 Imul_r64_rm64_imm32 Imul_r64_rm64_imm8 Mov_r64_rm64 Cmovo_r64_rm64
        Cmovno_r64_rm64 Cmovb_r64_rm64 Cmovae_r64_rm64 Cmove_r64_rm64 Cmovne_r64_rm64
        Cmovbe_r64_rm64 Cmova_r64_rm64 Cmovs_r64_rm64 Cmovns_r64_rm64 Cmovp_r64_rm64
        Cmovnp_r64_rm64 Cmovl_r64_rm64 Cmovge_r64_rm64 Cmovle_r64_rm64 Cmovg_r64_rm64
        Imul_r64_rm64 Movzx_r64_rm8 Movzx_r64_rm16 Bsf_r64_rm64 Bsr_r64_rm64 Movsx_r64_rm8
        Movsx_r64_rm16 Movbe_r64_m64;
    Form::new(Allowed::PF3_LONG).modrm_second().writes_first() =>
        Popcnt_r32_rm32 Tzcnt_r32_rm32 Lzcnt_r32_rm32;
    Form::new(Allowed::PF3_QUAD).modrm_second().writes_first() =>
        Popcnt_r64_rm64 Tzcnt_r64_rm64 Lzcnt_r64_rm64;
    Form::new(Allowed::PF2_LONG).modrm_second().writes_first() =>
        Crc32_r32_rm8 Crc32_r32_rm32;
    Form::new(Allowed::PF2_QUAD).modrm_second().writes_first() =>
        Crc32_r64_rm8 Crc32_r64_rm64;

    // Read their r/m operand, write a register and clear its upper half.
    Form::new(Allowed::LONG).modrm_second().writes_first().zero_extends() =>
        Add_r32_rm32 Or_r32_rm32 And_r32_rm32 Sub_r32_rm32 Xor_r32_rm32 Movsxd_r32_rm32
        Imul_r32_rm32_imm32 Imul_r32_rm32_imm8 Mov_r32_rm32 Imul_r32_rm32 Movzx_r32_rm8
        Movzx_r32_rm16 Movsx_r32_rm8 Movsx_r32_rm16;

    // Write a register and touch no memory.
    Form::new(Allowed::PLAIN).writes_first() =>
        Add_AL_imm8 Or_AL_imm8 Adc_AL_imm8 Sbb_AL_imm8 And_AL_imm8 Sub_AL_imm8 Xor_AL_imm8
        Mov_r8_imm8;
    Form::new(Allowed::WORD).writes_first() =>
        Add_AX_imm16 Or_AX_imm16 Adc_AX_imm16 Sbb_AX_imm16 And_AX_imm16 Sub_AX_imm16 Xor_AX_imm16
        Mov_r16_imm16;
    Form::new(Allowed::WORD).writes_first().computes_address() =>
        Lea_r16_m;
    Form::new(Allowed::LONG).writes_first() =>
        Adc_EAX_imm32 Sbb_EAX_imm32 Bswap_r32;
    Form::new(Allowed::QUAD).writes_first() =>
        Add_RAX_imm32 Or_RAX_imm32 Adc_RAX_imm32 Sbb_RAX_imm32 And_RAX_imm32 Sub_RAX_imm32
        Xor_RAX_imm32 Mov_r64_imm64 Bswap_r64;
    Form::new(Allowed::QUAD).writes_first().computes_address() =>
        Lea_r64_m;

    // Write a register, clear its upper half and touch no memory.
    Form::new(Allowed::LONG).writes_first().zero_extends() =>
        Add_EAX_imm32 Or_EAX_imm32 And_EAX_imm32 Sub_EAX_imm32 Xor_EAX_imm32 Mov_r32_imm32;
    Form::new(Allowed::LONG).writes_first().zero_extends().computes_address() =>
        Lea_r32_m;

    // Use their r/m operand and write no general register.
    Form::new(Allowed::PLAIN).modrm_first() =>
        Cmp_rm8_r8 Cmp_rm8_imm8 Test_rm8_r8 Test_rm8_imm8;
    Form::new(Allowed::WORD).modrm_first() =>
        Cmp_rm16_r16 Cmp_rm16_imm16 Cmp_rm16_imm8 Test_rm16_r16 Test_rm16_imm16 Bt_rm16_imm8;
    Form::new(Allowed::LONG).modrm_first() =>
        Cmp_rm32_r32 Cmp_rm32_imm32 Cmp_rm32_imm8 Test_rm32_r32 Test_rm32_imm32 Bt_rm32_imm8;
    Form::new(Allowed::QUAD).modrm_first() =>
        Cmp_rm64_r64 Cmp_rm64_imm32 Cmp_rm64_imm8 Test_rm64_r64 Test_rm64_imm32 Bt_rm64_imm8;

    // Read their r/m operand and write no general register.
    Form::new(Allowed::PLAIN).modrm_second() =>
        Cmp_r8_rm8;
    Form::new(Allowed::WORD).modrm_second() =>
        Cmp_r16_rm16;
    Form::new(Allowed::LONG).modrm_second() =>
        Cmp_r32_rm32;
    Form::new(Allowed::QUAD).modrm_second() =>
        Cmp_r64_rm64;

    // Touch neither memory nor a general register.
    Form::new(Allowed::PLAIN) =>
        Cmp_AL_imm8 Wait Test_AL_imm8 Cmc Clc Stc Cld Std Lfence Mfence Sfence;
    Form::new(Allowed::WORD) =>
        Cmp_AX_imm16 Nopw Test_AX_imm16;
    Form::new(Allowed::LONG) =>
        Cmp_EAX_imm32 Nopd Test_EAX_imm32;
    Form::new(Allowed::QUAD) =>
        Cmp_RAX_imm32 Nopq Test_RAX_imm32;

    // Write both operands.
    Form::new(Allowed::BYTE_LOCKABLE).modrm_first().writes_both() =>
        Xchg_rm8_r8 Xadd_rm8_r8;
    Form::new(Allowed::WORD_LOCKABLE).modrm_first().writes_both() =>
        Xchg_rm16_r16 Xadd_rm16_r16;
    Form::new(Allowed::QUAD_LOCKABLE).modrm_first().writes_both() =>
        Xchg_rm64_r64 Xadd_rm64_r64;

    // Write both operands; the upper half of the r/m operand is cleared where it is a register.
    Form::new(Allowed::LONG_LOCKABLE).modrm_first().writes_both().zero_extends() =>
        Xchg_rm32_r32 Xadd_rm32_r32;
    Form::new(Allowed::WORD).writes_both() =>
        Xchg_r16_AX;
    Form::new(Allowed::QUAD).writes_both() =>
        Xchg_r64_RAX;
    Form::new(Allowed::LONG).writes_both().zero_extends() =>
        Xchg_r32_EAX;

    // Only the fixed byte strings of `prefix::is_fixed_nop`.
    Form::new(Allowed::LONG_NOP).kind(Kind::FixedNop) =>
        Nop_rm16;
    Form::new(Allowed::LONG).kind(Kind::FixedNop) =>
        Nop_rm32;

    // F3 90 without REX: with REX.B the processor exchanges r8 and rax.
    Form::new(Allowed::PF3_LONG).kind(Kind::Pause) =>
        Pause;

    // Write general registers that no operand names.
    Form::new(Allowed::WORD), also writes RAX =>
        Cbw;
    Form::new(Allowed::LONG), also writes RAX =>
        Cwde;
    Form::new(Allowed::QUAD), also writes RAX =>
        Cdqe;
    Form::new(Allowed::WORD), also writes RDX =>
        Cwd;
    Form::new(Allowed::LONG), also writes RDX =>
        Cdq;
    Form::new(Allowed::QUAD), also writes RDX =>
        Cqo;
    Form::new(Allowed::PLAIN).modrm_first(), also writes RAX =>
        Mul_rm8 Imul_rm8 Div_rm8 Idiv_rm8;
    Form::new(Allowed::LONG_LOCKABLE).modrm_first(), also writes RAX RDX =>
        Cmpxchg8b_m64;
    Form::new(Allowed::QUAD_LOCKABLE).modrm_first(), also writes RAX RDX =>
        Cmpxchg16b_m128;
    Form::new(Allowed::WORD).modrm_first(), also writes RAX RDX =>
        Mul_rm16 Imul_rm16 Div_rm16 Idiv_rm16;
    Form::new(Allowed::LONG).modrm_first(), also writes RAX RDX =>
        Mul_rm32 Imul_rm32 Div_rm32 Idiv_rm32;
    Form::new(Allowed::QUAD).modrm_first(), also writes RAX RDX =>
        Mul_rm64 Imul_rm64 Div_rm64 Idiv_rm64;
    Form::new(Allowed::PLAIN), also writes RAX RBX RCX RDX =>
        Cpuid;
    Form::new(Allowed::BYTE_LOCKABLE).modrm_first().writes_first(), also writes RAX =>
        Cmpxchg_rm8_r8;
    Form::new(Allowed::WORD_LOCKABLE).modrm_first().writes_first(), also writes RAX =>
        Cmpxchg_rm16_r16;
    Form::new(Allowed::LONG_LOCKABLE).modrm_first().writes_first(), also writes RAX =>
        Cmpxchg_rm32_r32;
    Form::new(Allowed::QUAD_LOCKABLE).modrm_first().writes_first(), also writes RAX =>
        Cmpxchg_rm64_r64;
};
