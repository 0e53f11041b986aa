# Writes its registers to the second channel: as they are at its start, and again after a trap that
# was called with something in each of them.
#
# Sixteen general ones in the order of their numbers, sixteen vectors, the SSE control word and the
# x87 environment of 28 bytes: 416 bytes. Where PLAIN is defined the last two are left out, and the program
# has no instruction that uses either.
        .include "zvm.inc"

        .macro  keep
        mov     %rax, dump(%rip)
        mov     %rcx, dump+8(%rip)
        mov     %rdx, dump+16(%rip)
        mov     %rbx, dump+24(%rip)
        mov     %rsp, dump+32(%rip)
        mov     %rbp, dump+40(%rip)
        mov     %rsi, dump+48(%rip)
        mov     %rdi, dump+56(%rip)
        mov     %r8, dump+64(%rip)
        mov     %r9, dump+72(%rip)
        mov     %r10, dump+80(%rip)
        mov     %r11, dump+88(%rip)
        mov     %r12, dump+96(%rip)
        mov     %r13, dump+104(%rip)
        mov     %r14, dump+112(%rip)
        mov     %r15, dump+120(%rip)
        .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
        movups  %xmm\n, dump+128+16*\n(%rip)
        .endr
        .ifndef PLAIN
        stmxcsr dump+384(%rip)
        fnstenv dump+388(%rip)
        .endif
        .endm

        .text
        .globl  start
start:  keep
        trap_with write
        mov     $0x0101010101010101, %rax
        .irp    r, rcx,rdx,rbx,rsi,rdi,r8,r9,r10,r11,r12,r13,r14
        lea     1(%rax), %\r
        .endr
        .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
        movq    %rax, %xmm\n
        .endr
        .ifndef PLAIN
        fld1
        fldpi
        .endif
        trap_with none
        keep
        trap_with write
        trap_with exit
        hlt

        .section .rodata
        .balign 8
none:   .quad   0
write:  .quad   WRITE, 0, 1, dump, 416, 0
exit:   .quad   EXIT, 0, 0

        .bss
        .balign 16
dump:   .skip   416
