/* sortrun.c - see sortrun.h.
 *
 * Few records of equal keys are sorted by insertion with a comparison. Many are sorted by radix
 * again, field by field, text by seven bytes at a time behind what all of them share, and at last
 * by the record's own bytes (where that gets nowhere, as with texts of one letter and many lengths,
 * by comparison after all): multikey radix sort (Kärkkäinen and Rantala, "Engineering Radix Sort
 * for Strings", 2008). */
#include "sortrun.h"

#include "../io/mp.h"
#include "sortword.h"

#include <string.h>

#define FEW 24 /* records */
#define AHEAD 32
#define POOR 16 /* passes over text in a row that leave nearly all records together */

/* A record too long for its reference to say how long. */
gn_str gn_sortrun_long(const gn_sortrun *r, uint64_t ref)
{
    const uint8_t *p = r->base + (ref >> 24), *end = gn_mp_skip(p, r->base + r->size);
    return (gn_str){p, end ? (uint32_t)(end - p) : 0};
}

/* What still orders a group: the fields from `field` on, of that one the text from byte `at`; the
 * number of all fields stands for the record's bytes. */
typedef struct place {
    size_t field, at;
} place;

static int cmp(const gn_sortrun *r, size_t field, uint64_t a, uint64_t b)
{
    gn_str x = gn_sortrun_record(r, a), y = gn_sortrun_record(r, b);
    int c = gn_sortkey_cmp(r->key, field, r->nkeys, x, y);
    return c || !r->total ? c : gn_sortkey_cmp_bytes(x, y);
}

static void insertion(const gn_sortrun *r, gn_pair *a, size_t n, size_t field)
{
    for (size_t i = 1; i < n; i++) {
        gn_pair x = a[i];
        size_t j = i;
        for (; j > 0 && cmp(r, field, x.value, a[j - 1].value) < 0; j--)
            a[j] = a[j - 1];
        a[j] = x;
    }
}

/* By comparison, from the bottom up; b is scratch. */
static void merge_sort(const gn_sortrun *r, gn_pair *a, gn_pair *b, size_t n, size_t field)
{
    for (size_t i = 0; i < n; i += FEW)
        insertion(r, a + i, n - i < FEW ? n - i : FEW, field);
    for (size_t width = FEW; width < n; width *= 2) {
        for (size_t lo = 0; lo < n; lo += 2 * width) {
            size_t mid = n - lo < width ? n : lo + width,
                   hi = n - lo < 2 * width ? n : lo + 2 * width;
            for (size_t i = lo, j = mid, k = lo; k < hi; k++)
                b[k] = j == hi || (i < mid && cmp(r, field, a[i].value, a[j].value) <= 0) ? a[i++]
                                                                                          : a[j++];
        }
        memcpy(a, b, n * sizeof *a);
    }
}

/* Nulls of the field go behind the others, which stay as they are; returns how many others. The
 * pairs' keys become the offset of the value in the record. */
static size_t part_nulls(const gn_sortrun *r, gn_pair *a, gn_pair *b, size_t n, int field)
{
    size_t m = 0, nulls = 0;
    for (size_t i = 0; i < n; i++) {
        gn_str rec = gn_sortrun_record(r, a[i].value), v = gn_sortkey_find(rec, field);
        if (*v.p == GN_MP_NIL)
            b[nulls++] = a[i];
        else
            a[m++] = (gn_pair){(uint64_t)(v.p - rec.p), a[i].value};
    }
    memcpy(a + m, b, nulls * sizeof *a);
    return m;
}

/* The text of a pair whose key is the offset of the value; or the record. */
static gn_str text_of(const gn_sortrun *r, const gn_pair *a, size_t field)
{
    gn_str rec = gn_sortrun_record(r, a->value);
    if (field == r->nkeys)
        return rec;
    const uint8_t *p = rec.p + a->key, *end = rec.p + rec.n, *bin = NULL;
    const char *s = NULL;
    size_t n = 0;
    if (r->key[field].type == GN_BIN) {
        (void)gn_mp_get_bin(p, end, &bin, &n);
        return (gn_str){bin, (uint32_t)n};
    }
    (void)gn_mp_get_str(p, end, &s, &n);
    return (gn_str){(const uint8_t *)s, (uint32_t)n};
}

/* How many bytes from `at` on all texts of the group have in common. */
static size_t shared_bytes(const gn_sortrun *r, const gn_pair *a, size_t n, place w)
{
    gn_str first = text_of(r, a, w.field);
    size_t shared = first.n > w.at ? first.n - w.at : 0;
    for (size_t i = 1; i < n && shared; i++) {
        gn_str s = text_of(r, &a[i], w.field);
        size_t most = s.n > w.at ? s.n - w.at : 0, k = 0;
        if (most > shared)
            most = shared;
        const uint8_t *x = first.p + w.at, *y = s.p + w.at;
        while (k + 8 <= most && memcmp(x + k, y + k, 8) == 0)
            k += 8;
        while (k < most && x[k] == y[k])
            k++;
        shared = k;
    }
    return shared;
}

/* Where a group of equal words goes on. */
static place behind(const gn_sortrun *r, place w, uint64_t word)
{
    bool text =
        w.field == r->nkeys || r->key[w.field].type == GN_STR || r->key[w.field].type == GN_BIN;
    bool desc = w.field < r->nkeys && r->key[w.field].desc;
    if (text && ((desc ? ~word : word) & 0xff) == 8)
        return (place){w.field, w.at + 7};
    return (place){w.field + 1, 0};
}

/* Words of the field, from w->at or further, as the pairs' keys; nulls to the end. Returns how many
 * are not null. */
static size_t set_words(const gn_sortrun *r, gn_pair *a, gn_pair *b, size_t n, place *w)
{
    bool bytes = w->field == r->nkeys;
    size_t m = bytes ? n : part_nulls(r, a, b, n, r->key[w->field].field);
    uint64_t turn = !bytes && r->key[w->field].desc ? UINT64_MAX : 0;
    if (m && (bytes || r->key[w->field].type == GN_STR || r->key[w->field].type == GN_BIN)) {
        w->at += shared_bytes(r, a, m, *w);
        for (size_t i = 0; i < m; i++)
            a[i].key = gn_sortword_text(text_of(r, &a[i], w->field), w->at) ^ turn;
    } else {
        for (size_t i = 0; i < m; i++) {
            gn_str rec = gn_sortrun_record(r, a[i].value);
            gn_str v = {rec.p + a[i].key, rec.n - (uint32_t)a[i].key};
            a[i].key = gn_sortword_of(r->key[w->field].type, v) ^ turn;
        }
    }
    return m;
}

static size_t equal_keys(const gn_pair *a, size_t n)
{
    size_t i = 1;
    while (i < n && a[i].key == a[0].key)
        i++;
    return i;
}

/* Sort a group. Calls itself for all parts but the largest, so the depth is log2(n). */
static void refine(const gn_sortrun *r, gn_pair *a, gn_pair *b, size_t n, place w)
{
    unsigned poor = 0;
    while (n > 1 && w.field < r->nkeys + r->total) {
        if (poor == POOR) {
            merge_sort(r, a, b, n, w.field);
            return;
        }
        if (n <= FEW) {
            insertion(r, a, n, w.field);
            return;
        }
        size_t m = set_words(r, a, b, n, &w);
        gn_radix_sort(a, b, m);
        /* the largest part */
        size_t best = m, most = n - m;
        for (size_t i = 0, part; i < m; i += part)
            if ((part = equal_keys(a + i, m - i)) > most) {
                best = i;
                most = part;
            }
        for (size_t i = 0, part; i < m; i += part) {
            part = equal_keys(a + i, m - i);
            if (i != best && part > 1)
                refine(r, a + i, b + i, part, behind(r, w, a[i].key));
        }
        if (best != m && n - m > 1)
            refine(r, a + m, b + m, n - m, (place){w.field + 1, 0});
        place next = best == m ? (place){w.field + 1, 0} : behind(r, w, a[best].key);
        poor = next.field == w.field && most > n - n / 8 ? poor + 1 : 0;
        w = next;
        a += best;
        b += best;
        n = most;
    }
}

void gn_sortrun_settle(const gn_sortrun *r, gn_pair *a, gn_pair *b, size_t n, size_t exact)
{
    if (exact == r->nkeys && !r->total)
        return;
    for (size_t i = 0, part; i < n; i += part) {
        part = 1;
        if (i + AHEAD + 1 < n && a[i + AHEAD].key == a[i + AHEAD + 1].key) {
            __builtin_prefetch(r->base + (a[i + AHEAD].value >> 24));
            __builtin_prefetch(r->base + (a[i + AHEAD + 1].value >> 24));
        }
        if (i + 1 < n && a[i].key == a[i + 1].key) {
            part = equal_keys(a + i, n - i);
            refine(r, a + i, b + i, part, (place){exact, 0});
        }
    }
}
