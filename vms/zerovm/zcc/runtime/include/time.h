/* Time: a guest sees none but what /dev/nvram says under [time]. */
#ifndef _TIME_H
#define _TIME_H
#include <stddef.h>
#include <sys/types.h>
typedef long long clock_t;
#define CLOCKS_PER_SEC 1000000LL
#define CLOCK_REALTIME 0
#define CLOCK_MONOTONIC 1
struct tm {
  int tm_sec, tm_min, tm_hour, tm_mday, tm_mon, tm_year, tm_wday, tm_yday, tm_isdst;
};
struct timespec {
  time_t tv_sec;
  long long tv_nsec;
};
clock_t clock(void);
time_t time(time_t *to);
int clock_gettime(int clock, struct timespec *to);
double difftime(time_t later, time_t earlier);
time_t mktime(struct tm *parts);
struct tm *gmtime(const time_t *time);
struct tm *gmtime_r(const time_t *restrict time, struct tm *restrict parts);
struct tm *localtime(const time_t *time);
struct tm *localtime_r(const time_t *restrict time, struct tm *restrict parts);
char *asctime(const struct tm *parts);
char *ctime(const time_t *time);
size_t strftime(char *restrict to, size_t size, const char *restrict format,
                const struct tm *restrict parts);
#endif
