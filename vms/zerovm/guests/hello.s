# Greets on the second and the third channel.
        .include "zvm.inc"

        .text
        .globl  start
start:  trap_with write_out
        trap_with write_error
        trap_with exit
        hlt

        .section .rodata
out:    .ascii  "hello from an untrusted program\n"
        .equ    out_size, . - out
error:  .ascii  "and the same on the other stream\n"
        .equ    error_size, . - error
        .balign 8
write_out:
        .quad   WRITE, 0, 1, out, out_size, 0
write_error:
        .quad   WRITE, 0, 2, error, error_size, 0
exit:   .quad   EXIT, 0, 0
