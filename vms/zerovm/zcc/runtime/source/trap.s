# zvm_trap(words): the trampoline returns to who called this, and keeps the registers that a function
# has to keep.
        .text
        .globl  zvm_trap
        .type   zvm_trap, @function
zvm_trap:
        movl    $0x10000, %eax
        jmp     *%rax
        .size   zvm_trap, .-zvm_trap
