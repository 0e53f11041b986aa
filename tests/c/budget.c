/* What is left of the limits of a VM, and what is wrong to ask: budget LIBRARY. */
#include <cosmos_vm.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CHECK(condition)                                                          \
    do {                                                                          \
        if (!(condition)) {                                                       \
            fprintf(stderr, "line %d: %s: %s\n", __LINE__, #condition,            \
                    cosmos_dlerror());                                            \
            return 1;                                                             \
        }                                                                         \
    } while (0)

static const cosmos_limit *find(const cosmos_limit *limits, long count, const char *name)
{
    for (long i = 0; i < count; i++)
        if (!strcmp(limits[i].limit, name))
            return &limits[i];
    return NULL;
}

int main(int argc, char **argv)
{
    cosmos_limit limits[16];
    cosmos_options *options = cosmos_options_new();

    CHECK(argc == 2 && options);
    CHECK(!cosmos_options_set_limit(options, "open_files", 128));
    CHECK(!cosmos_options_set_limit(options, "call_depth", 5));
    cosmos_dl *dl = cosmos_dlopen(argv[1], options);
    CHECK(dl);
    int (*spend)(int) = (int (*)(int))cosmos_dlfunc(dl, "int spend_descriptors(int count)");
    CHECK(spend);

    long count = cosmos_budget(dl, limits, 16);
    CHECK(count >= 2 && count <= 16);
    const cosmos_limit *files = find(limits, count, "open_files");
    CHECK(files && files->is_counted && files->most == 128 && files->used > 3);
    const cosmos_limit *depth = find(limits, count, "call_depth");
    CHECK(depth && !depth->is_counted && depth->most == 5 && depth->used == 0);
    unsigned long before = files->used;
    CHECK(spend(20) == 20);
    CHECK(cosmos_budget(dl, limits, 16) == count);
    CHECK(find(limits, count, "open_files")->used >= before + 20);

    CHECK(cosmos_budget(dl, NULL, 0) == count);
    memset(limits, 0x5a, sizeof limits);
    CHECK(cosmos_budget(dl, limits, 1) == count && (unsigned char)limits[1].limit[0] == 0x5a);
    CHECK(cosmos_budget(dl, NULL, 1) == -1 && errno == EINVAL);
    CHECK(!cosmos_dlclose(dl));
    CHECK(cosmos_budget(dl, limits, 16) == -1 && errno == EBADF);
    cosmos_options_free(options);
    return 0;
}
