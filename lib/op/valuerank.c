/* valuerank.c - see valuerank.h: the values are sorted. */
#include "valuerank.h"

#include "../base/num.h"
#include "../io/mp.h"
#include "../kernel/recsort.h"
#include "../stream/reader.h"

#include <string.h>

#define DIGITS 9

/* Digits, perhaps a point and digits, as an integer and the power of ten it is divided by; returns
 * the character behind. */
static const char *parse_decimal(const char *p, uint64_t *v, uint64_t *power)
{
    const char *begin = p, *point = NULL;
    *v = 0;
    *power = 1;
    for (; (*p >= '0' && *p <= '9') || (*p == '.' && !point); p++) {
        if (*p == '.') {
            point = p;
            continue;
        }
        if (*v > 1000000000 || (point && p - point > DIGITS))
            return NULL;
        *v = *v * 10 + (uint64_t)(*p - '0');
        *power *= point ? 10 : 1;
    }
    return p == begin || (point && (p - begin == 1 || p - point == 1)) ? NULL : p;
}

bool gn_share_parse(const char *text, gn_share *out)
{
    const char *p = parse_decimal(text, &out->share, &out->of);
    if (!p)
        return false;
    if (*p == '%') {
        out->of *= 100;
        p++;
    }
    return !*p && out->share <= out->of;
}

bool gn_share_parse_percentile(const char *text, gn_share *out)
{
    const char *p = *text == 'p' ? parse_decimal(text + 1, &out->share, &out->of) : NULL;
    if (!p || *p)
        return false;
    out->of *= 100;
    return out->share <= out->of;
}

typedef struct values {
    const gn_value_rank_options *o;
    int f_user, f_time, f_value;
    gn_recsort sort;
    uint64_t n;
} values;

static int begin(values *v, gn_err *e)
{
    gn_schema s = {0};
    gn_sortkey key = {.field = 0, .type = GN_INT};
    gn_extsort_options o = {.key = &key,
                            .nkeys = 1,
                            .dir = v->o->temp_dir,
                            .budget = v->o->budget,
                            .memory = v->o->memory};
    int r = gn_schema_add(&s, "value", 5, GN_INT, e) || gn_recsort_init(&v->sort, &s, &o, e);
    gn_schema_release(&s);
    return r ? -1 : 0;
}

static int segment(values *v, gn_reader *r, gn_err *e)
{
    const gn_value_rank_options *o = v->o;
    if ((v->f_user = gn_reader_field(r, "--user", o->user, ~(1u << GN_FLOAT), e)) < 0 ||
        (v->f_time = gn_reader_field(r, "--time", o->time, 1u << GN_TIME | 1u << GN_DATE, e)) < 0 ||
        (v->f_value = gn_reader_field(r, "--value", o->value, 1u << GN_INT, e)) < 0)
        return -1;
    return gn_reader_want(r, v->f_user, GN_RAW, e) || gn_reader_want(r, v->f_time, GN_VALUE, e) ||
                   gn_reader_want(r, v->f_value, GN_VALUE, e)
               ? -1
               : 0;
}

static int batch(values *v, const gn_batch *b, gn_err *e)
{
    const gn_vec *user = &b->col[v->f_user], *time = &b->col[v->f_time], *x = &b->col[v->f_value];
    for (size_t i = 0; i < b->n; i++) {
        if (user->null[i] | time->null[i] | x->null[i] || x->i[i] < 0)
            continue;
        uint8_t *p = gn_recsort_room(&v->sort, 2 * GN_MP_HEAD, e);
        if (!p)
            return -1;
        gn_recsort_put(&v->sort, gn_mp_int(gn_mp_array_head(p, 1), x->i[i]));
        v->n++;
    }
    return 0;
}

static int read_all(values *v, gn_err *e)
{
    gn_reader *r = gn_reader_open(v->o->paths, v->o->n, v->o->max_record, e);
    gn_batch *b;
    int ev = r ? 0 : -1;
    while (r && (ev = gn_reader_next(r, &b, e)) > 0)
        if ((ev == GN_EV_SEGMENT && segment(v, r, e)) || (ev == GN_EV_BATCH && batch(v, b, e))) {
            ev = -1;
            break;
        }
    gn_reader_close(r);
    return ev;
}

int gn_value_at_rank(const gn_value_rank_options *o, gn_share share, int64_t *value, bool *found,
                     gn_err *e)
{
    values v = {.o = o};
    gn_str record;
    int r = begin(&v, e) || read_all(&v, e) ? -1 : 0;
    gn_u128 rank = ((gn_u128)v.n * share.share + (share.of - 1)) / share.of;
    *found = r == 0 && v.n > 0;
    for (uint64_t i = 0; *found && r == 0 && i < (rank ? rank : 1); i++) {
        r = gn_recsort_next(&v.sort, &record, e) == 1 ? 0 : -1;
        if (r == 0 && !gn_mp_get_int(record.p + 1, record.p + record.n, value))
            r = gn_fail(e, GN_IO, "a temporary file was damaged");
    }
    gn_recsort_release(&v.sort);
    return r;
}
