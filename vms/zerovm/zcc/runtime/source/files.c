/* Files by their descriptors.

   A name is a channel's alias, or else that of a file in memory, which O_CREAT makes and which is gone
   with the session. Positions of channels with random access are kept here; those with sequential
   access have their own. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include <utime.h>
#include <zvm.h>

/* A file in memory. */
struct node {
  struct node *next;
  char *name; /* NULL once it was removed */
  char *data;
  size_t size, capacity;
  unsigned users;
};

struct open_file {
  int is_open, flags, channel;
  struct node *node; /* or NULL for a channel */
  int64_t position;
  int64_t size; /* of a channel, as far as it is known */
};

enum { MOST = 64, RANDOM_GET = 1, RANDOM_PUT = 2 };

static struct open_file table[MOST];
static struct node *nodes;

static void standard_channels(void) {
  static int done;
  if (done)
    return;
  done = 1;
  for (int channel = 0; channel < 3; channel++) {
    int flags = channel ? O_WRONLY : O_RDONLY;
    table[channel] = (struct open_file){1, flags, channel, NULL, 0, MANIFEST->channels[channel].size};
  }
}

static struct open_file *file_of(int descriptor) {
  standard_channels();
  if (descriptor < 0 || descriptor >= MOST || !table[descriptor].is_open) {
    errno = EBADF;
    return NULL;
  }
  return &table[descriptor];
}

static struct node *node_of(const char *name) {
  for (struct node *node = nodes; node; node = node->next)
    if (node->name && strcmp(node->name, name) == 0)
      return node;
  return NULL;
}

static void release(struct node *node) {
  if (node->name || node->users)
    return;
  for (struct node **link = &nodes; *link; link = &(*link)->next)
    if (*link == node) {
      *link = node->next;
      break;
    }
  free(node->data);
  free(node);
}

static int can_get(const struct ZVMChannel *channel) {
  return channel->limits[GetsLimit] && channel->limits[GetSizeLimit];
}
static int can_put(const struct ZVMChannel *channel) {
  return channel->limits[PutsLimit] && channel->limits[PutSizeLimit];
}

static int failed(int error) {
  errno = error;
  return -1;
}

int open(const char *name, int flags, ...) {
  standard_channels();
  int descriptor = 3, channel = zvm_find_channel(name), access = flags & O_ACCMODE;
  while (descriptor < MOST && table[descriptor].is_open)
    descriptor++;
  if (descriptor == MOST)
    return failed(EMFILE);
  struct open_file file = {1, flags, channel, NULL, 0, 0};
  if (channel >= 0) {
    const struct ZVMChannel *record = &MANIFEST->channels[channel];
    if (access != O_WRONLY && !can_get(record))
      return failed(EACCES);
    if (access != O_RDONLY && !can_put(record))
      return failed(EACCES);
    file.size = record->size;
  } else {
    struct node *node = node_of(name);
    if (node && flags & O_CREAT && flags & O_EXCL)
      return failed(EEXIST);
    if (!node) {
      if (!(flags & O_CREAT))
        return failed(ENOENT);
      node = calloc(1, sizeof *node);
      char *copy = strdup(name);
      if (!node || !copy) {
        free(node);
        free(copy);
        return failed(ENOMEM);
      }
      node->name = copy;
      node->next = nodes;
      nodes = node;
    }
    if (flags & O_TRUNC && access != O_RDONLY)
      node->size = 0;
    node->users++;
    file.node = node;
  }
  table[descriptor] = file;
  return descriptor;
}

int creat(const char *name, mode_t mode) { return open(name, O_WRONLY | O_CREAT | O_TRUNC, mode); }

int close(int descriptor) {
  struct open_file *file = file_of(descriptor);
  if (!file)
    return -1;
  file->is_open = 0;
  if (file->node) {
    file->node->users--;
    release(file->node);
  }
  return 0;
}

static ssize_t read_at(struct open_file *file, void *to, size_t size, int64_t offset) {
  if ((file->flags & O_ACCMODE) == O_WRONLY)
    return failed(EBADF);
  if (size > 0x40000000)
    size = 0x40000000;
  if (!size)
    return 0;
  if (file->node) {
    if (offset >= file->node->size)
      return 0;
    if (size > file->node->size - offset)
      size = file->node->size - offset;
    memcpy(to, file->node->data + offset, size);
    return size;
  }
  uint32_t type = MANIFEST->channels[file->channel].type;
  if (type & RANDOM_GET && offset >= file->size)
    return 0;
  int32_t result = zvm_pread(file->channel, to, size, offset);
  return result < 0 ? failed(-result) : result;
}

static int reserve(struct node *node, uint64_t size) {
  if (size <= node->capacity)
    return 0;
  if (size > 0x7fffffff)
    return failed(EFBIG);
  size_t capacity = node->capacity < 256 ? 256 : node->capacity;
  while (capacity < size)
    capacity *= 2;
  char *data = realloc(node->data, capacity);
  if (!data)
    return failed(ENOSPC);
  node->data = data;
  node->capacity = capacity;
  return 0;
}

static ssize_t write_at(struct open_file *file, const void *from, size_t size, int64_t offset) {
  if ((file->flags & O_ACCMODE) == O_RDONLY)
    return failed(EBADF);
  if (size > 0x40000000)
    size = 0x40000000;
  if (!size)
    return 0;
  struct node *node = file->node;
  if (node) {
    if (reserve(node, (uint64_t)offset + size))
      return -1;
    if (offset > node->size)
      memset(node->data + node->size, 0, offset - node->size);
    memcpy(node->data + offset, from, size);
    if (offset + size > node->size)
      node->size = offset + size;
    return size;
  }
  int32_t result = zvm_pwrite(file->channel, from, size, offset);
  if (result < 0)
    return failed(-result);
  if (offset + result > file->size)
    file->size = offset + result;
  return result;
}

static int64_t size_of(const struct open_file *file) {
  return file->node ? (int64_t)file->node->size : file->size;
}

ssize_t read(int descriptor, void *to, size_t size) {
  struct open_file *file = file_of(descriptor);
  ssize_t result = file ? read_at(file, to, size, file->position) : -1;
  if (result > 0)
    file->position += result;
  return result;
}

ssize_t write(int descriptor, const void *from, size_t size) {
  struct open_file *file = file_of(descriptor);
  if (!file)
    return -1;
  if (file->flags & O_APPEND)
    file->position = size_of(file);
  ssize_t result = write_at(file, from, size, file->position);
  if (result > 0)
    file->position += result;
  return result;
}

ssize_t pread(int descriptor, void *to, size_t size, off_t offset) {
  struct open_file *file = file_of(descriptor);
  if (file && offset < 0)
    return failed(EINVAL);
  return file ? read_at(file, to, size, offset) : -1;
}

ssize_t pwrite(int descriptor, const void *from, size_t size, off_t offset) {
  struct open_file *file = file_of(descriptor);
  if (file && offset < 0)
    return failed(EINVAL);
  return file ? write_at(file, from, size, offset) : -1;
}

off_t lseek(int descriptor, off_t offset, int whence) {
  struct open_file *file = file_of(descriptor);
  if (!file)
    return -1;
  if (!file->node && MANIFEST->channels[file->channel].type == SGetSPut)
    return failed(ESPIPE);
  int64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? file->position : size_of(file);
  if (whence < SEEK_SET || whence > SEEK_END || offset < -base)
    return failed(EINVAL);
  return file->position = base + offset;
}

int ftruncate(int descriptor, off_t size) {
  struct open_file *file = file_of(descriptor);
  if (!file)
    return -1;
  if (!file->node || size < 0)
    return failed(EINVAL);
  if (reserve(file->node, size))
    return -1;
  if (size > file->node->size)
    memset(file->node->data + file->node->size, 0, size - file->node->size);
  file->node->size = size;
  return 0;
}

int fsync(int descriptor) { return file_of(descriptor) ? 0 : -1; }

int unlink(const char *name) {
  struct node *node = node_of(name);
  if (!node)
    return failed(zvm_find_channel(name) >= 0 ? EPERM : ENOENT);
  free(node->name);
  node->name = NULL;
  release(node);
  return 0;
}

int remove(const char *name) { return unlink(name); }

int rename(const char *from, const char *to) {
  struct node *node = node_of(from);
  if (!node || zvm_find_channel(to) >= 0)
    return failed(node ? EPERM : ENOENT);
  if (strcmp(from, to) == 0)
    return 0;
  char *name = strdup(to);
  if (!name)
    return failed(ENOMEM);
  if (node_of(to))
    unlink(to);
  free(node->name);
  node->name = name;
  return 0;
}

static int state(struct stat *to, const struct ZVMChannel *channel, int64_t size) {
  memset(to, 0, sizeof *to);
  int is_file = !channel || channel->type != SGetSPut;
  to->st_mode = (is_file ? S_IFREG : S_IFCHR) | 0600;
  to->st_nlink = 1;
  to->st_size = size;
  to->st_blksize = 65536;
  to->st_blocks = (size + 511) / 512;
  return 0;
}

int stat(const char *restrict name, struct stat *restrict to) {
  int channel = zvm_find_channel(name);
  if (channel >= 0)
    return state(to, &MANIFEST->channels[channel], MANIFEST->channels[channel].size);
  struct node *node = node_of(name);
  return node ? state(to, NULL, node->size) : failed(ENOENT);
}

int lstat(const char *restrict name, struct stat *restrict to) { return stat(name, to); }

int fstat(int descriptor, struct stat *to) {
  struct open_file *file = file_of(descriptor);
  if (!file)
    return -1;
  return state(to, file->node ? NULL : &MANIFEST->channels[file->channel], size_of(file));
}

int access(const char *name, int mode) {
  struct stat found;
  (void)mode;
  return stat(name, &found);
}

int isatty(int descriptor) {
  if (file_of(descriptor))
    errno = ENOTTY;
  return 0;
}

/* There are no directories, owners and modes: who sets some is told that. */
int chmod(const char *name, mode_t mode) { return failed(ENOSYS); }
int fchmod(int descriptor, mode_t mode) { return failed(ENOSYS); }
int chown(const char *name, uid_t user, gid_t group) { return failed(ENOSYS); }
int fchown(int descriptor, uid_t user, gid_t group) { return failed(ENOSYS); }
int utime(const char *name, const struct utimbuf *times) { return failed(ENOSYS); }
int mkdir(const char *name, mode_t mode) { return failed(ENOSYS); }
mode_t umask(mode_t mask) { return 0; }
pid_t getpid(void) { return 1; }
uid_t getuid(void) { return 1; }
unsigned sleep(unsigned seconds) { return seconds; }
int usleep(unsigned microseconds) { return failed(ENOSYS); }

char *getcwd(char *to, size_t size) {
  if (size < 2) {
    errno = ERANGE;
    return NULL;
  }
  return strcpy(to, "/");
}

int mprotect(void *start, size_t size, int protection) {
  int32_t result = zvm_mprotect(start, size, protection);
  return result < 0 ? failed(-result) : 0;
}
