/* Integers by their size. */
#ifndef _STDINT_H
#define _STDINT_H
#include <stdint-gcc.h>
#endif
