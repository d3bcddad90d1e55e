/* items.c - see items.h. */
#include "items.h"

#include "../base/mem.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64
#define BYTES_MAX ((size_t)256 << 20) /* each text has as many as the list up to it */

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

static size_t blanks(const char *s, size_t at)
{
    while (s[at] == ' ' || s[at] == '\t' || s[at] == '\n')
        at++;
    return at;
}

static int fail_at(const char *what, size_t at, const char *why, gn_err *e)
{
    return gn_fail(e, GN_USAGE, "%s: column %zu: %s", what, at + 1, why);
}

/* The end of the item that begins at `at`: a comma or closing parenthesis of its own level, or the
 * end of the text. */
static int item_end(const char *s, size_t at, const char *what, size_t *end, gn_err *e)
{
    int depth = 0;
    for (; s[at]; at++) {
        char c = s[at];
        if (c == '\'' || c == '"' || c == '`') {
            const char *close = strchr(s + at + 1, c);
            if (!close)
                return fail_at(what, at, "a quote that is not closed", e);
            at = (size_t)(close - s);
        } else if (c == '(') {
            if (++depth > DEPTH_MAX)
                return fail_at(what, at, "nested too deeply", e);
        } else if (c == ')') {
            if (depth-- == 0)
                break;
        } else if (c == ',' && depth == 0) {
            break;
        }
    }
    if (depth > 0)
        return fail_at(what, at, "a parenthesis that is not closed", e);
    *end = at;
    return 0;
}

/* A name, bare or in back quotes; the byte behind it, or 0 where there is none. */
static size_t take_name(const char *s, size_t at, size_t end, size_t *from, size_t *to)
{
    if (s[at] == '`') {
        const char *close = memchr(s + at + 1, '`', end - at - 1);
        if (!close || close == s + at + 1)
            return 0;
        *from = at + 1;
        *to = (size_t)(close - s);
        return *to + 1;
    }
    *from = at;
    while (at < end && is_word(s[at]))
        at++;
    *to = at;
    return at > *from && !(s[*from] >= '0' && s[*from] <= '9') ? at : 0;
}

static int add(gn_items *items, const char *s, size_t at, size_t end, bool named, const char *what,
               gn_err *e)
{
    size_t from, to, next;
    gn_item *v = gn_realloc(items->v, items->n + 1, sizeof *v, e);
    if (!v)
        return -1;
    items->v = v;
    gn_item *it = &v[items->n++];
    *it = (gn_item){0};
    while (end > at && (s[end - 1] == ' ' || s[end - 1] == '\t' || s[end - 1] == '\n'))
        end--;
    if (named && (next = take_name(s, at, end, &from, &to)) != 0) {
        next = blanks(s, next);
        if (next < end && s[next] == '=' && s[next + 1] != '=') {
            if (!(it->name = gn_strndup(s + from, to - from, e)))
                return -1;
            at = blanks(s, next + 1);
        }
    }
    if (end > BYTES_MAX - items->bytes)
        return fail_at(what, at, "too long a list", e);
    items->bytes += end;
    if (at >= end)
        return fail_at(what, at, "nothing where an expression should be", e);
    it->at = at;
    if (!(it->text = gn_alloc(end + 1, 1, e)))
        return -1;
    memset(it->text, ' ', at);
    memcpy(it->text + at, s + at, end - at);
    it->text[end] = '\0';
    return 0;
}

/* Items from `at` to the end of the text, or to the parenthesis that closes them. */
static int parse(gn_items *items, const char *s, size_t at, bool named, const char *what,
                 size_t *stop, gn_err *e)
{
    size_t end;
    for (;; at = end + 1) {
        at = blanks(s, at);
        if (item_end(s, at, what, &end, e) || add(items, s, at, end, named, what, e))
            return -1;
        if (s[end] != ',')
            break;
    }
    *stop = end;
    return 0;
}

int gn_items_parse(gn_items *items, const char *list, const char *what, gn_err *e)
{
    size_t end;
    if (parse(items, list, 0, true, what, &end, e))
        return -1;
    return list[end] ? fail_at(what, end, "a parenthesis that was not opened", e) : 0;
}

void gn_items_release(gn_items *items)
{
    for (size_t i = 0; i < items->n; i++) {
        free(items->v[i].name);
        free(items->v[i].text);
    }
    free(items->v);
    *items = (gn_items){0};
}

int gn_items_call(const gn_item *item, const char *what, char name[32], gn_items *args, gn_err *e)
{
    const char *s = item->text;
    size_t at = item->at, n = 0, end;
    while (is_word(s[at + n]))
        n++;
    if (n == 0 || n >= 32 || s[blanks(s, at + n)] != '(')
        return 0;
    memcpy(name, s + at, n);
    name[n] = '\0';
    at = blanks(s, blanks(s, at + n) + 1);
    if (s[at] == ')')
        end = at;
    else if (parse(args, s, at, false, what, &end, e))
        return -1;
    return s[end] == ')' && !s[blanks(s, end + 1)] ? 1 : 0;
}

char *gn_items_name(const gn_item *item, bool *failed, gn_err *e)
{
    const char *s = item->text;
    size_t end = strlen(s), from, to, next = take_name(s, item->at, end, &from, &to);
    *failed = false;
    if (!next)
        return NULL;
    next = blanks(s, next);
    if (s[next] == '(') { /* a call, and nothing behind it */
        size_t close;
        if (item_end(s, next + 1, "", &close, &(gn_err){0}) || s[close] == '\0')
            return NULL;
        while (s[close] == ',') /* further arguments */
            if (item_end(s, close + 1, "", &close, &(gn_err){0}))
                return NULL;
        if (s[close] != ')' || s[blanks(s, close + 1)])
            return NULL;
    } else if (s[next]) {
        return NULL;
    }
    char *name = gn_strndup(s + from, to - from, e);
    *failed = !name;
    return name;
}
