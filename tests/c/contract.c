/* What a call returns that failed for each of the reasons there are, and what errno says: a line each.
   The first argument is the library of misbehave.c. */
#include <cosmos_vm.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *path;

static const char *name_of(int number)
{
    switch (number) {
    case ECOMM: return "ECOMM";
    case ETIMEDOUT: return "ETIMEDOUT";
    case EOWNERDEAD: return "EOWNERDEAD";
    case EPROTO: return "EPROTO";
    case EMSGSIZE: return "EMSGSIZE";
    case ECANCELED: return "ECANCELED";
    default: return strerror(number);
    }
}

static cosmos_dl *open_fresh(void)
{
    cosmos_options *options = cosmos_options_new();
    cosmos_dl *opened;

    cosmos_options_set_fresh(options, 1);
    opened = cosmos_dlopen(path, options);
    cosmos_options_free(options);
    if (opened == NULL) {
        fprintf(stderr, "%s\n", cosmos_dlerror());
        exit(1);
    }
    return opened;
}

static int (*resolve(cosmos_dl *opened, const char *prototype))(void)
{
    int (*function)(void) = (int (*)(void))cosmos_dlfunc(opened, prototype);

    if (function == NULL) {
        fprintf(stderr, "%s: %s\n", prototype, cosmos_dlerror());
        exit(1);
    }
    return function;
}

static void tell(const char *cause, int result)
{
    int number = errno;

    printf("%s: %d %s %d\n", cause, result, name_of(number), cosmos_error());
    fflush(stdout);
}

static void fails(const char *cause, const char *prototype)
{
    cosmos_dl *opened = open_fresh();
    int (*function)(void) = resolve(opened, prototype);
    int (*pid)(void) = resolve(opened, "int pid_of_vm(void) __fail(-8)");
    int result;

    cosmos_error_clear();
    errno = 0;
    result = function();
    tell(cause, result);
    errno = 0;
    result = pid();
    if (result > 0)
        puts("  after it: the VM goes on");
    else
        tell("  after it", result);
    cosmos_dlclose(opened);
}

/* In a child nothing that its parent opened works; the parent goes on. */
static void fails_in_a_fork(void)
{
    cosmos_dl *opened = open_fresh();
    int (*pid)(void) = resolve(opened, "int pid_of_vm(void) __fail(-8)");
    int before = pid();
    pid_t child = fork();
    int status = 1;

    if (child == 0) {
        errno = 0;
        tell("forked", pid());
        _exit(0);
    }
    waitpid(child, &status, 0);
    printf("  after it: %s\n", status == 0 && pid() == before ? "the parent goes on" : "no more");
    cosmos_dlclose(opened);
}

int main(int count, char **arguments)
{
    if (count != 2)
        return 2;
    path = arguments[1];
    if (getenv("NO_DAEMONS") != NULL) {
        printf("no daemons: %s", cosmos_dlopen(path, NULL) == NULL ? "NULL" : "opened");
        tell("", 0);
        return 0;
    }
    fails("died", "int die_by_abort(void) __fail(-9)");
    fails("exited half way", "int forge_half(void) __fail(-9)");
    fails("late", "int hang(void) __fail(-9) __timeout(100)");
    fails("silent", "int fall_silent(void) __fail(-9)");
    fails("hung up", "int hang_up(void) __fail(-9)");
    fails("announced too much", "int forge_length(void) __fail(-9)");
    fails("answered nonsense", "int forge_reply(void) __fail(-9)");
    fails_in_a_fork();
    return 0;
}
