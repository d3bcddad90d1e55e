/* planoutpriv.h - the lines of a plan, as text or into a list of JSON. */
#ifndef GN_OP_PLANOUTPRIV_H
#define GN_OP_PLANOUTPRIV_H

#include "../base/json.h"
#include "planout.h"

typedef struct gn_planteller {
    const gn_planstory *s;
    gn_buf value, because, *out;
    gn_json *json; /* NULL: text */
    gn_err *e;
    bool failed;
} gn_planteller;

/* Append to the value, or to the reasons, of the next line. */
void gn_tell_value(gn_planteller *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void gn_tell_because(gn_planteller *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A name of a file, to one of the two: it may hold anything. */
void gn_tell_name(gn_planteller *t, gn_buf *b, const char *name);
/* The line is complete. */
void gn_tell_line(gn_planteller *t, const char *name);
const char *gn_tell_plural(uint64_t n); /* "" or "s" */

void gn_tell_inputs(gn_planteller *t);
void gn_tell_time(gn_planteller *t);

/* All lines; releases the buffers. */
int gn_planteller_run(gn_planteller *t);

#endif
