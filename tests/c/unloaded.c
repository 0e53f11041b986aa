/* unloaded: a plugin of some program's uses libcosmos on a thread of its own and is unloaded, again and again.
   What it was given stays good, and nothing is left of it but what is used again. */
#define _GNU_SOURCE
#include <cosmos_vm.h>
#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

static const char name[] = "libcosmos.so.0";
static double (*cosine)(double);

static void *plugin(void *started)
{
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    cosmos_dl *(*open)(const char *, const cosmos_options *);
    cosmos_fn (*function)(cosmos_dl *, const char *);
    cosmos_call *(*start)(cosmos_fn, void *, void *const *);
    int (*wait)(cosmos_call *);
    cosmos_dl *libm;
    double angle = 0, result = 0;
    void *arguments[] = {&angle};

    (void)started;
    if (!library)
        return NULL;
    *(void **)&open = dlsym(library, "cosmos_dlopen");
    *(void **)&function = dlsym(library, "cosmos_dlfunc");
    *(void **)&start = dlsym(library, "cosmos_call_start");
    *(void **)&wait = dlsym(library, "cosmos_call_wait");
    libm = open("libm.so.6", NULL);
    cosine = (double (*)(double))function(libm, "double cos(double x)");
    if (cosine && cosine(0) == 1 && wait(start((cosmos_fn)cosine, &result, arguments)) == 0 && result == 1)
        return library;
    return NULL;
}

static int descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int count = 0;

    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

int main(void)
{
    int first = 0, most = 0;

    for (int round = 0; round < 20; round++) {
        pthread_t thread;
        void *library = NULL;

        if (pthread_create(&thread, NULL, plugin, NULL) != 0 || pthread_join(thread, &library) != 0 || !library)
            return 1;
        if (dlclose(library) != 0)
            return 2;
        library = dlopen(name, RTLD_NOW | RTLD_NOLOAD);
        if (!library || cosine(0) != 1)
            return 3;
        dlclose(library);
        if (round == 0)
            first = descriptors();
        most = descriptors();
    }
    /* Threads that made calls keep a channel each for a while. */
    printf("%s\n", most < first + 20 ? "used again" : "left behind");
    return 0;
}
