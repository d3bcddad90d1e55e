/* rowkey.h - the key of each record: named expressions, their encodings one behind the other.
 *
 *     list := item ("," item)*      item := name | name "=" expression | call      (exprlist.h)
 */
#ifndef GN_OP_ROWKEY_H
#define GN_OP_ROWKEY_H

#include "expr.h"
#include "twice.h"

typedef struct gn_rowkey gn_rowkey;

/* `list` NULL: no keys, and every record has the same one. `what` names the option in messages;
 * it, the list and the zone are borrowed. GN_USAGE for what is no such list. */
gn_rowkey *gn_rowkey_new(const char *list, const char *what, const gn_zone *zone, gn_err *e);
void gn_rowkey_free(gn_rowkey *k); /* NULL allowed */

/* Compile against a segment, and ask for what is read; types must be those of segments before. */
int gn_rowkey_segment(gn_rowkey *k, gn_feed s, gn_err *e);
/* The keys of a batch, until its end; without keys a nil. GN_SLACK readable bytes follow each. */
const gn_str *gn_rowkey_batch(gn_rowkey *k, const gn_batch *b, gn_err *e);

size_t gn_rowkey_count(const gn_rowkey *k); /* expressions */
const char *gn_rowkey_name(const gn_rowkey *k, size_t i);
gn_type gn_rowkey_type(const gn_rowkey *k, size_t i); /* after a segment */

#endif
