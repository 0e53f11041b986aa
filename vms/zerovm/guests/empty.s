# Exits at once.
        .include "zvm.inc"

        .text
        .globl  start
start:  trap_with exit
        hlt

        .section .rodata
        .balign 8
exit:   .quad   EXIT, 0, 0
