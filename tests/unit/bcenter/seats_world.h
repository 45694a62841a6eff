/*
 * seats_world — three modules and a CCC as they talk about seats and shares. A module decides with
 * the daemon's own functions, on a module in memory of its own (broker_decide, wanted_intake,
 * publish_seat, publish_share); here are its rows, what the CCC keeps and derives (the SQL of
 * migrations 0013 and 0016 in C), and the links: every object goes alone, in the order of its
 * revision, when the schedule says so.
 */
#ifndef TESTS_UNIT_BCENTER_SEATS_WORLD_H
#define TESTS_UNIT_BCENTER_SEATS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "bcenter/broker_decide.h"
#include "bcenter/publish.h"
#include "bcenter/wanted_intake.h"
#include "common/base/clock.h"
#include "common/base/json.h"

enum { MODULES = 3, PEOPLE = 3, DESKTOPS = 2, POINT = 10 };

static unsigned seed = 1;
static struct id people[PEOPLE], pool_id, module_id[MODULES];
static const struct id no_id = { "" };

static int upto(int n)
{
    return (int)(rand_r(&seed) % (unsigned)n);
}

/* Places follow from ids: the same seed is the same schedule. */
static struct id drawn_id(void)
{
    char text[ID_LEN + 1];
    struct id id = { "" };

    snprintf(text, sizeof text, "%08x-0000-4000-8000-%012x", (unsigned)rand_r(&seed),
             (unsigned)rand_r(&seed));
    assert_true(id_parse(text, &id));
    return id;
}

/* ---- a module ---- */

enum row { ROW_NONE, ROW_HELD, ROW_RELEASED };
struct site {
    struct bcenter *bc; /* memory: gone in a crash */
    /* its database */
    enum row seat[PEOPLE];
    struct id turn[PEOPLE];
    int has[DESKTOPS]; /* the person, or -1 */
    struct id desktop[DESKTOPS];
    int64_t heard; /* wanted objects up to here are stored */
    json_t *pool;  /* replica: NULL is none */
    int holder[PEOPLE];
    /* its link upwards: what the CCC has read of its observed set */
    int64_t read;
};
static struct site site[MODULES];

static int person_no(const struct id *id)
{
    for (int i = 0; i < PEOPLE; i++)
        if (id_eq(id, &people[i]))
            return i;
    return -1;
}

static int module_no(const struct id *id)
{
    for (int i = 0; i < MODULES; i++)
        if (id_eq(id, &module_id[i]))
            return i;
    return -1;
}

static struct desktop *memory_of(struct site *s, int d)
{
    return module_desktop(&s->bc->m, &s->desktop[d]);
}

/* A desktop in memory as its row says: a spare that could be started, or somebody's. */
static void take_desktop(struct site *s, int d)
{
    struct desktop *x = memory_of(s, d);

    x->row.person = s->has[d] < 0 ? no_id : people[s->has[d]];
    x->busy = x->unsure = false;
    module_desktop_index(&s->bc->m, x);
}

static void say_desktop(struct site *s, int d)
{
    json_t *o = json_object();

    json_put_str(o, "person_id", s->has[d] < 0 ? NULL : people[s->has[d]].s);
    sync_set_put(s->bc->observed, "", "desktop", &s->desktop[d], o);
}

static void take_seat(struct site *s, int person)
{
    struct seat *x;

    if (s->seat[person] == ROW_NONE)
        return;
    x = module_seat_put(&s->bc->m, &people[person], &pool_id, s->seat[person] == ROW_RELEASED, 1);
    assert_non_null(x);
    x->turn = s->turn[person];
    publish_seat(s->bc, x);
}

static void intake(struct site *s, const char *kind, const struct id *id, json_t *body)
{
    struct sync_object o = { .id = *id, .body = body, .deleted = body == NULL };

    snprintf(o.kind, sizeof o.kind, "%s", kind);
    wanted_intake(s->bc, &o);
}

static void take_holder(struct site *s, int person)
{
    struct id id = id_v5(pool_id.s, people[person].s);
    json_auto_t *body = NULL;

    if (s->holder[person] >= 0)
        body = json_pack("{s:s}", "module_id", module_id[s->holder[person]].s);
    intake(s, "seat", &id, body);
}

static void add_host(struct module *m, struct site *s)
{
    struct bserver *b = calloc(1, sizeof *b);

    assert_non_null(b);
    b->id = drawn_id();
    b->heard_ms = INT64_MAX / 4;
    b->knows_key = true;
    b->nlanes = 1;
    b->nslots = DESKTOPS;
    snprintf(b->lane_url[0], sizeof b->lane_url[0], "ws://localhost:1/display");
    HASH_ADD(hh, m->bservers, id.s, ID_LEN, b);
    for (int d = 0; d < DESKTOPS; d++) {
        struct desktop *x = module_desktop_add(m, &s->desktop[d]);

        assert_non_null(x);
        x->row.pool = pool_id;
        x->row.floating = x->seen = true;
        x->row.spec = json_object();
        x->bserver = b;
        x->slot = d;
        x->lane = 0;
        x->observed = OBSERVED_OFF;
        b->slots[d].desktop = x;
    }
}

/* A new process on what is stored: seats and desktops, then what the CCC wanted. */
static void start(struct site *s, int no)
{
    struct bcenter *bc = calloc(1, sizeof *bc);

    assert_non_null(bc);
    s->bc = bc;
    module_init(&bc->m);
    pthread_rwlock_init(&bc->wires, NULL);
    bc->agents = sync_set_new_source();
    bc->observed = sync_set_new_source();
    bc->m.id = module_id[no];
    add_host(&bc->m, s);
    for (int i = 0; i < PEOPLE; i++) {
        struct entitlement *en = calloc(1, sizeof *en);

        assert_non_null(en);
        en->id = drawn_id();
        HASH_ADD(hh, bc->m.entitlements, id.s, ID_LEN, en);
        module_entitlement_set(&bc->m, en, &(struct holding){ pool_id, people[i] });
    }
    for (int d = 0; d < DESKTOPS; d++) {
        take_desktop(s, d);
        say_desktop(s, d);
    }
    if (s->pool)
        intake(s, "pool", &pool_id, s->pool);
    for (int i = 0; i < PEOPLE; i++) {
        take_holder(s, i);
        take_seat(s, i);
    }
    s->read = -1; /* another history: all of it again */
}

static void stop(struct site *s)
{
    module_release(&s->bc->m);
    sync_set_free(s->bc->agents);
    sync_set_free(s->bc->observed);
    pthread_rwlock_destroy(&s->bc->wires);
    free(s->bc);
    s->bc = NULL;
}

/* ---- the CCC ---- */

struct object { /* of what it wants of a module: the pool (index PEOPLE) or a person's seat */
    int64_t rev;
    json_t *body; /* NULL: deleted, or never there */
};
static struct {
    int size[MODULES], base[MODULES]; /* -1: no share */
    bool changing;
    int64_t generation, rev;
    enum row seat[MODULES][PEOPLE]; /* the mirror */
    int of_desktop[MODULES][DESKTOPS];
    bool desktop[MODULES][PEOPLE];
    int64_t told[MODULES];
    bool due[PEOPLE], due_pool;
    struct object wanted[MODULES][PEOPLE + 1];
    int64_t turn[PEOPLE]; /* mark of the newest turn */
    int taken[PEOPLE];    /* who has it now, or -1 */
} ccc;

static bool member(int m)
{
    return ccc.size[m] >= 0 || (ccc.changing && ccc.base[m] >= 0);
}

static int place_by(const int size[MODULES], int person, const bool skip[MODULES])
{
    struct place_share list[MODULES];
    unsigned char out[MODULES];
    int n = 0, no[MODULES], place;

    for (int m = 0; m < MODULES; m++)
        if (size[m] >= 0) {
            out[n] = skip[m];
            no[n] = m;
            list[n++] = (struct place_share){ module_id[m], size[m] };
        }
    place = place_module(&people[person], &pool_id, list, n, out);
    return place < 0 ? -1 : no[place];
}

static int seat_module(int person, const bool skip[MODULES])
{
    for (int there = 1; there >= 0; there--)
        for (int m = 0; m < MODULES; m++)
            if (ccc.seat[m][person] == ROW_HELD && !skip[m] &&
                (there ? ccc.desktop[m][person] : member(m)))
                return m;
    return -1;
}

/* connection_place */
static int whom_to_ask(int person, const bool skip[MODULES])
{
    int m;

    for (m = 0; m < MODULES; m++)
        if (ccc.desktop[m][person] && !skip[m])
            return m;
    if ((m = seat_module(person, skip)) >= 0)
        return m;
    m = place_by(ccc.changing ? ccc.base : ccc.size, person, skip);
    if (m < 0)
        m = place_by(ccc.size, person, skip);
    for (int any = 0; m < 0 && any < MODULES; any++)
        if (member(any) && !skip[any])
            m = any;
    return m;
}

static void want(int m, int what, json_t *body)
{
    struct object *o = &ccc.wanted[m][what];

    if ((!body && !o->body) || (body && o->body && json_equal(body, o->body))) {
        json_decref(body);
        return;
    }
    json_decref(o->body);
    o->body = body;
    o->rev = ++ccc.rev;
}

static void want_seat(int person)
{
    static const bool nobody[MODULES];
    int holder = seat_module(person, nobody);

    for (int m = 0; m < MODULES; m++)
        want(m, person,
             holder >= 0 && holder != m && member(m)
                 ? json_pack("{s:s}", "module_id", module_id[holder].s)
                 : NULL);
}

static json_t *shares_json(const int size[MODULES])
{
    json_t *list = json_array();

    for (int m = 0; m < MODULES; m++)
        if (size[m] >= 0)
            json_array_append_new(
                list, json_pack("{s:s, s:i}", "module_id", module_id[m].s, "size", size[m]));
    return list;
}

/* wanted_refresh_pools: seats before the pool. */
static void want_pool(void)
{
    for (int i = 0; i < PEOPLE; i++)
        want_seat(i);
    for (int m = 0; m < MODULES; m++) {
        json_t *o = json_object();

        json_put_str(o, "kind", "floating");
        json_object_set_new(o, "spec", json_object());
        json_object_set_new(o, "shares", shares_json(ccc.size));
        json_object_set_new(o, "base", ccc.changing ? shares_json(ccc.base) : json_null());
        json_put_int(o, "share_generation", ccc.generation);
        if (!member(m)) {
            json_decref(o);
            o = NULL;
        }
        want(m, PEOPLE, o);
    }
}

/* pool_change_waits */
static bool waits(void)
{
    for (int m = 0; m < MODULES; m++) {
        bool somebody = false;

        if (ccc.base[m] < 0)
            continue;
        for (int i = 0; i < PEOPLE; i++)
            somebody |= ccc.desktop[m][i];
        if (ccc.told[m] < ccc.generation || (ccc.size[m] < 0 && somebody))
            return true;
    }
    return false;
}

/* wanted_catch_up, of which a turn may do only some of the seats. */
static void catch_up(bool all)
{
    bool some_left = false;

    for (int i = 0; i < PEOPLE; i++) {
        if (ccc.due[i] && (all || upto(2))) {
            ccc.due[i] = false;
            want_seat(i);
        }
        some_left |= ccc.due[i];
    }
    if (some_left || !ccc.changing || waits())
        return;
    ccc.changing = false;
    want_pool();
}

static bool same(const int a[MODULES], const int b[MODULES], bool zeros)
{
    for (int m = 0; m < MODULES; m++)
        if (a[m] != b[m] && (zeros || a[m] > 0 || b[m] > 0))
            return false;
    return true;
}

/* pool_change_begin and what follows it in the same transaction */
static void change_shares(const int size[MODULES])
{
    bool subset = true;

    if (same(size, ccc.size, true))
        return;
    ccc.generation++;
    if (!ccc.changing) {
        ccc.changing = true;
        memcpy(ccc.base, ccc.size, sizeof ccc.base);
    } else {
        for (int m = 0; m < MODULES; m++)
            if (ccc.size[m] >= 0 && ccc.base[m] < 0)
                ccc.base[m] = 0;
        for (int m = 0; m < MODULES; m++)
            subset &= ccc.base[m] < 0 || size[m] >= 0;
        ccc.changing = !(subset && same(size, ccc.base, false));
    }
    memcpy(ccc.size, size, sizeof ccc.size);
    want_pool();
}

#endif
