/* reader.c - see reader.h. */
#include "reader.h"

#include "../io/mp.h"

#include <stdlib.h>
#include <string.h>

enum state {
    AT_FILE,    /* open the next input */
    AT_SEGMENT, /* a header, or the end of the input */
    IN_SEGMENT, /* records, then a trailer */
    IN_PART     /* records of a segment that is cut; its trailer is known */
};

struct gn_reader {
    const char *const *paths;
    size_t npaths, at; /* the next path to open, or with a plan the next run */
    gn_plan *plan;     /* instead of paths */
    const gn_run *run; /* of the plan; NULL: whole inputs */
    size_t max_record;
    int patience; /* ms, or 0 */
    gn_in *in;
    enum state state;
    bool any; /* a segment was read from this input */
    gn_header header;
    gn_trailer trailer;
    gn_decoder *decoder;
    XXH3_state_t *sum;
    uint64_t records;  /* of this segment */
    uint64_t total;    /* of the segments before */
    uint64_t run_from; /* `total` where the run began */
    uint64_t bytes_before, raw_before;
    double wait_before;
};

static gn_reader *reader_new(size_t max_record, gn_err *e)
{
    gn_reader *r = gn_calloc(1, sizeof *r, e);
    if (!r)
        return NULL;
    r->max_record = max_record ? max_record : GN_MAX_RECORD;
    r->sum = XXH3_createState();
    if (!r->sum) {
        gn_fail(e, GN_IO, "out of memory: no hash state");
        free(r);
        return NULL;
    }
    return r;
}

gn_reader *gn_reader_open(const char *const *paths, size_t n, size_t max_record, gn_err *e)
{
    static const char *const standard_input[] = {"-"};
    gn_reader *r = reader_new(max_record, e);
    if (!r)
        return NULL;
    r->paths = n ? paths : standard_input;
    r->npaths = n ? n : 1;
    return r;
}

gn_reader *gn_reader_on(gn_in *in, size_t max_record, gn_err *e)
{
    gn_reader *r = reader_new(max_record, e);
    if (!r) {
        gn_in_close(in);
        return NULL;
    }
    r->in = in;
    r->state = AT_SEGMENT;
    return r;
}

gn_reader *gn_reader_planned(gn_plan *plan, size_t max_record, gn_err *e)
{
    gn_reader *r = reader_new(max_record, e);
    if (!r) {
        gn_plan_free(plan);
        return NULL;
    }
    r->plan = plan;
    r->npaths = plan->n;
    r->bytes_before = plan->bytes;
    r->wait_before = plan->wait;
    return r;
}

static void close_input(gn_reader *r)
{
    if (!r->in)
        return;
    r->bytes_before += gn_in_bytes(r->in);
    r->raw_before += gn_in_offset(r->in) - gn_in_start(r->in);
    r->wait_before += gn_in_wait(r->in);
    gn_in_close(r->in);
    r->in = NULL;
}

void gn_reader_close(gn_reader *r)
{
    if (!r)
        return;
    close_input(r);
    gn_decoder_free(r->decoder);
    gn_header_release(&r->header);
    gn_trailer_release(&r->trailer);
    gn_plan_free(r->plan);
    XXH3_freeState(r->sum);
    free(r);
}

/* Where we are, for messages: "'file': record 12, byte 345". */
static int fail_here(gn_reader *r, int status, const char *what, gn_err *e)
{
    uint64_t before = r->state == IN_PART ? r->run->from : 0;
    if (r->state >= IN_SEGMENT)
        return gn_fail(e, status, "'%s': record %llu, byte %llu: %s", gn_in_name(r->in),
                       (unsigned long long)(before + r->records + 1),
                       (unsigned long long)gn_in_offset(r->in), what);
    return gn_fail(e, status, "'%s': byte %llu: %s", gn_in_name(r->in),
                   (unsigned long long)gn_in_offset(r->in), what);
}

static int truncated(gn_reader *r, gn_err *e)
{
    return fail_here(r, GN_CORRUPT, "the stream ends without its trailer (truncated)", e);
}

/* Read on until the map that begins the window is whole. 1 when it is, 0 when the input ends
 * first, -1 on error or when it is no value at all. */
static int whole_map(gn_reader *r, gn_err *e)
{
    for (;;) {
        const uint8_t *p = gn_in_begin(r->in), *end = gn_in_end(r->in);
        if (gn_mp_skip(p, end))
            return 1;
        bool later = r->any || r->state == IN_SEGMENT;
        if (!gn_mp_incomplete(p, end))
            return fail_here(r, later ? GN_CORRUPT : GN_INPUT,
                             later ? "neither a record, a header nor a trailer"
                                   : "not a gn stream (import text with gn-fromcsv)",
                             e);
        if ((size_t)(end - p) >= GN_HEADER_MAX)
            return fail_here(r, later ? GN_CORRUPT : GN_INPUT, "a stream header too long", e);
        int more = gn_in_more(r->in, GN_HEADER_MAX + GN_IO_BLOCK, e);
        if (more <= 0)
            return more;
    }
}

static bool key_is(const uint8_t *p, const uint8_t *end, const char *name)
{
    size_t pairs, n;
    const char *s;
    p = gn_mp_get_map(p, end, &pairs);
    return p && pairs && (p = gn_mp_get_str(p, end, &s, &n)) && n == strlen(name) &&
           memcmp(s, name, n) == 0;
}

/* A fail trailer: whoever wrote it has told the user. */
static int failed_upstream(gn_reader *r, gn_err *e)
{
    gn_fail(e, GN_CORRUPT, "'%s': %s failed upstream with status %d", gn_in_name(r->in),
            r->trailer.fail_command, r->trailer.fail_status);
    e->silent = true;
    return -1;
}

static int read_trailer(gn_reader *r, gn_err *e)
{
    int whole = whole_map(r, e);
    if (whole < 0)
        return -1;
    if (whole == 0)
        return truncated(r, e);
    const uint8_t *p = gn_in_begin(r->in), *end = gn_in_end(r->in), *sum_at, *next;
    gn_trailer_release(&r->trailer);
    if (!key_is(p, end, "end") && !key_is(p, end, "fail"))
        return fail_here(r, GN_CORRUPT, "neither a record nor a trailer", e);
    next = gn_trailer_decode(&r->trailer, p, end, &sum_at, gn_in_name(r->in), e);
    if (!next)
        return -1;
    if (r->trailer.fail)
        return failed_upstream(r, e);
    if (r->trailer.records != r->records)
        return gn_fail(e, GN_CORRUPT, "'%s': %llu records where the trailer counts %llu",
                       gn_in_name(r->in), (unsigned long long)r->records,
                       (unsigned long long)r->trailer.records);
    gn_xxh3_64_update(r->sum, p, (size_t)(sum_at - p));
    if (XXH3_64bits_digest(r->sum) != r->trailer.xxh3)
        return gn_fail(e, GN_CORRUPT, "'%s': wrong checksum: the stream was damaged",
                       gn_in_name(r->in));
    gn_in_consume(r->in, next);
    r->total += r->records;
    r->records = 0;
    r->any = true;
    r->state = AT_SEGMENT;
    return GN_EV_END;
}

/* A range of a file that the plan is wrong about. */
static int not_as_planned(const gn_reader *r, gn_err *e)
{
    if (r->run->slice)
        return gn_fail(e, GN_CORRUPT,
                       "'%s': it is not what the manifest says: damaged, or changed meanwhile",
                       r->run->path);
    return gn_fail(e, GN_CORRUPT,
                   "'%s': it is not what its index says: damaged, or changed meanwhile "
                   "(gn-cat without --split reads it without the index)",
                   r->run->path);
}

/* At a place where a segment may begin. */
static int read_header(gn_reader *r, gn_err *e)
{
    if (gn_in_begin(r->in) == gn_in_end(r->in)) {
        int more = gn_in_more(r->in, GN_HEADER_MAX, e);
        if (more < 0)
            return -1;
        if (more == 0) {
            if (!r->any)
                return truncated(r, e);
            if (r->run && r->total - r->run_from != r->run->to)
                return not_as_planned(r, e);
            close_input(r);
            r->state = AT_FILE;
            return 1;
        }
    }
    const uint8_t *p = gn_in_begin(r->in);
    if (!((*p & 0xf0) == 0x80 || *p == 0xde))
        return fail_here(r, r->any ? GN_CORRUPT : GN_INPUT,
                         r->any ? "bytes behind the trailer that begin no segment"
                                : "not a gn stream (import text with gn-fromcsv)",
                         e);
    int whole = whole_map(r, e);
    if (whole < 0)
        return -1;
    if (whole == 0) {
        /* A short file whose beginning is no header either is foreign, not truncated. */
        p = gn_in_begin(r->in);
        static const uint8_t begin[] = {0xa2, 'g', 'n'};
        size_t n = (size_t)(gn_in_end(r->in) - p);
        size_t skip = *p == 0xde ? 3 : 1;
        if (!r->any && n > skip &&
            memcmp(p + skip, begin, n - skip < sizeof begin ? n - skip : sizeof begin) != 0 &&
            p[skip] != 0xa4)
            return fail_here(r, GN_INPUT, "not a gn stream (import text with gn-fromcsv)", e);
        return truncated(r, e);
    }
    const uint8_t *end = gn_in_end(r->in), *next;
    p = gn_in_begin(r->in);
    if (key_is(p, end, "fail")) {
        const uint8_t *sum_at;
        gn_trailer_release(&r->trailer);
        if (!gn_trailer_decode(&r->trailer, p, end, &sum_at, gn_in_name(r->in), e))
            return -1;
        return failed_upstream(r, e);
    }
    gn_header h = {0};
    next = gn_header_decode(&h, p, end, gn_in_name(r->in), e);
    if (!next) {
        if (r->any)
            e->status = GN_CORRUPT;
        return -1;
    }
    gn_decoder_free(r->decoder);
    gn_header_release(&r->header);
    r->header = h;
    r->decoder = gn_decoder_new(&r->header.schema, r->header.canon, e);
    if (!r->decoder)
        return -1;
    (void)XXH3_64bits_reset(r->sum);
    gn_xxh3_64_update(r->sum, p, (size_t)(next - p));
    gn_in_consume(r->in, next);
    r->state = IN_SEGMENT;
    return GN_EV_SEGMENT;
}

/* ---- parts of segments ---- */

/* The range that is open was read to its end and verified. */
static int range_ends(gn_reader *r, gn_err *e)
{
    int more = gn_in_begin(r->in) == gn_in_end(r->in) ? gn_in_more(r->in, r->max_record, e) : 1;
    if (more > 0)
        not_as_planned(r, e);
    if (more == 0)
        close_input(r);
    return more ? -1 : 0;
}

static int open_range(gn_reader *r, uint64_t lo, uint64_t hi, gn_err *e)
{
    if (r->run->slice)
        r->in = gn_in_open_slice(r->run->path, lo, hi - lo, e);
    else
        r->in = gn_in_open_range(r->run->path, r->run->frames, lo, hi, e);
    return r->in ? 0 : -1;
}

/* The trailer of a segment that is cut. Its bytes, which hold the segment's count and checksum, are
 * what the segment is known by as a source: every part finds the same. */
static int part_trailer(gn_reader *r, gn_err *e)
{
    const gn_run *run = r->run;
    if (open_range(r, run->segment.trailer, run->segment.end, e))
        return -1;
    int whole = whole_map(r, e);
    if (whole <= 0)
        return whole ? -1 : not_as_planned(r, e);
    const uint8_t *p = gn_in_begin(r->in), *end = gn_in_end(r->in), *sum_at, *next;
    gn_trailer_release(&r->trailer);
    if (!key_is(p, end, "end"))
        return not_as_planned(r, e);
    next = gn_trailer_decode(&r->trailer, p, end, &sum_at, gn_in_name(r->in), e);
    if (!next)
        return -1;
    if (r->trailer.records != run->segment.records)
        return not_as_planned(r, e);
    gn_id id = gn_id_of(p, (size_t)(next - p));
    gn_lineage *l = &r->trailer.lineage;
    gn_in_consume(r->in, next);
    if (range_ends(r, e))
        return -1;
    r->trailer.records = run->to - run->from;
    if (!l->covered && l->nsources)
        return 0; /* what is unknown of the whole is unknown of the part */
    l->covered = true;
    if (!run->begins)
        l->ncover = 0;
    if (run->from == run->to && !run->begins) /* nothing, perhaps of a segment that is not cut */
        return 0;
    if (gn_lineage_add_source(l, (gn_source){id, run->segment.records, true}, e))
        return -1;
    return run->from == run->to
               ? 0
               : gn_lineage_add_cover(l, (gn_cover){id, run->from, run->to, 0, UINT64_MAX}, e);
}

static int begin_part(gn_reader *r, gn_err *e)
{
    const gn_run *run = r->run;
    r->any = run->segment.begin > 0;
    r->state = AT_SEGMENT;
    /* Where the segment begins here, its records are in the same range. */
    if (open_range(r, run->segment.begin, run->begins ? run->hi : run->segment.first, e))
        return -1;
    int ev = read_header(r, e);
    if (ev < 0)
        return -1;
    if (r->state != IN_SEGMENT || gn_in_offset(r->in) != run->segment.first)
        return not_as_planned(r, e);
    r->any = true;
    gn_in *records = NULL;
    if (run->begins) {
        records = r->in;
        r->in = NULL;
    } else if (range_ends(r, e)) {
        return -1;
    }
    if (part_trailer(r, e)) {
        gn_in_close(records);
        return -1;
    }
    r->state = IN_PART;
    if (!run->begins)
        return open_range(r, run->lo, run->hi, e) ? -1 : GN_EV_SEGMENT;
    r->in = records;
    return GN_EV_SEGMENT;
}

/* Nothing is left of the records of a part. */
static int end_part(gn_reader *r, gn_err *e)
{
    if (r->records != r->run->to - r->run->from)
        return not_as_planned(r, e);
    close_input(r);
    r->total += r->records;
    r->records = 0;
    r->state = AT_FILE;
    return GN_EV_END;
}

static int begin_run(gn_reader *r, gn_err *e)
{
    r->run = &r->plan->run[r->at++];
    r->run_from = r->total;
    if (!r->run->whole)
        return begin_part(r, e);
    r->any = r->run->lo > 0 && !r->run->slice;
    r->state = AT_SEGMENT;
    return open_range(r, r->run->lo, r->run->hi, e);
}

static int read_batch(gn_reader *r, gn_batch **batch, gn_err *e)
{
    for (;;) {
        const uint8_t *p = gn_in_begin(r->in), *end = gn_in_end(r->in), *next;
        const char *bad;
        switch (gn_decoder_run(r->decoder, p, end, GN_BATCH, batch, &next, &bad, e)) {
        case GN_DECODE_OK:
            gn_xxh3_64_update(r->sum, p, (size_t)(next - p));
            gn_in_consume(r->in, next);
            r->records += (*batch)->n;
            return GN_EV_BATCH;
        case GN_DECODE_OTHER:
            return r->state == IN_PART ? not_as_planned(r, e) : read_trailer(r, e);
        case GN_DECODE_BAD:
            return fail_here(r, GN_CORRUPT, bad ? bad : "not a record", e);
        case GN_DECODE_INCOMPLETE:
            break;
        }
        if (r->patience && !gn_in_ready(r->in, r->patience))
            return GN_EV_WAIT;
        int more = gn_in_more(r->in, r->max_record, e);
        if (more < 0)
            return -1;
        if (more == 0 && r->state == IN_PART)
            return p == end ? end_part(r, e) : not_as_planned(r, e);
        if (more == 0)
            return truncated(r, e);
    }
}

/* The next input or run: -1, 0, or GN_EV_SEGMENT where that is already read. */
static int begin_next(gn_reader *r, gn_err *e)
{
    if (r->plan)
        return begin_run(r, e);
    r->any = false;
    r->in = gn_in_open(r->paths[r->at++], true, e);
    if (!r->in)
        return -1;
    r->state = AT_SEGMENT;
    return 0;
}

int gn_reader_next(gn_reader *r, gn_batch **batch, gn_err *e)
{
    *batch = NULL;
    for (;;) {
        int ev;
        if (r->state >= IN_SEGMENT)
            return read_batch(r, batch, e);
        if (r->state == AT_SEGMENT) {
            if (r->patience && gn_in_begin(r->in) == gn_in_end(r->in) &&
                !gn_in_ready(r->in, r->patience))
                return GN_EV_WAIT;
            ev = read_header(r, e);
            if (ev < 0 || r->state == IN_SEGMENT)
                return ev < 0 ? -1 : GN_EV_SEGMENT;
            continue;
        }
        if (r->at == r->npaths)
            return GN_EV_EOF;
        ev = begin_next(r, e);
        if (ev)
            return ev;
    }
}

void gn_reader_patience(gn_reader *r, int ms)
{
    r->patience = ms;
}

const gn_header *gn_reader_header(const gn_reader *r)
{
    return &r->header;
}

const gn_trailer *gn_reader_trailer(const gn_reader *r)
{
    return &r->trailer;
}

const char *gn_reader_name(const gn_reader *r)
{
    if (r->in)
        return gn_in_name(r->in);
    if (r->run)
        return r->run->path;
    const char *last = r->paths && r->at ? r->paths[r->at - 1] : "-"; /* all has been read */
    return strcmp(last, "-") == 0 ? "standard input" : last;
}

int gn_reader_want(gn_reader *r, int field, unsigned what, gn_err *e)
{
    return gn_decoder_want(r->decoder, field, what, e);
}

int gn_reader_want_all(gn_reader *r, unsigned what, gn_err *e)
{
    return gn_decoder_want_all(r->decoder, what, e);
}

int gn_reader_field(gn_reader *r, const char *role, const char *field, unsigned types, gn_err *e)
{
    const gn_schema *s = &r->header.schema;
    gn_buf b = {0};
    gn_err ignore = {0};
    int at = gn_schema_find(s, field);
    if (at >= 0 && types >> s->f[at].type & 1)
        return at;
    if (at < 0) {
        for (size_t i = 0; i < s->n && b.n < 400; i++)
            (void)gn_buf_printf(&b, &ignore, "%s%s", i ? ", " : "", s->f[i].name);
        gn_fail(e, GN_INPUT, "'%s': no field '%s' for %s (there are: %.*s)", gn_reader_name(r),
                field, role, (int)b.n, b.p ? (const char *)b.p : "");
    } else {
        for (int t = GN_STR; t <= GN_BIN; t++)
            if (types >> t & 1)
                (void)gn_buf_printf(&b, &ignore, "%s%s", b.n ? " or " : "",
                                    gn_type_name((gn_type)t));
        gn_fail(e, GN_INPUT, "'%s': field '%s' for %s is %s, not %.*s", gn_reader_name(r), field,
                role, gn_type_name(s->f[at].type), (int)b.n, b.p ? (const char *)b.p : "");
    }
    gn_buf_release(&b);
    return -1;
}

uint64_t gn_reader_records(const gn_reader *r)
{
    return r->total + r->records;
}

uint64_t gn_reader_bytes(const gn_reader *r)
{
    return r->bytes_before + (r->in ? gn_in_bytes(r->in) : 0);
}

uint64_t gn_reader_raw_bytes(const gn_reader *r)
{
    return r->raw_before + (r->in ? gn_in_offset(r->in) - gn_in_start(r->in) : 0);
}

double gn_reader_wait(const gn_reader *r)
{
    return r->wait_before + (r->in ? gn_in_wait(r->in) : 0);
}

size_t gn_reader_buffers(const gn_reader *r)
{
    return r->in ? gn_in_buffers(r->in) : 0;
}
