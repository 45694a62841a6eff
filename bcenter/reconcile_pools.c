#include <string.h>

#include "bcenter/desktop_place.h"
#include "bcenter/pool_share.h"
#include "bcenter/publish.h"
#include "bcenter/publish_pool.h"
#include "bcenter/reconcile.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "sql/module/module.h"

/* So that those that are there start while others are made. */
enum { MAKE_BATCH = 32, MAKE_A_TURN = 4 * MAKE_BATCH };

/* Desktops that are made by one transaction. */
struct making {
    struct desktop_place place[MAKE_BATCH];
    int n;
};

/* Lock held. Each is decided with those before it in their places, busy until they are stored. */
static void decide(struct bcenter *bc, const struct id *pool, int most, struct making *mk)
{
    struct pool *p = module_pool(&bc->m, pool);
    struct image_version *v = p ? module_image(&bc->m, &p->image_version) : NULL;
    struct err e = { 0 };

    while (v && mk->n < most) {
        struct desktop_place *one = &mk->place[mk->n];
        struct desktop *d;

        if (desktop_place_decide(&bc->m, p, v, one, &e) < 0)
            break;
        mk->n++;
        d = desktop_place_take(&bc->m, one);
        if (!d)
            break;
        d->busy = true;
    }
    if (p)
        p->law = e;
}

static int store(struct db *db, void *arg, struct err *e)
{
    struct making *mk = arg;

    for (int i = 0; i < mk->n; i++)
        if (desktop_place_store(db, &mk->place[i], e) < 0)
            return -1;
    return 0;
}

/* Lock held. rc < 0: whatever the database has of them is read again, with their bServers. */
static void stored(struct bcenter *bc, const struct making *mk, int rc)
{
    for (int i = 0; i < mk->n; i++) {
        struct desktop *d = module_desktop(&bc->m, &mk->place[i].row.id);
        struct bserver *b = module_bserver(&bc->m, &mk->place[i].host);

        if (d && rc == 0) {
            d->busy = false;
            publish_desktop(bc, d);
        } else if (d) {
            desktop_place_undo(&bc->m, d);
        }
        if (b && (rc < 0 || !d))
            b->stored = false; /* its desktops, counters, slots and VFs are read again */
    }
    pthread_cond_broadcast(&bc->m.changed);
}

/* How many of at most `most` were made; fewer: no more of this pool for now. */
static int make_some(struct bcenter *bc, const struct id *pool, int most)
{
    struct making *mk = calloc(1, sizeof *mk);
    struct err e = { 0 };
    int rc = 0, made;

    if (!mk)
        return 0;
    module_lock(&bc->m);
    decide(bc, pool, most < MAKE_BATCH ? most : MAKE_BATCH, mk);
    module_unlock(&bc->m);
    if (mk->n > 0)
        rc = db_tx_once(bc->reconcile_db, store, mk, &e);
    if (rc < 0) {
        log_err("desktop-make", &e);
        if (e.code == ERR_EPOCH_STALE)
            daemon_quit(3);
    }
    module_lock(&bc->m);
    stored(bc, mk, rc);
    module_unlock(&bc->m);
    made = rc < 0 ? 0 : mk->n;
    for (int i = 0; i < mk->n; i++)
        desktop_row_release(&mk->place[i].row);
    free(mk);
    return made;
}

/* room: for how many there is time in this turn. The rest is made in the next, which follows at
 * once. */
static void make_share(struct bcenter *bc, const struct id *pool, int n, int *room)
{
    while (n > 0 && *room > 0) {
        int wanted = n < MAKE_BATCH ? n : MAKE_BATCH;

        if (make_some(bc, pool, wanted) < wanted)
            return;
        n -= wanted;
        *room -= wanted;
    }
    if (n > 0)
        bcenter_poke(bc);
}

/* ---- shares ---- */

/* Its host has been looked at. */
static bool room_for(struct module *m, struct desktop *d)
{
    struct io_ask a = io_host_ask(m, d, IO_WANT_START, clock_boot_ms());

    return !d->bserver->io.waits && io_fits(&a);
}

static struct share_desktop share_of(struct module *m, const struct pool *p, struct desktop *d)
{
    struct share_desktop s = { .id = d->row.id,
                               .deleting = d->row.deleting,
                               .created = d->row.created };

    s.assigned = id_set(&d->row.person) || d->session || d->op || d->busy;
    s.wanted_on = id_set(&d->row.run);
    s.host_up = d->bserver && bserver_up(d->bserver, clock_boot_ms()) && !d->bserver->maintenance;
    s.preparing = d->bserver && d->bserver->qcow2 && !id_eq(&d->seen_overlay, &d->row.overlay);
    s.room = !s.assigned && !s.wanted_on && s.host_up && room_for(m, d);
    /* Nothing is renewed towards an image that is not known here (yet). */
    if (p && module_image(m, &p->image_version))
        s.stale = !id_eq(&d->row.version, &p->image_version) || !json_equal(d->row.spec, p->spec);
    return s;
}

int reconcile_plan(struct module *m, const struct id *pool)
{
    struct pool *p = module_pool(m, pool);
    struct share_wish w = { 0 };
    struct share_desktop *list = calloc(HASH_COUNT(m->desktops) + 1, sizeof *list);
    struct desktop *d, *next;
    int n = 0, make;

    if (!list)
        return 0;
    io_hosts_look(m, clock_boot_ms());
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
    struct pool *p;
    int n, nd, make, room = MAKE_A_TURN;

    module_lock(&bc->m);
    RECONCILE_IDS(&bc->m, pool, pools, id, pools, n);
    RECONCILE_IDS(&bc->m, desktop, desktops, row.id, desktops, nd);
    /* Desktops of a pool that the CCC has deleted: a share of nothing. */
    for (int i = 0; i < nd; i++) {
        struct desktop *d = module_desktop(&bc->m, &desktops[i]);

        if (!module_pool(&bc->m, &d->row.pool))
            reconcile_plan(&bc->m, &d->row.pool);
    }
    module_unlock(&bc->m);
    for (int i = 0; i < n; i++) {
        module_lock(&bc->m);
        make = reconcile_plan(&bc->m, &pools[i]);
        if ((p = module_pool(&bc->m, &pools[i])))
            publish_share(bc, p);
        module_unlock(&bc->m);
        make_share(bc, &pools[i], make, &room);
    }
    module_lock(&bc->m);
    publish_pools(bc);
    module_unlock(&bc->m);
    free(pools);
    free(desktops);
}
