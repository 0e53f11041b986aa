//! What instructions become, in both dialects, pitfall by pitfall.

use zcc::{Dialect, rewritten};

/// What a text becomes in a dialect.
fn become_(text: &str, dialect: Dialect) -> String {
    rewritten(text, dialect).unwrap_or_else(|(line, reason)| panic!("line {line}: {reason}"))
}

/// What lines become in both dialects, as a snapshot.
fn both(text: &str) -> String {
    let (nacl, fast) = (become_(text, Dialect::Nacl), become_(text, Dialect::Fast));
    format!("{text}\n\nnacl\n{nacl}\nfast\n{fast}")
}

#[test]
fn memory() {
    insta::assert_snapshot!(both(
        "movl 4(%eax), %ecx\nmovl (%rax), %ecx\nmovq sym(%rip), %rax\nmovl sym+4, %eax\n\
         movups %xmm0, 8(%rsp)\naddl $5, -8(%edi,%esi,8)\nfldt sym(,%eax,4)\n\
         lock xaddl %eax, 100000(%edx)\nmovl 16, %eax\nmovl 4278190076, %eax"
    ));
}

#[test]
fn an_address_that_was_limited_is_not_limited_again() {
    insta::assert_snapshot!(both(
        "movl (%edi), %eax\nmovl 8(%eax), %eax\nmovl 8(%eax), %edx\n.L1:\nmovl (%edx), %edx\n\
         jmp .L1\naddl $4, %ebx\nmovl %ecx, (%ebx)\nimull %ebx\nmovl (%ebx), %eax"
    ));
}

/// Pitfall 1: `%ah` cannot be named beside r8 to r15.
#[test]
fn high_bytes_change_places() {
    insta::assert_snapshot!(both(
        "movb %ah, 8(%esi)\nmovb %dh, (%rsp)\naddb (%eax,%ecx), %ch\nmovzbl %ah, %ecx"
    ));
}

/// Pitfall 2: rbp holds an address of the host, in one dialect.
#[test]
fn the_frame_pointer() {
    insta::assert_snapshot!(both(
        "pushq %rbp\nmovl %esp, %ebp\nmovl -4(%ebp), %eax\nleal -8(%ebp), %eax\nleave\npopq %rbp"
    ));
    let refused = |text| {
        rewritten(text, Dialect::Nacl)
            .expect_err(text)
            .1
            .to_string()
    };
    for text in [
        "addq %rax, %rbp",
        "shll $2, %ebp",
        "movzbl %bpl, %eax",
        "xchgl %eax, %ebp",
    ] {
        assert!(refused(text).contains("frame pointer"), "{text}");
        assert!(rewritten(text, Dialect::Fast).is_ok(), "{text}");
    }
}

/// Pitfall 3: padding is zcc's own, and so is the alignment of what can be gone to by its address.
/// Pitfall 7: labels of jump tables are at bundles.
#[test]
fn labels_that_are_addresses_are_at_bundles() {
    insta::assert_snapshot!(both(
        ".globl f\n.type f, @function\nf:\nmovl .L4(,%edi,4), %eax\njmp *%rax\n\
         .section .rodata\n.L4:\n.long .L8\n.long .L9-.L8\n.text\n.p2align 4,,10\n.L8: ret\n\
         .L9: ret\n.L10: jmp .L10\n.set g, .L11\n.L11: ret\n.globl g"
    ));
}

/// Pitfall 4: the stack pointer is made an address of the host again at once.
/// Pitfall 5: what is taken of it are 32 bits.
#[test]
fn the_stack_pointer() {
    insta::assert_snapshot!(both(
        "subl $24, %esp\naddl %eax, %esp\naddq $8, %rsp\nandl $-16, %esp\nandl $-256, %esp\n\
         movl %eax, %esp\nmovl 8(%edi), %esp\nleal -8(%r10d), %esp\nmovl %esp, %eax\n\
         movq %rsp, %rdx\nleaq 8(%rsp), %rcx\npushq 8(%eax)\npushq $5\npopq %rbx"
    ));
    for text in [
        "popq %rsp",
        "pushq %rsp",
        "addw $8, %sp",
        "cmpq %rsp, %rax",
        "shll $1, %esp",
    ] {
        for dialect in [Dialect::Nacl, Dialect::Fast] {
            let (_, reason) = rewritten(text, dialect).expect_err(text);
            assert!(
                reason.to_string().contains("stack pointer"),
                "{text}: {reason}"
            );
        }
    }
}

/// Pitfall 6: sums are made with 32 bits, whatever their parts.
#[test]
fn indexes_wrap_at_32_bits() {
    for text in [
        "movl sym(%eax), %ecx",
        "movl -4(%eax,%ecx), %ecx",
        "movl 70000(%eax), %ecx",
    ] {
        let nacl = become_(text, Dialect::Nacl);
        assert!(nacl.contains(", %r11d\n  | movl (%r15,%r11)"), "{nacl}");
        assert!(become_(text, Dialect::Fast).contains("movl %gs:"), "{text}");
    }
}

/// Pitfall 8: strings take no segment.
#[test]
fn strings() {
    insta::assert_snapshot!(both(
        "rep stosq\nrep movsb\nrepne scasb\nlodsl\naddr32 rep stosb"
    ));
}

#[test]
fn control() {
    insta::assert_snapshot!(both(
        "call f\ncall *%rax\njmp *%rdx\njne .L2\n.L2:\nrep ret\nbtl %ecx, %edx\nbtsq %rax, %rdx\n\
         btrl %edi, %ecx\nbtl $4, %eax\nfstcw 4(%rsp)\nendbr64\n1: jmp 1b\njmp 1f\n1: ret"
    ));
}

/// Pitfall 10: code in other sections is code too.
#[test]
fn cold_code_is_rewritten_where_it_is() {
    let text = ".section .text.unlikely\nf.cold:\nmovl (%eax), %eax\nret\n.text\njmp f.cold";
    let nacl = become_(text, Dialect::Nacl);
    assert!(nacl.contains("movl (%r15,%r11), %eax"), "{nacl}");
}
