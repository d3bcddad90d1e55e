/* intsums.c - see intsums.h. */
#include "intsums.h"

#include <stdlib.h>

#define FIRST 256 /* entries */

static int cmp(const void *a, const void *b)
{
    int64_t x = ((const gn_intsum *)a)->key, y = ((const gn_intsum *)b)->key;
    return (x > y) - (x < y);
}

void gn_intsums_end(gn_intsums *t)
{
    size_t n = 1;
    while (n < t->n && t->entry[n - 1].key < t->entry[n].key)
        n++;
    if (n >= t->n)
        return;
    qsort(t->entry, t->n, sizeof *t->entry, cmp);
    n = 1;
    for (size_t i = 1; i < t->n; i++)
        if (t->entry[i].key == t->entry[n - 1].key)
            t->entry[n - 1].sum += t->entry[i].sum;
        else
            t->entry[n++] = t->entry[i];
    t->n = n;
}

int gn_intsums_grow(gn_intsums *t, gn_err *e)
{
    gn_intsums_end(t);
    if (t->room && t->n < t->room / 2)
        return 0;
    size_t more = t->room ? t->room : FIRST;
    if (gn_budget_take(t->budget, more * sizeof *t->entry, e))
        return -1;
    gn_intsum *p = gn_realloc(t->entry, t->room + more, sizeof *p, e);
    if (!p) {
        gn_budget_give(t->budget, more * sizeof *t->entry);
        return -1;
    }
    t->entry = p;
    t->room += more;
    return 0;
}

void gn_intsums_release(gn_intsums *t)
{
    gn_budget_give(t->budget, t->room * sizeof *t->entry);
    free(t->entry);
    *t = (gn_intsums){.budget = t->budget};
}
