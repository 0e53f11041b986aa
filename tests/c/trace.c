/* Steps of its own, those of its requests, and those that another program is to go on with. */

#define _POSIX_C_SOURCE 200809L

#include <cosmos_vm.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(holds)                                                                     \
    do {                                                                                 \
        if (!(holds)) {                                                                  \
            const char *why = cosmos_dlerror();                                          \
            fprintf(stderr, "line %d: %s: %s\n", __LINE__, #holds, why ? why : "");      \
            exit(1);                                                                     \
        }                                                                                \
    } while (0)

#define GIVEN "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

/* The step of the thread that starts this one. */
static char around[64];

static void *elsewhere(void *unused)
{
    (void)unused;
    CHECK(cosmos_traceparent() == NULL);
    CHECK(cosmos_trace_end(NULL) == -1 && errno == EINVAL);
    CHECK(cosmos_traceparent_set(around) == 0);
    CHECK(strcmp(cosmos_traceparent(), around) == 0);
    CHECK(cosmos_trace_begin("elsewhere", NULL) == 0);
    /* It is ended by the end of its thread. */
    return NULL;
}

static void refusals(void)
{
    CHECK(cosmos_trace_begin(NULL, "what") == -1 && errno == EINVAL);
    CHECK(cosmos_trace_begin("\xff", NULL) == -1 && errno == EINVAL);
    CHECK(cosmos_traceparent_set("00-abc-def-00") == -1 && errno == EINVAL);
    CHECK(strstr(cosmos_dlerror(), "traceparent") != NULL);
    CHECK(cosmos_traceparent_set("\xff") == -1 && errno == EINVAL);
}

static void unfollowed(void)
{
    CHECK(cosmos_trace_begin("a step", "of nothing") == 0);
    CHECK(cosmos_traceparent() == NULL);
    CHECK(cosmos_trace_end(NULL) == 0 && cosmos_trace_end(NULL) == 0);
    CHECK(cosmos_traceparent_set(GIVEN) == 0 && cosmos_traceparent() == NULL);
}

static void followed(void)
{
    pthread_t other;
    cosmos_dl *dl;
    int (*absolute)(int);

    CHECK(cosmos_traceparent() == NULL);
    CHECK(cosmos_trace_begin("outer", "libc") == 0);
    snprintf(around, sizeof around, "%s", cosmos_traceparent());
    CHECK(strlen(around) == 55);
    dl = cosmos_dlopen("libc.so.6", NULL);
    CHECK(dl != NULL);
    absolute = (int (*)(int))cosmos_dlfunc(dl, "int abs(int j)");
    CHECK(absolute != NULL);
    CHECK(pthread_create(&other, NULL, elsewhere, NULL) == 0);
    CHECK(pthread_join(other, NULL) == 0);

    CHECK(cosmos_trace_begin("inner", NULL) == 0);
    CHECK(strcmp(cosmos_traceparent(), around) != 0);
    CHECK(absolute(-3) == 3);
    CHECK(cosmos_traceparent_set(GIVEN) == 0 && strcmp(cosmos_traceparent(), GIVEN) == 0);
    CHECK(absolute(-4) == 4);
    CHECK(cosmos_trace_end("no luck") == 0);
    CHECK(strcmp(cosmos_traceparent(), around) == 0);
    CHECK(cosmos_dlclose(dl) == 0);
    CHECK(cosmos_trace_end(NULL) == 0 && cosmos_traceparent() == NULL);
    CHECK(cosmos_trace_end(NULL) == -1 && errno == EINVAL);

    CHECK(cosmos_traceparent_set(GIVEN) == 0 && cosmos_traceparent_set(NULL) == 0);
    CHECK(cosmos_traceparent() == NULL);
}

int main(void)
{
    const char *trace = getenv("COSMOS_TRACE");

    refusals();
    if (trace != NULL) {
        followed();
    } else {
        unfollowed();
    }
    puts("done");
    return 0;
}
