/* Sorts the lines of standard input. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *left, const void *right) {
  return strcmp(*(char *const *)left, *(char *const *)right);
}

int main(void) {
  size_t count = 0, room = 0, size = 0;
  char **lines = NULL, *line = NULL;
  while (getline(&line, &size, stdin) >= 0) {
    if (count == room) {
      room = room ? room * 2 : 1024;
      lines = realloc(lines, room * sizeof *lines);
    }
    if (!lines || !(lines[count++] = strdup(line))) {
      perror("sort");
      return 1;
    }
  }
  qsort(lines, count, sizeof *lines, compare);
  for (size_t each = 0; each < count; each++)
    fputs(lines[each], stdout);
  return ferror(stdin) || fflush(stdout);
}
