#include "bcenter/module_load.h"

#include <sodium.h>
#include <string.h>

#include "bcenter/agent_observed.h"
#include "bcenter/desktop_store.h"
#include "bcenter/io_store.h"
#include "bcenter/publish.h"
#include "common/base/json.h"
#include "sql/module/io.h"
#include "sql/module/module.h"

static struct id id_at(const PGresult *r, int row, const char *column)
{
    struct id id = { "" };

    id_parse(db_text(r, row, column), &id);
    return id;
}

static void text_at(const PGresult *r, int row, const char *column, char *to, size_t size)
{
    const char *s = db_text(r, row, column);

    snprintf(to, size, "%s", s ? s : "");
}

static void take_bservers(struct module *m, const PGresult *r)
{
    for (int i = 0; i < db_rows(r); i++) {
        struct id id = id_at(r, i, "id");
        struct bserver *b = module_bserver_add(m, &id);
        json_t *body = json_loads(db_text(r, i, "body"), 0, NULL);

        if (!b) {
            json_decref(body);
            continue;
        }
        if (!b->body)
            bserver_take_report(b, body);
        json_decref(body);
        text_at(r, i, "name", b->name, sizeof b->name);
        text_at(r, i, "boot", b->boot, sizeof b->boot);
        b->maintenance = db_flag(r, i, "maintenance");
        b->left = !db_flag(r, i, "member");
        b->memory_limit_mib = db_int(r, i, "memory_limit_mib", 0);
        b->memory_used_mib = db_int(r, i, "memory_used_mib", 0);
        b->store_limit_gib = db_int(r, i, "store_limit_gib", -1);
        b->store_used_gib = db_int(r, i, "store_used_gib", 0);
    }
}

static void take_slots(struct module *m, const PGresult *r)
{
    for (int i = 0; i < db_rows(r); i++) {
        struct id host = id_at(r, i, "bserver_id"), who = id_at(r, i, "desktop_id");
        struct bserver *b = module_bserver(m, &host);
        int no = (int)db_int(r, i, "no", -1);
        struct desktop *d = module_desktop(m, &who);

        if (!b || no < 0 || no >= MODULE_SLOTS)
            continue;
        b->nslots = no + 1 > b->nslots ? no + 1 : b->nslots;
        b->slots[no].lane = (int)db_int(r, i, "lane", 0);
        b->slots[no].desktop = d;
        if (d) {
            d->slot = no;
            d->lane = b->slots[no].lane;
        }
    }
}

static enum vf_state vf_state_from(const char *word)
{
    for (int s = VF_FREE; s <= VF_LOST; s++)
        if (strcmp(vf_state_word((enum vf_state)s), word) == 0)
            return (enum vf_state)s;
    return VF_LOST;
}

/* The row says what its agent says of where it is. */
static bool said(const struct vf *v, const PGresult *r, int row)
{
    return strcmp(v->pf, db_text(r, row, "pf")) == 0 && v->index == db_int(r, row, "index", -1);
}

static void take_vfs(struct module *m, const PGresult *r)
{
    for (int i = 0; i < db_rows(r); i++) {
        struct id id = id_at(r, i, "id"), host = id_at(r, i, "bserver_id"),
                  who = id_at(r, i, "desktop_id");
        struct vf *v = module_vf(m, &id);

        if (!v) {
            v = calloc(1, sizeof *v);
            if (!v)
                return;
            v->id = id;
            HASH_ADD(hh, m->vfs, id.s, ID_LEN, v);
        }
        v->bserver = module_bserver(m, &host);
        v->stored = v->heard && said(v, r, i);
        if (!v->heard) {
            text_at(r, i, "pf", v->pf, sizeof v->pf);
            text_at(r, i, "address", v->address, sizeof v->address);
            v->index = (int)db_int(r, i, "index", 0);
        }
        v->vlan = (int)db_int(r, i, "vlan", 0);
        v->state = vf_state_from(db_text(r, i, "state"));
        v->stored = v->heard ? v->stored && v->state != VF_LOST : v->state == VF_LOST;
        v->run = id_at(r, i, "run_id");
        v->check = id_at(r, i, "check_id");
        text_at(r, i, "mac", v->mac, sizeof v->mac);
        text_at(r, i, "reason", v->reason, sizeof v->reason);
        v->since = db_int(r, i, "since_ms", 0);
        v->desktop = module_desktop(m, &who);
        if (v->desktop)
            v->desktop->vf = v;
    }
}

static void take_desktops(struct module *m, const PGresult *r)
{
    for (int i = 0; i < db_rows(r); i++) {
        struct id id = id_at(r, i, "id");
        struct desktop *d = module_desktop_add(m, &id);

        if (d)
            desktop_take_row(m, d, r, i);
    }
}

/* Those that memory does not have: the answer to their making was lost. */
static void take_new_desktops(struct module *m, const PGresult *r)
{
    for (int i = 0; i < db_rows(r); i++) {
        struct id id = id_at(r, i, "id");
        struct desktop *d = module_desktop(m, &id);

        if (!d && (d = module_desktop_add(m, &id)))
            desktop_take_row(m, d, r, i);
    }
}

static void take_sessions(struct module *m, const PGresult *r)
{
    for (int i = 0; i < db_rows(r); i++) {
        struct id id = id_at(r, i, "desktop_id");
        struct desktop *d = module_desktop(m, &id);

        if (d)
            desktop_take_session(d, r, i);
        if (d)
            module_desktop_index(m, d);
    }
}

static void take_seats(struct module *m, const PGresult *r)
{
    for (int i = 0; i < db_rows(r); i++) {
        struct id person = id_at(r, i, "person_id"), pool = id_at(r, i, "pool_id");

        struct seat *s = module_seat_put(m, &person, &pool, db_flag(r, i, "released"),
                                         db_int(r, i, "generation", 1));

        if (s)
            s->turn = id_at(r, i, "turn");
    }
}

static void take_resume_key(struct module *m, const PGresult *r)
{
    const char *hex = db_rows(r) == 1 ? db_text(r, 0, "key") : "";

    sodium_hex2bin(m->resume_key, sizeof m->resume_key, hex, strlen(hex), NULL, NULL, NULL);
}

static enum op_state op_state_from(const char *word)
{
    for (int s = OP_QUEUED; s <= OP_CANCELLED; s++)
        if (strcmp(op_state_word((enum op_state)s), word) == 0)
            return (enum op_state)s;
    return OP_FAILED;
}

void module_take_operations(struct module *m, const PGresult *r)
{
    for (int i = 0; i < db_rows(r); i++) {
        struct id id = id_at(r, i, "id");
        struct operation *op = module_operation_add(m, &id);
        const char *error = db_text(r, i, "error");
        struct desktop *d;

        if (!op)
            continue;
        op->verb = verb_from(db_text(r, i, "verb"));
        op->target = id_at(r, i, "target_id");
        op->asked_by = id_at(r, i, "asked_by");
        op->run = id_at(r, i, "run_id");
        op->seq = db_int(r, i, "seq", 0);
        text_at(r, i, "target_kind", op->target_kind, sizeof op->target_kind);
        text_at(r, i, "asked_name", op->asked_name, sizeof op->asked_name);
        text_at(r, i, "stage", op->stage, sizeof op->stage);
        op->state = op_state_from(db_text(r, i, "state"));
        json_decref(op->error);
        op->error = error ? json_loads(error, 0, NULL) : NULL;
        op->created = db_int(r, i, "created_ms", 0);
        op->started = db_int(r, i, "started_ms", 0);
        op->ended = db_int(r, i, "ended_ms", 0);
        op->deadline = db_int(r, i, "deadline_ms", 0);
        op->stored = true;
        d = module_desktop(m, &op->target);
        if (d && (op->state == OP_RUNNING ||
                  (op->state == OP_QUEUED && op->verb == VERB_CONNECT))) /* it waits on hers */
            d->op = op;
        else if (d && d->op == op)
            d->op = NULL;
    }
}

int module_load(struct bcenter *bc, struct db *db, struct err *e)
{
    static const struct {
        const struct db_stmt *st;
        void (*take)(struct module *m, const PGresult *r);
    } parts[] = {
        { &Q_bserver_all, take_bservers },   { &Q_desktop_all, take_desktops },
        { &Q_slot_all, take_slots },         { &Q_vf_all, take_vfs },
        { &Q_session_all, take_sessions },   { &Q_seat_all, take_seats },
        { &Q_resume_key, take_resume_key },  { &Q_operation_all, module_take_operations },
        { &Q_io_limit_all, io_take_limits }, { &Q_io_move_all, io_take_moves },
        { &Q_io_pool_all, io_take_pools },
    };

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        auto_result PGresult *r = NULL;

        if (db_run(db, parts[i].st, NULL, &r, e) < 0)
            return -1;
        module_lock(&bc->m);
        parts[i].take(&bc->m, r);
        module_unlock(&bc->m);
    }
    return 0;
}

int module_load_bserver(struct bcenter *bc, struct db *db, const struct id *id, struct err *e)
{
    auto_result PGresult *b = NULL, *d = NULL, *s = NULL, *v = NULL;
    struct bserver *host;

    if (db_run(db, &Q_bserver_one, DB_ARGS(id->s), &b, e) < 0 ||
        db_run(db, &Q_desktop_on, DB_ARGS(id->s), &d, e) < 0 ||
        db_run(db, &Q_slot_of, DB_ARGS(id->s), &s, e) < 0 ||
        db_run(db, &Q_vf_of, DB_ARGS(id->s), &v, e) < 0)
        return -1;
    module_lock(&bc->m);
    take_bservers(&bc->m, b);
    take_new_desktops(&bc->m, d);
    host = module_bserver(&bc->m, id);
    if (host)
        host->nslots = 0;
    take_slots(&bc->m, s);
    take_vfs(&bc->m, v);
    for (int i = 0; host && i < host->nslots; i++)
        if (host->slots[i].desktop)
            publish_desktop(bc, host->slots[i].desktop);
    module_unlock(&bc->m);
    return 0;
}
