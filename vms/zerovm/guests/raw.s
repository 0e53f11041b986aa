# Makes the system call that its input names: a number and six arguments. No validator accepts this;
# it is what a hole in one would allow. The result goes to the second channel. Then the guest exits,
# or loops if the last word of its input is not 0.
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
loop:   cmpq    $0, words+56(%rip)
        jne     loop
        trap_with exit
        hlt

        .section .rodata
        .balign 8
read:   .quad   READ, 0, 0, words, 64, 0
write:  .quad   WRITE, 0, 1, words, 8, 0
exit:   .quad   EXIT, 0, 0

        .bss
        .balign 8
words:  .skip   64
