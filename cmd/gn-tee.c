/* gn-tee - a stream to several commands and files at once, and on to standard output.
 *
 * Needs: any order. Memory: streaming. The bytes of headers, records and trailers go on as they
 * came, batch by batch, each when it is verified. The last trailer waits, for standard output,
 * until the branches have ended well: if one fails, what is downstream hears of it. */
#include "app/app.h"
#include "op/branch.h"
#include "stream/tap.h"

#include <stdlib.h>
#include <string.h>

struct options {
    gn_list to;
};

struct file {
    gn_writer *w; /* the app's */
    bool closed;  /* a FIFO whose reader has had enough */
};

struct state {
    gn_tap *tap;
    gn_branch *branch;
    size_t nbranches;
    struct file *file;
    size_t nfiles;
    gn_buf trailer; /* held back from standard output */
    bool closed;    /* standard output has had enough */
    gn_err why;
};

static const gn_opt opts[] = {
    {"to", 0, "COMMAND", "feed this shell command; may be given more than once", GN_OPT_LIST,
     offsetof(struct options, to), false, 0, 0},
    {0},
};

/* The branches' end. After a failure they hear of it, and theirs is of no interest. */
static int end_branches(gn_app *a, bool failed)
{
    struct state *s = a->state;
    gn_err ignore = {0}, *e = failed ? &ignore : &a->err;
    int r = 0;
    for (size_t i = 0; failed && i < s->nfiles; i++)
        if (s->file[i].w && gn_writer_fail(s->file[i].w, a->filter->name, a->err.status, e) == 0)
            (void)gn_writer_flush(s->file[i].w, e);
    for (size_t i = 0; i < s->nbranches; i++) {
        if (failed)
            gn_branch_fail(&s->branch[i], a->filter->name, a->err.status);
        r |= gn_branch_end(&s->branch[i], e);
    }
    for (size_t i = 0; i < s->nbranches; i++)
        r |= gn_branch_wait(&s->branch[i], e);
    return failed || r ? -1 : 0;
}

static int start(gn_app *a)
{
    const struct options *o = a->opt;
    struct state *s = a->state;
    gn_err *e = &a->err;
    s->file = gn_calloc(a->files.n, sizeof *s->file, e);
    s->branch = gn_calloc(o->to.n, sizeof *s->branch, e);
    if (!s->file || !s->branch || !(s->tap = gn_tap_open(a->common.max_record, e)))
        return -1;
    for (; s->nfiles < a->files.n; s->nfiles++)
        if (!(s->file[s->nfiles].w = gn_app_also(a, a->files.v[s->nfiles])))
            return -1;
    for (size_t i = 0; i < o->to.n; i++) {
        s->nbranches++;
        if (gn_branch_start(&s->branch[i], o->to.v[i], e))
            return end_branches(a, true);
    }
    return 0;
}

/* Is somebody left who takes bytes? If not, the end is that of any closed pipe. */
static int anybody(gn_app *a)
{
    struct state *s = a->state;
    bool any = !s->closed;
    for (size_t i = 0; i < s->nfiles; i++)
        any = any || !s->file[i].closed;
    for (size_t i = 0; i < s->nbranches; i++)
        any = any || !s->branch[i].closed;
    if (!any)
        a->err = s->why;
    return any ? 0 : -1;
}

static int judge_output(gn_app *a, int r)
{
    struct state *s = a->state;
    if (r && !s->why.closed) {
        a->err = s->why;
        return -1;
    }
    s->closed = r != 0;
    return r ? anybody(a) : 0;
}

/* To standard output. */
static int put(gn_app *a, const void *p, size_t n, uint64_t records)
{
    struct state *s = a->state;
    if (s->closed)
        return 0;
    return judge_output(a, gn_writer_raw(a->w, p, n, records, &s->why));
}

static int put_trailer(gn_app *a)
{
    struct state *s = a->state;
    size_t n = s->trailer.n;
    s->trailer.n = 0;
    return n ? put(a, s->trailer.p, n, 0) : 0;
}

static int judge_file(gn_app *a, struct file *f, const gn_err *why)
{
    f->closed = why->closed;
    if (!why->closed)
        a->err = *why;
    return why->closed ? 0 : -1;
}

static int pass(gn_app *a, int ev, const gn_tapped *x)
{
    struct state *s = a->state;
    gn_err *e = &a->err;
    bool closed = false;
    for (size_t i = 0; i < s->nfiles; i++) {
        struct file *f = &s->file[i];
        gn_err why = {0};
        if (!f->closed && gn_writer_raw(f->w, x->p, x->n, x->records, &why) &&
            judge_file(a, f, &why))
            return -1;
        closed = closed || f->closed;
    }
    for (size_t i = 0; i < s->nbranches; i++) {
        if (gn_branch_write(&s->branch[i], x->p, x->n, e))
            return -1;
        closed = closed || s->branch[i].closed;
    }
    if (closed && s->closed && anybody(a))
        return -1;
    if (ev == GN_EV_SEGMENT && put_trailer(a))
        return -1;
    return ev == GN_EV_END ? gn_buf_add(&s->trailer, x->p, x->n, e)
                           : put(a, x->p, x->n, x->records);
}

static int run(gn_app *a)
{
    struct state *s = a->state;
    gn_tapped x;
    int ev;
    while ((ev = gn_tap_next(s->tap, &x, &a->err)) > 0)
        if (pass(a, ev, &x))
            break;
    gn_app_records_in(a, gn_tap_records(s->tap), gn_tap_bytes(s->tap));
    uint64_t closed = 0;
    for (size_t i = 0; ev == GN_EV_EOF && i < s->nfiles; i++) {
        struct file *f = &s->file[i];
        gn_err why = {0};
        if (!f->closed && gn_writer_flush(f->w, &why) && judge_file(a, f, &why))
            ev = -1;
        closed += f->closed;
    }
    if (ev != GN_EV_EOF && a->err.closed) { /* nobody is left: why is for the branches to say */
        a->err = (gn_err){0};
        if (end_branches(a, false) == 0)
            a->err = s->why;
        return -1;
    }
    if (end_branches(a, ev != GN_EV_EOF))
        return -1;
    if (put_trailer(a))
        return -1;
    if (!s->closed && judge_output(a, gn_writer_flush(a->w, &s->why)))
        return -1;
    closed += s->closed;
    for (size_t i = 0; i < s->nbranches; i++)
        closed += s->branch[i].closed;
    gn_app_count(a, "branches", s->nbranches);
    gn_app_count(a, "files", s->nfiles);
    gn_app_count(a, "closed_early", closed);
    return 0;
}

static void release(gn_app *a)
{
    struct state *s = a->state;
    for (size_t i = 0; i < s->nbranches; i++)
        gn_branch_release(&s->branch[i]);
    gn_tap_close(s->tap);
    free(s->branch);
    free(s->file);
    gn_buf_release(&s->trailer);
    memset(s, 0, sizeof *s);
}

static const gn_example examples[] = {
    {"two reports from one reading", "gn-cat events.gn.zst | gn-tee --to 'gn-dau -o dau.gn' --to "
                                     "'gn-dau --by month -o mau.gn' >/dev/null"},
    {"keep what goes by", "gn-fromcsv events.csv | gn-tee events.gn.zst | gn-dau | gn-view"},
    {NULL, NULL},
};

static const gn_filter filter = {
    .name = "gn-tee",
    .summary = "pass a stream on, and to commands and files",
    .operands = "[TARGET...]",
    .order = "none",
    .memory = "streaming",
    .flags = GN_APP_STREAM_OUT,
    .opts = opts,
    .opt_size = sizeof(struct options),
    .state_size = sizeof(struct state),
    .examples = examples,
    .start = start,
    .run = run,
    .release = release,
};

int main(int argc, char **argv)
{
    return gn_app_run(&filter, argc, argv);
}
