# Fifty million forks without a job: compiled code has that to say.
        .include "zvm.inc"

        .text
        .globl  start
start:  mov     $50000000, %ebx
        bundle
more:   trap_in_a_bundle fork
        sub     $1, %ebx
        jne     more
        trap_with exit
        hlt

        .section .rodata
        .balign 8
fork:   .quad   FORK
exit:   .quad   EXIT, 0, 0
