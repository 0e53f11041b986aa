# Copies the first channel to the second, 64 KiB at once. Its code is the last answer: 0 at the end
# of the input, below 0 when a quota is used up.
        .include "zvm.inc"
        .equ    SIZE, 0x10000

        .text
        .globl  start
start:
next:   trap_with read
        test    %eax, %eax
        jle     done
        mov     %rax, write_size(%rip)
        trap_with write
        test    %eax, %eax
        jg      next
done:   mov     %rax, code(%rip)
        trap_with exit
        hlt

        .section .rodata
        .balign 8
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
