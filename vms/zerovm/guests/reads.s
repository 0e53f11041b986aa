# Fifty million reads of no bytes: the trap has a function to find, and that has nothing to do.
        .include "zvm.inc"

        .text
        .globl  start
start:  mov     $50000000, %ebx
        bundle
more:   trap_in_a_bundle read
        sub     $1, %ebx
        jne     more
        trap_with exit
        hlt

        .section .rodata
        .balign 8
read:   .quad   READ, 0, 0, buffer, 0, 0
exit:   .quad   EXIT, 0, 0

        .bss
buffer: .skip   8
