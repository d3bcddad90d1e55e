/* plan.c - see plan.h. */
#include "plan.h"

#include "../base/num.h"

#include <stdlib.h>
#include <string.h>

void gn_plan_free(gn_plan *plan)
{
    if (!plan)
        return;
    for (size_t i = 0; i < plan->nfiles; i++)
        gn_index_release(&plan->file[i]);
    free(plan->file);
    free(plan->run);
    gn_arena_release(&plan->names);
    free(plan);
}

/* The first place to cut of all files at or behind byte `want` of all of them; *base: where its
 * file begins among them. */
static gn_cut find_cut(const gn_plan *p, uint64_t want, uint64_t *base)
{
    *base = 0;
    size_t i = 0;
    while (i + 1 < p->nfiles && want - *base > p->file[i].bytes)
        *base += p->file[i++].bytes;
    const gn_index *x = &p->file[i];
    size_t lo = 0, hi = x->ncuts - 1; /* the answer is within [lo, hi]: the last cut is the end */
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (x->cut[mid].at < want - *base)
            lo = mid + 1;
        else
            hi = mid;
    }
    return x->cut[lo];
}

static int add_run(gn_plan *p, const gn_run *r, gn_err *e)
{
    gn_run *last = p->n ? &p->run[p->n - 1] : NULL;
    if (last && last->whole && r->whole && !r->slice && last->path == r->path &&
        last->hi == r->lo) {
        last->hi = r->hi;
        last->to += r->to;
        return 0;
    }
    gn_run *more = gn_realloc(p->run, p->n + 1, sizeof *more, e);
    if (!more)
        return -1;
    p->run = more;
    p->run[p->n++] = *r;
    return 0;
}

/* What [from, to) has of one file. */
static int add_file(gn_plan *p, const gn_index *x, const char *path, gn_cut from, gn_cut to,
                    gn_err *e)
{
    uint64_t before = 0; /* records of the file before the segment */
    for (size_t i = 0; i < x->nsegments; before += x->segment[i++].records) {
        const gn_indexed *s = &x->segment[i];
        if (s->end <= from.at)
            continue;
        if (s->begin >= to.at)
            break;
        gn_run r = {.path = path,
                    .frames = x->framed ? &x->frames : NULL,
                    .segment = *s,
                    .begins = s->begin >= from.at};
        if (r.begins && s->end <= to.at) {
            r.whole = true;
            r.lo = s->begin;
            r.hi = s->end;
            r.to = s->records;
        } else {
            r.lo = from.at > s->first ? from.at : s->first;
            r.hi = to.at < s->trailer ? to.at : s->trailer;
            r.from = r.begins ? 0 : from.records - before;
            r.to = s->end <= to.at ? s->records : to.records - before;
            if (r.lo >= r.hi) {
                if (!r.begins)
                    continue;
                r.lo = r.hi = s->first;
                r.from = r.to = 0;
            }
        }
        if (add_run(p, &r, e))
            return -1;
    }
    return 0;
}

/* No record of the segment that byte `at` of the file falls in, or of the last one. */
static int add_nothing(gn_plan *p, const gn_index *x, const char *path, uint64_t at, gn_err *e)
{
    size_t i = 0;
    while (i + 1 < x->nsegments && x->segment[i].end <= at)
        i++;
    gn_run r = {.path = path,
                .frames = x->framed ? &x->frames : NULL,
                .segment = x->segment[i],
                .lo = x->segment[i].first,
                .hi = x->segment[i].first};
    return add_run(p, &r, e);
}

int gn_plan_part(gn_plan *p, const char *const *paths, uint64_t part, uint64_t parts, gn_err *e)
{
    uint64_t all = 0, from_base, to_base, base = 0;
    for (size_t i = 0; i < p->nfiles; i++)
        all += p->file[i].bytes;
    gn_cut from = find_cut(p, (uint64_t)((gn_u128)all * (part - 1) / parts), &from_base);
    gn_cut to = find_cut(p, (uint64_t)((gn_u128)all * part / parts), &to_base);
    for (size_t i = 0; i < p->nfiles; base += p->file[i++].bytes) {
        const gn_index *x = &p->file[i];
        gn_cut a = base < from_base   ? (gn_cut){x->bytes, x->records}
                   : base > from_base ? (gn_cut){0, 0}
                                      : from;
        gn_cut b = base > to_base   ? (gn_cut){0, 0}
                   : base < to_base ? (gn_cut){x->bytes, x->records}
                                    : to;
        if (a.at < b.at && add_file(p, x, paths[i], a, b, e))
            return -1;
    }
    base = 0;
    for (size_t i = 0; i < p->nfiles && p->n == 0; base += p->file[i++].bytes)
        if (base == from_base)
            return add_nothing(p, &p->file[i], paths[i], from.at, e);
    return 0;
}

int gn_plan_slice(gn_plan *p, const char *path, uint64_t at, uint64_t n, uint64_t records,
                  gn_err *e)
{
    uint64_t end;
    gn_run r = {.slice = true, .whole = true, .lo = at, .to = records};
    if (!(r.path = gn_arena_strndup(&p->names, path, strlen(path), e)))
        return -1;
    r.hi = __builtin_add_overflow(at, n, &end) ? UINT64_MAX : end;
    return add_run(p, &r, e);
}
