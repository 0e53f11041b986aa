/* A library whose functions end, stall or betray the process they run in. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int die_by_segv(void)
{
    volatile int *nowhere = (volatile int *)8;
    return *nowhere;
}

int die_by_abort(void) { abort(); }

int die_by_exit(int status) { exit(status); }

int die_by_kill(void) { return kill(getpid(), SIGKILL); }

int die_by_stack(int depth)
{
    volatile char frame[4096];
    frame[0] = (char)depth;
    return die_by_stack(depth + 1) + frame[0];
}

static void *corpse(void *unused)
{
    (void)unused;
    abort();
}

int die_in_another_thread(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, corpse, NULL);
    for (;;) pause();
}

static int inside;

/* How many calls of nap and hang are under way. */
int under_way(void) { return __atomic_load_n(&inside, __ATOMIC_SEQ_CST); }

static int ever;

/* How many of them have begun; unlike the above it misses none that was short. */
int begun(void) { return __atomic_load_n(&ever, __ATOMIC_SEQ_CST); }

static void enter(void)
{
    __atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&ever, 1, __ATOMIC_SEQ_CST);
}

int hang(void)
{
    enter();
    for (;;) pause();
}

int spin(void)
{
    for (volatile unsigned turn = 0;; ++turn) {}
}

/* Survives every signal that can be survived. */
int hang_on(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    for (;;) pause();
}

int pid_of_vm(void) { return (int)getpid(); }

int add(int left, int right) { return left + right; }

double half(double number) { return number / 2; }

/* Sleeps in the VM; errno becomes the number of milliseconds. */
int nap(int milliseconds)
{
    struct timespec span = {milliseconds / 1000, (long)(milliseconds % 1000) * 1000000};
    enter();
    nanosleep(&span, NULL);
    __atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
    errno = milliseconds;
    return milliseconds;
}

/* Bytes under a length: sums them, reads every one. */
unsigned long sum(const unsigned char *bytes, unsigned long count)
{
    unsigned long total = 0;
    for (unsigned long index = 0; index < count; ++index) total += bytes[index];
    return total;
}

int fill(unsigned char *bytes, unsigned long count, int value)
{
    memset(bytes, value, count);
    return (int)count;
}

/* Claims to have filled more than there is. */
long boast(unsigned char *bytes, unsigned long count)
{
    if (count != 0) bytes[0] = 1;
    return (long)count + 4096;
}

/* Grows the length it was given. */
int grow(unsigned char *bytes, unsigned long *count)
{
    if (*count != 0) bytes[0] = 1;
    *count += 1u << 20;
    return 0;
}

/* Returns a pointer that is nowhere near its argument. */
char *stray(char *text)
{
    return text - (1 << 20);
}

static uint64_t state = 88172645463325252u;

static uint64_t random_number(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static int is_socket(int descriptor)
{
    struct stat about;
    return fstat(descriptor, &about) == 0 && S_ISSOCK(about.st_mode);
}

static void on_every_socket(const void *bytes, size_t count)
{
    for (int descriptor = 0; descriptor < 1024; ++descriptor)
        if (is_socket(descriptor)) send(descriptor, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Writes random bytes on every socket of its process, then stalls. */
int babble(void)
{
    uint64_t noise[512];
    for (size_t index = 0; index < 512; ++index) noise[index] = random_number();
    on_every_socket(noise, sizeof noise);
    return hang();
}

struct header {
    uint32_t length;
    uint16_t kind;
    uint16_t descriptors;
    uint64_t request;
};

static void forge(uint32_t length, uint16_t kind, uint16_t descriptors, const void *body, size_t count)
{
    for (uint64_t request = 0; request < 64; ++request) {
        unsigned char frame[sizeof(struct header) + 256];
        struct header header = {length, kind, descriptors, request};
        memcpy(frame, &header, sizeof header);
        memcpy(frame + sizeof header, body, count);
        on_every_socket(frame, sizeof header + count);
    }
}

/* Answers the call itself, with a body of the right framing and wrong contents. */
int forge_reply(void)
{
    unsigned char body[256];
    memset(body, 0xff, sizeof body);
    forge(sizeof body, 0x8310, 0, body, sizeof body);
    return hang();
}

/* Announces four gibibytes. */
int forge_length(void)
{
    forge(0xffffffffu, 0x8310, 0, "", 0);
    return hang();
}

/* Announces descriptors that do not come. */
int forge_descriptors(void)
{
    forge(0, 0x8310, 200, "", 0);
    return hang();
}

/* Half a frame, then the end. */
int forge_half(void)
{
    struct header header = {1000, 0x8310, 0, 1};
    on_every_socket(&header, sizeof header - 4);
    _exit(0);
}

/* Shuts every socket of its process and stays. */
int fall_silent(void)
{
    for (int descriptor = 0; descriptor < 1024; ++descriptor)
        if (is_socket(descriptor)) shutdown(descriptor, SHUT_RDWR);
    return hang();
}

struct span {
    const char *text;
    int length;
};

int measure(struct span *span)
{
    span->length = span->text ? (int)strlen(span->text) : -1;
    return 0;
}

int advance(struct span *span)
{
    span->text = span->text ? span->text + 1 : "";
    return 0;
}

/* Whether no other descriptor is of the same file. */
static int is_alone(int descriptor)
{
    struct stat own, other;
    if (fstat(descriptor, &own)) return 0;
    for (int another = 0; another < 1024; ++another)
        if (another != descriptor && !fstat(another, &other) && other.st_ino == own.st_ino &&
            other.st_dev == own.st_dev)
            return 0;
    return 1;
}

/* Shuts the newest socket that its process has once, which is that of the calling thread, and stays. The
 * client's connection it has several times. */
int hang_up(void)
{
    int newest = 1023;
    while (newest > 0 && !(is_socket(newest) && is_alone(newest))) --newest;
    shutdown(newest, SHUT_RDWR);
    return hang();
}

/* Writes so many bytes to standard error. */
int write_error(int count)
{
    static char block[1024];
    for (size_t at = 0; at < sizeof block; at++) block[at] = at % 64 == 63 ? '\n' : 'x';
    for (int left = count; left > 0;) {
        int size = left < (int)sizeof block ? left : (int)sizeof block;
        int written = (int)write(2, block, (size_t)size);
        if (written <= 0) return count - left;
        left -= written;
    }
    return count;
}
