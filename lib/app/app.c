/* app.c - see app.h. */
#include "app.h"

#include "../base/parse.h"
#include "../base/sig.h"
#include "../op/parts.h"
#include "../stream/split.h"
#include "../stream/text.h"
#include "trace.h"

#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMORY_DEFAULT ((size_t)256 << 20)
#define MEMORY_FLOOR ((size_t)16 << 20)
#define MAX_RECORD_CEILING ((size_t)64 << 20)
#define ALSO_MAX 16
#define COMMON_MAX 12

typedef struct also {
    const char *path;
    gn_out *out;
    gn_writer *w;
} also;

struct gn_app_private {
    gn_opt common_opts[COMMON_MAX]; /* the app's own options, as the filter's flags say */
    gn_buf options;
    gn_id *roots; /* of the inputs read so far */
    size_t nroots;
    also also[ALSO_MAX];
    size_t nalso;
    gn_trace trace;
};

/* ---- options ---- */

/* What each of the app's own options needs of the filter's flags; 0: always there. */
static const struct {
    unsigned flags;
    gn_opt opt;
} common_opts[] = {
    {GN_APP_STREAM_OUT | GN_APP_TEXT_OUT,
     {"output", 'o', "FILE",
      "write to FILE, which appears only when it is whole (default: standard output)", GN_OPT_TEXT,
      offsetof(gn_common, output), false, 0, 0}},
    {GN_APP_STREAM_OUT | GN_APP_TEXT_OUT,
     {"zstd", 'z', "LEVEL",
      "compress the output (default level 1; implied by a name that ends in .zst)", GN_OPT_OPTIONAL,
      offsetof(gn_common, zstd), false, 0, 0}},
    {GN_APP_MEMORY,
     {"memory", 'm', "SIZE", "memory for the state (default 256M, at least 16M)", GN_OPT_SIZE,
      offsetof(gn_common, memory), false, 0, 0}},
    {GN_APP_TEMP,
     {"temp-dir", 'T', "DIR", "directory for temporary files (default: GN_TMPDIR, TMPDIR or /tmp)",
      GN_OPT_TEXT, offsetof(gn_common, temp_dir), false, 0, 0}},
    {GN_APP_TZ,
     {"tz", 0, "ZONE", "IANA time zone in which days begin (default UTC)", GN_OPT_TEXT,
      offsetof(gn_common, tz), true, 0, 0}},
    {0,
     {"max-record", 0, "SIZE", "the longest record or row accepted (default 32M, at most 64M)",
      GN_OPT_SIZE, offsetof(gn_common, max_record), false, 0, 0}},
    {0,
     {"stats", 0, "FILE", "write statistics as one JSON object (default: to standard error)",
      GN_OPT_OPTIONAL, offsetof(gn_common, stats), false, 0, 0}},
    {0,
     {"quiet", 'q', NULL, "print no notes, only errors", GN_OPT_FLAG, offsetof(gn_common, quiet),
      false, 0, 0}},
    {0,
     {"verbose", 'v', NULL, "also tell of failures upstream", GN_OPT_FLAG,
      offsetof(gn_common, verbose), false, 0, 0}},
    {0,
     {"help", 'h', "mdoc", "print this help; with =mdoc the options as manual page source",
      GN_OPT_OPTIONAL, offsetof(gn_common, help), false, 0, 0}},
    {0,
     {"version", 0, NULL, "print the version", GN_OPT_FLAG, offsetof(gn_common, version), false, 0,
      0}},
};

static void pick_common(gn_opt *to, unsigned flags)
{
    size_t n = 0;
    for (size_t i = 0; i < sizeof common_opts / sizeof *common_opts; i++)
        if (!common_opts[i].flags || common_opts[i].flags & flags)
            to[n++] = common_opts[i].opt;
    to[n] = (gn_opt){0};
}

static int put(const char *text, size_t n, gn_err *e)
{
    if (n && fwrite(text, 1, n, stdout) != n)
        return gn_fail_errno(e, GN_IO, "'standard output': cannot write");
    return 0;
}

static int print_help(gn_app *a)
{
    const gn_filter *f = a->filter;
    gn_err *e = &a->err;
    gn_buf b = {0};
    int r = -1;
    if (strcmp(a->common.help, "mdoc") == 0) {
        if (gn_opt_mdoc(f->opts, &b, e) || gn_opt_mdoc(a->priv->common_opts, &b, e))
            goto done;
    } else if (*a->common.help) {
        gn_fail(e, GN_USAGE, "--help: '%s' is not mdoc", a->common.help);
        goto done;
    } else {
        if (gn_buf_printf(&b, e, "usage: %s [OPTION...]%s%s\n\n%s\n\n", f->name,
                          *f->operands ? " " : "", f->operands, f->summary) ||
            gn_opt_help(f->opts, &b, e) || gn_opt_help(a->priv->common_opts, &b, e) ||
            gn_buf_printf(&b, e, "\norder needed: %s; memory: %s\n", f->order, f->memory))
            goto done;
        for (const gn_example *x = f->examples; x && x->command; x++)
            if (gn_buf_printf(&b, e, "%s\n  %s\n      %s\n", x == f->examples ? "\nexamples:" : "",
                              x->what, x->command))
                goto done;
        if (gn_buf_printf(&b, e, "\nsee also: man %s, man 7 gn\n", f->name))
            goto done;
    }
    r = put((const char *)b.p, b.n, e);
done:
    gn_buf_release(&b);
    return r;
}

const char *gn_app_take_operand(gn_app *a)
{
    gn_list *l = &a->files;
    if (l->n == 0)
        return NULL;
    const char *first = l->v[0];
    l->n--;
    memmove(l->v, l->v + 1, l->n * sizeof *l->v);
    return first;
}

static int parse_options(gn_app *a, int argc, char **argv)
{
    const gn_filter *f = a->filter;
    gn_err *e = &a->err;
    pick_common(a->priv->common_opts, f->flags);
    const gn_opt *tables[] = {f->opts, a->priv->common_opts};
    void *base[] = {a->opt, &a->common};
    if (gn_opt_parse(argc, argv, tables, base, 2, &a->files, e))
        return -1;
    if (a->common.help || a->common.version)
        return 0;
    if (f->take_operands && f->take_operands(a))
        return -1;
    if (f->flags & GN_APP_NO_OPERANDS && a->files.n)
        return gn_fail(e, GN_USAGE, "takes no files, got '%s' (see --help)", a->files.v[0]);
    if (a->common.memory < MEMORY_FLOOR)
        return gn_fail(e, GN_USAGE, "--memory: at least 16M is needed");
    if (a->common.max_record == 0 || a->common.max_record > MAX_RECORD_CEILING)
        return gn_fail(e, GN_USAGE, "--max-record: from 1 to 64M");
    a->budget.cap = a->common.memory;
    if (f->flags & GN_APP_TZ && !(a->zone = gn_zone_open(a->common.tz, e)))
        return -1;
    /* What affects the result, for provenance and partial states. */
    static const gn_common common_defaults = {.tz = "UTC"};
    void *defaults = gn_calloc(1, f->opt_size, e);
    if (!defaults)
        return -1;
    if (f->defaults)
        memcpy(defaults, f->defaults, f->opt_size);
    int r = gn_opt_describe(f->opts, a->opt, defaults, &a->priv->options, e);
    free(defaults);
    if (r ||
        gn_opt_describe(a->priv->common_opts, &a->common, &common_defaults, &a->priv->options, e))
        return -1;
    a->options = (const char *)a->priv->options.p;
    return f->check ? f->check(a) : 0;
}

/* ---- outputs ---- */

static bool ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), m = strlen(tail);
    return n >= m && strcmp(s + n - m, tail) == 0;
}

int gn_app_zstd_level(const char *z, const char *path, int *level, gn_err *e)
{
    int64_t v = 1;
    *level = 0;
    if (!z && !(path && ends_with(path, ".zst")))
        return 0;
    if (z && *z && (!gn_parse_int(z, strlen(z), &v) || v < 1 || v > 19))
        return gn_fail(e, GN_USAGE, "--zstd: '%s' is not a level from 1 to 19", z);
    *level = (int)v;
    return 0;
}

static int open_output(gn_app *a)
{
    gn_err *e = &a->err;
    int level;
    if (!(a->filter->flags & (GN_APP_STREAM_OUT | GN_APP_TEXT_OUT)))
        return 0;
    if (gn_app_zstd_level(a->common.zstd, a->common.output, &level, e) ||
        !(a->out = gn_out_open(a->common.output, level, e)))
        return -1;
    bool binary = a->filter->flags & GN_APP_STREAM_OUT || level;
    if (binary && gn_out_is_tty(a->out))
        return gn_fail(e, GN_USAGE,
                       "the output is binary and would go to a terminal: pipe it to "
                       "gn-view or give -o");
    if (a->filter->flags & GN_APP_STREAM_OUT && !(a->w = gn_writer_new(a->out, e)))
        return -1;
    return 0;
}

int gn_app_merge_end(gn_app *a)
{
    const gn_trailer *t = gn_reader_trailer(a->reader);
    if (t->records == 0) /* nothing cannot be counted twice */
        return 0;
    if (!t->lineage.covered)
        gn_app_count(a, "states_without_cover", 1);
    if (gn_lineage_overlaps(&a->lineage, &t->lineage))
        return gn_fail(&a->err, GN_INPUT,
                       "'%s': it covers records that an earlier input covers too: they would be "
                       "counted twice",
                       gn_reader_name(a->reader));
    return 0;
}

int gn_app_merge_finish(gn_app *a, bool allow_missing)
{
    if (allow_missing || !a->lineage.covered || gn_lineage_whole(&a->lineage))
        return 0;
    return gn_fail(&a->err, GN_INPUT,
                   "parts of the sources are missing from the merged states (give all parts, or "
                   "--allow-partial)");
}

gn_writer *gn_app_also(gn_app *a, const char *path)
{
    struct gn_app_private *p = a->priv;
    int level;
    if (p->nalso == ALSO_MAX) {
        gn_fail(&a->err, GN_USAGE, "more than %d further outputs", ALSO_MAX);
        return NULL;
    }
    if (gn_app_zstd_level(a->common.zstd, path, &level, &a->err))
        return NULL;
    const char *main_output = a->common.output ? a->common.output : "-";
    bool taken = a->out && strcmp(path, main_output) == 0;
    for (size_t i = 0; i < p->nalso; i++)
        taken |= strcmp(path, p->also[i].path) == 0;
    struct stat st; /* /dev/null takes any number */
    if (taken && !(stat(path, &st) == 0 && S_ISCHR(st.st_mode))) {
        gn_fail(&a->err, GN_USAGE, "'%s': two outputs to the same place", path);
        return NULL;
    }
    also *o = &p->also[p->nalso];
    o->path = path;
    if (!(o->out = gn_out_open(path, level, &a->err)))
        return NULL;
    p->nalso++;
    if (gn_out_is_tty(o->out)) {
        gn_fail(&a->err, GN_USAGE,
                "'%s': the output is binary and would go to a terminal: pipe it to gn-view", path);
        return NULL;
    }
    return o->w = gn_writer_new(o->out, &a->err);
}

int gn_app_begin(gn_app *a, const gn_header *h)
{
    return gn_writer_begin(a->w, h, &a->err);
}

int gn_app_lineage(gn_app *a, const gn_lineage *from, bool drop_cover, gn_lineage *to)
{
    gn_id *parents = NULL;
    size_t n = 0;
    int r = -1;
    gn_err *e = &a->err;
    *to = (gn_lineage){0};
    if (gn_lineage_copy(to, from, e))
        return -1;
    if (from == &a->lineage) {
        n = a->priv->nroots;
    } else if (from->has_root) {
        n = 1;
    } else { /* at the edge: the sources themselves */
        n = from->nsources;
    }
    if (!(parents = gn_alloc(n, sizeof *parents, e)))
        goto done;
    for (size_t i = 0; i < n; i++)
        parents[i] = from == &a->lineage ? a->priv->roots[i]
                     : from->has_root    ? from->root
                                         : from->source[i].id;
    if (gn_lineage_add_node(to, a->filter->name, GN_VERSION, a->options, parents, n, e))
        goto done;
    if (drop_cover)
        gn_lineage_drop_cover(to);
    r = 0;
done:
    free(parents);
    if (r)
        gn_lineage_release(to);
    return r;
}

static int end_with(gn_app *a, gn_writer *w, const gn_lineage *from, bool drop_cover)
{
    gn_lineage l;
    if (gn_app_lineage(a, from, drop_cover, &l))
        return -1;
    int r = gn_writer_end(w, &l, &a->err);
    gn_lineage_release(&l);
    return r;
}

int gn_app_end_segment(gn_app *a, const gn_lineage *from, bool drop_cover)
{
    return end_with(a, a->w, from, drop_cover);
}

int gn_app_end_also(gn_app *a, gn_writer *w, const gn_lineage *from, bool drop_cover)
{
    return end_with(a, w, from, drop_cover);
}

/* ---- inputs ---- */

int gn_app_input_ended(gn_app *a, const gn_lineage *l)
{
    struct gn_app_private *p = a->priv;
    if (gn_lineage_merge(&a->lineage, l, &a->err))
        return -1;
    if (!l->has_root)
        return 0;
    for (size_t i = 0; i < p->nroots; i++)
        if (gn_id_cmp(p->roots[i], l->root) == 0)
            return 0;
    gn_id *r = gn_realloc(p->roots, p->nroots + 1, sizeof *r, &a->err);
    if (!r)
        return -1;
    p->roots = r;
    r[p->nroots++] = l->root;
    return 0;
}

int gn_app_part(gn_app *a, const char *part)
{
    int64_t i;
    if (!gn_parse_int(part, strlen(part), &i) || i < 0)
        return gn_fail(&a->err, GN_USAGE, "--part: '%s' is not the number of a part", part);
    if (a->files.n == 0)
        return gn_fail(&a->err, GN_USAGE, "--part reads directories that gn-partition wrote");
    a->plan = gn_parts_plan(a->files.v, a->files.n, (uint64_t)i, a->common.max_record, &a->err);
    return a->plan ? 0 : -1;
}

static int call(gn_app *a, int (*hook)(gn_app *))
{
    return hook ? hook(a) : 0;
}

bool gn_app_live(const gn_app *a)
{
    bool direct = !a->common.output || strcmp(a->common.output, "-") == 0;
    return a->out && direct && !a->common.zstd;
}

/* Nothing came in for a while: who reads our standard output need not wait for a full buffer. */
static int flush_live(gn_app *a)
{
    return gn_app_live(a) ? gn_out_flush(a->out, &a->err) : 0;
}

static int run_filter(gn_app *a)
{
    const gn_filter *f = a->filter;
    gn_batch *batch;
    int ev;
    if (!(f->flags & GN_APP_STREAM_IN) || a->own_inputs)
        return call(a, f->run);
    gn_plan *plan = a->plan;
    a->plan = NULL;
    a->reader = plan       ? gn_reader_planned(plan, a->common.max_record, &a->err)
                : a->parts ? gn_split_open(a->files.v, a->files.n, a->part, a->parts,
                                           a->common.max_record, &a->err)
                           : gn_reader_open(a->files.v, a->files.n, a->common.max_record, &a->err);
    if (!a->reader)
        return -1;
    gn_reader_patience(a->reader, GN_APP_PATIENCE);
    while (!a->done && (ev = gn_reader_next(a->reader, &batch, &a->err)) != GN_EV_EOF) {
        int r = -1;
        if (ev == GN_EV_SEGMENT)
            r = call(a, f->segment);
        else if (ev == GN_EV_BATCH)
            r = f->batch(a, batch);
        else if (ev == GN_EV_END)
            r = call(a, f->end) || gn_app_input_ended(a, &gn_reader_trailer(a->reader)->lineage)
                    ? -1
                    : 0;
        else if (ev == GN_EV_WAIT)
            r = call(a, f->wait) || flush_live(a) ? -1 : 0;
        if (r)
            return -1;
    }
    return 0;
}

/* End, sync and name every output; standard output last, since it cannot be taken back. */
static int finish_outputs(gn_app *a)
{
    struct gn_app_private *p = a->priv;
    gn_err *e = &a->err;
    for (size_t i = 0; i < p->nalso; i++)
        if ((gn_writer_open(p->also[i].w) && end_with(a, p->also[i].w, &a->lineage, false)) ||
            gn_out_finish(p->also[i].out, e))
            return -1;
    if (a->w && gn_writer_open(a->w) && end_with(a, a->w, &a->lineage, false))
        return -1;
    if (a->out && gn_out_finish(a->out, e))
        return -1;
    if (call(a, a->filter->commit))
        return -1;
    for (size_t i = 0; i < p->nalso; i++)
        if (gn_out_commit(p->also[i].out, e))
            return -1;
    return a->out ? gn_out_commit(a->out, e) : 0;
}

/* Tell the reader downstream, unless there is none or nothing of ours will be seen. */
static void tell_downstream(gn_app *a)
{
    gn_err ignore = {0};
    bool direct = !a->common.output || strcmp(a->common.output, "-") == 0;
    if (!(a->filter->flags & GN_APP_STREAM_OUT) || a->err.closed)
        return;
    if (!a->out && direct && !isatty(STDOUT_FILENO))
        a->out = gn_out_open(NULL, 0, &ignore);
    if (a->out && !a->w)
        a->w = gn_writer_new(a->out, &ignore);
    if (a->w && !gn_out_is_tty(a->out) &&
        gn_writer_fail(a->w, a->filter->name, a->err.status, &ignore) == 0)
        (void)gn_out_finish(a->out, &ignore);
}

/* One line to standard error. Names of files and fields come from outside: what could move the
 * cursor of a terminal is escaped. */
static void print_line(const gn_app *a, const char *kind, const char *text)
{
    gn_buf b = {0};
    gn_err ignore = {0};
    if (gn_text_safe(&b, text, strlen(text), &ignore) == 0)
        fprintf(stderr, "%s: %s: %.*s\n", a->filter->name, kind, (int)b.n, (const char *)b.p);
    gn_buf_release(&b);
}

static void print_error(const gn_app *a)
{
    const gn_err *e = &a->err;
    if (e->closed || gn_sig_caught())
        return;
    if (!e->silent)
        print_line(a, "error", e->msg);
    else if (a->common.verbose)
        print_line(a, "note", e->msg);
}

static void release(gn_app *a)
{
    struct gn_app_private *p = a->priv;
    const gn_filter *f = a->filter;
    if (f->release && a->state)
        f->release(a);
    gn_reader_close(a->reader);
    gn_plan_free(a->plan);
    gn_writer_free(a->w);
    gn_out_close(a->out);
    gn_zone_free(a->zone);
    gn_lineage_release(&a->lineage);
    if (p) {
        for (size_t i = 0; i < p->nalso; i++) {
            gn_writer_free(p->also[i].w);
            gn_out_close(p->also[i].out);
        }
        gn_buf_release(&p->options);
        free(p->roots);
        free(p);
    }
    if (a->opt)
        gn_opt_release(f->opts, a->opt);
    free(a->opt);
    free(a->state);
    free(a->files.v);
}

static void fill_trace(gn_app *a)
{
    gn_trace *t = &a->priv->trace;
    if (a->reader) {
        t->records_in = gn_reader_records(a->reader);
        t->bytes_in = gn_reader_bytes(a->reader);
        t->wait_in = gn_reader_wait(a->reader);
    }
    if (a->w)
        t->records_out = gn_writer_records(a->w);
    if (a->out) {
        t->bytes_out = gn_out_bytes(a->out);
        t->wait_out = gn_out_wait(a->out);
    }
    t->memory_peak = a->budget.peak;
}

int gn_app_run(const gn_filter *f, int argc, char **argv)
{
    gn_app a = {.filter = f, .status = GN_OK, .lineage = {.covered = true}, .options = ""};
    gn_err *e = &a.err;
    a.common = (gn_common){.memory = MEMORY_DEFAULT, .tz = "UTC", .max_record = GN_MAX_RECORD};
    a.priv = gn_calloc(1, sizeof *a.priv, e);
    a.opt = gn_calloc(1, f->opt_size, e);
    a.state = gn_calloc(1, f->state_size, e);
    int r = -1;
    if (!a.priv || !a.opt || !a.state)
        goto end;
    if (f->defaults)
        memcpy(a.opt, f->defaults, f->opt_size);
    gn_trace_begin(&a.priv->trace, f->name, argc, argv);
    if (gn_sig_install(e) || parse_options(&a, argc, argv))
        goto end;
    if (a.common.help || a.common.version) {
        r = a.common.help ? print_help(&a) : 0;
        if (a.common.version && !a.common.help && printf("%s %s\n", f->name, GN_VERSION) < 0)
            r = gn_fail_errno(e, GN_IO, "'standard output': cannot write");
        if (r == 0 && fflush(stdout) != 0)
            r = gn_fail_errno(e, GN_IO, "'standard output': cannot write");
        goto end;
    }
    r = open_output(&a) || call(&a, f->start) || run_filter(&a) || call(&a, f->finish) ||
                finish_outputs(&a)
            ? -1
            : 0;
    if (r)
        tell_downstream(&a);
end:
    if (r && a.err.status == GN_USAGE && !a.out)
        tell_downstream(&a);
    if (r && a.err.status == GN_OK)
        gn_fail(e, GN_BUG, "a failure without a message: please report it");
    if (r)
        print_error(&a);
    int status = r ? a.err.status : a.status;
    if (a.priv && !a.common.help && !a.common.version) {
        fill_trace(&a);
        gn_err te = {0};
        if (gn_trace_end(&a.priv->trace, status, e->closed, a.common.stats, &te) && !r) {
            print_line(&a, "error", te.msg);
            status = te.status;
        }
    }
    bool closed = r && e->closed;
    release(&a);
    if (closed)
        gn_sig_die(SIGPIPE);
    if (r && gn_sig_caught())
        gn_sig_die(gn_sig_caught());
    return status;
}

/* ---- statistics and notes ---- */

void gn_app_count(gn_app *a, const char *name, uint64_t n)
{
    gn_trace_count(&a->priv->trace, name, n);
}

void gn_app_say(gn_app *a, const char *name, const char *text)
{
    gn_trace_say(&a->priv->trace, name, text);
}

void gn_app_figure(gn_app *a, const char *name, double x)
{
    gn_trace_figure(&a->priv->trace, name, x);
}

void gn_app_records_in(gn_app *a, uint64_t n, uint64_t bytes)
{
    a->priv->trace.records_in = n;
    a->priv->trace.bytes_in = bytes;
}

void gn_app_records_out(gn_app *a, uint64_t n, uint64_t bytes, double wait)
{
    a->priv->trace.records_out = n;
    a->priv->trace.bytes_out = bytes;
    a->priv->trace.wait_out = wait;
}

void gn_app_note(gn_app *a, const char *fmt, ...)
{
    if (a->common.quiet)
        return;
    va_list ap;
    char text[1000];
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    print_line(a, "note", text);
}
