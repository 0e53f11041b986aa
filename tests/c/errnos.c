/*
 * Every errno that cosmos_vm.h promises, by the shortest way to it: a table of calls, what each returns, and the
 * errno that it leaves. A line that is otherwise is printed; the program ends with how many there were.
 */
#include <cosmos_vm.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static int wrong;

static void told(int line, const char *call, long got, long failed, int error, int expected)
{
    int kept = cosmos_error_errno();
    if (got == failed && error == expected && kept == expected)
        return;
    printf("%d: %s: %ld, errno %d (%s), cosmos_error_errno %d; expected %ld, errno %d (%s)\n", line, call, got, error,
           strerror(error), kept, failed, expected, strerror(expected));
    wrong++;
}

/* A call that returns this, and leaves this errno. */
#define FAILS(expected, failed, call) \
    do { \
        cosmos_error_clear(); \
        errno = 0; \
        long got_ = (long)(call); \
        told(__LINE__, #call, got_, (long)(failed), errno, expected); \
    } while (0)
#define NULL_(expected, call) FAILS(expected, NULL, call)
#define MINUS(expected, call) FAILS(expected, -1, call)

#define NEEDED(what) \
    do { \
        if (!(what)) { \
            printf("%d: %s: %s\n", __LINE__, #what, cosmos_dlerror()); \
            exit(100); \
        } \
    } while (0)

static const char not_utf8[] = "\xff\xfe";

static void closed_and_made_up(cosmos_dl *open)
{
    cosmos_vm *vm = cosmos_vm_open("hostfn", NULL);
    NEEDED(vm);
    cosmos_vm *closed_vm = cosmos_vm_open("hostfn", NULL);
    NEEDED(closed_vm && cosmos_vm_close(closed_vm) == 0);
    cosmos_dl *closed_dl = cosmos_dlopen("libm.so.6", NULL);
    NEEDED(closed_dl && cosmos_dlclose(closed_dl) == 0);
    cosmos_options *options = cosmos_options_new();
    NEEDED(options);
    int number;
    cosmos_dl *dls[] = { NULL, closed_dl, (cosmos_dl *)&number, (cosmos_dl *)vm, (cosmos_dl *)-1 };
    for (size_t index = 0; index < sizeof dls / sizeof *dls; index++) {
        cosmos_dl *dl = dls[index];
        cosmos_denial denial;
        void *argument = &number;
        char types[8];
        NULL_(EBADF, cosmos_dlsym(dl, "int abs(int number)"));
        NULL_(EBADF, cosmos_dlfunc(dl, "int abs(int number)"));
        MINUS(EBADF, cosmos_dlclose(dl));
        MINUS(EBADF, cosmos_dl_onerror(dl, NULL, NULL));
        cosmos_limit limit;
        MINUS(EBADF, cosmos_denials(dl, &denial, 1));
        MINUS(EBADF, cosmos_budget(dl, &limit, 1));
        MINUS(EBADF, cosmos_cancel(dl));
        NULL_(EBADF, cosmos_alloc(dl, 100));
        MINUS(EBADF, cosmos_variadic_types(dl, "int abs(int number)", &argument, types, sizeof types));
        MINUS(EBADF, cosmos_variadic_call(dl, "int abs(int number)", &argument, 0, NULL));
    }
    cosmos_vm *vms[] = { NULL, closed_vm, (cosmos_vm *)&number, (cosmos_vm *)open, (cosmos_vm *)-1 };
    for (size_t index = 0; index < sizeof vms / sizeof *vms; index++) {
        MINUS(EBADF, cosmos_vm_close(vms[index]));
        NULL_(EBADF, cosmos_vm_alloc(vms[index], 100));
        MINUS(EBADF, cosmos_options_set_vm(options, vms[index]));
        /* NULL is cosmosd. */
        if (vms[index])
            MINUS(EBADF, cosmos_rp_call(vms[index], 0x0205, NULL, 0, NULL, 0, NULL));
    }
    NEEDED(cosmos_vm_close(vm) == 0);
    cosmos_options_free(options);
}

static void strings_and_prototypes(cosmos_dl *dl)
{
    NULL_(EINVAL, cosmos_dlopen(NULL, NULL));
    NULL_(EINVAL, cosmos_dlopen(not_utf8, NULL));
    NULL_(ENOENT, cosmos_dlopen("libnothing.so.0", NULL));
    NULL_(ENOENT, cosmos_dlopen("/nothing/libnothing.so.0", NULL));
    NULL_(ENOEXEC, cosmos_dlopen("/proc/self/comm", NULL));
    NULL_(EINVAL, cosmos_vm_open(NULL, NULL));
    NULL_(EINVAL, cosmos_vm_open(not_utf8, NULL));
    NULL_(ENOENT, cosmos_vm_open("nothing", NULL));
    NULL_(ENOENT, cosmos_vm_open("hostfn-99", NULL));
    NULL_(EINVAL, cosmos_dlsym(dl, NULL));
    NULL_(EINVAL, cosmos_dlsym(dl, not_utf8));
    NULL_(EINVAL, cosmos_dlsym(dl, "int abs(int"));
    NULL_(EINVAL, cosmos_dlfunc(dl, "int abs(int"));
    NULL_(ENOSYS, cosmos_dlsym(dl, "int nothing_at_all(void)"));
    NULL_(ENOSYS, cosmos_dlfunc(dl, "int nothing_at_all(void)"));
    MINUS(EINVAL, cosmos_denials(dl, NULL, 1));
    MINUS(EINVAL, cosmos_budget(dl, NULL, 1));
    char types[2];
    int number = -1, *pointer = &number;
    const char *format = "%d %d %d", *none = NULL;
    void *named[] = { &pointer, &pointer, &format };
    const char *print = "int snprintf(char *__out __sized_by(n) to, size_t n, const char *format, ...) __printf(3, 4)";
    size_t size = 8;
    named[1] = &size;
    MINUS(EINVAL, cosmos_variadic_types(dl, NULL, named, types, sizeof types));
    MINUS(EINVAL, cosmos_variadic_types(dl, "int abs(int number)", named, types, sizeof types));
    MINUS(EINVAL, cosmos_variadic_types(dl, print, NULL, types, sizeof types));
    MINUS(EMSGSIZE, cosmos_variadic_types(dl, print, named, types, sizeof types));
    MINUS(EMSGSIZE, cosmos_variadic_types(dl, print, named, NULL, 0));
    named[2] = &none;
    MINUS(EINVAL, cosmos_variadic_types(dl, print, named, types, sizeof types));
    MINUS(ENOSYS, cosmos_variadic_types(dl, "int nothing_at_all(const char *format, ...) __printf(1, 2)", named, types, 2));
    MINUS(EINVAL, cosmos_variadic_call(dl, NULL, named, 0, NULL));
    MINUS(EINVAL, cosmos_variadic_call(dl, print, NULL, 0, NULL));
    MINUS(EINVAL, cosmos_variadic_call(dl, "int abs(int number)", named, 0, NULL));
}

static void by_values(cosmos_dl *dl)
{
    static const char seven[17] = { 'i', 7 };
    void *reply = NULL;
    size_t length = 0;
    cosmos_dl *closed = cosmos_dlopen("libm.so.6", NULL);
    NEEDED(closed && cosmos_dlclose(closed) == 0);
    NEEDED(cosmos_call_values(dl, "int abs(int number)", seven, sizeof seven, NULL, &reply, &length) == 0);
    cosmos_values_free(reply, length);
    MINUS(EBADF, cosmos_call_values(NULL, "int abs(int number)", seven, sizeof seven, NULL, &reply, &length));
    MINUS(EBADF, cosmos_call_values(closed, "int abs(int number)", seven, sizeof seven, NULL, &reply, &length));
    MINUS(EINVAL, cosmos_call_values(dl, NULL, seven, sizeof seven, NULL, &reply, &length));
    MINUS(EINVAL, cosmos_call_values(dl, "int abs(int", seven, sizeof seven, NULL, &reply, &length));
    MINUS(ENOSYS, cosmos_call_values(dl, "int nothing_at_all(int number)", seven, sizeof seven, NULL, &reply, &length));
    MINUS(EINVAL, cosmos_call_values(dl, "int abs(int number)", seven, sizeof seven - 1, NULL, &reply, &length));
    MINUS(EINVAL, cosmos_call_values(dl, "int abs(int number)", "?", 1, NULL, &reply, &length));
    MINUS(EINVAL, cosmos_answer_set(NULL, seven, sizeof seven));
    unsigned long memory = cosmos_memory_new();
    NEEDED(memory != 0 && cosmos_memory_free(memory) == 0);
    MINUS(EBADF, cosmos_memory_free(memory));
    MINUS(EBADF, cosmos_memory_free(0));
}

static void calls(cosmos_dl *dl)
{
    cosmos_fn magnitude = cosmos_dlfunc(dl, "int abs(int number)");
    cosmos_fn print = cosmos_dlfunc(dl, "int dprintf(int descriptor, const char *format, ...) __printf(2, 3)");
    NEEDED(magnitude && print);
    int number = -3, result = 0;
    void *arguments[] = { &number };
    cosmos_call *call = cosmos_call_start(magnitude, &result, arguments);
    NEEDED(call && cosmos_call_wait(call) == 0 && result == 3);
    cosmos_call *none[] = { NULL, call, (cosmos_call *)&number, (cosmos_call *)dl, (cosmos_call *)-1 };
    for (size_t index = 0; index < sizeof none / sizeof *none; index++) {
        int failed = 0;
        MINUS(EBADF, cosmos_call_wait(none[index]));
        MINUS(EBADF, cosmos_call_poll(none[index]));
        MINUS(EBADF, cosmos_call_fd(none[index]));
        MINUS(EBADF, cosmos_call_wait_any(&none[index], 1));
        MINUS(EBADF, cosmos_call_wait_all(&none[index], 1, &failed));
        if (failed != EBADF) {
            printf("%d: %d\n", __LINE__, failed);
            wrong++;
        }
    }
    MINUS(EINVAL, cosmos_call_wait_any(none, 0));
    MINUS(EINVAL, cosmos_call_wait_any(NULL, 1));
    MINUS(EINVAL, cosmos_call_wait_all(NULL, 1, NULL));
    NULL_(EINVAL, cosmos_call_start(NULL, &result, arguments));
    NULL_(EINVAL, cosmos_call_start((cosmos_fn)exit, &result, arguments));
    NULL_(EINVAL, cosmos_call_start(print, &result, arguments));
    NULL_(EINVAL, cosmos_call_start(magnitude, &result, NULL));
    cosmos_step steps[2];
    memset(steps, 0, sizeof steps);
    steps[0].function = steps[1].function = magnitude;
    steps[0].arguments = steps[1].arguments = arguments;
    steps[0].result = steps[1].result = &result;
    NEEDED(cosmos_call_all(steps, 2) == 0);
    cosmos_call *started[2];
    MINUS(EINVAL, cosmos_call_all(NULL, 1));
    MINUS(EINVAL, cosmos_call_start_all(NULL, 1, started));
    MINUS(EINVAL, cosmos_call_start_all(steps, 2, NULL));
    static const struct { const char *what; int function, arguments; } odd[] = {
        { "no function", 0, 1 }, { "not cosmos's", 2, 1 }, { "variadic", 3, 1 }, { "no arguments", 1, 0 },
    };
    for (size_t index = 0; index < sizeof odd / sizeof *odd; index++) {
        cosmos_fn functions[] = { NULL, magnitude, (cosmos_fn)exit, print };
        steps[1].function = functions[odd[index].function];
        steps[1].arguments = odd[index].arguments ? arguments : NULL;
        MINUS(EINVAL, cosmos_call_all(steps, 2));
        MINUS(EINVAL, cosmos_call_start_all(steps, 2, started));
    }
    if (cosmos_call_all(NULL, 0) || cosmos_call_start_all(NULL, 0, NULL) || cosmos_call_wait_all(NULL, 0, NULL)) {
        printf("%d: nothing is nothing\n", __LINE__);
        wrong++;
    }
}

static void requests(void)
{
    char room[1];
    size_t length = 0;
    MINUS(EINVAL, cosmos_rp_call(NULL, 1 << 16, NULL, 0, NULL, 0, NULL));
    MINUS(EINVAL, cosmos_rp_call(NULL, 0x0205, NULL, 8, NULL, 0, NULL));
    MINUS(EINVAL, cosmos_rp_call(NULL, 0x0205, NULL, 0, NULL, 8, NULL));
    MINUS(ENOTSUP, cosmos_rp_call(NULL, 0x02ff, NULL, 0, NULL, 0, NULL));
    MINUS(EMSGSIZE, cosmos_rp_call(NULL, 0x0204, NULL, 0, room, sizeof room, &length));
    if (length <= sizeof room) {
        printf("%d: a length of %zu\n", __LINE__, length);
        wrong++;
    }
}

static void memory(cosmos_dl *dl)
{
    char *there = cosmos_alloc(dl, 100);
    NEEDED(there);
    NULL_(EAGAIN, cosmos_alloc(dl, (size_t)1 << 46));
    NULL_(EAGAIN, cosmos_alloc(dl, SIZE_MAX));
    MINUS(EINVAL, cosmos_free(there + 1));
    MINUS(EINVAL, cosmos_free(&there));
    NEEDED(cosmos_free(there) == 0 && cosmos_free(NULL) == 0);
    MINUS(EINVAL, cosmos_free(there));
    cosmos_vm *programs = cosmos_vm_open("exec", NULL);
    NEEDED(programs);
    NULL_(ENOTSUP, cosmos_vm_alloc(programs, 100));
    NEEDED(cosmos_vm_close(programs) == 0);
    /* The memory is a file. */
    struct rlimit before, now;
    NEEDED(getrlimit(RLIMIT_NOFILE, &before) == 0);
    now = before;
    now.rlim_cur = 3;
    NEEDED(setrlimit(RLIMIT_NOFILE, &now) == 0);
    NULL_(EMFILE, cosmos_alloc(dl, 400 << 20));
    NEEDED(setrlimit(RLIMIT_NOFILE, &before) == 0);
    there = cosmos_alloc(dl, 400 << 20);
    NEEDED(there && cosmos_free(there) == 0);
}

static void options(void)
{
    cosmos_options *some = cosmos_options_new();
    NEEDED(some);
    MINUS(EINVAL, cosmos_options_set_timeout(NULL, 1));
    MINUS(EINVAL, cosmos_options_set_host(NULL, "local"));
    MINUS(EINVAL, cosmos_options_set_host(some, NULL));
    MINUS(EINVAL, cosmos_options_set_host(some, "gopher://there"));
    MINUS(EINVAL, cosmos_options_set_callbacks(NULL, 1));
    MINUS(EINVAL, cosmos_options_set_isolation(NULL, "namespaces"));
    MINUS(EINVAL, cosmos_options_set_isolation(some, NULL));
    MINUS(EINVAL, cosmos_options_set_isolation(some, "some"));
    MINUS(EINVAL, cosmos_options_set_limit(NULL, "memory_bytes", 1));
    MINUS(EINVAL, cosmos_options_set_limit(some, NULL, 1));
    MINUS(EINVAL, cosmos_options_set_limit(some, "nothing", 1));
    MINUS(EINVAL, cosmos_options_grant_read(NULL, "/"));
    MINUS(EINVAL, cosmos_options_grant_read(some, NULL));
    MINUS(EINVAL, cosmos_options_grant_write(NULL, "/"));
    MINUS(EINVAL, cosmos_options_grant_write(some, NULL));
    MINUS(EINVAL, cosmos_options_grant_network(NULL, 1));
    MINUS(EINVAL, cosmos_options_grant_programs(NULL, 1));
    MINUS(EINVAL, cosmos_options_set_fresh(NULL, 1));
    MINUS(EINVAL, cosmos_options_set_shared(NULL, "name"));
    MINUS(EINVAL, cosmos_options_set_shared(some, NULL));
    MINUS(EINVAL, cosmos_options_add_packs(NULL, "/"));
    MINUS(EINVAL, cosmos_options_add_packs(some, NULL));
    MINUS(EINVAL, cosmos_options_set_vm(NULL, NULL));
    MINUS(EINVAL, cosmos_options_add_env(NULL, "NAME", "value"));
    MINUS(EINVAL, cosmos_options_add_env(some, NULL, "value"));
    MINUS(EINVAL, cosmos_options_add_env(some, "NA=ME", "value"));
    MINUS(EINVAL, cosmos_options_add_env_file(NULL, "/"));
    MINUS(EINVAL, cosmos_options_add_env_file(some, NULL));
    MINUS(EINVAL, cosmos_options_set_directory(NULL, "/"));
    MINUS(EINVAL, cosmos_options_set_directory(some, NULL));
    MINUS(EINVAL, cosmos_options_set_umask(NULL, 0));
    MINUS(EINVAL, cosmos_options_set_umask(some, 010000));
    MINUS(EINVAL, cosmos_options_set_stream(NULL, 0, COSMOS_STREAM_NULL));
    MINUS(EINVAL, cosmos_options_set_stream(some, 3, COSMOS_STREAM_NULL));
    MINUS(EINVAL, cosmos_options_set_stream(some, -1, COSMOS_STREAM_NULL));
    MINUS(EINVAL, cosmos_options_set_stream(some, 0, -1000));
    MINUS(ECOMM, cosmos_options_set_stream(some, 0, 100000));
    MINUS(EINVAL, cosmos_options_set_kept(NULL, 1));
    MINUS(EINVAL, cosmos_options_set_terminal(NULL, 24, 80));
    MINUS(EINVAL, cosmos_options_set_terminal(some, 1 << 16, 80));
    cosmos_options_free(some);
    cosmos_options_free(NULL);
}

static void programs(cosmos_dl *dl)
{
    const char *nothing[] = { NULL }, *unknown[] = { "there-is-no-such-program", NULL };
    const char *data[] = { "/proc/self/comm", NULL }, *cat[] = { "cat", NULL };
    MINUS(EINVAL, cosmos_exec(NULL, NULL, NULL));
    MINUS(EINVAL, cosmos_exec(nothing, NULL, NULL));
    MINUS(ENOENT, cosmos_exec(unknown, NULL, NULL));
    MINUS(ENOEXEC, cosmos_exec(data, NULL, NULL));
    NULL_(EINVAL, cosmos_exec_start(NULL, NULL));
    NULL_(EINVAL, cosmos_exec_start(nothing, NULL));
    NULL_(ENOENT, cosmos_exec_start(unknown, NULL));
    cosmos_options *piped = cosmos_options_new();
    NEEDED(piped && cosmos_options_set_stream(piped, 0, COSMOS_STREAM_PIPE) == 0);
    MINUS(EINVAL, cosmos_exec(cat, piped, NULL));
    cosmos_program *running = cosmos_exec_start(cat, piped);
    NEEDED(running);
    MINUS(EINVAL, cosmos_exec_stream(running, 1));
    MINUS(EINVAL, cosmos_exec_stream(running, 7));
    MINUS(EINVAL, cosmos_exec_signal(running, 1000));
    MINUS(EINVAL, cosmos_exec_resize(running, 24, 80));
    MINUS(EINVAL, cosmos_exec_resize(running, 1 << 16, 80));
    NEEDED(cosmos_exec_close_input(running) == 0 && cosmos_exec_close_input(running) == 0);
    MINUS(EINVAL, cosmos_exec_stream(running, 0));
    NEEDED(cosmos_exec_wait(running, piped, NULL) == 0);
    int number;
    cosmos_program *none[] = { NULL, running, (cosmos_program *)&number, (cosmos_program *)dl };
    for (size_t index = 0; index < sizeof none / sizeof *none; index++) {
        MINUS(EBADF, cosmos_exec_stream(none[index], 0));
        MINUS(EBADF, cosmos_exec_close_input(none[index]));
        MINUS(EBADF, cosmos_exec_signal(none[index], SIGTERM));
        MINUS(EBADF, cosmos_exec_resize(none[index], 24, 80));
        MINUS(EBADF, cosmos_exec_wait(none[index], NULL, NULL));
    }
    cosmos_exit_free(NULL);
    cosmos_options_free(piped);
}

static void steps(void)
{
    MINUS(EINVAL, cosmos_traceparent_set("no step"));
    MINUS(EINVAL, cosmos_traceparent_set(not_utf8));
    MINUS(EINVAL, cosmos_trace_begin(NULL, NULL));
    MINUS(EINVAL, cosmos_trace_begin(not_utf8, NULL));
    MINUS(EINVAL, cosmos_trace_begin("step", not_utf8));
    MINUS(EINVAL, cosmos_trace_end(not_utf8));
}

/* A VM that has ended. */
static void gone(void)
{
    cosmos_options *fresh = cosmos_options_new();
    NEEDED(fresh && cosmos_options_set_fresh(fresh, 1) == 0);
    cosmos_vm *vm = cosmos_vm_open("hostfn", fresh);
    NEEDED(vm && cosmos_options_set_vm(fresh, vm) == 0);
    cosmos_dl *dl = cosmos_dlopen("libc.so.6", fresh);
    NEEDED(dl);
    int (*magnitude)(int) = (int (*)(int))cosmos_dlfunc(dl, "int abs(int number)");
    int (*end)(int) = (int (*)(int))cosmos_dlfunc(dl, "int raise(int signal)");
    NEEDED(magnitude && end);
    MINUS(EOWNERDEAD, end(SIGKILL));
    MINUS(EOWNERDEAD, magnitude(1));
    NULL_(EOWNERDEAD, cosmos_alloc(dl, 100));
    MINUS(EOWNERDEAD, cosmos_cancel(dl));
    MINUS(EOWNERDEAD, cosmos_budget(dl, NULL, 0));
    NULL_(EOWNERDEAD, cosmos_dlsym(dl, "long labs(long number)"));
    MINUS(EOWNERDEAD, cosmos_vm_close(vm));
    MINUS(EBADF, cosmos_vm_close(vm));
    cosmos_options_free(fresh);
    fresh = cosmos_options_new();
    NEEDED(fresh && cosmos_options_set_fresh(fresh, 1) == 0);
    dl = cosmos_dlopen("libc.so.6", fresh);
    NEEDED(dl);
    int (*pause_)(unsigned) = (int (*)(unsigned))cosmos_dlfunc(dl, "int usleep(unsigned microseconds)");
    NEEDED(pause_);
    cosmos_thread_timeout(100);
    MINUS(ETIMEDOUT, pause_(900000000));
    cosmos_thread_timeout(0);
    cosmos_options_free(fresh);
}

int main(void)
{
    cosmos_dl *dl = cosmos_dlopen("libc.so.6", NULL);
    NEEDED(dl);
    closed_and_made_up(dl);
    strings_and_prototypes(dl);
    by_values(dl);
    calls(dl);
    requests();
    memory(dl);
    options();
    programs(dl);
    steps();
    gone();
    NEEDED(cosmos_dlclose(dl) == 0);
    return wrong;
}
