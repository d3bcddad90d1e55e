/* params.c - see params.h. */
#include "params.h"

#include <stdint.h>
#include <string.h>

int gn_params_put(gn_buf *b, const char *name, const char *text, gn_type t, gn_err *e)
{
    if (gn_buf_printf(b, e, "%s=", name))
        return -1;
    for (const uint8_t *p = (const uint8_t *)text; *p; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                     (*p >= '0' && *p <= '9') || *p == '_';
        if (gn_buf_printf(b, e, plain ? "%c" : "%%%02x", *p))
            return -1;
    }
    return gn_buf_printf(b, e, ":%s ", gn_type_name(t));
}

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

const char *gn_params_get(const char *p, const char *name, char **text, gn_type *t, gn_err *e)
{
    size_t n = strlen(name), len = 0;
    if (strncmp(p, name, n) != 0 || p[n] != '=')
        return NULL;
    p += n + 1;
    const char *end = strchr(p, ':');
    if (!end || !(*text = gn_strndup(p, (size_t)(end - p), e)))
        return NULL;
    for (; p < end; p++) {
        int hi = *p == '%' ? hex(p[1]) : 0, lo = *p == '%' && hi >= 0 ? hex(p[2]) : 0;
        if (hi < 0 || lo < 0)
            return NULL;
        (*text)[len++] = *p == '%' ? (char)(hi * 16 + lo) : *p;
        p += *p == '%' ? 2 : 0;
    }
    (*text)[len] = 0;
    size_t type = strcspn(++end, " ");
    return gn_type_parse(end, type, t) && end[type] ? end + type + 1 : NULL;
}
