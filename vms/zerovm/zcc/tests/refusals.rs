//! What cannot be confined is refused, with the file, the line and the reason.

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use support::{complaint, done, open_directory, zcc};
use tempfile::TempDir;

/// A directory with one source.
fn with(name: &str, text: &str) -> (TempDir, PathBuf) {
    let directory = open_directory();
    let path = directory.path().join(name);
    fs::write(&path, text).expect("it is written");
    (directory, path)
}

/// What zcc says of a source of C, without the directory.
fn said(text: &str, options: &[&str]) -> String {
    let (directory, path) = with("bad.c", text);
    let output = directory.path().join("bad.o");
    let said = complaint(
        zcc()
            .args(options)
            .args(["-c", "-w"])
            .arg(&path)
            .arg("-o")
            .arg(output),
    );
    said.replace(&format!("{}/", directory.path().display()), "")
}

#[test]
fn inline_assembly() {
    let text = "int f(void)\n{\n  int x;\n  asm(\"syscall\" : \"=a\"(x));\n  return x;\n}\n";
    assert!(
        said(text, &[]).contains("bad.c:4: syscall is a system call"),
        "{}",
        said(text, &[])
    );
    // Pitfall 9: several statements on a line are several statements.
    let text = "void f(void)\n{\n  asm volatile(\"nop; nop; int $0x80\");\n}\n";
    assert!(said(text, &[]).contains("bad.c:3: int is a system call"));
    let text = "void f(void)\n{\n  asm volatile(\".byte 0x0f, 0x05\");\n}\n";
    assert!(said(text, &[]).contains("bad.c:3: .byte within code"));
    let text =
        "long f(void)\n{\n  long x;\n  asm(\"movl %%fs:0, %0\" : \"=r\"(x));\n  return x;\n}\n";
    assert!(said(text, &[]).contains("bad.c:4: thread-local access"));
    let text = "void f(void)\n{\n  asm volatile(\"rdtsc\" ::: \"eax\", \"edx\");\n}\n";
    assert!(said(text, &[]).contains("bad.c:3: rdtsc tells the time"));
    let text = "void f(void)\n{\n  asm volatile(\"mov $1, %r15d\");\n}\n";
    assert!(said(text, &[]).contains("bad.c:3: %r15d is a register that the sandbox keeps"));
}

#[test]
fn what_gcc_makes_of_some_c() {
    let text = "static __thread int x;\nint *f(void);\nint g(void) { return x++ + *f(); }\n";
    assert!(
        said(text, &["-O2"]).contains("thread-local"),
        "{}",
        said(text, &["-O2"])
    );
    let text = "typedef float v __attribute__((vector_size(32)));\n\
                void __attribute__((target(\"avx\"))) f(v *a, v *b)\n{\n  *a += *b;\n}\n";
    let avx = said(text, &["-O2"]);
    assert!(
        avx.contains("bad.c:4: ") && avx.contains("belongs to AVX"),
        "{avx}"
    );
    let text = "void g(void (*)(void));\nvoid f(int x)\n{\n  void h(void) { x++; }\n  g(h);\n}\n";
    assert!(
        said(text, &[]).contains("executable stack"),
        "{}",
        said(text, &[])
    );
}

#[test]
fn options_that_do_not_go_with_a_sandbox() {
    for option in [
        "-fPIC",
        "-mavx2",
        "-m64",
        "-flto",
        "-march=native",
        "-fsanitize=address",
    ] {
        let said = said("int x;\n", &[option]);
        assert!(said.contains(option), "{said}");
    }
}

#[test]
fn assembly_of_other_machines() {
    let refused = |text: &str| {
        let (directory, path) = with("bad.s", text);
        let output = directory.path().join("bad.o");
        complaint(zcc().arg("-c").arg(path).arg("-o").arg(output))
    };
    for (text, wanted) in [
        ("movabsq $sym, %rax\n", "bad.s:1: an address of 64 bits"),
        ("nop\njmp *8(%rax)\n", "bad.s:2: a branch through memory"),
        (
            "call f@PLT\n",
            "bad.s:1: f@PLT is of position-independent code",
        ),
        (
            "movq x@GOTPCREL(%rip), %rax\n",
            "bad.s:1: x@GOTPCREL is of position-independent code",
        ),
        (
            "vaddpd %ymm0, %ymm1, %ymm2\n",
            "bad.s:1: vaddpd belongs to AVX",
        ),
        (
            "frobnicate %eax\n",
            "bad.s:1: no instruction that zcc knows how to confine: frobnicate",
        ),
        (
            ".macro m\nnop\n.endm\n",
            "bad.s:1: no directive that zcc knows: .macro",
        ),
        (
            ".section foo,\"ax\"\nnop\n",
            "bad.s:1: code in the section foo",
        ),
        (
            ".data\nnop\n",
            "bad.s:2: an instruction in the section .data",
        ),
        ("mov eax, [ebx]\n", "bad.s:1: not an operand: [ebx]"),
        ("jmp 1f\n", "bad.s:1: no label 1f in this direction"),
        ("jmp sym+4\n", "bad.s:1: a branch to no label"),
    ] {
        let said = refused(text);
        assert!(said.contains(wanted), "{text}: {said}");
    }
}

/// gcc compares once, before a jump table and for behind it. A masked branch changes the flags, so that
/// is compiled another way, and refused where somebody wrote it.
#[test]
fn flags_that_are_to_survive_a_branch() {
    let with_target = |target: &str| {
        let text = format!(
            "f:\n\tcmpl $1, %edi\n\tmovl table(,%edi,4), %eax\n\tjmp *%rax\n\t.section .rodata\n\
             table:\n\t.long .L1\n\t.long .L2\n\t.text\n.L1:\n{target}.L2:\n\tret\n"
        );
        let (directory, path) = with("flags.s", &text);
        let output = directory.path().join("flags.o");
        let mut command = zcc();
        command.arg("-c").arg(path).arg("-o").arg(output);
        (directory, command)
    };
    for (target, line) in [
        ("\tje .L2\n", 11),
        ("\tmovl $0, %eax\n\tleal 1(%rax), %eax\n\tsete %al\n", 13),
        ("\tincl %eax\n\tadcl $0, %eax\n", 12),
        ("\tjmp .L3\n\tret\n.L3:\n\tcmovbl %ecx, %eax\n", 14),
        ("\tshll %cl, %eax\n\tjs .L2\n", 12),
    ] {
        let wanted = format!("flags.s:{line}: flags from before an indirect branch");
        let (_directory, mut command) = with_target(target);
        let said = complaint(&mut command);
        assert!(said.contains(&wanted), "{target}: {said}");
    }
    for target in [
        "\ttestl %eax, %eax\n\tje .L2\n",
        "\tdecl %eax\n\tje .L2\n",
        "\tshll $3, %eax\n\tje .L2\n",
        "\tcall f\n\tje .L2\n",
        "\tjmp .L1\n",
    ] {
        let (_directory, mut command) = with_target(target);
        done(&mut command);
    }
}

#[test]
fn objects_that_zcc_did_not_make() {
    let (directory, path) = with("good.c", "int main(void) { return 0; }\n");
    let place = directory.path();
    let (foreign, archive) = (place.join("foreign.o"), place.join("libforeign.a"));
    done(
        Command::new("gcc")
            .arg("-c")
            .arg(&path)
            .arg("-o")
            .arg(&foreign),
    );
    let said = complaint(zcc().arg(&foreign).arg("-o").arg(place.join("x.nexe")));
    assert!(said.contains("foreign.o: not made by zcc"), "{said}");
    done(Command::new("ar").arg("rcs").arg(&archive).arg(&foreign));
    let mut linked = zcc();
    linked
        .arg(&path)
        .arg("-L")
        .arg(place)
        .args(["-l", "foreign", "-o"])
        .arg(place.join("x.nexe"));
    let said = complaint(&mut linked);
    assert!(
        said.contains("libforeign.a(foreign.o): not made by zcc"),
        "{said}"
    );
    let said = complaint(
        zcc()
            .arg(&path)
            .args(["-l", "nowhere", "-o"])
            .arg(place.join("x.nexe")),
    );
    assert!(said.contains("no library libnowhere.a"), "{said}");
    // An object of the other dialect.
    let other = place.join("other.o");
    done(
        zcc()
            .args(["--dialect", "fast", "-c"])
            .arg(&path)
            .arg("-o")
            .arg(&other),
    );
    let said = complaint(zcc().arg(&other).arg("-o").arg(place.join("x.nexe")));
    assert!(
        said.contains("made for the dialect fast, and the program is for nacl"),
        "{said}"
    );
    assert!(!place.join("x.nexe").exists());
}

#[test]
fn a_program_larger_than_its_memory() {
    let text = "static char large[64 << 20];\nint main(int c, char **v) { return large[c]; }\n";
    let (directory, path) = with("large.c", text);
    let nexe = directory.path().join("large.nexe");
    let said = complaint(
        zcc()
            .args(["--memory", "67108864"])
            .arg(&path)
            .arg("-o")
            .arg(&nexe),
    );
    assert!(
        said.contains("the program needs ") && said.contains("--memory"),
        "{said}"
    );
    done(zcc().arg(&path).arg("-o").arg(&nexe));
}

#[test]
fn files_that_are_none() {
    let said = complaint(zcc().arg("nowhere.c"));
    assert!(said.contains("nowhere.c"), "{said}");
    assert!(complaint(zcc().arg("what.rs")).contains("what.rs: not a file that zcc knows"));
    assert!(complaint(&mut zcc()).contains("no input files"));
    let (_directory, path) = with("bytes.s", "");
    fs::write(&path, [0xff, 0xfe]).expect("it is written");
    assert!(complaint(zcc().arg("-c").arg(&path)).contains("not text in UTF-8"));
}

#[test]
fn tools_that_are_missing_are_named() {
    let (_directory, path) = with("good.c", "int main(void) { return 0; }\n");
    let said = complaint(zcc().arg("-c").arg(&path).env("PATH", "/nonexistent"));
    assert!(
        said.contains("gcc is not there") && said.contains("install gcc"),
        "{said}"
    );
}
