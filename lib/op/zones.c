/* zones.c - see zones.h. */
#include "zones.h"

#include "../kernel/hashtab.h"

#include <stdlib.h>
#include <string.h>

#define KEEP 1024         /* IANA has some 600 names */
#define ZONE_BYTES 16384  /* a zone with daylight saving time, about */
#define NAME_BYTES_MAX 64 /* the longest of IANA has 32; what is longer is looked for in vain */

struct gn_zones {
    gn_budget *budget;
    gn_hashtab *names; /* NULL until the first */
    gn_zone **zone;    /* by the name's number; NULL: none such */
    size_t n, cap;
    size_t charged;
};

gn_zones *gn_zones_new(gn_budget *b, gn_err *e)
{
    gn_zones *z = gn_calloc(1, sizeof *z, e);
    if (z)
        z->budget = b;
    return z;
}

static void forget(gn_zones *z)
{
    gn_hashtab_free(z->names);
    z->names = NULL;
    for (size_t i = 0; i < z->n; i++)
        gn_zone_free(z->zone[i]);
    z->n = 0;
    gn_budget_give(z->budget, z->charged);
    z->charged = 0;
}

void gn_zones_free(gn_zones *z)
{
    if (!z)
        return;
    forget(z);
    free(z->zone);
    free(z);
}

void gn_zones_trim(gn_zones *z)
{
    if (z->n >= KEEP)
        forget(z);
}

/* *zone stays NULL when the name is none of a zone. */
static int open_zone(gn_zones *z, gn_str name, gn_zone **zone, gn_err *e)
{
    char text[NAME_BYTES_MAX + 1];
    gn_err mine = {0};
    memcpy(text, name.p, name.n);
    text[name.n] = '\0';
    if (gn_budget_take(z->budget, ZONE_BYTES, e))
        return -1;
    *zone = gn_zone_open(text, &mine);
    if (*zone) {
        z->charged += ZONE_BYTES;
        return 0;
    }
    gn_budget_give(z->budget, ZONE_BYTES);
    return mine.status == GN_USAGE ? 0 : gn_fail(e, mine.status, "%s", mine.msg);
}

static int add(gn_zones *z, gn_str name, gn_err *e)
{
    if (z->n == z->cap) {
        size_t cap = z->cap ? z->cap * 2 : 64;
        gn_zone **p = gn_realloc(z->zone, cap, sizeof *p, e);
        if (!p)
            return -1;
        z->zone = p;
        z->cap = cap;
    }
    z->zone[z->n] = NULL;
    if (open_zone(z, name, &z->zone[z->n], e))
        return -1;
    z->n++;
    return 0;
}

int gn_zones_find(gn_zones *z, gn_str name, const gn_zone **zone, gn_err *e)
{
    uint32_t number;
    *zone = NULL;
    if (name.n == 0 || name.n > NAME_BYTES_MAX)
        return 0;
    if (!z->names && !(z->names = gn_hashtab_new(z->budget, e)))
        return -1;
    if (gn_hashtab_add(z->names, &name, &number, 1, e))
        return -1;
    if (number == z->n && add(z, name, e)) {
        forget(z); /* or the name would have a number, but no zone */
        return -1;
    }
    *zone = z->zone[number];
    return 0;
}
