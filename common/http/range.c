#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/http/server.h"

static bool digits(const char **p, int64_t *out)
{
    char *end;

    if (**p < '0' || **p > '9')
        return false;
    errno = 0;
    *out = strtoll(*p, &end, 10);
    if (errno)
        *out = INT64_MAX; /* beyond any file: the caller's bounds decide */
    *p = end;
    return true;
}

/* "-500": the last bytes. */
static int last_bytes(const char *p, int64_t size, int64_t *from, int64_t *length)
{
    int64_t n;

    if (!digits(&p, &n) || *p)
        return 0;
    if (n == 0 || size == 0)
        return -1;
    *length = n < size ? n : size;
    *from = size - *length;
    return 1;
}

int range_parse(const char *header, int64_t size, int64_t *from, int64_t *length)
{
    const char *p = header;
    int64_t a, b;

    if (!p || strncasecmp(p, "bytes=", 6) != 0)
        return 0;
    p += 6;
    if (*p == '-')
        return last_bytes(p + 1, size, from, length);
    if (!digits(&p, &a) || *p++ != '-')
        return 0;
    if (!*p)
        b = size - 1;
    else if (!digits(&p, &b) || *p || b < a)
        return 0; /* several ranges or nonsense: the whole, as RFC 9110 §14.2 allows */
    if (a >= size)
        return -1;
    if (b >= size)
        b = size - 1;
    *from = a;
    *length = b - a + 1;
    return 1;
}
