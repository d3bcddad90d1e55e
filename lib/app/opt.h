/* opt.h - one table of options per command: the source of parsing, --help, the man page's OPTIONS
 * section and shell completion. */
#ifndef GN_APP_OPT_H
#define GN_APP_OPT_H

#include "../base/err.h"
#include "../base/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gn_list {
    const char **v; /* the arguments, in order; not copied from argv */
    size_t n;
} gn_list;

enum gn_opt_kind {
    GN_OPT_FLAG,     /* bool, no argument: sets true */
    GN_OPT_UNFLAG,   /* bool, no argument: sets false ("--no-header") */
    GN_OPT_TEXT,     /* const char * */
    GN_OPT_OPTIONAL, /* const char *: "--stats" sets "", "--stats=FILE" sets the text */
    GN_OPT_LIST,     /* gn_list: may be given more than once */
    GN_OPT_SIZE,     /* size_t, bytes: 64K, 256M */
    GN_OPT_DURATION, /* int64_t, milliseconds: 10s, 30min; a bare number is seconds */
    GN_OPT_INT,      /* int64_t within [min, max] */
    GN_OPT_CHOICE    /* int: the index in `arg` = "a|b|c" */
};

typedef struct gn_opt {
    const char *name; /* long name without "--"; NULL ends the table */
    char letter;      /* 0 = none */
    const char *arg;  /* name of the argument ("FIELD"), or the choices ("a|b|c") */
    const char *help; /* one sentence, lower case, no full stop; "(default X)" where there is one */
    enum gn_opt_kind kind;
    size_t offset; /* into the options struct */
    bool result;   /* affects the result: part of the provenance node */
    int64_t min, max; /* GN_OPT_INT */
} gn_opt;

/* Parse argv[1..]. Options and operands may mix; "--" ends options; "-" is an operand; long
 * options are never abbreviated; "--name value" and "--name=value"; letters may be bundled.
 * Tables are searched in turn; base[i] is the struct of tables[i]. Operands go to `operands`
 * (pointers into argv). GN_USAGE on error. Lists are grown with malloc: gn_opt_release. */
int gn_opt_parse(int argc, char **argv, const gn_opt *const *tables, void *const *base,
                 size_t ntables, gn_list *operands, gn_err *e);
void gn_opt_release(const gn_opt *table, void *base);

/* "name=value name=value" of the options that affect the result and differ from `defaults`, in
 * table order, appended to out (NUL-terminated). */
int gn_opt_describe(const gn_opt *table, const void *base, const void *defaults, gn_buf *out,
                    gn_err *e);

/* The options as --help prints them, or as mdoc(7) list items for the man page. */
int gn_opt_help(const gn_opt *table, gn_buf *out, gn_err *e);
int gn_opt_mdoc(const gn_opt *table, gn_buf *out, gn_err *e);

#endif
