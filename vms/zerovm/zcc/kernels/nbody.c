/* Planets. */
#include <math.h>
#include <stdio.h>
#ifndef ROUNDS
#define ROUNDS 1500000
#endif
struct body { double x, y, z, vx, vy, vz, mass; };
static struct body b[5];
int main(void) {
  for (int i = 0; i < 5; i++) b[i] = (struct body){i * 5.2, i * i * 1.1 - 3, i * 0.3, 0.01 * i, 0.4 / (i + 1), 0.002 * i, i ? 0.001 * i : 39.4};
  for (int r = 0; r < ROUNDS; r++) {
    for (int i = 0; i < 5; i++)
      for (int j = i + 1; j < 5; j++) {
        double dx = b[i].x - b[j].x, dy = b[i].y - b[j].y, dz = b[i].z - b[j].z;
        double d = dx * dx + dy * dy + dz * dz, m = 0.001 / (d * __builtin_sqrt(d));
        b[i].vx -= dx * b[j].mass * m; b[i].vy -= dy * b[j].mass * m; b[i].vz -= dz * b[j].mass * m;
        b[j].vx += dx * b[i].mass * m; b[j].vy += dy * b[i].mass * m; b[j].vz += dz * b[i].mass * m;
      }
    for (int i = 0; i < 5; i++) { b[i].x += 0.001 * b[i].vx; b[i].y += 0.001 * b[i].vy; b[i].z += 0.001 * b[i].vz; }
  }
  printf("%.9f %.9f\n", b[0].x, b[3].vy);
  return 0;
}
