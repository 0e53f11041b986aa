/* Arguments, environment and time from the channel /dev/nvram, where a session has one:

     [args]
     args = program first second
     [env]
     name=HOME, value=/home
     [time]
     seconds=1400000000

   A byte may be written as \xHH, which is how arguments have blanks and commas in them. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <zvm.h>

char **environ;
long long __nvram_seconds = -1;

enum { MOST = 65536, MOST_WORDS = 1024 };

static char *words[MOST_WORDS + 2];
static char *variables[MOST_WORDS + 1];

static int digit(char byte) { return isdigit(byte) ? byte - '0' : (byte | 32) - 'a' + 10; }

/* Replaces \xHH by what it stands for. */
static char *unescaped(char *text) {
  char *to = text;
  for (char *from = text; *from; to++) {
    if (from[0] == '\\' && from[1] == 'x' && isxdigit(from[2]) && isxdigit(from[3])) {
      *to = digit(from[2]) << 4 | digit(from[3]);
      from += 4;
    } else
      *to = *from++;
  }
  *to = 0;
  return text;
}

static char *trimmed(char *text) {
  while (isspace(*text))
    text++;
  char *end = text + strlen(text);
  while (end > text && isspace(end[-1]))
    end--;
  *end = 0;
  return text;
}

static int arguments(char *value) {
  int count = 0;
  char *rest;
  for (char *word = strtok_r(value, " \t", &rest); word && count < MOST_WORDS;
       word = strtok_r(NULL, " \t", &rest))
    words[count++] = unescaped(word);
  return count;
}

/* The value of `key=value` where it is this key. */
static char *value_of(char *pair, const char *key) {
  pair = trimmed(pair);
  size_t size = strlen(key);
  if (strncmp(pair, key, size) != 0)
    return NULL;
  pair = trimmed(pair + size);
  return *pair == '=' ? trimmed(pair + 1) : NULL;
}

/* name=NAME, value=VALUE */
static void variable(char *line, int *count) {
  char *comma = strchr(line, ',');
  if (!comma || *count == MOST_WORDS)
    return;
  *comma = 0;
  char *name = value_of(line, "name"), *value = value_of(comma + 1, "value");
  if (!name || !value)
    return;
  unescaped(name);
  unescaped(value);
  char *entry = malloc(strlen(name) + strlen(value) + 2);
  if (!entry)
    return;
  strcpy(stpcpy(stpcpy(entry, name), "="), value);
  variables[(*count)++] = entry;
}

void __zvm_read_nvram(int *argc, char ***argv, char ***envp) {
  static char text[MOST + 1];
  int channel = zvm_find_channel("/dev/nvram"), count = 0, variable_count = 0;
  int size = channel < 0 ? 0 : zvm_pread(channel, text, MOST, 0);
  text[size < 0 ? 0 : size] = 0;
  char *rest, section = 0;
  for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
    char *value;
    line = trimmed(line);
    if (*line == '[')
      section = strncmp(line, "[args]", 6) == 0   ? 'a'
                : strncmp(line, "[env]", 5) == 0  ? 'e'
                : strncmp(line, "[time]", 6) == 0 ? 't'
                                                  : 0;
    else if (section == 'a' && (value = value_of(line, "args")))
      count = arguments(value);
    else if (section == 'e')
      variable(line, &variable_count);
    else if (section == 't' && (value = value_of(line, "seconds")))
      __nvram_seconds = atoll(value);
  }
  if (!count)
    words[count++] = "";
  *argc = count;
  *argv = words;
  *envp = environ = variables;
}
