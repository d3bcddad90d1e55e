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

int gn_planteller_run(gn_planteller *t);

#endif
