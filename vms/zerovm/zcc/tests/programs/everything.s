	.file	"everything.c"
	.text
	.p2align 4
	.globl	_start
	.type	_start, @function
_start:
	pushq %rbp
	movl %esp, %ebp
	subl $24, %esp
	andl $-32, %esp
	movl $table, %edi
	movl 4(%edi), %eax
	movl 8(%eax), %ecx
	movl table(,%ecx,4), %edx
	addl $5, -8(%edi,%esi,8)
	leal 12(%rsp), %eax
	movq %rax, 8(%rsp)
	movb %ah, 8(%esi)
	lock xaddl %eax, counter(%rip)
	rep stosq
	rep movsb
	btl %ecx, %edx
	cmpl $5, %edi
	ja .L2
	movl .L4(,%edi,4), %eax
	jmp *%rax
	.p2align 4,,10
	.p2align 3
.L8:
	call f
	call *%rax
	movaps %xmm0, 16(%rsp)
	cvtsi2sdl 24(%rsp), %xmm0
	fldt 8(%rsp)
	fstpl (%edi)
	sete %al
	cmovne %ecx, %edx
	imull $100, 8(%eax), %ecx
	shrq $3, %rdx
1:	decl %ecx
	jne 1b
	xorl %eax, %eax
	jmp .L2
.L9:
	movzbl (%eax,%ecx), %eax
	ud2
.L2:
	leave
	ret
	.size _start, .-_start
	.type f, @function
f:
	movabsq $81985529216486895, %rax
	testq %rax, %rax
	js .L9
	ret
	.section .text.unlikely,"ax",@progbits
f.cold:
	hlt
	.section .rodata
	.align 4
.L4:
	.long .L8
	.long .L9
	.string "text; with # everything, \"quoted\""
	.data
	.globl counter
counter:
	.quad 1
table:
	.long table, f, 0x10, -3
	.bss
	.zero 64
	.ident	"GCC"
	.section	.note.GNU-stack,"",@progbits
