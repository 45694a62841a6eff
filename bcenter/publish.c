#include "bcenter/publish.h"

#include <string.h>

#include "bcenter/agent_vf.h"
#include "bcenter/desktop_state.h"
#include "bcenter/publish_io.h"
#include "bcenter/publish_vf.h"
#include "common/base/clock.h"
#include "common/base/json.h"

#define NAMESPACE_URL "6ba7b811-9dad-11d1-80b4-00c04fd430c8"

/* ---- to the agents ---- */

static json_t *overlay_json(const struct desktop *d)
{
    json_t *o = json_object(), *image = json_object();

    json_put_str(image, "sha256", json_str(d->row.image, "sha256"));
    json_put_int(image, "size", json_num(d->row.image, "size", 0));
    json_put_int(image, "virtual_size", json_num(d->row.image, "virtual_size", 0));
    json_put_str(image, "format", json_str(d->row.image, "format"));
    json_put_str(o, "id", d->row.overlay.s);
    json_object_set_new(o, "image", image);
    json_object_set_new(o, "disk_gib", json_incref(json_object_get(d->row.spec, "disk_gib")));
    return o;
}

static json_t *vf_wanted_json(const struct vf *v, const char *mac)
{
    json_t *o;

    if (!v)
        return json_null();
    o = json_object();
    json_put_str(o, "id", v->id.s);
    json_put_str(o, "pf", v->pf);
    json_put_str(o, "address", v->address);
    json_put_int(o, "index", v->index);
    json_put_str(o, "mac", mac);
    json_object_set_new(o, "vlan", v->vlan ? json_integer(v->vlan) : json_null());
    return o;
}

static json_t *identity_json(struct bcenter *bc, const struct desktop *d)
{
    struct person *p = module_person(&bc->m, &d->row.person);
    json_t *o = json_object();

    json_put_str(o, "hostname", d->row.name);
    json_put_str(o, "locale", p ? p->locale : NULL);
    json_put_str(o, "keyboard", NULL);
    return o;
}

/* One-shot orders are open operations: a restart finds them in the database. */
static json_t *orders_json(const struct desktop *d)
{
    json_t *list = json_array(), *o;

    if (!d->op || (d->op->verb != VERB_REBOOT && d->op->verb != VERB_RESET))
        return list;
    o = json_object();
    json_put_str(o, "id", d->op->id.s);
    json_put_str(o, "verb", verb_word(d->op->verb));
    json_put_str(o, "run", d->op->run.s);
    json_put_time(o, "deadline", d->op->deadline);
    json_array_append_new(list, o);
    return list;
}

static json_t *wanted_json(struct bcenter *bc, const struct desktop *d)
{
    const char *guest = json_str(d->row.image, "guest");
    json_t *o = json_object();

    json_put_str(o, "id", d->row.id.s);
    json_put_str(o, "name", d->row.name);
    json_put_int(o, "generation", d->row.generation);
    json_put_bool(o, "deleting", d->row.deleting);
    json_object_set_new(o, "overlay", overlay_json(d));
    json_put_str(o, "run", d->row.run.s);
    json_put_str(o, "stop_how", d->row.destroy ? "destroy" : "shutdown");
    json_object_set(o, "spec", d->row.spec);
    json_put_str(o, "mac", d->row.mac);
    json_object_set_new(o, "vf", vf_wanted_json(d->vf, d->row.mac));
    json_put_bool(o, "user_net", d->row.user_net);
    json_put_int(o, "lane", d->lane);
    json_put_str(o, "guest", guest ? guest : "none");
    json_object_set_new(o, "identity", identity_json(bc, d));
    json_put_int(o, "session_floor", d->row.seq);
    json_put_str(o, "live_session", d->session ? d->session->id.s : NULL);
    json_object_set_new(o, "orders", orders_json(d));
    return o;
}

struct image_sweep {
    struct bcenter *bc;
    const struct bserver *b;
    const char *needed[MODULE_DESKTOPS + 256];
    int n;
};

static void need_image(struct image_sweep *sw, const json_t *image)
{
    const char *sha = json_str(image, "sha256");
    struct id id;
    json_t *o;

    for (int i = 0; sha && i < sw->n; i++)
        if (strcmp(sw->needed[i], sha) == 0)
            return;
    if (!sha || sw->n == (int)(sizeof sw->needed / sizeof *sw->needed))
        return;
    sw->needed[sw->n++] = sha;
    id = id_v5(NAMESPACE_URL, sha);
    o = json_object();
    json_put_str(o, "sha256", sha);
    json_put_int(o, "size", json_num(image, "size", 0));
    json_put_int(o, "virtual_size", json_num(image, "virtual_size", 0));
    json_put_str(o, "format", json_str(image, "format"));
    json_object_set_new(o, "sources", json_array());
    sync_set_put(sw->bc->agents, sw->b->id.s, "image", &id, o);
}

static void drop_image(void *arg, const struct sync_object *o)
{
    struct image_sweep *sw = arg;
    const char *sha = json_str(o->body, "sha256");

    if (strcmp(o->scope, sw->b->id.s) != 0)
        return;
    for (int i = 0; sha && i < sw->n; i++)
        if (strcmp(sw->needed[i], sha) == 0)
            return;
    sync_set_del(sw->bc->agents, o->scope, "image", &o->id);
}

/* What its desktops stand on, and what a new one would. */
static void publish_images(struct bcenter *bc, const struct bserver *b)
{
    struct image_sweep *sw = calloc(1, sizeof *sw);
    struct pool *p, *next;

    if (!sw)
        return;
    sw->bc = bc;
    sw->b = b;
    for (int i = 0; i < b->nslots; i++)
        if (b->slots[i].desktop)
            need_image(sw, b->slots[i].desktop->row.image);
    HASH_ITER(hh, bc->m.pools, p, next)
    {
        struct image_version *v = p->share > 0 ? module_image(&bc->m, &p->image_version) : NULL;

        if (v && b->qcow2)
            need_image(sw, v->body);
    }
    sync_set_each(bc->agents, "image", drop_image, sw);
    free(sw);
}

static void publish_config(struct bcenter *bc, const struct bserver *b)
{
    json_t *o = json_object(), *lanes = json_array();

    for (int i = 0; i < b->nlanes; i++) {
        json_t *lane = json_object();

        json_put_int(lane, "no", i);
        json_array_append_new(lanes, lane);
    }
    json_put_int(o, "slots", b->nslots);
    json_object_set_new(o, "lanes", lanes);
    json_put_bool(o, "maintenance", b->maintenance);
    sync_set_put(bc->agents, b->id.s, "config", &b->id, o);
}

/* ---- to the CCC ---- */

static json_t *session_json(const struct session *s)
{
    json_t *o;

    if (!s)
        return json_null();
    o = json_object();
    json_put_str(o, "id", s->id.s);
    json_put_time(o, "since", s->since);
    json_put_str(o, "screen", s->screen_open ? "open" : "closed");
    json_object_set_new(o, "lane",
                        s->screen_open && s->screen_lane >= 0 ? json_integer(s->screen_lane)
                                                              : json_null());
    json_put_str(o, "person_id", s->person.s);
    return o;
}

static json_t *open_operation_json(const struct operation *op)
{
    json_t *o;

    if (!op)
        return json_null();
    o = json_object();
    json_put_str(o, "id", op->id.s);
    json_put_str(o, "verb", verb_word(op->verb));
    json_put_str(o, "stage", op->stage);
    json_put_int(o, "percent", op->percent);
    return o;
}

static json_t *reason_json(const struct desktop *d, const struct state_facts *f)
{
    json_t *o;

    if (!f->failed && !f->silent)
        return json_null();
    o = json_object();
    json_put_str(o, "slug", f->silent ? err_slug(ERR_DESKTOP_LOST) : d->error_slug);
    json_put_str(o, "detail",
                 f->silent ? "its bServer does not answer; nothing is started elsewhere"
                           : d->error_detail);
    return o;
}

static const char *observed_text(const struct state_facts *f)
{
    if (f->silent)
        return "unknown";
    return f->observed == OBSERVED_MISSING ? "off" : observed_word(f->observed);
}

json_t *desktop_json(const struct bcenter *bc, const struct desktop *d)
{
    struct state_facts f = desktop_facts(d, clock_boot_ms());
    json_t *o = json_object();

    json_put_str(o, "id", d->row.id.s);
    json_put_str(o, "name", d->row.name);
    json_put_str(o, "pool_id", d->row.pool.s);
    json_put_str(o, "kind", d->row.floating ? "floating" : "persistent");
    json_put_str(o, "module_id", bc->m.id.s);
    json_put_str(o, "bserver_id", d->bserver ? d->bserver->id.s : NULL);
    json_put_str(o, "bserver_name", d->bserver ? d->bserver->name : NULL);
    json_put_str(o, "person_id", d->row.person.s);
    json_put_str(o, "state", desktop_state_word(desktop_state_of(&f)));
    json_put_str(o, "power_wanted", f.wanted_on ? "on" : "off");
    json_put_str(o, "observed", observed_text(&f));
    json_put_time(o, "as_of", d->as_of ? d->as_of : d->row.created);
    json_put_str(o, "run_id", d->row.run.s);
    json_put_bool(o, "ready", f.ready);
    json_object_set_new(o, "slot", d->slot >= 0 ? json_integer(d->slot) : json_null());
    json_object_set_new(o, "lane", d->lane >= 0 ? json_integer(d->lane) : json_null());
    json_put_str(o, "vf_id", d->vf ? d->vf->id.s : NULL);
    json_put_str(o, "mac", d->row.mac);
    json_put_str(o, "placement_id", d->row.placement.s);
    json_put_str(o, "image_version_id", json_str(d->row.image, "id"));
    json_object_set_new(o, "session", session_json(d->session));
    json_object_set_new(o, "operation", open_operation_json(d->op));
    json_object_set_new(o, "reason", reason_json(d, &f));
    json_put_int(o, "generation", d->row.generation);
    json_put_time(o, "created_at", d->row.created);
    return o;
}

void publish_desktop(struct bcenter *bc, struct desktop *d)
{
    if (d->bserver)
        sync_set_put(bc->agents, d->bserver->id.s, "desktop", &d->row.id, wanted_json(bc, d));
    sync_set_put(bc->observed, "", "desktop", &d->row.id, desktop_json(bc, d));
    if (d->op)
        publish_operation(bc, d->op);
    pthread_cond_broadcast(&bc->m.changed);
}

void publish_desktop_gone(struct bcenter *bc, const struct id *desktop, const struct id *bserver)
{
    sync_set_del(bc->agents, bserver->s, "desktop", desktop);
    sync_set_del(bc->observed, "", "desktop", desktop);
}

static const char *state_of(const struct bserver *b)
{
    if (!bserver_up(b, clock_boot_ms()))
        return "silent";
    return b->maintenance ? "maintenance" : "up";
}

static json_t *lanes_json(const struct bserver *b)
{
    json_t *lanes = json_array();

    for (int i = 0; i < b->nlanes; i++) {
        int slots = 0, used = 0;
        json_t *lane = json_object();

        for (int s = 0; s < b->nslots; s++) {
            slots += b->slots[s].lane == i;
            used += b->slots[s].lane == i && b->slots[s].desktop;
        }
        json_put_int(lane, "no", i);
        json_put_str(lane, "url", b->lane_url[i]);
        json_put_bool(lane, "up", !b->lane_down[i]);
        json_put_int(lane, "slots", slots);
        json_put_int(lane, "used", used);
        json_array_append_new(lanes, lane);
    }
    return lanes;
}

static void copy_members(json_t *to, const json_t *from)
{
    static const char *const names[] = {
        "kind",       "boot",        "agent_version", "cores",   "threads",
        "memory_mib", "accelerator", "capabilities",  "storage", "memory_reserve_mib"
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_t *v = json_object_get(from, names[i]);

        json_object_set_new(to, names[i], v ? json_incref(v) : json_null());
    }
}

/* What the agent sees, and what the ledger of VFs sees. */
static void put_drift(struct bcenter *bc, const struct bserver *b, json_t *o)
{
    const json_t *own = json_object_get(b->body, "drift");
    json_t *drift =
        json_is_array(own) ? json_copy(json_object_get(b->body, "drift")) : json_array();

    agent_vf_drift(bc, b, drift);
    json_object_set_new(o, "drift", drift);
}

static json_t *bserver_json(struct bcenter *bc, const struct bserver *b)
{
    int used = 0, running = 0;
    json_t *o = json_object();

    for (int i = 0; i < b->nslots; i++)
        if (b->slots[i].desktop) {
            used++;
            running += desktop_running(b->slots[i].desktop);
        }
    copy_members(o, b->body);
    json_put_str(o, "id", b->id.s);
    json_put_str(o, "name", b->name);
    json_put_str(o, "module_id", bc->m.id.s);
    json_put_str(o, "state", state_of(b));
    json_put_int(o, "memory_used_mib", b->memory_used_mib);
    json_object_set_new(o, "lanes", lanes_json(b));
    json_put_int(o, "slots", b->nslots);
    json_put_int(o, "slots_used", used);
    json_put_int(o, "desktops", used);
    json_put_int(o, "running", running);
    publish_vf_counts(bc, b, o);
    put_drift(bc, b, o);
    json_object_set_new(o, "io", publish_io_json(b));
    /* Said by the minute, so that the heartbeat alone makes no news. */
    json_put_time(o, "last_heard", b->heard_wall / 60000 * 60000);
    json_put_time(o, "as_of", b->heard_wall / 60000 * 60000);
    return o;
}

void publish_bserver(struct bcenter *bc, struct bserver *b)
{
    struct vf *v, *next;

    publish_config(bc, b);
    publish_images(bc, b);
    sync_set_put(bc->observed, "", "bserver", &b->id, bserver_json(bc, b));
    HASH_ITER(hh, bc->m.vfs, v, next)
    {
        if (v->bserver == b)
            publish_vf(bc, v);
    }
}

static void put_share(struct bcenter *bc, const struct pool *p)
{
    json_t *o = json_object();

    json_put_str(o, "pool_id", p->id.s);
    json_put_int(o, "generation", p->told);
    json_put_int(o, "seats", p->seats_said);
    sync_set_put(bc->observed, "", "share", &p->id, o);
}

/* Whoever reads the set up to our word on the shares has read all seats: it moves behind them. */
static void share_after_seat(struct bcenter *bc, const struct id *pool)
{
    struct pool *p = module_pool(&bc->m, pool);

    if (!p)
        return;
    p->seats_said++;
    if (p->told && p->nbase > 0)
        put_share(bc, p);
}

/* Somebody is being served by earlier shares, or what became of it is not known. */
static bool by_earlier(struct module *m, const struct pool *p)
{
    struct desktop *d, *next;

    for (const struct asking *a = m->asking; a; a = a->next)
        if (id_eq(&a->key.pool, &p->id) && a->share_generation < p->share_generation)
            return true;
    HASH_ITER(hh, m->desktops, d, next)
    {
        if (d->unsure && id_eq(&d->row.pool, &p->id))
            return true;
    }
    return false;
}

void publish_share(struct bcenter *bc, struct pool *p)
{
    if (p->told == p->share_generation || by_earlier(&bc->m, p))
        return;
    p->told = p->share_generation;
    put_share(bc, p);
}

void publish_seat(struct bcenter *bc, const struct seat *s)
{
    json_t *o;

    if (!s)
        return;
    o = json_object();
    json_put_str(o, "person_id", s->person.s);
    json_put_str(o, "pool_id", s->pool.s);
    json_put_bool(o, "released", s->released);
    json_put_int(o, "generation", s->generation);
    if (sync_set_put(bc->observed, "", "seat", &s->id, o))
        share_after_seat(bc, &s->pool);
}

static json_t *stages_json(const struct operation *op)
{
    static const char *const names[] = { "placing", "preparing_disk", "starting", "booting",
                                         "ready" };
    json_t *list = json_array();
    int at = -1;

    if (op->verb != VERB_CONNECT && op->verb != VERB_START)
        return list;
    for (int i = 0; i < 5; i++)
        if (strcmp(names[i], op->stage) == 0)
            at = i;
    for (int i = 0; i < 5; i++) {
        json_t *o = json_object();
        const char *state = i < at || op->state == OP_SUCCEEDED ? "done"
                            : i > at                            ? "waiting"
                                                                : "running";

        if (i == at && (op->state == OP_FAILED || op->state == OP_CANCELLED))
            state = "failed";
        json_put_str(o, "name", names[i]);
        json_put_str(o, "state", state);
        json_put_time(o, "at", op->stage_at[i]);
        json_array_append_new(list, o);
    }
    return list;
}

json_t *operation_json(const struct operation *op)
{
    json_t *o = json_object(), *target = json_object();

    json_put_str(target, "kind", op->target_kind);
    json_put_str(target, "id", op->target.s);
    json_put_str(o, "id", op->id.s);
    json_put_str(o, "verb", verb_word(op->verb));
    json_object_set_new(o, "target", target);
    json_put_str(o, "state", op_state_word(op->state));
    json_put_int(o, "percent", op->state == OP_SUCCEEDED ? 100 : op->percent);
    json_put_str(o, "stage", op->stage);
    json_object_set_new(o, "stages", stages_json(op));
    json_put_str(o, "asked_by", op->asked_by.s);
    json_put_str(o, "asked_by_name", op->asked_name);
    json_put_time(o, "created_at", op->created);
    json_put_time(o, "started_at", op->started);
    json_put_time(o, "ended_at", op->ended);
    json_put_time(o, "deadline", op->deadline);
    json_object_set_new(o, "error", op->error ? json_incref(op->error) : json_null());
    json_object_set_new(o, "result", json_null());
    if (op->waiting)
        json_object_set(o, "waiting", op->waiting);
    return o;
}

void publish_operation(struct bcenter *bc, struct operation *op)
{
    char key[64];

    if (!sync_set_put(bc->observed, "", "operation", &op->id, operation_json(op)))
        return; /* nothing new for whoever waits */
    snprintf(key, sizeof key, "operation/%s", op->id.s);
    bcenter_wake_login(bc, key);
    pthread_cond_broadcast(&bc->m.changed);
}

void publish_all(struct bcenter *bc)
{
    struct desktop *d, *dn;
    struct bserver *b, *bn;
    struct seat *s, *sn;
    struct operation *op, *on;

    HASH_ITER(hh, bc->m.bservers, b, bn)
    {
        publish_bserver(bc, b);
    }
    HASH_ITER(hh, bc->m.desktops, d, dn)
    {
        publish_desktop(bc, d);
    }
    HASH_ITER(hh, bc->m.seats, s, sn)
    {
        publish_seat(bc, s);
    }
    HASH_ITER(hh, bc->m.operations, op, on)
    {
        publish_operation(bc, op);
    }
}

void publish_silence(struct bcenter *bc)
{
    struct bserver *b, *next;

    HASH_ITER(hh, bc->m.bservers, b, next)
    {
        bool up = bserver_up(b, clock_boot_ms());

        publish_bserver(bc, b);
        if (up == b->shown_up)
            continue;
        b->shown_up = up;
        for (int i = 0; i < b->nslots; i++)
            if (b->slots[i].desktop)
                publish_desktop(bc, b->slots[i].desktop);
    }
}
