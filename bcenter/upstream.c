#include "bcenter/upstream.h"

#include <string.h>

#include "bcenter/reconcile.h"
#include "bcenter/wanted_intake.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "sql/module/module.h"
#include "sql/module/replica.h"

enum { GATHER_MS = 50 };

struct upstream {
    struct bcenter *bc;
    struct db *db; /* the pull thread's */
    struct sync_pull *pull;
    const char *one[BCENTER_XCENTERS][2]; /* each address as a list of its own */
    int64_t mark; /* number of the newest snapshot; written by the pull thread, atomic */
    bool in_snapshot;
    int64_t confirmed; /* atomic: the first snapshot whose hold is heeded again */
};

/* ---- storing ---- */

struct storing {
    struct upstream *up;
    const json_t *page;
    int64_t mark;
};

static int store_object(struct db *db, const json_t *o, int64_t mark, struct err *e)
{
    const char *scope = json_str(o, "scope"), *kind = json_str(o, "kind"), *id = json_str(o, "id");
    char rev[24], number[24];
    char *body;
    int rc;

    if (!kind || !id_valid(id))
        return 0; /* the set refuses it too */
    if (json_flag(o, "deleted", false))
        return db_run(db, &Q_replica_del, DB_ARGS(scope ? scope : "", kind, id), NULL, e);
    if (!json_is_object(json_object_get(o, "body")))
        return 0;
    body = json_dumps(json_object_get(o, "body"), JSON_COMPACT);
    snprintf(rev, sizeof rev, "%lld", (long long)json_num(o, "rev", 0));
    snprintf(number, sizeof number, "%lld", (long long)mark);
    rc = db_run(db, &Q_replica_put, DB_ARGS(scope ? scope : "", kind, id, rev, body, number), NULL,
                e);
    free(body);
    return rc;
}

static int store_page(struct db *db, void *arg, struct err *e)
{
    const struct storing *st = arg;
    const json_t *list = json_object_get(st->page, "objects");
    bool last = !json_flag(st->page, "more", false);
    auto_result PGresult *lead = NULL;
    char mark[24], floor[24], epoch[24];

    snprintf(epoch, sizeof epoch, "%lld", (long long)st->up->bc->m.epoch);
    if (db_run(db, &Q_leader_hold, DB_ARGS(epoch), &lead, e) < 0)
        return -1;
    if (db_rows(lead) != 1)
        return err_set(e, ERR_EPOCH_STALE, "another process leads this module");
    snprintf(mark, sizeof mark, "%lld", (long long)st->mark);
    snprintf(floor, sizeof floor, "%lld", (long long)json_num(st->page, "floor", 0));
    for (size_t i = 0; i < json_array_size(list); i++)
        if (store_object(db, json_array_get(list, i), st->mark, e) < 0)
            return -1;
    if (st->up->in_snapshot && last && db_run(db, &Q_replica_absent, DB_ARGS(mark), NULL, e) < 0)
        return -1;
    /* In the middle of a snapshot the old cursor stays: a restart takes the snapshot again. */
    if (st->up->in_snapshot && !last)
        return 0;
    return db_run(db, &Q_replica_cursor_put, DB_ARGS(json_str(st->page, "cursor"), floor, mark),
                  NULL, e);
}

static int on_page(void *arg, const json_t *page, struct err *e)
{
    struct upstream *up = arg;
    struct storing st = { .up = up, .page = page };

    if (json_array_size(json_object_get(page, "objects")) == 0 &&
        !json_flag(page, "snapshot", false) && !up->in_snapshot)
        return 0;
    if (json_flag(page, "snapshot", false)) {
        up->in_snapshot = true;
        __atomic_add_fetch(&up->mark, 1, __ATOMIC_ACQ_REL);
    }
    st.mark = up->mark;
    if (db_tx_once(up->db, store_page, &st, e) < 0)
        return -1;
    if (!json_flag(page, "more", false))
        up->in_snapshot = false;
    return 0;
}

/* ---- applying ---- */

static void on_change(void *arg, const struct sync_object *o)
{
    struct upstream *up = arg;
    struct err e = { 0 };

    wanted_intake(up->bc, o);
    if (o->deleted &&
        db_run(up->db, &Q_replica_del, DB_ARGS(o->scope, o->kind, o->id.s), NULL, &e) < 0)
        log_err("replica-del",
                &e); /* it stays marked absent: held after a restart, until the next snapshot */
}

static bool on_hold(void *arg, const struct sync_object *absent, int64_t count, int64_t held_in_all)
{
    struct upstream *up = arg;
    bool hold = wanted_hold(up->bc, absent, count, held_in_all);

    /* Used up by the first hold, and void after the snapshot that follows the confirmation. */
    if (hold && up->mark < __atomic_exchange_n(&up->confirmed, 0, __ATOMIC_ACQ_REL)) {
        module_lock(&up->bc->m);
        up->bc->m.held = 0;
        module_unlock(&up->bc->m);
        return false;
    }
    return hold;
}

static void on_settled(void *arg, const char *scope)
{
    struct bcenter *bc = arg;

    (void)scope;
    __atomic_store_n(&bc->settled, sync_set_is_ready(bc->wanted), __ATOMIC_RELEASE);
    bcenter_poke(bc);
}

int upstream_restore(struct bcenter *bc, struct db *db, struct err *e)
{
    auto_result PGresult *objects = NULL, *cursor = NULL;
    const char *text;
    int64_t absent = 0;

    if (db_run(db, &Q_replica_cursor_get, NULL, &cursor, e) < 0 ||
        db_run(db, &Q_replica_every, NULL, &objects, e) < 0)
        return -1;
    sync_set_on_change(bc->wanted, on_settled, bc);
    text = db_rows(cursor) ? db_text(cursor, 0, "cursor") : "";
    if (!text || !text[0])
        return 0; /* never had a complete copy */
    for (int i = 0; i < db_rows(objects); i++) {
        struct sync_object o = { .rev = db_int(objects, i, "rev", 0) };

        snprintf(o.scope, sizeof o.scope, "%s", db_text(objects, i, "scope"));
        snprintf(o.kind, sizeof o.kind, "%s", db_text(objects, i, "kind"));
        absent += db_flag(objects, i, "absent");
        o.body = json_loads(db_text(objects, i, "body"), 0, NULL);
        if (o.body && id_parse(db_text(objects, i, "id"), &o.id)) {
            sync_set_restore(bc->wanted, &o);
            wanted_intake(bc, &o);
        }
        json_decref(o.body);
    }
    sync_set_restore_cursor(bc->wanted, text, db_int(cursor, 0, "floor", 0));
    bc->m.held = absent;
    __atomic_store_n(&bc->settled, true, __ATOMIC_RELEASE);
    return 0;
}

/* ---- links ---- */

static json_t *about(void *arg)
{
    struct bcenter *bc = arg;
    json_t *o = json_object(), *m = json_object();

    module_lock(&bc->m);
    json_put_str(o, "source", bc->m.id.s);
    json_put_str(m, "id", bc->m.id.s);
    json_put_str(m, "name", bc->m.name);
    json_put_str(m, "block_id", bc->m.block.s);
    json_put_str(m, "login", bc->login_url);
    json_put_str(m, "url", bc->management_url);
    json_put_str(m, "version", BCENTER_VERSION);
    json_put_int(m, "epoch", bc->m.epoch);
    json_put_int(m, "held", bc->m.held);
    module_unlock(&bc->m);
    json_object_set_new(o, "module", m);
    return o;
}

void upstream_observed_changed(void *arg, const char *scope)
{
    struct bcenter *bc = arg;

    (void)scope;
    bcenter_wake_push(bc);
}

/* "cursor" is what the xCenter has, "passed" what the CCC has through it. */
static void on_answer(void *arg, const json_t *answer)
{
    reconcile_audit_passed(arg, json_str(answer, "passed"));
}

/* Wanted comes from whichever answers. */
static int start_pull(struct bcenter *bc, struct upstream *up, struct err *e)
{
    struct sync_pull_spec spec = {
        .link = { .self = &bc->node.identity,
                  .urls = (const char *const *)bc->xcenters,
                  .kind = "xcenter" },
        .set = bc->wanted,
        .apply = { .hold = on_hold, .change = on_change, .arg = up },
        .page = on_page,
        .page_arg = up,
    };

    return sync_pull_start(&spec, &up->pull, e);
}

/* Observed goes to each: any of them can then tell the CCC, and pass calls on. */
static int start_pushes(struct bcenter *bc, struct upstream *up, struct err *e)
{
    struct sync_push_spec spec = {
        .link = { .self = &bc->node.identity, .kind = "xcenter" },
        .set = bc->observed,
        .gather_ms = GATHER_MS,
        .about = about,
        .answered = on_answer,
        .arg = bc,
    };

    for (int i = 0; i < BCENTER_XCENTERS && bc->xcenters[i]; i++) {
        struct sync_push *started;

        up->one[i][0] = bc->xcenters[i];
        spec.link.urls = up->one[i];
        if (sync_push_start(&spec, &started, e) < 0)
            return -1;
        pthread_rwlock_wrlock(&bc->wires);
        bc->push[i] = started;
        pthread_rwlock_unlock(&bc->wires);
    }
    return 0;
}

int upstream_start(struct bcenter *bc, struct err *e)
{
    auto_result PGresult *r = NULL;
    struct upstream *up = calloc(1, sizeof *up);

    if (!up)
        return err_set(e, ERR_INTERNAL, "out of memory");
    bc->up = up;
    up->bc = bc;
    if (db_open(bc->config->database, &up->db, e) < 0 ||
        db_run(up->db, &Q_replica_cursor_get, NULL, &r, e) < 0)
        return -1;
    up->mark = db_rows(r) ? db_int(r, 0, "mark", 0) : 0;
    return start_pull(bc, up, e) < 0 ? -1 : start_pushes(bc, up, e);
}

void upstream_stop(struct bcenter *bc)
{
    if (!bc->up)
        return;
    sync_pull_stop(bc->up->pull);
    for (int i = 0; i < BCENTER_XCENTERS; i++) {
        struct sync_push *push;

        pthread_rwlock_wrlock(&bc->wires);
        push = bc->push[i];
        bc->push[i] = NULL;
        pthread_rwlock_unlock(&bc->wires);
        sync_push_stop(push);
    }
    db_close(bc->up->db);
    free(bc->up);
    bc->up = NULL;
}

bool upstream_up(const struct bcenter *bc)
{
    return bc->up && sync_pull_up(bc->up->pull);
}

/* ---- held deletions ---- */

int upstream_confirm(struct bcenter *bc, struct db *db, int64_t *released, struct err *e)
{
    auto_result PGresult *gone = NULL;

    module_lock(&bc->m);
    *released = bc->m.held;
    module_unlock(&bc->m);
    if (*released == 0)
        return 0;
    if (db_run(db, &Q_replica_confirm, NULL, &gone, e) < 0)
        return -1;
    for (int i = 0; i < db_rows(gone); i++) {
        struct sync_object o = { .deleted = true };

        snprintf(o.scope, sizeof o.scope, "%s", db_text(gone, i, "scope"));
        snprintf(o.kind, sizeof o.kind, "%s", db_text(gone, i, "kind"));
        if (id_parse(db_text(gone, i, "id"), &o.id))
            wanted_intake(bc, &o);
    }
    module_lock(&bc->m);
    bc->m.held = 0;
    module_unlock(&bc->m);
    /* The set itself still holds them until the next snapshot, which then need not ask again. */
    if (bc->up)
        __atomic_store_n(&bc->up->confirmed, __atomic_load_n(&bc->up->mark, __ATOMIC_ACQUIRE) + 2,
                         __ATOMIC_RELEASE);
    bcenter_poke(bc);
    return 0;
}
