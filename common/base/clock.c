#include "common/base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_ms(clockid_t which)
{
    struct timespec t;

    clock_gettime(which, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_boot_ms(void)
{
    return read_ms(CLOCK_BOOTTIME);
}

int64_t clock_wall_ms(void)
{
    return read_ms(CLOCK_REALTIME);
}

const char *clock_text(int64_t wall_ms, char to[CLOCK_TEXT])
{
    int64_t milli = wall_ms % 1000 < 0 ? wall_ms % 1000 + 1000 : wall_ms % 1000;
    time_t s = (time_t)((wall_ms - milli) / 1000);
    struct tm tm;
    size_t n;

    if (!gmtime_r(&s, &tm)) {
        to[0] = '\0';
        return to;
    }
    n = (size_t)snprintf(to, CLOCK_TEXT, "%04d", tm.tm_year + 1900); /* %Y writes fewer digits */
    n += strftime(to + n, CLOCK_TEXT - n, "-%m-%dT%H:%M:%S", &tm);
    snprintf(to + n, CLOCK_TEXT - n, ".%03dZ", (int)milli);
    return to;
}

/* Exactly n digits at *p, between least and most. */
static bool digits(const char **p, int n, int least, int most, int *out)
{
    int v = 0;

    for (int i = 0; i < n; i++, (*p)++) {
        if (**p < '0' || **p > '9')
            return false;
        v = v * 10 + (**p - '0');
    }
    *out = v;
    return v >= least && v <= most;
}

static bool mark(const char **p, const char *any)
{
    return **p && strchr(any, **p) && (*p)++;
}

static bool parse_date(const char **p, struct tm *tm)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int y, m, d;
    bool leap;

    if (!digits(p, 4, 1, 9999, &y) || !mark(p, "-") || !digits(p, 2, 1, 12, &m) || !mark(p, "-") ||
        !digits(p, 2, 1, 31, &d))
        return false;
    leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
    if (d > days[m - 1] + (m == 2 && leap))
        return false;
    tm->tm_year = y - 1900;
    tm->tm_mon = m - 1;
    tm->tm_mday = d;
    return true;
}

/* Digits beyond the third are read and dropped. */
static bool parse_fraction(const char **p, int *milli)
{
    int count = 0;

    *milli = 0;
    if (!mark(p, "."))
        return true;
    for (; **p >= '0' && **p <= '9'; (*p)++, count++)
        if (count < 3)
            *milli = *milli * 10 + (**p - '0');
    for (int i = count; i < 3; i++)
        *milli *= 10;
    return count > 0;
}

static bool parse_zone(const char **p, int *minutes)
{
    int sign = **p == '-' ? -1 : 1, h, m;

    if (mark(p, "Zz")) {
        *minutes = 0;
        return true;
    }
    if (!mark(p, "+-") || !digits(p, 2, 0, 23, &h) || !mark(p, ":") || !digits(p, 2, 0, 59, &m))
        return false;
    *minutes = sign * (h * 60 + m);
    return true;
}

bool clock_parse(const char *text, int64_t *wall_ms)
{
    struct tm tm = { 0 };
    int milli, zone;
    const char *p = text;

    if (!text || !parse_date(&p, &tm) || !mark(&p, "Tt ") || !digits(&p, 2, 0, 23, &tm.tm_hour) ||
        !mark(&p, ":") || !digits(&p, 2, 0, 59, &tm.tm_min) || !mark(&p, ":") ||
        !digits(&p, 2, 0, 60, &tm.tm_sec) || !parse_fraction(&p, &milli) ||
        !parse_zone(&p, &zone) || *p)
        return false;
    *wall_ms = ((int64_t)timegm(&tm) - (int64_t)zone * 60) * 1000 + milli;
    return true;
}
