/* zones.h - time zones by name as records bring them: opened once, kept, bounded in number. */
#ifndef GN_OP_ZONES_H
#define GN_OP_ZONES_H

#include "../base/mem.h"
#include "../base/zone.h"
#include "../stream/batch.h"

typedef struct gn_zones gn_zones;

/* What is kept is charged to the budget (may be NULL): about 16 KiB a zone. */
gn_zones *gn_zones_new(gn_budget *b, gn_err *e);
void gn_zones_free(gn_zones *z); /* NULL allowed */

/* Forget everything once there are many: between batches, since it ends the life of the zones that
 * gn_zones_find gave. */
void gn_zones_trim(gn_zones *z);

/* The zone of a name, or NULL in *zone where there is none (see gn_zone_open for what is one;
 * names are only ever looked for inside the directory of zones). -1: out of memory, or a zone's
 * file cannot be read. */
int gn_zones_find(gn_zones *z, gn_str name, const gn_zone **zone, gn_err *e);

#endif
