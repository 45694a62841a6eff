#include "common/base/id.h"

#include <string.h>
#include <sys/random.h>
#include <uuid/uuid.h>

struct id id_new(void)
{
    struct id id;
    uuid_t u;

    /* libuuid's own would stir in five more system calls, for each request of each tier */
    if (getrandom(u, sizeof u, 0) != sizeof u)
        uuid_generate_random(u);
    u[6] = (unsigned char)((u[6] & 0x0F) | 0x40); /* RFC 4122 §4.4: version 4 */
    u[8] = (unsigned char)((u[8] & 0x3F) | 0x80);
    uuid_unparse_lower(u, id.s);
    return id;
}

struct id id_v5(const char *ns_uuid, const char *name)
{
    struct id id = { "" };
    uuid_t ns, u;

    if (uuid_parse(ns_uuid, ns) != 0)
        return id;
    uuid_generate_sha1(u, ns, name, strlen(name));
    uuid_unparse_lower(u, id.s);
    return id;
}

bool id_valid(const char *text)
{
    size_t i;

    if (!text)
        return false;
    for (i = 0; i < ID_LEN; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        char c = text[i];

        if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return text[i] == '\0';
}

bool id_parse(const char *text, struct id *out)
{
    if (!id_valid(text))
        return false;
    memcpy(out->s, text, sizeof out->s);
    return true;
}

bool id_eq(const struct id *a, const struct id *b)
{
    return memcmp(a->s, b->s, sizeof a->s) == 0;
}
