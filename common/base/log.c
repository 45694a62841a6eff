#include "common/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"

enum { LINE = 1024 };

static const struct {
    const char *word;
    int priority;
} levels[] = {
    [LOG_LEVEL_DEBUG] = { "debug", 7 },   [LOG_LEVEL_INFO] = { "info", 6 },
    [LOG_LEVEL_NOTICE] = { "notice", 5 }, [LOG_LEVEL_WARN] = { "warn", 4 },
    [LOG_LEVEL_ERROR] = { "error", 3 },
};

static enum log_level threshold = LOG_LEVEL_INFO;
static _Thread_local char trace[64] = "-";

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

static void put(enum log_level level, const char *fmt, va_list ap) PRINTF(2, 0);

/* One fprintf a line: stdio locks the stream, so lines of several threads do not mix. */
static void put(enum log_level level, const char *fmt, va_list ap)
{
    char raw[LINE], line[LINE];

    if (level < __atomic_load_n(&threshold, __ATOMIC_RELAXED))
        return;
    vsnprintf(raw, sizeof raw, fmt, ap);
    for (size_t i = 0; (line[i] = raw[i]) != '\0'; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7F)
            line[i] = ' ';
    fprintf(stderr, "<%d>%s trace=%s\n", levels[level].priority, line, trace);
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
    char detail[sizeof e->detail], cause[sizeof e->cause];

    text_one_line(detail, sizeof detail, e->detail);
    text_one_line(cause, sizeof cause, e->cause);
    (err_status(e->code) >= 500 ? log_error : log_info)(
        "code=%s where=%s origin=%s at=%s:%d detail=\"%s\" cause=\"%s\"", err_slug(e->code), where,
        e->origin[0] ? e->origin : "-", e->file ? e->file : "-", e->line, detail, cause);
}
