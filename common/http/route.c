#include "common/http/route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"

enum segment_kind { SEG_LITERAL, SEG_ID, SEG_ID2, SEG_WORD };

struct segment {
    enum segment_kind kind;
    const char *text; /* literal, in the table's own string */
    size_t len;
};

struct compiled {
    const struct route *route;
    enum route_permission permission;
    const char *node_kind;
    unsigned method;
    int n;
    struct segment seg[ROUTE_SEGMENTS];
};

struct route_set {
    size_t n;
    struct compiled *row;
};

static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE" };
enum { METHODS = sizeof methods / sizeof *methods };

unsigned route_method_bit(const char *method)
{
    for (unsigned i = 0; i < METHODS; i++)
        if (strcmp(methods[i], method) == 0)
            return 1U << i;
    return 0;
}

const char *route_allow_text(unsigned allow, char to[64])
{
    size_t n = 0;

    if (allow & 1U)
        allow |= 2U; /* HEAD wherever there is GET */
    to[0] = '\0';
    for (unsigned i = 0; i < METHODS; i++)
        if (allow & 1U << i)
            n += (size_t)snprintf(to + n, 64 - n, "%s%s", n ? ", " : "", methods[i]);
    return to;
}

static int wrong(const struct route *r, const char *what, struct err *e)
{
    return err_set(e, ERR_INVALID_REQUEST, "route %s %s: %s", r->method ? r->method : "?",
                   r->path ? r->path : "?", what);
}

static int compile_permission(struct compiled *c, struct err *e)
{
    static const char *const kinds[] = { "any", "ccc", "xcenter", "bcenter", "bserver" };
    const char *p = c->route->permission;

    if (!p)
        return wrong(c->route, "has no permission", e);
    if (strcmp(p, "anyone") == 0)
        return c->permission = PERMIT_ANYONE, 0;
    if (strcmp(p, "self") == 0)
        return c->permission = PERMIT_SELF, 0;
    if (strcmp(p, "admin") == 0)
        return c->permission = PERMIT_ADMIN, 0;
    if (strncmp(p, "node:", 5) == 0)
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
            if (strcmp(p + 5, kinds[i]) == 0) {
                c->permission = PERMIT_NODE;
                c->node_kind = kinds[i];
                return 0;
            }
    return wrong(c->route, "has an unknown permission", e);
}

static int compile_segment(struct compiled *c, const char *p, size_t len, struct err *e)
{
    static const struct {
        const char *text;
        enum segment_kind kind;
    } params[] = { { "{id}", SEG_ID }, { "{id2}", SEG_ID2 }, { "{word}", SEG_WORD } };
    struct segment *seg = &c->seg[c->n];

    if (len == 0 || c->n == ROUTE_SEGMENTS)
        return wrong(c->route, "has an empty segment or too many", e);
    *seg = (struct segment){ SEG_LITERAL, p, len };
    c->n++;
    if (!memchr(p, '{', len))
        return 0;
    for (size_t i = 0; i < sizeof params / sizeof *params; i++)
        if (strlen(params[i].text) == len && memcmp(params[i].text, p, len) == 0) {
            for (int k = 0; k < c->n - 1; k++)
                if (c->seg[k].kind == params[i].kind)
                    return wrong(c->route, "names a parameter twice", e);
            seg->kind = params[i].kind;
            return 0;
        }
    return wrong(c->route, "has an unknown parameter", e);
}

static int compile(struct compiled *c, const struct route *r, struct err *e)
{
    *c = (struct compiled){ .route = r };
    if (!r->method || !r->path || !r->handler)
        return wrong(r, "lacks method, path or handler", e);
    c->method = route_method_bit(r->method);
    if (!c->method || strcmp(r->method, "HEAD") == 0)
        return wrong(r, "has an unknown method", e);
    if (r->path[0] != '/' || !r->path[1])
        return wrong(r, "must start with / and go on", e);
    for (const char *p = r->path + 1;;) {
        size_t len = strcspn(p, "/");

        if (compile_segment(c, p, len, e) < 0)
            return -1;
        if (!p[len])
            break;
        p += len + 1;
    }
    if (r->flags & HTTP_LARGE && strncmp(r->permission ? r->permission : "", "node:", 5) != 0)
        return wrong(r, "takes large bodies from people", e);
    return compile_permission(c, e);
}

/* Literals before {id}, {id2}, {word}: the first row that matches is the most exact one. */
static int by_pattern(const void *pa, const void *pb)
{
    const struct compiled *a = pa, *b = pb;

    if (a->n != b->n)
        return a->n - b->n;
    for (int i = 0; i < a->n; i++) {
        const struct segment *x = &a->seg[i], *y = &b->seg[i];
        int d = (int)x->kind - (int)y->kind;

        if (d == 0 && x->kind == SEG_LITERAL) {
            d = memcmp(x->text, y->text, x->len < y->len ? x->len : y->len);
            if (d == 0)
                d = (int)x->len - (int)y->len;
        }
        if (d != 0)
            return d;
    }
    return (int)a->method - (int)b->method;
}

void route_set_free(struct route_set *rs)
{
    if (!rs)
        return;
    free(rs->row);
    free(rs);
}
DEFINE_AUTO(auto_routes, struct route_set *, route_set_free)
#define auto_routes AUTO(auto_routes)

int route_set_build(const struct route *const *tables, struct route_set **out, struct err *e)
{
    auto_routes struct route_set *rs = calloc(1, sizeof *rs);
    size_t count = 0;

    for (const struct route *const *t = tables; *t; t++)
        for (const struct route *r = *t; r->method || r->path; r++)
            count++;
    if (!rs || !(rs->row = calloc(count + 1, sizeof *rs->row)))
        return err_set(e, ERR_INTERNAL, "out of memory");
    for (const struct route *const *t = tables; *t; t++)
        for (const struct route *r = *t; r->method || r->path; r++)
            if (compile(&rs->row[rs->n++], r, e) < 0)
                return -1;
    qsort(rs->row, rs->n, sizeof *rs->row, by_pattern);
    for (size_t i = 1; i < rs->n; i++)
        if (by_pattern(&rs->row[i - 1], &rs->row[i]) == 0)
            return wrong(rs->row[i].route, "is there twice", e);
    *out = MOVE(rs);
    return 0;
}

static bool take_id(const char *p, size_t len, struct id *out)
{
    char text[ID_LEN + 1];

    if (len != ID_LEN)
        return false;
    memcpy(text, p, len);
    text[len] = '\0';
    return id_parse(text, out);
}

static bool take_word(const char *p, size_t len, char to[ROUTE_WORD_MAX + 1])
{
    if (len < 1 || len > ROUTE_WORD_MAX)
        return false;
    memcpy(to, p, len);
    to[len] = '\0';
    return strspn(to, "abcdefghijklmnopqrstuvwxyz0123456789._-") == len && strcmp(to, ".") != 0 &&
           strcmp(to, "..") != 0;
}

static bool matches(const struct compiled *c, const char *path, struct route_match *m)
{
    const char *p = path;

    for (int i = 0; i < c->n; i++) {
        const struct segment *seg = &c->seg[i];
        size_t len;

        if (*p++ != '/')
            return false;
        len = strcspn(p, "/");
        if (seg->kind == SEG_LITERAL) {
            if (len != seg->len || memcmp(p, seg->text, len) != 0)
                return false;
        } else if (seg->kind == SEG_WORD
                       ? !take_word(p, len, m->word)
                       : !take_id(p, len, seg->kind == SEG_ID ? &m->id : &m->id2)) {
            return false;
        }
        p += len;
    }
    return *p == '\0';
}

enum route_found route_find(const struct route_set *rs, const char *method, const char *path,
                            struct route_match *m, unsigned *allow)
{
    unsigned bit = route_method_bit(strcmp(method, "HEAD") == 0 ? "GET" : method);
    bool found = false;

    *allow = 0;
    for (size_t i = 0; i < rs->n; i++) {
        struct route_match try = { 0 };

        if (!matches(&rs->row[i], path, &try))
            continue;
        *allow |= rs->row[i].method;
        if (found || rs->row[i].method != bit)
            continue;
        found = true;
        try.route = rs->row[i].route;
        try.permission = rs->row[i].permission;
        try.node_kind = rs->row[i].node_kind;
        *m = try;
    }
    return found ? ROUTE_FOUND : *allow ? ROUTE_OTHER_METHOD : ROUTE_NO_PATH;
}
