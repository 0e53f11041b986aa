# Writes 14 bytes to the third channel and becomes a daemon. What goes on from there copies up to 64
# KiB of the first channel to the second, tells the third, and exits with what the fork answered.
        .include "zvm.inc"
        .equ    SIZE, 0x10000

        .text
        .globl  start
start:  trap_with write_before
        trap_with fork
        mov     %rax, code(%rip)
        trap_with read
        test    %eax, %eax
        jle     done
        mov     %rax, write_size(%rip)
        trap_with write
        trap_with write_after
done:   trap_with exit
        hlt

        .section .rodata
before: .ascii  "before it did\n"
after:  .ascii  "after it did\n"
        .balign 8
write_before:
        .quad   WRITE, 0, 2, before, 14, 0
write_after:
        .quad   WRITE, 0, 2, after, 13, 0
fork:   .quad   0x6B726F46
read:   .quad   READ, 0, 0, buffer, SIZE, 0

        .data
write:  .quad   WRITE, 0, 1, buffer
write_size:
        .quad   0, 0
exit:   .quad   EXIT, 0
code:   .quad   0

        .bss
        .balign 4096
buffer: .skip   SIZE
