#include "bcenter/desktop_store.h"

#include <string.h>

#include "bcenter/desktop_place.h"
#include "bcenter/module_load.h"
#include "bcenter/publish.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "sql/module/module.h"

void change_begin(struct desktop *d, struct change *c)
{
    memset(c, 0, sizeof *c);
    desktop_row_copy(&c->row, &d->row);
    d->busy = true;
}

void desktop_written(struct desktop *d)
{
    d->busy = false;
    if (!d->unsure)
        d->io.held = 0;
}

static void done_with(struct bcenter *bc, struct change *c)
{
    struct desktop *d = module_desktop(&bc->m, &c->row.id);

    if (d)
        desktop_written(d);
    pthread_cond_broadcast(&bc->m.changed);
}

void change_drop(struct bcenter *bc, struct change *c)
{
    done_with(bc, c);
    desktop_row_release(&c->row);
    json_decref(c->op_problem);
}

void change_stop(struct change *c, bool destroy)
{
    if (id_set(&c->row.run))
        c->row.seq++;
    c->row.run = (struct id){ "" };
    c->row.run_boot[0] = '\0';
    c->row.destroy = destroy;
}

void change_end_session(struct desktop *d, struct change *c, const char *reason)
{
    if (!d->session || id_set(&c->session))
        return;
    c->session = d->session->id;
    c->end_reason = reason;
    c->row.seq++;
}

void change_renew(struct change *c, json_t *image)
{
    c->row.overlay = id_new();
    if (image)
        desktop_row_set_image(&c->row, image);
}

void change_free(struct module *m, struct desktop *d, struct change *c)
{
    struct pool *p = module_pool(m, &c->row.pool);
    struct image_version *v = p ? module_image(m, &p->image_version) : NULL;

    c->row.person = (struct id){ "" };
    if (!id_set(&d->used_by) && !d->session)
        return;
    change_stop(c, true);
    change_renew(c, v ? v->body : NULL);
}

int store_outcome(const PGresult *r, struct err *e)
{
    if (db_int(r, 0, "lead", 0) == 0) {
        daemon_quit(3);
        return err_set(e, ERR_EPOCH_STALE, "another process leads this module");
    }
    if (db_int(r, 0, "done", 0) == 0)
        return err_set(e, ERR_CONFLICT, "the desktop was changed by another request");
    return 0;
}

char *store_json(const json_t *v)
{
    return v ? json_dumps(v, JSON_COMPACT) : NULL;
}

json_t *store_problem(enum err_code code, const char *detail)
{
    char type[96];
    json_t *p = json_object();

    snprintf(type, sizeof type, "/problems/%s", err_slug(code));
    json_put_str(p, "type", type);
    json_put_str(p, "title", err_title(code));
    json_put_int(p, "status", err_status(code));
    json_put_str(p, "detail", detail && detail[0] ? detail : err_title(code));
    json_put_bool(p, "retryable", err_retryable(code));
    return p;
}

json_t *store_problem_of(const struct err *why)
{
    json_t *p = store_problem(why->code, why->detail), *numbers = json_object();

    for (int i = 0; i < why->numbers; i++)
        json_put_int(numbers, why->number[i].name, why->number[i].value);
    json_object_set_new(p, "numbers", numbers);
    return p;
}

bool operation_wait(struct operation *op, const struct err *why)
{
    json_t *now = why ? store_problem_of(why) : NULL;
    bool other = (now == NULL) != (op->waiting == NULL) || (now && !json_equal(now, op->waiting));

    json_decref(op->waiting);
    op->waiting = now;
    return other;
}

/* Why the change's operation failed; owned by the caller. */
static json_t *problem_of(const struct change *c)
{
    if (c->op_error == ERR_NONE)
        return NULL;
    return c->op_problem ? json_incref(c->op_problem) : store_problem(c->op_error, c->op_detail);
}

static const char *or_null(const char *s)
{
    return s && s[0] ? s : NULL;
}

static int run_row(struct bcenter *bc, struct db *db, const struct change *c, PGresult **out,
                   struct err *e)
{
    auto_result PGresult *r = NULL;
    char generation[24], epoch[24], seq[24];
    json_auto_t *problem = problem_of(c);
    char *image = store_json(c->row.image), *error = store_json(problem);
    const char *op = or_null(c->op.s);
    int rc;

    snprintf(generation, sizeof generation, "%lld", (long long)c->row.generation);
    snprintf(epoch, sizeof epoch, "%lld", (long long)bc->m.epoch);
    snprintf(seq, sizeof seq, "%lld", (long long)c->row.seq);
    rc = db_run(db, &Q_desktop_write,
                DB_ARGS(c->row.id.s, generation, epoch, or_null(c->row.person.s),
                        or_null(c->row.run.s), or_null(c->row.run_boot),
                        c->row.destroy ? "destroy" : "shutdown", c->row.overlay.s, image, seq,
                        c->row.deleting ? "true" : "false", or_null(c->session.s), c->end_reason,
                        op, op ? op_state_word(c->op_state) : NULL,
                        op ? or_null(c->op_stage) : NULL, error, or_null(c->actor.s),
                        or_null(c->actor_name), c->action, or_null(c->trace), or_null(c->detail),
                        c->op_error != ERR_NONE ? err_slug(c->op_error) : NULL),
                &r, e);
    free(image);
    free(error);
    if (rc == 0)
        *out = MOVE(r);
    return rc;
}

static int write_row(struct bcenter *bc, struct db *db, const struct change *c, struct err *e)
{
    auto_result PGresult *r = NULL;

    return run_row(bc, db, c, &r, e) < 0 ? -1 : store_outcome(r, e);
}

static void apply_operation(struct bcenter *bc, struct desktop *d, const struct change *c)
{
    struct operation *op = id_set(&c->op) ? module_operation(&bc->m, &c->op) : NULL;
    int64_t now = clock_wall_ms();

    if (!op)
        return;
    op->state = c->op_state;
    op->started = op->started ? op->started : now;
    operation_wait(op, NULL);
    if (id_set(&c->row.run))
        op->run = c->row.run;
    if (c->op_stage && c->op_stage != op->stage)
        snprintf(op->stage, sizeof op->stage, "%s", c->op_stage);
    if (c->op_error != ERR_NONE) {
        json_decref(op->error);
        op->error = problem_of(c);
    }
    if (op->state == OP_SUCCEEDED)
        op->stage_at[4] = now;
    if (op_ended(op->state)) {
        op->ended = now;
        if (d->op == op)
            d->op = NULL;
    } else {
        d->op = op;
    }
    publish_operation(bc, op);
}

/* Lock held. Her seat is written with her name on the row; if the answer to that was lost, it is
 * not known here yet. */
static void take_seat(struct bcenter *bc, const struct desktop_row *row)
{
    struct seat *s = module_seat(&bc->m, &row->person, &row->pool);

    if (id_set(&row->person) && (!s || s->released))
        publish_seat(bc, module_seat_put(&bc->m, &row->person, &row->pool, false,
                                         s ? s->generation + 1 : 1));
}

void change_apply(struct bcenter *bc, struct desktop *d, const struct change *c)
{
    if (id_set(&c->session) && d->session) {
        free(d->session);
        d->session = NULL;
    }
    if (!id_eq(&c->row.overlay, &d->row.overlay))
        d->used_by = (struct id){ "" };
    if (id_set(&c->row.run) && !id_eq(&c->row.run, &d->row.run))
        d->run_at = clock_boot_ms();
    if (id_set(&c->row.run) && d->vf)
        d->vf->run = c->row.run;
    take_seat(bc, &c->row);
    desktop_row_release(&d->row);
    desktop_row_copy(&d->row, &c->row);
    d->row.generation++;
    module_desktop_index(&bc->m, d);
    if (!id_set(&d->row.person))
        d->row.assigned = 0;
    else if (!d->row.assigned)
        d->row.assigned = clock_wall_ms();
    apply_operation(bc, d, c);
    publish_desktop(bc, d);
}

/* Lock not held. What the database has said of the change. */
static void settle(struct bcenter *bc, struct db *db, struct change *c, int rc)
{
    struct desktop *d;

    if (rc < 0)
        desktop_reload(bc, db, &c->row.id);
    module_lock(&bc->m);
    d = module_desktop(&bc->m, &c->row.id);
    if (rc == 0 && d)
        change_apply(bc, d, c);
    done_with(bc, c);
    module_unlock(&bc->m);
    desktop_row_release(&c->row);
    json_decref(c->op_problem);
    if (rc == 0)
        bcenter_poke(bc);
}

int change_commit(struct bcenter *bc, struct db *db, struct change *c, struct err *e)
{
    int rc = write_row(bc, db, c, e);

    settle(bc, db, c, rc);
    return rc;
}

struct batch {
    struct bcenter *bc;
    struct change *all;
    int n;
    int outcome[CHANGES_MOST];
};

/* One that somebody was faster with does not hold up the others; a statement that fails does. */
static int write_batch(struct db *db, void *arg, struct err *e)
{
    struct batch *b = arg;

    for (int i = 0; i < b->n; i++) {
        auto_result PGresult *r = NULL;
        struct err of = { 0 };

        if (run_row(b->bc, db, &b->all[i], &r, e) < 0)
            return -1;
        b->outcome[i] = store_outcome(r, &of);
        if (b->outcome[i] < 0)
            log_err("reconcile", &of);
    }
    return 0;
}

void change_commit_all(struct bcenter *bc, struct db *db, struct change *all, int n)
{
    struct batch b = { .bc = bc, .all = all, .n = n };
    struct err e = { 0 };

    if (n > 1 && db_tx_once(db, write_batch, &b, &e) == 0) {
        for (int i = 0; i < n; i++)
            settle(bc, db, &all[i], b.outcome[i]);
        return;
    }
    /* Also when it is not known what became of them: generations tell. */
    for (int i = 0; i < n; i++) {
        e = (struct err){ 0 };
        if (change_commit(bc, db, &all[i], &e) < 0)
            log_err("reconcile", &e);
    }
}

static void take_id(const PGresult *r, int row, const char *column, struct id *to)
{
    *to = (struct id){ "" };
    id_parse(db_text(r, row, column), to);
}

static json_t *take_json(const PGresult *r, int row, const char *column)
{
    const char *text = db_text(r, row, column);

    return text ? json_loads(text, 0, NULL) : NULL;
}

void desktop_take_row(struct module *m, struct desktop *d, const PGresult *r, int row)
{
    struct desktop_row *to = &d->row;
    json_t *image;
    struct id host;

    desktop_row_release(to);
    take_id(r, row, "pool_id", &to->pool);
    take_id(r, row, "person_id", &to->person);
    take_id(r, row, "overlay_id", &to->overlay);
    take_id(r, row, "placement_id", &to->placement);
    take_id(r, row, "run_id", &to->run);
    take_id(r, row, "used_by", &d->used_by);
    take_id(r, row, "bserver_id", &host);
    d->bserver = module_bserver(m, &host);
    snprintf(to->name, sizeof to->name, "%s", db_text(r, row, "name"));
    snprintf(to->mac, sizeof to->mac, "%s", db_text(r, row, "mac"));
    snprintf(to->run_boot, sizeof to->run_boot, "%s",
             db_text(r, row, "run_boot") ? db_text(r, row, "run_boot") : "");
    to->floating = db_flag(r, row, "floating");
    to->user_net = db_flag(r, row, "user_net");
    to->deleting = db_flag(r, row, "deleting");
    to->destroy = strcmp(db_text(r, row, "stop_how"), "destroy") == 0;
    to->memory_mib = db_int(r, row, "memory_mib", 0);
    to->store_gib = db_int(r, row, "store_gib", 0);
    to->seq = db_int(r, row, "seq", 0);
    to->generation = db_int(r, row, "generation", 0);
    to->created = db_int(r, row, "created_ms", 0);
    to->assigned = db_int(r, row, "assigned_ms", 0);
    to->spec = take_json(r, row, "spec");
    image = take_json(r, row, "image");
    desktop_row_set_image(to, image);
    json_decref(image);
    module_desktop_index(m, d);
}

void desktop_take_session(struct desktop *d, const PGresult *r, int row)
{
    struct session s = { .screen_at = clock_boot_ms() };
    const char *hex = db_text(r, row, "resume_hash");

    take_id(r, row, "id", &s.id);
    take_id(r, row, "person_id", &s.person);
    take_id(r, row, "run_id", &s.run);
    s.seq = db_int(r, row, "seq", 0);
    s.since = db_int(r, row, "since_ms", 0);
    for (size_t i = 0; hex && strlen(hex) == 64 && i < sizeof s.resume_hash; i++) {
        char two[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

        s.resume_hash[i] = (unsigned char)strtoul(two, NULL, 16);
    }
    if (!d->session)
        d->session = malloc(sizeof *d->session);
    if (d->session)
        *d->session = s;
}

void desktop_forgotten(struct bcenter *bc, const struct id *id, const struct id *check)
{
    struct desktop *d = module_desktop(&bc->m, id);
    struct bserver *b = d ? d->bserver : NULL;

    if (!d || !b)
        return;
    publish_desktop_gone(bc, id, &b->id);
    desktop_place_leave(&bc->m, d, check);
    publish_bserver(bc, b);
}

/* Lock held. What three statements said of one desktop. */
static void take_again(struct bcenter *bc, const struct id *id, const PGresult *row,
                       const PGresult *session, const PGresult *orders)
{
    struct desktop *d = module_desktop(&bc->m, id);

    if (!d)
        return;
    d->unsure = false;
    d->io.held = 0; /* its row says all of it again */
    module_take_operations(&bc->m, orders);
    for (int i = 0; i < db_rows(orders); i++) {
        struct id op = { "" };

        take_id(orders, i, "id", &op);
        if (module_operation(&bc->m, &op))
            publish_operation(bc, module_operation(&bc->m, &op));
    }
    if (db_rows(row) != 1) {
        desktop_forgotten(bc, id, NULL);
        return;
    }
    desktop_take_row(&bc->m, d, row, 0);
    take_seat(bc, &d->row);
    if (db_rows(session) == 1) {
        desktop_take_session(d, session, 0);
    } else {
        free(d->session);
        d->session = NULL;
    }
    module_desktop_index(&bc->m, d);
    publish_desktop(bc, d);
}

void desktop_reload(struct bcenter *bc, struct db *db, const struct id *id)
{
    auto_result PGresult *r = NULL, *s = NULL, *o = NULL;
    struct err e = { 0 };
    struct desktop *d;
    char epoch[24];

    snprintf(epoch, sizeof epoch, "%lld", (long long)bc->m.epoch);
    if (db_run(db, &Q_desktop_fence, DB_ARGS(id->s, epoch), NULL, &e) < 0 ||
        db_run(db, &Q_desktop_one, DB_ARGS(id->s), &r, &e) < 0 ||
        db_run(db, &Q_session_one, DB_ARGS(id->s), &s, &e) < 0 ||
        db_run(db, &Q_operation_of, DB_ARGS(id->s), &o, &e) < 0) {
        log_err("desktop-reload", &e);
        module_lock(&bc->m);
        d = module_desktop(&bc->m, id);
        if (d)
            d->unsure = true; /* reconcile asks again as long as it must */
        module_unlock(&bc->m);
        return;
    }
    module_lock(&bc->m);
    take_again(bc, id, r, s, o);
    module_unlock(&bc->m);
}

void desktop_reload_held(struct bcenter *bc, struct db *db, const struct holding *key)
{
    auto_result PGresult *r = NULL;
    struct err e = { 0 };
    struct desktop *d;
    struct id id;
    bool ours = false;

    if (db_run(db, &Q_desktop_held, DB_ARGS(key->pool.s, key->who.s), &r, &e) < 0 ||
        db_rows(r) != 1 || !id_parse(db_text(r, 0, "id"), &id))
        return;
    module_lock(&bc->m);
    d = module_desktop(&bc->m, &id);
    if (d && !d->busy) /* else whoever writes it will know */
        ours = d->busy = true;
    module_unlock(&bc->m);
    if (!ours)
        return;
    desktop_reload(bc, db, &id);
    module_lock(&bc->m);
    d = module_desktop(&bc->m, &id);
    if (d)
        d->busy = false;
    pthread_cond_broadcast(&bc->m.changed);
    module_unlock(&bc->m);
}
