/* in_callback WHAT: does it in the fourth call back of a sort, on a thread of its own or on the first one. */
#include <cosmos_vm.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef int compare(const void *, const void *);

static cosmos_dl *libc;
static double (*cosine)(double);
static void (*sort)(void *, size_t, size_t, compare *);
static const char *what, *self;
static int count;

static void forks(void)
{
    int status = 0;
    pid_t child = fork();

    /* The child goes on in the call, which is none of its own. */
    if (child != 0) {
        waitpid(child, &status, 0);
        printf("child %d\n", WEXITSTATUS(status));
    }
}

static int ascending(const void *a, const void *b)
{
    if (++count == 4) {
        if (strcmp(what, "exit") == 0)
            exit(7);
        if (strcmp(what, "exec") == 0)
            execl(self, self, "nothing", (char *)NULL);
        if (strcmp(what, "end") == 0)
            pthread_exit(NULL);
        if (strcmp(what, "fork") == 0)
            forks();
        if (strcmp(what, "close") == 0)
            printf("closed %d\n", cosmos_dlclose(libc));
    }
    return *(const char *)a - *(const char *)b;
}

static void *sorts(void *unused)
{
    char letters[] = "hgfedcba";
    pid_t before = getpid();

    errno = 0;
    sort(letters, 8, 1, ascending);
    if (strcmp(what, "fork") == 0 && errno == ECOMM)
        _exit(strcmp(letters, "hgfedcba") == 0 ? 9 : 8);
    printf("%s %d %g\n", letters, errno, cosine(0));
    return before == getpid() ? unused : NULL;
}

static void last(void)
{
    printf("last %g\n", cosine(0));
    fflush(stdout);
}

int main(int given, char **arguments)
{
    cosmos_dl *libm = cosmos_dlopen("libm.so.6", NULL);
    pthread_t thread;

    if (given != 2)
        return 2;
    self = arguments[0];
    what = arguments[1];
    setvbuf(stdout, NULL, _IONBF, 0);
    if (strcmp(what, "exit") == 0)
        atexit(last);
    libc = cosmos_dlopen("libc.so.6", NULL);
    cosine = (double (*)(double))cosmos_dlfunc(libm, "double cos(double x)");
    sort = (void (*)(void *, size_t, size_t, compare *))cosmos_dlfunc(
        libc, "void qsort(void *__inout __sized_by(nmemb * size) base, size_t nmemb, size_t size,"
              " int (*compar)(const void *__sized_by(size) a, const void *__sized_by(size) b))");
    if (!cosine || !sort || pthread_create(&thread, NULL, sorts, NULL) || pthread_join(thread, NULL)) {
        fprintf(stderr, "%s\n", cosmos_dlerror());
        return 1;
    }
    return 0;
}
