/* Files by their descriptors: channels, and files in memory. */
#ifndef _UNISTD_H
#define _UNISTD_H
#include <stddef.h>
#include <sys/types.h>
#ifndef SEEK_SET
#define SEEK_SET 0
#define SEEK_CUR 1
#define SEEK_END 2
#endif
#define STDIN_FILENO 0
#define STDOUT_FILENO 1
#define STDERR_FILENO 2
#define R_OK 4
#define W_OK 2
#define X_OK 1
#define F_OK 0
ssize_t read(int descriptor, void *to, size_t size);
ssize_t write(int descriptor, const void *from, size_t size);
ssize_t pread(int descriptor, void *to, size_t size, off_t offset);
ssize_t pwrite(int descriptor, const void *from, size_t size, off_t offset);
off_t lseek(int descriptor, off_t offset, int whence);
int close(int descriptor);
int ftruncate(int descriptor, off_t size);
int fsync(int descriptor);
int unlink(const char *name);
int access(const char *name, int mode);
int isatty(int descriptor);
int chown(const char *name, uid_t user, gid_t group);
int fchown(int descriptor, uid_t user, gid_t group);
char *getcwd(char *to, size_t size);
pid_t getpid(void);
uid_t getuid(void);
unsigned sleep(unsigned seconds);
int usleep(unsigned microseconds);
void *sbrk(intptr_t size);
_Noreturn void _exit(int code);
extern char **environ;
extern char *optarg;
extern int optind, opterr, optopt;
int getopt(int argc, char *const *argv, const char *options);
#endif
