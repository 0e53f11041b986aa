# Leaves the x87 unit and the vectors in one state after the other, traps, and writes what the trap
# left of each to the second channel: 28 bytes of x87 environment and 64 of the last four vectors.
        .include "zvm.inc"

        .macro  after_a_trap
        trap_with none
        fnstenv dump(%rip)
        .irp    n, 12,13,14,15
        movups  %xmm\n, dump+28+16*(\n-12)(%rip)
        .endr
        trap_with write
        .endm

        .text
        .globl  start
# Registers in use.
start:  fld1
        fldpi
        after_a_trap
# All eight of them, which leaves the status word as it was.
        .rept   8
        fldz
        .endr
        after_a_trap
# As MMX registers.
        movq    words(%rip), %mm0
        after_a_trap
# One that is in use with the top where it is when there is none.
        fldz
        fincstp
        after_a_trap
# Only flags.
        fld1
        fldz
        fcompp
        after_a_trap
        fld1
        fldpi
        fdivp
        fstp    %st(0)
        after_a_trap
# Other precision, and no exception masked.
        fldcw   words(%rip)
        after_a_trap
        fldcw   words+2(%rip)
        fldz
        fld1
        fdiv    %st(1), %st
        after_a_trap
# Nothing at all.
        after_a_trap
# Vectors.
        .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
        movups  words(%rip), %xmm\n
        .endr
        after_a_trap
        trap_with exit
        hlt

        .section .rodata
        .balign 8
none:   .quad   0
write:  .quad   WRITE, 0, 1, dump, 92, 0
exit:   .quad   EXIT, 0, 0
# Control words: 24 bits of precision; every exception unmasked.
words:  .word   0x007F, 0x0340
        .long   0x12345678
        .quad   0x0123456789ABCDEF

        .bss
        .balign 16
dump:   .skip   96
