/* Comparisons that take no notice of case. */
#ifndef _STRINGS_H
#define _STRINGS_H
#include <stddef.h>
int strcasecmp(const char *left, const char *right);
int strncasecmp(const char *left, const char *right, size_t size);
int ffs(int bits);
void bzero(void *to, size_t size);
int bcmp(const void *left, const void *right, size_t size);
#endif
