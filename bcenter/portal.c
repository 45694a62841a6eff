#include "bcenter/portal.h"

#include <string.h>

#include "bcenter/publish.h"
#include "common/base/clock.h"
#include "common/base/json.h"

static int by_name(const void *a, const void *b)
{
    const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
    const char *nx = json_str(x, "name"), *ny = json_str(y, "name");
    int order = strcmp(nx ? nx : "", ny ? ny : "");

    return order ? order : strcmp(json_str(x, "id"), json_str(y, "id"));
}

/* Where the page starts: after the object that the cursor names. -1: there is none such. */
static int64_t start_of(json_t *const *list, size_t n, const char *cursor)
{
    if (!cursor)
        return 0;
    for (size_t i = 0; i < n; i++)
        if (strcmp(json_str(list[i], "id"), cursor) == 0)
            return (int64_t)i + 1;
    return -1;
}

static int page(json_t **list, size_t n, const char *cursor, int64_t limit, json_t **out,
                struct err *e)
{
    int64_t start = start_of(list, n, cursor);
    json_t *items, *o;

    if (start < 0)
        return err_set(e, ERR_INVALID_REQUEST, "this cursor does not belong to this list");
    items = json_array();
    for (int64_t i = start; i < (int64_t)n && i < start + limit; i++)
        json_array_append(items, list[i]);
    o = json_object();
    json_object_set_new(o, "items", items);
    json_put_str(o, "next",
                 start + limit < (int64_t)n ? json_str(list[start + limit - 1], "id") : NULL);
    json_put_time(o, "as_of", clock_wall_ms());
    *out = o;
    return 0;
}

static int list_page(const struct request *rq, const char *more, json_t *items, json_t **out,
                     struct err *e)
{
    const char *const allowed[] = { "limit", "cursor", "sort", more, NULL };
    const char *sort = http_query(rq, "sort");
    size_t n = json_array_size(items);
    json_t **list;
    int64_t limit;
    int rc;

    if (http_query_only(rq, allowed, e) < 0 ||
        http_query_int(rq, "limit", 1, 200, 50, &limit, e) < 0)
        return -1;
    if (sort && strcmp(sort, "name") != 0 && strcmp(sort, "-name") != 0)
        return err_set(e, ERR_INVALID_REQUEST, "this list is sorted by name or -name");
    list = calloc(n + 1, sizeof *list);
    if (!list)
        return err_set(e, ERR_INTERNAL, "out of memory");
    for (size_t i = 0; i < n; i++)
        list[i] = json_array_get(items, i);
    qsort(list, n, sizeof *list, by_name);
    for (size_t i = 0; sort && sort[0] == '-' && i < n / 2; i++) {
        json_t *swap = list[i];

        list[i] = list[n - 1 - i];
        list[n - 1 - i] = swap;
    }
    rc = page(list, n, http_query(rq, "cursor"), limit, out, e);
    free(list);
    return rc;
}

int portal_list(const struct request *rq, struct reply *rp, const char *more, json_t *items,
                struct err *e)
{
    json_t *out = NULL;
    int rc = list_page(rq, more, items, &out, e);

    json_decref(items);
    return rc < 0 ? -1 : http_reply(rp, 200, out, e);
}

json_t *portal_operation(struct bcenter *bc, const struct operation *op)
{
    struct desktop *d = module_desktop(&bc->m, &op->target);
    json_t *o = operation_json(op);

    json_put_str(json_object_get(o, "target"), "name", d ? d->row.name : op->target.s);
    json_object_set(o, "asked_by", json_object_get(o, "asked_by_name"));
    json_object_del(o, "asked_by_name");
    return o;
}

static bool listed(const json_t *list, const char *id)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_str(json_array_get(list, i), "id"), id) == 0)
            return true;
    return false;
}

static void add_module(struct bcenter *bc, json_t *list, const struct id *id)
{
    bool own = id_eq(id, &bc->m.id);
    struct sister *s;
    json_t *o;

    HASH_FIND(hh, bc->m.sisters, id->s, ID_LEN, s);
    if (listed(list, id->s) || (!own && (!s || !s->login[0])))
        return;
    o = json_object();
    json_put_str(o, "id", id->s);
    json_put_str(o, "name", own ? bc->m.name : s->name);
    json_put_str(o, "login", own ? bc->login_url : s->login);
    json_array_append_new(list, o);
}

json_t *portal_modules(struct bcenter *bc, const struct id *person)
{
    json_t *list = json_array();
    struct pool *p, *next;

    add_module(bc, list, &bc->m.id);
    HASH_ITER(hh, bc->m.pools, p, next)
    {
        const struct id *holder = module_holder(&bc->m, person, &p->id);
        int place;

        if (!module_entitled(&bc->m, person, &p->id))
            continue;
        if (holder)
            add_module(bc, list, holder);
        place = place_module(person, &p->id, p->shares, p->nshares, NULL);
        if (place >= 0)
            add_module(bc, list, &p->shares[place].module);
    }
    return list;
}
