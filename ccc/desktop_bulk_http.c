#include <string.h>

#include "ccc/ccc.h"
#include "ccc/desktop_bulk.h"
#include "ccc/idempotency.h"
#include "ccc/operation.h"
#include "ccc/routes.h"
#include "common/base/json.h"

/* What the portal shows before anybody confirms. */
static int show(const struct desktop_bulk *b, struct reply *rp, struct err *e)
{
    json_t *body = json_object(), *items = json_array(), *totals = json_object();

    json_put_str(body, "action", desktop_action_word(b->action));
    for (size_t i = 0; i < json_array_size(b->items); i++) {
        const json_t *from = json_array_get(b->items, i);
        const char *outcome = json_str(from, "outcome");
        json_t *o = json_object();

        json_put_str(o, "desktop_id", json_str(from, "target_id"));
        json_put_str(o, "name", json_str(from, "target_name"));
        json_put_str(o, "outcome", strcmp(outcome, "open") == 0 ? "will" : outcome);
        json_put_str(o, "slug", json_str(from, "slug"));
        json_array_append_new(items, o);
    }
    json_put_int(totals, "will", b->will);
    json_put_int(totals, "already", b->already);
    json_put_int(totals, "refused", b->refused);
    json_object_set_new(body, "totals", totals);
    json_object_set_new(body, "items", items);
    return http_reply(rp, 200, body, e);
}

struct order {
    struct desktop_bulk bulk;
    struct idempotency once;
    struct id id;
    json_t *body; /* owned: the operation */
};

static int give_tx(struct db *db, void *arg, struct err *e)
{
    struct order *o = arg;
    char location[160];

    if (idempotency_find(db, o->bulk.rq, &o->once, e) < 0)
        return -1;
    if (o->once.replay)
        return 0;
    json_decref(o->body);
    o->body = NULL;
    if (desktop_bulk_decide(db, &o->bulk, e) < 0 ||
        desktop_bulk_give(db, &o->bulk, &o->id, e) < 0 ||
        operation_read(db, &o->id, &o->body, e) < 0)
        return -1;
    snprintf(location, sizeof location, "/api/v1/operations/%s", o->id.s);
    return idempotency_store(db, o->bulk.rq, &o->once, o->bulk.will ? 202 : 200, location, o->body,
                             e);
}

static int give(struct order *o, struct reply *rp, struct err *e)
{
    const struct request *rq = o->bulk.rq;

    if (idempotency_open(rq, &o->once, e) < 0 || db_tx(ccc_db(rq), give_tx, o, e) < 0)
        return -1;
    snprintf(rp->location, sizeof rp->location, "/api/v1/operations/%s", o->id.s);
    if (o->once.replay) {
        snprintf(rp->location, sizeof rp->location, "%s", o->once.location);
        return http_reply(rp, o->once.status, MOVE(o->once.body), e);
    }
    if (o->bulk.will > 0)
        return http_accepted(rp, o->id.s, MOVE(o->body), e);
    return http_reply(rp, 200, MOVE(o->body), e);
}

static int read_body(const struct request *rq, struct desktop_bulk *b, bool *dry, struct err *e)
{
    json_t *ids = NULL, *filter = NULL;
    const char *word;
    const struct json_field fields[] = {
        { "action", JSON_TEXT, .required = true, .to = &word, .words = desktop_action_words },
        { "desktops", JSON_ARR, .to = &ids, .min = 1, .max = DESKTOP_BULK_MAX },
        { "filter", JSON_OBJ, .to = &filter },
        { "dry_run", JSON_BOOL, .to = dry },
        { 0 },
    };

    if (json_fields(rq->body, fields, e) < 0)
        return -1;
    if (!ids == !filter)
        return err_set(e, ERR_INVALID_REQUEST, "name desktops or give a filter, one of the two");
    if (!desktop_action_from(word, &b->action))
        return err_set(e, ERR_INVALID_REQUEST, "there is no such action");
    b->ids = ids;
    return ids ? desktop_bulk_check(ids, e) : desktop_filter_read(filter, "/filter", &b->filter, e);
}

/* POST /desktops/actions {action, desktops | filter, dry_run} */
static int post(const struct request *rq, struct reply *rp, struct err *e)
{
    struct order o = { .bulk = { .rq = rq }, .id = id_new() };
    bool dry = false;
    int rc = read_body(rq, &o.bulk, &dry, e);

    if (rc == 0 && dry) {
        rc = desktop_bulk_decide(ccc_db(rq), &o.bulk, e);
        if (rc == 0)
            rc = show(&o.bulk, rp, e);
    } else if (rc == 0) {
        rc = give(&o, rp, e);
    }
    desktop_bulk_close(&o.bulk);
    idempotency_close(&o.once);
    json_decref(o.body);
    return rc;
}

const struct route desktop_bulk_routes[] = {
    { "POST", "/api/v1/desktops/actions", "self", post, 0 },
    { 0 },
};
