/* Wide characters: texts of them, their kinds, and how they become bytes, which is as they are. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

size_t wcsnlen(const wchar_t *text, size_t most) {
  size_t size = 0;
  while (size < most && text[size])
    size++;
  return size;
}
size_t wcslen(const wchar_t *text) { return wcsnlen(text, -1); }

wchar_t *wmemcpy(wchar_t *restrict to, const wchar_t *restrict from, size_t count) {
  return memcpy(to, from, count * sizeof *to);
}
wchar_t *wmemmove(wchar_t *to, const wchar_t *from, size_t count) {
  return memmove(to, from, count * sizeof *to);
}
wchar_t *wmemset(wchar_t *to, wchar_t character, size_t count) {
  for (size_t each = 0; each < count; each++)
    to[each] = character;
  return to;
}
int wmemcmp(const wchar_t *one, const wchar_t *other, size_t count) {
  for (; count; one++, other++, count--)
    if (*one != *other)
      return *one < *other ? -1 : 1;
  return 0;
}
wchar_t *wmemchr(const wchar_t *from, wchar_t character, size_t count) {
  for (; count; from++, count--)
    if (*from == character)
      return (wchar_t *)from;
  return NULL;
}

wchar_t *wcscpy(wchar_t *restrict to, const wchar_t *restrict from) {
  return wmemcpy(to, from, wcslen(from) + 1);
}
wchar_t *wcsncpy(wchar_t *restrict to, const wchar_t *restrict from, size_t size) {
  size_t used = wcsnlen(from, size);
  wmemcpy(to, from, used);
  wmemset(to + used, 0, size - used);
  return to;
}
wchar_t *wcsncat(wchar_t *restrict to, const wchar_t *restrict from, size_t most) {
  size_t used = wcsnlen(from, most);
  wchar_t *end = to + wcslen(to);
  wmemcpy(end, from, used);
  end[used] = 0;
  return to;
}
wchar_t *wcscat(wchar_t *restrict to, const wchar_t *restrict from) {
  return wcsncat(to, from, -1);
}

int wcsncmp(const wchar_t *one, const wchar_t *other, size_t most) {
  for (; most; one++, other++, most--)
    if (*one != *other || !*one)
      return (*one > *other) - (*one < *other);
  return 0;
}
int wcscmp(const wchar_t *one, const wchar_t *other) { return wcsncmp(one, other, -1); }
int wcscoll(const wchar_t *one, const wchar_t *other) { return wcscmp(one, other); }

wchar_t *wcschr(const wchar_t *text, wchar_t character) {
  return wmemchr(text, character, wcslen(text) + 1);
}
wchar_t *wcsrchr(const wchar_t *text, wchar_t character) {
  for (const wchar_t *at = text + wcslen(text); at >= text; at--)
    if (*at == character)
      return (wchar_t *)at;
  return NULL;
}
wchar_t *wcsstr(const wchar_t *text, const wchar_t *part) {
  size_t size = wcslen(part);
  for (; wcsncmp(text, part, size) != 0; text++)
    if (!*text)
      return NULL;
  return (wchar_t *)text;
}
size_t wcsspn(const wchar_t *text, const wchar_t *set) {
  size_t size = 0;
  while (text[size] && wcschr(set, text[size]))
    size++;
  return size;
}
size_t wcscspn(const wchar_t *text, const wchar_t *set) {
  size_t size = 0;
  while (text[size] && !wcschr(set, text[size]))
    size++;
  return size;
}
wchar_t *wcspbrk(const wchar_t *text, const wchar_t *set) {
  text += wcscspn(text, set);
  return *text ? (wchar_t *)text : NULL;
}
wchar_t *wcstok(wchar_t *restrict text, const wchar_t *restrict set, wchar_t **restrict rest) {
  text = text ? text : *rest;
  if (text)
    text += wcsspn(text, set);
  if (!text || !*text) {
    *rest = NULL;
    return NULL;
  }
  wchar_t *end = wcspbrk(text, set);
  *rest = end ? end + 1 : NULL;
  if (end)
    *end = 0;
  return text;
}
wchar_t *wcsdup(const wchar_t *text) {
  wchar_t *copy = malloc((wcslen(text) + 1) * sizeof *copy);
  return copy ? wcscpy(copy, text) : NULL;
}

wint_t btowc(int byte) { return byte < 0 || byte > 0x7f ? WEOF : (wint_t)byte; }
int wctob(wint_t character) { return character > 0x7f ? -1 : (int)character; }
int mbsinit(const mbstate_t *state) {
  (void)state;
  return 1;
}

size_t mbrtowc(wchar_t *restrict to, const char *restrict from, size_t size, mbstate_t *restrict state) {
  (void)state;
  return from && !size ? (size_t)-2 : (size_t)mbtowc(to, from, size);
}
size_t mbrlen(const char *restrict text, size_t size, mbstate_t *restrict state) {
  return mbrtowc(NULL, text, size, state);
}

int wctomb(char *to, wchar_t character) {
  if (!to)
    return 0;
  if ((unsigned)character > 0xff) {
    errno = EILSEQ;
    return -1;
  }
  *to = character;
  return 1;
}
size_t wcrtomb(char *restrict to, wchar_t character, mbstate_t *restrict state) {
  (void)state;
  return to ? (size_t)wctomb(to, character) : 1;
}

size_t mbstowcs(wchar_t *restrict to, const char *restrict from, size_t size) {
  size_t done = 0;
  for (; !to || done < size; done++) {
    if (to)
      to[done] = (unsigned char)from[done];
    if (!from[done])
      break;
  }
  return done;
}
size_t wcstombs(char *restrict to, const wchar_t *restrict from, size_t size) {
  size_t done = 0;
  char byte;
  for (; !to || done < size; done++) {
    if (wctomb(to ? to + done : &byte, from[done]) < 0)
      return -1;
    if (!from[done])
      break;
  }
  return done;
}

#define KIND(name)                                                                                 \
  int isw##name(wint_t character) { return character < 0x80 && is##name(character); }
KIND(alnum) KIND(alpha) KIND(blank) KIND(cntrl) KIND(digit) KIND(graph) KIND(lower) KIND(print)
KIND(punct) KIND(space) KIND(upper) KIND(xdigit)

wint_t towlower(wint_t character) { return character < 0x80 ? (wint_t)tolower(character) : character; }
wint_t towupper(wint_t character) { return character < 0x80 ? (wint_t)toupper(character) : character; }
