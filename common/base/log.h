/*
 * log — five verbs, one line each on stderr, `<n>` syslog priority first (sd-daemon(3)).
 *
 * A line is "key=value …" and carries trace=. A value (%s) that is not a word of visible ASCII, or
 * holds a quote, a backslash or "=", is written in quotes as JSON writes text; that is done here
 * and nowhere else, so a line parses back to what was passed, whoever chose it. Conversions: %s,
 * and %d %u %x with l or ll. Secrets are never passed: their types have no print function. Thread
 * safe.
 */
#ifndef COMMON_BASE_LOG_H
#define COMMON_BASE_LOG_H

#include "common/base/err.h"

enum log_level {
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_INFO,
    LOG_LEVEL_NOTICE,
    LOG_LEVEL_WARN,
    LOG_LEVEL_ERROR
};

void log_level_set(enum log_level least);
bool log_level_from(const char *word, enum log_level *out); /* "debug" … "error" */

/* The trace id of the work this thread does now; "-" outside a request. Copied, at most 63 bytes.
 */
void log_trace_set(const char *trace_id);
const char *log_trace(void);

/*
 * What this thread works for, where a process serves several of a kind: each of its lines then ends
 * with about=. "" or NULL: nothing. A thread that is started for the same hands it on by itself:
 * log_about_get before it is made, log_about_set as the first thing it does. Copied.
 */
enum { LOG_ABOUT = 64 };
void log_about_set(const char *what);
void log_about_get(char to[LOG_ABOUT]);

void log_debug(const char *fmt, ...) PRINTF(1, 2);
void log_info(const char *fmt, ...) PRINTF(1, 2);
void log_notice(const char *fmt, ...) PRINTF(1, 2);
void log_warn(const char *fmt, ...) PRINTF(1, 2);
void log_error(const char *fmt, ...) PRINTF(1, 2);

/* The one line that tells of a failed request or task: code, where, origin, cause. */
void log_err(const char *where, const struct err *e);

#endif
