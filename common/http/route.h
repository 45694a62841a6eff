/*
 * route — the tables of http.h, checked at start and matched by segments.
 *
 * A set is immutable once built and may be read from every thread. Literal segments win over
 * parameters; {id} and {id2} match UUIDs only, {word} [a-z0-9._-]{1,128} but not "." or "..".
 */
#ifndef COMMON_HTTP_ROUTE_H
#define COMMON_HTTP_ROUTE_H

#include "common/http/http.h"

enum { ROUTE_SEGMENTS = 12, ROUTE_WORD_MAX = 128 };

enum route_permission { PERMIT_ANYONE, PERMIT_SELF, PERMIT_ADMIN, PERMIT_NODE };

struct route_match {
    const struct route *route;
    enum route_permission permission;
    const char *node_kind; /* PERMIT_NODE: "any" or the kind */
    struct id id, id2;
    char word[ROUTE_WORD_MAX + 1];
};

enum route_found { ROUTE_FOUND, ROUTE_OTHER_METHOD, ROUTE_NO_PATH };

struct route_set;
/* Refuses unknown permissions, methods, parameters, missing handlers, twins. INVALID_REQUEST. */
int route_set_build(const struct route *const *tables, struct route_set **out,
                    struct err *e) MUSTCHECK;
void route_set_free(struct route_set *rs);

/* path is decoded and starts with "/". HEAD matches GET. *allow: bits of the methods the path has.
 */
enum route_found route_find(const struct route_set *rs, const char *method, const char *path,
                            struct route_match *m, unsigned *allow);
unsigned route_method_bit(const char *method);             /* 0 if unknown */
const char *route_allow_text(unsigned allow, char to[64]); /* "GET, HEAD, POST" */

#endif
