/* Returning to where setjmp was called. */
#ifndef _SETJMP_H
#define _SETJMP_H
typedef unsigned long long jmp_buf[8];
typedef jmp_buf sigjmp_buf;
int setjmp(jmp_buf context) __attribute__((returns_twice));
int _setjmp(jmp_buf context) __attribute__((returns_twice));
_Noreturn void longjmp(jmp_buf context, int value);
_Noreturn void _longjmp(jmp_buf context, int value);
#define setjmp setjmp
#define sigsetjmp(context, mask) setjmp(context)
#define siglongjmp(context, value) longjmp(context, value)
#endif
