# Does what the first channel says, and writes what came of it to the second.
#
# A record is eight words. The first is a pointer in its low half; the byte above says how many of
# the words after it are put there first, and 0xFF calls what is there instead of the trap. The
# answer is one word. At the end of the records the program exits with 0.
        .include "zvm.inc"
        .equ    RECORD, 64

        .text
        .globl  start
start:
next:   trap_with read
        cmp     $RECORD, %eax
        jne     done
        mov     record(%rip), %r12d
        movzbl  record+4(%rip), %r13d
        cmp     $0xFF, %r13d
        je      jump

# %r13d words from behind the first one to %r12d on.
        xor     %ebx, %ebx
copy:   cmp     %r13d, %ebx
        jae     copied
        .bundle_lock
        lea     record+8(,%rbx,8), %ecx
        mov     (%r15,%rcx), %rax
        .bundle_unlock
        .bundle_lock
        lea     (%r12,%rbx,8), %ecx
        mov     %rax, (%r15,%rcx)
        .bundle_unlock
        add     $1, %ebx
        jmp     copy
copied: mov     %r12d, %edi
        trap
        jmp     answer

jump:   mov     %r12d, %eax
        call_eax
answer: mov     %rax, result(%rip)
        trap_with write
        jmp     next
done:   trap_with exit
        hlt

        .section .rodata
        .balign 8
read:   .quad   READ, 0, 0, record, RECORD, 0
write:  .quad   WRITE, 0, 1, result, 8, 0
exit:   .quad   EXIT, 0, 0

        .bss
record: .skip   RECORD
result: .skip   8
