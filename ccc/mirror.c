#include "ccc/mirror.h"

#include <stdlib.h>
#include <string.h>

#include "ccc/mirror_row.h"
#include "ccc/wanted.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/http/metric.h"
#include "sql/ccc/mirror.h"

static const struct {
    const struct db_stmt *put, *del, *sweep;
} tables[MIRROR_KINDS] = {
    [MIRROR_BSERVER] = { &Q_mirror_put_bserver, &Q_mirror_del_bserver, &Q_mirror_sweep_bserver },
    [MIRROR_VF] = { &Q_mirror_put_vf, &Q_mirror_del_vf, &Q_mirror_sweep_vf },
    [MIRROR_DESKTOP] = { &Q_mirror_put_desktop, &Q_mirror_del_desktop, &Q_mirror_sweep_desktop },
    [MIRROR_OPERATION] = { &Q_mirror_put_operation, &Q_mirror_del_operation,
                           &Q_mirror_sweep_operation },
    [MIRROR_SEAT] = { &Q_mirror_put_seat, &Q_mirror_del_seat, &Q_mirror_sweep_seat },
    [MIRROR_POOL_IO] = { &Q_mirror_put_pool_io, &Q_mirror_del_pool_io, &Q_mirror_sweep_pool_io },
    [MIRROR_SHARE] = { &Q_mirror_put_share, &Q_mirror_del_share, &Q_mirror_sweep_share },
    [MIRROR_POOL] = { &Q_mirror_put_pool, &Q_mirror_del_pool, &Q_mirror_sweep_pool },
    [MIRROR_AUDIT] = { NULL, NULL, NULL },
};

/* A relay that has not heard its bCenter for so long speaks for nobody who is there now. */
enum { LEADER_SILENT_MS = 9000 };

static bool cursor_read(const char *text, struct id *history, int64_t *rev)
{
    char id[ID_LEN + 1], *end;

    if (!text || strlen(text) < ID_LEN + 2 || text[ID_LEN] != ':')
        return false;
    memcpy(id, text, ID_LEN);
    id[ID_LEN] = '\0';
    *rev = strtoll(text + ID_LEN + 1, &end, 10);
    return !*end && *rev >= 0 && id_parse(id, history);
}

int mirror_read(const json_t *body, struct mirror_page *out, bool *heartbeat, struct err *e)
{
    const json_t *about = json_object_get(body, "about"), *m = json_object_get(about, "module");
    int64_t heard = json_num(m, "heard_ms", -1);
    struct mirror_page p = { .leader = json_num(m, "epoch", 0),
                             .leader_fresh = heard >= 0 && heard < LEADER_SILENT_MS };
    struct id history;

    *heartbeat = json_object_get(body, "objects") == NULL;
    if (*heartbeat) {
        *out = p;
        return 0;
    }
    if (!json_id(body, "history", &p.history) ||
        !cursor_read(json_str(body, "cursor"), &history, &p.rev) || !id_eq(&history, &p.history) ||
        !json_is_array(json_object_get(body, "objects")))
        return err_set(e, ERR_INVALID_REQUEST, "this is not a page of objects");
    if (!cursor_read(json_str(body, "from"), &p.from_history, &p.from_rev))
        p.from_history = (struct id){ "" };
    p.floor = json_num(body, "floor", 0);
    p.count = json_num(body, "count", -1);
    p.head = json_num(body, "head", -1);
    p.epoch = json_num(body, "epoch", p.leader); /* an xCenter of the version before: as it heard */
    p.snapshot = json_flag(body, "snapshot", false);
    p.more = json_flag(body, "more", false);
    *out = p;
    return 0;
}

struct push {
    const struct id *node;
    const json_t *body;
    struct id module;
    struct mirror_page page;
    struct mirror_held held;
    bool heartbeat, resend, touched;
    char *cursor; /* [SYNC_CURSOR_MAX] */
    int64_t refused, taken;
    char example[SYNC_KIND_MAX + ID_LEN + 2]; /* "kind/id" of the last refused */
};

/* A page's objects, sorted by kind: rows to put, ids to delete. */
struct sorted {
    json_t *rows[MIRROR_KINDS];
    json_t *gone[MIRROR_KINDS];
};

static void sorted_close(struct sorted *s)
{
    for (int k = 0; k < MIRROR_KINDS; k++) {
        json_decref(s->rows[k]);
        json_decref(s->gone[k]);
    }
}

/* Unknown kinds are of a newer version and skipped; a wrong object is counted. */
static void sort_objects(struct push *p, int64_t least_rev, struct sorted *to)
{
    json_t *list = json_object_get(p->body, "objects"), *o;
    enum mirror_kind kind;
    struct id id;
    size_t i;

    for (int k = 0; k < MIRROR_KINDS; k++) {
        to->rows[k] = json_array();
        to->gone[k] = json_array();
    }
    json_array_foreach(list, i, o)
    {
        json_t *row;

        if (!mirror_kind_of(json_str(o, "kind"), &kind) || json_num(o, "rev", -1) < least_rev)
            continue;
        if (!json_id(o, "id", &id)) {
            p->refused++;
            continue;
        }
        p->taken++;
        if (json_flag(o, "deleted", false)) {
            json_array_append_new(to->gone[kind], json_string(id.s));
            continue;
        }
        row = mirror_row(kind, id.s, json_object_get(o, "body"));
        if (row) {
            json_array_append_new(to->rows[kind], row);
            continue;
        }
        p->refused++;
        snprintf(p->example, sizeof p->example, "%s/%s", json_str(o, "kind"), id.s);
    }
}

static int put_rows(struct db *db, const struct push *p, int kind, const json_t *rows,
                    struct err *e)
{
    char round[24], *text;
    int rc;

    if (json_array_size(rows) == 0)
        return 0;
    text = json_dumps(rows, JSON_COMPACT);
    if (!text)
        return err_set(e, ERR_INTERNAL, "out of memory");
    snprintf(round, sizeof round, "%lld", (long long)p->held.round);
    rc = kind == MIRROR_AUDIT
             ? db_run(db, &Q_mirror_put_audit, DB_ARGS(p->module.s, text), NULL, e)
             : db_run(db, tables[kind].put, DB_ARGS(p->module.s, round, text), NULL, e);
    free(text);
    return rc;
}

static int delete_rows(struct db *db, const struct push *p, int kind, json_t *gone, struct err *e)
{
    size_t n = json_array_size(gone), at = 1, room = n * (ID_LEN + 1) + 3;
    char *ids;
    int rc;

    if (n == 0 || !tables[kind].del)
        return 0;
    ids = malloc(room);
    if (!ids)
        return err_set(e, ERR_INTERNAL, "out of memory");
    ids[0] = '{';
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(ids + at, room - at, "%s%s", i ? "," : "",
                               json_string_value(json_array_get(gone, i)));
    snprintf(ids + at, room - at, "}");
    rc = db_run(db, tables[kind].del, DB_ARGS(p->module.s, ids), NULL, e);
    free(ids);
    return rc;
}

static int apply_objects(struct db *db, struct push *p, int64_t least_rev, struct err *e)
{
    struct sorted s = { 0 };
    int rc = 0;

    p->refused = p->taken = 0;
    sort_objects(p, least_rev, &s);
    for (int k = 0; rc == 0 && k < MIRROR_KINDS; k++) {
        rc = put_rows(db, p, k, s.rows[k], e);
        if (rc == 0)
            rc = delete_rows(db, p, k, s.gone[k], e);
    }
    sorted_close(&s);
    p->touched = true;
    return rc;
}

static void forget_snapshot(struct mirror_held *h)
{
    h->snap_history = h->snap_node = (struct id){ "" };
    h->snap_rev = h->snap_seen = 0;
    h->snap_head = -1;
}

/* The last page: everything named? Then what was not named goes; else all over again. */
static int finish_snapshot(struct db *db, struct push *p, struct err *e)
{
    char round[24];

    if (p->page.count >= 0 && p->held.snap_seen < p->page.count) {
        forget_snapshot(&p->held);
        p->resend = true;
        return 0;
    }
    snprintf(round, sizeof round, "%lld", (long long)p->held.round);
    for (int k = 0; k < MIRROR_KINDS; k++)
        if (tables[k].sweep &&
            db_run(db, tables[k].sweep, DB_ARGS(p->module.s, round), NULL, e) < 0)
            return -1;
    p->held.history = p->page.history;
    p->held.rev = p->page.rev;
    forget_snapshot(&p->held);
    metric_add(METRIC_SYNC_SNAPSHOTS, 1);
    return 0;
}

/* Live objects of this page, those that are refused or unknown here included: so the sender counts.
 */
static int64_t count_live(const json_t *body)
{
    const json_t *list = json_object_get(body, "objects");
    int64_t n = 0;

    for (size_t i = 0; i < json_array_size(list); i++)
        n += !json_flag(json_array_get(list, i), "deleted", false);
    return n;
}

static int take_snapshot_page(struct db *db, struct push *p, bool first, struct err *e)
{
    if (first) {
        p->held.round++;
        p->held.snap_history = p->page.history;
        p->held.snap_seen = 0;
        p->held.snap_head = -1;
        p->held.epoch = p->page.epoch > 0 ? p->page.epoch : 0;
    }
    p->held.snap_seen += count_live(p->body);
    p->held.snap_node = *p->node;
    p->held.snap_rev = p->page.rev;
    if (p->page.head > p->held.snap_head)
        p->held.snap_head = p->page.head;
    if (apply_objects(db, p, 0, e) < 0)
        return -1;
    return p->page.more ? 0 : finish_snapshot(db, p, e);
}

static int lock_cursor(struct db *db, struct push *p, struct err *e)
{
    auto_result PGresult *r = NULL;
    struct mirror_held *h = &p->held;
    const char *text;

    *h = (struct mirror_held){ 0 };
    if (db_run(db, &Q_mirror_cursor_make, DB_ARGS(p->module.s), NULL, e) < 0 ||
        db_run(db, &Q_mirror_cursor_lock, DB_ARGS(p->module.s), &r, e) < 0)
        return -1;
    if ((text = db_text(r, 0, "history")))
        id_parse(text, &h->history);
    if ((text = db_text(r, 0, "snap_history")))
        id_parse(text, &h->snap_history);
    if ((text = db_text(r, 0, "snap_node")))
        id_parse(text, &h->snap_node);
    h->rev = db_int(r, 0, "rev", 0);
    h->round = db_int(r, 0, "round", 0);
    h->snap_rev = db_int(r, 0, "snap_rev", 0);
    h->snap_seen = db_int(r, 0, "snap_seen", 0);
    h->snap_head = db_int(r, 0, "snap_head", -1);
    h->snap_fresh = db_flag(r, 0, "snap_fresh") == 1;
    h->epoch = db_int(r, 0, "epoch", 0);
    h->led_fresh = db_flag(r, 0, "led_fresh") == 1;
    return 0;
}

static int store_cursor(struct db *db, const struct push *p, struct err *e)
{
    const struct mirror_held *h = &p->held;
    char rev[24], round[24], snap_rev[24], seen[24], head[24], epoch[24];

    snprintf(rev, sizeof rev, "%lld", (long long)h->rev);
    snprintf(round, sizeof round, "%lld", (long long)h->round);
    snprintf(snap_rev, sizeof snap_rev, "%lld", (long long)h->snap_rev);
    snprintf(seen, sizeof seen, "%lld", (long long)h->snap_seen);
    snprintf(head, sizeof head, "%lld", (long long)h->snap_head);
    snprintf(epoch, sizeof epoch, "%lld", (long long)h->epoch);
    return db_run(db, &Q_mirror_cursor_set,
                  DB_ARGS(p->module.s, id_set(&h->history) ? h->history.s : NULL, rev, round,
                          id_set(&h->snap_history) ? h->snap_history.s : NULL,
                          id_set(&h->snap_history) ? snap_rev : NULL,
                          id_set(&h->snap_node) ? h->snap_node.s : NULL,
                          id_set(&h->snap_history) ? seen : NULL,
                          id_set(&h->snap_history) ? head : NULL, epoch),
                  NULL, e);
}

static bool too_long(const char *text, size_t most)
{
    return text && strlen(text) > most;
}

/* What the module says of itself, by whoever heard it last. */
static int hear_about(struct db *db, const struct push *p, const json_t *m, const char *age,
                      struct err *e)
{
    const char *login = json_str(m, "login");
    const char *module_url = json_str(m, "url"), *version = json_str(m, "version");
    char epoch[24], held[24];

    snprintf(epoch, sizeof epoch, "%lld", (long long)(p->page.leader > 0 ? p->page.leader : 0));
    snprintf(held, sizeof held, "%d", (int)json_num(m, "held", json_flag(m, "held", false)));
    if (!login && !version && !module_url)
        return 0;
    if (too_long(login, 2048) || too_long(module_url, 2048) || too_long(version, 64) ||
        held[0] == '-')
        return 0;
    return db_run(db, &Q_mirror_about,
                  DB_ARGS(p->module.s, login ? login : "", module_url ? module_url : "",
                          version ? version : "", epoch, held, age),
                  NULL, e);
}

/* The word of a leader that another has followed is none any more. */
static int hear(struct db *db, const struct push *p, struct err *e)
{
    const json_t *m = json_object_get(json_object_get(p->body, "about"), "module");
    int64_t heard = json_num(m, "heard_ms", -1), leader = p->page.leader;
    bool led = p->page.leader_fresh && leader >= p->held.epoch;
    char age[24];

    if (heard < 0 || heard >= INT32_MAX || (leader < p->held.epoch && p->held.led_fresh))
        return 0;
    snprintf(age, sizeof age, "%lld", (long long)heard);
    if (hear_about(db, p, m, age, e) < 0)
        return -1;
    return db_run(db, &Q_mirror_hear, DB_ARGS(p->module.s, age, led ? "true" : "false"), NULL, e);
}

static void tell_cursor(struct push *p, const struct id *history, int64_t rev)
{
    if (id_set(history))
        snprintf(p->cursor, SYNC_CURSOR_MAX, "%s:%lld", history->s, (long long)rev);
}

static int take_changes(struct db *db, struct push *p, struct err *e)
{
    if (apply_objects(db, p, p->held.rev, e) < 0)
        return -1;
    p->held.rev = p->page.rev;
    if (p->page.epoch > p->held.epoch)
        p->held.epoch = p->page.epoch;
    forget_snapshot(&p->held); /* it is not needed, or of a source that is no more */
    return 0;
}

static int take_page(struct db *db, struct push *p, struct err *e)
{
    bool go_on;
    enum mirror_verdict v = mirror_decide(&p->held, &p->page, &go_on);
    bool snapshot = v == MIRROR_BEGIN || v == MIRROR_GO_ON;

    p->resend = v == MIRROR_RESEND;
    if (snapshot && take_snapshot_page(db, p, v == MIRROR_BEGIN, e) < 0)
        return -1;
    if (v == MIRROR_NEWER && take_changes(db, p, e) < 0)
        return -1;
    if ((snapshot || v == MIRROR_NEWER) && store_cursor(db, p, e) < 0)
        return -1;
    if (go_on || (snapshot && id_set(&p->held.snap_history)))
        tell_cursor(p, &p->held.snap_history, p->held.snap_rev);
    else
        tell_cursor(p, &p->held.history, p->held.rev);
    return 0;
}

static int derive(struct db *db, const struct push *p, struct err *e)
{
    if (db_run(db, &Q_mirror_sessions_open, DB_ARGS(p->module.s), NULL, e) < 0 ||
        db_run(db, &Q_mirror_sessions_end, DB_ARGS(p->module.s), NULL, e) < 0)
        return -1;
    return db_run(db, &Q_mirror_orders_end, DB_ARGS(p->module.s), NULL, e);
}

static int push_tx(struct db *db, void *arg, struct err *e)
{
    struct push *p = arg;
    auto_result PGresult *r = NULL;

    p->cursor[0] = '\0';
    p->touched = p->resend = false;
    if (db_run(db, &Q_mirror_source, DB_ARGS(p->module.s, p->node->s), &r, e) < 0)
        return -1;
    if (db_rows(r) == 0)
        return err_set(e, ERR_PEER_IDENTITY, "this node may not speak for that module");
    if (lock_cursor(db, p, e) < 0 || hear(db, p, e) < 0)
        return -1;
    if (!p->heartbeat && take_page(db, p, e) < 0)
        return -1;
    if (p->heartbeat)
        tell_cursor(p, &p->held.history, p->held.rev);
    return p->touched ? derive(db, p, e) : 0;
}

int mirror_take(struct db *db, const struct id *node, const json_t *body,
                char cursor[SYNC_CURSOR_MAX], bool *resend, struct err *e)
{
    struct push p = { .node = node, .body = body, .cursor = cursor };
    struct err late = { 0 };

    if (!json_id(json_object_get(body, "about"), "source", &p.module))
        return err_set(e, ERR_INVALID_REQUEST, "about.source must name a module");
    if (mirror_read(body, &p.page, &p.heartbeat, e) < 0)
        return -1;
    p.page.node = *node;
    if (db_tx_once(db, push_tx, &p, e) < 0)
        return -1;
    if (p.refused)
        log_warn("sync_refused=%lld module=%s example=%s", (long long)p.refused, p.module.s,
                 p.example);
    metric_add(METRIC_SYNC_RECEIVED, p.taken);
    /* What was told stands; what follows from it is noted in the database, and comes later if not
     * now. */
    if (p.touched && wanted_catch_up(db, &late) < 0)
        log_err("wanted-catch-up", &late);
    *resend = p.resend;
    return 0;
}

int mirror_foresee(struct db *db, const struct id *module, const json_t *operation, struct err *e)
{
    struct id id;
    json_t *row, *list;
    char *text;
    int rc;

    if (!json_id(operation, "id", &id) || !(row = mirror_row(MIRROR_OPERATION, id.s, operation)))
        return err_set(e, ERR_PEER_PROTOCOL, "the module answered with no operation");
    list = json_array();
    json_array_append_new(list, row);
    text = json_dumps(list, JSON_COMPACT);
    json_decref(list);
    rc = db_run(db, &Q_mirror_foresee, DB_ARGS(module->s, text), NULL, e);
    free(text);
    return rc;
}
