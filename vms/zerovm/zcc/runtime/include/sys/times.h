#ifndef _SYS_TIMES_H
#define _SYS_TIMES_H
#include <time.h>
#endif
