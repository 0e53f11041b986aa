# A quarter of a billion traps that answer at once: an id that nothing has.
        .include "zvm.inc"

        .text
        .globl  start
start:  mov     $250000000, %ebx
        bundle
more:   trap_in_a_bundle none
        sub     $1, %ebx
        jne     more
        trap_with exit
        hlt

        .section .rodata
        .balign 8
none:   .quad   0
exit:   .quad   EXIT, 0, 0
