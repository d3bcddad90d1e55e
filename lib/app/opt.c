/* opt.c - see opt.h. */
#include "opt.h"

#include "../base/parse.h"

#include <stdlib.h>
#include <string.h>

static bool takes_argument(const gn_opt *o)
{
    return o->kind != GN_OPT_FLAG && o->kind != GN_OPT_UNFLAG && o->kind != GN_OPT_OPTIONAL;
}

/* "a|b|c": the index of text, or -1. */
static int choice(const char *choices, const char *text)
{
    size_t n = strlen(text);
    int at = 0;
    for (const char *p = choices;; at++) {
        size_t len = strcspn(p, "|");
        if (len == n && memcmp(p, text, n) == 0)
            return at;
        if (!p[len])
            return -1;
        p += len + 1;
    }
}

static int set(const gn_opt *o, void *base, const char *text, gn_err *e)
{
    void *at = (char *)base + o->offset;
    switch (o->kind) {
    case GN_OPT_FLAG:
        *(bool *)at = true;
        return 0;
    case GN_OPT_UNFLAG:
        *(bool *)at = false;
        return 0;
    case GN_OPT_TEXT:
        *(const char **)at = text;
        return 0;
    case GN_OPT_OPTIONAL:
        *(const char **)at = text ? text : "";
        return 0;
    case GN_OPT_LIST: {
        gn_list *l = at;
        const char **v = gn_realloc(l->v, l->n + 1, sizeof *v, e);
        if (!v)
            return -1;
        l->v = v;
        v[l->n++] = text;
        return 0;
    }
    case GN_OPT_SIZE:
        return gn_parse_size(text, at, e);
    case GN_OPT_DURATION:
        return gn_parse_duration(text, 1000, at, e);
    case GN_OPT_INT: {
        int64_t v;
        if (!gn_parse_int(text, strlen(text), &v) || v < o->min || v > o->max)
            return gn_fail(e, GN_USAGE, "--%s: '%s' is not a whole number from %lld to %lld",
                           o->name, text, (long long)o->min, (long long)o->max);
        *(int64_t *)at = v;
        return 0;
    }
    case GN_OPT_CHOICE: {
        int v = choice(o->arg, text);
        if (v < 0)
            return gn_fail(e, GN_USAGE, "--%s: '%s' is none of %s", o->name, text, o->arg);
        *(int *)at = v;
        return 0;
    }
    }
    return gn_fail(e, GN_BUG, "--%s: an option of no kind", o->name);
}

static const gn_opt *find(const gn_opt *const *tables, void *const *base, size_t ntables,
                          const char *name, size_t n, char letter, void **at)
{
    for (size_t t = 0; t < ntables; t++)
        for (const gn_opt *o = tables[t]; o && o->name; o++)
            if (letter ? o->letter == letter
                       : strlen(o->name) == n && memcmp(o->name, name, n) == 0) {
                *at = base[t];
                return o;
            }
    return NULL;
}

int gn_opt_parse(int argc, char **argv, const gn_opt *const *tables, void *const *base,
                 size_t ntables, gn_list *operands, gn_err *e)
{
    bool only_operands = false;
    void *at;
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i];
        if (only_operands || a[0] != '-' || a[1] == 0) {
            const char **v = gn_realloc(operands->v, operands->n + 1, sizeof *v, e);
            if (!v)
                return -1;
            operands->v = v;
            v[operands->n++] = a;
        } else if (strcmp(a, "--") == 0) {
            only_operands = true;
        } else if (a[1] == '-') {
            const char *eq = strchr(a, '=');
            size_t n = eq ? (size_t)(eq - a - 2) : strlen(a + 2);
            const gn_opt *o = find(tables, base, ntables, a + 2, n, 0, &at);
            if (!o)
                return gn_fail(e, GN_USAGE, "unknown option '%.*s' (see --help)", (int)n + 2, a);
            const char *text = eq ? eq + 1 : NULL;
            if (text && (o->kind == GN_OPT_FLAG || o->kind == GN_OPT_UNFLAG))
                return gn_fail(e, GN_USAGE, "option '--%s' takes no argument", o->name);
            if (!text && takes_argument(o) && !(text = argv[++i]))
                return gn_fail(e, GN_USAGE, "option '--%s' needs an argument", o->name);
            if (set(o, at, text, e))
                return -1;
        } else {
            for (const char *c = a + 1; *c; c++) {
                const gn_opt *o = find(tables, base, ntables, NULL, 0, *c, &at);
                if (!o)
                    return gn_fail(e, GN_USAGE, "unknown option '-%c' (see --help)", *c);
                const char *text = NULL;
                bool rest = false;
                if (takes_argument(o) || (o->kind == GN_OPT_OPTIONAL && c[1] == '=')) {
                    if (c[1]) {
                        text = c + 1 + (c[1] == '=');
                        rest = true;
                    } else if (!(text = argv[++i])) {
                        return gn_fail(e, GN_USAGE, "option '-%c' needs an argument", *c);
                    }
                }
                if (set(o, at, text, e))
                    return -1;
                if (rest)
                    break;
            }
        }
    }
    return 0;
}

void gn_opt_release(const gn_opt *table, void *base)
{
    for (const gn_opt *o = table; o && o->name; o++)
        if (o->kind == GN_OPT_LIST) {
            gn_list *l = (gn_list *)((char *)base + o->offset);
            free(l->v);
            l->v = NULL;
            l->n = 0;
        }
}

static int describe_text(const gn_opt *o, const char *text, gn_buf *out, gn_err *e)
{
    return gn_buf_printf(out, e, "%s%s=%s", out->n ? " " : "", o->name, text);
}

static int describe_one(const gn_opt *o, const void *at, const void *was, gn_buf *out, gn_err *e)
{
    switch (o->kind) {
    case GN_OPT_FLAG:
    case GN_OPT_UNFLAG:
        if (*(const bool *)at == *(const bool *)was)
            return 0;
        return gn_buf_printf(out, e, "%s%s", out->n ? " " : "", o->name);
    case GN_OPT_TEXT:
    case GN_OPT_OPTIONAL: {
        const char *t = *(const char *const *)at, *d = *(const char *const *)was;
        if (!t || (d && strcmp(t, d) == 0))
            return 0;
        return describe_text(o, t, out, e);
    }
    case GN_OPT_LIST: {
        const gn_list *l = at;
        for (size_t i = 0; i < l->n; i++)
            if (describe_text(o, l->v[i], out, e))
                return -1;
        return 0;
    }
    case GN_OPT_SIZE:
        if (*(const size_t *)at == *(const size_t *)was)
            return 0;
        return gn_buf_printf(out, e, "%s%s=%zu", out->n ? " " : "", o->name, *(const size_t *)at);
    case GN_OPT_DURATION:
    case GN_OPT_INT:
        if (*(const int64_t *)at == *(const int64_t *)was)
            return 0;
        return gn_buf_printf(out, e, "%s%s=%lld", out->n ? " " : "", o->name,
                             (long long)*(const int64_t *)at);
    case GN_OPT_CHOICE: {
        if (*(const int *)at == *(const int *)was)
            return 0;
        const char *p = o->arg;
        for (int k = *(const int *)at; k > 0; k--)
            p += strcspn(p, "|") + 1;
        return gn_buf_printf(out, e, "%s%s=%.*s", out->n ? " " : "", o->name, (int)strcspn(p, "|"),
                             p);
    }
    }
    return 0;
}

int gn_opt_describe(const gn_opt *table, const void *base, const void *defaults, gn_buf *out,
                    gn_err *e)
{
    for (const gn_opt *o = table; o && o->name; o++)
        if (o->result && describe_one(o, (const char *)base + o->offset,
                                      (const char *)defaults + o->offset, out, e))
            return -1;
    return gn_buf_reserve(out, 1, e) ? -1 : (out->p[out->n] = 0, 0);
}

#define HELP_COLUMN 28 /* where the help texts begin */
#define HELP_WIDTH 80

/* A text from the current column on, wrapped at blanks. */
static int wrap(const char *text, int column, gn_buf *out, gn_err *e)
{
    while (*text) {
        size_t n = strcspn(text, " ");
        if (column > HELP_COLUMN && column + 1 + (int)n > HELP_WIDTH) {
            if (gn_buf_printf(out, e, "\n%*s", HELP_COLUMN, ""))
                return -1;
            column = HELP_COLUMN;
        }
        bool blank = column > HELP_COLUMN;
        if (gn_buf_printf(out, e, "%s%.*s", blank ? " " : "", (int)n, text))
            return -1;
        column += (int)n + blank;
        text += n + (text[n] == ' ');
    }
    return gn_buf_add(out, "\n", 1, e);
}

int gn_opt_help(const gn_opt *table, gn_buf *out, gn_err *e)
{
    for (const gn_opt *o = table; o && o->name; o++) {
        size_t from = out->n;
        int r = o->letter ? gn_buf_printf(out, e, "  -%c, ", o->letter)
                          : gn_buf_printf(out, e, "      ");
        if (r == 0 && o->kind == GN_OPT_OPTIONAL)
            r = gn_buf_printf(out, e, "--%s[=%s]", o->name, o->arg);
        else if (r == 0)
            r = gn_buf_printf(out, e, "--%s%s%s", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
        int n = (int)(out->n - from);
        if (r ||
            (n > HELP_COLUMN - 2 ? gn_buf_printf(out, e, "\n%*s", HELP_COLUMN, "")
                                 : gn_buf_printf(out, e, "%*s", HELP_COLUMN - n, "")) ||
            wrap(o->help, HELP_COLUMN, out, e))
            return -1;
    }
    return 0;
}

/* Text for mdoc: a backslash and a leading dot or quote are special. */
static int mdoc_text(const char *s, gn_buf *out, gn_err *e)
{
    if (*s == '.' || *s == '\'')
        if (gn_buf_add(out, "\\&", 2, e))
            return -1;
    for (; *s; s++) {
        const char *t = *s == '\\' ? "\\e" : NULL;
        if (t ? gn_buf_add(out, t, strlen(t), e) : gn_buf_add(out, s, 1, e))
            return -1;
    }
    return 0;
}

int gn_opt_mdoc(const gn_opt *table, gn_buf *out, gn_err *e)
{
    for (const gn_opt *o = table; o && o->name; o++) {
        if (gn_buf_printf(out, e, ".It "))
            return -1;
        if (o->letter && gn_buf_printf(out, e, "Fl %c , ", o->letter))
            return -1;
        if (gn_buf_printf(out, e, "Fl -%s", o->name))
            return -1;
        if (o->arg) {
            if (o->kind == GN_OPT_OPTIONAL) {
                if (gn_buf_printf(out, e, " Ns Op = Ns Ar %s", o->arg))
                    return -1;
            } else {
                /* Choices are literal words, a name stands for the user's own text. */
                if (o->kind == GN_OPT_CHOICE) {
                    const char *p = o->arg;
                    for (;;) {
                        size_t n = strcspn(p, "|");
                        if (gn_buf_printf(out, e, " Cm %.*s", (int)n, p))
                            return -1;
                        if (!p[n])
                            break;
                        if (gn_buf_printf(out, e, " |"))
                            return -1;
                        p += n + 1;
                    }
                } else if (gn_buf_printf(out, e, " Ar %s", o->arg)) {
                    return -1;
                }
            }
        }
        if (gn_buf_printf(out, e, "\n"))
            return -1;
        if (mdoc_text(o->help, out, e) || gn_buf_printf(out, e, ".\n"))
            return -1;
    }
    return 0;
}
