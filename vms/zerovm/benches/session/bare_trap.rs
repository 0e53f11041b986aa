//! A trap that does nothing: the same way from a guest's loop through the trampoline and the thunk, all
//! of them where a guest's are, to a handler of a few instructions and back. Where code is counts: a
//! branch takes longer between places that are far from each other, and three of these branches are.
//!
//! A second one does what a trap of the host does with the units of the processor, and no more.

use std::arch::global_asm;
use std::ffi::c_void;
use std::num::NonZeroUsize;

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, mprotect, munmap};
use zerovm_session::layout::{BASE, HARDWARE_PAGE, THUNK, TRAMPOLINE_PAGE, TRAMPOLINES};

const TRAPS: u64 = 10_000_000;
const ROUNDS: usize = 5;
/// Where the guest's loop and its stack are.
const CODE: u64 = BASE + 0x20000;
const STACK_END: u64 = BASE + 0x40000;

/// Nanoseconds of one that does nothing, and of one that clears.
pub fn times() -> [f64; 2] {
    let handlers: [unsafe extern "C" fn(); 2] = [bench_trap_bare, bench_trap_clears];
    let all = [BASE..STACK_END, THUNK..THUNK + HARDWARE_PAGE];
    handlers.map(|handler| {
        all.iter().for_each(reserve);
        write(BASE + TRAMPOLINES, &TRAMPOLINE_PAGE);
        write(CODE, loop_code());
        let mut thunk = vec![0x48, 0xB8];
        thunk.extend((handler as *const () as u64).to_le_bytes());
        thunk.extend([0xFF, 0xE0]);
        write(THUNK, &thunk);
        let times = (0..ROUNDS).map(|_| {
            super::processor_time(|| {
                // SAFETY: code, trampolines, thunk and stack were made right above; the assembly keeps
                // the calling convention and comes back.
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
    })
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

fn loop_code() -> &'static [u8] {
    let start = bench_loop as *const () as usize;
    let length = bench_loop_end as *const () as usize - start;
    // SAFETY: these are the assembly's bytes between its two labels.
    unsafe { std::slice::from_raw_parts(start as *const u8, length) }
}

unsafe extern "C" {
    fn bench_run(count: u64, code: u64, base: u64, stack: u64);
    fn bench_loop();
    fn bench_loop_end();
    fn bench_trap_bare();
    fn bench_trap_clears();
}

global_asm!(
    ".pushsection .text.bench_trap, \"ax\", @progbits",
    ".globl bench_run, bench_loop, bench_loop_end, bench_trap_bare, bench_trap_clears",
    ".hidden bench_run, bench_loop, bench_loop_end, bench_trap_bare, bench_trap_clears",
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
    ".balign 64",
    "bench_trap_bare:",
    "    bench_in",
    "    bench_out",
    "    jmp rcx",
    ".balign 64",
    "bench_trap_clears:",
    "    cld",
    "    bench_in",
    "    stmxcsr [rsp]",
    "    fnstcw [rsp - 8]",
    "    fnstsw ax",
    "    cmp word ptr [rsp - 8], 0x37F",
    "    jne 3f",
    "    test ax, ax",
    "    jnz 3f",
    "    emms",
    "    vzeroupper",
    "    ldmxcsr [rip + bench_control]",
    "    ldmxcsr [rsp]",
    "    bench_out",
    "    vzeroupper",
    "    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15",
    "    vpxor xmm\\n, xmm\\n, xmm\\n",
    "    .endr",
    "    .irp n, edx, esi, r8d, r9d, r10d, r11d",
    "    xor \\n, \\n",
    "    .endr",
    "    jmp rcx",
    "3:",
    "    ud2",
    ".popsection",
    ".pushsection .bss.bench_trap, \"aw\", @nobits",
    ".balign 64",
    "bench_stack: .quad 0",
    "bench_control: .quad 0",
    ".popsection",
);
