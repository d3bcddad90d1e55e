/* pathkey.h - records grouped by values that become directories: date=2023-07-01/country=US/.
 *
 * Names and values are written as Apache Hive does: what is not safe in a path as %XX, null as
 * __HIVE_DEFAULT_PARTITION__; the empty string, unlike there, as an empty value, so that the two
 * stay apart. Dates are YYYY-MM-DD, times UTC "YYYY-MM-DD HH:MM:SS" (with %3A for the colons),
 * truth true or false. */
#ifndef GN_OP_PATHKEY_H
#define GN_OP_PATHKEY_H

#include "../base/zone.h"
#include "../stream/reader.h"

#define GN_PATHKEYS_MAX 16

typedef struct gn_pathkeys gn_pathkeys;

/* `by`: n texts, each a list of fields and named expressions (see exprlist.h); `date`, `week`,
 * `month` and `hour`, where they are no fields, are those of the field `time`. Texts, zone and
 * budget must outlive it. GN_USAGE for what is no such list. */
gn_pathkeys *gn_pathkeys_new(const char *const *by, size_t n, const char *time, const gn_zone *zone,
                             gn_budget *b, gn_err *e);
void gn_pathkeys_free(gn_pathkeys *p); /* NULL allowed */

/* Compile against the reader's current segment and ask for what is read. Types must be str, int,
 * bool, date or time, and the same in all segments. */
int gn_pathkeys_segment(gn_pathkeys *p, gn_reader *r, gn_err *e);
/* The group of each record, numbered in order of first appearance. */
int gn_pathkeys_batch(gn_pathkeys *p, const gn_batch *b, uint32_t *group, gn_err *e);

size_t gn_pathkeys_groups(const gn_pathkeys *p);
/* Append the directories of a group, with a final slash. GN_INPUT where a name is too long for a
 * directory (255 bytes). */
int gn_pathkeys_path(const gn_pathkeys *p, uint32_t group, gn_buf *out, gn_err *e);

/* The keys as fields: of any number of segments the first decides; types are known after it. */
const gn_schema *gn_pathkeys_schema(const gn_pathkeys *p);
/* The encodings of a group's values, one after the other. */
gn_str gn_pathkeys_values(const gn_pathkeys *p, uint32_t group);

#endif
