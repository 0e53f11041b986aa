/* Sorting in place: quicksort to three parts, heapsort where that goes too deep. */
#include <stdlib.h>
#include <string.h>

typedef int comparison(const void *, const void *);

static void swap(char *left, char *right, size_t size) {
  while (size >= 8) {
    long long kept;
    memcpy(&kept, left, 8);
    __builtin_memcpy(left, right, 8);
    __builtin_memcpy(right, &kept, 8);
    left += 8;
    right += 8;
    size -= 8;
  }
  while (size--) {
    char kept = *left;
    *left++ = *right;
    *right++ = kept;
  }
}

static void sift(char *base, size_t from, size_t count, size_t size, comparison *compare) {
  for (size_t child; (child = 2 * from + 1) < count; from = child) {
    if (child + 1 < count && compare(base + child * size, base + (child + 1) * size) < 0)
      child++;
    if (compare(base + from * size, base + child * size) >= 0)
      return;
    swap(base + from * size, base + child * size, size);
  }
}

static void heapsort(char *base, size_t count, size_t size, comparison *compare) {
  for (size_t from = count / 2; from-- > 0;)
    sift(base, from, count, size, compare);
  while (count-- > 1) {
    swap(base, base + count * size, size);
    sift(base, 0, count, size, compare);
  }
}

static void insertion(char *base, size_t count, size_t size, comparison *compare) {
  for (size_t each = 1; each < count; each++)
    for (char *at = base + each * size; at > base && compare(at - size, at) > 0; at -= size)
      swap(at - size, at, size);
}

static void sort(char *base, size_t count, size_t size, comparison *compare, int depth) {
  while (count > 12) {
    if (depth-- == 0) {
      heapsort(base, count, size, compare);
      return;
    }
    /* The middle of three, put first. */
    char *middle = base + count / 2 * size, *last = base + (count - 1) * size;
    if (compare(middle, base) < 0)
      swap(middle, base, size);
    if (compare(last, middle) < 0) {
      swap(last, middle, size);
      if (compare(middle, base) < 0)
        swap(middle, base, size);
    }
    swap(base, middle, size);
    /* [base, less) below the pivot at `less`, [less, each) equal, [more, end) above. */
    char *less = base, *each = base + size, *more = base + count * size;
    while (each < more) {
      int order = compare(each, less);
      if (order < 0) {
        swap(each, less, size);
        less += size;
        each += size;
      } else if (order > 0) {
        more -= size;
        swap(each, more, size);
      } else
        each += size;
    }
    size_t below = (less - base) / size, above = count - (more - base) / size;
    if (below < above) {
      sort(base, below, size, compare, depth);
      base = more;
      count = above;
    } else {
      sort(more, above, size, compare, depth);
      count = below;
    }
  }
  insertion(base, count, size, compare);
}

void qsort(void *base, size_t count, size_t size, comparison *compare) {
  if (count > 1 && size)
    sort(base, count, size, compare, 2 * (32 - __builtin_clz(count)));
}
