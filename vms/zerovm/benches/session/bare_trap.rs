//! Traps that do nothing, from a guest's loop to a handler of a few instructions and back. There are two
//! ways, with everything where a guest's is. Where code is counts: a branch takes longer between places
//! that are far from each other.
//!
//! | way | there | back |
//! |---|---|---|
//! | direct | a call of a stub in the sandbox, which jumps to the handler | a masked return, which pairs with the call |
//! | original | a masked call of the trampoline, which calls the thunk, which jumps to the handler | a masked jump, as the second call has nothing to pair with |
//!
//! Others do what a trap of the host does with the units of the processor: all that one does for code
//! that uses neither the x87 unit nor the SSE control word (`clears`), for code that uses both (`clears
//! all`), and each piece alone, with what would do the same.

use std::arch::global_asm;
use std::ffi::c_void;
use std::num::NonZeroUsize;

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, mprotect, munmap};
use zerovm_session::layout::{BASE, HARDWARE_PAGE, THUNK, TRAMPOLINE_PAGE, TRAMPOLINES};

const TRAPS: u64 = 10_000_000;
const ROUNDS: usize = 9;
/// Where the guest's loop and its stack are.
const CODE: u64 = BASE + 0x20000;
const STACK_END: u64 = BASE + 0x40000;

/// Where the stub is that the direct way calls.
const STUB: u64 = CODE + HARDWARE_PAGE;

/// A crossing by the direct way, and one that clears what a trap of no function does.
pub const DIRECT: [(&str, Handler); 2] = [
    ("crossing", bench_direct_bare),
    ("crossing clears", bench_direct_clears),
];

/// What a handler at the end of the original way does: nothing, one of the pieces that clear, or several.
pub const ORIGINAL: [(&str, Handler); 14] = [
    ("bare", bench_trap_bare),
    ("direction", bench_trap_direction),
    ("mxcsr always", bench_trap_mxcsr_always),
    ("mxcsr", bench_trap_mxcsr),
    ("x87", bench_trap_x87),
    ("x87 status", bench_trap_x87_status),
    ("x87 control", bench_trap_x87_control),
    ("x87 emms", bench_trap_x87_emms),
    ("x87 always", bench_trap_x87_always),
    ("vectors", bench_trap_vectors),
    ("vectors all", bench_trap_vectors_all),
    ("registers", bench_trap_registers),
    ("clears", bench_trap_clears),
    ("clears all", bench_trap_clears_all),
];

pub type Handler = unsafe extern "C" fn();

/// Nanoseconds of a trap that goes the direct way to a handler.
pub fn time_direct(handler: Handler) -> f64 {
    time_loop(|| {
        write(CODE, between(bench_direct_loop, bench_direct_loop_end));
        write(STUB, &jump_to(handler));
    })
}

/// Nanoseconds of a trap that goes the original way to a handler.
pub fn time(handler: Handler) -> f64 {
    time_loop(|| {
        write(CODE, between(bench_loop, bench_loop_end));
        write(BASE + TRAMPOLINES, &TRAMPOLINE_PAGE);
        write(THUNK, &jump_to(handler));
    })
}

fn time_loop(make_code: impl FnOnce()) -> f64 {
    let all = [BASE..STACK_END, THUNK..THUNK + HARDWARE_PAGE];
    all.iter().for_each(reserve);
    make_code();
    let times = (0..ROUNDS).map(|_| {
        super::processor_time(|| {
            // SAFETY: code and stack were made right above, and all that the code goes to; the assembly
            // keeps the calling convention and comes back.
            unsafe { bench_run(TRAPS, CODE, BASE, STACK_END) };
        })
    });
    let time = super::median(times.collect()).as_secs_f64() * 1e9 / TRAPS as f64;
    for range in &all {
        let length = (range.end - range.start) as usize;
        // SAFETY: this was mapped above, and nothing refers to it any more.
        unsafe { munmap(pointer(range.start), length) }.expect("it was mapped");
    }
    time
}

/// `mov $handler, %rax; jmp *%rax`
fn jump_to(handler: Handler) -> Vec<u8> {
    let mut code = vec![0x48, 0xB8];
    code.extend((handler as *const () as u64).to_le_bytes());
    code.extend([0xFF, 0xE0]);
    code
}

fn reserve(range: &std::ops::Range<u64>) {
    let length = NonZeroUsize::new((range.end - range.start) as usize).expect("some");
    let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_FIXED_NOREPLACE;
    let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    let place = NonZeroUsize::new(range.start as usize);
    // SAFETY: the kernel maps this only where nothing is mapped.
    unsafe { mmap_anonymous(place, length, protection, flags) }.expect("memory");
}

/// Puts code into pages of its own.
fn write(address: u64, code: &[u8]) {
    let length = code.len().next_multiple_of(HARDWARE_PAGE as usize);
    let executable = ProtFlags::PROT_READ | ProtFlags::PROT_EXEC;
    // SAFETY: the pages were mapped writable for this, and nobody else uses them.
    unsafe {
        std::ptr::copy_nonoverlapping(code.as_ptr(), address as *mut u8, code.len());
        mprotect(pointer(address), length, executable).expect("memory");
    }
}

fn pointer(address: u64) -> std::ptr::NonNull<c_void> {
    std::ptr::NonNull::new(address as *mut c_void).expect("an address")
}

/// The code between two labels.
fn between(start: Handler, end: Handler) -> &'static [u8] {
    let start = start as *const () as usize;
    let length = end as *const () as usize - start;
    // SAFETY: these are the assembly's bytes between two of its labels.
    unsafe { std::slice::from_raw_parts(start as *const u8, length) }
}

unsafe extern "C" {
    fn bench_run(count: u64, code: u64, base: u64, stack: u64);
    fn bench_loop();
    fn bench_loop_end();
    fn bench_direct_loop();
    fn bench_direct_loop_end();
    fn bench_direct_bare();
    fn bench_direct_clears();
    fn bench_trap_bare();
    fn bench_trap_direction();
    fn bench_trap_mxcsr_always();
    fn bench_trap_mxcsr();
    fn bench_trap_x87();
    fn bench_trap_x87_status();
    fn bench_trap_x87_control();
    fn bench_trap_x87_emms();
    fn bench_trap_x87_always();
    fn bench_trap_vectors();
    fn bench_trap_vectors_all();
    fn bench_trap_registers();
    fn bench_trap_clears();
    fn bench_trap_clears_all();
}

global_asm!(
    ".pushsection .text.bench_trap, \"ax\", @progbits",
    ".globl bench_run, bench_loop, bench_loop_end",
    ".hidden bench_run, bench_loop, bench_loop_end",
    "bench_run:",
    "    push rbx",
    "    push rbp",
    "    push r15",
    "    mov rbx, rdi",
    "    mov r15, rdx",
    "    mov [rip + bench_stack], rsp",
    "    stmxcsr [rip + bench_control]",
    "    mov rsp, rcx",
    "    lea rbp, [rip + 2f]", // a trap leaves it alone
    "    jmp rsi",
    "2:",
    "    mov rsp, [rip + bench_stack]",
    "    pop r15",
    "    pop rbp",
    "    pop rbx",
    "    ret",
    // The guest: as the guest `traps`.
    ".balign 64",
    "bench_loop:",
    "    mov edi, 0x20000",
    "    mov eax, 0x10000",
    "    .nops 14, 8",
    "    and eax, -32",
    "    add rax, r15",
    "    call rax",
    "    sub ebx, 1",
    "    jne bench_loop",
    "    jmp rbp",
    "bench_loop_end:",
    // The direct way: the stub is a page behind the loop.
    ".globl bench_direct_loop, bench_direct_loop_end, bench_direct_bare, bench_direct_clears",
    ".hidden bench_direct_loop, bench_direct_loop_end, bench_direct_bare, bench_direct_clears",
    ".balign 64",
    "bench_direct_loop:",
    "    mov edi, 0x20000",
    "    .nops 22, 8",
    "    call bench_direct_loop + 0x1000",
    "    sub ebx, 1",
    "    jne bench_direct_loop",
    "    jmp rbp",
    "bench_direct_loop_end:",
    ".macro bench_direct_in",
    "    mov ecx, [rsp]",
    "    lea rax, [rsp + 8]",
    "    mov rsp, [rip + bench_stack]",
    "    push rax",
    "    push rcx",
    ".endm",
    ".macro bench_direct_out",
    "    pop rcx",
    "    pop rsp",
    "    and ecx, -32",
    "    add rcx, r15",
    "    push rcx",
    ".endm",
    ".balign 64",
    "bench_direct_bare:",
    "    bench_direct_in",
    "    bench_direct_out",
    "    ret",
    ".balign 64",
    "bench_direct_clears:",
    "    bench_direct_in",
    "    bench_direct_out",
    "    vzeroall",
    "    .irp n, edx, esi, r8d, r9d, r10d, r11d",
    "    xor \\n, \\n",
    "    .endr",
    "    ret",
    // The parts of the host's trap without which nobody would come back.
    ".macro bench_in",
    "    mov rsi, [rsp]",
    "    mov ecx, [rsp + 8]",
    "    lea rax, [rsp + 16]",
    "    mov rsp, [rip + bench_stack]",
    "    push rax",
    "    push rcx",
    "    push rbp",
    "    push 0",
    ".endm",
    ".macro bench_out",
    "    add rsp, 8",
    "    pop rbp",
    "    pop rcx",
    "    pop rdx",
    "    and ecx, -32",
    "    add rcx, r15",
    "    mov rsp, rdx",
    ".endm",
    // One piece of clearing each, as the host's trap has it, and others that would do.
    ".macro bench_mxcsr_always",
    "    stmxcsr [rsp]",
    "    ldmxcsr [rip + bench_control]",
    "    ldmxcsr [rsp]",
    ".endm",
    ".macro bench_mxcsr_if_other",
    "    stmxcsr [rsp]",
    "    mov edx, [rip + bench_control]",
    "    cmp edx, [rsp]",
    "    jne 9f",
    ".endm",
    ".macro bench_x87_if_used",
    "    fnstcw [rsp - 8]",
    "    fnstsw ax",
    "    cmp word ptr [rsp - 8], 0x37F",
    "    jne 9f",
    "    test ax, ax",
    "    jnz 9f",
    "    emms",
    ".endm",
    ".macro bench_x87_status",
    "    fnstsw ax",
    "    test ax, ax",
    "    jnz 9f",
    ".endm",
    ".macro bench_x87_control",
    "    fnstcw [rsp - 8]",
    "    cmp word ptr [rsp - 8], 0x37F",
    "    jne 9f",
    ".endm",
    ".macro bench_x87_emms",
    "    emms",
    ".endm",
    ".macro bench_x87_always",
    "    fninit",
    ".endm",
    ".macro bench_vectors_each",
    "    vzeroupper",
    "    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15",
    "    vpxor xmm\\n, xmm\\n, xmm\\n",
    "    .endr",
    ".endm",
    ".macro bench_vectors_host",
    "    vzeroupper",
    ".endm",
    ".macro bench_vectors_all",
    "    vzeroall",
    ".endm",
    ".macro bench_registers",
    "    .irp n, edx, esi, r8d, r9d, r10d, r11d",
    "    xor \\n, \\n",
    "    .endr",
    ".endm",
    ".macro bench_direction",
    "    cld",
    ".endm",
    ".macro bench_nothing",
    ".endm",
    ".macro bench_handler name, first, second, third, fourth, fifth",
    ".globl \\name",
    ".hidden \\name",
    ".balign 64",
    "\\name:",
    "    \\first",
    "    bench_in",
    "    \\second",
    "    \\third",
    "    bench_out",
    "    \\fourth",
    "    \\fifth",
    "    jmp rcx",
    "9:",
    "    ud2",
    ".endm",
    "bench_handler bench_trap_bare, bench_nothing, bench_nothing, bench_nothing, bench_nothing, bench_nothing",
    "bench_handler bench_trap_direction, bench_direction, bench_nothing, bench_nothing, bench_nothing, bench_nothing",
    "bench_handler bench_trap_mxcsr_always, bench_nothing, bench_mxcsr_always, bench_nothing, bench_nothing, bench_nothing",
    "bench_handler bench_trap_mxcsr, bench_nothing, bench_mxcsr_if_other, bench_nothing, bench_nothing, bench_nothing",
    "bench_handler bench_trap_x87, bench_nothing, bench_nothing, bench_x87_if_used, bench_nothing, bench_nothing",
    "bench_handler bench_trap_x87_status, bench_nothing, bench_nothing, bench_x87_status, bench_nothing, bench_nothing",
    "bench_handler bench_trap_x87_control, bench_nothing, bench_nothing, bench_x87_control, bench_nothing, bench_nothing",
    "bench_handler bench_trap_x87_emms, bench_nothing, bench_nothing, bench_x87_emms, bench_nothing, bench_nothing",
    "bench_handler bench_trap_x87_always, bench_nothing, bench_nothing, bench_x87_always, bench_nothing, bench_nothing",
    "bench_handler bench_trap_vectors, bench_nothing, bench_nothing, bench_nothing, bench_vectors_each, bench_nothing",
    "bench_handler bench_trap_vectors_all, bench_nothing, bench_nothing, bench_nothing, bench_vectors_all, bench_nothing",
    "bench_handler bench_trap_registers, bench_nothing, bench_nothing, bench_nothing, bench_nothing, bench_registers",
    "bench_handler bench_trap_clears_all, bench_direction, bench_mxcsr_always, bench_x87_if_used, bench_vectors_all, bench_registers",
    "bench_handler bench_trap_clears, bench_direction, bench_vectors_host, bench_nothing, bench_vectors_all, bench_registers",
    ".popsection",
    ".pushsection .bss.bench_trap, \"aw\", @nobits",
    ".balign 64",
    "bench_stack: .quad 0",
    "bench_control: .quad 0",
    ".popsection",
);
