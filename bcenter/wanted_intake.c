#include "bcenter/wanted_intake.h"

#include <string.h>

#include "bcenter/login.h"
#include "bcenter/publish.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"

static void text(const json_t *o, const char *key, char *to, size_t size)
{
    const char *s = json_str(o, key);

    snprintf(to, size, "%s", s ? s : "");
}

/* The entry of a hash by id, made if the object lives and it is not there. */
#define ENTRY(type, table)                                                                         \
    struct type *x;                                                                                \
                                                                                                   \
    HASH_FIND(hh, m->table, o->id.s, ID_LEN, x);                                                   \
    if (!x && !o->deleted && (x = calloc(1, sizeof *x))) {                                         \
        x->id = o->id;                                                                             \
        HASH_ADD(hh, m->table, id.s, ID_LEN, x);                                                   \
    }                                                                                              \
    if (!x)                                                                                        \
    return

static void find_shares(struct module *m);

static void take_node(struct bcenter *bc, const struct sync_object *o)
{
    struct module *m = &bc->m;
    struct bserver *b;
    ENTRY(node_info, nodes);

    if (o->deleted) {
        HASH_DEL(m->nodes, x);
        free(x);
        return;
    }
    text(o->body, "kind", x->kind, sizeof x->kind);
    text(o->body, "name", x->name, sizeof x->name);
    x->revoked = json_flag(o->body, "revoked", false);
    x->module = (struct id){ "" };
    json_id(o->body, "module_id", &x->module);
    if (id_eq(&x->id, &bc->node.id) && id_set(&x->module) && !id_set(&m->id)) {
        m->id = x->module;
        json_id(o->body, "block_id", &m->block);
        find_shares(m);
        log_notice("module=%s block=%s", m->id.s, m->block.s);
    }
    b = module_bserver(m, &x->id);
    if (b)
        snprintf(b->name, sizeof b->name, "%s", x->name);
}

static void take_module(struct bcenter *bc, const struct sync_object *o)
{
    struct module *m = &bc->m;
    int64_t no;
    ENTRY(sister, sisters);

    if (o->deleted) {
        HASH_DEL(m->sisters, x);
        free(x);
        return;
    }
    text(o->body, "name", x->name, sizeof x->name);
    text(o->body, "login", x->login, sizeof x->login);
    no = json_num(o->body, "mac_no", 0);
    x->mac_no = no >= 256 && no <= 65535 ? (int)no : 0;
    if (id_eq(&x->id, &m->id))
        snprintf(m->name, sizeof m->name, "%s", x->name);
}

static void take_image(struct bcenter *bc, const struct sync_object *o)
{
    struct module *m = &bc->m;
    ENTRY(image_version, images);

    if (o->deleted) {
        HASH_DEL(m->images, x);
        json_decref(x->body);
        free(x);
        return;
    }
    json_decref(x->body);
    x->body = json_incref(o->body);
    text(o->body, "guest", x->guest, sizeof x->guest);
}

static int read_shares(const json_t *list, struct place_share to[MODULE_SHARES])
{
    int n = 0;

    for (size_t i = 0; i < json_array_size(list) && n < MODULE_SHARES; i++) {
        const json_t *s = json_array_get(list, i);

        if (json_id(s, "module_id", &to[n].module))
            to[n++].size = json_num(s, "size", 0);
    }
    return n;
}

/* What is made here follows the newest shares at once; whom we serve waits for all (broker.md). */
static void take_shares(struct bcenter *bc, struct pool *p, const json_t *body)
{
    p->nshares = read_shares(json_object_get(body, "shares"), p->shares);
    p->nbase = read_shares(json_object_get(body, "base"), p->base);
    p->share_generation = json_num(body, "share_generation", 0);
    p->share = 0;
    for (int i = 0; i < p->nshares; i++)
        if (id_eq(&p->shares[i].module, &bc->m.id))
            p->share = p->shares[i].size;
    publish_share(bc, p);
}

/* uio, or null. */
static struct io_given given(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);

    return (struct io_given){ json_is_integer(v), io_cut(json_integer_value(v)) };
}

static void take_pool_io(struct module *m, const struct id *pool, const json_t *io)
{
    struct io_pool *p = io_pool_entry(m, pool);
    const char *job = json_str(io, "job");

    if (!p)
        return;
    p->every_desktop = job && strcmp(job, "desktop") == 0;
    p->given_job = given(io, "per_job");
    p->given_start = given(io, "per_start");
    p->shown_ms = 0;
}

static void drop_pool_io(struct bcenter *bc, const struct id *pool)
{
    struct io_pool *p = io_pool_of(&bc->m, pool);

    if (!p)
        return;
    HASH_DEL(bc->m.io_pools, p);
    free(p);
    sync_set_del(bc->observed, "", "pool_io", pool);
}

/* A bServer's limit as an administrator has it; reconcile lets it take effect. */
static void take_bserver_io(struct bcenter *bc, const struct sync_object *o)
{
    struct module *m = &bc->m;
    ENTRY(io_given_limit, io_given);

    if (o->deleted) {
        HASH_DEL(m->io_given, x);
        free(x);
        return;
    }
    x->limit = given(o->body, "limit");
}

static void take_pool(struct bcenter *bc, const struct sync_object *o)
{
    struct module *m = &bc->m;
    const char *kind = json_str(o->body, "kind");
    ENTRY(pool, pools);

    if (o->deleted) {
        drop_pool_io(bc, &o->id);
        HASH_DEL(m->pools, x);
        sync_set_del(bc->observed, "", "share", &x->id);
        json_decref(x->spec);
        free(x);
        return;
    }
    text(o->body, "name", x->name, sizeof x->name);
    text(o->body, "description", x->description, sizeof x->description);
    x->floating = kind && strcmp(kind, "floating") == 0;
    x->image_version = (struct id){ "" };
    json_id(o->body, "image_version_id", &x->image_version);
    x->spares_running = json_num(o->body, "spares_running", 0);
    json_decref(x->spec);
    x->spec = json_incref(json_object_get(o->body, "spec"));
    x->memory_mib = json_num(x->spec, "memory_mib", 0);
    x->disk_gib = json_num(x->spec, "disk_gib", 0);
    x->needs_vf = json_flag(x->spec, "needs_vf", false);
    take_shares(bc, x, o->body);
    take_pool_io(&bc->m, &x->id, json_object_get(o->body, "io"));
}

static void person_groups(struct person *x, const json_t *groups)
{
    size_t n = json_array_size(groups);

    free(x->groups);
    x->ngroups = 0;
    x->groups = n ? calloc(n, sizeof *x->groups) : NULL;
    for (size_t i = 0; x->groups && i < n; i++)
        if (id_parse(json_string_value(json_array_get(groups, i)), &x->groups[x->ngroups]))
            x->ngroups++;
}

static void take_person(struct bcenter *bc, const struct sync_object *o)
{
    struct module *m = &bc->m;
    struct person *other;
    const char *verifier = json_str(o->body, "verifier");
    ENTRY(person, persons);

    if (x->username[0]) {
        HASH_FIND(by_name, m->persons_by_name, x->username, strlen(x->username), other);
        if (other == x)
            HASH_DELETE(by_name, m->persons_by_name, x);
    }
    if (o->deleted) {
        HASH_DEL(m->persons, x);
        free(x->verifier);
        free(x->groups);
        free(x);
        return;
    }
    text(o->body, "username", x->username, sizeof x->username);
    text(o->body, "display_name", x->display_name, sizeof x->display_name);
    text(o->body, "role", x->role, sizeof x->role);
    text(o->body, "locale", x->locale, sizeof x->locale);
    x->disabled = json_flag(o->body, "disabled", false);
    x->renewed = x->renewed || (verifier && x->verifier && strcmp(verifier, x->verifier) != 0);
    free(x->verifier);
    x->verifier = verifier ? strdup(verifier) : NULL;
    person_groups(x, json_object_get(o->body, "groups"));
    HASH_FIND(by_name, m->persons_by_name, x->username, strlen(x->username), other);
    /* Names are unique at the CCC: one that somebody else still has here is on its way out. */
    if (other)
        HASH_DELETE(by_name, m->persons_by_name, other);
    if (x->username[0])
        HASH_ADD_KEYPTR(by_name, m->persons_by_name, x->username, strlen(x->username), x);
}

static void take_entitlement(struct bcenter *bc, const struct sync_object *o)
{
    struct module *m = &bc->m;
    struct holding key = { { "" }, { "" } };
    ENTRY(entitlement, entitlements);

    if (o->deleted) {
        module_entitlement_set(m, x, &key);
        HASH_DEL(m->entitlements, x);
        free(x);
        return;
    }
    json_id(o->body, "pool_id", &key.pool);
    if (!json_id(o->body, "person_id", &key.who))
        json_id(o->body, "group_id", &key.who);
    module_entitlement_set(m, x, &key);
}

/* Who serves her elsewhere. Its id is the seat's, made of person and pool. */
static void take_seat(struct bcenter *bc, const struct sync_object *o)
{
    struct module *m = &bc->m;
    ENTRY(holder, holders);

    if (o->deleted) {
        HASH_DEL(m->holders, x);
        free(x);
        return;
    }
    x->module = (struct id){ "" };
    json_id(o->body, "module_id", &x->module);
}

/* Which of a pool's shares is ours is known once the module is. Lock held. */
static void find_shares(struct module *m)
{
    struct pool *p, *next;
    struct sister *own;

    HASH_ITER(hh, m->pools, p, next)
    {
        p->share = 0;
        for (int i = 0; i < p->nshares; i++)
            if (id_eq(&p->shares[i].module, &m->id))
                p->share = p->shares[i].size;
    }
    HASH_FIND(hh, m->sisters, m->id.s, ID_LEN, own);
    if (own)
        snprintf(m->name, sizeof m->name, "%s", own->name);
}

/* An order of the CCC. What is known already stays as it is, but for cancel. */
static void take_operation(struct bcenter *bc, const struct sync_object *o)
{
    struct operation *op = module_operation(&bc->m, &o->id);
    enum verb verb = verb_from(json_str(o->body, "verb"));
    bool host = verb == VERB_MAINTENANCE || verb == VERB_RESUME;
    struct id target = { "" };

    if (o->deleted) {
        if (op)
            op->wanted = false;
        return;
    }
    if (!op && verb != VERB_NONE && verb != VERB_CONNECT &&
        json_id(o->body, host ? "bserver_id" : "desktop_id", &target)) {
        op = module_operation_add(&bc->m, &o->id);
        if (!op)
            return;
        op->verb = verb;
        op->target = target;
        snprintf(op->target_kind, sizeof op->target_kind, "%s", host ? "bserver" : "desktop");
        json_id(o->body, "asked_by", &op->asked_by);
        text(o->body, "asked_by_name", op->asked_name, sizeof op->asked_name);
        op->state = OP_QUEUED;
        if (!clock_parse(json_str(o->body, "created_at"), &op->created))
            op->created = clock_wall_ms();
        if (!clock_parse(json_str(o->body, "deadline"), &op->deadline))
            op->deadline = op->created + 300000;
    }
    if (!op)
        return;
    op->wanted = true;
    op->cancel = op->cancel || json_flag(o->body, "cancel", false);
}

void wanted_intake(void *arg, const struct sync_object *o)
{
    static const struct {
        const char *kind;
        void (*take)(struct bcenter *bc, const struct sync_object *o);
    } kinds[] = {
        { "node", take_node },
        { "module", take_module },
        { "image_version", take_image },
        { "pool", take_pool },
        { "person", take_person },
        { "entitlement", take_entitlement },
        { "operation", take_operation },
        { "seat", take_seat },
        { "bserver_io", take_bserver_io },
    };
    struct bcenter *bc = arg;

    module_lock(&bc->m);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].kind, o->kind) == 0)
            kinds[i].take(bc, o);
    module_unlock(&bc->m);
    if (strcmp(o->kind, "person") == 0)
        login_person_changed(bc, &o->id);
}

bool wanted_hold(void *arg, const struct sync_object *absent, int64_t count, int64_t held_in_all)
{
    struct bcenter *bc = arg;
    int64_t all = 0, lost = 0, persistent = 0, pools = 0;
    struct desktop *d, *next;
    bool hold;

    (void)held_in_all;
    module_lock(&bc->m);
    HASH_ITER(hh, bc->m.desktops, d, next)
    {
        all++;
        for (int64_t i = 0; i < count; i++)
            if (strcmp(absent[i].kind, "pool") == 0 && id_eq(&absent[i].id, &d->row.pool)) {
                lost++;
                persistent += !d->row.floating;
            }
    }
    for (int64_t i = 0; i < count; i++)
        pools += strcmp(absent[i].kind, "pool") == 0;
    hold = pools > 0 && (persistent > 0 || lost * 20 > all);
    bc->m.held = hold ? count : 0;
    module_unlock(&bc->m);
    if (hold)
        log_warn("delete-held objects=%lld desktops=%lld persistent=%lld", (long long)count,
                 (long long)lost, (long long)persistent);
    return hold;
}
