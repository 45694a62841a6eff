/* pools_http — what a person sees here: her desktops and the pools that she may use. */
#include <string.h>

#include "bcenter/portal.h"
#include "bcenter/publish.h"
#include "common/base/json.h"

/* As docs/rest.md has it, with the names that the CCC's copy leaves out. No action is offered on
 * this listener. */
static json_t *my_desktop(struct bcenter *bc, const struct desktop *d, const struct person *p)
{
    struct pool *pool = module_pool(&bc->m, &d->row.pool);
    json_t *o = desktop_json(bc, d), *session = json_object_get(o, "session");

    json_put_str(o, "pool_name", pool ? pool->name : d->row.name);
    json_put_str(o, "username", p ? p->username : NULL);
    if (json_is_object(session))
        json_object_del(session, "person_id");
    json_object_set_new(o, "allowed_actions", json_array());
    return o;
}

static int get_my_desktops(const struct request *rq, struct reply *rp, struct err *e)
{
    struct bcenter *bc = rq->app;
    json_t *items = json_array();
    struct desktop *d, *next;

    module_lock(&bc->m);
    HASH_ITER(hh, bc->m.desktops, d, next)
    {
        if (id_eq(&d->row.person, &rq->caller.id))
            json_array_append_new(items, my_desktop(bc, d, module_person(&bc->m, &rq->caller.id)));
    }
    module_unlock(&bc->m);
    return portal_list(rq, rp, NULL, items, e);
}

static json_t *my_pool(struct bcenter *bc, const struct pool *p, const struct id *person)
{
    struct image_version *v = module_image(&bc->m, &p->image_version);
    struct desktop *d = module_desktop_of(&bc->m, person, &p->id);
    const char *image = v ? json_str(v->body, "image_name") : NULL;
    json_t *o = json_object();

    json_put_str(o, "id", p->id.s);
    json_put_str(o, "name", p->name);
    json_object_set_new(o, "description", json_string(p->description));
    json_put_str(o, "kind", p->floating ? "floating" : "persistent");
    json_object_set_new(o, "image_name", json_string(image ? image : ""));
    json_put_str(o, "desktop_id", d ? d->row.id.s : NULL);
    return o;
}

/* ?mine=true changes nothing: no administrator comes here. */
static int get_pools(const struct request *rq, struct reply *rp, struct err *e)
{
    struct bcenter *bc = rq->app;
    json_t *items = json_array();
    struct pool *p, *next;

    module_lock(&bc->m);
    HASH_ITER(hh, bc->m.pools, p, next)
    {
        if (module_entitled(&bc->m, &rq->caller.id, &p->id))
            json_array_append_new(items, my_pool(bc, p, &rq->caller.id));
    }
    module_unlock(&bc->m);
    return portal_list(rq, rp, "mine", items, e);
}

const struct route pools_routes[] = {
    { "GET", "/api/v1/me/desktops", "self", get_my_desktops, 0 },
    { "GET", "/api/v1/pools", "self", get_pools, 0 },
    { 0 },
};
