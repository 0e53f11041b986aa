//! MMX and 3DNow!.

use super::{Form, Row, rows};
use crate::prefix::Allowed;

pub(super) const ROWS: &[Row] = rows! {
    // Touch neither memory nor a general register.
    Form::new(Allowed::PLAIN) =>
        Femms Psrlw_mm_imm8 Psraw_mm_imm8 Psllw_mm_imm8 Psrld_mm_imm8 Psrad_mm_imm8 Pslld_mm_imm8
        Psrlq_mm_imm8 Psllq_mm_imm8 Emms;

    // Read their r/m operand and write no general register.
    Form::new(Allowed::PLAIN).modrm_second() =>
        Punpcklbw_mm_mmm32 Punpcklwd_mm_mmm32 Punpckldq_mm_mmm32 Packsswb_mm_mmm64
        Pcmpgtb_mm_mmm64 Pcmpgtw_mm_mmm64 Pcmpgtd_mm_mmm64 Packuswb_mm_mmm64 Punpckhbw_mm_mmm64
        Punpckhwd_mm_mmm64 Punpckhdq_mm_mmm64 Packssdw_mm_mmm64 Movq_mm_mmm64 Pshufw_mm_mmm64_imm8
        Pcmpeqb_mm_mmm64 Pcmpeqw_mm_mmm64 Pcmpeqd_mm_mmm64 Psrlw_mm_mmm64 Psrld_mm_mmm64
        Psrlq_mm_mmm64 Paddq_mm_mmm64 Pmullw_mm_mmm64 Psubusb_mm_mmm64 Psubusw_mm_mmm64
        Pminub_mm_mmm64 Pand_mm_mmm64 Paddusb_mm_mmm64 Paddusw_mm_mmm64 Pmaxub_mm_mmm64
        Pandn_mm_mmm64 Pavgb_mm_mmm64 Psraw_mm_mmm64 Psrad_mm_mmm64 Pavgw_mm_mmm64
        Pmulhuw_mm_mmm64 Pmulhw_mm_mmm64 Psubsb_mm_mmm64 Psubsw_mm_mmm64 Pminsw_mm_mmm64
        Por_mm_mmm64 Paddsb_mm_mmm64 Paddsw_mm_mmm64 Pmaxsw_mm_mmm64 Pxor_mm_mmm64 Psllw_mm_mmm64
        Pslld_mm_mmm64 Psllq_mm_mmm64 Pmuludq_mm_mmm64 Pmaddwd_mm_mmm64 Psadbw_mm_mmm64
        Psubb_mm_mmm64 Psubw_mm_mmm64 Psubd_mm_mmm64 Psubq_mm_mmm64 Paddb_mm_mmm64 Paddw_mm_mmm64
        Paddd_mm_mmm64 Pshufb_mm_mmm64 Phaddw_mm_mmm64 Phaddd_mm_mmm64 Phaddsw_mm_mmm64
        Pmaddubsw_mm_mmm64 Phsubw_mm_mmm64 Phsubd_mm_mmm64 Phsubsw_mm_mmm64 Psignb_mm_mmm64
        Psignw_mm_mmm64 Psignd_mm_mmm64 Pmulhrsw_mm_mmm64 Pabsb_mm_mmm64 Pabsw_mm_mmm64
        Pabsd_mm_mmm64 Palignr_mm_mmm64_imm8 D3NOW_Pi2fw_mm_mmm64 D3NOW_Pi2fd_mm_mmm64
        D3NOW_Pf2iw_mm_mmm64 D3NOW_Pf2id_mm_mmm64 D3NOW_Pfnacc_mm_mmm64 D3NOW_Pfpnacc_mm_mmm64
        D3NOW_Pfcmpge_mm_mmm64 D3NOW_Pfmin_mm_mmm64 D3NOW_Pfrcp_mm_mmm64 D3NOW_Pfrsqrt_mm_mmm64
        D3NOW_Pfsub_mm_mmm64 D3NOW_Pfadd_mm_mmm64 D3NOW_Pfcmpgt_mm_mmm64 D3NOW_Pfmax_mm_mmm64
        D3NOW_Pfrcpit1_mm_mmm64 D3NOW_Pfrsqit1_mm_mmm64 D3NOW_Pfsubr_mm_mmm64 D3NOW_Pfacc_mm_mmm64
        D3NOW_Pfcmpeq_mm_mmm64 D3NOW_Pfmul_mm_mmm64 D3NOW_Pfrcpit2_mm_mmm64 D3NOW_Pmulhrw_mm_mmm64
        D3NOW_Pswapd_mm_mmm64 D3NOW_Pavgusb_mm_mmm64;
    Form::new(Allowed::LONG).modrm_second() =>
        Movd_mm_rm32 Pinsrw_mm_r32m16_imm8;
    Form::new(Allowed::QUAD).modrm_second() =>
        Movq_mm_rm64 Pinsrw_mm_r64m16_imm8;

    // Write their r/m operand and clear the upper half of a register there.
    Form::new(Allowed::LONG).modrm_first().writes_first().zero_extends() =>
        Movd_rm32_mm;

    // Write their r/m operand, which may be memory.
    Form::new(Allowed::QUAD).modrm_first().writes_first() =>
        Movq_rm64_mm;

    // Use their r/m operand and write no general register.
    Form::new(Allowed::PLAIN).modrm_first() =>
        Movq_mmm64_mm Movntq_m64_mm;

    // Write a register and touch no memory.
    Form::new(Allowed::LONG).writes_first() =>
        Pextrw_r32_mm_imm8 Pmovmskb_r32_mm;
    Form::new(Allowed::QUAD).writes_first() =>
        Pextrw_r64_mm_imm8 Pmovmskb_r64_mm;
};
