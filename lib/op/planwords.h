/* planwords.h - figures of plans as people read them, by integer arithmetic. */
#ifndef GN_OP_PLANWORDS_H
#define GN_OP_PLANWORDS_H

#include <stdint.h>

/* By value, so that a call can stand among the arguments of printf: gn_plan_size(n).t */
typedef struct gn_planword {
    char t[48];
} gn_planword;

/* "128 MiB" where that is exact, else "1.3 MiB", "127.0 MiB". */
gn_planword gn_plan_size(uint64_t bytes);
/* "0.42 s", "42 s", "12 min 5 s", "1 h 12 min"; rounded up. Microseconds. */
gn_planword gn_plan_duration(uint64_t us);
/* Processor time stays in seconds: "1234 CPU s"; rounded up. */
gn_planword gn_plan_seconds(uint64_t us);
/* Bits a second, decimal: "10 Gbit/s". */
gn_planword gn_plan_bits(uint64_t v);

#endif
