/* A library that means harm. Each function tries one thing and gives the errno that it met, 0 where it
 * had its way. Calls are made directly, as code would that does not trust the C library either. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define TRY(call) (errno = 0, (call) == -1 ? errno : 0)

/* What the constructor met: it runs before any function does. */
static int at_load = -1;

__attribute__((constructor)) static void load(void) { at_load = TRY(syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0)); }

int constructor(void) { return at_load; }

int add(int left, int right) { return left + right; }

/* Files. */

int open_to_read(const char *path) { return TRY(open(path, O_RDONLY)); }
int open_to_write(const char *path) { return TRY(open(path, O_WRONLY | O_CREAT, 0600)); }
int make_directory(const char *path) { return TRY(mkdir(path, 0700)); }
int remove_file(const char *path) { return TRY(unlink(path)); }
int list_directory(const char *path) { return TRY(open(path, O_RDONLY | O_DIRECTORY)); }
int change_mode(const char *path) { return TRY(chmod(path, 04777)); }
int change_owner(const char *path) { return TRY(chown(path, 1, 1)); }
int change_times(const char *path) { return TRY(utimensat(AT_FDCWD, path, NULL, 0)); }
int set_attribute(const char *path) { return TRY(syscall(SYS_setxattr, path, "user.cosmos", "x", 1, 0)); }
int make_device(const char *path) { return TRY(mknod(path, S_IFCHR | 0600, 0x105)); }
int change_mode_of_descriptor(int descriptor) { return TRY(fchmod(descriptor, 0777)); }

/* Writes through a descriptor that was passed for reading, after opening it anew by its name in /proc. */
int reopen_to_write(int descriptor)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    return TRY(open(path, O_RDWR));
}

int reopen_and_write(int descriptor)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    int anew = open(path, O_RDWR);
    return anew == -1 ? errno : TRY(write(anew, "x", 1));
}

int write_to(int descriptor) { return TRY(write(descriptor, "x", 1)); }
int open_beside(int descriptor) { return TRY(openat(descriptor, "..", O_RDONLY)); }

int reopen_memory(void)
{
    int file = syscall(SYS_memfd_create, "m", 0);
    return file == -1 ? errno : reopen_to_write(file);
}

/* Every thread of the process, whatever it was made for, tries to open a file and to change its mode. */
static const char *tried_path;
static volatile int tried, had_its_way;

static void try_here(int signal)
{
    int before = errno;
    (void)signal;
    if (open_to_read(tried_path) == 0 || change_mode(tried_path) == 0)
        __atomic_fetch_add(&had_its_way, 1, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&tried, 1, __ATOMIC_SEQ_CST);
    errno = before;
}

/* How many had their way; -1 where some did not come to try. */
int threads_that_reach(const char *path)
{
    struct sigaction action = {.sa_handler = try_here, .sa_flags = SA_RESTART};
    int threads = 0;
    tried_path = path;
    tried = had_its_way = 0;
    sigaction(SIGUSR1, &action, NULL);
    /* Its numbers it cannot look up; they follow that of the process. */
    for (int thread = getpid(); thread < getpid() + 30000; thread++)
        threads += syscall(SYS_tgkill, getpid(), thread, SIGUSR1) == 0;
    for (int wait = 0; tried < threads && wait < 10000; wait++) usleep(1000);
    return tried < threads ? -1 : had_its_way;
}

int threads_that_tried(void) { return tried; }

/* Fills a file until something stops it. */
int fill(const char *path)
{
    static char block[1 << 16];
    int file = open(path, O_WRONLY | O_CREAT, 0600);
    if (file == -1) return errno;
    for (int count = 0; count < 1 << 14; count++)
        if (write(file, block, sizeof block) == -1) return errno;
    return 0;
}

int fill_output(void)
{
    static char block[1 << 12];
    memset(block, 'x', sizeof block);
    for (int count = 0; count < 1 << 20; count++)
        if (write(2, block, sizeof block) == -1) return errno;
    return 0;
}

/* Sockets. */

static int to(int kind, const void *address, socklen_t size)
{
    int family = ((const struct sockaddr *)address)->sa_family;
    int descriptor = socket(family, kind, 0);
    if (descriptor == -1) return errno;
    if (kind == SOCK_DGRAM) return TRY(sendto(descriptor, "x", 1, 0, address, size));
    return TRY(connect(descriptor, address, size));
}

static struct sockaddr_in loopback(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static socklen_t named(struct sockaddr_un *address, const char *name, int abstract)
{
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    strncpy(address->sun_path + abstract, name, sizeof address->sun_path - 1 - abstract);
    return offsetof(struct sockaddr_un, sun_path) + abstract + strlen(name);
}

int connect_tcp(int port)
{
    struct sockaddr_in address = loopback(port);
    return to(SOCK_STREAM, &address, sizeof address);
}

int send_udp(int port)
{
    struct sockaddr_in address = loopback(port);
    return to(SOCK_DGRAM, &address, sizeof address);
}

int connect_unix(const char *path)
{
    struct sockaddr_un address;
    socklen_t size = named(&address, path, 0);
    return to(SOCK_STREAM, &address, size);
}

int connect_abstract(const char *name)
{
    struct sockaddr_un address;
    socklen_t size = named(&address, name, 1);
    return to(SOCK_STREAM, &address, size);
}

/* A pair of datagram sockets is made without socket(2), and either can be sent elsewhere. */
int send_through_pair(const char *path)
{
    int pair[2];
    struct sockaddr_un address;
    socklen_t size = named(&address, path, 0);
    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == -1) return errno;
    return TRY(sendto(pair[0], "x", 1, 0, (void *)&address, size));
}

/* Every socket that the VM itself has, sent elsewhere or made to listen. */
int turn_own_sockets(const char *path)
{
    struct sockaddr_un address;
    socklen_t size = named(&address, path, 0);
    for (int descriptor = 0; descriptor < 256; descriptor++) {
        int kind;
        socklen_t length = sizeof kind;
        if (getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &kind, &length)) continue;
        if (!connect(descriptor, (void *)&address, size)) return 0;
        if (sendto(descriptor, "x", 1, MSG_DONTWAIT, (void *)&address, size) == 1) return 0;
        if (!listen(descriptor, 1)) return 0;
    }
    return EPERM;
}

int raw_socket(void) { return TRY(socket(AF_INET, SOCK_RAW, 1)); }
int netlink_socket(void) { return TRY(socket(AF_NETLINK, SOCK_RAW, 0)); }

/* Processes. */

int attach(int pid) { return TRY(ptrace(PTRACE_ATTACH, pid, NULL, NULL)); }

int read_memory(int pid)
{
    char byte;
    struct iovec here = {&byte, 1}, there = {(void *)0x400000, 1};
    return TRY(process_vm_readv(pid, &here, 1, &there, 1, 0));
}

int open_memory(int pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    return TRY(open(path, O_RDWR));
}

int read_environment(int pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/environ", pid);
    return TRY(open(path, O_RDONLY));
}

int signal_process(int pid) { return TRY(kill(pid, SIGKILL)); }
int signal_everybody(void) { return TRY(kill(-1, SIGKILL)); }
int signal_thread(int pid) { return TRY(syscall(SYS_tgkill, pid, pid, SIGKILL)); }
int queue_signal(int pid)
{
    siginfo_t told = {.si_signo = SIGKILL, .si_code = SI_QUEUE};
    return TRY(syscall(SYS_rt_sigqueueinfo, pid, SIGKILL, &told));
}
int hold_process(int pid) { return TRY(syscall(SYS_pidfd_open, pid, 0)); }

int raise_own_limit(void)
{
    struct rlimit more;

    getrlimit(RLIMIT_NOFILE, &more);
    more.rlim_cur = ++more.rlim_max;
    return TRY(setrlimit(RLIMIT_NOFILE, &more));
}

int hurry(void) { return TRY(setpriority(PRIO_PROCESS, 0, -10)); }

int signal_parent(void) { return TRY(kill(getppid(), SIGKILL)); }
int attach_to_parent(void) { return TRY(syscall(SYS_ptrace, PTRACE_SEIZE, getppid(), 0, 0)); }
int memory_of_parent(void) { return open_memory(getppid()); }

int descriptors_of_parent(void)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd/0", getppid());
    return TRY(open(path, O_RDWR));
}

int next_descriptor(void) { return dup(0); }

int limit_process(int pid)
{
    struct rlimit none = {0, 0};
    return TRY(syscall(SYS_prlimit64, pid, RLIMIT_NOFILE, &none, NULL));
}

int lower_process(int pid) { return TRY(setpriority(PRIO_PROCESS, pid, 19)); }
int lower_user(void) { return TRY(setpriority(PRIO_USER, 0, 19)); }

int idle_process(int pid)
{
    struct sched_param none = {0};
    return TRY(sched_setscheduler(pid, SCHED_IDLE, &none));
}

int pin_process(int pid)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    return TRY(sched_setaffinity(pid, sizeof one, &one));
}

/* How many processes came to be. */
int fork_without_end(void)
{
    int count = 0;
    while (count < 100000) {
        pid_t pid = fork();
        if (pid == -1) break;
        if (pid == 0) pause();
        count++;
    }
    return count;
}

int clone_beside(void)
{
    long made = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);

    if (made == 0)
        _exit(0);
    return made < 0 ? errno : 0;
}
int clone_into_namespaces(void) { return TRY(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)); }
int unshare_user(void) { return TRY(unshare(CLONE_NEWUSER)); }
int execute(const char *path) { return TRY(execl(path, path, (char *)NULL)); }

/* Memory and descriptors. */

int take_memory(void)
{
    for (int count = 0; count < 1 << 14; count++) {
        char *block = malloc(1 << 20);
        if (!block) return ENOMEM;
        memset(block, 1, 1 << 20);
    }
    return 0;
}

/* Memory that is in no address space. */
int take_memory_files(void)
{
    static char block[1 << 20];
    int file = syscall(SYS_memfd_create, "m", 0);
    if (file == -1) return errno;
    for (int count = 0; count < 1 << 14; count++)
        if (write(file, block, sizeof block) == -1) return errno;
    return 0;
}

int take_descriptors(void)
{
    for (int count = 0; count < 1 << 20; count++)
        if (dup(0) == -1) return errno;
    return 0;
}

int burn(void)
{
    for (volatile unsigned long count = 0;; count++) {}
    return 0;
}

/* IPC and keys, which have names for everybody. */

int shared_memory(void) { return TRY(syscall(SYS_shmget, 0x5ec, 4096, 01600)); }
int message_queue(void) { return TRY(syscall(SYS_msgget, 0x5ec, 01600)); }
int semaphores(void) { return TRY(syscall(SYS_semget, 0x5ec, 1, 01600)); }
int posix_queue(void) { return TRY(syscall(SYS_mq_open, "cosmos", O_CREAT | O_RDWR, 0600, NULL)); }
int session_keyring(void) { return TRY(syscall(SYS_keyctl, 0, -3, 1)); }
int add_key(void) { return TRY(syscall(SYS_add_key, "user", "cosmos", "x", 1, -3)); }

/* The kernel's surface. */

int io_uring(void) { return TRY(syscall(SYS_io_uring_setup, 1, NULL)); }
int bpf(void) { return TRY(syscall(SYS_bpf, 0, NULL, 0)); }
int userfaultfd(void) { return TRY(syscall(SYS_userfaultfd, 0)); }
int mount_something(void) { return TRY(syscall(SYS_mount, "none", "/", "tmpfs", 0, NULL)); }
int terminal_input(void) { return TRY(syscall(SYS_ioctl, 0, 0x5412 /* TIOCSTI */, "x")); }
int signals_of_descriptor(int pid) { return TRY(fcntl(1, F_SETOWN, pid)); }
int become_dumpable(void) { return TRY(syscall(SYS_prctl, 4 /* PR_SET_DUMPABLE */, 1, 0, 0, 0)); }
int outlive_launcher(void) { return TRY(syscall(SYS_prctl, 1 /* PR_SET_PDEATHSIG */, 0, 0, 0, 0)); }

/* System calls by their numbers, "1,2,3", without arguments: the first that is not refused; -1, none. */
int first_allowed(const char *numbers)
{
    for (const char *at = numbers; *at; at += *at == ',') {
        char *end;
        long number = strtol(at, &end, 10);
        if (end == at) return -2;
        at = end;
        if (syscall(number, 0, 0, 0, 0, 0, 0) != -1 || errno != EPERM) return (int)number;
    }
    return -1;
}

/* Each of these alone, "1,2,3": the first that is not refused; -1, none. */
static int first_not_refused(const char *numbers, int (*try)(unsigned long number))
{
    for (const char *at = numbers; *at; at += *at == ',') {
        char *end;
        unsigned long number = strtoul(at, &end, 0);
        if (end == at) return -2;
        at = end;
        if (try(number) != EPERM) return (int)number;
    }
    return -1;
}

static int control_itself(unsigned long option) { return TRY(syscall(SYS_prctl, option, 1, 0, 0, 0)); }
static int control_descriptor(unsigned long request)
{
    char argument[256] = {'x'};
    return TRY(syscall(SYS_ioctl, 0, request, argument));
}
static int command_descriptor(unsigned long command) { return TRY(syscall(SYS_fcntl, 0, command, getppid())); }

static int socket_of_family(unsigned long family)
{
    static const int kinds[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_RDM, 10};
    for (unsigned kind = 0; kind < sizeof kinds / sizeof *kinds; kind++)
        if (socket(family, kinds[kind], 0) != -1 || errno != EPERM) return 0;
    return EPERM;
}

static int socket_of_protocol(unsigned long protocol)
{
    for (int kind = SOCK_STREAM; kind <= SOCK_RDM; kind++)
        if (socket(AF_INET, kind, protocol) != -1 || errno != EPERM) return 0;
    return EPERM;
}

static int other_socketpair(unsigned long kind)
{
    int pair[2];
    return TRY(socketpair(AF_UNIX, kind, 0, pair));
}

int first_prctl(const char *options) { return first_not_refused(options, control_itself); }
int first_ioctl(const char *requests) { return first_not_refused(requests, control_descriptor); }
int first_fcntl(const char *commands) { return first_not_refused(commands, command_descriptor); }
int first_family(const char *families) { return first_not_refused(families, socket_of_family); }
int first_protocol(const char *protocols) { return first_not_refused(protocols, socket_of_protocol); }
int first_socketpair(const char *kinds) { return first_not_refused(kinds, other_socketpair); }

/* Puts another protocol on top of one of its sockets. */
int stack_protocol(void)
{
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    if (descriptor == -1) return errno;
    return TRY(setsockopt(descriptor, 6 /* TCP */, 31 /* TCP_ULP */, "tls", 4));
}

/* Raises each of its limits that has an end; how many it could. */
int raise_limits(void)
{
    int raised = 0;
    for (int resource = 0; resource < 16; resource++) {
        struct rlimit now, all = {RLIM_INFINITY, RLIM_INFINITY};
        if (syscall(SYS_prlimit64, 0, resource, NULL, &now) || now.rlim_max == RLIM_INFINITY) continue;
        raised += !syscall(SYS_prlimit64, 0, resource, &all, NULL);
        all.rlim_cur = all.rlim_max = now.rlim_max + 1;
        raised += !syscall(SYS_prlimit64, 0, resource, &all, NULL);
    }
    return raised;
}

/* A timer whose signal goes to a thread of somebody else. */
int aim_timer(int pid)
{
    struct sigevent event = {.sigev_notify = 4 /* SIGEV_THREAD_ID */, .sigev_signo = SIGKILL};
    int timer;
    event._sigev_un._tid = pid;
    return TRY(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer));
}

/* Every socket that it has, for a message to elsewhere. */
int message_elsewhere(const char *path)
{
    struct sockaddr_un address;
    char byte = 'x';
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_name = &address, .msg_namelen = named(&address, path, 0), .msg_iov = &part, .msg_iovlen = 1};
    for (int descriptor = 0; descriptor < 256; descriptor++)
        if (sendmsg(descriptor, &message, MSG_DONTWAIT) == 1) return 0;
    return EPERM;
}

/* Watches more and more files, as far as that goes. */
int watch_files(void)
{
    int watcher = syscall(SYS_inotify_init1, 0);
    return watcher == -1 ? errno : 0;
}

/* Numbers that mean nothing, of which whoever counts must not keep each. */
int call_nothing(int times)
{
    for (int count = 0; count < times; count++)
        if (syscall(100000 + count) != -1 || errno != EPERM) return count + 1;
    return 0;
}

int open_directory(const char *path) { return open(path, O_RDONLY | O_DIRECTORY); }
int open_path(const char *path) { return open(path, O_PATH); }

/* The same to a function that is called back, and what one gives. */
int tell_directory(const char *path, int (*told)(int descriptor)) { return told(open_directory(path)); }
int tell_path(const char *path, int (*told)(int descriptor)) { return told(open_path(path)); }
int ask_for_one(int (*asked)(void)) { return asked(); }

/* Raises its limit of core files as far as it may, and crashes. */
int dump_core(void)
{
    struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_CORE, &all);
    abort();
}

/* getpid by the numbers of i386, and of x32. */

int call_as_i386(void)
{
    int result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory", "r8", "r9", "r10", "r11");
    return result > 0 ? 0 : -result;
}

int call_as_x32(void) { return TRY(syscall(0x40000000 | SYS_getpid)); }
