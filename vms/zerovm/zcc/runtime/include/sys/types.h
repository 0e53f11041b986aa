#ifndef _SYS_TYPES_H
#define _SYS_TYPES_H
#include <stddef.h>
#include <stdint.h>
typedef long long off_t;
typedef off_t off64_t;
typedef int ssize_t;
typedef long long time_t;
typedef int pid_t;
typedef unsigned uid_t, gid_t, mode_t;
typedef unsigned long long dev_t, ino_t;
typedef unsigned nlink_t;
typedef int blksize_t;
typedef long long blkcnt_t;
typedef unsigned char u_char;
typedef unsigned short u_short;
typedef unsigned u_int;
typedef unsigned long u_long;
#endif
