#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/text.h"
#include "common/http/server.h"

const char *http_header(const struct request *rq, const char *name)
{
    return head_value(rq->x, name);
}

const char *http_query(const struct request *rq, const char *name)
{
    for (int i = 0; i < rq->x->queries; i++)
        if (strcmp(rq->x->query[i].name, name) == 0)
            return rq->x->query[i].value;
    return NULL;
}

int http_query_only(const struct request *rq, const char *const allowed[], struct err *e)
{
    for (int i = 0; i < rq->x->queries; i++) {
        const char *name = rq->x->query[i].name;
        const char *const *a = allowed;
        char shown[64];

        while (*a && strcmp(*a, name) != 0)
            a++;
        if (!*a)
            return err_set(e, ERR_INVALID_REQUEST, "unknown query parameter '%s'",
                           text_one_line(shown, sizeof shown, name));
    }
    return 0;
}

/* Digits with an optional minus; no blank, no plus, no overflow. */
static bool whole(const char *text, int64_t *out)
{
    const char *digits = text + (*text == '-');
    char *end;
    long long v;

    if (!*digits || digits[strspn(digits, "0123456789")])
        return false;
    errno = 0;
    v = strtoll(text, &end, 10);
    if (errno)
        return false;
    *out = v;
    return true;
}

int http_query_int(const struct request *rq, const char *name, int64_t min, int64_t max,
                   int64_t fallback, int64_t *out, struct err *e)
{
    const char *text = http_query(rq, name);
    int64_t v = fallback;

    if (text && (!whole(text, &v) || v < min || v > max))
        return err_set(e, ERR_INVALID_REQUEST, "%s must be a whole number from %lld to %lld", name,
                       (long long)min, (long long)max);
    *out = v;
    return 0;
}

int http_if_match(const struct request *rq, int64_t *generation, struct err *e)
{
    const char *text = http_header(rq, "If-Match");
    char digits[24];
    size_t n = text ? strlen(text) : 0;
    int64_t v;

    if (!text)
        return err_set(e, ERR_IF_MATCH_REQUIRED, "send If-Match with the ETag you read");
    if (n < 3 || n - 2 >= sizeof digits || text[0] != '"' || text[n - 1] != '"')
        return err_set(e, ERR_INVALID_REQUEST, "If-Match must be one quoted generation");
    memcpy(digits, text + 1, n - 2);
    digits[n - 2] = '\0';
    if (!whole(digits, &v) || v < 0)
        return err_set(e, ERR_INVALID_REQUEST, "If-Match must be one quoted generation");
    *generation = v;
    return 0;
}
