/*
 * A million random steps on the module's own objects: desktops are placed and forgotten, hosts go
 * down, shrink, grow, leave, functions vanish and come back. No law is ever broken by a placement.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "bcenter/agent_observed.h"
#include "bcenter/desktop_place.h"
#include "common/base/clock.h"

enum { HOSTS = 10, VFS = 16, WORLDS = 40, STEPS = 25000, LOOK = 500 };

static unsigned seed = 3;
static struct module m;
static struct bserver *hosts[HOSTS];
static struct image_version image = { .guest = "none" };
static struct pool pool;
static int placed, refused;

static int upto(int n)
{
    return (int)(rand_r(&seed) % (unsigned)n);
}

/* What reconcile_hosts has the database make of a report. */
static void make_slots(struct bserver *b)
{
    int n = bserver_slots(b), last = 0;

    for (int i = 0; i < MODULE_SLOTS; i++) {
        if (i < n && !b->slots[i].desktop)
            b->slots[i].lane = i % b->nlanes;
        if (i < n || b->slots[i].desktop)
            last = i + 1;
    }
    b->nslots = last;
}

static void report(struct bserver *b)
{
    int lanes = 1 + upto(2);
    json_t *list = json_array(), *body;

    for (int i = 0; i < lanes; i++)
        json_array_append_new(list, json_pack("{s:i, s:n}", "no", i, "url"));
    body = json_pack("{s:s, s:s, s:i, s:i, s:i, s:{s:b, s:[s]}, s:o, s:{s:s, s:i}}", "kind",
                     "embedded", "boot", "b", "cores", 1 + upto(upto(8) ? 5 : 20), "memory_mib",
                     4096 + upto(60000), "memory_reserve_mib", upto(4000), "capabilities",
                     "user_net", 1, "formats", "qcow2", "lanes", list, "storage", "store", "local",
                     "size_gib", upto(5) ? 20 + upto(400) : 0);
    assert_non_null(body);
    bserver_take_report(b, body);
    json_decref(body);
    make_slots(b);
    b->stored = true;
}

static void world(void)
{
    memset(&m, 0, sizeof m);
    module_init(&m);
    m.id = id_new();
    for (int i = 0; i < HOSTS; i++) {
        struct id id = id_new();

        hosts[i] = module_bserver_add(&m, &id);
        hosts[i]->heard_ms = clock_boot_ms() + 3600000;
        report(hosts[i]);
        for (int v = 0; v < VFS; v++) {
            struct vf *f = calloc(1, sizeof *f);

            assert_non_null(f);
            f->id = id_new();
            f->bserver = hosts[i];
            f->heard = f->stored = true;
            HASH_ADD(hh, m.vfs, id.s, ID_LEN, f);
        }
    }
}

static struct desktop *any(void)
{
    int n = (int)HASH_COUNT(m.desktops);
    struct desktop *d = m.desktops;

    for (int i = n ? upto(n < 20 ? n : 20) : 0; i > 0; i--)
        d = d->hh.next;
    return d;
}

static void lane_law(const struct bserver *b)
{
    int used[MODULE_LANES] = { 0 };

    for (int i = 0; i < b->nslots; i++)
        used[b->slots[i].lane] += b->slots[i].desktop != NULL;
    for (int i = 0; i < b->nlanes; i++)
        assert_in_range(used[i], 0, LANE_SLOTS);
}

/* What must be true of a desktop at the moment when it was placed. */
static void lawful(const struct desktop *d)
{
    const struct bserver *b = d->bserver;

    assert_false(b->left || b->maintenance);
    assert_true(bserver_up(b, clock_boot_ms()));
    assert_in_range(d->slot, 0, bserver_slots(b) - 1);
    assert_in_range(d->slot, 0, 6 * b->cores - 1);
    assert_ptr_equal(b->slots[d->slot].desktop, d);
    assert_true(b->memory_used_mib <= b->memory_limit_mib);
    assert_true(b->store_limit_gib < 0 || b->store_used_gib <= b->store_limit_gib);
    assert_true(pool.needs_vf == (d->vf != NULL));
    if (d->vf) {
        assert_ptr_equal(d->vf->desktop, d);
        assert_ptr_equal(d->vf->bserver, b);
        assert_true(d->vf->heard);
        assert_string_equal(d->vf->mac, d->row.mac);
    }
    lane_law(b);
    assert_in_range(HASH_COUNT(m.desktops), 1, MODULE_DESKTOPS);
}

static void place(void)
{
    struct desktop_place p;
    struct desktop *d;
    struct err e = { 0 };

    pool.needs_vf = upto(3) == 0;
    pool.floating = upto(2);
    pool.memory_mib = 64 + upto(upto(4) ? 1000 : 8000);
    pool.disk_gib = 1 + upto(40);
    if (desktop_place_decide(&m, &pool, &image, &p, &e) < 0) {
        assert_true(strncmp(err_slug(e.code), "law-", 4) == 0);
        refused++;
        return;
    }
    d = desktop_place_take(&m, &p);
    desktop_row_release(&p.row);
    assert_non_null(d);
    lawful(d);
    placed++;
}

static void change_vf(void)
{
    int n = upto(HOSTS * VFS);
    struct vf *v = m.vfs;

    while (n-- > 0)
        v = v->hh.next;
    if (v->state == VF_QUARANTINE)
        v->state = VF_FREE; /* its host said so */
    else if (v->heard)
        v->heard = false, v->state = VF_LOST;
    else
        v->heard = true, v->state = v->desktop ? VF_ASSIGNED : VF_FREE;
}

static void step(void)
{
    struct bserver *b = hosts[upto(HOSTS)];
    struct desktop *d = any();
    int what = upto(100);
    struct id check = id_new();

    if (what < 55)
        place();
    else if (what < 88 && d)
        desktop_place_leave(&m, d, &check);
    else if (what < 94)
        change_vf();
    else if (what < 96)
        b->maintenance = !b->maintenance;
    else if (what < 98)
        b->heard_ms = b->heard_ms ? 0 : clock_boot_ms() + 3600000;
    else
        report(b);
}

/* Everything is held once, and the counters are what one counts. */
static void look(void)
{
    struct desktop *d, *next;
    int64_t memory[HOSTS] = { 0 }, store[HOSTS] = { 0 };
    int seats = 0;

    HASH_ITER(hh, m.desktops, d, next)
    {
        assert_ptr_equal(d->bserver->slots[d->slot].desktop, d);
        assert_true(!d->vf || d->vf->desktop == d);
        for (int i = 0; i < HOSTS; i++)
            if (d->bserver == hosts[i]) {
                memory[i] += d->row.memory_mib;
                store[i] += d->row.store_gib;
            }
    }
    for (int i = 0; i < HOSTS; i++) {
        assert_int_equal(memory[i], hosts[i]->memory_used_mib);
        assert_int_equal(store[i], hosts[i]->store_used_gib);
        for (int s = 0; s < MODULE_SLOTS; s++)
            seats += hosts[i]->slots[s].desktop != NULL;
    }
    assert_int_equal(seats, HASH_COUNT(m.desktops));
}

static void a_million_steps(void **state)
{
    (void)state;
    for (int w = 0; w < WORLDS; w++) {
        world();
        for (int i = 0; i < STEPS; i++) {
            step();
            if (i % LOOK == 0)
                look();
        }
        module_release(&m);
    }
    assert_true(placed > WORLDS * STEPS / 10);
    assert_true(refused > WORLDS * STEPS / 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_million_steps) };
    int rc;

    if (sodium_init() < 0)
        return 1;
    pool.id = id_new();
    snprintf(pool.name, sizeof pool.name, "office");
    pool.spec = json_object();
    image.body = json_object();
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(pool.spec);
    json_decref(image.body);
    return rc;
}
