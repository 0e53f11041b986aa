/* A text of JSON, made, parsed to a tree and added up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifndef ROUNDS
#define ROUNDS 400
#endif
struct value { int kind; double number; char *text; struct value *first, *next; };
static struct value pool[200000];
static char names[1 << 20];
static size_t used, names_used;
static const char *at;
static void blank(void) { while (*at == ' ' || *at == '\n' || *at == '\t') at++; }
static char *string(void) {
  char *start = names + names_used;
  for (at++; *at != '"'; at++) names[names_used++] = *at == '\\' ? *++at : *at;
  names[names_used++] = 0;
  at++;
  return start;
}
static double number(void) {
  double value = 0, place = 1;
  int negative = *at == '-';
  at += negative;
  for (; *at >= '0' && *at <= '9'; at++) value = value * 10 + *at - '0';
  if (*at == '.') for (at++; *at >= '0' && *at <= '9'; at++) value += (*at - '0') * (place /= 10);
  return negative ? -value : value;
}
static struct value *parse(void) {
  struct value *v = &pool[used++], **link = &v->first;
  memset(v, 0, sizeof *v);
  blank();
  switch (*at) {
  case '{':
  case '[': {
    char close = *at == '{' ? '}' : ']';
    v->kind = close;
    for (at++, blank(); *at != close; blank()) {
      char *name = NULL;
      if (close == '}') { name = string(); blank(); at++; }
      *link = parse();
      (*link)->text = name ? name : (*link)->text;
      link = &(*link)->next;
      blank();
      if (*at == ',') at++, blank();
    }
    at++;
    break;
  }
  case '"': v->kind = 's'; v->text = string(); break;
  case 't': v->kind = 't'; at += 4; break;
  case 'n': v->kind = 'n'; at += 4; break;
  default: v->kind = 'd'; v->number = number();
  }
  return v;
}
static double total(const struct value *v) {
  double sum = v->number + v->kind;
  if (v->text) sum += strlen(v->text);
  for (const struct value *each = v->first; each; each = each->next) sum += total(each);
  return sum;
}
int main(void) {
  static char text[1 << 20];
  char *to = text;
  to += sprintf(to, "[");
  for (int i = 0; i < 3000; i++)
    to += sprintf(to, "%s{\"id\": %d, \"name\": \"item \\\"%d\\\"\", \"price\": %d.%02d, \"tags\": [\"a\", \"bc\", true, null], \"size\": {\"w\": %d, \"h\": -%d}}", i ? ",\n" : "", i, i * 7, i % 100, i % 97, i % 13, i % 17);
  sprintf(to, "]");
  double sum = 0;
  for (int r = 0; r < ROUNDS; r++) {
    used = names_used = 0;
    at = text;
    sum += total(parse());
  }
  printf("%.2f\n", sum);
  return 0;
}
