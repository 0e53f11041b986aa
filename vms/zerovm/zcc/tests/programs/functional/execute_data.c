/* Data is not code, wherever it is. */
int main(void) {
  static unsigned char code[64] __attribute__((aligned(32))) = {0xf4};
  ((void (*)(void))code)();
  return 1;
}
