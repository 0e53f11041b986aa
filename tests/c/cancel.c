/* Threads that are cancelled while they are inside of the library. */
#include <cosmos_vm.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(what) \
    do { \
        if (!(what)) { \
            fprintf(stderr, "%s:%d: %s (errno %d, %s)\n", __FILE__, __LINE__, #what, errno, cosmos_dlerror()); \
            exit(1); \
        } \
    } while (0)

typedef int (*compare)(const void *, const void *);

static cosmos_dl *libc;
static int (*magnitude)(int);
static int (*vm_usleep)(unsigned);
static size_t (*length)(const char *);
static void (*sort)(int *, size_t, size_t, compare);
static int (*vm_getpid)(void);

/* What the thread has come to. */
static sem_t begun, cancelled;
static int done;
static int elements[16];

static void find_functions(void)
{
    CHECK(libc = cosmos_dlopen("libc.so.6", NULL));
    CHECK(magnitude = (int (*)(int))cosmos_dlfunc(libc, "int abs(int number)"));
    CHECK(vm_usleep = (int (*)(unsigned))cosmos_dlfunc(libc, "int usleep(unsigned microseconds)"));
    CHECK(length = (size_t (*)(const char *))cosmos_dlfunc(libc, "size_t strlen(const char *text)"));
    CHECK(sort = (void (*)(int *, size_t, size_t, compare))cosmos_dlfunc(
              libc, "void qsort(void *__inout __sized_by(nmemb * size) base, size_t nmemb, size_t size,"
                    "           int (*compare)(const void *__sized_by(size) left,"
                    "                          const void *__sized_by(size) right))"));
    CHECK(vm_getpid = (int (*)(void))cosmos_dlfunc(libc, "int getpid(void)"));
}

/* Waits, by functions at which a thread may be cancelled, until somebody has asked for that. */
static int ascending(const void *left, const void *right)
{
    static int first = 1;
    if (first) {
        first = 0;
        sem_post(&begun);
        sem_wait(&cancelled);
        usleep(1);
    }
    return *(const int *)left - *(const int *)right;
}

static void sort_all(compare by)
{
    for (int index = 0; index < 16; index++)
        elements[index] = index * 7 % 16;
    sort(elements, 16, sizeof *elements, by);
    for (int index = 0; index < 16; index++)
        CHECK(elements[index] == index);
}

static void *in_a_callback(void *nothing)
{
    sort_all(ascending);
    done = 1;
    pthread_testcancel();
    return nothing;
}

static void *asleep(void *nothing)
{
    sem_post(&begun);
    /* Longer than anybody spins. */
    CHECK(vm_usleep(300000) == 0);
    done = 1;
    pthread_testcancel();
    return nothing;
}

static int descending(const void *left, const void *right)
{
    usleep(1);
    return *(const int *)left - *(const int *)right;
}

/* Asked to end before all of it: whichever function may wait inside of the library is met with that. */
static void *everything(void *large)
{
    CHECK(pthread_cancel(pthread_self()) == 0);
    CHECK(magnitude(-3) == 3);
    CHECK(magnitude(-4) == 4);
    CHECK(vm_usleep(2000) == 0);
    CHECK(length("four") == 4);
    CHECK(length(large) == (4u << 20));
    sort_all(descending);
    cosmos_dl *other = cosmos_dlopen("libm.so.6", NULL);
    CHECK(other);
    double (*cosine)(double) = (double (*)(double))cosmos_dlfunc(other, "double cos(double x)");
    CHECK(cosine && cosine(0) == 1);
    CHECK(cosmos_dlclose(other) == 0);
    void *shared = cosmos_alloc(libc, 4096);
    if (shared) {
        CHECK(length(strcpy(shared, "seven..")) == 7);
        CHECK(cosmos_free(shared) == 0);
    }
    int number = -5, result = 0;
    void *arguments[] = { &number };
    cosmos_call *call = cosmos_call_start((cosmos_fn)magnitude, &result, arguments);
    CHECK(call && cosmos_call_wait(call) == 0 && result == 5);
    const char *const command[] = { "true", NULL };
    CHECK(cosmos_exec(command, NULL, NULL) == 0);
    errno = 0;
    CHECK(cosmos_dlopen("libnothing.so.0", NULL) == NULL && errno == ENOENT);
    done = 1;
    pthread_testcancel();
    return NULL;
}

static void ends(void *(*body)(void *), void *argument, int asks)
{
    pthread_t thread;
    void *result;
    done = 0;
    int pid = vm_getpid();
    CHECK(pthread_create(&thread, NULL, body, argument) == 0);
    if (asks) {
        sem_wait(&begun);
        CHECK(pthread_cancel(thread) == 0);
        sem_post(&cancelled);
    }
    CHECK(pthread_join(thread, &result) == 0);
    CHECK(result == PTHREAD_CANCELED);
    CHECK(done == 1);
    /* The others go on, in the same VM. */
    CHECK(vm_getpid() == pid && magnitude(-1) == 1);
}

int main(void)
{
    sem_init(&begun, 0, 0);
    sem_init(&cancelled, 0, 0);
    char *large = malloc((4 << 20) + 1);
    CHECK(large);
    memset(large, 'x', 4 << 20);
    large[4 << 20] = 0;
    find_functions();
    ends(everything, large, 0);
    puts("everything");
    ends(asleep, NULL, 1);
    puts("asleep");
    sem_trywait(&cancelled);
    ends(in_a_callback, NULL, 1);
    puts("in a callback");
    CHECK(cosmos_dlclose(libc) == 0);
    free(large);
    return 0;
}
