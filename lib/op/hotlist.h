/* hotlist.h - the hot keys that gn-hotkeys found, as a table: which records are of one, and into
 * how many salts does it go?
 *
 * The list is a stream with the key's fields and `factor`, an int from 2 to GN_SALT_MAX; further
 * fields are ignored. It is held in memory, about 80 bytes a key, charged to the budget. */
#ifndef GN_OP_HOTLIST_H
#define GN_OP_HOTLIST_H

#include "../base/mem.h"
#include "../stream/reader.h"

#define GN_HOTLIST_COLD UINT32_MAX

typedef struct gn_hotlist gn_hotlist;

typedef struct gn_hotlist_options {
    const char *path;
    const char *key;   /* fields, comma-separated */
    const char *role;  /* the option that gives the path, for messages */
    uint32_t factor;   /* of all keys; 0: as the list says */
    size_t max_record; /* as of gn_reader_open */
    gn_budget *budget;
} gn_hotlist_options;

/* Read the whole list. GN_INPUT where it is not such a stream, or lists a key twice. */
gn_hotlist *gn_hotlist_read(const gn_hotlist_options *o, gn_err *e);
void gn_hotlist_free(gn_hotlist *l); /* NULL allowed */

size_t gn_hotlist_count(const gn_hotlist *l);
/* A hash of the keys, in their order, and the factors: what a result that used it is a function of.
 */
uint64_t gn_hotlist_id(const gn_hotlist *l);

/* At each segment of the stream: find the key's fields, which must be of the list's types, and ask
 * for them. */
int gn_hotlist_segment(gn_hotlist *l, gn_reader *r, gn_err *e);
/* For each record of a batch the number of its hot key, or GN_HOTLIST_COLD. GN_SLACK readable bytes
 * follow the records. */
int gn_hotlist_find(gn_hotlist *l, const gn_batch *b, uint32_t *number, gn_err *e);
uint32_t gn_hotlist_factor(const gn_hotlist *l, uint32_t number);

#endif
