/* small_stack BYTES: everything that a thread does with a library, each for the first time, on a stack of so many
   bytes. */
#define _GNU_SOURCE
#include <cosmos_vm.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static int descending(const void *a, const void *b) { return *(const char *)b - *(const char *)a; }

typedef int compare(const void *, const void *);

static double (*cosine)(double);
static unsigned long (*length)(const char *);
static void (*sort)(void *, size_t, size_t, compare *);

static void *opens(void *unused)
{
    cosmos_dl *libm = cosmos_dlopen("libm.so.6", NULL), *libc = cosmos_dlopen("libc.so.6", NULL);

    (void)unused;
    cosine = (double (*)(double))cosmos_dlfunc(libm, "double cos(double x)");
    length = (unsigned long (*)(const char *))cosmos_dlfunc(libc, "size_t strlen(const char *s)");
    sort = (void (*)(void *, size_t, size_t, compare *))cosmos_dlfunc(
        libc, "void qsort(void *__inout __sized_by(nmemb * size) base, size_t nmemb, size_t size,"
              " int (*compar)(const void *__sized_by(size) a, const void *__sized_by(size) b))");
    return cosine && length && sort ? "" : NULL;
}

static void *counts(void *unused)
{
    (void)unused;
    return cosine(0) == 1 ? "" : NULL;
}

static void *measures(void *unused)
{
    static char large[300000];

    (void)unused;
    memset(large, 'a', sizeof large - 1);
    return length("four") == 4 && length(large) == sizeof large - 1 ? "" : NULL;
}

static void *sorts(void *unused)
{
    char letters[] = "stack";

    (void)unused;
    sort(letters, 5, 1, descending);
    return strcmp(letters, "tskca") == 0 ? "" : NULL;
}

static void *starts(void *unused)
{
    double angle = 0, result = 0;
    void *arguments[] = {&angle};
    cosmos_call *call = cosmos_call_start((cosmos_fn)cosine, &result, arguments);

    (void)unused;
    return call && cosmos_call_wait(call) == 0 && result == 1 ? "" : NULL;
}

int main(int count, char **arguments)
{
    void *(*const all[])(void *) = {opens, counts, measures, sorts, starts};
    size_t size = count == 2 ? strtoul(arguments[1], NULL, 0) : 0, page = 4096;

    for (size_t which = 0; which < sizeof all / sizeof *all; which++) {
        char *memory = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        pthread_attr_t attributes;
        pthread_t thread;
        void *fine = NULL;

        /* What is used beyond it ends the program. */
        if (memory == MAP_FAILED || mprotect(memory, page, PROT_NONE) || pthread_attr_init(&attributes) ||
            pthread_attr_setstack(&attributes, memory + page, size) ||
            pthread_create(&thread, &attributes, all[which], NULL) || pthread_join(thread, &fine))
            return 2;
        if (!fine) {
            fprintf(stderr, "%zu: %s\n", which, cosmos_dlerror());
            return 1;
        }
    }
    puts("fine");
    return 0;
}
