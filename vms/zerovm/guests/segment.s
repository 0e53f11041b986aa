# What dialect fast has: memory from gs and masked returns. The first byte of the input says what is
# tried; what comes through exits with 77.
        .include "zvm.inc"

        .macro  on character, label
        mov     $order, %eax
        cmpb    $\character, %gs:(%eax)
        je      \label
        .endm

# The masked return.
        .macro  return
        .bundle_lock
        mov     (%rsp), %r11d
        and     $-32, %r11d
        add     %r15, %r11
        mov     %r11, (%rsp)
        ret
        .bundle_unlock
        .endm

        .macro  call_to label
        bundle
        .nops   27
        call    \label
        .endm

# Fails unless the first bytes of the first trampoline are at gs:0x10000.
        .macro  expect_base
        mov     $TRAP - 8, %eax
        cmpl    $0x0000B848, %gs:8(%eax)
        jne     wrong
        .endm

        .text
        .globl  start
start:  expect_base
        trap_with read
        expect_base
        on      'a', all
        on      'u', unmasked
        on      'c', carry
        on      'e', end_of_space
        on      'h', highest_return
        on      'l', lowest_return
        on      's', straddling_return
        on      'x', read_only_return
        on      'j', jailed
        on      't', trap_at_end
        on      'T', trap_at_end_and_back
        jmp     wrong

        bundle
wrong:  trap_with exit_wrong
        hlt

        bundle
right:  trap_with exit_right
        hlt

# Calls and returns, before, between and behind traps, and operands of every kind.
        bundle
all:    mov     $1000, %ebx
0:      call_to double
        sub     $1, %ebx
        jne     0b
        trap_with write
        expect_base
        mov     $numbers, %eax
        mov     $3, %ecx
        movl    $40, %gs:(%eax,%ecx,4)
        addl    $2, %gs:12(%eax)
        lock addl $1, %gs:12(%eax)
        movss   %gs:(%eax,%ecx,4), %xmm0
        movd    %xmm0, %edx
        cmp     $43, %edx
        jne     wrong
        lea     12(%eax), %esi
        lea     12(%rax), %edi
        cmp     %esi, %edi
        jne     wrong
        cmpl    $1000, doubled(%rip)
        jne     wrong
        mov     $0x1234567800000000, %rbp
        lea     numbers(%ebp), %eax
        cmpl    $43, %gs:numbers+12(%ebp)
        jne     wrong
        jmp     right

        bundle
double: mov     $doubled, %eax
        addl    $1, %gs:(%eax)
        return

# A return address with something in its upper half, and in the middle of a bundle.
        bundle
unmasked:
        mov     $0xDEADBEEF00000000, %rax
        lea     right + 21(%rax), %rax
        push    %rax
        return

# The sum of base and index is one of 32 bits.
        bundle
carry:  mov     $0xFFFFFFFF, %eax
        mov     $0x80000000, %ecx
        mov     $TRAP + 0x80000001, %edx
        cmpl    $0x0000B848, %gs:TRAP+1(%eax)
        jne     wrong
        cmpl    $0x0000B848, %gs:(%ecx,%edx)
        je      wrong
        cmpl    $0x0000B848, %gs:-1(%ecx,%edx)
        jne     wrong
        jmp     right

# Eight bytes of which four are behind the space.
        bundle
end_of_space:
        mov     $0xFFFFFFFC, %eax
        mov     %gs:(%eax), %ecx
        mov     %gs:(%eax), %rcx
        jmp     wrong

        bundle
highest_return:
        .bundle_lock
        mov     $0xFFFFFFF8, %esp
        add     %r15, %rsp
        .bundle_unlock
        pop     %rax
        return

        bundle
lowest_return:
        .bundle_lock
        xor     %esp, %esp
        add     %r15, %rsp
        .bundle_unlock
        return

        bundle
straddling_return:
        .bundle_lock
        mov     $0xFFFFFFFC, %esp
        add     %r15, %rsp
        .bundle_unlock
        return

# Where the address cannot be written.
        bundle
read_only_return:
        .bundle_lock
        mov     $read, %esp
        add     %r15, %rsp
        .bundle_unlock
        return

# A return address of which the trap reads what is within the space: 4 bytes. It leaves rsp behind it.
        .macro  trap_behind label
        mov     $0xFFFFFFFC, %eax
        movl    $\label, %gs:(%eax)
        .bundle_lock
        mov     %eax, %esp
        add     %r15, %rsp
        .bundle_unlock
        mov     $write, %edi
        jmp     TRAP
        .endm

        bundle
trap_at_end:
        trap_behind behind
        bundle
behind: push    %rax
        jmp     wrong

        bundle
trap_at_end_and_back:
        trap_behind back
        bundle
back:   and     $-8, %rsp
        push    %rax
        pop     %rax
        push    %rax
        jmp     right

# Code that the guest makes is held to the same rules: it returns by a masked return too.
        bundle
jailed: xor     %ecx, %ecx
0:      mov     $code, %edx
        mov     %gs:(%edx,%ecx), %eax
        mov     $page, %edx
        mov     %eax, %gs:(%edx,%ecx)
        add     $4, %ecx
        cmp     $32, %ecx
        jne     0b
        trap_with jail
        test    %eax, %eax
        jne     wrong
        mov     $page, %eax
        call_eax
        cmp     $5, %ecx
        jne     wrong
        jmp     right

        .section .rodata
        .balign 8
read:   .quad   READ, 0, 0, order, 1, 0
write:  .quad   WRITE, 0, 1, order, 1, 0
exit_right:
        .quad   EXIT, 0, 77
exit_wrong:
        .quad   EXIT, 0, 1
jail:   .quad   0x6C69614A, 0, page, 0x10000
        .balign 32
# mov $5, %ecx; then the masked return; then no-operations.
code:   .byte   0xB9, 5, 0, 0, 0
        .byte   0x44, 0x8B, 0x1C, 0x24, 0x41, 0x83, 0xE3, 0xE0, 0x4D, 0x01, 0xFB
        .byte   0x4C, 0x89, 0x1C, 0x24, 0xC3
        .fill   11, 1, 0x90

        .data
        .balign 8
order:  .quad   0
doubled:
        .quad   0
numbers:
        .quad   0, 0, 0
        .balign 0x10000
page:   .fill   0x10000, 1, 0x90
