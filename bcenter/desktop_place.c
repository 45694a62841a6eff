#include "bcenter/desktop_place.h"

#include <sodium.h>
#include <string.h>

#include "bcenter/agent_observed.h"
#include "bcenter/desktop_name.h"
#include "bcenter/desktop_store.h"
#include "bcenter/vf_ledger.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "sql/module/module.h"

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
    return v->bserver == b && vf_ledger_usable(v);
}

static int64_t io_units(int64_t uio)
{
    return uio > PLACEMENT_IO_MOST ? PLACEMENT_IO_MOST : uio;
}

static void candidate(const struct bserver *b, int64_t boot_ms, struct candidate *c)
{
    *c = (struct candidate){ .bserver = b->id, .free_vfs = b->free_vfs };
    c->up = bserver_up(b, boot_ms) && !b->maintenance && b->stored;
    c->format = b->qcow2 || strcmp(b->kind, "simulated") == 0;
    c->user_net = b->user_net;
    c->lanes = b->nlanes;
    for (int i = 0; i < b->nslots; i++) {
        int lane = b->slots[i].lane;

        if (lane < 0 || lane >= PLACEMENT_LANES)
            continue;
        if (b->slots[i].desktop)
            c->used_slots[lane]++;
        else if (i < bserver_slots(b) && /* it may have come back smaller than its slots */
                 !b->lane_down[lane] && c->free_slots[lane] < PLACEMENT_LANE_MOST)
            c->free_slots[lane]++;
    }
    c->memory_free_mib = b->memory_limit_mib - b->memory_used_mib;
    c->store_free_gib = b->store_limit_gib < 0 ? -1 : b->store_limit_gib - b->store_used_gib;
    c->io_total = io_units(io_up(b->io.total, PLACEMENT_IO_UNIT));
    c->io_limit = io_units(io_down(io_limit_now(&b->io.limit), PLACEMENT_IO_UNIT));
}

void desktop_place_count_vfs(struct module *m)
{
    struct bserver *b, *bn;
    struct vf *v, *vn;

    HASH_ITER(hh, m->bservers, b, bn)
    {
        b->free_vfs = 0;
    }
    HASH_ITER(hh, m->vfs, v, vn)
    {
        if (v->bserver)
            v->bserver->free_vfs += free_vf(v, v->bserver);
    }
}

int desktop_place_candidates(struct module *m, int64_t boot_ms,
                             struct candidate list[PLACEMENT_HOSTS])
{
    struct bserver *b, *next;
    int n = 0;

    io_hosts_look(m, boot_ms);
    HASH_ITER(hh, m->bservers, b, next)
    {
        b->candidate = -1;
        if (b->left || n == PLACEMENT_HOSTS)
            continue;
        candidate(b, boot_ms, &list[n]);
        b->candidate = n++;
    }
    return n;
}

static void take_place(struct module *m, struct desktop_place *mk, const struct placement *pl,
                       bool needs_vf)
{
    struct bserver *b = module_bserver(m, &mk->host);
    struct vf *v, *next;

    mk->lane = pl->lane;
    mk->slot = -1;
    for (int i = 0; i < b->nslots && i < bserver_slots(b) && mk->slot < 0; i++)
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

static bool mac_taken(struct module *m, const char *mac)
{
    struct desktop *d, *dn;
    struct vf *v, *vn;

    HASH_ITER(hh, m->desktops, d, dn)
    {
        if (strcmp(d->row.mac, mac) == 0)
            return true;
    }
    HASH_ITER(hh, m->vfs, v, vn) /* one that waits in quarantine may still carry it */
    {
        if (strcmp(v->mac, mac) == 0)
            return true;
    }
    return false;
}

/*
 * 52:54, the module's number, two random bytes: no other module's, since the CCC gives each number
 * once, from 256 on; 52:54:00 is what desktops were given before there were numbers, and what a
 * module without one still gives. There are 64 times as many as desktops, so this ends soon.
 */
static void make_mac(struct module *m, char to[18])
{
    unsigned char r[3];
    struct sister *own;

    HASH_FIND(hh, m->sisters, m->id.s, ID_LEN, own);
    do {
        randombytes_buf(r, sizeof r);
        if (own && own->mac_no)
            snprintf(to, 18, "52:54:%02x:%02x:%02x:%02x", own->mac_no >> 8, own->mac_no & 255, r[0],
                     r[1]);
        else
            snprintf(to, 18, "52:54:00:%02x:%02x:%02x", r[0], r[1], r[2]);
    } while (mac_taken(m, to));
}

struct demand desktop_place_demand(const struct pool *p, const struct image_version *v)
{
    int64_t disk = p->disk_gib > 0 ? p->disk_gib << 30 : json_num(v->body, "virtual_size", 0);

    return (struct demand){ .desktop = id_new(),
                            .needs_vf = p->needs_vf,
                            .memory_mib = placement_memory(p->memory_mib),
                            .store_gib = placement_store(disk, p->floating) };
}

int desktop_place_decide(struct module *m, const struct pool *p, const struct image_version *v,
                         struct desktop_place *mk, struct err *e)
{
    struct candidate list[PLACEMENT_HOSTS];
    struct placement pl;
    struct demand want = desktop_place_demand(p, v);
    int n;

    desktop_place_count_vfs(m);
    n = desktop_place_candidates(m, clock_boot_ms(), list);
    memset(mk, 0, sizeof *mk);
    if (HASH_COUNT(m->desktops) >= MODULE_DESKTOPS)
        return err_set(e, ERR_LAW_MODULE, "the module has %d desktops", MODULE_DESKTOPS);
    if (placement_choose(list, n, &want, &pl, e) < 0)
        return -1;
    mk->inputs_size = placement_pack(list, n, &want, mk->inputs);
    mk->host = list[pl.candidate].bserver;
    mk->epoch = m->epoch;
    take_place(m, mk, &pl, p->needs_vf);
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
    make_mac(m, mk->row.mac);
    choose_name(m, p, mk->row.name);
    return 0;
}

int desktop_place_store(struct db *db, void *arg, struct err *e)
{
    const struct desktop_place *mk = arg;
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

struct desktop *desktop_place_take(struct module *m, const struct desktop_place *mk)
{
    struct bserver *b = module_bserver(m, &mk->host);
    struct desktop *d = b ? module_desktop_add(m, &mk->row.id) : NULL;

    if (!d)
        return NULL;
    desktop_row_release(&d->row);
    desktop_row_copy(&d->row, &mk->row);
    d->bserver = b;
    d->slot = mk->slot;
    d->lane = mk->lane;
    b->slots[mk->slot].desktop = d;
    b->memory_used_mib += mk->row.memory_mib;
    b->store_used_gib += mk->row.store_gib;
    d->vf = id_set(&mk->vf) ? module_vf(m, &mk->vf) : NULL;
    if (d->vf) {
        d->vf->desktop = d;
        d->vf->state = VF_ASSIGNED;
        d->vf->since = clock_wall_ms();
        snprintf(d->vf->mac, sizeof d->vf->mac, "%s", d->row.mac);
    }
    return d;
}

void desktop_place_undo(struct module *m, struct desktop *d)
{
    d->bserver->memory_used_mib -= d->row.memory_mib;
    d->bserver->store_used_gib -= d->row.store_gib;
    if (d->vf && d->vf->state == VF_ASSIGNED) {
        d->vf->state = VF_FREE;
        d->vf->mac[0] = '\0';
    }
    module_desktop_remove(m, d);
}

static void give_back(struct vf *v, const struct id *check)
{
    bool lost = v->state == VF_LOST;

    v->state = lost ? VF_LOST : VF_QUARANTINE;
    v->run = (struct id){ "" };
    v->check = check ? *check : (struct id){ "" };
    snprintf(v->reason, sizeof v->reason, "%s", lost ? "vanished" : "released");
    v->since = clock_wall_ms();
    if (!check)
        v->bserver->stored = false;
}

void desktop_place_leave(struct module *m, struct desktop *d, const struct id *check)
{
    if (d->bserver) {
        d->bserver->memory_used_mib -= d->row.memory_mib;
        d->bserver->store_used_gib -= d->row.store_gib;
    }
    if (d->vf)
        give_back(d->vf, check);
    module_desktop_remove(m, d);
}
