/*
 * id — UUIDs (RFC 9562) as lower-case text, the form in which every tier names everything.
 *
 * struct id is a plain value: copy it, compare it with id_eq, print it with "%s", x.s.
 */
#ifndef COMMON_BASE_ID_H
#define COMMON_BASE_ID_H

#include <stdbool.h>

enum { ID_LEN = 36 };

struct id {
    char s[ID_LEN + 1]; /* "" is no id */
};

struct id id_new(void);                                 /* version 4, from the kernel's random */
struct id id_v5(const char *ns_uuid, const char *name); /* version 5: the same for the same words */
bool id_valid(const char *text); /* exactly the lower-case 36-character form */
bool id_parse(const char *text,
              struct id *out); /* false and *out untouched if not valid; NULL ok */
bool id_eq(const struct id *a, const struct id *b);
static inline bool id_set(const struct id *a)
{
    return a->s[0] != '\0';
}

#endif
