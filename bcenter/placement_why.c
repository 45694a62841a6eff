#include "bcenter/placement_why.h"

#include <sodium.h>
#include <string.h>

#include "bcenter/placement_pack.h"
#include "common/base/json.h"
#include "sql/module/module.h"

struct stored {
    struct candidate c[PLACEMENT_HOSTS];
    int n;
    struct demand demand;
    struct id bserver;
    int lane;
};

static int unpack(const PGresult *r, struct stored *s, struct err *e)
{
    const char *hex = db_text(r, 0, "inputs");
    unsigned char raw[PLACEMENT_INPUTS];
    size_t size;

    if (sodium_hex2bin(raw, sizeof raw, hex, strlen(hex), NULL, &size, NULL) != 0)
        return err_set(e, ERR_INTERNAL, "stored inputs of a placement cannot be read");
    s->n = placement_unpack(raw, size, s->c, &s->demand, e);
    if (s->n < 0)
        return -1;
    id_parse(db_text(r, 0, "bserver_id"), &s->bserver);
    s->lane = (int)db_int(r, 0, "lane", -1);
    return 0;
}

static bool replays(const struct stored *s)
{
    struct placement p;
    struct err e = { 0 };

    return placement_choose(s->c, s->n, &s->demand, &p, &e) == 0 && p.lane == s->lane &&
           id_eq(&s->c[p.candidate].bserver, &s->bserver);
}

/* 1 = chosen; NULL for those that a law took away. */
static json_t *rank(const struct stored *s, int of)
{
    int better = 0;

    if (placement_verdict(&s->c[of], &s->demand) != VERDICT_FITS)
        return json_null();
    for (int i = 0; i < s->n; i++)
        better += i != of && placement_verdict(&s->c[i], &s->demand) == VERDICT_FITS &&
                  placement_better(&s->c[i], &s->c[of], &s->demand);
    return json_integer(better + 1);
}

static json_t *lanes_json(const struct candidate *c)
{
    json_t *lanes = json_array();

    for (int i = 0; i < c->lanes; i++) {
        json_t *lane = json_object();

        json_put_int(lane, "no", i);
        json_put_int(lane, "free", c->free_slots[i]);
        json_put_int(lane, "used", c->used_slots[i]);
        json_array_append_new(lanes, lane);
    }
    return lanes;
}

/* Requests per second; null: placed before the law. */
static json_t *io_json(int64_t units)
{
    return units < 0 ? json_null() : json_real((double)units * PLACEMENT_IO_UNIT / 1e6);
}

/* Lock held, for the names. */
static json_t *candidate_json(struct module *m, const struct stored *s, int i)
{
    const struct candidate *c = &s->c[i];
    const struct bserver *b = module_bserver(m, &c->bserver);
    json_t *o = json_object();

    json_put_str(o, "bserver_id", c->bserver.s);
    json_put_str(o, "bserver_name", b ? b->name : NULL);
    json_put_str(o, "verdict", placement_verdict_word(placement_verdict(c, &s->demand)));
    json_object_set_new(o, "rank", rank(s, i));
    json_put_bool(o, "up", c->up);
    json_object_set_new(o, "lanes", lanes_json(c));
    json_put_int(o, "memory_free_mib", c->memory_free_mib);
    json_object_set_new(o, "store_free_gib",
                        c->store_free_gib < 0 ? json_null() : json_integer(c->store_free_gib));
    json_put_int(o, "vfs_free", c->free_vfs);
    json_object_set_new(o, "io_total", io_json(c->io_limit < 0 ? -1 : c->io_total));
    json_object_set_new(o, "io_limit", io_json(c->io_limit));
    return o;
}

static json_t *demand_json(const struct demand *d)
{
    json_t *o = json_object();

    json_put_int(o, "memory_mib", d->memory_mib);
    json_put_int(o, "store_gib", d->store_gib);
    json_put_bool(o, "needs_vf", d->needs_vf);
    return o;
}

static json_t *explain(struct bcenter *bc, const struct id *id, int64_t at, const struct stored *s)
{
    json_t *o = json_object(), *list = json_array();

    json_put_str(o, "id", id->s);
    json_put_time(o, "at", at);
    json_put_str(o, "desktop_id", s->demand.desktop.s);
    json_put_str(o, "bserver_id", s->bserver.s);
    json_put_int(o, "lane", s->lane);
    json_object_set_new(o, "demand", demand_json(&s->demand));
    json_put_bool(o, "replayed", replays(s));
    module_lock(&bc->m);
    json_put_str(o, "module_id", bc->m.id.s);
    for (int i = 0; i < s->n; i++)
        json_array_append_new(list, candidate_json(&bc->m, s, i));
    module_unlock(&bc->m);
    json_object_set_new(o, "candidates", list);
    return o;
}

int placement_why(struct bcenter *bc, struct db *db, const struct id *id, json_t **out,
                  struct err *e)
{
    auto_result PGresult *r = NULL;
    struct stored s;

    if (db_run(db, &Q_placement_one, DB_ARGS(id->s), &r, e) < 0)
        return -1;
    if (db_rows(r) == 0)
        return err_set(e, ERR_NOT_FOUND,
                       "there is no such placement; they are kept for seven days");
    if (unpack(r, &s, e) < 0)
        return -1;
    *out = explain(bc, id, db_int(r, 0, "at_ms", 0), &s);
    return 0;
}
