//! The table: for each mnemonic, what its form needs to keep the rules of the sandbox.
//!
//! What is not listed is not rewritten but refused, by name. Most instructions need nothing but their
//! memory operand confined, whatever they compute; those that do something else to the stack pointer,
//! the frame pointer or the flow of control have a [`Kind`] of their own.
//!
//! | kind | examples | what it becomes |
//! |---|---|---|
//! | `Plain` | `addl`, `movaps`, `fldt` | itself, with a confined memory operand |
//! | `Lea` | `leal` | itself with whole registers, since it touches no memory |
//! | `Jump`, `Call` | `jne`, `call` | itself, laid out; an indirect one is masked |
//! | `Return`, `Leave`, `Push`, `Pop` | | see `rewrite::stack` |
//! | `String` | `movsq` | the sequence that bases `%rsi` and `%rdi` |
//! | `BitTest` | `btl` | itself, or shifts where the offset is a register |
//! | `Waits` | `fstcw` | `fwait` and the form that does not wait |
//! | `Nothing` | `endbr64` | nothing |

use std::collections::HashMap;
use std::sync::LazyLock;

/// What an instruction form needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) kind: Kind,
    /// Which of its operands it writes.
    pub(crate) writes: Writes,
    /// Whether writing 32 bits of a register is, to the validator, limiting it to 32 bits.
    pub(crate) limits: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writes {
    Nothing,
    Last,
    Both,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    Lea,
    Jump,
    Call,
    Return,
    Leave,
    Push,
    Pop,
    /// Which of `%rsi` and `%rdi` it uses.
    String {
        source: bool,
        destination: bool,
    },
    BitTest,
    Waits,
    Nothing,
}

/// The form of a mnemonic.
pub(crate) fn form(mnemonic: &str) -> Option<Form> {
    FORMS.get(mnemonic).copied()
}

/// The form of a string instruction, which has no operands; `movsd` with operands is another.
pub(crate) fn string_form(mnemonic: &str) -> Option<Form> {
    let (name, size) = mnemonic.split_at_checked(4)?;
    let is_double = size == "d" && matches!(name, "movs" | "cmps");
    if !is_double && !matches!(size, "b" | "w" | "l" | "q") {
        return None;
    }
    let (source, destination) = match name {
        "movs" | "cmps" => (true, true),
        "stos" | "scas" => (false, true),
        "lods" => (true, false),
        _ => return None,
    };
    let kind = Kind::String {
        source,
        destination,
    };
    Some(Form { kind, ..PLAIN })
}

const PLAIN: Form = Form {
    kind: Kind::Plain,
    writes: Writes::Nothing,
    limits: false,
};
const WRITES: Form = Form {
    writes: Writes::Last,
    ..PLAIN
};
const LIMITS: Form = Form {
    limits: true,
    ..WRITES
};

static FORMS: LazyLock<HashMap<&'static str, Form>> = LazyLock::new(|| {
    let mut table = HashMap::new();
    for (form, names) in LISTS {
        for name in names.split_ascii_whitespace() {
            table.insert(name, *form);
        }
    }
    table
});

const fn of_kind(kind: Kind) -> Form {
    Form { kind, ..PLAIN }
}

const LISTS: &[(Form, &str)] = &[
    // Integers: what limits a register to 32 bits when it writes 32 of them.
    (
        LIMITS,
        "mov movb movw movl movq add addb addw addl addq sub subb subw subl subq and andb andw andl
        andq or orb orw orl orq xor xorb xorw xorl xorq inc incb incw incl incq dec decb decw decl
        decq neg negb negw negl negq not notb notw notl notq movzx movzb movzbw movzbl movzbq movzwl
        movzwq movsx movsbw movsbl movsbq movswl movswq movsx movslq movd",
    ),
    // Integers: other writes.
    (
        WRITES,
        "adc adcb adcw adcl adcq sbb sbbb sbbw sbbl sbbq shl shlb shlw shll shlq sal salb salw sall
        salq shr shrb shrw shrl shrq sar sarb sarw sarl sarq rol rolb rolw roll rolq ror rorb rorw
        rorl rorq rcl rclb rclw rcll rclq rcr rcrb rcrw rcrl rcrq shld shldw shldl shldq shrd shrdw
        shrdl shrdq bswap bswapl bswapq bsf bsfw bsfl bsfq bsr bsrw bsrl bsrq tzcnt tzcntw tzcntl
        tzcntq lzcnt lzcntw lzcntl lzcntq popcnt popcntw popcntl popcntq movbe movbew movbel movbeq
        crc32 crc32b crc32w crc32l crc32q cmpxchg cmpxchgb cmpxchgw cmpxchgl cmpxchgq movabs movabsq
        seto setno setb setc setnae setnb setnc setae sete setz setne setnz setbe setna seta setnbe
        sets setns setp setpe setnp setpo setl setnge setge setnl setle setng setg setnle
        cmovo cmovno cmovb cmovc cmovnae cmovnb cmovnc cmovae cmove cmovz cmovne cmovnz cmovbe
        cmovna cmova cmovnbe cmovs cmovns cmovp cmovpe cmovnp cmovpo cmovl cmovnge cmovge cmovnl
        cmovle cmovng cmovg cmovnle cmovol cmovnol cmovbl cmovcl cmovnbl cmovncl cmovael cmovel
        cmovzl cmovnel cmovnzl cmovbel cmovnal cmoval cmovsl cmovnsl cmovpl cmovnpl cmovll cmovgel
        cmovlel cmovgl cmovoq cmovnoq cmovbq cmovcq cmovnbq cmovncq cmovaeq cmoveq cmovzq cmovneq
        cmovnzq cmovbeq cmovnaq cmovaq cmovsq cmovnsq cmovpq cmovnpq cmovlq cmovgeq cmovleq cmovgq
        cmovow cmovnow cmovbw cmovcw cmovaew cmovew cmovnew cmovbew cmovaw cmovsw cmovnsw cmovpw
        cmovnpw cmovlw cmovgew cmovlew cmovgw",
    ),
    (
        Form {
            writes: Writes::Both,
            ..PLAIN
        },
        "xchg xchgb xchgw xchgl xchgq xadd xaddb xaddw xaddl xaddq",
    ),
    // `imul` of one operand writes none; of the others, the last.
    (LIMITS, "imul imulb imulw imull imulq"),
    // Integers: no operand is written.
    (
        PLAIN,
        "cmp cmpb cmpw cmpl cmpq test testb testw testl testq mul mulb mulw mull mulq div divb divw
        divl divq idiv idivb idivw idivl idivq cltq cltd cqto cwtl cwtd cbtw cdqe cdq cqo cwde cbw
        cwd nop pause hlt ud2 cpuid clc stc cmc cld fwait wait mfence lfence sfence clflush prefetch
        prefetchw prefetcht0 prefetcht1 prefetcht2 prefetchnta movnti movntil movntiq cmpxchg8b
        cmpxchg16b",
    ),
    (of_kind(Kind::Lea), "lea leaw leal leaq"),
    (
        of_kind(Kind::Jump),
        "jmp jo jno jb jc jnae jnb jnc jae je jz jne jnz jbe jna ja jnbe js jns jp jpe jnp jpo jl
        jnge jge jnl jle jng jg jnle jmpq",
    ),
    (of_kind(Kind::Call), "call callq"),
    (of_kind(Kind::Return), "ret retq"),
    (of_kind(Kind::Leave), "leave leaveq"),
    (of_kind(Kind::Push), "push pushq"),
    (of_kind(Kind::Pop), "pop popq"),
    (
        Form {
            kind: Kind::BitTest,
            ..WRITES
        },
        "bts btsl btsq btr btrl btrq btc btcl btcq",
    ),
    (of_kind(Kind::BitTest), "bt btl btq"),
    (of_kind(Kind::Nothing), "endbr64"),
    (of_kind(Kind::Waits), "fstcw fstsw fclex finit fstenv"),
    // x87.
    (
        PLAIN,
        "fld flds fldl fldt fst fsts fstl fstp fstps fstpl fstpt fild filds fildl fildq fildll fist
        fists fistl fistp fistps fistpl fistpq fistpll fisttp fisttps fisttpl fisttpq fisttpll fadd
        fadds faddl faddp fiadd fiadds fiaddl fsub fsubs fsubl fsubp fisub fisubs fisubl fsubr fsubrs
        fsubrl fsubrp fisubr fisubrs fisubrl fmul fmuls fmull fmulp fimul fimuls fimull fdiv fdivs
        fdivl fdivp fidiv fidivs fidivl fdivr fdivrs fdivrl fdivrp fidivr fidivrs fidivrl fxch fchs
        fabs ftst fxam fld1 fldl2t fldl2e fldpi fldlg2 fldln2 fldz f2xm1 fyl2x fptan fpatan fxtract
        fprem fprem1 fdecstp fincstp fyl2xp1 fsqrt fsincos frndint fscale fsin fcos fcom fcoms fcoml
        fcomp fcomps fcompl fcompp fucom fucomp fucompp fucomi fucomip fcomi fcomip fcmovb fcmove
        fcmovbe fcmovu fcmovnb fcmovne fcmovnbe fcmovnu ficom ficoms ficoml ficomp ficomps ficompl
        fldcw fnstcw fnstsw fnclex fninit fnstenv fldenv fnop ffree ffreep",
    ),
    // MMX and SSE that write no general register.
    (
        PLAIN,
        "movss movsd movaps movapd movups movupd movdqa movdqu movlps movlpd movhps movhpd movhlps
        movlhps movntps movntpd movntdq movntdqa movntq lddqu movddup movshdup movsldup movq2dq
        movdq2q addss addsd addps addpd subss subsd subps subpd mulss mulsd mulps mulpd divss divsd
        divps divpd sqrtss sqrtsd sqrtps sqrtpd rsqrtss rsqrtps rcpss rcpps minss minsd minps minpd
        maxss maxsd maxps maxpd andps andpd andnps andnpd orps orpd xorps xorpd haddps haddpd hsubps
        hsubpd addsubps addsubpd cmpss cmpsd cmpps cmppd cmpeqss cmpeqsd cmpeqps cmpeqpd cmpltss
        cmpltsd cmpltps cmpltpd cmpless cmplesd cmpleps cmplepd cmpunordss cmpunordsd cmpunordps
        cmpunordpd cmpneqss cmpneqsd cmpneqps cmpneqpd cmpnltss cmpnltsd cmpnltps cmpnltpd cmpnless
        cmpnlesd cmpnleps cmpnlepd cmpordss cmpordsd cmpordps cmpordpd comiss comisd ucomiss ucomisd
        cvtsi2ss cvtsi2ssl cvtsi2ssq cvtsi2sd cvtsi2sdl cvtsi2sdq cvtss2sd cvtsd2ss cvtps2pd
        cvtpd2ps cvtdq2ps cvtdq2pd cvtps2dq cvttps2dq cvtpd2dq cvttpd2dq cvtpi2ps cvtpi2pd cvtps2pi
        cvttps2pi cvtpd2pi cvttpd2pi shufps shufpd unpcklps unpcklpd unpckhps unpckhpd ldmxcsr
        stmxcsr pshufd pshufhw pshuflw pshufw pshufb punpcklbw punpcklwd punpckldq punpcklqdq
        punpckhbw punpckhwd punpckhdq punpckhqdq packsswb packssdw packuswb packusdw paddb paddw
        paddd paddq paddsb paddsw paddusb paddusw psubb psubw psubd psubq psubsb psubsw psubusb
        psubusw pmullw pmulld pmulhw pmulhuw pmuludq pmuldq pmaddwd pmaddubsw pmulhrsw psadbw pavgb
        pavgw pminub pminsw pminsb pminuw pminud pminsd pmaxub pmaxsw pmaxsb pmaxuw pmaxud pmaxsd
        pand pandn por pxor pcmpeqb pcmpeqw pcmpeqd pcmpeqq pcmpgtb pcmpgtw pcmpgtd pcmpgtq psllw
        pslld psllq pslldq psrlw psrld psrlq psrldq psraw psrad pabsb pabsw pabsd psignb psignw
        psignd phaddw phaddd phaddsw phsubw phsubd phsubsw palignr ptest pblendw pblendvb blendps
        blendpd blendvps blendvpd roundss roundsd roundps roundpd insertps dpps dppd mpsadbw
        phminposuw pmovsxbw pmovsxbd pmovsxbq pmovsxwd pmovsxwq pmovsxdq pmovzxbw pmovzxbd pmovzxbq
        pmovzxwd pmovzxwq pmovzxdq pinsrb pinsrw pinsrd pinsrq pcmpestri pcmpestrm pcmpistri
        pcmpistrm emms",
    ),
    // SSE that may write a general register.
    (
        WRITES,
        "cvttss2si cvttss2sil cvttss2siq cvttsd2si cvttsd2sil cvttsd2siq cvtss2si cvtss2sil
        cvtss2siq cvtsd2si cvtsd2sil cvtsd2siq movmskps movmskpd pmovmskb pextrb pextrw pextrd
        pextrq extractps",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_mnemonic_has_two_forms() {
        let mut seen: HashMap<&str, Form> = HashMap::new();
        for (form, names) in LISTS {
            for name in names.split_ascii_whitespace() {
                let before = seen.insert(name, *form);
                assert!(before.is_none_or(|before| before == *form), "{name}");
            }
        }
    }

    #[test]
    fn strings_are_told_from_what_has_their_name() {
        let both = Kind::String {
            source: true,
            destination: true,
        };
        assert_eq!(string_form("movsq").map(|form| form.kind), Some(both));
        assert_eq!(string_form("movslq"), None);
        assert_eq!(string_form("mov"), None);
        assert_eq!(form("movsd").map(|form| form.kind), Some(Kind::Plain));
    }
}
