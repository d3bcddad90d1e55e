/* params.h - fields in the parameters of a partial state: name=FIELD:type, and a blank.
 *
 * What is no letter, digit or _ of the field's name stands there as %xx. */
#ifndef GN_OP_PARAMS_H
#define GN_OP_PARAMS_H

#include "../base/mem.h"
#include "../stream/schema.h"

/* Append one. */
int gn_params_put(gn_buf *b, const char *name, const char *field, gn_type t, gn_err *e);
/* Read one that begins at p: what follows it; NULL where there is none. *field is malloc'd, in
 * either case. */
const char *gn_params_get(const char *p, const char *name, char **field, gn_type *t, gn_err *e);

#endif
