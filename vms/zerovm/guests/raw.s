# Makes the system call that its input names: a number and six arguments. No validator accepts this;
# it is what a hole in one would allow. The result goes to the second channel, then the guest loops.
        .include "zvm.inc"

        .text
        .globl  start
start:  trap_with read
        mov     words(%rip), %rax
        mov     words+8(%rip), %rdi
        mov     words+16(%rip), %rsi
        mov     words+24(%rip), %rdx
        mov     words+32(%rip), %r10
        mov     words+40(%rip), %r8
        mov     words+48(%rip), %r9
        syscall
        mov     %rax, words(%rip)
        trap_with write
loop:   jmp     loop

        .section .rodata
        .balign 8
read:   .quad   READ, 0, 0, words, 56, 0
write:  .quad   WRITE, 0, 1, words, 8, 0

        .bss
        .balign 8
words:  .skip   56
