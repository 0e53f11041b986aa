/* A library whose functions return when they are told to, and which says what became of them and of itself. */
#include <stddef.h>
#include <unistd.h>

static int says = -1, waits = -1;

/* The ends of two pipes: what happens is said into the one, and each byte of the other lets one call go on. */
int use(int said, int waited) {
  says = dup(said);
  waits = dup(waited);
  return says < 0 || waits < 0 ? -1 : 0;
}

static void say(char what) {
  while (write(says, &what, 1) == 0)
    ;
}

/* What is passed nothing returns at once. */
static void linger(int passed) {
  char byte;
  if (passed == 0)
    return;
  say('+');
  while (read(waits, &byte, 1) < 0)
    ;
  say('-');
}

int numbers(int number) {
  linger(number);
  return number + 1;
}

int bytes(unsigned char *bytes, size_t size) {
  size_t at;
  linger(bytes[0]);
  for (at = 0; at < size; at++)
    bytes[at]++;
  return (int)size;
}

int asks(int (*function)(int number), int number) {
  linger(number);
  return function(number) + 1;
}

__attribute__((destructor)) static void unloaded(void) {
  if (says >= 0)
    say('u');
}
