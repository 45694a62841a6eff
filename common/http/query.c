#include <stdlib.h>
#include <string.h>

#include "common/base/text.h"
#include "common/http/server.h"

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Decodes in place; false on a bad escape, on a control character, on what is not UTF-8. */
static bool decode(char *s, bool plus)
{
    char *to = s;

    for (const char *p = s; *p; p++) {
        char c = plus && *p == '+' ? ' ' : *p;

        if (c == '%') {
            int high = hex(p[1]), low = high < 0 ? -1 : hex(p[2]);

            if (low < 0)
                return false;
            c = (char)(high << 4 | low);
            p += 2;
        }
        if ((unsigned char)c < 0x20 || c == 0x7F)
            return false;
        *to++ = c;
    }
    *to = '\0';
    return text_utf8(s, (size_t)(to - s));
}

/* An escaped slash or backslash would change the segments: refused. */
static bool decode_path(char *path)
{
    for (const char *p = path; *p; p++)
        if (*p == '\\' ||
            (*p == '%' && (strncasecmp(p, "%2f", 3) == 0 || strncasecmp(p, "%5c", 3) == 0)))
            return false;
    return path[0] == '/' && decode(path, false);
}

static bool known(const struct http_exchange *x, const char *name)
{
    for (int i = 0; i < x->queries; i++)
        if (strcmp(x->query[i].name, name) == 0)
            return true;
    return false;
}

static bool cut_query(struct http_exchange *x, char *text)
{
    for (char *part = text; part && *part;) {
        char *end = strchr(part, '&'), *value;

        if (end)
            *end++ = '\0';
        if (x->queries == HTTP_QUERY_MAX)
            return false;
        value = strchr(part, '=');
        if (value)
            *value++ = '\0';
        if (!decode(part, true) || !part[0] || (value && !decode(value, true)) || known(x, part))
            return false;
        x->query[x->queries++] = (struct http_param){ part, value ? value : "" };
        part = end;
    }
    return true;
}

bool query_parse(struct http_exchange *x, const char *uri)
{
    char *query;

    x->uri = strdup(uri);
    if (!x->uri)
        return false;
    x->path = x->uri;
    query = strchr(x->uri, '?');
    if (query)
        *query++ = '\0';
    return decode_path(x->path) && cut_query(x, query);
}
