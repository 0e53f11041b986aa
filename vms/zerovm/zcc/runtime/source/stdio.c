/* Streams: a buffer before a descriptor. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READS = 1, WRITES = 2, AT_END = 4, FAILED = 8, OWN_BUFFER = 16, STATIC = 32, TEMPORARY = 64 };

struct __file {
  struct __file *next;
  int descriptor, flags, mode;
  char *buffer;
  size_t size;  /* of the buffer */
  size_t start; /* what was read but not taken is [start, end) */
  size_t end;   /* what was written but not sent is [0, end) */
  int is_writing;
  unsigned char pushed[8]; /* by ungetc, the last first */
  int pushed_count;
};

static FILE standard[3] = {
    {&standard[1], 0, READS | STATIC, _IOFBF},
    {&standard[2], 1, WRITES | STATIC, _IOFBF},
    {NULL, 2, WRITES | STATIC, _IONBF},
};
static FILE *files = standard;
FILE *const stdin = &standard[0], *const stdout = &standard[1], *const stderr = &standard[2];
#undef stdin
#undef stdout
#undef stderr

static int prepare(FILE *file) {
  if (file->buffer || file->mode == _IONBF)
    return 0;
  file->buffer = malloc(BUFSIZ);
  if (!file->buffer) {
    file->mode = _IONBF;
    return 0;
  }
  file->size = BUFSIZ;
  file->flags |= OWN_BUFFER;
  return 0;
}

static int send(FILE *file, const char *from, size_t size) {
  while (size) {
    ssize_t sent = write(file->descriptor, from, size);
    if (sent <= 0) {
      file->flags |= FAILED;
      return EOF;
    }
    from += sent;
    size -= sent;
  }
  return 0;
}

static int flush(FILE *file) {
  if (!file->is_writing)
    return 0;
  size_t size = file->end;
  file->end = 0;
  return send(file, file->buffer, size);
}

int fflush(FILE *file) {
  int result = 0;
  if (file)
    return flush(file);
  for (file = files; file; file = file->next)
    result |= flush(file);
  return result;
}

/* Drops what was read ahead, so that the descriptor is where the program is. */
static void stop_reading(FILE *file) {
  size_t ahead = file->end - file->start + file->pushed_count;
  if (ahead)
    lseek(file->descriptor, -(off_t)ahead, SEEK_CUR);
  file->start = file->end = file->pushed_count = 0;
}

static int begin_writing(FILE *file) {
  if (!(file->flags & WRITES)) {
    errno = EBADF;
    file->flags |= FAILED;
    return EOF;
  }
  if (!file->is_writing) {
    stop_reading(file);
    file->is_writing = 1;
  }
  return prepare(file);
}

static int begin_reading(FILE *file) {
  if (!(file->flags & READS)) {
    errno = EBADF;
    file->flags |= FAILED;
    return EOF;
  }
  if (file->is_writing) {
    if (flush(file))
      return EOF;
    file->is_writing = 0;
    file->start = file->end = 0;
  }
  return prepare(file);
}

static size_t put(FILE *file, const char *from, size_t size) {
  if (begin_writing(file))
    return 0;
  if (file->mode == _IONBF || size >= file->size) {
    if (flush(file) || send(file, from, size))
      return 0;
    return size;
  }
  if (size > file->size - file->end && flush(file))
    return 0;
  memcpy(file->buffer + file->end, from, size);
  file->end += size;
  if (file->mode == _IOLBF && memchr(from, '\n', size) && flush(file))
    return 0;
  return size;
}

/* Receives to a buffer directly; 0 at the end or on failure. */
static size_t receive(FILE *file, char *to, size_t size) {
  ssize_t got = read(file->descriptor, to, size);
  if (got <= 0) {
    file->flags |= got ? FAILED : AT_END;
    return 0;
  }
  return got;
}

static size_t get(FILE *file, char *to, size_t size) {
  size_t done = 0;
  if (begin_reading(file))
    return 0;
  while (done < size && file->pushed_count)
    to[done++] = file->pushed[--file->pushed_count];
  while (done < size) {
    size_t ready = file->end - file->start, wanted = size - done;
    if (ready) {
      size_t taken = ready < wanted ? ready : wanted;
      memcpy(to + done, file->buffer + file->start, taken);
      file->start += taken;
      done += taken;
    } else if (file->mode == _IONBF || wanted >= file->size) {
      size_t got = receive(file, to + done, wanted);
      if (!got)
        break;
      done += got;
    } else {
      file->start = 0;
      file->end = receive(file, file->buffer, file->size);
      if (!file->end)
        break;
    }
  }
  return done;
}

static int flags_of(const char *mode, int *to_open) {
  int plus = strchr(mode, '+') != NULL;
  switch (*mode) {
  case 'r':
    *to_open = plus ? O_RDWR : O_RDONLY;
    return plus ? READS | WRITES : READS;
  case 'w':
    *to_open = (plus ? O_RDWR : O_WRONLY) | O_CREAT | O_TRUNC;
    break;
  case 'a':
    *to_open = (plus ? O_RDWR : O_WRONLY) | O_CREAT | O_APPEND;
    break;
  default:
    errno = EINVAL;
    return 0;
  }
  if (strchr(mode, 'x'))
    *to_open |= O_EXCL;
  return plus ? READS | WRITES : WRITES;
}

static FILE *make(int descriptor, int flags) {
  FILE *file = calloc(1, sizeof *file);
  if (!file)
    return NULL;
  file->descriptor = descriptor;
  file->flags = flags;
  file->next = files;
  files = file;
  return file;
}

FILE *fopen(const char *restrict name, const char *restrict mode) {
  int to_open, flags = flags_of(mode, &to_open);
  int descriptor = flags ? open(name, to_open, 0600) : -1;
  return descriptor < 0 ? NULL : make(descriptor, flags);
}

FILE *fdopen(int descriptor, const char *mode) {
  int to_open, flags = flags_of(mode, &to_open);
  return flags ? make(descriptor, flags) : NULL;
}

static int shut(FILE *file) {
  int result = flush(file);
  if (!file->is_writing)
    stop_reading(file);
  result |= close(file->descriptor);
  if (file->flags & OWN_BUFFER)
    free(file->buffer);
  file->buffer = NULL;
  file->size = file->start = file->end = file->is_writing = file->pushed_count = 0;
  return result;
}

FILE *freopen(const char *restrict name, const char *restrict mode, FILE *restrict file) {
  int to_open, flags = flags_of(mode, &to_open);
  shut(file);
  int descriptor = flags && name ? open(name, to_open, 0600) : -1;
  if (descriptor < 0)
    return NULL;
  file->descriptor = descriptor;
  file->flags = flags | (file->flags & STATIC);
  file->mode = _IOFBF;
  return file;
}

int fclose(FILE *file) {
  int result = shut(file);
  for (FILE **link = &files; *link; link = &(*link)->next)
    if (*link == file) {
      *link = file->next;
      break;
    }
  if (!(file->flags & STATIC))
    free(file);
  return result ? EOF : 0;
}

static unsigned temporary;

char *tmpnam(char *name) {
  static char own[L_tmpnam];
  if (!name)
    name = own;
  snprintf(name, L_tmpnam, "/tmp/zvm-%u", ++temporary);
  return name;
}

FILE *tmpfile(void) {
  char name[L_tmpnam];
  FILE *file = fopen(tmpnam(name), "w+x");
  if (file)
    remove(name);
  return file;
}

int mkstemp(char *name) {
  char *end = name + strlen(name) - 6;
  if (end < name) {
    errno = EINVAL;
    return -1;
  }
  snprintf(end, 7, "%06u", ++temporary % 1000000);
  return open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
}

int setvbuf(FILE *restrict file, char *restrict buffer, int mode, size_t size) {
  if (mode != _IOFBF && mode != _IOLBF && mode != _IONBF)
    return -1;
  flush(file);
  if (!file->is_writing)
    stop_reading(file);
  if (file->flags & OWN_BUFFER)
    free(file->buffer);
  file->flags &= ~OWN_BUFFER;
  file->mode = mode;
  file->buffer = mode == _IONBF || !size ? NULL : buffer;
  file->size = file->buffer ? size : 0;
  return 0;
}

void setbuf(FILE *restrict file, char *restrict buffer) {
  setvbuf(file, buffer, buffer ? _IOFBF : _IONBF, BUFSIZ);
}

int fileno(FILE *file) { return file->descriptor; }
int feof(FILE *file) { return (file->flags & AT_END) != 0; }
int ferror(FILE *file) { return (file->flags & FAILED) != 0; }
void clearerr(FILE *file) { file->flags &= ~(AT_END | FAILED); }

size_t fread(void *restrict to, size_t size, size_t count, FILE *restrict file) {
  size_t bytes;
  if (!size || __builtin_mul_overflow(size, count, &bytes))
    return 0;
  return get(file, to, bytes) / size;
}

size_t fwrite(const void *restrict from, size_t size, size_t count, FILE *restrict file) {
  size_t bytes;
  if (!size || !count || __builtin_mul_overflow(size, count, &bytes))
    return 0;
  return put(file, from, bytes) == bytes ? count : 0;
}

int fgetc(FILE *file) {
  unsigned char byte;
  if (!file->is_writing && !file->pushed_count && file->start < file->end)
    return (unsigned char)file->buffer[file->start++];
  return get(file, (char *)&byte, 1) ? byte : EOF;
}

int getc(FILE *file) { return fgetc(file); }
int getchar(void) { return fgetc(stdin); }

int ungetc(int byte, FILE *file) {
  if (byte == EOF || begin_reading(file) || file->pushed_count == sizeof file->pushed)
    return EOF;
  file->pushed[file->pushed_count++] = byte;
  file->flags &= ~AT_END;
  return (unsigned char)byte;
}

char *fgets(char *restrict line, int size, FILE *restrict file) {
  char *to = line;
  int byte = 0;
  while (size-- > 1 && byte != '\n' && (byte = fgetc(file)) != EOF)
    *to++ = byte;
  if (to == line || file->flags & FAILED)
    return NULL;
  *to = 0;
  return line;
}

ssize_t getline(char **restrict line, size_t *restrict size, FILE *restrict file) {
  size_t length = 0;
  int byte;
  if (!*line)
    *size = 0;
  while ((byte = fgetc(file)) != EOF) {
    if (length + 2 > *size) {
      size_t grown = *size ? *size * 2 : 128;
      char *moved = realloc(*line, grown);
      if (!moved)
        return -1;
      *line = moved;
      *size = grown;
    }
    (*line)[length++] = byte;
    if (byte == '\n')
      break;
  }
  if (!length)
    return -1;
  (*line)[length] = 0;
  return length;
}

int fputc(int byte, FILE *file) {
  char written = byte;
  if (file->is_writing && file->mode == _IOFBF && file->end < file->size) {
    file->buffer[file->end++] = written;
    return (unsigned char)written;
  }
  return put(file, &written, 1) ? (unsigned char)written : EOF;
}

int putc(int byte, FILE *file) { return fputc(byte, file); }
int putchar(int byte) { return fputc(byte, stdout); }

int fputs(const char *restrict text, FILE *restrict file) {
  size_t size = strlen(text);
  return put(file, text, size) == size ? 0 : EOF;
}

int puts(const char *text) { return fputs(text, stdout) || fputc('\n', stdout) == EOF ? EOF : 0; }

int fseeko(FILE *file, off_t offset, int whence) {
  if (flush(file))
    return -1;
  if (!file->is_writing)
    stop_reading(file);
  file->is_writing = 0;
  file->start = file->end = 0;
  if (lseek(file->descriptor, offset, whence) < 0)
    return -1;
  file->flags &= ~AT_END;
  return 0;
}

off_t ftello(FILE *file) {
  off_t position = lseek(file->descriptor, 0, SEEK_CUR);
  if (position < 0)
    return -1;
  if (file->is_writing)
    return position + file->end;
  return position - (file->end - file->start) - file->pushed_count;
}

int fseek(FILE *file, long offset, int whence) { return fseeko(file, offset, whence); }

long ftell(FILE *file) {
  off_t position = ftello(file);
  if (position != (long)position) {
    errno = EOVERFLOW;
    return -1;
  }
  return position;
}

void rewind(FILE *file) {
  fseeko(file, 0, SEEK_SET);
  clearerr(file);
}

int fgetpos(FILE *restrict file, fpos_t *restrict position) {
  return (*position = ftello(file)) < 0 ? -1 : 0;
}

int fsetpos(FILE *file, const fpos_t *position) { return fseeko(file, *position, SEEK_SET); }

void perror(const char *text) {
  int number = errno;
  if (text && *text)
    fprintf(stderr, "%s: ", text);
  fprintf(stderr, "%s\n", strerror(number));
}
