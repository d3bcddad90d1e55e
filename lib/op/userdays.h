/* userdays.h - the days of users: pairs of user and day in any order, then user by user.
 *
 *     gn_userdays_add ...
 *     gn_userdays_next ...     each user once, in order of the user, with all days
 *
 * 64 bytes a user and 384 days (kernel/dayset.h); what the budget cannot hold goes to temporary
 * files, and is the same in the end. */
#ifndef GN_OP_USERDAYS_H
#define GN_OP_USERDAYS_H

#include "../kernel/intsums.h"
#include "../stream/batch.h"

typedef struct gn_userdays gn_userdays;

/* Temporary files go to `temp_dir` (tmp.h), which is not copied. */
gn_userdays *gn_userdays_new(gn_type user_type, gn_budget *b, const char *temp_dir, gn_err *e);
void gn_userdays_free(gn_userdays *u); /* NULL allowed */

/* Add the pairs (user[row[k]], day[row[k]]), k < n; users are canonical encodings, with GN_SLACK
 * readable bytes. */
int gn_userdays_add(gn_userdays *u, const gn_str *user, const int64_t *day, const uint16_t *row,
                    size_t n, gn_err *e);

/* 1 with the next user, and the days as keys of *days, ascending; 0 at the end, -1 on error. The
 * user lives until the next call. Nothing can be added any more. */
int gn_userdays_next(gn_userdays *u, gn_str *user, gn_intsums *days, gn_err *e);

void gn_userdays_spilled(const gn_userdays *u, uint64_t *runs, uint64_t *bytes);

#endif
