/* streamless: a program closes its standard streams, uses libcosmos, and writes to its standard error all the same. */
#define _GNU_SOURCE
#include <cosmos_vm.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int told;

static int tell(const char *what)
{
    return write(told, what, strlen(what)) < 0 ? 2 : 0;
}

static int are_free(void)
{
    for (int stream = 0; stream < 3; stream++)
        if (fcntl(stream, F_GETFD) != -1 || write(stream, "anything", 8) != -1)
            return 0;
    return 1;
}

int main(void)
{
    cosmos_options *options = cosmos_options_new();
    double (*cosine)(double);
    cosmos_dl *libm;

    told = fcntl(1, F_DUPFD_CLOEXEC, 20);
    for (int stream = 0; stream < 3; stream++)
        close(stream);
    for (int round = 0; round < 3; round++) {
        cosmos_options_set_fresh(options, round > 0);
        libm = cosmos_dlopen("libm.so.6", options);
        cosine = (double (*)(double))cosmos_dlfunc(libm, "double cos(double x)");
        if (!are_free())
            return tell("there is something\n");
        if (!cosine || cosine(0) != 1)
            return tell(cosmos_error_message());
        if (!are_free())
            return tell("there is something after a call\n");
    }
    return tell("calls\n");
}
