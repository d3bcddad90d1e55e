/* pctltab.c - groups, and lists of their values and users.
 *
 * A list grows by chunks of half its length, so that it takes at most half as much again as its
 * items, and nothing is copied or freed on the way. */
#include "pctlpriv.h"

#include "../io/mp.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_LEAST 4
#define CHUNK_MOST 8192 /* items */
#define SLAB_LEAST ((size_t)4 << 10)
#define SLAB_MOST ((size_t)2 << 20) /* a huge page: cells and lists are looked up at random */
#define AHEAD 64                    /* rows that are asked for together */
#define THIN_FROM 4096              /* users in a list before doubled ones are looked for */

struct pctl_chunk {
    pctl_chunk *next;
    uint32_t n, cap;
    _Alignas(16) uint8_t data[];
};

static const size_t item_size[PCTL_LISTS] = {
    [PCTL_NARROW] = 4, [PCTL_WIDE] = 8, [PCTL_MANY] = sizeof(pctl_many), [PCTL_USERS] = 4};

/* ---- memory that is let go all at once ---- */

struct pctl_slab {
    struct pctl_slab *next;
    size_t size, used; /* this included */
};
_Static_assert(sizeof(struct pctl_slab) <= 32, "what is behind it is aligned");

/* 16-aligned, zeroed. */
static void *slab_alloc(const gn_pctl *p, pctl_tab *t, size_t bytes, gn_err *e)
{
    struct pctl_slab *s = t->slab;
    bytes = (bytes + 15) / 16 * 16;
    if (!s || s->size - s->used < bytes) {
        size_t cap = p->o.budget ? p->o.budget->cap / 64 : 0,
               most = cap && cap < SLAB_MOST ? cap / SLAB_LEAST * SLAB_LEAST : SLAB_MOST,
               size = !s                   ? SLAB_LEAST
                      : s->size < most / 2 ? s->size * 2
                                           : most;
        while (size < bytes + 32)
            size *= 2;
        struct pctl_slab *fresh = gn_map(size, p->o.budget, e);
        if (!fresh)
            return NULL;
        *fresh = (struct pctl_slab){t->slab, size, 32};
        s = t->slab = fresh;
    }
    s->used += bytes;
    return (uint8_t *)s + s->used - bytes;
}

static void slabs_release(const gn_pctl *p, pctl_tab *t)
{
    for (struct pctl_slab *s = t->slab, *next; s; s = next) {
        next = s->next;
        gn_unmap(s, s->size, p->o.budget);
    }
    t->slab = NULL;
}

/* Are results put together from several groups? */
static bool joins(const gn_pctl *p)
{
    return p->nviews && !p->o.partial;
}

int pctl_tab_init(const gn_pctl *p, pctl_tab *t, gn_err *e)
{
    gn_budget *b = p->o.budget;
    *t = (pctl_tab){0};
    t->groups = gn_hashtab_new(b, e);
    t->users = t->groups ? gn_hashtab_new(b, e) : NULL;
    if (t->users && joins(p))
        return (t->sets = gn_hashtab_new(b, e)) ? 0 : -1;
    return t->users ? 0 : -1;
}

void pctl_tab_release(const gn_pctl *p, pctl_tab *t)
{
    gn_budget *b = p->o.budget;
    for (size_t i = 0; p->o.approx && i < t->ncells; i++)
        if (t->cell[i]->sums)
            gn_dds_release(&t->cell[i]->sums->sketch);
    free(t->cell);
    free(t->set);
    gn_hashtab_free(t->sets);
    gn_budget_give(b, (t->cells_room + t->sets_room) * sizeof(void *));
    gn_hashtab_free(t->groups);
    gn_hashtab_free(t->users);
    slabs_release(p, t);
    free(t->stamp);
    gn_budget_give(b, t->nstamps * sizeof *t->stamp);
    *t = (pctl_tab){0};
}

/* ---- what a walk will take ---- */

int pctl_tab_reserve(gn_pctl *p, const pctl_tab *t, gn_err *e)
{
    size_t groups = gn_hashtab_count(t->groups) + GN_BATCH,
           users = gn_hashtab_count(t->users) + GN_BATCH, views = joins(p) ? p->nviews : 1;
    /* Of a group there is a list of each kind, none longer than the longest. */
    uint64_t width = t->total[PCTL_WIDE] ? 8 : 4, items = joins(p)     ? t->largest
                                                          : width == 8 ? 2 * t->most
                                                                       : t->most;
    size_t code = t->key_bytes + t->key_bytes / 4 + GN_BATCH * 64 +
                  groups * (9 * p->nbase + (joins(p) ? 44 : 0)),
           want = views * (code + groups * (sizeof(gn_sortkey) + sizeof(size_t))) +
                  groups * sizeof(pctl_cell *) + users * (sizeof(gn_sortkey) + 12) +
                  (items + GN_BATCH) * width + t->total[PCTL_MANY] * sizeof(pctl_many) +
                  ((size_t)1 << 18);
    if (want <= p->reserve)
        return 0;
    want += want / 8;
    if (gn_budget_take(p->o.budget, want - p->reserve, e))
        return -1;
    p->reserve = want;
    return 0;
}

void pctl_reserve_give(gn_pctl *p)
{
    gn_budget_give(p->o.budget, p->reserve);
    p->reserve = 0;
}

/* ---- lists ---- */

/* A chunk with room at the end of a list. */
static pctl_chunk *list_room(const gn_pctl *p, pctl_tab *t, pctl_list *l, size_t item, gn_err *e)
{
    pctl_chunk *c = l->tail;
    if (c && c->n < c->cap)
        return c;
    if (c && c->next) { /* an empty one */
        l->tail = c->next;
        return l->tail;
    }
    size_t cap = l->n / 2 < CHUNK_LEAST  ? CHUNK_LEAST
                 : l->n / 2 > CHUNK_MOST ? CHUNK_MOST
                                         : (l->n / 2 + 7) / 8 * 8;
    pctl_chunk *fresh = slab_alloc(p, t, sizeof *fresh + cap * item, e);
    if (!fresh)
        return NULL;
    *fresh = (pctl_chunk){.cap = (uint32_t)cap};
    if (c)
        c->next = fresh;
    else
        l->head = fresh;
    l->tail = fresh;
    return fresh;
}

static void list_add(pctl_tab *t, pctl_list *l, int kind, const void *item)
{
    pctl_chunk *c = l->tail;
    memcpy(c->data + c->n++ * item_size[kind], item, item_size[kind]);
    t->total[kind]++;
    if (++l->n > t->most)
        t->most = l->n;
}

void *pctl_list_copy(const pctl_list *l, size_t item, void *to)
{
    uint8_t *p = to;
    for (const pctl_chunk *c = l->head; c; c = c->next) {
        memcpy(p, c->data, c->n * item);
        p += c->n * item;
    }
    return p;
}

/* ---- users ---- */

static int stamps_grow(const gn_pctl *p, pctl_tab *t, gn_err *e)
{
    size_t users = gn_hashtab_count(t->users), n = t->nstamps ? t->nstamps : GN_BATCH;
    while (n < users)
        n *= 2;
    if (n == t->nstamps)
        return 0;
    if (gn_budget_take(p->o.budget, (n - t->nstamps) * sizeof *t->stamp, e))
        return -1;
    uint32_t *s = gn_realloc(t->stamp, n, sizeof *s, e);
    if (!s) {
        gn_budget_give(p->o.budget, (n - t->nstamps) * sizeof *t->stamp);
        return -1;
    }
    memset(s + t->nstamps, 0, (n - t->nstamps) * sizeof *s);
    t->stamp = s;
    t->nstamps = n;
    return 0;
}

static uint32_t stamp_next(pctl_tab *t)
{
    if (++t->stamps == 0) {
        memset(t->stamp, 0, t->nstamps * sizeof *t->stamp);
        t->stamps = 1;
    }
    return t->stamps;
}

/* Remove the users that are in a list twice. */
static int thin(const gn_pctl *p, pctl_tab *t, pctl_cell *cell, gn_err *e)
{
    pctl_list *l = &cell->list[PCTL_USERS];
    if (stamps_grow(p, t, e))
        return -1;
    uint32_t now = stamp_next(t);
    pctl_chunk *to = l->head;
    size_t kept = 0;
    for (pctl_chunk *c = l->head; c; c = c->next) {
        uint32_t n = c->n;
        c->n = 0;
        for (uint32_t i = 0; i < n; i++) {
            uint32_t user;
            memcpy(&user, c->data + i * 4, 4);
            if (t->stamp[user] == now)
                continue;
            t->stamp[user] = now;
            if (to->n == to->cap)
                to = to->next;
            memcpy(to->data + to->n++ * 4, &user, 4); /* never beyond what was read */
            kept++;
        }
    }
    l->tail = to;
    t->total[PCTL_USERS] -= l->n - kept;
    l->n = kept;
    cell->users_kept = (uint32_t)kept; /* there are no more users */
    return 0;
}

static bool is_last(const pctl_list *l, uint32_t user)
{
    uint32_t last;
    if (!l->tail || !l->tail->n)
        return false;
    memcpy(&last, l->tail->data + (l->tail->n - 1) * 4, 4);
    return last == user;
}

/* Room for a user, who may be there already (*known). */
static int user_room(const gn_pctl *p, pctl_tab *t, pctl_cell *c, uint32_t user, bool *known,
                     gn_err *e)
{
    pctl_list *l = &c->list[PCTL_USERS];
    *known = is_last(l, user);
    if (*known)
        return 0;
    if (l->n >= THIN_FROM && l->n / 2 >= c->users_kept && l->tail->n == l->tail->cap &&
        thin(p, t, c, e))
        return -1;
    return list_room(p, t, l, 4, e) ? 0 : -1;
}

int pctl_tab_distinct(const gn_pctl *p, pctl_tab *t, pctl_cell *const *cell, size_t n,
                      uint64_t *users, gn_err *e)
{
    *users = 0;
    if (stamps_grow(p, t, e))
        return -1;
    uint32_t now = stamp_next(t);
    for (size_t k = 0; k < n; k++)
        for (const pctl_chunk *c = cell[k]->list[PCTL_USERS].head; c; c = c->next)
            for (uint32_t i = 0; i < c->n; i++) {
                uint32_t user;
                memcpy(&user, c->data + i * 4, 4);
                *users += t->stamp[user] != now;
                t->stamp[user] = now;
            }
    return 0;
}

/* ---- sums ---- */

size_t pctl_sums_size(const gn_pctl *p)
{
    size_t u = offsetof(pctl_sums, u);
    return p->vtype == GN_FLOAT ? sizeof(pctl_sums) : u + sizeof(gn_moments);
}

/* A square `n` times, by doubling. */
static void squares_add(gn_fprod *to, double v, uint64_t n)
{
    if (n == 1) {
        gn_fprod_add(to, v, v);
        return;
    }
    gn_fprod power = {0}, twice;
    gn_fprod_add(&power, v, v);
    for (; n; n >>= 1) {
        if (n & 1)
            (void)gn_fprod_merge(to, &power);
        twice = power;
        if (n > 1)
            (void)gn_fprod_merge(&power, &twice);
    }
}

void pctl_sums_add(const gn_pctl *p, pctl_sums *s, uint64_t key, uint64_t n)
{
    if (!s->n || key < s->min)
        s->min = key;
    if (!s->n || key > s->max)
        s->max = key;
    s->n += n; /* the caller knows that it fits */
    if (p->vtype == GN_INT) {
        (void)gn_moments_add_times(&s->u.i, pctl_int(key), n);
    } else {
        (void)gn_fsum_add_times(&s->u.f.sum, pctl_float(key), n);
        squares_add(&s->u.f.squares, pctl_float(key), n);
    }
}

bool pctl_sums_merge(const gn_pctl *p, pctl_sums *to, const pctl_sums *from)
{
    if (!from->n)
        return true;
    if (!to->n || from->min < to->min)
        to->min = from->min;
    if (!to->n || from->max > to->max)
        to->max = from->max;
    if (__builtin_add_overflow(to->n, from->n, &to->n))
        return false;
    return p->vtype == GN_INT ? gn_moments_merge(&to->u.i, &from->u.i)
                              : gn_fsum_merge(&to->u.f.sum, &from->u.f.sum) &&
                                    gn_fprod_merge(&to->u.f.squares, &from->u.f.squares);
}

int pctl_tab_sums(const gn_pctl *p, pctl_tab *t, pctl_cell *c, gn_err *e)
{
    if (c->sums)
        return 0;
    pctl_sums *s = slab_alloc(p, t, pctl_sums_size(p), e);
    if (!s)
        return -1;
    memset(s, 0, pctl_sums_size(p));
    s->sketch.budget = p->o.budget;
    c->sums = s;
    return 0;
}

/* ---- groups ---- */

/* Room for n pointers in an array that is charged. */
static int grow_pointers(const gn_pctl *p, void **array, size_t *room, size_t n, gn_err *e)
{
    size_t want = *room ? *room : 32;
    while (want < n)
        want *= 2;
    if (want == *room)
        return 0;
    if (gn_budget_take(p->o.budget, (want - *room) * sizeof(void *), e))
        return -1;
    void *fresh = gn_realloc(*array, want, sizeof(void *), e);
    if (!fresh) {
        gn_budget_give(p->o.budget, (want - *room) * sizeof(void *));
        return -1;
    }
    *array = fresh;
    *room = want;
    return 0;
}

/* The count of the set that a group belongs to. */
static uint64_t *set_of(gn_pctl *p, pctl_tab *t, gn_str key, gn_err *e)
{
    gn_buf *b = &p->scratch;
    uint32_t number;
    void *array = t->set;
    b->n = 0;
    if (pctl_set_key(p, key, b, e) ||
        gn_hashtab_add(t->sets, &(gn_str){b->p, (uint32_t)b->n}, &number, 1, e) ||
        grow_pointers(p, &array, &t->sets_room, number + 1u, e))
        return NULL;
    t->set = array;
    for (; t->nsets <= number; t->nsets++) {
        uint64_t *n = slab_alloc(p, t, sizeof *n, e);
        if (!n)
            return NULL;
        *n = 0;
        t->set[t->nsets] = n;
    }
    return t->set[number];
}

/* A cell for each group that has none. */
static int cells_grow(gn_pctl *p, pctl_tab *t, gn_err *e)
{
    size_t n = gn_hashtab_count(t->groups);
    void *array = t->cell;
    if (grow_pointers(p, &array, &t->cells_room, n, e))
        return -1;
    t->cell = array;
    for (; t->ncells < n; t->ncells++) {
        gn_str key = gn_hashtab_key(t->groups, (uint32_t)t->ncells);
        uint64_t *set = joins(p) ? set_of(p, t, key, e) : NULL;
        pctl_cell *c = set || !joins(p) ? slab_alloc(p, t, sizeof *c, e) : NULL;
        if (!c)
            return -1;
        memset(c, 0, sizeof *c);
        c->joined = set;
        t->cell[t->ncells] = c;
        t->key_bytes += key.n;
    }
    return 0;
}

int pctl_tab_groups(gn_pctl *p, pctl_tab *t, const gn_str *key, size_t n, uint32_t *to, gn_err *e)
{
    return gn_hashtab_add(t->groups, key, to, n, e) || cells_grow(p, t, e) ? -1 : 0;
}

int pctl_tab_add(const gn_pctl *p, pctl_tab *t, pctl_cell *c, const pctl_item *x,
                 const uint32_t *user, gn_err *e)
{
    int kind = x->n > 1                                    ? PCTL_MANY
               : p->vtype == GN_INT && pctl_narrow(x->key) ? PCTL_NARROW
                                                           : PCTL_WIDE;
    bool known = true;
    if (user && user_room(p, t, c, *user, &known, e))
        return -1;
    if (x->n && p->o.approx) {
        int32_t bucket =
            p->vtype == GN_INT ? gn_dds_int(pctl_int(x->key)) : gn_dds_float(pctl_float(x->key));
        if (pctl_tab_sums(p, t, c, e) || gn_dds_add(&c->sums->sketch, bucket, e))
            return -1;
        pctl_sums_add(p, c->sums, x->key, x->n);
    } else if (x->n) {
        pctl_many many = {x->key, x->n};
        uint32_t narrow = (uint32_t)x->key;
        if (!list_room(p, t, &c->list[kind], item_size[kind], e))
            return -1;
        list_add(t, &c->list[kind], kind,
                 kind == PCTL_MANY     ? (const void *)&many
                 : kind == PCTL_NARROW ? (const void *)&narrow
                                       : (const void *)&x->key);
    }
    if (!known)
        list_add(t, &c->list[PCTL_USERS], PCTL_USERS, user);
    if (c->joined && ++*c->joined > t->largest) /* at most one item of each kind */
        t->largest = *c->joined;
    c->changed = true;
    return 0;
}

/* The numbers of the users of m rows from `at` on; UINT32_MAX: none. */
static int find_users(gn_pctl *p, pctl_tab *t, const uint16_t *pick, size_t at, size_t m, gn_err *e)
{
    size_t k = 0;
    for (size_t i = 0; i < m; i++) {
        gn_str u = p->user[pick ? pick[at + i] : at + i];
        p->user_number[i] = UINT32_MAX;
        if (u.p[0] != GN_MP_NIL)
            p->some[k++] = u;
    }
    if (gn_hashtab_add(t->users, p->some, p->user_number, k, e))
        return -1;
    for (size_t i = m; i-- > 0;) /* from the front of the array to their rows */
        p->user_number[i] = p->user[pick ? pick[at + i] : at + i].p[0] == GN_MP_NIL
                                ? UINT32_MAX
                                : p->user_number[--k];
    return 0;
}

/* Each step asks for what the next one needs, of n rows. */
static void prefetch(const gn_pctl *p, const pctl_tab *t, const uint32_t *number, size_t n)
{
    for (size_t i = 0; i < n; i++)
        __builtin_prefetch(&t->cell[number[i]]);
    for (size_t i = 0; i < n; i++) {
        const pctl_cell *c = t->cell[number[i]];
        __builtin_prefetch(c); /* it may lie across two lines */
        __builtin_prefetch((const uint8_t *)c + 63);
    }
    for (size_t i = 0; i < n; i++) {
        const pctl_cell *c = t->cell[number[i]];
        __builtin_prefetch(c->list[PCTL_NARROW].tail);
        if (p->users)
            __builtin_prefetch(c->list[PCTL_USERS].tail);
    }
}

int pctl_tab_rows(gn_pctl *p, pctl_tab *t, const uint16_t *pick, size_t n, size_t *done, gn_err *e)
{
    size_t at = *done, m = n - at;
    if (pctl_tab_reserve(p, t, e) || (p->users && find_users(p, t, pick, at, m, e)))
        return -1;
    for (size_t i = 0; i < m; i++)
        p->some[i] = p->key[pick ? pick[at + i] : at + i];
    if (pctl_tab_groups(p, t, p->some, m, p->number, e))
        return -1;
    for (size_t i = 0; i < m; i++, ++*done) {
        if (i % AHEAD == 0)
            prefetch(p, t, p->number + i, m - i < AHEAD ? m - i : AHEAD);
        const pctl_item *x = &p->item[pick ? pick[at + i] : at + i];
        pctl_cell *c = t->cell[p->number[i]];
        bool user = p->users && p->user_number[i] != UINT32_MAX;
        if (pctl_tab_add(p, t, c, x, user ? &p->user_number[i] : NULL, e))
            return -1;
        c->events++;
        c->values += x->n;
    }
    return 0;
}
