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
    time_t s = (time_t)(wall_ms / 1000);
    struct tm tm;
    size_t n;

    gmtime_r(&s, &tm);
    n = strftime(to, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(to + n, CLOCK_TEXT - n, ".%03dZ", (int)(wall_ms % 1000));
    return to;
}

static bool parse_zone(const char *p, int *minutes)
{
    int h, m, n = 0;

    if (strcmp(p, "Z") == 0 || strcmp(p, "z") == 0) {
        *minutes = 0;
        return true;
    }
    if ((*p != '+' && *p != '-') || sscanf(p + 1, "%2d%n", &h, &n) != 1 || n != 2)
        return false;
    p[3] == ':' ? sscanf(p + 4, "%2d", &m) : sscanf(p + 3, "%2d", &m) == 1 || (m = 0);
    *minutes = (h * 60 + m) * (*p == '-' ? -1 : 1);
    return h < 24 && m < 60;
}

bool clock_parse(const char *text, int64_t *wall_ms)
{
    struct tm tm = { 0 };
    int milli = 0, zone, digits = 0;
    const char *p = text ? strptime(text, "%Y-%m-%d", &tm) : NULL;

    if (!p || (*p != 'T' && *p != 't' && *p != ' '))
        return false;
    p = strptime(p + 1, "%H:%M:%S", &tm);
    if (!p)
        return false;
    if (*p == '.')
        for (p++; *p >= '0' && *p <= '9'; p++, digits++)
            if (digits < 3)
                milli = milli * 10 + (*p - '0');
    for (; digits < 3; digits++)
        milli *= 10;
    if (!parse_zone(p, &zone))
        return false;
    *wall_ms = ((int64_t)timegm(&tm) - zone * 60) * 1000 + milli;
    return true;
}
