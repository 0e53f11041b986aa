/* Programs from C: kept outputs, pipes, signals, time, and what is refused. Prints "all is well". */
#include <cosmos_vm.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(what) \
    do { \
        if (!(what)) { \
            fprintf(stderr, "line %d: %s: errno %d: %s\n", __LINE__, #what, errno, cosmos_dlerror()); \
            exit(1); \
        } \
    } while (0)

static const char *const *line(const char *text) {
    static const char *argv[4] = {"sh", "-c", NULL, NULL};
    argv[2] = text;
    return argv;
}

static void kept(void) {
    cosmos_exit end;
    cosmos_options *options = cosmos_options_new();
    CHECK(cosmos_options_set_stream(options, 0, COSMOS_STREAM_NULL) == 0);
    CHECK(cosmos_options_set_stream(options, 1, COSMOS_STREAM_KEEP) == 0);
    CHECK(cosmos_options_set_stream(options, 2, COSMOS_STREAM_KEEP) == 0);
    CHECK(cosmos_options_add_env(options, "GIVEN", "a b") == 0);
    CHECK(cosmos_options_set_directory(options, "/usr") == 0);
    CHECK(cosmos_options_set_umask(options, 027) == 0);
    CHECK(cosmos_exec(line("cat; pwd; umask; echo $GIVEN$SECRET; echo no >&2; exit 7"), options, &end) == 0);
    CHECK(end.code == 7 && end.signal == 0 && !end.timed_out && !end.truncated);
    CHECK(strcmp(end.output, "/usr\n0027\na b\n") == 0 && end.output_length == strlen(end.output));
    CHECK(strcmp(end.error, "no\n") == 0 && end.peak > 0 && end.elapsed > 0);
    cosmos_exit_free(&end);
    cosmos_exit_free(&end);
    CHECK(cosmos_options_set_kept(options, 3) == 0);
    CHECK(cosmos_options_add_env(options, "SECRET", NULL) == 0);
    CHECK(cosmos_exec(line("echo $SECRET-and-more"), options, &end) == 0);
    CHECK(strcmp(end.output, "s-a") == 0 && end.truncated && end.error_length == 0);
    cosmos_exit_free(&end);
    CHECK(cosmos_options_set_timeout(options, 200) == 0);
    CHECK(cosmos_exec(line("sleep 100 & setsid sleep 100"), options, &end) == 0);
    CHECK(end.timed_out && end.output_length == 0);
    cosmos_exit_free(&end);
    cosmos_options_free(options);
}

static void piped(void) {
    cosmos_exit end;
    char seen[16] = "";
    cosmos_options *options = cosmos_options_new();
    cosmos_program *program;
    int input, output;
    CHECK(cosmos_options_set_stream(options, 0, COSMOS_STREAM_PIPE) == 0);
    CHECK(cosmos_options_set_stream(options, 1, COSMOS_STREAM_PIPE) == 0);
    CHECK((program = cosmos_exec_start(line("read word; echo got $word; kill -STOP $$; exec sleep 100"), options)) != NULL);
    CHECK((input = cosmos_exec_stream(program, 0)) >= 0 && (output = cosmos_exec_stream(program, 1)) >= 0);
    CHECK(cosmos_exec_stream(program, 2) == -1 && errno == EINVAL);
    CHECK(write(input, "it\n", 3) == 3 && read(output, seen, sizeof seen) == 7);
    CHECK(strcmp(seen, "got it\n") == 0);
    CHECK(cosmos_exec_signal(program, 99) == -1 && errno == EINVAL);
    CHECK(cosmos_exec_signal(program, -10) == 0);
    CHECK(cosmos_exec_signal(program, 18) == 0);
    CHECK(cosmos_exec_wait(program, options, &end) == 0);
    CHECK(end.signal == 10 && end.code == 0 && end.output == NULL);
    CHECK(cosmos_exec_wait(program, options, &end) == -1 && errno == EBADF);
    CHECK(cosmos_exec_signal(program, 9) == -1 && errno == EBADF);
    CHECK(cosmos_exec(line("true"), options, NULL) == -1 && errno == EINVAL);
    close(input);
    close(output);
    cosmos_options_free(options);
}

/* More than a pipe holds comes out of what ends its input. */
static void drained(void) {
    cosmos_exit end;
    char piece[4096];
    cosmos_options *options = cosmos_options_new();
    cosmos_program *program;
    int input, output;
    size_t all = 0;
    ssize_t got;
    CHECK(cosmos_options_set_stream(options, 0, COSMOS_STREAM_PIPE) == 0);
    CHECK(cosmos_options_set_stream(options, 1, COSMOS_STREAM_PIPE) == 0);
    CHECK((program = cosmos_exec_start(line("cat; head -c 200000 /dev/zero"), options)) != NULL);
    CHECK((input = cosmos_exec_stream(program, 0)) >= 0 && (output = cosmos_exec_stream(program, 1)) >= 0);
    CHECK(write(input, "it\n", 3) == 3);
    CHECK(cosmos_exec_close_input(program) == 0 && cosmos_exec_close_input(program) == 0);
    CHECK(cosmos_exec_stream(program, 0) == -1 && errno == EINVAL);
    close(input);
    while ((got = read(output, piece, sizeof piece)) > 0)
        all += (size_t)got;
    CHECK(got == 0 && all == 200003);
    close(output);
    CHECK(cosmos_exec_wait(program, options, &end) == 0 && end.code == 0);
    CHECK(cosmos_exec_close_input(program) == -1 && errno == EBADF);
    cosmos_options_free(options);
}

static void refused(void) {
    const char *const missing[] = {"/no/such/program", NULL};
    const char *const text[] = {"/etc/passwd", NULL};
    const char *const nothing[] = {NULL};
    cosmos_exit end;
    cosmos_options *options = cosmos_options_new();
    CHECK(cosmos_exec(missing, NULL, &end) == -1 && errno == ENOENT);
    CHECK(cosmos_exec(text, NULL, &end) == -1 && errno == ENOEXEC);
    CHECK(cosmos_exec(nothing, NULL, &end) == -1 && errno == EINVAL);
    CHECK(cosmos_exec(NULL, NULL, &end) == -1 && errno == EINVAL);
    CHECK(cosmos_options_set_directory(options, "/no/such/place") == 0);
    CHECK(cosmos_exec(line("true"), options, &end) == -1 && errno == EINVAL);
    CHECK(cosmos_options_set_umask(options, 01000) == -1 && errno == EINVAL);
    CHECK(cosmos_options_set_stream(options, 3, 0) == -1 && errno == EINVAL);
    CHECK(cosmos_options_set_stream(options, 0, COSMOS_STREAM_KEEP) == -1 && errno == EINVAL);
    CHECK(cosmos_options_set_stream(options, 1, 999) == -1);
    CHECK(cosmos_options_add_env(options, "A=B", "") == -1 && errno == EINVAL);
    cosmos_options_free(options);
    CHECK(cosmos_exec(line("exit 3"), NULL, NULL) == 0);
}

static void denied(void) {
    const char *const touch[] = {"touch", "/dev/null", NULL};
    cosmos_exit end;
    cosmos_denial denials[4];
    cosmos_options *options = cosmos_options_new();
    cosmos_dl *dl;
    CHECK(cosmos_options_set_isolation(options, "landlock+seccomp") == 0);
    CHECK(cosmos_options_set_stream(options, 2, COSMOS_STREAM_KEEP) == 0);
    if (cosmos_exec(touch, options, &end) != 0) {
        /* A kernel without walls says so. */
        CHECK(strstr(cosmos_dlerror(), "isolation level"));
        return;
    }
    CHECK(end.code == 1 && end.denial_count == 1 && end.limit[0] == 0);
    CHECK(strcmp(end.denials->call, "utimensat") == 0 && end.denials->times == 1);
    cosmos_exit_free(&end);
    CHECK(end.denials == NULL && end.denial_count == 0);
    CHECK((dl = cosmos_dlopen("libc.so.6", options)) != NULL);
    CHECK(cosmos_denials(dl, NULL, 0) == 0 && cosmos_denials(dl, NULL, 1) == -1 && errno == EINVAL);
    CHECK(((int (*)(int, int, int))cosmos_dlfunc(dl, "int socket(int domain, int type, int protocol)"))(2, 1, 0) == -1);
    CHECK(errno == EPERM && cosmos_denials(dl, NULL, 0) == 1);
    CHECK(cosmos_denials(dl, denials, 4) == 1 && strcmp(denials[0].call, "socket") == 0 && denials[0].times == 1);
    CHECK(cosmos_dlclose(dl) == 0 && cosmos_denials(dl, denials, 4) == -1 && errno == EBADF);
    cosmos_options_free(options);

    options = cosmos_options_new();
    CHECK(cosmos_options_set_limit(options, "cpu_seconds", 1) == 0);
    CHECK(cosmos_exec(line("while :; do :; done"), options, &end) == 0);
    CHECK(end.signal == 24 && strcmp(end.limit, "limits.cpu_seconds = 1") == 0 && end.denials == NULL);
    cosmos_options_free(options);
}

/* Reads on until text was shown. */
static void shows(int screen, const char *text) {
    static char seen[4096];
    static size_t length;
    char *found;
    while ((found = strstr(seen, text)) == NULL) {
        ssize_t count = read(screen, seen + length, sizeof seen - length - 1);
        CHECK(count > 0);
        length += (size_t)count;
        seen[length] = 0;
    }
    found += strlen(text);
    length -= (size_t)(found - seen);
    memmove(seen, found, length + 1);
}

/* A terminal of that machine; NULL: of this one. */
static void terminal(const char *host) {
    cosmos_exit end;
    cosmos_options *options = cosmos_options_new();
    cosmos_program *program;
    int screen;
    CHECK(host == NULL || cosmos_options_set_host(options, host) == 0);
    CHECK(cosmos_options_set_terminal(options, 10, 65536) == -1 && errno == EINVAL);
    CHECK(cosmos_options_set_terminal(options, 10, 20) == 0);
    CHECK((program = cosmos_exec_start(
        line("test -t 1; echo $?; stty size; trap 'stty size; exit 5' WINCH; echo ready; while :; do read a; done"),
        options)) != NULL);
    CHECK((screen = cosmos_exec_stream(program, 0)) >= 0);
    CHECK(cosmos_exec_close_input(program) == -1 && errno == EINVAL);
    shows(screen, "0\r\n10 20\r\nready\r\n");
    CHECK(cosmos_exec_resize(program, 1, 65536) == -1 && errno == EINVAL);
    CHECK(cosmos_exec_resize(program, 11, 22) == 0);
    shows(screen, "11 22\r\n");
    CHECK(cosmos_exec_wait(program, options, &end) == 0 && end.code == 5);
    CHECK(cosmos_exec_resize(program, 1, 2) == -1 && errno == EBADF);
    close(screen);
    cosmos_options_free(options);

    options = cosmos_options_new();
    CHECK(host == NULL || cosmos_options_set_host(options, host) == 0);
    CHECK((program = cosmos_exec_start(line("exit 3"), options)) != NULL);
    CHECK(cosmos_exec_resize(program, 1, 2) == -1 && errno == EINVAL);
    CHECK(cosmos_exec_wait(program, options, &end) == 0 && end.code == 3);
    cosmos_options_free(options);
}

int main(int argc, char **argv) {
    if (argc > 1) {
        terminal(argv[1]);
        puts("all is well");
        return 0;
    }
    terminal(NULL);
    denied();
    kept();
    piped();
    drained();
    refused();
    puts("all is well");
    return 0;
}
