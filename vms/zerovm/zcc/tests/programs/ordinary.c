/* What ordinary small programs do: a phone book, a calculator, a calendar, a word count. */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A phone book: records are read, sorted, found again. */
struct entry {
  char name[24];
  long number;
};

static int by_name(const void *one, const void *other) {
  return strcmp(((const struct entry *)one)->name, ((const struct entry *)other)->name);
}

static void phone_book(void) {
  static const char text[] = "Zoe:555 0199;Adam:5550142;Mia : 0x22b;bad line;Ben:-7";
  struct entry book[8];
  size_t count = 0;
  char copy[sizeof text], *rest;
  memcpy(copy, text, sizeof text);
  for (char *line = strtok_r(copy, ";", &rest); line; line = strtok_r(NULL, ";", &rest)) {
    struct entry entry;
    int found = sscanf(line, "%23[A-Za-z] : %li", entry.name, &entry.number);
    printf("[%s] %d\n", line, found);
    if (found == 2)
      book[count++] = entry;
  }
  qsort(book, count, sizeof *book, by_name);
  struct entry wanted = {.name = "Mia"}, nobody = {.name = "Nobody"};
  const struct entry *mia = bsearch(&wanted, book, count, sizeof *book, by_name);
  assert(mia && !bsearch(&nobody, book, count, sizeof *book, by_name));
  for (size_t each = 0; each < count; each++)
    printf("%-8s|%8ld|%c\n", book[each].name, book[each].number, &book[each] == mia ? '*' : ' ');
}

/* A calculator by recursive descent, which gives up by longjmp. */
static jmp_buf give_up;
static const char *at;

static double sum(void);
static double factor(void) {
  while (isspace((unsigned char)*at))
    at++;
  if (*at == '(') {
    at++;
    double value = sum();
    if (*at++ != ')')
      longjmp(give_up, 2);
    return value;
  }
  char *end;
  double value = strtod(at, &end);
  if (end == at)
    longjmp(give_up, 1);
  at = end;
  return value;
}
static double product(void) {
  double value = factor();
  while (*at == '*' || *at == '/')
    value = *at++ == '*' ? value * factor() : value / factor();
  return value;
}
static double sum(void) {
  double value = product();
  while (*at == '+' || *at == '-')
    value = *at++ == '+' ? value + product() : value - product();
  return value;
}

static void calculator(void) {
  static const char *const lines[] = {"1+2*3", "(1+2)*3", "1e3/7-.5", "2*(3", "2*x", "-4*-(0.25)", "0x1p-3+1", "1/0"};
  for (size_t each = 0; each < sizeof lines / sizeof *lines; each++) {
    at = lines[each];
    int why = setjmp(give_up);
    if (why)
      printf("%s: wrong, %d\n", lines[each], why);
    else
      printf("%s = %.10g\n", lines[each], sum());
  }
}

/* A calendar. */
static void calendar(void) {
  static const time_t moments[] = {0, 86399, 951782400, 1400000000, 2147483647, -1};
  char line[80];
  for (size_t each = 0; each < sizeof moments / sizeof *moments; each++) {
    struct tm parts = *gmtime(&moments[each]);
    strftime(line, sizeof line, "%Y-%m-%d %H:%M:%S %a %b %j %U %y %p %I %%", &parts);
    printf("%s %d %s", line, parts.tm_wday, asctime(&parts));
  }
  struct tm parts = {.tm_year = 124, .tm_mon = 1, .tm_mday = 30, .tm_hour = 25, .tm_isdst = 0};
  time_t moment = mktime(&parts);
  printf("%lld %d %d %d %.1f\n", (long long)moment, parts.tm_mon, parts.tm_mday, parts.tm_hour, difftime(moment, 0));
}

/* Numbers at the edges, and errno. */
static void numbers(void) {
  static const char *const words[] = {"2147483647", "-9223372036854775808", "99999999999999999999", "0777", "0x", "z", "", " \t+12 "};
  for (size_t each = 0; each < sizeof words / sizeof *words; each++) {
    char *end;
    errno = 0;
    long long value = strtoll(words[each], &end, 0);
    printf("%lld %d %s;", value, errno == ERANGE, end);
    errno = 0;
    printf(" %llu %d\n", strtoull(words[each], NULL, 36), errno == ERANGE);
  }
  int one = -1, two = -1, read = -1;
  char word[8] = "", letter = '?';
  float real = 0;
  printf("%d", sscanf("12abc 3.5e1 xyz", "%2d%3s%f %c%n", &one, word, &real, &letter, &read));
  printf(" %d %s %g %c %d\n", one, word, real, letter, read);
  printf("%d %d", sscanf("077 0x1F", "%o %x", (unsigned *)&one, (unsigned *)&two), one);
  printf(" %d %d %d\n", two, sscanf("", "%d", &one), sscanf("x", "%d", &one));
  div_t parts = div(-17, 5);
  printf("%d %d %d %s\n", parts.quot, parts.rem, abs(INT_MIN + 1), strerror(ENOENT));
}

/* A word count over a file, which is written, read back, and read as lines. */
static int report(FILE *to, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int size = vfprintf(to, format, arguments);
  va_end(arguments);
  return size;
}

static void word_count(void) {
  FILE *file = tmpfile();
  assert(file);
  int size = report(file, "%s %d\n%5.2f|%-5s|\n", "first line", 1, 3.14159, "x");
  fputs("last without end", file);
  rewind(file);
  int lines = 0, words = 0, bytes = 0, inside = 0;
  for (int byte; (byte = getc(file)) != EOF; bytes++) {
    lines += byte == '\n';
    words += !isspace(byte) && !inside;
    inside = !isspace(byte);
  }
  printf("%d %d %d %d %d\n", size, lines, words, bytes, feof(file) != 0);
  char line[16];
  fseek(file, 6, SEEK_SET);
  while (fgets(line, sizeof line, file))
    printf("{%s}", line);
  fseek(file, -3, SEEK_END);
  ungetc('>', file);
  printf(" %c%c %ld\n", getc(file), getc(file), ftell(file));
  fclose(file);
}

int main(void) {
  phone_book();
  calculator();
  calendar();
  numbers();
  word_count();
  return 3;
}
