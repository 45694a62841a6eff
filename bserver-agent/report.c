#include "bserver-agent/report.h"

#include <pthread.h>
#include <string.h>
#include <uthash.h>

#include "common/base/clock.h"
#include "common/base/json.h"

enum { SCREEN_KEEP_MS = 60000 };

struct shown_screen {
    struct id session;
    int open;          /* connections that show it */
    int64_t closed_at; /* 0 = open */
    UT_hash_handle hh;
};

/* What was last told of a desktop, as a number. */
struct told {
    struct id desktop;
    uint64_t view;
    UT_hash_handle hh;
};

struct report {
    struct sync_set *set;
    struct id bserver;
    pthread_mutex_t lock; /* screens, orders, desktops */
    struct shown_screen *screens;
    struct told *desktops;
    json_t *orders; /* order id → desktop id, of those in the set */
};

int report_open(struct sync_set *set, const struct id *bserver, struct report **out, struct err *e)
{
    struct report *p = calloc(1, sizeof *p);

    if (p)
        p->orders = json_object();
    if (!p || !p->orders) {
        free(p);
        return err_set(e, ERR_INTERNAL, "out of memory");
    }
    p->set = set;
    p->bserver = *bserver;
    pthread_mutex_init(&p->lock, NULL);
    *out = p;
    return 0;
}

void report_close(struct report *p)
{
    struct shown_screen *s, *next;
    struct told *t, *tn;

    if (!p)
        return;
    HASH_ITER(hh, p->desktops, t, tn)
    {
        HASH_DEL(p->desktops, t);
        free(t);
    }
    HASH_ITER(hh, p->screens, s, next)
    {
        HASH_DEL(p->screens, s);
        free(s);
    }
    json_decref(p->orders);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

static const char *state_word(const struct machine_view *v)
{
    bool crashed = v->last.state == INTENT_ENDED && v->last.crashed;

    switch (v->seen.power) {
    case MACHINE_NONE:
        if (v->has_disks ? !id_set(&v->seen.overlay) : v->wanted->deleting)
            return "missing";
        return crashed ? "crashed" : "off";
    case MACHINE_OFF: return "off";
    case MACHINE_CRASHED: return "crashed";
    case MACHINE_RUNNING: return "running";
    case MACHINE_PAUSED: return "paused";
    case MACHINE_STARTING: /* provisional */
    case MACHINE_UNKNOWN: break;
    }
    return "unknown";
}

static const char *busy_word(const struct machine_view *v)
{
    switch (v->doing) {
    case MACHINE_WAIT_IMAGE:
    case MACHINE_MAKE_DISK: return "preparing_disk";
    case MACHINE_START: return "starting";
    case MACHINE_SHUTDOWN:
    case MACHINE_DESTROY:
    case MACHINE_FINISH:
    case MACHINE_RECYCLE: return "stopping";
    default: return v->seen.shutdown_since ? "stopping" : NULL;
    }
}

static json_t *error_body(const struct machine_view *v)
{
    json_t *o;

    if (v->error.code == ERR_NONE && v->last.code == ERR_NONE)
        return json_null();
    o = json_object();
    if (v->error.code != ERR_NONE) {
        json_put_str(o, "slug", err_slug(v->error.code));
        json_put_str(o, "detail", v->error.detail);
        json_put_str(o, id_set(&v->error_overlay) ? "overlay" : "run",
                     id_set(&v->error_overlay) ? v->error_overlay.s : v->error_run.s);
    } else {
        json_put_str(o, "slug", err_slug(v->last.code));
        json_put_str(o, "detail", v->last.detail);
        json_put_str(o, "run", v->last.run.s);
    }
    return o;
}

json_t *report_desktop_body(const struct machine_view *v)
{
    bool active = machine_active(v->seen.power);
    json_t *o = json_object();
    const char *ready = v->ready_run.s;

    if (!v->has_guest_channel && v->seen.power == MACHINE_RUNNING)
        ready = v->seen.run.s; /* nobody can tell: running is ready */
    json_put_str(o, "state", state_word(v));
    json_put_str(o, "run", active ? v->seen.run.s : NULL);
    json_put_str(o, "last_run", v->last.state == INTENT_ENDED ? v->last.run.s : NULL);
    json_put_str(o, "overlay", v->seen.overlay.s);
    json_put_str(o, "ready_run", active ? ready : NULL);
    json_put_str(o, "busy", busy_word(v));
    json_put_int(o, "percent", v->percent);
    json_object_set_new(o, "error", error_body(v));
    return o;
}

/* FNV-1a (Fowler, Noll, Vo), 64 bits. */
static void mix(uint64_t *h, const void *bytes, size_t n)
{
    const unsigned char *b = bytes;

    for (size_t i = 0; i < n; i++)
        *h = (*h ^ b[i]) * UINT64_C(1099511628211);
}

static void mix_text(uint64_t *h, const char *s)
{
    mix(h, s, strlen(s) + 1);
}

/* Everything that report_desktop_body looks at: what differs in it differs here. */
static uint64_t view_number(const struct machine_view *v)
{
    const int64_t numbers[] = { v->seen.power,
                                v->last.state,
                                v->last.crashed,
                                v->last.code,
                                v->doing,
                                v->seen.shutdown_since != 0,
                                v->percent,
                                v->error.code,
                                v->wanted->deleting,
                                v->has_disks,
                                v->has_guest_channel };
    const struct id *const ids[] = { &v->seen.run,  &v->last.run,  &v->seen.overlay,
                                     &v->ready_run, &v->error_run, &v->error_overlay };
    uint64_t h = UINT64_C(14695981039346656037);

    mix(&h, numbers, sizeof numbers);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        mix_text(&h, ids[i]->s);
    mix_text(&h, v->last.detail);
    mix_text(&h, v->error.detail);
    return h;
}

/* Whether it was told already; if not, it will be. A body costs a hundred times as much, and most
 * looks find most desktops as they were. */
static bool told_already(struct report *p, const struct machine_view *v)
{
    uint64_t now = view_number(v);
    struct told *t;
    bool same;

    pthread_mutex_lock(&p->lock);
    HASH_FIND(hh, p->desktops, v->id.s, ID_LEN, t);
    same = t && t->view == now;
    if (!t && (t = calloc(1, sizeof *t)) != NULL) {
        t->desktop = v->id;
        HASH_ADD(hh, p->desktops, desktop.s, ID_LEN, t);
    }
    if (t)
        t->view = now;
    pthread_mutex_unlock(&p->lock);
    return same;
}

static void forget_told(struct report *p, const struct id *desktop)
{
    struct told *t;

    pthread_mutex_lock(&p->lock);
    HASH_FIND(hh, p->desktops, desktop->s, ID_LEN, t);
    if (t) {
        HASH_DEL(p->desktops, t);
        free(t);
    }
    pthread_mutex_unlock(&p->lock);
}

static void tell_desktop(struct report *p, const struct machine_view *v)
{
    json_auto_t *held = sync_set_get(p->set, p->bserver.s, "desktop", &v->id);
    json_t *body = report_desktop_body(v);
    json_t *as_of = json_object_get(held, "as_of");

    if (as_of)
        json_object_set(body, "as_of", as_of);
    if (held && json_equal(held, body)) {
        json_decref(body);
        return;
    }
    json_put_time(body, "as_of", clock_wall_ms());
    sync_set_put(p->set, p->bserver.s, "desktop", &v->id, body);
}

void report_desktop(struct report *p, const struct machine_view *v)
{
    if (!told_already(p, v))
        tell_desktop(p, v);
}

/* Lock held. Forgets orders of the desktop that keep does not name. */
static void orders_drop(struct report *p, const struct id *desktop, const struct wanted *w)
{
    const char *key;
    void *next;
    json_t *of;

    json_object_foreach_safe(p->orders, next, key, of)
    {
        bool kept = strcmp(json_string_value(of), desktop->s) != 0;
        struct id id;

        for (int i = 0; w && !kept && i < w->norders; i++)
            kept = strcmp(w->orders[i].id.s, key) == 0;
        if (kept || !id_parse(key, &id))
            continue;
        json_object_del(p->orders, key);
        sync_set_del(p->set, p->bserver.s, "order", &id);
    }
}

void report_gone(struct report *p, const struct id *desktop)
{
    pthread_mutex_lock(&p->lock);
    orders_drop(p, desktop, NULL);
    pthread_mutex_unlock(&p->lock);
    forget_told(p, desktop);
    sync_set_del(p->set, p->bserver.s, "desktop", desktop);
}

static json_t *order_body(const struct wanted *w, enum intent_order_state state, enum err_code code,
                          const char *detail)
{
    static const char *const words[] = { [INTENT_ORDER_DONE] = "done",
                                         [INTENT_ORDER_FAILED] = "failed",
                                         [INTENT_ORDER_UNKNOWN] = "unknown" };
    json_t *o = json_object(), *error = json_null();

    if (code != ERR_NONE) {
        error = json_object();
        json_put_str(error, "slug", err_slug(code));
        json_put_str(error, "detail", detail);
    }
    json_put_str(o, "desktop_id", w->id.s);
    json_put_str(o, "state", words[state]);
    json_object_set_new(o, "error", error);
    return o;
}

void report_orders(struct report *p, struct intent *intents, const struct wanted *w)
{
    pthread_mutex_lock(&p->lock);
    orders_drop(p, &w->id, w);
    for (int i = 0; i < w->norders; i++) {
        const struct id *order = &w->orders[i].id;
        enum err_code code;
        char detail[160];
        enum intent_order_state state = intent_order(intents, order, &code, detail);

        if (state != INTENT_ORDER_NONE && state != INTENT_ORDER_BEGUN) {
            json_object_set_new(p->orders, order->s, json_string(w->id.s));
            sync_set_put(p->set, p->bserver.s, "order", order, order_body(w, state, code, detail));
        }
    }
    pthread_mutex_unlock(&p->lock);
}

/* How far virtual functions can be set and verified on this host. */
static json_t *vf_abilities(const struct hypervisor_abilities *can, const struct inventory *v)
{
    json_t *o = json_object(), *rests = json_array();

    json_array_append_new(rests, json_string("domains"));
    if (can->disks)
        json_array_append_new(rests, json_string("processes"));
    if (v->vf_links)
        json_array_append_new(rests, json_string("link"));
    if (v->vf_resets)
        json_array_append_new(rests, json_string("reset"));
    json_put_bool(o, "settings", v->vf_links);
    json_put_bool(o, "reset", v->vf_resets);
    json_object_set_new(o, "clean_rests_on", rests);
    return o;
}

static json_t *model_body(const struct io_model *m)
{
    json_t *o = json_object();

    json_put_int(o, "boot_per_s", m->boot_per_s);
    json_put_int(o, "boot_s", m->boot_ms / 1000);
    json_put_int(o, "idle_per_s", m->idle_per_s);
    json_put_int(o, "session_per_s", m->session_per_s);
    json_put_int(o, "capacity_per_s", m->capacity_per_s);
    json_put_int(o, "us_per_request", m->us_per_request);
    return o;
}

static json_t *abilities_body(const struct report_host *h)
{
    const struct hypervisor_abilities *can = h->can;
    json_t *o = json_object(), *formats = json_array();

    if (can->disks)
        json_array_append_new(formats, json_string("qcow2"));
    json_put_bool(o, "disks", can->disks);
    json_put_bool(o, "screen", can->screen);
    json_put_bool(o, "guest_channel", can->guest_channel);
    json_put_bool(o, "user_net", can->kind == HYPERVISOR_EMBEDDED);
    json_put_bool(o, "vf_counters", h->io.vf_counters);
    json_object_set_new(o, "vf", vf_abilities(can, h->inventory));
    json_put_str(o, "io_source", h->io.source);
    if (h->io.model)
        json_object_set_new(o, "io_model", model_body(h->io.model));
    json_put_bool(o, "uefi", can->uefi || can->kind == HYPERVISOR_SIMULATED);
    json_put_bool(o, "tpm", can->tpm || can->kind == HYPERVISOR_SIMULATED);
    json_put_str(o, "accelerator_why", can->why);
    json_object_set_new(o, "formats", formats);
    return o;
}

static json_t *lanes_body(const char *const *urls, const bool *up)
{
    json_t *lanes = json_array();

    for (int i = 0; urls[i]; i++) {
        json_t *lane = json_object();

        json_put_int(lane, "no", i);
        json_put_str(lane, "url", urls[i]);
        json_put_bool(lane, "up", up[i]);
        json_array_append_new(lanes, lane);
    }
    return lanes;
}

/* More than anybody handles: the rest is said to be left out. */
static void add_too_many(const struct inventory *v, json_t *drift)
{
    char detail[96];
    json_t *o;

    if (v->more == 0)
        return;
    snprintf(detail, sizeof detail, "%lld virtual functions, at most %d are told of",
             (long long)(v->more + v->nvfs), INVENTORY_VFS);
    o = json_object();
    json_put_str(o, "kind", "vf-too-many");
    json_put_str(o, "detail", detail);
    json_array_append_new(drift, o);
}

void report_host(struct report *p, const struct report_host *h)
{
    json_t *o = json_object(), *storage = json_object();

    json_put_str(storage, "store", h->can->disks ? "local" : "none");
    json_put_int(storage, "size_gib", h->size_gib);
    json_put_int(storage, "free_gib", h->free_gib);
    json_put_str(o, "kind", hypervisor_kind_word(h->can->kind));
    json_put_str(o, "boot", h->can->boot.s);
    json_put_str(o, "agent_version", h->version);
    json_put_int(o, "cores", h->inventory->cores);
    json_put_int(o, "threads", h->inventory->threads);
    json_put_int(o, "memory_mib", h->inventory->memory_mib);
    json_put_int(o, "memory_reserve_mib", h->memory_reserve_mib);
    json_put_str(o, "accelerator", h->can->accelerator);
    json_object_set_new(o, "capabilities", abilities_body(h));
    json_object_set_new(o, "lanes", lanes_body(h->lanes, h->lane_up));
    json_object_set_new(o, "storage", storage);
    add_too_many(h->inventory, h->drift);
    json_object_set_new(o, "drift", h->drift);
    sync_set_put(p->set, p->bserver.s, "bserver", &p->bserver, o);
}

/* -1 is nothing known. */
static void put_known(json_t *o, const char *key, int64_t value)
{
    json_object_set_new(o, key, value < 0 ? json_null() : json_integer(value));
}

struct known_vfs {
    const struct inventory *inventory;
    struct report *p;
};

static void vf_gone(void *arg, const struct sync_object *o)
{
    struct known_vfs *k = arg;
    const char *address = json_str(o->body, "address");

    for (int i = 0; address && i < k->inventory->nvfs; i++)
        if (strcmp(k->inventory->vfs[i].address, address) == 0)
            return;
    sync_set_del(k->p->set, k->p->bserver.s, "vf", &o->id);
}

static void put_tristate(json_t *o, const char *key, int value)
{
    json_object_set_new(o, key, value >= 0 ? json_boolean(value) : json_null());
}

/* Its settings, who uses it, and the answer to what the bCenter asked. */
static void vf_facts(const struct inventory_vf *v, json_t *o)
{
    json_t *used = json_null();

    if (v->used) {
        used = json_object();
        json_put_bool(used, "ours", v->ours);
        json_put_str(used, "id", v->user.s);
        json_put_str(used, "run", v->run.s);
    }
    put_known(o, "vlan", v->link.known ? v->link.vlan : -1);
    put_known(o, "rate_mbps", v->link.known ? v->link.rate_mbps : -1);
    put_tristate(o, "spoof_check", v->link.known ? v->link.spoof_check : -1);
    put_tristate(o, "link", v->link.known ? v->link.link : -1);
    json_object_set_new(o, "used_by", used);
    if (!id_set(&v->check))
        return;
    json_put_str(o, "check", v->check.s);
    json_put_bool(o, "clean", v->clean);
    json_put_str(o, "why", v->why);
}

void report_vfs(struct report *p, const struct inventory *inventory)
{
    struct known_vfs known = { inventory, p };

    for (int i = 0; i < inventory->nvfs; i++) {
        const struct inventory_vf *v = &inventory->vfs[i];
        struct id id = id_v5(p->bserver.s, v->address);
        json_t *o = json_object();

        json_put_str(o, "id", id.s);
        json_put_str(o, "pf", v->pf);
        json_put_str(o, "address", v->address);
        json_put_int(o, "index", v->index);
        json_put_str(o, "mac", v->link.mac[0] ? v->link.mac : v->mac);
        vf_facts(v, o);
        sync_set_put(p->set, p->bserver.s, "vf", &id, o);
    }
    sync_set_each(p->set, "vf", vf_gone, &known);
}

void report_sample(struct report *p, const char *source, const struct io_sample *s)
{
    json_t *o = json_object(), *desktops = json_object();

    for (int i = 0; i < s->n; i++) {
        json_t *rate = json_array();

        json_array_append_new(rate, json_integer(s->rates[i].uio));
        json_array_append_new(rate, json_string(s->rates[i].run.s));
        json_object_set_new(desktops, s->rates[i].desktop.s, rate);
    }
    json_put_str(o, "source", source);
    json_put_time(o, "as_of", clock_wall_ms()); /* the same as before is a new sample, too */
    json_put_int(o, "interval_ms", s->interval_ms);
    json_object_set_new(o, "desktops", desktops);
    put_known(o, "us_per_request", s->us_per_request);
    json_put_int(o, "requests", s->requests);
    json_put_int(o, "nic_dropped", s->nic_dropped);
    put_known(o, "screen_retransmits_ppm", s->resent_ppm);
    json_put_bool(o, "vf_counters", s->vf_counters);
    sync_set_put(p->set, p->bserver.s, "io", &p->bserver, o);
}

void report_no_sample(struct report *p)
{
    sync_set_del(p->set, p->bserver.s, "io", &p->bserver);
}

/*
 * How many are open now. A screen that moves to another lane opens there before its old connection,
 * on a dead network, is given up.
 */
static int count_screen(struct report *p, const struct id *session, int more)
{
    struct shown_screen *s;
    int open = more > 0;

    pthread_mutex_lock(&p->lock);
    HASH_FIND(hh, p->screens, session->s, ID_LEN, s);
    if (!s && (s = calloc(1, sizeof *s)) != NULL) {
        s->session = *session;
        HASH_ADD(hh, p->screens, session.s, ID_LEN, s);
    }
    if (s) {
        s->open += s->open + more < 0 ? 0 : more;
        s->closed_at = s->open ? 0 : clock_boot_ms();
        open = s->open;
    }
    pthread_mutex_unlock(&p->lock);
    return open;
}

static json_t *screen_body(const struct id *desktop, int64_t seq, bool open, const char *since)
{
    json_t *o = json_object();

    json_put_str(o, "desktop_id", desktop->s);
    json_put_int(o, "seq", seq);
    json_put_bool(o, "open", open);
    if (since)
        json_put_str(o, "since", since);
    else
        json_put_time(o, "since", clock_wall_ms());
    return o;
}

void report_screen_opened(struct report *p, const struct id *session, const struct id *desktop,
                          int64_t seq, int lane)
{
    json_auto_t *held = sync_set_get(p->set, p->bserver.s, "screen", session);
    bool open = json_flag(held, "open", false);
    json_t *o = screen_body(desktop, seq, true, open ? json_str(held, "since") : NULL);

    json_put_int(o, "lane", lane);
    json_put_int(o, "bytes_out", 0);
    count_screen(p, session, 1);
    sync_set_put(p->set, p->bserver.s, "screen", session, o);
}

void report_screen_closed(struct report *p, const struct id *session, const struct id *desktop,
                          int64_t seq, int64_t bytes_out)
{
    json_auto_t *held = sync_set_get(p->set, p->bserver.s, "screen", session);
    json_t *o;

    if (count_screen(p, session, -1) > 0)
        return;
    o = screen_body(desktop, seq, false, json_str(held, "since"));
    json_put_int(o, "bytes_out", bytes_out);
    sync_set_put(p->set, p->bserver.s, "screen", session, o);
}

void report_screens_forget(struct report *p, int64_t now_boot_ms)
{
    struct shown_screen *s, *next;

    pthread_mutex_lock(&p->lock);
    HASH_ITER(hh, p->screens, s, next)
    {
        if (!s->closed_at || now_boot_ms - s->closed_at < SCREEN_KEEP_MS)
            continue;
        sync_set_del(p->set, p->bserver.s, "screen", &s->session);
        HASH_DEL(p->screens, s);
        free(s);
    }
    pthread_mutex_unlock(&p->lock);
}
