/* Shapes of structs, each with an operation: what passes them by value is compiled from here twice,
 * into the library that runs in a VM and into the program that compares. */
#ifndef BY_VALUE_H
#define BY_VALUE_H
#include <stdint.h>

/* SHAPE(name, members, values, more values, equality of `a` and `b`) */
#define SHAPES(SHAPE) \
    SHAPE(one_char, char c;, {-3}, {7}, a.c == b.c) \
    SHAPE(one_double, double d;, {1.5}, {-2.25}, a.d == b.d) \
    SHAPE(two_floats, float x; float y;, {1.5f COMMA 2.5f}, {-1 COMMA 9}, a.x == b.x && a.y == b.y) \
    SHAPE(three_floats, float x; float y; float z;, {1 COMMA 2 COMMA 3}, {4 COMMA 5 COMMA 6}, \
          a.x == b.x && a.y == b.y && a.z == b.z) \
    SHAPE(int_and_float, int i; float f;, {-5 COMMA 0.5f}, {6 COMMA 1}, a.i == b.i && a.f == b.f) \
    SHAPE(double_and_long, double d; long l;, {0.25 COMMA -1}, {3 COMMA 1L << 40}, \
          a.d == b.d && a.l == b.l) \
    SHAPE(long_and_double, long l; double d;, {-9 COMMA 0.125}, {1L << 50 COMMA 2}, \
          a.d == b.d && a.l == b.l) \
    SHAPE(small_mix, short s; unsigned char u; int i; float f;, {-2 COMMA 200 COMMA 3 COMMA 4}, \
          {1 COMMA 255 COMMA -8 COMMA 0}, a.s == b.s && a.u == b.u && a.i == b.i && a.f == b.f) \
    SHAPE(memory, long a1; long a2; long a3;, {1 COMMA -2 COMMA 3}, {4 COMMA 5 COMMA -6}, \
          a.a1 == b.a1 && a.a2 == b.a2 && a.a3 == b.a3) \
    SHAPE(array, unsigned short v[5]; signed char t;, {{1 COMMA 2 COMMA 3 COMMA 4 COMMA 65535} COMMA -1}, \
          {{9} COMMA 1}, a.v[0] == b.v[0] && a.v[1] == b.v[1] && a.v[4] == b.v[4] && a.t == b.t) \
    SHAPE(floats, float v[4];, {{1 COMMA 2 COMMA 3 COMMA 4}}, {{5 COMMA 6 COMMA 7 COMMA 8}}, \
          a.v[0] == b.v[0] && a.v[1] == b.v[1] && a.v[2] == b.v[2] && a.v[3] == b.v[3]) \
    SHAPE(nested, struct { short s; double d; } in; char c;, {{-7 COMMA 0.5} COMMA 'x'}, \
          {{8 COMMA 2} COMMA 'y'}, a.in.s == b.in.s && a.in.d == b.in.d && a.c == b.c) \
    SHAPE(long_double, long double l;, {1.25L}, {-3.5L}, a.l == b.l) \
    SHAPE(long_double_and_int, long double l; int i;, {0.1L COMMA 4}, {9 COMMA -4}, \
          a.l == b.l && a.i == b.i) \
    SHAPE(complex_float, float _Complex z;, {1.5f}, {2}, a.z == b.z) \
    SHAPE(complex_double, double _Complex z;, {1.5}, {2}, a.z == b.z) \
    SHAPE(narrow, int8_t a1; uint16_t a2; int64_t a3;, {-1 COMMA 65535 COMMA INT64_MIN}, \
          {1 COMMA 2 COMMA 3}, a.a1 == b.a1 && a.a2 == b.a2 && a.a3 == b.a3) \
    SHAPE(union_int_double, union { int i; double d; } u;, {{.d = 1.5}}, {{.d = -2}}, a.u.d == b.u.d) \
    SHAPE(union_of_floats, union { float f[2]; double d; } u;, {{.f = {1 COMMA 2}}}, {{.d = 0.1}}, \
          a.u.d == b.u.d) \
    SHAPE(union_beside_float, float x; union { float f; int i; } u;, {1 COMMA {.i = 7}}, \
          {2 COMMA {.f = 8}}, a.x == b.x && a.u.i == b.u.i) \
    SHAPE(union_of_both, union { double d[2]; long l; } u;, {{.d = {1 COMMA 2}}}, \
          {{.d = {-3 COMMA 4}}}, a.u.d[0] == b.u.d[0] && a.u.d[1] == b.u.d[1]) \
    SHAPE(union_in_memory, union { char c[20]; long l; } u;, {{.c = "in memory"}}, {{.c = "too"}}, \
          a.u.c[0] == b.u.c[0] && a.u.c[8] == b.u.c[8]) \
    SHAPE(union_of_letters, union { char c[3]; signed char s; } u; char t;, {{.c = "ab"} COMMA 'c'}, \
          {{.c = "xy"} COMMA 'z'}, a.u.c[0] == b.u.c[0] && a.u.c[1] == b.u.c[1] && a.t == b.t) \
    SHAPE(union_without_a_name, int kind; union { long l; double d; };, {1 COMMA {.d = 0.5}}, \
          {2 COMMA {.l = -6}}, a.kind == b.kind && a.l == b.l) \
    SHAPE(union_of_structs, union { struct { float x; float y; float z; } s; float v[3]; } u;, \
          {{.v = {1 COMMA 2 COMMA 3}}}, {{.v = {4 COMMA 5 COMMA 6}}}, \
          a.u.v[0] == b.u.v[0] && a.u.v[1] == b.u.v[1] && a.u.v[2] == b.u.v[2]) \
    SHAPE(union_of_long_doubles, union { long double l[2]; int i; } u;, {{.l = {1 COMMA 2}}}, \
          {{.l = {3 COMMA -4}}}, a.u.l[0] == b.u.l[0] && a.u.l[1] == b.u.l[1])

#define COMMA ,
#define DECLARE(name, members, one, two, equality) struct name { members };
SHAPES(DECLARE)
#endif
