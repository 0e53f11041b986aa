/* Strings. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t strnlen(const char *text, size_t size) {
  const char *end = memchr(text, 0, size);
  return end ? (size_t)(end - text) : size;
}

char *stpcpy(char *restrict to, const char *restrict from) {
  size_t size = strlen(from);
  memcpy(to, from, size + 1);
  return to + size;
}

char *strcpy(char *restrict to, const char *restrict from) {
  stpcpy(to, from);
  return to;
}

char *strncpy(char *restrict to, const char *restrict from, size_t size) {
  size_t length = strnlen(from, size);
  memcpy(to, from, length);
  memset(to + length, 0, size - length);
  return to;
}

char *strcat(char *restrict to, const char *restrict from) {
  strcpy(to + strlen(to), from);
  return to;
}

char *strncat(char *restrict to, const char *restrict from, size_t size) {
  char *end = to + strlen(to);
  size_t length = strnlen(from, size);
  memcpy(end, from, length);
  end[length] = 0;
  return to;
}

int strcmp(const char *left, const char *right) {
  while (*left && *left == *right)
    left++, right++;
  return (unsigned char)*left - (unsigned char)*right;
}

int strncmp(const char *left, const char *right, size_t size) {
  for (; size && *left && *left == *right; size--)
    left++, right++;
  return size ? (unsigned char)*left - (unsigned char)*right : 0;
}

int strcasecmp(const char *left, const char *right) {
  while (*left && tolower((unsigned char)*left) == tolower((unsigned char)*right))
    left++, right++;
  return tolower((unsigned char)*left) - tolower((unsigned char)*right);
}

int strncasecmp(const char *left, const char *right, size_t size) {
  for (; size && *left && tolower((unsigned char)*left) == tolower((unsigned char)*right); size--)
    left++, right++;
  return size ? tolower((unsigned char)*left) - tolower((unsigned char)*right) : 0;
}

int strcoll(const char *left, const char *right) { return strcmp(left, right); }

size_t strxfrm(char *restrict to, const char *restrict from, size_t size) {
  size_t length = strlen(from);
  if (length < size)
    strcpy(to, from);
  return length;
}

char *strchrnul(const char *text, int byte) {
  while (*text && *text != (char)byte)
    text++;
  return (char *)text;
}

char *strchr(const char *text, int byte) {
  char *found = strchrnul(text, byte);
  return *found == (char)byte ? found : NULL;
}

char *strrchr(const char *text, int byte) { return memrchr(text, byte, strlen(text) + 1); }

char *strstr(const char *text, const char *wanted) {
  return memmem(text, strlen(text), wanted, strlen(wanted));
}

/* One bit for each byte. */
struct set {
  unsigned words[8];
};

static struct set set_of(const char *members) {
  struct set set = {};
  for (; *members; members++)
    set.words[(unsigned char)*members / 32] |= 1u << (unsigned char)*members % 32;
  return set;
}

static int has(const struct set *set, char byte) {
  return set->words[(unsigned char)byte / 32] >> (unsigned char)byte % 32 & 1;
}

size_t strspn(const char *text, const char *accepted) {
  struct set set = set_of(accepted);
  const char *each = text;
  while (*each && has(&set, *each))
    each++;
  return each - text;
}

size_t strcspn(const char *text, const char *refused) {
  struct set set = set_of(refused);
  const char *each = text;
  while (*each && !has(&set, *each))
    each++;
  return each - text;
}

char *strpbrk(const char *text, const char *accepted) {
  text += strcspn(text, accepted);
  return *text ? (char *)text : NULL;
}

char *strtok_r(char *restrict text, const char *restrict separators, char **restrict rest) {
  if (!text)
    text = *rest;
  text += strspn(text, separators);
  if (!*text) {
    *rest = text;
    return NULL;
  }
  char *end = text + strcspn(text, separators);
  *rest = *end ? end + 1 : end;
  *end = 0;
  return text;
}

char *strtok(char *restrict text, const char *restrict separators) {
  static char *rest;
  return strtok_r(text, separators, &rest);
}

char *strsep(char **text, const char *separators) {
  char *start = *text;
  if (!start)
    return NULL;
  char *end = start + strcspn(start, separators);
  *text = *end ? end + 1 : NULL;
  *end = 0;
  return start;
}

char *strndup(const char *text, size_t size) {
  size_t length = strnlen(text, size);
  char *copy = malloc(length + 1);
  if (copy) {
    memcpy(copy, text, length);
    copy[length] = 0;
  }
  return copy;
}

char *strdup(const char *text) { return strndup(text, (size_t)-1); }

int ffs(int bits) { return __builtin_ffs(bits); }

static const struct {
  int number;
  const char *text;
} errors[] = {
    {0, "Success"},
    {EPERM, "Operation not permitted"},
    {ENOENT, "No such file or directory"},
    {EINTR, "Interrupted system call"},
    {EIO, "Input/output error"},
    {E2BIG, "Argument list too long"},
    {EBADF, "Bad file descriptor"},
    {EAGAIN, "Resource temporarily unavailable"},
    {ENOMEM, "Cannot allocate memory"},
    {EACCES, "Permission denied"},
    {EFAULT, "Bad address"},
    {EBUSY, "Device or resource busy"},
    {EEXIST, "File exists"},
    {ENOTDIR, "Not a directory"},
    {EISDIR, "Is a directory"},
    {EINVAL, "Invalid argument"},
    {ENFILE, "Too many open files in system"},
    {EMFILE, "Too many open files"},
    {ENOTTY, "Inappropriate ioctl for device"},
    {EFBIG, "File too large"},
    {ENOSPC, "No space left on device"},
    {ESPIPE, "Illegal seek"},
    {EROFS, "Read-only file system"},
    {EPIPE, "Broken pipe"},
    {EDOM, "Numerical argument out of domain"},
    {ERANGE, "Numerical result out of range"},
    {ENOSYS, "Function not implemented"},
    {EOVERFLOW, "Value too large for defined data type"},
    {EILSEQ, "Invalid or incomplete multibyte or wide character"},
    {ENOTSUP, "Operation not supported"},
    {EDQUOT, "Disk quota exceeded"},
};

char *strerror(int number) {
  static char unknown[32];
  for (size_t each = 0; each < sizeof errors / sizeof *errors; each++)
    if (errors[each].number == number)
      return (char *)errors[each].text;
  snprintf(unknown, sizeof unknown, "Unknown error %d", number);
  return unknown;
}

char *strsignal(int number) {
  static char text[24];
  snprintf(text, sizeof text, "Signal %d", number);
  return text;
}
