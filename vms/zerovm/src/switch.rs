//! Into the guest and out of it.
//!
//! Three ways, all in the assembly below, which is short so that it can be read:
//!
//! - `zerovm_enter` keeps the host's stack and starts the guest with the registers it is promised;
//! - `zerovm_trap` is what the thunk (`switch/thunk.rs`), which every trampoline calls, does not answer
//!   itself. Before any compiled code runs it clears the direction flag, takes the host's stack, resets the x87 unit and the
//!   SSE control word where the guest's code uses them, and marks the end of the chain of frames; on the
//!   way back everything that is not promised to survive is cleared;
//! - `zerovm_leave` goes back to whoever called `zerovm_enter`; signal handlers go there too.
//!
//! What the guest chose and the host uses: the guest's stack pointer, only to touch the guest's
//! stack (a bad one faults, and the handler knows these instructions); the return address, whose low
//! 32 bits are masked to a bundle of the guest's space; and the argument in edi. The six argument
//! registers were stored below the return address, because the original did and the digest of the memory
//! shows it.
//!
//! | bytes below the host's stack pointer | what |
//! |---|---|
//! | 8 | the guest's stack pointer after the return |
//! | 16 | its return address |
//! | 24 | its rbp |
//! | 32 | its SSE control word |
//!
//! Nearly every trap finds nothing to attend to: one word says so, `ATTENTION`, so that a trap looks
//! at one place before compiled code runs and at the same place behind it. What it stands for is out
//! of the way of traps without.

mod thunk;

use std::arch::x86_64::__cpuid;
use std::arch::{asm, global_asm};
use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::ops::Range;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use zerovm_session::layout::{BASE, BUNDLE, FIRST_STACK_POINTER, TRAMPOLINES};
use zerovm_validator::Units;

/// Whoever answers traps.
pub trait Guest {
    /// Answers a trap: what the guest gets, or nothing if it does not go on.
    fn trap(&mut self, argument: u32) -> Option<i64>;

    /// Hears that the guest called another trampoline, by its number, and does not go on.
    fn foreign_call(&mut self, slot: u64);
}

/// How a guest's run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// A trap was not answered.
    Trap,
    /// A signal came; [`signals::received`](crate::signals::received) says which.
    Signal,
}

/// Runs a guest from its entry until it does not go on.
///
/// The space is reserved, the program and its stack are in it, the program is valid, and
/// [`signals::install`](crate::signals::install) has been called: this is what makes it safe to execute.
///
/// # Safety
///
/// The bytes that are executable in the guest's space have passed a validator.
pub unsafe fn run<G: Guest>(entry: u64, guest: &mut G) -> Left {
    let stack = BASE + FIRST_STACK_POINTER;
    let parameter = (FIRST_STACK_POINTER + 8) as u32;
    if !has_avx() {
        ATTENTION.fetch_or(NO_AVX, Relaxed);
    }
    let context: *mut G = guest;
    // SAFETY: only one guest runs, on this thread; nothing else writes the state while it does.
    unsafe {
        (*STATE.0.get()).context = context.cast();
        (*STATE.0.get()).on_trap = on_trap::<G>;
    }
    // SAFETY: the assembly keeps the calling convention: it saves and restores what a callee has to,
    // and comes back on this stack. What the guest does meanwhile is bounded by its validation.
    let left = unsafe { zerovm_enter(BASE + entry, stack, parameter.into(), BASE) };
    if left == 0 { Left::Trap } else { Left::Signal }
}

/// Whether the processor has AVX and the system keeps its state. The standard library asks the
/// processor for everything there is, and each question is expensive in a virtual machine.
fn has_avx() -> bool {
    const KEPT: u32 = 1 << 27;
    const AVX: u32 = 1 << 28;
    const STATE: u32 = 0b110;
    let features = __cpuid(1).ecx;
    if features & (KEPT | AVX) != KEPT | AVX {
        return false;
    }
    let state: u32;
    // SAFETY: the instruction is there, as the bit that was looked at says, and changes two registers.
    unsafe {
        asm!("xgetbv", in("ecx") 0, out("eax") state, out("edx") _, options(nomem, nostack));
    }
    state & STATE == STATE
}

/// Has traps clear what code uses that is about to become the guest's, from now on. Only what no code of
/// it uses is as it was: `zerovm_enter` has cleared that.
pub fn clear_behind(units: Units) {
    ATTENTION.fetch_or(u32::from(units.bits()), Relaxed);
}

/// Has every trap answered by the guest's host, from now on: those too whose id no function has, of which
/// it otherwise never hears.
pub fn hear_of_every_trap() {
    ATTENTION.fetch_or(ALL_HEARD, Relaxed);
}

/// A signal came that ends the run: the guest does not go on.
pub(crate) fn interrupt() {
    ATTENTION.fetch_or(INTERRUPTED, Relaxed);
}

/// What a trap has to do beyond what each does: bits of [`Units`] that the guest's code uses, and those
/// below.
static ATTENTION: AtomicU32 = AtomicU32::new(0);
/// The vectors are the xmm registers.
const NO_AVX: u32 = 1 << 8;
/// A signal came.
const INTERRUPTED: u32 = 1 << 9;
/// Never in [`ATTENTION`], but beside it in what a trap is answered: the guest does not go on.
const LEAVES: u32 = 1 << 10;
/// Whoever answers traps hears of all.
const ALL_HEARD: u32 = 1 << 11;

/// What every trampoline calls: bytes for the thunk's page.
pub fn thunk_page() -> Vec<u8> {
    thunk::page(zerovm_trap as *const () as u64, ATTENTION.as_ptr() as u64)
}

/// Where a fault goes on that came of a guest's pointer, if the instruction at an address is the one that
/// reads it before compiled code does.
pub fn behind_fault(address: u64) -> Option<u64> {
    (address == thunk::reads_argument()).then(thunk::rest)
}

/// Where signal handlers send what may not go on.
pub fn leave_address() -> u64 {
    zerovm_leave as *const () as u64
}

/// The instructions between host and guest: a signal there ends the guest's run.
pub fn is_between(address: u64) -> bool {
    let between: [Range<u64>; 2] = [
        zerovm_between as *const () as u64..zerovm_between_end as *const () as u64,
        thunk::instructions(),
    ];
    between.iter().any(|range| range.contains(&address))
}

/// What the assembly knows; the offsets are in its text.
#[repr(C)]
struct State {
    host_stack: u64,
    context: *mut c_void,
    host_control: u32,
    guest_control: u32,
    on_trap: OnTrap,
}

/// Whoever answers traps, for the type of guest that runs.
type OnTrap = extern "C" fn(argument: u32, return_to: u64, context: *mut c_void) -> Answer;

struct Shared(UnsafeCell<State>);

// SAFETY: one guest runs in a process, on the thread that called `run`; nobody else looks.
unsafe impl Sync for Shared {}

static STATE: Shared = Shared(UnsafeCell::new(State {
    host_stack: 0,
    context: std::ptr::null_mut(),
    host_control: 0,
    guest_control: 0x1F80,
    on_trap: on_no_trap,
}));

/// In two registers.
#[repr(C)]
struct Answer {
    value: i64,
    /// [`LEAVES`] or nothing.
    leaves: u64,
}

impl Answer {
    const LEAVE: Self = Self {
        value: 0,
        leaves: LEAVES as u64,
    };

    fn of(value: i64) -> Self {
        Self { value, leaves: 0 }
    }
}

/// Where the trampoline of the trap calls from.
const TRAP_RETURN: u64 = BASE + TRAMPOLINES + CALL_END;
/// Bytes of a trampoline up to the end of its call.
const CALL_END: u64 = 12;

/// Called by `zerovm_trap`, on the host's stack. This and what it calls is compiled for one type of
/// guest, as a trap takes less time than a few calls through tables.
extern "C" fn on_trap<G: Guest>(argument: u32, return_to: u64, context: *mut c_void) -> Answer {
    // SAFETY: `run` put this pointer there with this function for the same type, and its frame is
    // alive as long as the guest runs.
    let guest = unsafe { &mut *context.cast::<G>() };
    if return_to != TRAP_RETURN {
        guest.foreign_call(return_to.wrapping_sub(BASE + TRAMPOLINES) / BUNDLE);
        return Answer::LEAVE;
    }
    guest.trap(argument).map_or(Answer::LEAVE, Answer::of)
}

/// While no guest runs.
extern "C" fn on_no_trap(_argument: u32, _return_to: u64, _context: *mut c_void) -> Answer {
    Answer::LEAVE
}

unsafe extern "C" {
    fn zerovm_enter(entry: u64, stack: u64, parameter: u64, base: u64) -> u64;
    fn zerovm_trap();
    fn zerovm_leave();
    fn zerovm_between();
    fn zerovm_between_end();
}

global_asm!(
    ".pushsection .text.zerovm_switch, \"ax\", @progbits",
    // No secrets of the host in vector registers: all of them where there is AVX, else the xmm ones.
    ".macro zerovm_clear_xmm",
    "    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15",
    "    pxor xmm\\n, xmm\\n",
    "    .endr",
    ".endm",
    // The state that compiled code expects of the vector unit.
    ".macro zerovm_host_vectors",
    "    test dword ptr [rip + {attention}], {no_avx}",
    "    jnz 92f",
    "    vzeroupper",
    "92:",
    ".endm",
    // The x87 unit as it is at a start. What takes a quarter of a nanosecond instead of 26 empties its
    // registers, which is all that is to be done where its control word is the usual one and no flag
    // and no register counts in its status word.
    ".macro zerovm_reset_x87",
    "    fnstcw [rsp - 8]",
    "    fnstsw ax",
    "    cmp word ptr [rsp - 8], 0x37F",
    "    jne 93f",
    "    test ax, ax",
    "    jnz 93f",
    "    emms",
    "    jmp 94f",
    "93:",
    "    fninit",
    "94:",
    ".endm",
    "",
    ".balign 64",
    ".globl zerovm_enter",
    ".hidden zerovm_enter",
    "zerovm_enter:", // rdi entry, rsi stack, rdx parameter, rcx base
    ".cfi_startproc",
    "    push rbp",
    "    push rbx",
    "    push r12",
    "    push r13",
    "    push r14",
    "    push r15",
    "    sub rsp, 8", // 16-byte alignment
    "    stmxcsr [rip + {state} + 16]",
    // A host that rounds or faults otherwise has its word back in every trap.
    "    mov eax, [rip + {state} + 16]",
    "    and eax, ~0x3F",
    "    cmp eax, 0x1F80",
    "    je 5f",
    "    or dword ptr [rip + {attention}], {mxcsr}",
    "5:",
    "    mov [rip + {state}], rsp",
    ".cfi_endproc",
    ".cfi_startproc",
    ".cfi_undefined rip", // from here on nobody unwinds
    ".globl zerovm_between",
    ".hidden zerovm_between",
    "zerovm_between:",
    "    test dword ptr [rip + {attention}], {interrupted}",
    "    jnz 4f",
    "    cld",
    "    fninit",
    "    mov dword ptr [rip + {state} + 20], 0x1F80",
    "    ldmxcsr [rip + {state} + 20]",
    "    zerovm_host_vectors",
    "    zerovm_clear_xmm",
    "    mov r15, rcx",
    "    mov rcx, rdi",
    "    mov rsp, rsi",
    "    mov rbp, rsi",
    "    mov edi, edx",
    "    xor eax, eax",
    "    xor ebx, ebx",
    "    xor edx, edx",
    "    xor esi, esi",
    "    xor r8d, r8d",
    "    xor r9d, r9d",
    "    xor r10d, r10d",
    "    xor r11d, r11d",
    "    xor r12d, r12d",
    "    xor r13d, r13d",
    "    xor r14d, r14d",
    "    jmp rcx",
    "",
    ".balign 64",
    ".globl zerovm_trap",
    ".hidden zerovm_trap",
    "zerovm_trap:", // from the thunk: edi argument, on the guest's stack
    "    cld",
    "    mov rsi, [rsp]",     // into the trampoline
    "    mov ecx, [rsp + 8]", // into the guest: 32 bits of it
    "    lea rax, [rsp + 16]",
    // On the host's.
    "    mov rsp, [rip + {state}]",
    "    push rax",
    "    push rcx",
    "    push rbp",
    // What the guest's code does not use is as `zerovm_enter` left it; flags of the SSE control word
    // are nothing that the host reads, nor the guest without an instruction for it.
    "    push 0x1F80",
    "    cmp dword ptr [rip + {attention}], 0",
    "    jne 20f",
    "    vzeroupper",
    "2:",
    "    xor ebp, ebp",
    "    mov rdx, [rip + {state} + 8]",
    "    call [rip + {state} + 24]",
    // A signal from here on finds the guest's run between host and guest; one before it is here.
    "    or edx, [rip + {attention}]",
    "    jnz 5f",
    "    vzeroall",
    "6:",
    "    add rsp, 8",
    "    pop rbp",
    "    pop rcx",
    "    pop rdx",
    "    and ecx, -32",
    "    add rcx, r15",
    "    mov rsp, rdx",
    "    lea edi, [rsp + 8]",
    "    xor edx, edx",
    "    xor esi, esi",
    "    xor r8d, r8d",
    "    xor r9d, r9d",
    "    xor r10d, r10d",
    "    xor r11d, r11d",
    "    jmp rcx",
    // Into the host, where there is something to attend to.
    "20:",
    "    test dword ptr [rip + {attention}], {mxcsr}",
    "    jz 7f",
    "    stmxcsr [rsp]",
    "    ldmxcsr [rip + {state} + 16]",
    "7:",
    "    test dword ptr [rip + {attention}], {x87}",
    "    jz 8f",
    "    zerovm_reset_x87",
    "8:",
    "    zerovm_host_vectors",
    "    jmp 2b",
    // And out of it. What code uses that became the guest's meanwhile is attended to as well.
    "5:",
    "    test edx, {leaves}",
    "    jnz 3f",
    "    test edx, {interrupted}",
    "    jnz 4f",
    "    test edx, {mxcsr}",
    "    jz 9f",
    "    ldmxcsr [rsp]",
    "9:",
    "    test edx, {no_avx}",
    "    jnz 99f",
    "    vzeroall",
    "    jmp 6b",
    "99:",
    "    zerovm_clear_xmm",
    "    jmp 6b",
    "4:",
    "    mov eax, 1",
    "    jmp zerovm_leave",
    "3:",
    "    xor eax, eax",
    ".globl zerovm_between_end",
    ".hidden zerovm_between_end",
    "zerovm_between_end:",
    "",
    ".globl zerovm_leave",
    ".hidden zerovm_leave",
    "zerovm_leave:", // eax: how the run ended
    "    cld",
    "    mov rsp, [rip + {state}]",
    "    fninit",
    "    zerovm_host_vectors",
    "    ldmxcsr [rip + {state} + 16]",
    "    add rsp, 8",
    "    pop r15",
    "    pop r14",
    "    pop r13",
    "    pop r12",
    "    pop rbx",
    "    pop rbp",
    "    ret",
    ".cfi_endproc",
    ".popsection",
    state = sym STATE,
    attention = sym ATTENTION,
    no_avx = const NO_AVX,
    interrupted = const INTERRUPTED,
    leaves = const LEAVES,
    x87 = const Units::X87.bits(),
    mxcsr = const Units::MXCSR.bits(),
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validation::{Judge, Strict};
    use zerovm_session::memory::Validator;
    use zerovm_validator::Dialect;

    /// Whoever judges code for a guest, at its start or when it is jailed, has what it uses cleared.
    #[test]
    fn traps_clear_what_accepted_code_uses() {
        let judge = Judge {
            rules: &Strict,
            dialect: Dialect::Nacl,
        };
        let fld1: &[u8] = &[0xD9, 0xE8];
        let ldmxcsr: &[u8] = &[0x41, 0x0F, 0xAE, 0x17];
        for (code, unit) in [(fld1, Units::X87), (ldmxcsr, Units::MXCSR)] {
            judge.validate(0x20000, code).expect("it keeps the rules");
            let unit = u32::from(unit.bits());
            assert_eq!(ATTENTION.load(Relaxed) & unit, unit);
        }
    }
}
