/* The kernels: each computes one step for a whole batch. Operands are vectors or constants (see
 * ex_step.mask); inside a loop there is no branch on types, and no allocation but for the strings
 * that lower(), upper(), hash() and matches make, whose buffer is grown before their loop. */
#include "expr_priv.h"

#include "../base/civil.h"
#include "../base/hash.h"
#include "../base/num.h"
#include "../io/mp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)
#define KERNEL(name) int name(ex_step *s, const gn_batch *b, size_t n, gn_err *e)
#define UNUSED_BATCH (void)b, (void)e

/* ---- fields ---- */

KERNEL(ex_k_field)
{
    const gn_vec *c = &b->col[s->field];

    if ((c->what & GN_VALUE) == 0)
        return gn_fail(e, GN_BUG, "field '%s' was not asked for", s->name);
    if (s->type == GN_BOOL) {
        for (size_t i = 0; i < n; i++)
            s->b[i] = c->null[i] ? 1 : c->i[i] ? 2 : 0;
        return 0;
    }
    s->v.null = c->null;
    s->v.i = c->i;
    s->v.f = c->f;
    s->v.s = c->s;
    return 0;
}

/* ---- logic: bytes 0 false, 1 null, 2 true ---- */

KERNEL(ex_k_not)
{
    const uint8_t *x = s->arg[0]->b;

    UNUSED_BATCH;
    for (size_t i = 0; i < n; i++)
        s->b[i] = (uint8_t)(2 - x[i]);
    return 0;
}

KERNEL(ex_k_and)
{
    const uint8_t *x = s->arg[0]->b, *y = s->arg[1]->b;
    size_t mx = s->arg[0]->mask, my = s->arg[1]->mask;

    UNUSED_BATCH;
    for (size_t i = 0; i < n; i++) {
        uint8_t p = x[i & mx], q = y[i & my];
        s->b[i] = p < q ? p : q;
    }
    return 0;
}

KERNEL(ex_k_or)
{
    const uint8_t *x = s->arg[0]->b, *y = s->arg[1]->b;
    size_t mx = s->arg[0]->mask, my = s->arg[1]->mask;

    UNUSED_BATCH;
    for (size_t i = 0; i < n; i++) {
        uint8_t p = x[i & mx], q = y[i & my];
        s->b[i] = p > q ? p : q;
    }
    return 0;
}

KERNEL(ex_k_isnull)
{
    const ex_step *a = s->arg[0];
    const uint8_t *v = a->type == GN_BOOL ? a->b : a->v.null; /* 1 is null in both */
    uint8_t yes = s->neg ? 0 : 2;

    UNUSED_BATCH;
    for (size_t i = 0; i < n; i++)
        s->b[i] = (uint8_t)(v[i] == 1 ? yes : 2 - yes);
    return 0;
}

/* ---- comparison ---- */

/* c < 0, = 0, > 0 against the set of accepted outcomes. */
static inline uint8_t verdict(int op, int c, uint8_t null)
{
    int bit = c < 0 ? EX_LT : c > 0 ? EX_GT : EX_EQ;

    return null ? 1 : (op & bit) ? 2 : 0;
}

#define COMPARE_LOOP(outcome)                                                                      \
    const ex_step *p = s->arg[0], *q = s->arg[1];                                                  \
    const uint8_t *np = p->v.null, *nq = q->v.null;                                                \
    size_t mp = p->mask, mq = q->mask;                                                             \
    UNUSED_BATCH;                                                                                  \
    for (size_t i = 0; i < n; i++)                                                                 \
        s->b[i] = verdict(s->op, (outcome), np[i & mp] | nq[i & mq]);                              \
    return 0

KERNEL(ex_k_cmp_ii)
{
    const int64_t *x = s->arg[0]->v.i, *y = s->arg[1]->v.i;

    COMPARE_LOOP((x[i & mp] > y[i & mq]) - (x[i & mp] < y[i & mq]));
}

KERNEL(ex_k_cmp_ff)
{
    const double *x = s->arg[0]->v.f, *y = s->arg[1]->v.f;

    COMPARE_LOOP((x[i & mp] > y[i & mq]) - (x[i & mp] < y[i & mq]));
}

/* Exact: the float is split into its whole part, which fits an int or decides, and the rest. */
static int int_float(int64_t x, double y)
{
    if (y >= 0x1p63)
        return -1;
    if (y < -0x1p63)
        return 1;
    double whole = trunc(y);
    int64_t w = (int64_t)whole;
    if (x != w)
        return x < w ? -1 : 1;
    return (whole > y) - (whole < y);
}

KERNEL(ex_k_cmp_if)
{
    const int64_t *x = s->arg[0]->v.i;
    const double *y = s->arg[1]->v.f;

    COMPARE_LOOP(int_float(x[i & mp], y[i & mq]));
}

static int str_compare(gn_str x, gn_str y)
{
    size_t n = x.n < y.n ? x.n : y.n;
    int c = n == 0 ? 0 : memcmp(x.p, y.p, n);

    return c != 0 ? c : (x.n > y.n) - (x.n < y.n);
}

KERNEL(ex_k_cmp_ss)
{
    const gn_str *x = s->arg[0]->v.s, *y = s->arg[1]->v.s;

    COMPARE_LOOP(str_compare(x[i & mp], y[i & mq]));
}

/* A column of ints, times or dates against a constant: the common filter, one loop an operator. */
KERNEL(ex_k_cmp_ic)
{
    const int64_t *x = s->arg[0]->v.i, c = s->arg[1]->v.i[0];
    const uint8_t *null = s->arg[0]->v.null;
    uint8_t *r = s->b;

    UNUSED_BATCH;
    if (s->arg[1]->v.null[0]) {
        memset(r, 1, n);
        return 0;
    }
#define LOOP(op)                                                                                   \
    for (size_t i = 0; i < n; i++)                                                                 \
    r[i] = (uint8_t)(((x[i] op c) << 1 & (null[i] - 1)) | null[i])
    switch (s->op) {
    case EX_LT:
        LOOP(<);
        break;
    case EX_LE:
        LOOP(<=);
        break;
    case EX_GT:
        LOOP(>);
        break;
    case EX_GE:
        LOOP(>=);
        break;
    case EX_EQ:
        LOOP(==);
        break;
    default:
        LOOP(!=);
        break;
    }
#undef LOOP
    return 0;
}

static bool str_equal(gn_str x, gn_str y)
{
    return x.n == y.n && (x.n == 0 || memcmp(x.p, y.p, x.n) == 0);
}

/* A text of 4 to 16 bytes to compare many with, by its first and last bytes, `half` of them each.
 * Which ones are equal cannot be foreseen, so that is found out without a jump: one of another
 * length is not looked at, the text itself is in its place. */
typedef struct needle {
    gn_str s;
    uint64_t first, last;
    uint32_t half; /* 4 or 8 */
} needle;

static bool needle_init(needle *k, gn_str s)
{
    *k = (needle){.s = s, .half = s.n < 8 ? 4 : 8};
    if (s.n < 4 || s.n > 16)
        return false;
    memcpy(&k->first, s.p, k->half);
    memcpy(&k->last, s.p + s.n - k->half, k->half);
    return true;
}

static inline bool needle_equal(const needle *k, gn_str x)
{
    const uint8_t *p = x.n == k->s.n ? x.p : k->s.p;
    bool inside;
    if (k->half == 8) {
        uint64_t a, b;
        memcpy(&a, p, 8);
        memcpy(&b, p + k->s.n - 8, 8);
        inside = ((a ^ k->first) | (b ^ k->last)) == 0;
    } else {
        uint32_t a, b;
        memcpy(&a, p, 4);
        memcpy(&b, p + k->s.n - 4, 4);
        inside = ((a ^ (uint32_t)k->first) | (b ^ (uint32_t)k->last)) == 0;
    }
    return (x.n == k->s.n) & inside;
}

KERNEL(ex_k_eq_sc)
{
    const gn_str *x = s->arg[0]->v.s, c = s->arg[1]->v.s[0];
    const uint8_t *null = s->arg[0]->v.null;
    bool same = s->op == EX_EQ;
    needle k;

    UNUSED_BATCH;
    if (s->arg[1]->v.null[0]) {
        memset(s->b, 1, n);
        return 0;
    }
    if (needle_init(&k, c))
        for (size_t i = 0; i < n; i++) {
            uint8_t hit = needle_equal(&k, x[i]) == same ? 2 : 0;
            s->b[i] = null[i] ? 1 : hit;
        }
    else
        for (size_t i = 0; i < n; i++)
            s->b[i] = null[i] ? 1 : str_equal(x[i], c) == same ? 2 : 0;
    return 0;
}

KERNEL(ex_k_cmp_bb)
{
    const ex_step *p = s->arg[0], *q = s->arg[1];

    UNUSED_BATCH;
    for (size_t i = 0; i < n; i++) {
        uint8_t x = p->b[i & p->mask], y = q->b[i & q->mask];
        s->b[i] = verdict(s->op, (x > y) - (x < y), x == 1 || y == 1);
    }
    return 0;
}

/* ---- in ---- */

static int order_i(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static int order_f(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static int order_s(const void *a, const void *b) /* by length first: most misses end there */
{
    const gn_str *x = a, *y = b;

    if (x->n != y->n)
        return x->n < y->n ? -1 : 1;
    return x->n == 0 ? 0 : memcmp(x->p, y->p, x->n);
}

void ex_set_sort(ex_set *s)
{
    if (s->n == 0)
        return;
    if (s->i != NULL)
        qsort(s->i, s->n, sizeof *s->i, order_i);
    if (s->f != NULL)
        qsort(s->f, s->n, sizeof *s->f, order_f);
    if (s->s != NULL)
        qsort(s->s, s->n, sizeof *s->s, order_s);
}

#define FEW 8 /* up to here a plain search is the fastest */

#define IN_LOOP(found)                                                                             \
    const uint8_t *null = s->arg[0]->v.null;                                                       \
    const ex_set *set = &s->set;                                                                   \
    uint8_t yes = s->neg ? 0 : 2, no = set->null ? 1 : (uint8_t)(2 - yes);                         \
    UNUSED_BATCH;                                                                                  \
    for (size_t i = 0; i < n; i++)                                                                 \
        s->b[i] = null[i] ? 1 : (found) ? yes : no;                                                \
    return 0

static bool in_i(const ex_set *set, int64_t v)
{
    if (set->n > FEW)
        return bsearch(&v, set->i, set->n, sizeof v, order_i) != NULL;
    bool hit = false;
    for (size_t k = 0; k < set->n; k++)
        hit |= set->i[k] == v;
    return hit;
}

KERNEL(ex_k_in_i)
{
    const int64_t *x = s->arg[0]->v.i;

    IN_LOOP(in_i(set, x[i]));
}

KERNEL(ex_k_in_f)
{
    const double *x = s->arg[0]->v.f;

    IN_LOOP(set->n > 0 && bsearch(&x[i], set->f, set->n, sizeof *x, order_f) != NULL);
}

static bool in_s(const ex_set *set, gn_str v)
{
    if (set->n > FEW)
        return bsearch(&v, set->s, set->n, sizeof v, order_s) != NULL;
    for (size_t k = 0; k < set->n; k++)
        if (str_equal(set->s[k], v))
            return true;
    return false;
}

KERNEL(ex_k_in_s)
{
    const gn_str *x = s->arg[0]->v.s;

    IN_LOOP(in_s(set, x[i]));
}

/* ---- patterns ---- */

int ex_like_init(ex_like *l, gn_str pattern, gn_arena *a, gn_err *e)
{
    uint8_t *body = gn_arena_alloc(a, pattern.n, e), *kind = gn_arena_alloc(a, pattern.n, e);
    uint32_t n = 0, lead = 0, many = 0, one = 0;

    if (body == NULL || kind == NULL)
        return -1;
    for (uint32_t i = 0; i < pattern.n; i++) {
        uint8_t c = pattern.p[i], k = c == '%' || c == '_' ? c : 0;
        if (c == '\\' && i + 1 < pattern.n) {
            c = pattern.p[++i];
        } else if (k == '%' && n > 0 && kind[n - 1] == '%') {
            continue;
        }
        many += k == '%';
        one += k == '_';
        kind[n] = k;
        body[n++] = c;
    }
    bool first = n > 0 && kind[0] == '%', last = n > 0 && kind[n - 1] == '%';
    l->how = EX_LIKE_ANY;
    if (one == 0 && many == 0) {
        l->how = EX_LIKE_EXACT;
    } else if (one == 0 && many == 1 && (first || last)) {
        l->how = last ? EX_LIKE_PREFIX : EX_LIKE_SUFFIX;
        lead = last ? 0 : 1;
        n--;
    } else if (one == 0 && many == 2 && first && last) {
        l->how = EX_LIKE_WITHIN;
        lead = 1;
        n -= 2;
    }
    l->body = (gn_str){.p = body + lead, .n = n};
    l->kind = kind;
    return 0;
}

/* The end of the character at i: UTF-8 continuation bytes are 10xxxxxx. */
static uint32_t char_end(gn_str v, uint32_t i)
{
    for (i++; i < v.n && (v.p[i] & 0xc0) == 0x80; i++)
        ;
    return i;
}

/* On a mismatch only the last % need try again, one character later: what matched before it was
 * matched as early as possible. */
static bool like_any(const ex_like *l, gn_str v)
{
    uint32_t i = 0, k = 0, retry_i = 0, retry_k = UINT32_MAX;

    while (i < v.n) {
        if (k < l->body.n && l->kind[k] == '%') {
            retry_k = k++;
            retry_i = i;
        } else if (k < l->body.n && l->kind[k] == '_') {
            i = char_end(v, i);
            k++;
        } else if (k < l->body.n && l->body.p[k] == v.p[i]) {
            i++;
            k++;
        } else if (retry_k != UINT32_MAX) {
            k = retry_k + 1;
            i = retry_i = char_end(v, retry_i);
        } else {
            return false;
        }
    }
    while (k < l->body.n && l->kind[k] == '%')
        k++;
    return k == l->body.n;
}

static bool like(const ex_like *l, gn_str v)
{
    gn_str c = l->body;

    switch (l->how) {
    case EX_LIKE_EXACT:
        return str_equal(v, c);
    case EX_LIKE_PREFIX:
        return v.n >= c.n && (c.n == 0 || memcmp(v.p, c.p, c.n) == 0);
    case EX_LIKE_SUFFIX:
        return v.n >= c.n && (c.n == 0 || memcmp(v.p + (v.n - c.n), c.p, c.n) == 0);
    case EX_LIKE_WITHIN:
        return c.n == 0 || (v.n >= c.n && memmem(v.p, v.n, c.p, c.n) != NULL);
    default:
        return like_any(l, v);
    }
}

KERNEL(ex_k_like)
{
    const gn_str *x = s->arg[0]->v.s;
    const uint8_t *null = s->arg[0]->v.null;
    uint8_t yes = s->neg ? 0 : 2;

    UNUSED_BATCH;
    for (size_t i = 0; i < n; i++)
        s->b[i] = null[i] ? 1 : like(&s->like, x[i]) ? yes : (uint8_t)(2 - yes);
    return 0;
}

static size_t longest(const gn_str *x, size_t n)
{
    size_t most = 0;

    for (size_t i = 0; i < n; i++)
        most = x[i].n > most ? x[i].n : most;
    return most;
}

KERNEL(ex_k_matches)
{
    const gn_str *x = s->arg[0]->v.s;
    const uint8_t *null = s->arg[0]->v.null;
    uint8_t yes = s->neg ? 0 : 2;

    (void)b;
    s->scratch.n = 0;
    if (gn_buf_reserve(&s->scratch, longest(x, n) + 1, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (null[i]) {
            s->b[i] = 1;
            continue;
        }
        if (x[i].n > 0)
            memcpy(s->scratch.p, x[i].p, x[i].n);
        s->scratch.p[x[i].n] = '\0';
        int rc = regexec(s->regex, (const char *)s->scratch.p, 0, NULL, 0);
        if (rc != 0 && rc != REG_NOMATCH)
            return gn_fail(e, GN_IO, "out of memory for a pattern of 'matches'");
        s->b[i] = rc == 0 ? yes : (uint8_t)(2 - yes);
    }
    return 0;
}

/* ---- arithmetic: no result where there is none in the type ---- */

#define INT_LOOP(fails)                                                                            \
    const ex_step *p = s->arg[0], *q = s->arg[1];                                                  \
    const int64_t *px = p->v.i, *qx = q->v.i;                                                      \
    const uint8_t *np = p->v.null, *nq = q->v.null;                                                \
    size_t mp = p->mask, mq = q->mask;                                                             \
    UNUSED_BATCH;                                                                                  \
    for (size_t i = 0; i < n; i++) {                                                               \
        int64_t x = px[i & mp], y = qx[i & mq], r = 0;                                             \
        uint8_t null = np[i & mp] | nq[i & mq];                                                    \
        null |= (fails);                                                                           \
        s->v.i[i] = null ? 0 : r;                                                                  \
        s->v.null[i] = null;                                                                       \
    }                                                                                              \
    return 0

KERNEL(ex_k_add_i)
{
    INT_LOOP(__builtin_add_overflow(x, y, &r));
}

KERNEL(ex_k_sub_i)
{
    INT_LOOP(__builtin_sub_overflow(x, y, &r));
}

KERNEL(ex_k_mul_i)
{
    INT_LOOP(__builtin_mul_overflow(x, y, &r));
}

/* The remainder has the sign of the dividend. */
static bool mod(int64_t x, int64_t y, int64_t *r)
{
    if (y == 0)
        return true;
    *r = y == -1 ? 0 : x % y; /* INT64_MIN % -1 traps */
    return false;
}

KERNEL(ex_k_mod_i)
{
    INT_LOOP(mod(x, y, &r));
}

static int64_t floor_div(int64_t a, int64_t d) /* d > 0 */
{
    return a / d - (a % d < 0);
}

static bool time_plus(int64_t t, int64_t ms, bool minus, int64_t *r)
{
    int64_t us;

    return __builtin_mul_overflow(ms, INT64_C(1000), &us) ||
           (minus ? __builtin_sub_overflow(t, us, r) : __builtin_add_overflow(t, us, r)) ||
           *r < GN_TIME_MIN || *r > GN_TIME_MAX;
}

/* Parts of days fall to the day before, in the direction of the past. */
static bool date_plus(int64_t day, int64_t ms, bool minus, int64_t *r)
{
    int64_t d = floor_div(ms, DAY_MS);

    if (minus)
        d = -d - (ms % DAY_MS != 0);
    return __builtin_add_overflow(day, d, r) || *r < GN_DAY_MIN || *r > GN_DAY_MAX;
}

static bool time_minus(int64_t x, int64_t y, int64_t *r)
{
    if (__builtin_sub_overflow(x, y, r))
        return true;
    *r = floor_div(*r, 1000);
    return false;
}

static bool date_minus(int64_t x, int64_t y, int64_t *r)
{
    return __builtin_sub_overflow(x, y, r) || __builtin_mul_overflow(*r, DAY_MS, r);
}

KERNEL(ex_k_time_add)
{
    INT_LOOP(time_plus(x, y, false, &r));
}

KERNEL(ex_k_time_sub)
{
    INT_LOOP(time_plus(x, y, true, &r));
}

KERNEL(ex_k_date_add)
{
    INT_LOOP(date_plus(x, y, false, &r));
}

KERNEL(ex_k_date_sub)
{
    INT_LOOP(date_plus(x, y, true, &r));
}

KERNEL(ex_k_time_diff)
{
    INT_LOOP(time_minus(x, y, &r));
}

KERNEL(ex_k_date_diff)
{
    INT_LOOP(date_minus(x, y, &r));
}

#define INT_ONE_LOOP(fails)                                                                        \
    const int64_t *px = s->arg[0]->v.i;                                                            \
    const uint8_t *np = s->arg[0]->v.null;                                                         \
    UNUSED_BATCH;                                                                                  \
    for (size_t i = 0; i < n; i++) {                                                               \
        int64_t x = px[i], r = 0;                                                                  \
        uint8_t null = np[i];                                                                      \
        null |= (fails);                                                                           \
        s->v.i[i] = null ? 0 : r;                                                                  \
        s->v.null[i] = null;                                                                       \
    }                                                                                              \
    return 0

KERNEL(ex_k_neg_i)
{
    INT_ONE_LOOP(__builtin_sub_overflow(INT64_C(0), x, &r));
}

KERNEL(ex_k_abs_i)
{
    INT_ONE_LOOP(x < 0 ? __builtin_sub_overflow(INT64_C(0), x, &r) : (r = x, false));
}

/* Stream floats are finite and never -0. */
#define PUT_FLOAT(value, isnull)                                                                   \
    do {                                                                                           \
        double put_ = (value) + 0.0;                                                               \
        uint8_t null_ = (isnull) | !isfinite(put_);                                                \
        s->v.f[i] = null_ ? 0 : put_;                                                              \
        s->v.null[i] = null_;                                                                      \
    } while (0)

#define FLOAT_LOOP(value)                                                                          \
    const ex_step *p = s->arg[0], *q = s->arg[1];                                                  \
    const double *px = p->v.f, *qx = q->v.f;                                                       \
    const uint8_t *np = p->v.null, *nq = q->v.null;                                                \
    size_t mp = p->mask, mq = q->mask;                                                             \
    UNUSED_BATCH;                                                                                  \
    for (size_t i = 0; i < n; i++) {                                                               \
        double x = px[i & mp], y = qx[i & mq];                                                     \
        PUT_FLOAT(value, np[i & mp] | nq[i & mq]);                                                 \
    }                                                                                              \
    return 0

KERNEL(ex_k_add_f)
{
    FLOAT_LOOP(x + y);
}

KERNEL(ex_k_sub_f)
{
    FLOAT_LOOP(x - y);
}

KERNEL(ex_k_mul_f)
{
    FLOAT_LOOP(x * y);
}

KERNEL(ex_k_div_f)
{
    FLOAT_LOOP(y == 0 ? (double)NAN : x / y);
}

KERNEL(ex_k_div_i)
{
    const ex_step *p = s->arg[0], *q = s->arg[1];

    UNUSED_BATCH;
    for (size_t i = 0; i < n; i++) {
        int64_t x = p->v.i[i & p->mask], y = q->v.i[i & q->mask];
        uint8_t null = p->v.null[i & p->mask] | q->v.null[i & q->mask] | (y == 0);
        double r = 0;
        if (!null)
            r = y > 0 ? gn_ratio(x, (gn_u128)y) : gn_ratio(-(gn_i128)x, -(gn_u128)y);
        PUT_FLOAT(r, null);
    }
    return 0;
}

#define FLOAT_ONE_LOOP(type, from, value)                                                          \
    const type *px = s->arg[0]->v.from;                                                            \
    const uint8_t *np = s->arg[0]->v.null;                                                         \
    UNUSED_BATCH;                                                                                  \
    for (size_t i = 0; i < n; i++) {                                                               \
        type x = px[i];                                                                            \
        PUT_FLOAT(value, np[i]);                                                                   \
    }                                                                                              \
    return 0

KERNEL(ex_k_neg_f)
{
    FLOAT_ONE_LOOP(double, f, -x);
}

KERNEL(ex_k_abs_f)
{
    FLOAT_ONE_LOOP(double, f, fabs(x));
}

KERNEL(ex_k_float)
{
    FLOAT_ONE_LOOP(int64_t, i, (double)x);
}

/* ---- dates and times ---- */

KERNEL(ex_k_midnight)
{
    const int64_t *x = s->arg[0]->v.i;
    const uint8_t *null = s->arg[0]->v.null;
    int64_t day = 0, us = s->zone == NULL ? 0 : gn_zone_to_utc(s->zone, 0);

    UNUSED_BATCH;
    for (size_t i = 0; i < n; i++) {
        uint8_t none = null[i] | (x[i] < GN_DAY_MIN) | (x[i] > GN_DAY_MAX);
        if (!none && x[i] != day) {
            day = x[i];
            us = day * GN_DAY_US;
            if (s->zone != NULL)
                us = gn_zone_to_utc(s->zone, us);
        }
        s->v.i[i] = none ? 0 : us;
        s->v.null[i] = none;
    }
    return 0;
}

KERNEL(ex_k_date)
{
    const int64_t *x = s->arg[0]->v.i;
    const uint8_t *null = s->arg[0]->v.null;
    int64_t *r = s->v.i;

    UNUSED_BATCH;
    if (s->zone != NULL) {
        gn_zone_days(s->zone, x, r, n);
    } else {
        for (size_t i = 0; i < n; i++)
            r[i] = gn_day_of_us(x[i]);
    }
    for (size_t i = 0; i < n; i++)
        r[i] = null[i] ? 0 : r[i];
    memcpy(s->v.null, null, n);
    return 0;
}

KERNEL(ex_k_week)
{
    INT_ONE_LOOP((r = gn_week_start(x), false));
}

KERNEL(ex_k_month)
{
    const int64_t *x = s->arg[0]->v.i;
    const uint8_t *null = s->arg[0]->v.null;
    int64_t first = 0, next = 0; /* days of the month that `last` is */
    gn_str last = {.p = (const uint8_t *)"", .n = 0};

    UNUSED_BATCH;
    for (size_t i = 0; i < n; i++) {
        uint8_t none = null[i] | (x[i] < GN_DAY_MIN) | (x[i] > GN_DAY_MAX);
        if (!none && (x[i] < first || x[i] >= next)) {
            int64_t m = gn_month_of_day(x[i]);
            char text[GN_TIME_TEXT];
            first = gn_month_start(m);
            next = gn_month_start(m + 1);
            last = (gn_str){.p = (uint8_t *)s->text + i * 8, .n = 7};
            (void)gn_month_format(m, text);
            memcpy(s->text + i * 8, text, 7);
        }
        s->v.s[i] = none ? (gn_str){.p = (const uint8_t *)"", .n = 0} : last;
        s->v.null[i] = none;
    }
    return 0;
}

KERNEL(ex_k_hour)
{
    const int64_t *x = s->arg[0]->v.i;
    const uint8_t *null = s->arg[0]->v.null;
    int64_t from = 1, until = 0, off = 0;

    UNUSED_BATCH;
    for (size_t i = 0; i < n; i++) {
        int64_t t = x[i];
        if (s->zone != NULL) {
            if (t < from || t >= until)
                off = gn_zone_offset(s->zone, t, &from, &until) * GN_US;
            if (__builtin_add_overflow(t, off, &t))
                t = x[i];
        }
        t -= gn_day_of_us(t) * GN_DAY_US;
        t /= INT64_C(60) * GN_US;
        s->v.i[i] = null[i] ? 0 : s->op == EX_MINUTE ? t % 60 : t / 60;
        s->v.null[i] = null[i];
    }
    return 0;
}

/* ---- text ---- */

static bool has_case(gn_str v, uint8_t first)
{
    uint32_t hits = 0;

    for (uint32_t k = 0; k < v.n; k++)
        hits |= (uint8_t)(v.p[k] - first) < 26;
    return hits != 0;
}

/* ASCII letters only; a text without any to change is passed on as it is. */
KERNEL(ex_k_case)
{
    const gn_str *x = s->arg[0]->v.s;
    uint8_t first = s->op == EX_LOWER ? 'A' : 'a';
    size_t bytes = 0;

    (void)b;
    for (size_t i = 0; i < n; i++)
        bytes += x[i].n;
    s->scratch.n = 0;
    if (gn_buf_reserve(&s->scratch, bytes + 1, e) < 0)
        return -1;
    uint8_t *out = s->scratch.p;
    for (size_t i = 0; i < n; i++) {
        s->v.null[i] = s->arg[0]->v.null[i];
        s->v.s[i] = x[i];
        if (!has_case(x[i], first))
            continue;
        s->v.s[i].p = out;
        for (uint32_t k = 0; k < x[i].n; k++) {
            uint8_t c = x[i].p[k];
            *out++ = (uint8_t)(c ^ ((uint8_t)(c - first) < 26 ? 0x20 : 0));
        }
    }
    return 0;
}

static int64_t characters(gn_str v)
{
    int64_t c = 0;

    for (uint32_t k = 0; k < v.n; k++)
        c += (v.p[k] & 0xc0) != 0x80;
    return c;
}

KERNEL(ex_k_len)
{
    const gn_str *x = s->arg[0]->v.s;
    bool bytes = s->arg[0]->type == GN_BIN;

    UNUSED_BATCH;
    for (size_t i = 0; i < n; i++) {
        uint8_t null = s->arg[0]->v.null[i];
        s->v.i[i] = null ? 0 : bytes ? (int64_t)x[i].n : characters(x[i]);
        s->v.null[i] = null;
    }
    return 0;
}

/* The number that begins at *at and ends the text or stands before one of ". - + _" or a blank. */
static bool version_part(gn_str v, uint32_t *at, int64_t *out)
{
    uint32_t i = *at;
    int64_t n = 0;

    for (; i < v.n && v.p[i] >= '0' && v.p[i] <= '9'; i++)
        if (__builtin_mul_overflow(n, INT64_C(10), &n) ||
            __builtin_add_overflow(n, (int64_t)(v.p[i] - '0'), &n))
            return false;
    if (i == *at || (i < v.n && memchr(".-+_ ", v.p[i], 5) == NULL))
        return false;
    *at = i;
    *out = n;
    return true;
}

KERNEL(ex_k_version)
{
    const gn_str *x = s->arg[0]->v.s;

    UNUSED_BATCH;
    for (size_t i = 0; i < n; i++) {
        uint32_t at = 0;
        int64_t r = 0;
        bool ok = !s->arg[0]->v.null[i] && version_part(x[i], &at, &r);
        for (int part = EX_MAJOR; ok && part < s->op; part++)
            ok = at < x[i].n && x[i].p[at++] == '.' && version_part(x[i], &at, &r);
        s->v.i[i] = ok ? r : 0;
        s->v.null[i] = !ok;
    }
    return 0;
}

/* ---- choice ---- */

/* Value i of a, of the step's own type, becomes value i of s. */
static inline void take(ex_step *s, size_t i, const ex_step *a)
{
    size_t k = i & a->mask;

    switch (s->type) {
    case GN_BOOL:
        s->b[i] = a->b[k];
        return;
    case GN_FLOAT:
        s->v.f[i] = a->v.f[k];
        break;
    case GN_STR:
    case GN_BIN:
        s->v.s[i] = a->v.s[k];
        break;
    default:
        s->v.i[i] = a->v.i[k];
        break;
    }
    s->v.null[i] = a->v.null[k];
}

KERNEL(ex_k_coalesce)
{
    UNUSED_BATCH;
    for (size_t i = 0; i < n; i++) {
        size_t j = 0;
        for (; j + 1 < s->nargs; j++) {
            const ex_step *a = s->arg[j];
            if ((a->type == GN_BOOL ? a->b : a->v.null)[i & a->mask] != 1)
                break;
        }
        take(s, i, s->arg[j]);
    }
    return 0;
}

KERNEL(ex_k_if)
{
    const ex_step *c = s->arg[0];

    UNUSED_BATCH;
    for (size_t i = 0; i < n; i++)
        take(s, i, s->arg[c->b[i & c->mask] == 2 ? 1 : 2]);
    return 0;
}

static int order(const ex_step *a, size_t i, const ex_step *b, size_t j)
{
    switch (a->type) {
    case GN_BOOL:
        return (a->b[i] > b->b[j]) - (a->b[i] < b->b[j]);
    case GN_FLOAT:
        return (a->v.f[i] > b->v.f[j]) - (a->v.f[i] < b->v.f[j]);
    case GN_STR:
    case GN_BIN:
        return str_compare(a->v.s[i], b->v.s[j]);
    default:
        return (a->v.i[i] > b->v.i[j]) - (a->v.i[i] < b->v.i[j]);
    }
}

/* least() and greatest(): null as soon as one is. */
KERNEL(ex_k_least)
{
    UNUSED_BATCH;
    for (size_t i = 0; i < n; i++) {
        const ex_step *best = s->arg[0];
        for (size_t j = 0; j < s->nargs; j++) {
            const ex_step *a = s->arg[j];
            if ((a->type == GN_BOOL ? a->b : a->v.null)[i & a->mask] == 1) {
                best = a;
                break;
            }
            int c = order(a, i & a->mask, best, i & best->mask);
            if (s->op == EX_LEAST ? c < 0 : c > 0)
                best = a;
        }
        take(s, i, best);
    }
    return 0;
}

/* gn_hash of the canonical encoding: what partitions and samples go by. */
KERNEL(ex_k_hash)
{
    const ex_step *a = s->arg[0];
    bool text = a->type == GN_STR || a->type == GN_BIN;

    (void)b;
    s->scratch.n = 0;
    if (gn_buf_reserve(&s->scratch, (text ? longest(a->v.s, n) : 0) + GN_MP_HEAD, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        uint8_t *p = s->scratch.p, *end;
        if ((a->type == GN_BOOL ? a->b : a->v.null)[i] == 1) {
            end = gn_mp_nil(p);
        } else if (text) {
            gn_str v = a->v.s[i];
            end = a->type == GN_STR ? gn_mp_str_head(p, v.n) : gn_mp_bin_head(p, v.n);
            if (v.n > 0)
                memcpy(end, v.p, v.n);
            end += v.n;
        } else if (a->type == GN_FLOAT) {
            end = gn_mp_float(p, a->v.f[i]);
        } else if (a->type == GN_BOOL) {
            end = gn_mp_bool(p, a->b[i] == 2);
        } else if (a->type == GN_TIME) {
            end = gn_mp_time(p, a->v.i[i]);
        } else {
            end = gn_mp_int(p, a->v.i[i]);
        }
        s->v.i[i] = (int64_t)gn_hash(p, (size_t)(end - p));
        s->v.null[i] = 0;
    }
    return 0;
}
