/* Quicksort of numbers and of strings, written out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifndef ROUNDS
#define ROUNDS 30
#endif
enum { COUNT = 100000 };
static int numbers[COUNT];
static void sort(int *a, int low, int high) {
  while (low < high) {
    int pivot = a[(low + high) / 2], i = low, j = high;
    while (i <= j) {
      while (a[i] < pivot) i++;
      while (a[j] > pivot) j--;
      if (i <= j) { int t = a[i]; a[i++] = a[j]; a[j--] = t; }
    }
    if (j - low < high - i) { sort(a, low, j); low = i; } else { sort(a, i, high); high = j; }
  }
}
int main(void) {
  unsigned x = 7, sum = 0;
  for (int r = 0; r < ROUNDS; r++) {
    for (int i = 0; i < COUNT; i++) numbers[i] = (x = x * 1103515245 + 12345) >> 3;
    sort(numbers, 0, COUNT - 1);
    for (int i = 0; i < COUNT; i += 101) sum = sum * 31 + numbers[i];
  }
  printf("%u\n", sum);
  return 0;
}
