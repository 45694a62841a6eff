#include "common/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"

static const struct {
    int status;
    const char *slug, *title;
    bool retryable;
} table[ERR_COUNT] = {
    [ERR_NONE] = { 200, "", "", false },
#define E(name, status, slug, title, retryable) [ERR_##name] = { status, slug, title, retryable },
#include "common/base/errors.def"
#undef E
};

/* What does not fit is cut between two characters. */
static void say(char *to, size_t size, const char *fmt, va_list ap) PRINTF(3, 0);

static void say(char *to, size_t size, const char *fmt, va_list ap)
{
    int n = vsnprintf(to, size, fmt, ap);

    if (n >= (int)size)
        to[text_whole(to, size - 1)] = '\0';
}

int err_set_at(struct err *e, enum err_code code, const char *file, int line, const char *fmt, ...)
{
    va_list ap;

    if (e->code != ERR_NONE)
        return -1;
    e->code = code;
    e->file = file;
    e->line = line;
    va_start(ap, fmt);
    say(e->detail, sizeof e->detail, fmt, ap);
    va_end(ap);
    return -1;
}

int err_pointer(struct err *e, const char *fmt, ...)
{
    va_list ap;

    if (e->pointer[0])
        return -1;
    va_start(ap, fmt);
    say(e->pointer, sizeof e->pointer, fmt, ap);
    va_end(ap);
    return -1;
}

int err_cause(struct err *e, const char *fmt, ...)
{
    va_list ap;

    if (e->cause[0])
        return -1;
    va_start(ap, fmt);
    say(e->cause, sizeof e->cause, fmt, ap);
    va_end(ap);
    return -1;
}

int err_number(struct err *e, const char *name, int64_t value)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz_");

    if (e->numbers >= ERR_NUMBERS || n == 0 || n >= sizeof e->number[0].name || name[n])
        return -1;
    memcpy(e->number[e->numbers].name, name, n + 1);
    e->number[e->numbers++].value = value;
    return -1;
}

int err_where(struct err *e, const char *url)
{
    size_t n = strlen(url);

    if (!e->where[0] && n < sizeof e->where)
        memcpy(e->where, url, n + 1);
    return -1;
}

int err_status(enum err_code code)
{
    return table[code].status;
}
const char *err_slug(enum err_code code)
{
    return table[code].slug;
}
const char *err_title(enum err_code code)
{
    return table[code].title;
}
bool err_retryable(enum err_code code)
{
    return table[code].retryable;
}

enum err_code err_from_slug(const char *slug)
{
    for (int c = ERR_NONE + 1; c < ERR_COUNT; c++)
        if (strcmp(table[c].slug, slug) == 0)
            return (enum err_code)c;
    return ERR_NONE;
}
