#include <sodium.h>
#include <string.h>

#include "common/http/server.h"

int guard_node(struct http_exchange *x, struct err *e)
{
    const struct caller *c = &x->rq.caller;

    if (c->kind != CALLER_NODE)
        return err_set(e, ERR_PEER_IDENTITY, "a node certificate of this installation is needed");
    if (strcmp(x->match.node_kind, "any") != 0 && strcmp(x->match.node_kind, c->name) != 0) {
        err_set(e, ERR_PEER_IDENTITY, "this certificate may not do that");
        return err_cause(e, "a %s asked what only a %s may", c->name, x->match.node_kind);
    }
    return 0;
}

static bool writes(const char *method)
{
    return strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0;
}

/* "https://portal:8443" against Host: a page of another origin may not write with our cookie. */
static bool foreign_origin(const struct http_exchange *x)
{
    const char *origin = head_value(x, "Origin"), *host = head_value(x, "Host");
    const char *authority = origin ? strstr(origin, "://") : NULL;

    if (!origin)
        return false;
    return !authority || !host || strcasecmp(authority + 3, host) != 0;
}

static int guard_csrf(const struct http_exchange *x, const struct caller *c, struct err *e)
{
    const char *sent = head_value(x, "X-CSRF-Token"), *site = head_value(x, "Sec-Fetch-Site");
    size_t n = strlen(c->csrf);

    if (!c->by_cookie || !writes(x->rq.method))
        return 0;
    if ((site && strcasecmp(site, "cross-site") == 0) || foreign_origin(x))
        return err_set(e, ERR_CSRF, "a page of another site may not do that");
    if (n == 0 || !sent || strlen(sent) != n || sodium_memcmp(sent, c->csrf, n) != 0)
        return err_set(e, ERR_CSRF, "send the X-CSRF-Token of this session");
    return 0;
}

int guard_person(struct http_exchange *x, struct err *e)
{
    struct caller c = { .kind = CALLER_NOBODY };
    http_authenticate *authenticate = x->server->spec.authenticate;

    if (authenticate && authenticate(&x->rq, &c, e) < 0)
        return -1;
    if (c.kind != CALLER_PERSON)
        return err_set(e, ERR_NOT_SIGNED_IN, "sign in first");
    x->rq.caller = c;
    if (guard_csrf(x, &c, e) < 0)
        return -1;
    if (x->match.permission == PERMIT_ADMIN && strcmp(c.role, "admin") != 0)
        return err_set(e, ERR_FORBIDDEN, "only administrators may do that");
    return 0;
}
