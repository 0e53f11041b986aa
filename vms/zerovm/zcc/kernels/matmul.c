/* Products of matrices. */
#include <stdio.h>
#ifndef ROUNDS
#define ROUNDS 12
#endif
enum { N = 256 };
static double a[N][N], b[N][N], c[N][N];
int main(void) {
  double sum = 0;
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) { a[i][j] = (i * 3 + j) % 17; b[i][j] = (i + j * 5) % 13; }
  for (int r = 0; r < ROUNDS; r++) {
    for (int i = 0; i < N; i++)
      for (int j = 0; j < N; j++) {
        double s = 0;
        for (int k = 0; k < N; k++) s += a[i][k] * b[k][j];
        c[i][j] = s;
      }
    a[r % N][3] += 1;
    sum += c[r % N][(r * 7) % N];
  }
  printf("%.3f\n", sum);
  return 0;
}
