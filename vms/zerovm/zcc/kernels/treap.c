/* A tree that keeps itself in balance by chance. */
#include <stdio.h>
#include <stdlib.h>
#ifndef ROUNDS
#define ROUNDS 1500000
#endif
struct node { struct node *left, *right; unsigned key, weight; };
static struct node *root, *spare;
static unsigned x = 9;
static unsigned chance(void) { return x = x * 1103515245 + 12345, x >> 3; }
static struct node *insert(struct node *n, unsigned key) {
  if (!n) {
    n = spare ? spare : malloc(sizeof *n);
    if (n == spare) spare = n->left;
    *n = (struct node){0, 0, key, chance()};
  } else if (key < n->key) {
    n->left = insert(n->left, key);
    if (n->left->weight > n->weight) { struct node *l = n->left; n->left = l->right; l->right = n; n = l; }
  } else if (key > n->key) {
    n->right = insert(n->right, key);
    if (n->right->weight > n->weight) { struct node *r = n->right; n->right = r->left; r->left = n; n = r; }
  }
  return n;
}
static struct node *join(struct node *l, struct node *r) {
  if (!l) return r;
  if (!r) return l;
  if (l->weight > r->weight) { l->right = join(l->right, r); return l; }
  r->left = join(l, r->left);
  return r;
}
static struct node *erase(struct node *n, unsigned key) {
  if (!n) return n;
  if (key < n->key) n->left = erase(n->left, key);
  else if (key > n->key) n->right = erase(n->right, key);
  else { struct node *j = join(n->left, n->right); n->left = spare; spare = n; return j; }
  return n;
}
int main(void) {
  unsigned sum = 0;
  for (int r = 0; r < ROUNDS; r++) {
    root = insert(root, chance() % 20000);
    if (r & 1) root = erase(root, chance() % 20000);
    sum = sum * 31 + root->key;
  }
  printf("%u\n", sum);
  return 0;
}
