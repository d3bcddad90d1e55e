/* planjob.h - sizes, partitions, hot keys and machines in, a plan out: a function of its inputs.
 *
 * Nothing here looks at files or at the machine (planfacts.h does). Bytes are those of the
 * uncompressed stream; all arithmetic is in integers, checked: what is beyond 64 bits is GN_USAGE.
 * Divisions round up unless it says otherwise. Rules are those of gn-plan(1), which gives the
 * formula of every figure. */
#ifndef GN_OP_PLANJOB_H
#define GN_OP_PLANJOB_H

#include "planrates.h"

#define GN_PLAN_PARTITIONS_MAX 65536
#define GN_PLAN_HOSTS_MAX 10000
#define GN_PLAN_RANGE ((uint64_t)64 << 20) /* bytes of input that one process reads */
#define GN_PLAN_RANGES_MAX 256
#define GN_PLAN_FILTER_MIN ((uint64_t)16 << 20)  /* the least -m */
#define GN_PLAN_PIPE 3                           /* filters with -m in the widest pipe of the job */
#define GN_PLAN_PIPE_USUAL ((uint64_t)768 << 20) /* the sum of -m in it, if nothing needs more */
#define GN_PLAN_HELD 2 /* bytes that a sort or a hash table holds for one of the stream */
#define GN_PLAN_SKEW 3 /* times the median of the partitions that are not empty */

/* One of the two inputs. */
typedef struct gn_planside {
    uint64_t bytes, rows; /* of the stream; rows 0: unknown */
    uint64_t disk;        /* bytes as it is on disk */
    bool ordered;         /* by the key */
} gn_planside;

typedef struct gn_planpart {
    char *path;
    int64_t number; /* as in its name; -1: none */
    uint64_t bytes, rows;
    bool hashed;       /* a range of hashes of the key: */
    uint64_t lo, hi;   /* inclusive */
    uint64_t distinct; /* keys, at most about so many; 0: unknown */
} gn_planpart;

typedef struct gn_planhot {
    uint64_t bytes;
    uint64_t hash; /* of the key: where it is placed */
} gn_planhot;

typedef struct gn_planin {
    gn_planside events, metadata; /* metadata.bytes 0: there is nothing to join */
    size_t nparts;                /* partitions that exist already; 0: not yet */
    const gn_planpart *part;      /* in order of number */
    bool adjacent;                /* neighbours can be joined: they are ranges */
    size_t nhot;
    const gn_planhot *hot; /* descending by bytes */
    size_t nhosts;         /* at least 1 */
    const uint64_t *cores; /* of each host, at least 1 */
    uint64_t memory;       /* for filters, on each host */
    uint64_t temp;         /* room for temporary files on each; UINT64_MAX: unknown */
    uint64_t network;      /* bits a second between hosts */
    uint64_t disk;         /* bytes a second that a host's disk reads and writes */
    uint64_t target;       /* bytes of a partition */
    uint64_t deadline;     /* microseconds; 0: none */
    /* Given, not planned; 0: to be planned. */
    uint64_t partitions, ranges, metadata_ranges, jobs /* on each host */,
        filter /* -m of a filter */;
    const gn_planrates *rates;
} gn_planin;

enum gn_planjoin {
    GN_PLAN_JOIN_NONE,
    GN_PLAN_JOIN_MERGE,      /* both are in order of the key */
    GN_PLAN_JOIN_BROADCAST,  /* the right side is a hash table in every job */
    GN_PLAN_JOIN_PARTITIONS, /* both are placed by the key; a hash table for each partition */
    GN_PLAN_JOIN_GRACE       /* the same, but a partition's table does not fit: it spills */
};

typedef struct gn_planphasetime {
    uint64_t cpu;   /* all processes */
    uint64_t procs; /* processes that can share it */
    uint64_t even;  /* cpu / procs */
    uint64_t alone; /* what one process has to do by itself; 0: nothing in particular */
    uint64_t disk;  /* for the disk of the largest host */
    uint64_t wall;  /* the greatest of these three */
} gn_planphasetime;

typedef struct gn_plansplit {
    size_t part;
    uint64_t hot;    /* bytes of its hot keys, which no split divides */
    uint64_t pieces; /* 1: a split would not help */
} gn_plansplit;

typedef struct gn_planmerge {
    size_t first, last; /* partitions, neighbours */
    uint64_t bytes;
} gn_planmerge;

/* All that was found; release with gn_planjob_release. */
typedef struct gn_planjob {
    uint64_t cores, widest; /* of all hosts, of the largest */
    uint64_t by_size;       /* partitions that the size asks for */
    uint64_t wanted;        /* partitions by the rule */
    uint64_t partitions, ranges, metadata_ranges, files;
    uint64_t even, largest; /* bytes of a partition: on average, of the largest */
    uint64_t total;         /* bytes of events and metadata */
    /* memory */
    uint64_t share;             /* of a job on the largest host */
    uint64_t need;              /* to sort the largest partition */
    uint64_t job;               /* the sum of -m in a pipe */
    uint64_t filter;            /* -m of each of GN_PLAN_PIPE filters; whole MiB, as is `job` */
    uint64_t jobs_widest, jobs; /* on the largest host, on all */
    /* disk, on the largest host */
    uint64_t parts_bytes, sorted_bytes, spill_bytes, temp;
    uint64_t spilled; /* bytes of partitions that do not fit the memory, on all hosts */
    bool fits;
    /* join */
    enum gn_planjoin join;
    uint64_t table, part_table; /* bytes of a hash table of all, of a partition, of metadata */
    uint64_t join_memory;       /* -m of gn-join */
    bool join_assumed;          /* the rates have no gn-join: counted as a gn-sort */
    uint64_t sends,
        broadcast_sends; /* bytes over each link: placing by key; sending metadata to all */
    /* skew */
    size_t nonempty;
    uint64_t median, skewed_above;
    size_t nsplits;
    gn_plansplit *split;
    size_t nmerges;
    gn_planmerge *merge;
    uint64_t *salt; /* factor of each hot key */
    /* time */
    gn_planphasetime phase[GN_PLAN_PHASES];
    uint64_t network, wall, cpu;
    bool met;
    uint64_t hosts_needed; /* to meet the deadline; 0: no number would */
    uint64_t hosts_wall;   /* what it takes with those */
} gn_planjob;

/* Zeroed `p`; to be released in every case. */
int gn_planjob_compute(gn_planjob *p, const gn_planin *in, gn_err *e);
void gn_planjob_release(gn_planjob *p); /* idempotent */

#endif
