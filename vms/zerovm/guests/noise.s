# Writes pseudo-random bytes to the second channel until that is full. The numbers are the product of
# the one before and 16807, modulo 2^31 - 1, from 1 on.
        .include "zvm.inc"
        .equ    SIZE, 0x10000

        .text
        .globl  start
start:  mov     $1, %ebx
fill:   mov     $SIZE, %ecx
more:   mov     %ebx, %eax
        imul    $16807, %rax, %rax
        mov     $0x7FFFFFFF, %esi
        xor     %edx, %edx
        div     %rsi
        mov     %edx, %ebx
        sub     $1, %ecx
        .bundle_lock
        lea     buffer(%rcx), %edi
        mov     %bl, (%r15,%rdi)
        .bundle_unlock
        jne     more
        trap_with write
        test    %eax, %eax
        jg      fill
        mov     %rax, code(%rip)
        trap_with exit
        hlt

        .data
write:  .quad   WRITE, 0, 1, buffer, SIZE, 0
exit:   .quad   EXIT, 0
code:   .quad   0

        .bss
        .balign 4096
buffer: .skip   SIZE
