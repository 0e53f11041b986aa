#ifndef _SYS_TIME_H
#define _SYS_TIME_H
#include <sys/types.h>
struct timeval {
  time_t tv_sec;
  long long tv_usec;
};
int gettimeofday(struct timeval *restrict to, void *restrict zone);
#endif
