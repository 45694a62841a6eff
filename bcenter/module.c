#include "bcenter/module.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"

static const char *const verbs[] = { "",         "start",       "shutdown", "stop",
                                     "reboot",   "reset",       "rebuild",  "delete",
                                     "unassign", "maintenance", "resume",   "connect" };
static const char *const op_states[] = { "queued", "running", "succeeded", "failed", "cancelled" };
static const char *const observed_words[] = { "unknown", "missing", "off",
                                              "running", "paused",  "crashed" };
static const char *const vf_words[] = { "free", "assigned", "quarantine", "lost" };

const char *verb_word(enum verb v)
{
    return verbs[v];
}

const char *verb_action(enum verb v)
{
    static const char *const actions[] = {
        [VERB_START] = "desktop.start",     [VERB_SHUTDOWN] = "desktop.shutdown",
        [VERB_STOP] = "desktop.stop",       [VERB_REBOOT] = "desktop.reboot",
        [VERB_RESET] = "desktop.reset",     [VERB_REBUILD] = "desktop.rebuild",
        [VERB_DELETE] = "desktop.delete",   [VERB_UNASSIGN] = "desktop.unassign",
        [VERB_CONNECT] = "connection.start"
    };

    return (size_t)v < sizeof actions / sizeof *actions ? actions[v] : NULL;
}

enum verb verb_from(const char *word)
{
    for (size_t i = 1; word && i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(verbs[i], word) == 0)
            return (enum verb)i;
    return VERB_NONE;
}

const char *op_state_word(enum op_state s)
{
    return op_states[s];
}

const char *observed_word(enum observed o)
{
    return observed_words[o];
}

enum observed observed_from(const char *word)
{
    for (size_t i = 0; word && i < sizeof observed_words / sizeof *observed_words; i++)
        if (strcmp(observed_words[i], word) == 0)
            return (enum observed)i;
    return OBSERVED_UNKNOWN;
}

const char *vf_state_word(enum vf_state s)
{
    return vf_words[s];
}

void module_init(struct module *m)
{
    pthread_condattr_t monotonic;

    memset(m, 0, sizeof *m);
    pthread_mutex_init(&m->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&m->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

void module_lock(struct module *m)
{
    pthread_mutex_lock(&m->lock);
}

void module_unlock(struct module *m)
{
    pthread_mutex_unlock(&m->lock);
}

bool module_wait(struct module *m, int64_t until_ms)
{
    int64_t left = until_ms - clock_boot_ms();
    struct timespec t;

    if (left <= 0)
        return false;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += left / 1000;
    t.tv_nsec += left % 1000 * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return pthread_cond_timedwait(&m->changed, &m->lock, &t) == 0;
}

#define FIND(type, name, table)                                                                    \
    struct type *name(struct module *m, const struct id *id)                                       \
    {                                                                                              \
        struct type *x;                                                                            \
                                                                                                   \
        HASH_FIND(hh, m->table, id->s, ID_LEN, x);                                                 \
        return x;                                                                                  \
    }
FIND(pool, module_pool, pools)
FIND(image_version, module_image, images)
FIND(person, module_person, persons)
FIND(bserver, module_bserver, bservers)
FIND(desktop, module_desktop, desktops)
FIND(vf, module_vf, vfs)
FIND(operation, module_operation, operations)

struct person *module_person_named(struct module *m, const char *username)
{
    struct person *p;

    HASH_FIND(by_name, m->persons_by_name, username, strlen(username), p);
    return p;
}

struct desktop *module_session_desktop(struct module *m, const struct id *session)
{
    struct desktop *d;

    HASH_FIND(by_session, m->desktops_by_session, session->s, ID_LEN, d);
    return d;
}

struct desktop *module_desktop_of(struct module *m, const struct id *person, const struct id *pool)
{
    struct holding key = { *pool, *person };
    struct desktop *d;

    HASH_FIND(by_holding, m->desktops_by_holding, &key, sizeof key, d);
    return d;
}

void module_desktop_index(struct module *m, struct desktop *d)
{
    struct id session = d->session ? d->session->id : (struct id){ "" };
    struct holding now = { { "" }, { "" } };

    if (id_set(&d->row.person))
        now = (struct holding){ d->row.pool, d->row.person };
    if (!id_eq(&session, &d->session_id)) {
        if (id_set(&d->session_id))
            HASH_DELETE(by_session, m->desktops_by_session, d);
        d->session_id = session;
        if (id_set(&session))
            HASH_ADD(by_session, m->desktops_by_session, session_id.s, ID_LEN, d);
    }
    if (!id_eq(&now.pool, &d->holding.pool) || !id_eq(&now.who, &d->holding.who)) {
        if (id_set(&d->holding.who))
            HASH_DELETE(by_holding, m->desktops_by_holding, d);
        d->holding = now;
        if (id_set(&now.who))
            HASH_ADD(by_holding, m->desktops_by_holding, holding, sizeof d->holding, d);
    }
}

struct seat *module_seat(struct module *m, const struct id *person, const struct id *pool)
{
    struct id id = id_v5(pool->s, person->s);
    struct seat *s;

    HASH_FIND(hh, m->seats, id.s, ID_LEN, s);
    return s;
}

const struct id *module_holder(struct module *m, const struct id *person, const struct id *pool)
{
    struct id id = id_v5(pool->s, person->s);
    struct holder *h;

    HASH_FIND(hh, m->holders, id.s, ID_LEN, h);
    return h && id_set(&h->module) && !id_eq(&h->module, &m->id) ? &h->module : NULL;
}

struct seat *module_seat_put(struct module *m, const struct id *person, const struct id *pool,
                             bool released, int64_t generation)
{
    struct seat *s = module_seat(m, person, pool);

    if (!s) {
        s = calloc(1, sizeof *s);
        if (!s)
            return NULL;
        s->id = id_v5(pool->s, person->s);
        s->person = *person;
        s->pool = *pool;
        HASH_ADD(hh, m->seats, id.s, ID_LEN, s);
    }
    s->released = released;
    s->generation = generation;
    return s;
}

void module_entitlement_set(struct module *m, struct entitlement *en, const struct holding *key)
{
    if (id_set(&en->key.who))
        HASH_DELETE(by_key, m->entitlements_by_key, en);
    en->key = *key;
    if (id_set(&en->key.who))
        HASH_ADD(by_key, m->entitlements_by_key, key, sizeof en->key, en);
}

static bool named(struct module *m, const struct id *pool, const struct id *who)
{
    struct holding key = { *pool, *who };
    struct entitlement *en;

    HASH_FIND(by_key, m->entitlements_by_key, &key, sizeof key, en);
    return en != NULL;
}

bool module_entitled(struct module *m, const struct id *person, const struct id *pool)
{
    struct person *p = module_person(m, person);

    if (p && p->disabled)
        return false;
    if (named(m, pool, person))
        return true;
    for (int i = 0; p && i < p->ngroups; i++)
        if (named(m, pool, &p->groups[i]))
            return true;
    return false;
}

bool bserver_up(const struct bserver *b, int64_t boot_ms)
{
    return b->heard_ms && boot_ms - b->heard_ms < SILENT_MS;
}

struct bserver *module_bserver_add(struct module *m, const struct id *id)
{
    struct bserver *b = module_bserver(m, id);

    if (b || !(b = calloc(1, sizeof *b)))
        return b;
    b->id = *id;
    b->store_limit_gib = -1;
    HASH_ADD(hh, m->bservers, id.s, ID_LEN, b);
    return b;
}

static bool ours(struct module *m, const struct id *node)
{
    struct node_info *n;

    HASH_FIND(hh, m->nodes, node->s, ID_LEN, n);
    return n && !n->revoked && id_set(&m->id) && id_eq(&n->module, &m->id);
}

bool module_node_gone(struct module *m, const struct id *node)
{
    struct node_info *n;

    HASH_FIND(hh, m->nodes, node->s, ID_LEN, n);
    return n && n->revoked;
}

static int room_for_another(struct module *m, struct err *e)
{
    struct bserver *b, *next;
    int n = 0;

    HASH_ITER(hh, m->bservers, b, next)
    {
        n += ours(m, &b->id);
    }
    if (n < MODULE_BSERVERS)
        return 0;
    err_set(e, ERR_LAW_MODULE, "the module has %d bServers already", n);
    err_number(e, "bservers", n);
    return err_number(e, "limit", MODULE_BSERVERS);
}

int module_admit(struct module *m, const struct id *node, struct bserver **out, struct err *e)
{
    struct bserver *b = module_bserver(m, node);

    if (!ours(m, node))
        return err_set(e, ERR_PEER_IDENTITY, "this bServer does not belong to this module");
    if (!b && room_for_another(m, e) < 0)
        return -1;
    if (!b && !(b = module_bserver_add(m, node)))
        return err_set(e, ERR_INTERNAL, "out of memory");
    *out = b;
    return 0;
}

int module_let_call(struct module *m, const struct id *node, struct err *e)
{
    struct node_info *n;

    if (!id_set(&m->id))
        return err_set(e, ERR_NOT_READY, "this bCenter has not heard yet whose calls it may take");
    HASH_FIND(hh, m->nodes, node->s, ID_LEN, n);
    if (!n || n->revoked || strcmp(n->kind, "xcenter") != 0)
        return err_set(e, ERR_PEER_IDENTITY, "this xCenter does not belong to this block");
    return 0;
}

struct desktop *module_desktop_add(struct module *m, const struct id *id)
{
    struct desktop *d = module_desktop(m, id);

    if (d || !(d = calloc(1, sizeof *d)))
        return d;
    d->row.id = *id;
    d->slot = d->lane = -1;
    HASH_ADD(hh, m->desktops, row.id.s, ID_LEN, d);
    return d;
}

static void desktop_free(struct desktop *d)
{
    desktop_row_release(&d->row);
    free(d->session);
    free(d);
}

void module_desktop_remove(struct module *m, struct desktop *d)
{
    if (d->bserver && d->slot >= 0 && d->bserver->slots[d->slot].desktop == d)
        d->bserver->slots[d->slot].desktop = NULL;
    if (d->vf)
        d->vf->desktop = NULL;
    free(d->session);
    d->session = NULL;
    d->row.person = (struct id){ "" };
    module_desktop_index(m, d);
    HASH_DEL(m->desktops, d);
    desktop_free(d);
}

struct operation *module_operation_add(struct module *m, const struct id *id)
{
    struct operation *op = module_operation(m, id);

    if (op || !(op = calloc(1, sizeof *op)))
        return op;
    op->id = *id;
    HASH_ADD(hh, m->operations, id.s, ID_LEN, op);
    return op;
}

void module_operation_remove(struct module *m, struct operation *op)
{
    struct desktop *d = module_desktop(m, &op->target);

    if (d && d->op == op)
        d->op = NULL;
    HASH_DEL(m->operations, op);
    json_decref(op->error);
    json_decref(op->waiting);
    free(op);
}

void desktop_row_copy(struct desktop_row *to, const struct desktop_row *from)
{
    *to = *from;
    json_incref(to->spec);
    json_incref(to->image);
}

void desktop_row_release(struct desktop_row *row)
{
    json_decref(row->spec);
    json_decref(row->image);
    row->spec = row->image = NULL;
}

void desktop_row_set_image(struct desktop_row *row, json_t *image)
{
    const char *guest = json_str(image, "guest");

    json_incref(image);
    json_decref(row->image);
    row->image = image;
    row->version = (struct id){ "" };
    json_id(image, "id", &row->version);
    row->guest_speaks = guest && strcmp(guest, "bic") == 0;
}

bool desktop_running(const struct desktop *d)
{
    return d->observed == OBSERVED_RUNNING || d->observed == OBSERVED_PAUSED;
}

bool desktop_screen(const struct desktop *d)
{
    return d->bserver && d->lane >= 0 && d->lane < d->bserver->nlanes &&
           d->bserver->lane_url[d->lane][0];
}

bool desktop_ready(const struct desktop *d, int64_t boot_ms)
{
    if (!id_set(&d->row.run) || d->row.deleting || d->observed != OBSERVED_RUNNING || !d->bserver ||
        !bserver_up(d->bserver, boot_ms) || !id_eq(&d->seen_run, &d->row.run))
        return false;
    if (d->bserver->qcow2 && !id_eq(&d->seen_overlay, &d->row.overlay))
        return false;
    /* The guest says which run it is in, if its image can and its host passes the words on. */
    return !d->row.guest_speaks || !d->bserver->guest_channel || id_eq(&d->ready_run, &d->row.run);
}

#define FREE_ALL(type, table, extra)                                                               \
    do {                                                                                           \
        struct type *x, *tmp;                                                                      \
        HASH_ITER(hh, m->table, x, tmp)                                                            \
        {                                                                                          \
            HASH_DELETE(hh, m->table, x);                                                          \
            extra;                                                                                 \
            free(x);                                                                               \
        }                                                                                          \
    } while (0)

void module_release(struct module *m)
{
    struct desktop *d, *next;

    HASH_CLEAR(by_holding, m->desktops_by_holding);
    HASH_CLEAR(by_session, m->desktops_by_session);
    HASH_CLEAR(by_key, m->entitlements_by_key);
    HASH_ITER(hh, m->desktops, d, next)
    {
        HASH_DELETE(hh, m->desktops, d);
        desktop_free(d);
    }
    HASH_CLEAR(by_name, m->persons_by_name);
    FREE_ALL(image_version, images, json_decref(x->body));
    FREE_ALL(pool, pools, json_decref(x->spec));
    FREE_ALL(person, persons, (free(x->verifier), free(x->groups)));
    FREE_ALL(entitlement, entitlements, (void)0);
    FREE_ALL(node_info, nodes, (void)0);
    FREE_ALL(sister, sisters, (void)0);
    FREE_ALL(bserver, bservers,
             (json_decref(x->body), json_decref(x->vf_refused), sync_set_free(x->set)));
    FREE_ALL(vf, vfs, (void)0);
    FREE_ALL(seat, seats, (void)0);
    FREE_ALL(holder, holders, (void)0);
    FREE_ALL(operation, operations, (json_decref(x->error), json_decref(x->waiting)));
    FREE_ALL(io_pool, io_pools, (void)0);
    FREE_ALL(io_given_limit, io_given, (void)0);
    pthread_cond_destroy(&m->changed);
    pthread_mutex_destroy(&m->lock);
}
