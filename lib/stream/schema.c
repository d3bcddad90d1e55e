/* schema.c - see schema.h. */
#include "schema.h"

#include "../base/mem.h"
#include "../base/parse.h"

#include <stdlib.h>
#include <string.h>

static const char *const type_names[] = {"str", "int", "float", "bool", "time", "date", "bin"};
#define NTYPES (sizeof type_names / sizeof *type_names)

const char *gn_type_name(gn_type t)
{
    return type_names[t];
}

bool gn_type_parse(const char *s, size_t n, gn_type *t)
{
    for (size_t i = 0; i < NTYPES; i++)
        if (strlen(type_names[i]) == n && memcmp(type_names[i], s, n) == 0) {
            *t = (gn_type)i;
            return true;
        }
    return false;
}

int gn_schema_add(gn_schema *s, const char *name, size_t len, gn_type t, gn_err *e)
{
    if (len == 0 || len > GN_NAME_MAX)
        return gn_fail(e, GN_INPUT, "a field name of %zu bytes (1 to %d are allowed)", len,
                       GN_NAME_MAX);
    if (gn_utf8_valid(name, len) != len)
        return gn_fail(e, GN_INPUT, "a field name that is not valid UTF-8");
    if (s->n == GN_FIELDS_MAX)
        return gn_fail(e, GN_INPUT, "more than %d fields", GN_FIELDS_MAX);
    for (size_t i = 0; i < s->n; i++)
        if (strlen(s->f[i].name) == len && memcmp(s->f[i].name, name, len) == 0)
            return gn_fail(e, GN_INPUT, "field '%.*s' occurs twice", (int)len, name);
    gn_field *f = gn_realloc(s->f, s->n + 1, sizeof *f, e);
    if (!f)
        return -1;
    s->f = f;
    f[s->n].type = t;
    f[s->n].name = gn_strndup(name, len, e);
    if (!f[s->n].name)
        return -1;
    s->n++;
    return 0;
}

int gn_schema_copy(gn_schema *to, const gn_schema *from, gn_err *e)
{
    gn_schema s = {0};
    s.f = gn_calloc(from->n, sizeof *s.f, e);
    if (!s.f)
        return -1;
    for (; s.n < from->n; s.n++) {
        s.f[s.n].type = from->f[s.n].type;
        s.f[s.n].name = gn_strdup(from->f[s.n].name, e);
        if (!s.f[s.n].name) {
            gn_schema_release(&s);
            return -1;
        }
    }
    *to = s;
    return 0;
}

int gn_schema_find(const gn_schema *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->f[i].name, name) == 0)
            return (int)i;
    return -1;
}

bool gn_schema_equal(const gn_schema *a, const gn_schema *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (a->f[i].type != b->f[i].type || strcmp(a->f[i].name, b->f[i].name) != 0)
            return false;
    return true;
}

void gn_schema_release(gn_schema *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->f[i].name);
    free(s->f);
    memset(s, 0, sizeof *s);
}

/* The two data sets gn was made for; nothing else in lib/ or cmd/ knows these names except the
 * defaults of option tables. */
#define N(text)                                                                                    \
    (char[])                                                                                       \
    {                                                                                              \
        text                                                                                       \
    }
static const gn_schema interactions = {6, (gn_field[]){{N("user_id"), GN_STR},
                                                       {N("timestamp"), GN_TIME},
                                                       {N("action_type"), GN_STR},
                                                       {N("page_id"), GN_STR},
                                                       {N("duration_ms"), GN_INT},
                                                       {N("app_version"), GN_STR}}};
static const gn_schema metadata = {5, (gn_field[]){{N("user_id"), GN_STR},
                                                   {N("join_date"), GN_DATE},
                                                   {N("country"), GN_STR},
                                                   {N("device_type"), GN_STR},
                                                   {N("subscription_type"), GN_STR}}};
#undef N

const gn_schema *gn_schema_builtin(const char *name)
{
    if (strcmp(name, "interactions") == 0)
        return &interactions;
    if (strcmp(name, "metadata") == 0)
        return &metadata;
    return NULL;
}

int gn_schema_parse(gn_schema *s, const char *text, gn_err *e)
{
    gn_schema r = {0};
    const gn_schema *builtin = gn_schema_builtin(text);
    if (builtin)
        return gn_schema_copy(s, builtin, e);
    for (const char *p = text;;) {
        const char *end = strchr(p, ',');
        size_t n = end ? (size_t)(end - p) : strlen(p);
        const char *colon = memrchr(p, ':', n);
        gn_type t;
        if (!colon || !gn_type_parse(colon + 1, (size_t)(p + n - colon - 1), &t)) {
            gn_fail(e, GN_USAGE,
                    "schema: '%.*s' is not name:type (types: str int float bool time date bin; "
                    "built-in schemas: interactions metadata)",
                    (int)n, p);
            goto fail;
        }
        if (gn_schema_add(&r, p, (size_t)(colon - p), t, e)) {
            e->status = GN_USAGE;
            goto fail;
        }
        if (!end)
            break;
        p = end + 1;
    }
    *s = r;
    return 0;
fail:
    gn_schema_release(&r);
    return -1;
}

static int unknown_field(const gn_schema *s, const char *name, size_t n, gn_err *e)
{
    gn_buf b = {0};
    gn_err ignore = {0};
    for (size_t i = 0; i < s->n && b.n < 400; i++)
        (void)gn_buf_printf(&b, &ignore, "%s%s", i ? ", " : "", s->f[i].name);
    gn_fail(e, GN_INPUT, "no field '%.*s' (there are: %.*s)", (int)n, name, (int)b.n,
            b.p ? (const char *)b.p : "");
    gn_buf_release(&b);
    return -1;
}

int gn_schema_select(const gn_schema *s, const char *list, int **index, size_t *n, gn_err *e)
{
    int *v = NULL;
    size_t count = 0;
    for (const char *p = list;;) {
        const char *end = strchr(p, ',');
        size_t len = end ? (size_t)(end - p) : strlen(p);
        int at = -1;
        for (size_t i = 0; i < s->n && at < 0; i++)
            if (strlen(s->f[i].name) == len && memcmp(s->f[i].name, p, len) == 0)
                at = (int)i;
        if (at < 0) {
            unknown_field(s, p, len, e);
            goto fail;
        }
        for (size_t i = 0; i < count; i++)
            if (v[i] == at) {
                gn_fail(e, GN_USAGE, "field '%.*s' is named twice", (int)len, p);
                goto fail;
            }
        int *w = gn_realloc(v, count + 1, sizeof *w, e);
        if (!w)
            goto fail;
        v = w;
        v[count++] = at;
        if (!end)
            break;
        p = end + 1;
    }
    *index = v;
    *n = count;
    return 0;
fail:
    free(v);
    return -1;
}
