/* zone.h - time zones by IANA name, read from the system's TZif files (RFC 8536).
 *
 * A gn_zone is immutable once opened, and several may be open: no TZ environment, no localtime.
 * "UTC", "Etc/UTC" and "Z" need no file; "+HH:MM" / "-HH:MM" are fixed offsets. The directory is
 * /usr/share/zoneinfo, or TZDIR from the environment when set. After the last transition of the
 * file its POSIX TZ footer rules. */
#ifndef GN_BASE_ZONE_H
#define GN_BASE_ZONE_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gn_zone gn_zone;

/* Open a zone. Unknown or malformed: NULL, GN_USAGE, a message quoting the name. Names that would
 * leave the directory (absolute, "..") are refused. Release with gn_zone_free (NULL is allowed). */
gn_zone *gn_zone_open(const char *name, gn_err *e);
/* The same from the bytes of a TZif file, which may be hostile; `name` is for messages. */
gn_zone *gn_zone_parse(const void *tzif, size_t n, const char *name, gn_err *e);
void gn_zone_free(gn_zone *z);
bool gn_zone_is_utc(const gn_zone *z); /* offset 0 always */

/* Offset from UTC in seconds (east positive) at a UTC time in microseconds; [*from, *until) is the
 * span of UTC microseconds around it with the same offset, for callers that cache (either pointer
 * may be NULL). */
int gn_zone_offset(const gn_zone *z, int64_t utc_us, int64_t *from, int64_t *until);

/* The UTC time of a wall-clock time in the zone (both in microseconds). A wall time that occurs
 * twice (clocks set back) is the earlier one; one that never occurs (clocks set forward) is read
 * with the offset before the change, so 02:30 in a skipped hour is 03:30. */
int64_t gn_zone_to_utc(const gn_zone *z, int64_t wall_us);

/* The day, in the zone, of each of n UTC times: the vector form used in hot loops. */
void gn_zone_days(const gn_zone *z, const int64_t *utc_us, int64_t *day, size_t n);

#endif
