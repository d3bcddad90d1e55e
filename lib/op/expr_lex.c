/* expr_lex.c - text to tokens, and the messages that point into it. */
#include "expr_priv.h"

#include "../base/parse.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

int gn_expr_fail(const char *text, const char *what, size_t at, gn_err *e, int status,
                 const char *fmt, ...)
{
    char msg[700];
    size_t column = 1;
    va_list ap;

    for (size_t i = 0; i < at && text[i] != '\0'; i++)
        column += ((uint8_t)text[i] & 0xc0) != 0x80;
    va_start(ap, fmt);
    (void)vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    return gn_fail(e, status, "%s: column %zu: %s", what, column, msg);
}

const char *ex_show(const void *s, size_t n, char out[64])
{
    const uint8_t *p = s;
    size_t k = 0;

    while (k < n && k < 56) {
        out[k] = (char)(p[k] < ' ' || p[k] == 127 ? '?' : p[k]);
        k++;
    }
    if (k < n) {
        while (k > 0 && (p[k] & 0xc0) == 0x80) /* not within a character */
            k--;
        memcpy(out + k, "...", 3);
        k += 3;
    }
    out[k] = '\0';
    return out;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || ((uint8_t)c & 0x80);
}

static bool is_word_more(char c)
{
    return is_word(c) || is_digit(c) || c == '.';
}

/* Does text fit a shape in which '0' stands for any digit? */
static bool shaped(const char *text, const char *shape)
{
    for (; *shape != '\0'; text++, shape++)
        if (*shape == '0' ? !is_digit(*text) : *text != *shape)
            return false;
    return true;
}

int ex_fail_token(ex_parser *p, const char *what)
{
    char show[64];
    const char *text = p->t->text;

    return gn_expr_fail(text, p->t->what, p->from, p->e, GN_USAGE, "'%s' %s",
                        ex_show(text + p->from, p->to - p->from, show), what);
}

/* 'it''s': the quote doubled stands for itself. */
static int lex_quoted(ex_parser *p, char quote)
{
    const char *text = p->t->text;
    size_t i = p->at + 1, n = 0;

    for (;; i++, n++) {
        if (text[i] == '\0')
            return gn_expr_fail(text, p->t->what, p->from, p->e, GN_USAGE,
                                "the quote is not closed");
        if (text[i] == quote && text[++i] != quote)
            break;
    }
    if (n > UINT32_MAX)
        return gn_expr_fail(text, p->t->what, p->from, p->e, GN_USAGE, "the text is too long");
    uint8_t *body = gn_arena_alloc(p->t->arena, n + 1, p->e);
    if (body == NULL)
        return -1;
    size_t k = 0;
    for (size_t j = p->at + 1; k < n; j++) {
        body[k++] = (uint8_t)text[j];
        j += text[j] == quote;
    }
    body[k] = '\0';
    p->s = (gn_str){.p = body, .n = (uint32_t)n};
    p->tok = quote == '`' ? EX_T_NAME : EX_T_STR;
    p->at = i;
    return 0;
}

/* 2023-07-01, 2023-07-01T14:30:15.25+02:00 */
static int lex_date(ex_parser *p)
{
    const char *s = p->t->text + p->at;
    size_t n = 10;

    p->tok = EX_T_DATE;
    if (s[n] == 'T') {
        p->tok = EX_T_TIME;
        if (shaped(s + n, "T00:00:00")) {
            n += 9;
            if (s[n] == '.' && is_digit(s[n + 1]))
                for (n++; is_digit(s[n]); n++)
                    ;
            if (s[n] == 'Z')
                n++;
            else if (shaped(s + n, "+00:00") || shaped(s + n, "-00:00"))
                n += 6;
            else if ((shaped(s + n, "+0000") || shaped(s + n, "-0000")) && !is_word_more(s[n + 5]))
                n += 5;
        }
    }
    while (is_word_more(s[n]))
        n++;
    p->at += n;
    p->to = p->at;
    if (p->tok == EX_T_DATE)
        return gn_parse_date(s, n, &p->day)
                   ? 0
                   : ex_fail_token(p, "is no date (YYYY-MM-DD; with blanks it is a subtraction)");
    int64_t us;
    if (!gn_parse_time(s, n, NULL, &us))
        return ex_fail_token(p, "is no time (YYYY-MM-DDTHH:MM:SS, then Z or +HH:MM if need be)");
    p->s = (gn_str){.p = (const uint8_t *)s, .n = (uint32_t)n};
    return 0;
}

static int lex_number(ex_parser *p)
{
    static const struct {
        const char *name;
        uint64_t ms;
    } units[] = {{"ms", 1},      {"s", 1000},     {"min", 60000},
                 {"h", 3600000}, {"d", 86400000}, {"w", 604800000}};
    const char *s = p->t->text + p->at;
    size_t n = 0;
    bool big = false;

    p->u = 0;
    for (; is_digit(s[n]); n++)
        big |= __builtin_mul_overflow(p->u, 10, &p->u) ||
               __builtin_add_overflow(p->u, (uint64_t)(s[n] - '0'), &p->u);
    size_t digits = n;
    if (s[n] == '.' && is_digit(s[n + 1]))
        for (n++; is_digit(s[n]); n++)
            ;
    if ((s[n] == 'e' || s[n] == 'E') &&
        (is_digit(s[n + 1]) || ((s[n + 1] == '-' || s[n + 1] == '+') && is_digit(s[n + 2]))))
        for (n += 2; is_digit(s[n]); n++)
            ;
    size_t number = n;
    while (is_word_more(s[n]))
        n++;
    p->at += n;
    p->to = p->at;
    if (number != digits) {
        p->tok = EX_T_FLOAT;
        if (n != number)
            return ex_fail_token(p, "is no number (a duration takes a whole number, as in 1500ms)");
        return gn_parse_float(s, n, &p->f) ? 0 : ex_fail_token(p, "is no number in range");
    }
    p->tok = EX_T_INT;
    p->unit = false;
    if (n != number) {
        for (size_t k = 0; k < sizeof units / sizeof *units && !p->unit; k++)
            if (strlen(units[k].name) == n - number &&
                memcmp(units[k].name, s + number, n - number) == 0) {
                big |= __builtin_mul_overflow(p->u, units[k].ms, &p->u);
                p->unit = true;
            }
        if (!p->unit)
            return ex_fail_token(p, "is no number or duration (units: ms s min h d w)");
    }
    if (big || p->u > (uint64_t)INT64_MAX + 1)
        return ex_fail_token(p, "is no number in range");
    return 0;
}

int ex_next(ex_parser *p)
{
    const char *text = p->t->text;

    while (text[p->at] == ' ' || (text[p->at] >= '\t' && text[p->at] <= '\r'))
        p->at++;
    const char *s = text + p->at;
    char c = *s;
    p->from = p->at;
    p->to = p->at + 1;
    if (c == '\0') {
        p->tok = EX_T_END;
        p->to = p->at;
        return 0;
    }
    if (is_word(c)) {
        while (is_word_more(text[p->at]))
            p->at++;
        p->to = p->at;
        p->tok = EX_T_WORD;
        return 0;
    }
    if (is_digit(c)) {
        if (shaped(s, "0000-00-00") && !is_digit(s[10]))
            return lex_date(p);
        return lex_number(p);
    }
    if (c == '\'' || c == '"' || c == '`') {
        if (lex_quoted(p, c) < 0)
            return -1;
        p->to = p->at;
        return 0;
    }
    p->tok = EX_T_CMP;
    size_t n = 2;
    if (strncmp(s, "<=", 2) == 0)
        p->op = EX_LE;
    else if (strncmp(s, ">=", 2) == 0)
        p->op = EX_GE;
    else if (strncmp(s, "<>", 2) == 0 || strncmp(s, "!=", 2) == 0)
        p->op = EX_NE;
    else if (strncmp(s, "==", 2) == 0)
        p->op = EX_EQ;
    else {
        n = 1;
        if (c == '<')
            p->op = EX_LT;
        else if (c == '>')
            p->op = EX_GT;
        else if (c == '=')
            p->op = EX_EQ;
        else if (strchr("(),+-*/%", c) != NULL) {
            p->tok = EX_T_PUNCT;
            p->op = c;
        } else {
            return ex_fail_token(p, "has no meaning here");
        }
    }
    p->at += n;
    p->to = p->at;
    return 0;
}

bool ex_is_key(const ex_parser *p, const char *key)
{
    size_t n = strlen(key);

    return p->tok == EX_T_WORD && p->to - p->from == n &&
           strncasecmp(p->t->text + p->from, key, n) == 0;
}

bool ex_is_punct(const ex_parser *p, char c)
{
    return p->tok == EX_T_PUNCT && p->op == c;
}

int ex_fail_expected(ex_parser *p, const char *what)
{
    char show[64];
    const char *text = p->t->text;

    if (p->tok == EX_T_END)
        return gn_expr_fail(text, p->t->what, p->from, p->e, GN_USAGE,
                            "expected %s, but it ends here", what);
    return gn_expr_fail(text, p->t->what, p->from, p->e, GN_USAGE, "expected %s, not '%s'", what,
                        ex_show(text + p->from, p->to - p->from, show));
}

bool ex_is_reserved(const ex_parser *p)
{
    static const char *const keys[] = {"or",      "and",  "not",     "in",
                                       "between", "like", "matches", "is"};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (ex_is_key(p, keys[i]))
            return true;
    return false;
}
