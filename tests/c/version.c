/* A library that says which one of several builds it is. */
#include <unistd.h>

int version(void) { return VERSION; }
int number_of_this_process(void) { return getpid(); }
