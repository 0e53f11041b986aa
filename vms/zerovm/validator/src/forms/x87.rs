//! The x87 unit.
//!
//! The wait prefix is an instruction of its own (`Wait`, with the integers). Not here, and so
//! forbidden: the undocumented aliases, the 16-bit environments, `fxsave` and `fxrstor`.

use super::{Form, Row, rows};
use crate::prefix::Allowed;

pub(super) const ROWS: &[Row] = rows! {
    // Use their r/m operand and write no general register.
    Form::new(Allowed::PLAIN).modrm_first() =>
        Fadd_m32fp Fmul_m32fp Fcom_m32fp Fcomp_m32fp Fsub_m32fp Fsubr_m32fp Fdiv_m32fp Fdivr_m32fp
        Fld_m32fp Fst_m32fp Fstp_m32fp Fldenv_m28byte Fldcw_m2byte Fnstenv_m28byte Fnstcw_m2byte
        Fiadd_m32int Fimul_m32int Ficom_m32int Ficomp_m32int Fisub_m32int Fisubr_m32int
        Fidiv_m32int Fidivr_m32int Fild_m32int Fisttp_m32int Fist_m32int Fistp_m32int Fld_m80fp
        Fstp_m80fp Fadd_m64fp Fmul_m64fp Fcom_m64fp Fcomp_m64fp Fsub_m64fp Fsubr_m64fp Fdiv_m64fp
        Fdivr_m64fp Fld_m64fp Fisttp_m64int Fst_m64fp Fstp_m64fp Frstor_m108byte Fnsave_m108byte
        Fnstsw_m2byte Fiadd_m16int Fimul_m16int Ficom_m16int Ficomp_m16int Fisub_m16int
        Fisubr_m16int Fidiv_m16int Fidivr_m16int Fild_m16int Fisttp_m16int Fist_m16int
        Fistp_m16int Fbld_m80bcd Fild_m64int Fbstp_m80bcd Fistp_m64int;

    // Touch neither memory nor a general register.
    Form::new(Allowed::PLAIN) =>
        Fadd_st0_sti Fmul_st0_sti Fcom_st0_sti Fcomp_st0_sti Fsub_st0_sti Fsubr_st0_sti
        Fdiv_st0_sti Fdivr_st0_sti Fld_sti Fxch_st0_sti Fnop Fchs Fabs Ftst Fxam Fld1 Fldl2t
        Fldl2e Fldpi Fldlg2 Fldln2 Fldz F2xm1 Fyl2x Fptan Fpatan Fxtract Fprem1 Fdecstp Fincstp
        Fprem Fyl2xp1 Fsqrt Fsincos Frndint Fscale Fsin Fcos Fcmovb_st0_sti Fcmove_st0_sti
        Fcmovbe_st0_sti Fcmovu_st0_sti Fucompp Fcmovnb_st0_sti Fcmovne_st0_sti Fcmovnbe_st0_sti
        Fcmovnu_st0_sti Fnclex Fninit Fucomi_st0_sti Fcomi_st0_sti Fadd_sti_st0 Fmul_sti_st0
        Fsubr_sti_st0 Fsub_sti_st0 Fdivr_sti_st0 Fdiv_sti_st0 Ffree_sti Fst_sti Fstp_sti
        Fucom_st0_sti Fucomp_st0_sti Faddp_sti_st0 Fmulp_sti_st0 Fcompp Fsubrp_sti_st0
        Fsubp_sti_st0 Fdivrp_sti_st0 Fdivp_sti_st0 Ffreep_sti Fucomip_st0_sti Fcomip_st0_sti;

    // Write a register and touch no memory.
    Form::new(Allowed::PLAIN).writes_first() =>
        Fnstsw_AX;
};
