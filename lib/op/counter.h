/* counter.h - a number with the name under which it stands among the statistics.
 *
 * op/ knows what it counted and app/ how to tell it; functions that fill an array of these say how
 * many there are at most and return how many they filled, in the order in which they are told. */
#ifndef GN_OP_COUNTER_H
#define GN_OP_COUNTER_H

#include <stdint.h>

typedef struct gn_counter {
    const char *name; /* static */
    uint64_t n;
} gn_counter;

#endif
