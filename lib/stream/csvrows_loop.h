/* csvrows_loop.h - the text of the loop of csvrows.c, which includes it once for each set of
 * instructions: ROWS_LOOP is the function's name, ROWS_TARGET its attributes, ROWS_TIME19 and
 * ROWS_DIGITS the parsers of times and ints, ROWS_CAREFUL whether it is for careful blocks.
 *
 * With ROWS_FUSED a step does up to three fields, so that what to do next is decided, and
 * predicted, less often. Careful blocks need a look at the ends of lines and at text. */

/* Field k of the step is s[0..n); n1 is n + 1. */
#define FIELD(k)                                                                                   \
    const int32_t *p = (const int32_t *)((const char *)sep + step->offset[k]);                     \
    const int64_t before = p[0];                                                                   \
    const uint8_t *s = base1 + before;                                                             \
    uint32_t n1 = (uint32_t)(p[1] - p[0]);                                                         \
    if (careful && r->crlf && n1 > 1 && s[n1 - 2] == '\r')                                         \
    n1-- /* only in a row's last field: another one would make the row odd */

#define OTHERWISE(k)                                                                               \
    {                                                                                              \
        o = put_general(&step->col[k], &r->zone, s, n1 - 1, o);                                    \
        if (UNLIKELY(!o))                                                                          \
            goto not_plain;                                                                        \
    }

#define PUT_S(k)                                                                                   \
    {                                                                                              \
        FIELD(k);                                                                                  \
        if (careful && r->check_text && gn_utf8_valid((const char *)s, n1 - 1) != n1 - 1)          \
            goto not_plain;                                                                        \
        if (LIKELY(n1 - 2 < 16)) {                                                                 \
            *o = (uint8_t)(0x9f + n1);                                                             \
            memcpy(o + 1, s, 16);                                                                  \
            o += n1;                                                                               \
        } else if (n1 - 2 < 31) {                                                                  \
            *o = (uint8_t)(0x9f + n1);                                                             \
            memcpy(o + 1, s, 32);                                                                  \
            o += n1;                                                                               \
        } else                                                                                     \
            OTHERWISE(k)                                                                           \
    }

#define PUT_I(k)                                                                                   \
    {                                                                                              \
        FIELD(k);                                                                                  \
        uint32_t v;                                                                                \
        if (LIKELY(ROWS_DIGITS(s, n1 - 1, &v)))                                                    \
            o = gn_csv_put_u32(o, v);                                                              \
        else                                                                                       \
            OTHERWISE(k)                                                                           \
    }

#define PUT_T(k)                                                                                   \
    {                                                                                              \
        FIELD(k);                                                                                  \
        int64_t v;                                                                                 \
        if (LIKELY(n1 == 20 && ROWS_TIME19(r->calendar, s, &v)))                                   \
            o = gn_csv_put_seconds(o, (uint32_t)v);                                                \
        else                                                                                       \
            OTHERWISE(k)                                                                           \
    }

#define PUT_D(k)                                                                                   \
    {                                                                                              \
        FIELD(k);                                                                                  \
        int64_t v;                                                                                 \
        if (LIKELY(n1 == 11 && gn_csv_date10(s, &v) && v >= 0))                                    \
            o = gn_csv_put_u32(o, (uint32_t)v);                                                    \
        else                                                                                       \
            OTHERWISE(k)                                                                           \
    }

#define ONE(a)                                                                                     \
    case GN_CSV_FUSE(a, X, X):                                                                     \
        PUT_##a(0) continue;
#if ROWS_FUSED
#define FUSE3(a, b, c)                                                                             \
    case GN_CSV_FUSE(a, b, c):                                                                     \
        PUT_##a(0) PUT_##b(1) PUT_##c(2) continue;
#define FUSE2(a, b)                                                                                \
    case GN_CSV_FUSE(a, b, X):                                                                     \
        PUT_##a(0) PUT_##b(1) continue;                                                            \
        FUSE3(a, b, S) FUSE3(a, b, I) FUSE3(a, b, T)
#define FUSED(a) FUSE2(a, S) FUSE2(a, I) FUSE2(a, T)
#else
#define FUSED(a)
#endif

ROWS_TARGET static enum gn_csvstop ROWS_LOOP(gn_csvrows *r)
{
    const bool careful = ROWS_CAREFUL;
    const uint8_t *const base1 = r->base + 1;
    const int32_t *sep = r->sep + r->at - 1; /* the separator before the row */
    const int32_t *nl = r->nl + r->row, *const nl_end = r->nl + r->nnl;
    const size_t width = r->width, room = r->room;
    const int32_t odd = r->odd;
    const gn_csvstep *const step_0 = ROWS_FUSED ? r->fused : r->step;
    const gn_csvstep *const step_end = step_0 + (ROWS_FUSED ? r->nfused : r->nstep);
    uint8_t *out = r->out, *const limit = r->limit;
    enum gn_csvstop why = GN_CSV_ALL;
    uint8_t head[8];
    const size_t nhead = (size_t)(gn_mp_array_head(head, r->ncol) - head);

    for (; nl < nl_end; nl++) {
        const int32_t end = *nl;
        if (UNLIKELY(sep[width] != end || end > odd)) {
            why = GN_CSV_ODD;
            break;
        }
        if (UNLIKELY((size_t)(limit - out) < room + (size_t)(end - sep[0]))) {
            why = GN_CSV_FULL;
            break;
        }
        uint8_t *o = out;
        memcpy(o, head, 4);
        o += nhead;
        for (const gn_csvstep *step = step_0; step < step_end; step++) {
            switch (step->code) {
                ONE(S)
                ONE(I)
                ONE(T)
                ONE(D)
                FUSED(S)
                FUSED(I)
                FUSED(T)
            case GN_CSV_ZONED: {
                FIELD(0);
                int64_t v;
                if (n1 != 20 || !gn_csv_time19(s, &v))
                    OTHERWISE(0)
                else if (!(o = put_time_wall(&r->zone, v, o)))
                    goto not_plain;
                continue;
            }
            case GN_CSV_OTHER: {
                FIELD(0);
                OTHERWISE(0)
                continue;
            }
            case GN_CSV_CONSTANT:
                memcpy(o, step->col->fixed, step->col->nfixed);
                o += step->col->nfixed;
                continue;
            default:
                __builtin_unreachable();
            }
        }
        out = o;
        sep += width;
    }
    goto done;
not_plain:
    why = GN_CSV_ODD;
done:
    r->out = out;
    r->at = (size_t)(sep + 1 - r->sep);
    r->row = (size_t)(nl - r->nl);
    return why;
}

#undef FIELD
#undef OTHERWISE
#undef PUT_S
#undef PUT_I
#undef PUT_T
#undef PUT_D
#undef ONE
#undef FUSED
#undef FUSE2
#undef FUSE3
#undef ROWS_FUSED
#undef ROWS_LOOP
#undef ROWS_CAREFUL
#undef ROWS_TARGET
#undef ROWS_TIME19
#undef ROWS_DIGITS
