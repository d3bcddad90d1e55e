/* planrates.c - see planrates.h. Lines are parsed by Jansson. */
#include "planrates.h"

#include "../base/num.h"

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The insights job over 10 million events of `gn-gen --model realistic --seed 2 --users 1000000`
 * and the metadata of these users (569 MiB of CSV, of which it reads five columns of the events;
 * 359 MiB as a stream), on two virtual AMD EPYC processors with much other work beside it:
 * conservative. */
void gn_planrates_builtin(gn_planrates *r)
{
    static const gn_planrates builtin = {.basis = 376162611,
                                         .csv_in = 596977943,
                                         .csv_out = 376162611,
                                         .longest = 5556000,
                                         .n = 19,
                                         .rate = {{"gn-fromcsv", GN_PLAN_MAP, 1097000},
                                                  {"gn-partition", GN_PLAN_MAP, 1165000},
                                                  {"gn-agg", GN_PLAN_PARTITIONS, 24582000},
                                                  {"gn-cat", GN_PLAN_PARTITIONS, 1788000},
                                                  {"gn-dau", GN_PLAN_PARTITIONS, 1624000},
                                                  {"gn-join", GN_PLAN_PARTITIONS, 2929000},
                                                  {"gn-select", GN_PLAN_PARTITIONS, 58000},
                                                  {"gn-sessionize", GN_PLAN_PARTITIONS, 865000},
                                                  {"gn-sort", GN_PLAN_PARTITIONS, 2905000},
                                                  {"gn-uniq", GN_PLAN_PARTITIONS, 248000},
                                                  {"gn-where", GN_PLAN_PARTITIONS, 2010000},
                                                  {"gn-agg", GN_PLAN_MERGE, 10001000},
                                                  {"gn-cat", GN_PLAN_MERGE, 2412000},
                                                  {"gn-dau", GN_PLAN_MERGE, 372000},
                                                  {"gn-join", GN_PLAN_MERGE, 59000},
                                                  {"gn-merge", GN_PLAN_MERGE, 422000},
                                                  {"gn-select", GN_PLAN_MERGE, 1927000},
                                                  {"gn-sort", GN_PLAN_MERGE, 20000},
                                                  {"gn-tocsv", GN_PLAN_MERGE, 1165000}}};
    *r = builtin;
}

int gn_planrates_cost(const gn_planrates *r, enum gn_planphase phase, const char *command,
                      uint64_t bytes, uint64_t *cpu, gn_err *e)
{
    gn_u128 sum = 0;
    for (size_t i = 0; i < r->n; i++) {
        gn_u128 product = (gn_u128)r->rate[i].cpu * bytes;
        if (r->rate[i].phase == (int)phase &&
            (!command || strcmp(r->rate[i].command, command) == 0))
            sum += product / r->basis + (product % r->basis != 0);
    }
    if (sum > UINT64_MAX)
        return gn_fail(e, GN_USAGE, "sizes so large cannot be planned for");
    *cpu = (uint64_t)sum;
    return 0;
}

/* ---- trace lines ---- */

typedef struct process {
    char command[GN_PLANRATE_NAME];
    double begin, end; /* seconds */
    uint64_t cpu, in, out;
    bool merge;
} process;

typedef struct processes {
    size_t n, cap;
    process *p;
} processes;

static const char *text_of(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

static uint64_t count_of(const json_t *o, const char *key)
{
    json_int_t v = json_integer_value(json_object_get(o, key));
    return v > 0 ? (uint64_t)v : 0;
}

/* Is there an argument that is the word, or begins with it and "="? */
static bool says(const json_t *argv, const char *word)
{
    size_t i, n = strlen(word);
    json_t *v;
    json_array_foreach(argv, i, v)
    {
        const char *s = json_string_value(v);
        if (s && strncmp(s, word, n) == 0 && (s[n] == 0 || s[n] == '='))
            return true;
    }
    return false;
}

/* One line. Those of processes that failed, and of gn-plan, which does none of the work, are passed
 * over. */
static int take(processes *l, const json_t *o, gn_err *e)
{
    const char *command = text_of(o, "command");
    const json_t *argv = json_object_get(o, "argv");
    double cpu = json_number_value(json_object_get(o, "cpu_s"));
    bool events = !says(argv, "--index") && count_of(o, "records_out"); /* an index has none */
    if (!json_is_integer(json_object_get(o, "status")) || count_of(o, "status") ||
        strcmp(command, "gn-plan") == 0 || strlen(command) >= GN_PLANRATE_NAME)
        return 0;
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 64;
        process *p = gn_realloc(l->p, cap, sizeof *p, e);
        if (!p)
            return -1;
        l->p = p;
        l->cap = cap;
    }
    process *p = &l->p[l->n++];
    *p = (process){.begin = json_number_value(json_object_get(o, "started")),
                   .cpu = cpu > 0 && cpu < 1e12 ? (uint64_t)(cpu * 1e6 + 0.5) : 0,
                   .in = count_of(o, "bytes_in"),
                   .out = events ? count_of(o, "bytes_out") : 0,
                   .merge = strcmp(command, "gn-merge") == 0 || says(argv, "--merge")};
    p->end = p->begin + json_number_value(json_object_get(o, "wall_s"));
    memcpy(p->command, command, strlen(command) + 1);
    return 0;
}

static int read_lines(processes *l, const char *path, gn_err *e)
{
    char *line = NULL;
    size_t cap = 0, number = 0;
    ssize_t n;
    int r = 0;
    FILE *f = fopen(path, "re");
    if (!f)
        return gn_fail_errno(e, GN_IO, "'%s': cannot open", path);
    while (r == 0 && (n = getline(&line, &cap, f)) >= 0) {
        json_t *o = json_loadb(line, (size_t)n, 0, NULL);
        number++;
        if (!json_is_object(o) || !text_of(o, "command") ||
            !json_is_number(json_object_get(o, "cpu_s")))
            r = gn_fail(e, GN_INPUT,
                        "'%s': line %zu: no trace of a command (give what GN_TRACE wrote, or "
                        "gn-plan --calibrate)",
                        path, number);
        else
            r = take(l, o, e);
        json_decref(o);
    }
    if (r == 0 && ferror(f))
        r = gn_fail_errno(e, GN_IO, "'%s': cannot read", path);
    free(line);
    (void)fclose(f);
    return r;
}

static bool ends_jsonl(const char *name)
{
    size_t n = strlen(name);
    return n > 6 && strcmp(name + n - 6, ".jsonl") == 0;
}

static int read_all(processes *l, const char *path, gn_err *e)
{
    DIR *d = opendir(path);
    struct dirent *entry;
    int r = 0;
    if (!d)
        return read_lines(l, path, e);
    while (r == 0 && (entry = readdir(d))) {
        gn_buf name = {0};
        if (!ends_jsonl(entry->d_name))
            continue;
        r = gn_buf_printf(&name, e, "%s/%s", path, entry->d_name) ||
                    read_lines(l, (const char *)name.p, e)
                ? -1
                : 0;
        gn_buf_release(&name);
    }
    (void)closedir(d);
    return r;
}

/* ---- from lines to rates ---- */

static bool is(const process *p, const char *command)
{
    return strcmp(p->command, command) == 0;
}

/* The bytes of stream that the run worked on. */
static uint64_t find_basis(const processes *l, gn_planrates *r)
{
    static const char *const reader[] = {"gn-partition", "gn-sort", "gn-sessionize", "gn-dau",
                                         "gn-agg"};
    uint64_t basis = 0;
    for (size_t i = 0; i < l->n; i++) {
        const process *p = &l->p[i];
        if (is(p, "gn-fromcsv") || is(p, "gn-fromjson"))
            basis += p->out;
        if (is(p, "gn-fromcsv") && p->out) {
            r->csv_in += p->in;
            r->csv_out += p->out;
        }
    }
    if (r->csv_out / 2 > r->csv_in) /* it was compressed: that says nothing about CSV */
        r->csv_in = r->csv_out = 0;
    for (size_t k = 0; basis == 0 && k < sizeof reader / sizeof *reader; k++)
        for (size_t i = 0; i < l->n; i++)
            basis += is(&l->p[i], reader[k]) ? l->p[i].in : 0;
    return basis;
}

/* When the last process of the command ended; false where there is none. */
static bool last_end(const processes *l, const char *command, double *end)
{
    bool found = false;
    for (size_t i = 0; i < l->n; i++)
        if (is(&l->p[i], command)) {
            *end = !found || l->p[i].end > *end ? l->p[i].end : *end;
            found = true;
        }
    return found;
}

static int add(gn_planrates *r, const process *p, int phase, gn_err *e)
{
    size_t i = 0;
    while (i < r->n && (r->rate[i].phase < phase ||
                        (r->rate[i].phase == phase && strcmp(r->rate[i].command, p->command) < 0)))
        i++;
    if (i == r->n || r->rate[i].phase != phase || !is(p, r->rate[i].command)) {
        if (r->n == GN_PLANRATES_MAX)
            return gn_fail(e, GN_INPUT, "rates of more than %d commands", GN_PLANRATES_MAX);
        memmove(&r->rate[i + 1], &r->rate[i], (r->n++ - i) * sizeof *r->rate);
        r->rate[i] = (gn_planrate){.phase = phase};
        memcpy(r->rate[i].command, p->command, sizeof p->command);
    }
    r->rate[i].cpu += p->cpu;
    if (phase == GN_PLAN_MERGE && p->cpu > r->longest)
        r->longest = p->cpu;
    return 0;
}

static int sum_up(gn_planrates *r, const processes *l, gn_err *e)
{
    double mapped = 0, merged = 0;
    bool maps = last_end(l, "gn-partition", &mapped) || last_end(l, "gn-fromcsv", &mapped);
    bool merges = false;
    for (size_t i = 0; i < l->n; i++)
        if (l->p[i].merge) {
            merged = !merges || l->p[i].begin < merged ? l->p[i].begin : merged;
            merges = true;
        }
    for (size_t i = 0; i < l->n; i++) {
        int phase = maps && l->p[i].begin < mapped   ? GN_PLAN_MAP
                    : merges && l->p[i].end > merged ? GN_PLAN_MERGE
                                                     : GN_PLAN_PARTITIONS;
        if (add(r, &l->p[i], phase, e))
            return -1;
    }
    return 0;
}

int gn_planrates_read(gn_planrates *r, const char *path, gn_err *e)
{
    processes l = {0};
    *r = (gn_planrates){.measured = true};
    int s = read_all(&l, path, e);
    if (s == 0 && (r->basis = find_basis(&l, r)) == 0)
        s = gn_fail(e, GN_INPUT, "'%s': no trace of a command that read events", path);
    if (s == 0)
        s = sum_up(r, &l, e);
    free(l.p);
    return s;
}
