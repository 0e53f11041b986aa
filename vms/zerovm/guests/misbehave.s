# Does the wrong thing that the first byte of its input names. What comes back from a trap after all
# exits with 77.
        .include "zvm.inc"

        .macro  on character, label
        cmp     $\character, %ebx
        je      \label
        .endm

        .text
        .globl  start
start:  trap_with read
        movzbl  order(%rip), %ebx
        on      'd', divide
        on      'h', halt
        on      'u', undefined
        on      't', write_text
        on      'c', write_constants
        on      'm', write_manifest
        on      '0', read_null
        on      'x', run_data
        on      'l', loop
        on      's', foreign_slot
        on      'o', odd_trampoline
        on      'b', stack_at_its_end
        on      'g', stack_below
        on      'S', backwards
        on      'M', unmasked_sse
        on      'F', unmasked_x87
        on      'r', half_masked_return
        on      'n', no_arguments
        on      'e', rebase
        on      'f', fork
        on      'q', ask
        trap_with exit_unknown
        hlt

        bundle
divide: xor     %edx, %edx
        xor     %ecx, %ecx
        div     %ecx

        bundle
halt:   hlt

        bundle
undefined:
        ud2

        bundle
write_text:
        mov     %eax, start(%rip)

        bundle
write_constants:
        mov     %eax, read(%rip)

        bundle
write_manifest:
        mov     $0xFEFFFFFC, %ecx
        .bundle_lock
        mov     %ecx, %ecx
        mov     %eax, (%r15,%rcx)
        .bundle_unlock

        bundle
read_null:
        .bundle_lock
        mov     %edx, %edx
        mov     8(%r15,%rdx), %eax
        .bundle_unlock

        bundle
run_data:
        mov     $order, %eax
        jump_eax

        bundle
loop:   jmp     loop

# Another system call of the trampoline's table.
        bundle
foreign_slot:
        mov     $TRAP + 32 * 5, %eax
        call_eax

# Into the middle of a trampoline, which the mask makes its begin.
        bundle
odd_trampoline:
        mov     $exit_after, %edi
        mov     $TRAP + 7, %eax
        call_eax

# The trap finds no room on this stack.
        bundle
stack_at_its_end:
        mov     $0xFF000018, %esp
        add     %r15, %rsp
        trap_with exit_after

# And here not even the call does.
        bundle
stack_below:
        mov     $0x00000008, %esp
        add     %r15, %rsp
        push    %rax

# Traps with what compiled code of a host would stumble over.
        bundle
backwards:
        std
        trap_with write_order
        trap_with exit_after

        bundle
unmasked_sse:
        ldmxcsr control(%rip)
        trap_with write_order
        trap_with exit_after

        bundle
unmasked_x87:
        fldcw   control+4(%rip)
        fldz
        fld1
        fdiv    %st(1), %st
        trap_with write_order
        trap_with exit_after

# Calls the trap so that it comes back to the middle of a bundle: it comes back to its begin.
        bundle
half_masked_return:
        add     $1, %r12d
        cmp     $2, %r12d
        je      returned
        mov     $write_order, %edi
        mov     $half_masked_return + 5, %ecx
        push    %rcx
        jmp     TRAP
returned:
        trap_with exit_after

# Says so, and then has a stack pointer that is only 32 bits as often as it can.
        bundle
rebase: trap_with write_order
again:  mov     $0xFF800000, %esp
        add     %r15, %rsp
        jmp     again

# Says so, and then traps as often as it can, for nothing.
        bundle
ask:    trap_with write_order
again_ask:
        trap_with unknown
        jmp     again_ask

        bundle
no_arguments:
        xor     %edi, %edi
        trap

        bundle
fork:   trap_with fork_call
        mov     %rax, code(%rip)
        trap_with exit_code
        hlt

        .section .rodata
        .balign 8
read:   .quad   READ, 0, 0, order, 1, 0
write_order:
        .quad   WRITE, 0, 1, order, 1, 0
exit_after:
        .quad   EXIT, 0, 77
exit_unknown:
        .quad   EXIT, 0, 1
fork_call:
        .quad   0x6B726F46
unknown:
        .quad   0x1234
# The SSE control word and the x87 control word with every exception unmasked.
control:
        .long   0x0000, 0x0340

        .data
        .balign 8
order:  .quad   0
exit_code:
        .quad   EXIT, 0
code:   .quad   0
