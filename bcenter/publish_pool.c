#include "bcenter/publish_pool.h"

#include "bcenter/desktop_place.h"
#include "bcenter/forecast.h"
#include "common/base/clock.h"
#include "common/base/json.h"

static json_t *law_json(const struct err *law)
{
    json_t *o;

    if (law->code == ERR_NONE)
        return json_null();
    o = json_object();
    json_put_str(o, "law", err_slug(law->code));
    json_put_str(o, "detail", law->detail);
    return o;
}

static json_t *forecast_json(const struct forecast_law *laws, int n)
{
    json_t *list = json_array();

    for (int i = 0; i < n; i++) {
        json_t *o = json_object();

        json_put_str(o, "law", err_slug(laws[i].law));
        json_put_int(o, "needs", laws[i].needs);
        json_put_int(o, "free", laws[i].free);
        json_array_append_new(list, o);
    }
    return list;
}

static void publish_one(struct bcenter *bc, const struct pool *p, int64_t have,
                        const struct candidate *c, int n)
{
    struct module *m = &bc->m;
    struct image_version *v = module_image(m, &p->image_version);
    struct forecast_law laws[FORECAST_LAWS];
    struct forecast_ask ask = { .share = p->share, .have = have };
    json_t *o = json_object();
    int k = 0;

    ask.room = MODULE_DESKTOPS - (int64_t)HASH_COUNT(m->desktops);
    if (v && have < p->share) {
        ask.each = desktop_place_demand(p, v);
        k = forecast_make(c, n, &ask, laws);
    }
    json_put_int(o, "share", p->share);
    json_put_int(o, "desktops", have);
    json_object_set_new(o, "refused", have < p->share ? law_json(&p->law) : json_null());
    json_object_set_new(o, "forecast", forecast_json(laws, k));
    sync_set_put(bc->observed, "", "pool", &p->id, o);
}

static void drop(void *arg, const struct sync_object *o)
{
    struct bcenter *bc = arg;
    struct pool *p = module_pool(&bc->m, &o->id);

    if (!p || p->share == 0)
        sync_set_del(bc->observed, "", "pool", &o->id);
}

void publish_pools(struct bcenter *bc)
{
    struct candidate list[PLACEMENT_HOSTS];
    int n;
    struct desktop *d, *dn;
    struct pool *p, *pn;

    desktop_place_count_vfs(&bc->m);
    n = desktop_place_candidates(&bc->m, clock_boot_ms(), list);
    HASH_ITER(hh, bc->m.pools, p, pn)
    {
        p->have = 0;
    }
    HASH_ITER(hh, bc->m.desktops, d, dn)
    {
        p = d->row.deleting ? NULL : module_pool(&bc->m, &d->row.pool);
        if (p)
            p->have++;
    }
    HASH_ITER(hh, bc->m.pools, p, pn)
    {
        if (p->share > 0)
            publish_one(bc, p, p->have, list, n);
    }
    sync_set_each(bc->observed, "pool", drop, bc);
}
