#include <sodium.h>
#include <string.h>

#include "bcenter/desktop_name.h"
#include "bcenter/placement_pack.h"
#include "bcenter/pool_share.h"
#include "bcenter/publish.h"
#include "bcenter/reconcile.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "sql/module/module.h"

/* A desktop about to be made: decided under the lock, written without it. */
struct making {
    struct desktop_row row;
    struct id host, vf;
    int slot, lane;
    unsigned char inputs[PLACEMENT_INPUTS];
    size_t inputs_size;
    int64_t epoch;
};

/* ---- names ---- */

static bool name_taken(struct module *m, const char *name)
{
    struct desktop *d, *next;

    HASH_ITER(hh, m->desktops, d, next)
    {
        if (strcmp(d->row.name, name) == 0)
            return true;
    }
    return false;
}

/* Lock held. A name that no desktop of the installation has (desktop_name.h). */
static void choose_name(struct module *m, const struct pool *p, char to[DESKTOP_NAME])
{
    struct id *others = calloc(HASH_COUNT(m->sisters) + 1, sizeof *others);
    char code[DESKTOP_CODE];
    struct sister *s, *sn;
    struct desktop *d, *dn;
    int n = 0, have = 0;

    HASH_ITER(hh, m->sisters, s, sn)
    {
        if (others)
            others[n++] = s->id;
    }
    desktop_code(&m->id, others, n, code);
    free(others);
    /* Those before are taken as a rule. */
    HASH_ITER(hh, m->desktops, d, dn)
    {
        have += id_eq(&d->row.pool, &p->id);
    }
    for (int i = have + 1; i <= have + MODULE_DESKTOPS * 2; i++) {
        desktop_name(p->name, code, i, to);
        if (!name_taken(m, to))
            return;
    }
}

/* ---- placing ---- */

static bool free_vf(const struct vf *v, const struct bserver *b)
{
    return v->bserver == b && v->stored && v->heard && v->state == VF_FREE && !v->desktop;
}

static void candidate(struct module *m, const struct bserver *b, struct candidate *c)
{
    struct vf *v, *next;

    memset(c, 0, sizeof *c);
    c->bserver = b->id;
    c->up = bserver_up(b, clock_boot_ms()) && !b->maintenance && b->stored;
    c->format = b->qcow2 || strcmp(b->kind, "simulated") == 0;
    c->user_net = b->user_net;
    c->lanes = b->nlanes;
    for (int i = 0; i < b->nslots; i++) {
        int lane = b->slots[i].lane;

        if (lane < 0 || lane >= PLACEMENT_LANES)
            continue;
        if (b->slots[i].desktop)
            c->used_slots[lane]++;
        else
            c->free_slots[lane]++;
    }
    c->memory_free_mib = b->memory_limit_mib - b->memory_used_mib;
    c->store_free_gib = b->store_limit_gib < 0 ? -1 : b->store_limit_gib - b->store_used_gib;
    HASH_ITER(hh, m->vfs, v, next)
    {
        c->free_vfs += free_vf(v, b);
    }
}

/* At most ten count (law), and those that were deleted are not asked. */
static int candidates(struct module *m, struct candidate list[PLACEMENT_HOSTS])
{
    struct bserver *b, *next;
    int n = 0;

    HASH_ITER(hh, m->bservers, b, next)
    {
        if (!b->left && n < PLACEMENT_HOSTS)
            candidate(m, b, &list[n++]);
    }
    return n;
}

static void take_place(struct module *m, struct making *mk, const struct placement *pl,
                       bool needs_vf)
{
    struct bserver *b = module_bserver(m, &mk->host);
    struct vf *v, *next;

    mk->lane = pl->lane;
    mk->slot = -1;
    for (int i = 0; i < b->nslots && mk->slot < 0; i++)
        if (!b->slots[i].desktop && b->slots[i].lane == pl->lane)
            mk->slot = i;
    HASH_ITER(hh, m->vfs, v, next)
    {
        if (needs_vf && free_vf(v, b)) {
            mk->vf = v->id;
            return;
        }
    }
}

static void make_mac(char to[18])
{
    unsigned char r[3];

    randombytes_buf(r, sizeof r);
    snprintf(to, 18, "52:54:00:%02x:%02x:%02x", r[0], r[1], r[2]);
}

/* Lock held. What the new desktop will be and where. */
static int decide(struct bcenter *bc, struct pool *p, const struct image_version *v,
                  struct making *mk, struct err *e)
{
    struct candidate list[PLACEMENT_HOSTS];
    struct placement pl;
    struct demand want = { .desktop = id_new(), .needs_vf = p->needs_vf };
    int64_t disk = p->disk_gib > 0 ? p->disk_gib << 30 : json_num(v->body, "virtual_size", 0);
    int n = candidates(&bc->m, list);

    memset(mk, 0, sizeof *mk);
    want.memory_mib = placement_memory(p->memory_mib);
    want.store_gib = placement_store(disk, p->floating);
    if (HASH_COUNT(bc->m.desktops) >= MODULE_DESKTOPS)
        return err_set(e, ERR_LAW_MODULE, "the module has %d desktops", MODULE_DESKTOPS);
    if (placement_choose(list, n, &want, &pl, e) < 0)
        return -1;
    mk->inputs_size = placement_pack(list, n, &want, mk->inputs);
    mk->host = list[pl.candidate].bserver;
    mk->epoch = bc->m.epoch;
    take_place(&bc->m, mk, &pl, p->needs_vf);
    mk->row.id = want.desktop;
    mk->row.pool = p->id;
    mk->row.overlay = id_new();
    mk->row.placement = id_new();
    mk->row.floating = p->floating;
    mk->row.user_net = pl.user_net;
    mk->row.memory_mib = want.memory_mib;
    mk->row.store_gib = list[pl.candidate].store_free_gib < 0 ? 0 : want.store_gib;
    mk->row.generation = 1;
    mk->row.created = clock_wall_ms();
    mk->row.spec = json_incref(p->spec);
    desktop_row_set_image(&mk->row, v->body);
    make_mac(mk->row.mac);
    choose_name(&bc->m, p, mk->row.name);
    return 0;
}

static int store(struct db *db, void *arg, struct err *e)
{
    const struct making *mk = arg;
    auto_result PGresult *r = NULL;
    char slot[16], lane[16], memory[24], disk[24], epoch[24], inputs[2 * PLACEMENT_INPUTS + 1];
    char *spec = store_json(mk->row.spec), *image = store_json(mk->row.image);
    bool vf = id_set(&mk->vf);
    int rc;

    sodium_bin2hex(inputs, sizeof inputs, mk->inputs, mk->inputs_size);
    snprintf(slot, sizeof slot, "%d", mk->slot);
    snprintf(lane, sizeof lane, "%d", mk->lane);
    snprintf(memory, sizeof memory, "%lld", (long long)mk->row.memory_mib);
    snprintf(disk, sizeof disk, "%lld", (long long)mk->row.store_gib);
    snprintf(epoch, sizeof epoch, "%lld", (long long)mk->epoch);
    rc = db_run(db, &Q_desktop_make,
                DB_ARGS(mk->row.id.s, mk->row.name, mk->row.pool.s,
                        mk->row.floating ? "true" : "false", mk->host.s, slot, vf ? mk->vf.s : NULL,
                        mk->row.mac, mk->row.user_net ? "true" : "false", spec, image, memory, disk,
                        mk->row.overlay.s, mk->row.placement.s, lane, inputs, epoch),
                &r, e);
    free(spec);
    free(image);
    if (rc < 0)
        return -1;
    if (db_int(r, 0, "lead", 0) == 0)
        return err_set(e, ERR_EPOCH_STALE, "another process leads this module");
    if (db_int(r, 0, "made", 0) != 1 || db_int(r, 0, "slots", 0) != 1 ||
        db_int(r, 0, "vfs", 0) != vf)
        return err_set(e, ERR_CONFLICT, "the place was taken meanwhile");
    return 0;
}

/* Lock held; the database has it. */
static void apply(struct bcenter *bc, struct making *mk)
{
    struct desktop *d = module_desktop_add(&bc->m, &mk->row.id);
    struct bserver *b = module_bserver(&bc->m, &mk->host);

    if (!d || !b)
        return;
    desktop_row_release(&d->row);
    desktop_row_copy(&d->row, &mk->row);
    d->bserver = b;
    d->slot = mk->slot;
    d->lane = mk->lane;
    b->slots[mk->slot].desktop = d;
    b->memory_used_mib += mk->row.memory_mib;
    b->store_used_gib += mk->row.store_gib;
    d->vf = id_set(&mk->vf) ? module_vf(&bc->m, &mk->vf) : NULL;
    if (d->vf) {
        d->vf->desktop = d;
        d->vf->state = VF_ASSIGNED;
    }
    publish_desktop(bc, d);
}

/* False: no more of this pool for now. */
static bool make_one(struct bcenter *bc, const struct id *pool)
{
    struct image_version *v;
    struct err e = { 0 };
    struct making mk;
    struct pool *p;
    int rc = -1;

    module_lock(&bc->m);
    p = module_pool(&bc->m, pool);
    v = p ? module_image(&bc->m, &p->image_version) : NULL;
    if (v)
        rc = decide(bc, p, v, &mk, &e);
    if (p) {
        p->law = e.code;
        snprintf(p->law_detail, sizeof p->law_detail, "%.199s", e.detail);
    }
    module_unlock(&bc->m);
    if (rc < 0)
        return false;
    rc = db_tx_once(bc->reconcile_db, store, &mk, &e);
    if (rc < 0) {
        log_err("desktop-make", &e);
        if (e.code == ERR_EPOCH_STALE)
            daemon_quit(3);
    }
    module_lock(&bc->m);
    if (rc == 0) {
        apply(bc, &mk);
    } else {
        struct bserver *b = module_bserver(&bc->m, &mk.host);

        if (b)
            b->stored = false; /* its desktops, counters, slots and VFs are read again */
    }
    module_unlock(&bc->m);
    desktop_row_release(&mk.row);
    return rc == 0;
}

/* ---- shares ---- */

static struct share_desktop share_of(struct module *m, const struct pool *p,
                                     const struct desktop *d)
{
    struct share_desktop s = { .id = d->row.id,
                               .deleting = d->row.deleting,
                               .created = d->row.created };

    s.assigned = id_set(&d->row.person) || d->session || d->op || d->busy;
    s.wanted_on = id_set(&d->row.run);
    s.host_up = d->bserver && bserver_up(d->bserver, clock_boot_ms()) && !d->bserver->maintenance;
    s.preparing = d->bserver && d->bserver->qcow2 && !id_eq(&d->seen_overlay, &d->row.overlay);
    /* Nothing is renewed towards an image that is not known here (yet). */
    if (p && module_image(m, &p->image_version))
        s.stale = !id_eq(&d->row.version, &p->image_version) || !json_equal(d->row.spec, p->spec);
    return s;
}

/* Lock held. Marks what the plan says on the desktops; returns how many to make. */
static int plan(struct module *m, const struct id *pool)
{
    struct pool *p = module_pool(m, pool);
    struct share_wish w = { 0 };
    struct share_desktop *list = calloc(HASH_COUNT(m->desktops) + 1, sizeof *list);
    struct desktop *d, *next;
    int n = 0, make;

    if (!list)
        return 0;
    if (p)
        w = (struct share_wish){ p->share, p->spares_running, p->floating };
    HASH_ITER(hh, m->desktops, d, next)
    {
        if (id_eq(&d->row.pool, pool))
            list[n++] = share_of(m, p, d);
    }
    make = pool_share_plan(&w, list, n);
    for (int i = 0; i < n; i++) {
        d = module_desktop(m, &list[i].id);
        d->surplus = list[i].surplus;
        d->want_running = list[i].want_running;
        d->renew = list[i].renew;
    }
    free(list);
    return make;
}

void reconcile_pools(struct bcenter *bc)
{
    struct id *pools, *desktops;
    int n, nd, make;

    module_lock(&bc->m);
    RECONCILE_IDS(&bc->m, pool, pools, id, pools, n);
    RECONCILE_IDS(&bc->m, desktop, desktops, row.id, desktops, nd);
    /* Desktops of a pool that the CCC has deleted: a share of nothing. */
    for (int i = 0; i < nd; i++) {
        struct desktop *d = module_desktop(&bc->m, &desktops[i]);

        if (!module_pool(&bc->m, &d->row.pool))
            plan(&bc->m, &d->row.pool);
    }
    module_unlock(&bc->m);
    for (int i = 0; i < n; i++) {
        module_lock(&bc->m);
        make = plan(&bc->m, &pools[i]);
        module_unlock(&bc->m);
        while (make-- > 0 && make_one(bc, &pools[i])) {
        }
    }
    free(pools);
    free(desktops);
}
