/* A library whose functions crash, each in its way, with lines to be found again. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int read_through(int *where)
{
    return *where; /* here: null */
}

int crash_null(int depth)
{
    return depth ? crash_null(depth - 1) + 1 : read_through(NULL);
}

int crash_stack(int depth)
{
    volatile char frame[4096];
    frame[0] = (char)depth;
    return crash_stack(depth + 1) + frame[0];
}

int crash_abort(void)
{
    fputs("the state is \033[31mbad\n", stderr);
    abort();
}

int crash_divide(int a, int b)
{
    return a / b; /* here: divide */
}

/* Every word of the stack from here upward leads back into the stack, return addresses included. */
int crash_smashed(void)
{
    static size_t *frame, index;
    frame = __builtin_frame_address(0);
    for (index = 0; index < 256; ++index) frame[index] = (size_t)&frame[index & 7];
    return 1;
}

/* A jump to nowhere. */
int crash_jump(void)
{
    int (*volatile nowhere)(void) = NULL;
    return nowhere() + 1; /* here: jump */
}

static void *fatal_thread(void *where)
{
    *(volatile int *)where = 1; /* here: thread */
    return NULL;
}

int crash_thread(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, fatal_thread, (void *)16)) return -1;
    for (;;) pause();
}

int crash_in_callback(int (*ask)(int number), int number)
{
    return ask(number) + read_through(NULL);
}

int ask_only(int (*ask)(int number), int number)
{
    return ask(number) + 1;
}

static sigjmp_buf back;

static void survive(int signal)
{
    siglongjmp(back, signal);
}

/* Faults, and handles it. */
int crash_handled(int times)
{
    int handled = 0;
    signal(SIGSEGV, survive);
    for (volatile int turn = 0; turn < times; ++turn) {
        if (sigsetjmp(back, 1) == 0) read_through(NULL);
        else ++handled;
    }
    signal(SIGSEGV, SIG_DFL);
    return handled;
}

static volatile sig_atomic_t heard;

static void hear(int signal)
{
    (void)signal;
    ++heard;
}

/* Signals that are not crashes, handled and ignored, while it works. */
int many_signals(int times)
{
    signal(SIGUSR1, hear);
    signal(SIGUSR2, SIG_IGN);
    for (int turn = 0; turn < times; ++turn) {
        raise(SIGUSR1);
        raise(SIGUSR2);
    }
    return (int)heard;
}

/* Threads that come and go. */
static void *nothing(void *unused) { return unused; }

int many_threads(int times)
{
    int made = 0;
    for (int turn = 0; turn < times; ++turn) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, nothing, NULL)) break;
        pthread_join(thread, NULL);
        ++made;
    }
    return made;
}

/* Stops itself as job control does; somebody has to let it go on. */
int stop_self(void)
{
    raise(SIGSTOP);
    return 5;
}

int pid_of_vm(void) { return (int)getpid(); }
