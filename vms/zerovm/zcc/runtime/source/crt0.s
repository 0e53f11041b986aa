# Where a guest begins, whichever generation started it: with a stack that has room below %rsp, be it
# one past the end of the address space. Nothing of the registers is used.
        .section .text.zvm_start,"ax",@progbits
        .globl  _start
        .type   _start, @function
_start:
        andl    $-16, %esp
        call    __zvm_start
        hlt
        .size   _start, .-_start
