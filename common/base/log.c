#include "common/base/log.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"

enum { LINE = 1024, VALUE = 512 };

static const struct {
    const char *word;
    int priority;
} levels[] = {
    [LOG_LEVEL_DEBUG] = { "debug", 7 },   [LOG_LEVEL_INFO] = { "info", 6 },
    [LOG_LEVEL_NOTICE] = { "notice", 5 }, [LOG_LEVEL_WARN] = { "warn", 4 },
    [LOG_LEVEL_ERROR] = { "error", 3 },
};

static enum log_level threshold = LOG_LEVEL_INFO;
static _Thread_local char trace[64] = "-", about[LOG_ABOUT];

void log_level_set(enum log_level least)
{
    __atomic_store_n(&threshold, least, __ATOMIC_RELAXED);
}

bool log_level_from(const char *word, enum log_level *out)
{
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (strcmp(levels[i].word, word) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    return false;
}

void log_trace_set(const char *trace_id)
{
    text_one_line(trace, sizeof trace, trace_id && trace_id[0] ? trace_id : "-");
}

const char *log_trace(void)
{
    return trace;
}

void log_about_set(const char *what)
{
    text_one_line(about, sizeof about, what ? what : "");
}

void log_about_get(char to[LOG_ABOUT])
{
    memcpy(to, about, sizeof about);
}

/* What was said so far. quoted: in a value whose quotes the format brings. */
struct line {
    size_t n;
    bool full, quoted;
    char text[LINE + 1];
};

static void line_open(struct line *l)
{
    l->n = 0;
    l->full = l->quoted = false;
}

/* All of it or nothing; a quote always fits behind it. */
static bool add(struct line *l, const char *text, size_t n)
{
    if (l->full || l->n + n > LINE)
        return false;
    memcpy(l->text + l->n, text, n);
    l->n += n;
    return true;
}

/* As JSON writes text: what would end the value or the line, or do things to a terminal. */
static void add_escaped(struct line *l, const char *s)
{
    size_t end = l->n + VALUE, len;
    bool control, fits = true;
    char escape[8];
    uint32_t cp;

    for (; *s && fits && l->n < end; s += len) {
        len = text_character(s, &cp, &control);
        if (control || (cp == 0xFFFD && len == 1))
            fits = add(l, escape, (size_t)snprintf(escape, sizeof escape, "\\u%04x", cp & 0xFFFFU));
        else if (*s == '"' || *s == '\\')
            fits = add(l, *s == '"' ? "\\\"" : "\\\\", 2);
        else
            fits = add(l, s, len);
    }
    l->full = !fits;
}

/*
 * A word of visible ASCII stays as it is; every other value is put in quotes, if it is not yet. Of
 * a long one the beginning is told, so that it does not take the room of what comes after it.
 */
static void add_value(struct line *l, const char *s)
{
    size_t n = 0;

    while (s[n] > ' ' && s[n] < 0x7F && !strchr("\"\\=", s[n]))
        n++;
    if (l->quoted) {
        add_escaped(l, s);
    } else if (!s[n]) {
        l->full = !add(l, s, n < VALUE ? n : VALUE);
    } else if (add(l, "\"", 1)) {
        add_escaped(l, s);
        l->text[l->n++] = '"';
    } else {
        l->full = true;
    }
}

/* %d, %u, %x with "", "l", "ll"; *fmt is moved to the letter. */
static void add_number(struct line *l, const char **fmt, va_list *ap)
{
    size_t longs = strspn(*fmt, "l");
    char text[24];
    long long v;

    *fmt += longs;
    v = longs == 2 ? va_arg(*ap, long long) : longs == 1 ? va_arg(*ap, long) : va_arg(*ap, int);
    if (**fmt != 'd' && longs == 0)
        v &= UINT32_MAX;
    snprintf(text, sizeof text, **fmt == 'd' ? "%lld" : **fmt == 'u' ? "%llu" : "%llx", v);
    l->full = !add(l, text, strlen(text));
}

/* printf with what log lines need, since here each value is known to be one. */
static void say(struct line *l, const char *fmt, va_list *ap)
{
    for (; *fmt && !l->full; fmt++) {
        if (*fmt != '%' || *++fmt == '%') {
            l->full = !add(l, fmt, 1);
            l->quoted ^= !l->full && *fmt == '"';
        } else if (*fmt == 's') {
            const char *s = va_arg(*ap, const char *);

            add_value(l, s ? s : "-");
        } else if (*fmt && strchr("ldux", *fmt)) {
            add_number(l, &fmt, ap);
        } else {
            add(l, fmt - 1, strlen(fmt - 1)); /* not one of ours: seen, and nothing is misread */
            return;
        }
    }
}

static void put(enum log_level level, const char *fmt, va_list ap) PRINTF(2, 0);

/* One fprintf a line: stdio locks the stream, so lines of several threads do not mix. */
static void put(enum log_level level, const char *fmt, va_list ap)
{
    struct line l, t, a;
    va_list values;

    if (level < __atomic_load_n(&threshold, __ATOMIC_RELAXED))
        return;
    line_open(&l);
    line_open(&t);
    va_copy(values, ap);
    say(&l, fmt, &values);
    va_end(values);
    if (l.quoted)
        l.text[l.n++] = '"';
    add_value(&t, trace);
    line_open(&a);
    if (about[0])
        add_value(&a, about);
    fprintf(stderr, "<%d>%.*s%s%.*s trace=%.*s\n", levels[level].priority, (int)l.n, l.text,
            a.n > 0 ? " about=" : "", (int)a.n, a.text, (int)t.n, t.text);
}

#define VERB(name, level)                                                                          \
    void name(const char *fmt, ...)                                                                \
    {                                                                                              \
        va_list ap;                                                                                \
                                                                                                   \
        va_start(ap, fmt);                                                                         \
        put(level, fmt, ap);                                                                       \
        va_end(ap);                                                                                \
    }
VERB(log_debug, LOG_LEVEL_DEBUG)
VERB(log_info, LOG_LEVEL_INFO)
VERB(log_notice, LOG_LEVEL_NOTICE)
VERB(log_warn, LOG_LEVEL_WARN)
VERB(log_error, LOG_LEVEL_ERROR)

void log_err(const char *where, const struct err *e)
{
    (err_status(e->code) >= 500 ? log_error : log_info)(
        "code=%s where=%s origin=%s at=%s:%d detail=\"%s\" cause=\"%s\"", err_slug(e->code), where,
        e->origin[0] ? e->origin : "-", e->file ? e->file : "-", e->line, e->detail, e->cause);
}
