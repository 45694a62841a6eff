#include <string.h>

#include "bcenter/agent_observed.h"
#include "bcenter/module_load.h"
#include "bcenter/publish.h"
#include "bcenter/reconcile.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "sql/module/module.h"

/* What one host's agent said, copied out from under the lock. */
struct host {
    struct id id;
    char name[260], boot[72];
    char cores[24], memory[24], store[24], slots[16], lanes[16], epoch[24];
    bool has_store;
    char *body, *heard,
        *lost; /* JSON: the report, the VFs that it names, ids of those it does not */
};

static void copy_vfs(struct module *m, const struct bserver *b, struct host *h)
{
    json_t *heard = json_array(), *lost = json_array();
    struct vf *v, *next;

    HASH_ITER(hh, m->vfs, v, next)
    {
        json_t *o;

        if (v->bserver != b || v->stored)
            continue;
        if (!v->heard) {
            json_array_append_new(lost, json_string(v->id.s));
            continue;
        }
        o = json_object();
        json_put_str(o, "id", v->id.s);
        json_put_str(o, "pf", v->pf);
        json_put_str(o, "address", v->address);
        json_put_int(o, "index", v->index);
        json_array_append_new(heard, o);
    }
    h->heard = json_array_size(heard) ? store_json(heard) : NULL;
    h->lost = json_array_size(lost) ? store_json(lost) : NULL;
    json_decref(heard);
    json_decref(lost);
}

/* Lock held. False: nothing to store. */
static bool copy_host(struct bcenter *bc, struct bserver *b, struct host *h)
{
    if (b->left || b->stored || !b->body || !bserver_up(b, clock_boot_ms()) || !b->boot[0])
        return false;
    memset(h, 0, sizeof *h);
    h->id = b->id;
    snprintf(h->name, sizeof h->name, "%s", b->name);
    snprintf(h->boot, sizeof h->boot, "%s", b->boot);
    snprintf(h->cores, sizeof h->cores, "%lld", (long long)b->cores);
    snprintf(h->memory, sizeof h->memory, "%lld", (long long)b->memory_limit_mib);
    snprintf(h->store, sizeof h->store, "%lld", (long long)b->store_limit_gib);
    snprintf(h->slots, sizeof h->slots, "%d", bserver_slots(b));
    snprintf(h->lanes, sizeof h->lanes, "%d", b->nlanes);
    snprintf(h->epoch, sizeof h->epoch, "%lld", (long long)bc->m.epoch);
    h->has_store = b->store_limit_gib >= 0;
    h->body = store_json(b->body);
    copy_vfs(&bc->m, b, h);
    b->stored = true; /* what is heard from now on makes it false again */
    return true;
}

static int store_host(struct db *db, void *arg, struct err *e)
{
    const struct host *h = arg;
    auto_result PGresult *r = NULL;

    if (db_run(db, &Q_bserver_heard,
               DB_ARGS(h->id.s, h->name, h->boot, h->cores, h->memory,
                       h->has_store ? h->store : NULL, h->body, h->epoch),
               &r, e) < 0)
        return -1;
    if (db_changed(r) != 1)
        return err_set(e, ERR_EPOCH_STALE, "another process leads this module");
    if (db_run(db, &Q_lane_make, DB_ARGS(h->id.s, h->lanes, h->epoch), NULL, e) < 0 ||
        db_run(db, &Q_slot_make, DB_ARGS(h->id.s, h->slots, h->lanes, h->epoch), NULL, e) < 0 ||
        db_run(db, &Q_slot_trim, DB_ARGS(h->id.s, h->slots, h->epoch), NULL, e) < 0)
        return -1;
    if (h->heard && db_run(db, &Q_vf_heard, DB_ARGS(h->id.s, h->heard, h->epoch), NULL, e) < 0)
        return -1;
    return h->lost ? db_run(db, &Q_vf_lost, DB_ARGS(h->id.s, h->lost, h->epoch), NULL, e) : 0;
}

static void reconcile_host(struct bcenter *bc, const struct id *id)
{
    struct host host, *h = &host;
    struct err e = { 0 };
    struct bserver *b;
    bool wanted;

    module_lock(&bc->m);
    b = module_bserver(&bc->m, id);
    wanted = b && copy_host(bc, b, h);
    module_unlock(&bc->m);
    if (!wanted)
        return;
    if (db_tx_once(bc->reconcile_db, store_host, h, &e) < 0 ||
        module_load_bserver(bc, bc->reconcile_db, id, &e) < 0)
        log_err("host", &e);
    free(h->body);
    free(h->heard);
    free(h->lost);
    module_lock(&bc->m);
    b = module_bserver(&bc->m, id);
    if (b && e.code != ERR_NONE)
        b->stored = false;
    if (b)
        publish_bserver(bc, b);
    module_unlock(&bc->m);
}

/* A bServer whose node was deleted makes room for another. */
static void leave(struct bcenter *bc, const struct id *id)
{
    struct err e = { 0 };
    struct bserver *b;
    char epoch[24];
    bool gone;

    module_lock(&bc->m);
    b = module_bserver(&bc->m, id);
    gone = b && !b->left && module_node_gone(&bc->m, id);
    snprintf(epoch, sizeof epoch, "%lld", (long long)bc->m.epoch);
    module_unlock(&bc->m);
    if (!gone)
        return;
    if (db_run(bc->reconcile_db, &Q_bserver_leave, DB_ARGS(id->s, epoch), NULL, &e) < 0) {
        log_err("bserver-leave", &e);
        return;
    }
    module_lock(&bc->m);
    b = module_bserver(&bc->m, id);
    if (b)
        b->left = true;
    module_unlock(&bc->m);
}

void reconcile_hosts(struct bcenter *bc)
{
    struct id *ids;
    int n;

    module_lock(&bc->m);
    RECONCILE_IDS(&bc->m, bserver, bservers, id, ids, n);
    module_unlock(&bc->m);
    for (int i = 0; i < n; i++) {
        leave(bc, &ids[i]);
        reconcile_host(bc, &ids[i]);
    }
    free(ids);
}
