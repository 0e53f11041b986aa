# setjmp and longjmp keep what a function keeps, the stack pointer and where to go. Addresses are
# kept with 32 bits: the rest is made again.
        .text
        .globl  setjmp
        .globl  _setjmp
        .type   setjmp, @function
        .type   _setjmp, @function
setjmp:
_setjmp:
        movl    (%rsp), %eax
        movl    %eax, 56(%edi)
        leal    8(%rsp), %eax
        movl    %eax, 48(%edi)
        movq    %rbx, (%edi)
        movq    %rbp, 8(%edi)
        movq    %r12, 16(%edi)
        movq    %r13, 24(%edi)
        movq    %r14, 32(%edi)
        xorl    %eax, %eax
        ret
        .size   setjmp, .-setjmp

        .globl  longjmp
        .globl  _longjmp
        .type   longjmp, @function
        .type   _longjmp, @function
longjmp:
_longjmp:
        movl    %esi, %eax
        testl   %eax, %eax
        jne     1f
        incl    %eax
1:      movq    (%edi), %rbx
        movq    16(%edi), %r12
        movq    24(%edi), %r13
        movq    32(%edi), %r14
        movl    56(%edi), %edx
        movl    48(%edi), %ecx
        movq    8(%edi), %rbp
        movl    %ecx, %esp
        jmp     *%rdx
        .size   longjmp, .-longjmp
