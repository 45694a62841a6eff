#include "bcenter/agent_observed.h"

#include <string.h>

#include "bcenter/agent_vf.h"
#include "bcenter/io_observed.h"
#include "bcenter/publish.h"
#include "common/base/clock.h"
#include "common/base/json.h"

enum { SLOTS_PER_CORE = 6, LANES_UNSAID = 2 };

static void text(const json_t *o, const char *key, char *to, size_t size)
{
    const char *s = json_str(o, key);

    snprintf(to, size, "%s", s ? s : "");
}

static bool has_format(const json_t *capabilities, const char *format)
{
    const json_t *list = json_object_get(capabilities, "formats");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *s = json_string_value(json_array_get(list, i));

        if (s && strcmp(s, format) == 0)
            return true;
    }
    return false;
}

static void take_lanes(struct bserver *b, const json_t *lanes)
{
    size_t n = json_array_size(lanes);

    b->nlanes = n > MODULE_LANES ? MODULE_LANES : (int)n;
    memset(b->lane_url, 0, sizeof b->lane_url);
    memset(b->lane_down, 0, sizeof b->lane_down);
    for (size_t i = 0; i < n; i++) {
        const json_t *lane = json_array_get(lanes, i);
        int64_t no = json_num(lane, "no", (int64_t)i);

        if (no < 0 || no >= b->nlanes)
            continue;
        text(lane, "url", b->lane_url[no], sizeof b->lane_url[no]);
        b->lane_down[no] = !json_flag(lane, "up", true);
    }
    if (b->nlanes == 0)
        b->nlanes = LANES_UNSAID; /* a host without screens: the law on lanes still counts */
}

static void take_capabilities(struct bserver *b, const json_t *c)
{
    bool simulated = strcmp(b->kind, "simulated") == 0;

    b->screen = json_flag(c, "screen", !simulated);
    b->guest_channel = json_flag(c, "guest_channel", !simulated);
    b->qcow2 = has_format(c, "qcow2") && !simulated;
    b->user_net = json_flag(c, "user_net", !simulated);
    b->io.samples = json_str(c, "io_source") != NULL;
}

void bserver_take_report(struct bserver *b, json_t *body)
{
    const json_t *storage = json_object_get(body, "storage");
    int64_t reserve = json_num(body, "memory_reserve_mib", 0),
            store = json_num(storage, "size_gib", 0);

    if (!json_is_object(body))
        return;
    json_incref(body);
    json_decref(b->body);
    b->body = body;
    text(body, "kind", b->kind, sizeof b->kind);
    text(body, "boot", b->boot, sizeof b->boot);
    text(body, "accelerator", b->accelerator, sizeof b->accelerator);
    text(body, "agent_version", b->version, sizeof b->version);
    b->cores = json_num(body, "cores", 0);
    b->memory_limit_mib = json_num(body, "memory_mib", 0) - reserve;
    if (b->memory_limit_mib < b->memory_used_mib)
        b->memory_limit_mib = b->memory_used_mib;
    take_capabilities(b, json_object_get(body, "capabilities"));
    take_lanes(b, json_object_get(body, "lanes"));
    b->store_limit_gib = b->qcow2 && store > 0 ? store : -1;
    if (b->store_limit_gib >= 0 && b->store_limit_gib < b->store_used_gib)
        b->store_limit_gib = b->store_used_gib;
}

int bserver_slots(const struct bserver *b)
{
    int64_t n = SLOTS_PER_CORE * b->cores;

    if (n > (int64_t)LANE_SLOTS * b->nlanes)
        n = (int64_t)LANE_SLOTS * b->nlanes;
    return n > MODULE_SLOTS ? MODULE_SLOTS : (int)n;
}

static void take_bserver(struct bcenter *bc, struct bserver *b, const struct sync_object *o)
{
    struct node_info *n;

    if (o->deleted || json_equal(b->body, o->body))
        return;
    HASH_FIND(hh, bc->m.nodes, b->id.s, ID_LEN, n);
    if (n)
        snprintf(b->name, sizeof b->name, "%s", n->name);
    bserver_take_report(b, o->body);
    b->stored = false;
    publish_bserver(bc, b);
    for (int i = 0; i < b->nslots; i++)
        if (b->slots[i].desktop)
            publish_desktop(bc, b->slots[i].desktop);
}

static void take_id(const json_t *o, const char *key, struct id *to)
{
    *to = (struct id){ "" };
    json_id(o, key, to);
}

static enum agent_busy busy_from(const char *word)
{
    if (!word)
        return AGENT_IDLE;
    if (strcmp(word, "preparing_disk") == 0)
        return AGENT_PREPARING;
    if (strcmp(word, "starting") == 0)
        return AGENT_STARTING;
    return strcmp(word, "stopping") == 0 ? AGENT_STOPPING : AGENT_IDLE;
}

static void take_desktop(struct bcenter *bc, struct bserver *b, const struct sync_object *o)
{
    struct desktop *d = module_desktop(&bc->m, &o->id);
    const json_t *error = json_object_get(o->body, "error");
    int64_t as_of;

    if (!d || d->bserver != b)
        return;
    d->seen = !o->deleted;
    d->observed = o->deleted ? OBSERVED_UNKNOWN : observed_from(json_str(o->body, "state"));
    take_id(o->body, "run", &d->seen_run);
    take_id(o->body, "last_run", &d->last_run);
    take_id(o->body, "overlay", &d->seen_overlay);
    take_id(o->body, "ready_run", &d->ready_run);
    d->agent_busy = busy_from(json_str(o->body, "busy"));
    d->percent = (int)json_num(o->body, "percent", 0);
    d->error_for = (struct id){ "" };
    if (!json_id(error, "run", &d->error_for))
        json_id(error, "overlay", &d->error_for);
    text(error, "slug", d->error_slug, sizeof d->error_slug);
    text(error, "detail", d->error_detail, sizeof d->error_detail);
    d->as_of = clock_parse(json_str(o->body, "as_of"), &as_of) ? as_of : clock_wall_ms();
    io_desktop_settled(d, clock_boot_ms()); /* when it was ready first is seen here */
    publish_desktop(bc, d);
}

static void take_order(struct bcenter *bc, const struct bserver *b, const struct sync_object *o)
{
    struct operation *op = module_operation(&bc->m, &o->id);
    struct desktop *d = op ? module_desktop(&bc->m, &op->target) : NULL;
    const char *state = json_str(o->body, "state");

    if (!d || d->bserver != b || o->deleted || !state || op_ended(op->state))
        return;
    if (strcmp(state, "done") == 0)
        op->order = ORDER_DONE;
    else if (strcmp(state, "failed") == 0 || strcmp(state, "unknown") == 0)
        op->order = ORDER_FAILED;
}

static void take_screen(struct bcenter *bc, struct bserver *b, const struct sync_object *o)
{
    struct desktop *d = module_session_desktop(&bc->m, &o->id);
    bool open = !o->deleted && json_flag(o->body, "open", false), turned;
    int64_t lane = open ? json_num(o->body, "lane", -1) : -1;
    struct session *s = d && d->bserver == b ? d->session : NULL;

    if (!s)
        return;
    if (lane < 0 || lane >= b->nlanes)
        lane = open ? -1 : s->screen_lane;
    turned = !s->screen_seen || s->screen_open != open;
    if (!turned && s->screen_lane == lane)
        return;
    if (turned)
        s->screen_at = clock_boot_ms();
    s->screen_seen = true;
    s->screen_open = open;
    s->screen_lane = (int)lane;
    publish_desktop(bc, d);
}

void agent_observed(void *arg, const struct sync_object *o)
{
    struct agent_source *from = arg;
    struct bcenter *bc = from->bc;
    struct bserver *b;

    module_lock(&bc->m);
    b = module_bserver(&bc->m, &from->bserver);
    if (b && strcmp(o->kind, "bserver") == 0)
        take_bserver(bc, b, o);
    else if (b && strcmp(o->kind, "vf") == 0)
        agent_vf_take(bc, b, o);
    else if (b && strcmp(o->kind, "desktop") == 0)
        take_desktop(bc, b, o);
    else if (b && strcmp(o->kind, "order") == 0)
        take_order(bc, b, o);
    else if (b && strcmp(o->kind, "screen") == 0)
        take_screen(bc, b, o);
    else if (b && strcmp(o->kind, "io") == 0)
        io_observed_take(&bc->m, b, o->deleted ? NULL : o->body,
                         (struct io_time){ clock_boot_ms(), clock_wall_ms() });
    module_unlock(&bc->m);
}
