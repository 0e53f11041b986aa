//! Programs in assembly that keep to the rules, and the system's assembler.

use super::common::Random;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use zerovm_validator::Dialect;

/// A program of so many functions; what compilers for the sandbox write, more or less.
pub fn program(dialect: Dialect, seed: u64, functions: usize) -> String {
    let mut random = Random::new(seed);
    let mut text = String::from(".bundle_align_mode 5\n.text\n");
    for function in 0..functions {
        let _ = writeln!(text, ".p2align 5\nfunction{function}:");
        prologue(&mut random, &mut text);
        for part in 0..4 + random.below(12) {
            let _ = writeln!(text, ".L{function}_{part}:");
            for _ in 0..3 + random.below(10) {
                statement(dialect, &mut random, &mut text);
            }
            let _ = writeln!(
                text,
                "j{} .L{function}_{}",
                random.pick(CONDITIONS),
                random.below(part + 1)
            );
            if random.chance(4) {
                call(
                    &format!("function{}", random.below(function + 1)),
                    &mut text,
                );
            }
        }
        epilogue(dialect, &mut text);
    }
    text
}

/// Assembles a program; its code.
pub fn assemble(folder: &Path, program: &str) -> Vec<u8> {
    use object::{Object, ObjectSection};
    let source = folder.join("program.s");
    let assembled = folder.join("program.o");
    std::fs::write(&source, program).unwrap();
    let status = Command::new("as")
        .args(["--64", "-o"])
        .args([&assembled, &source])
        .status()
        .expect("the assembler of binutils starts");
    assert!(status.success(), "the assembler refuses the program");
    let object = std::fs::read(&assembled).unwrap();
    let object = object::File::parse(&*object).unwrap();
    let mut text = object
        .section_by_name(".text")
        .unwrap()
        .data()
        .unwrap()
        .to_vec();
    text.resize(text.len().next_multiple_of(32), 0xf4);
    text
}

const CONDITIONS: &[&str] = &["e", "ne", "l", "ge", "b", "a", "s", "le"];

const REGISTERS: &[(&str, &str, &str, &str)] = &[
    ("rax", "eax", "ax", "al"),
    ("rbx", "ebx", "bx", "bl"),
    ("rcx", "ecx", "cx", "cl"),
    ("rdx", "edx", "dx", "dl"),
    ("rsi", "esi", "si", "sil"),
    ("rdi", "edi", "di", "dil"),
    ("r8", "r8d", "r8w", "r8b"),
    ("r9", "r9d", "r9w", "r9b"),
    ("r10", "r10d", "r10w", "r10b"),
    ("r12", "r12d", "r12w", "r12b"),
    ("r13", "r13d", "r13w", "r13b"),
    ("r14", "r14d", "r14w", "r14b"),
];

fn prologue(random: &mut Random, text: &mut String) {
    let _ = writeln!(text, "push %rbx\npush %r12");
    if random.chance(2) {
        let size = 16 * (1 + random.below(9));
        locked(text, &[&format!("sub ${size}, %esp"), "add %r15, %rsp"]);
    } else {
        locked(text, &["lea -64(%rsp), %esp", "lea (%rsp,%r15), %rsp"]);
    }
}

fn epilogue(dialect: Dialect, text: &mut String) {
    locked(text, &["add $64, %esp", "add %r15, %rsp"]);
    if dialect == Dialect::Fast {
        let _ = writeln!(text, "pop %r12\npop %rbx");
        let masked = ["mov (%rsp), %r11d", "and $-32, %r11d", "add %r15, %r11"];
        let masked = [&masked[..], &["mov %r11, (%rsp)", "ret"]].concat();
        return locked(text, &masked);
    }
    let _ = writeln!(text, "pop %r12\npop %rbx\npop %r11");
    locked(text, &["and $-32, %r11d", "add %r15, %r11", "jmp *%r11"]);
}

/// A call that ends its bundle, so that the function returns to the start of the next one.
fn call(target: &str, text: &mut String) {
    let _ = writeln!(text, ".p2align 5\n.nops 27\ncall {target}");
}

fn locked(text: &mut String, instructions: &[&str]) {
    let _ = writeln!(
        text,
        ".bundle_lock\n{}\n.bundle_unlock",
        instructions.join("\n")
    );
}

fn statement(dialect: Dialect, random: &mut Random, text: &mut String) {
    let (a64, a32, a16, a8) = *random.pick(REGISTERS);
    let (b64, b32, _, _) = *random.pick(REGISTERS);
    let small = random.below(100);
    let large = random.below(1 << 20);
    let slot = 8 * random.below(8);
    let operation = random.pick(&["add", "sub", "and", "or", "xor", "cmp", "test"]);
    let line = match random.below(20) {
        0 | 1 => format!("mov %{b32}, %{a32}"),
        2 => format!("mov %{b64}, %{a64}"),
        3 => format!("mov ${large}, %{a32}"),
        4 => format!("{operation} %{b32}, %{a32}"),
        5 => format!("{operation} ${large}, %{a32}"),
        6 => format!("{operation} ${small}, %{a64}"),
        7 => format!("lea {small}(%{a64},%{b64},4), %{a32}"),
        8 => format!("movzbl %{a8}, %{b32}"),
        9 => format!("shl ${}, %{a32}", random.below(31)),
        10 | 11 => format!("mov {slot}(%rsp), %{a64}"),
        12 => format!("mov %{a32}, {slot}(%rsp)"),
        13 => format!("mov {large}(%rip), %{a32}"),
        14 => format!("imul %{b32}, %{a32}"),
        15 => format!("movsd {slot}(%rsp), %xmm{}", random.below(16)),
        16 => format!("mulsd %xmm{}, %xmm{}", random.below(16), random.below(16)),
        17 => format!("incw %{a16}"),
        _ if dialect == Dialect::Fast => match random.below(5) {
            0 => format!("mov %{b32}, %gs:{slot}(%{a32})"),
            1 => format!("movl ${large}, %gs:(%{a32},%{b32},4)"),
            2 => format!("movzbl %gs:{small}(%{a32}), %{b32}"),
            3 => format!("movsd %gs:{slot}(%{a32},%{b32}), %xmm1"),
            _ => format!("mov %gs:{slot}(%{a32},%{b32},8), %{b64}"),
        },
        _ => {
            let access = match random.below(4) {
                0 => format!("mov %{b32}, {slot}(%r15,%{a64})"),
                1 => format!("movl ${large}, (%r15,%{a64})"),
                2 => format!("movzbl {small}(%r15,%{a64}), %{b32}"),
                _ => format!("mov {slot}(%r15,%{a64},8), %{b64}"),
            };
            return locked(text, &[&format!("mov %{a32}, %{a32}"), &access]);
        }
    };
    let _ = writeln!(text, "{line}");
}
