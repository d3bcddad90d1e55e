/* text.h - values as text, the same in every text output: CSV, tables.
 *
 * Times are "YYYY-MM-DD HH:MM:SS[.ffffff]" in UTC, or in a zone with its offset behind ("+02:00"),
 * so that the text always names one instant. An offset is whole minutes in text: one that has
 * seconds (local mean times before about 1920) is cut to minutes and the clock time shifted with
 * it. Where the zone's clock would leave the years 0001..9999, UTC and "Z" are written. */
#ifndef GN_STREAM_TEXT_H
#define GN_STREAM_TEXT_H

#include "../base/mem.h"
#include "../base/zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GN_TEXT_MAX 48 /* bytes that any of these may write */

/* Formats times and dates; remembers days already written out. Not shared between threads. */
typedef struct gn_text gn_text;

/* `zone` may be NULL (UTC) and must outlive it. */
gn_text *gn_text_new(const gn_zone *zone, gn_err *e);
void gn_text_free(gn_text *t); /* NULL allowed */

/* Each writes at p without a NUL and returns the new end. */
char *gn_text_int(char *p, int64_t v);
char *gn_text_float(char *p, double v); /* shortest text that reads back the same */
char *gn_text_bool(char *p, bool v);    /* true, false */
/* Within the years 0001..9999, as the decoder of records makes sure. */
char *gn_text_date(gn_text *t, char *p, int64_t day);
char *gn_text_time(gn_text *t, char *p, int64_t us);

/* ---- text made safe for terminals ----
 * Control and bidirectional formatting characters, and bytes that are no UTF-8, become \n, \x1b,
 * \u{202e}. */

/* The character at s, n > 0 bytes: its length in bytes; 0 (and *c untouched) where it is none. */
size_t gn_text_char(const uint8_t *s, size_t n, uint32_t *c);
/* Could it move the cursor or reorder the line? */
bool gn_text_unsafe(uint32_t c);
/* The safe form of a character, or of a byte that is none; all ASCII; the length. */
#define GN_TEXT_ESCAPE 16
size_t gn_text_escape(uint32_t c, char *p);
/* Append n bytes of text in safe form. */
int gn_text_safe(gn_buf *b, const char *text, size_t n, gn_err *e);

#endif
