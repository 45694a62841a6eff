/*
 * The broker's decisions under 100,000 random interleavings: people ask, writes are in flight and
 * come back done or refused, sessions end, hosts fall silent, runs die. No overlay ever sees a
 * second person, no desktop a second session, no person a second desktop of the pool.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "bcenter/broker_decide.h"
#include "bcenter/desktop_store.h"

enum { STEPS = 100000, DESKTOPS = 7, PEOPLE = 12, FLIGHTS = 4 };
#define MODULE "aaaaaaaa-0000-4000-8000-000000000001"
#define OTHER "aaaaaaaa-0000-4000-8000-000000000002"

static unsigned seed = 11;
static struct module m;
static struct pool *pool;
static struct bserver *host;
static struct id people[PEOPLE];
static int64_t now = 100000, opened, refused, started;

/* Who an overlay has been shown to: the truth that the model is judged by. */
struct shown {
    struct id overlay, person;
    UT_hash_handle hh;
};
static struct shown *shown;

/* A decision that is being written. */
static struct flight {
    struct desktop *d;
    enum decision what;
    struct id person;
} flights[FLIGHTS];

static int upto(int n)
{
    return (int)(rand_r(&seed) % (unsigned)n);
}

static void show(const struct id *overlay, const struct id *person)
{
    struct shown *s;

    HASH_FIND(hh, shown, overlay->s, ID_LEN, s);
    if (s) {
        assert_string_equal(s->person.s, person->s); /* the law */
        return;
    }
    s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->overlay = *overlay;
    s->person = *person;
    HASH_ADD(hh, shown, overlay.s, ID_LEN, s);
}

static void make_world(bool floating)
{
    module_init(&m);
    m.id = (struct id){ MODULE };
    host = calloc(1, sizeof *host);
    host->id = id_new();
    host->heard_ms = now;
    host->knows_key = host->qcow2 = true;
    host->nlanes = 1;
    snprintf(host->lane_url[0], sizeof host->lane_url[0], "ws://localhost:1/display");
    HASH_ADD(hh, m.bservers, id.s, ID_LEN, host);
    pool = calloc(1, sizeof *pool);
    pool->id = id_new();
    pool->floating = floating;
    pool->nshares = 1;
    pool->share = DESKTOPS;
    pool->shares[0] = (struct place_share){ m.id, DESKTOPS };
    HASH_ADD(hh, m.pools, id.s, ID_LEN, pool);
    for (int i = 0; i < PEOPLE; i++) {
        struct entitlement *en = calloc(1, sizeof *en);

        people[i] = id_new();
        en->id = id_new();
        HASH_ADD(hh, m.entitlements, id.s, ID_LEN, en);
        module_entitlement_set(&m, en, &(struct holding){ pool->id, people[i] });
    }
    for (int i = 0; i < DESKTOPS; i++) {
        struct id id = id_new();
        struct desktop *d = module_desktop_add(&m, &id);

        d->row.pool = pool->id;
        d->row.overlay = id_new();
        d->row.floating = floating;
        d->row.image = json_pack("{s:s}", "guest", "none");
        d->row.spec = json_object();
        d->bserver = host;
        d->slot = i;
        d->lane = 0;
        d->seen = true;
        d->observed = OBSERVED_OFF;
        host->slots[i].desktop = d;
    }
    host->nslots = DESKTOPS;
}

static struct flight *free_flight(void)
{
    for (int i = 0; i < FLIGHTS; i++)
        if (!flights[i].d)
            return &flights[i];
    return NULL;
}

static void ask(void)
{
    struct broker_ask a = { .person = people[upto(PEOPLE)], .pool = pool->id };
    struct flight *f = free_flight();
    struct decided dc;

    if (!f)
        return;
    broker_decide(&m, &a, now, &dc);
    switch (dc.what) {
    case DECIDE_OPEN:
        assert_true(desktop_ready(dc.desktop, now));
        assert_null(dc.desktop->session);
        assert_true(!id_set(&dc.desktop->used_by) || id_eq(&dc.desktop->used_by, &a.person));
        break;
    case DECIDE_START:
    case DECIDE_QUEUE: assert_null(dc.desktop->session); break;
    case DECIDE_RESUME: assert_string_equal(dc.desktop->session->person.s, a.person.s); return;
    case DECIDE_REFUSE: refused++; return;
    case DECIDE_WAIT:
    case DECIDE_OPERATION: return;
    }
    assert_false(dc.desktop->busy);
    assert_true(!id_set(&dc.desktop->row.person) || id_eq(&dc.desktop->row.person, &a.person));
    dc.desktop->busy = true;
    *f = (struct flight){ dc.desktop, dc.what, a.person };
}

/* The write comes back: taken, or a conflict. */
static void land(void)
{
    struct flight *f = &flights[upto(FLIGHTS)];
    struct desktop *d = f->d, *other;

    if (!d)
        return;
    d->busy = false;
    f->d = NULL;
    other = module_desktop_of(&m, &f->person, &pool->id);
    /* What the database refuses: a second desktop for her, a run or host that changed under the
     * write. */
    if (upto(5) == 0 || (other && other != d) ||
        (f->what == DECIDE_OPEN && !desktop_ready(d, now))) {
        d->unsure = upto(2); /* and sometimes the answer is lost, too */
        return;
    }
    d->row.person = f->person;
    d->row.seq++;
    module_desktop_index(&m, d);
    if (f->what == DECIDE_START) {
        if (!id_set(&d->row.run))
            d->row.run = id_new();
        started++;
        return;
    }
    assert_null(d->session);
    d->session = calloc(1, sizeof *d->session);
    d->session->id = id_new();
    d->session->person = f->person;
    d->session->run = d->row.run;
    d->used_by = f->person;
    module_desktop_index(&m, d);
    show(&d->row.overlay, &f->person);
    opened++;
}

static struct desktop *any(void)
{
    return host->slots[upto(DESKTOPS)].desktop;
}

static void apply(struct desktop *d, struct change *c)
{
    if (!id_eq(&c->row.overlay, &d->row.overlay))
        d->used_by = (struct id){ "" };
    if (id_set(&c->session)) {
        free(d->session);
        d->session = NULL;
    }
    desktop_row_release(&d->row);
    d->row = c->row;
    d->busy = false;
    module_desktop_index(&m, d);
}

static void end_session(void)
{
    struct desktop *d = any();
    int64_t seq = d->row.seq;
    struct change c;

    if (d->busy || d->unsure || !d->session)
        return;
    change_begin(d, &c);
    change_end_session(d, &c, "disconnected");
    if (d->row.floating)
        change_free(&m, d, &c);
    apply(d, &c);
    assert_true(d->row.seq > seq); /* an old ticket is below the floor */
    assert_true(!d->row.floating || (!id_set(&d->row.run) && !id_set(&d->row.person)));
}

static void run_ends(void)
{
    struct desktop *d = any();
    struct change c;

    if (d->busy || d->unsure || !id_set(&d->row.run) || upto(4))
        return;
    change_begin(d, &c);
    change_end_session(d, &c, "run-ended");
    change_stop(&c, false);
    if (d->row.floating && id_set(&d->row.person))
        change_free(&m, d, &c);
    apply(d, &c);
    d->observed = OBSERVED_OFF;
    d->seen_run = (struct id){ "" };
}

/* The agent does some of what is wanted, sometimes. */
static void agent(void)
{
    struct desktop *d = any();

    d->unsure = false;
    d->seen_overlay = d->row.overlay;
    d->seen_run = d->row.run;
    d->observed = id_set(&d->row.run) ? OBSERVED_RUNNING : OBSERVED_OFF;
}

static void step(void)
{
    switch (upto(12)) {
    case 0:
    case 1:
    case 2:
    case 3: ask(); return;
    case 4:
    case 5:
    case 6: land(); return;
    case 7: end_session(); return;
    case 8: run_ends(); return;
    case 9: host->heard_ms = upto(20) ? now : now - 20000; return;
    default: agent(); return;
    }
}

static void check(void)
{
    for (struct desktop *d = m.desktops; d; d = d->hh.next) {
        if (d->session) {
            assert_string_equal(d->session->person.s, d->row.person.s);
            assert_ptr_equal(module_session_desktop(&m, &d->session->id), d);
        }
        if (id_set(&d->row.person))
            assert_ptr_equal(module_desktop_of(&m, &d->row.person, &d->row.pool), d);
        assert_false(d->unsure && d->busy); /* nobody decides on it before it was read again */
        for (struct desktop *o = d->hh.next; o; o = o->hh.next)
            assert_true(!id_set(&d->row.person) || !id_eq(&d->row.person, &o->row.person));
    }
}

static void interleavings(bool floating)
{
    struct shown *s, *next;

    memset(flights, 0, sizeof flights);
    opened = refused = started = 0;
    make_world(floating);
    for (int i = 0; i < STEPS; i++) {
        step();
        check();
    }
    assert_true(started > 0 && opened > (floating ? 1000 : 100) && refused > 100);
    HASH_ITER(hh, shown, s, next)
    {
        HASH_DEL(shown, s);
        free(s);
    }
    module_release(&m);
}

static void floating_is_never_dirty(void **state)
{
    (void)state;
    interleavings(true);
}

static void persistent_stays_hers(void **state)
{
    (void)state;
    interleavings(false);
}

static void hold_elsewhere(const struct id *person)
{
    struct holder *h = calloc(1, sizeof *h);

    h->id = id_v5(pool->id.s, person->s);
    h->module = (struct id){ OTHER };
    HASH_ADD(hh, m.holders, id.s, ID_LEN, h);
}

static struct decided decided(const struct broker_ask *a)
{
    struct decided dc;

    broker_decide(&m, a, now, &dc);
    return dc;
}

static void two_modules(int64_t ours, int64_t others)
{
    struct sister *s = calloc(1, sizeof *s);

    make_world(true);
    pool->nshares = 2;
    pool->shares[0].size = ours;
    pool->shares[1] = (struct place_share){ { OTHER }, others };
    s->id = (struct id){ OTHER };
    snprintf(s->login, sizeof s->login, "http://other");
    HASH_ADD(hh, m.sisters, id.s, ID_LEN, s);
}

/* The other one is everybody's place, nearly. */
static void seats(void **state)
{
    struct broker_ask a;
    struct decided dc;

    (void)state;
    two_modules(DESKTOPS, 1000000);
    for (int i = 0; i < PEOPLE; i++) {
        a = (struct broker_ask){ .person = people[i], .pool = pool->id, .from_ccc = true };
        if (place_module(&a.person, &a.pool, pool->shares, 2, NULL) == 0) {
            assert_int_equal(decided(&a).what, DECIDE_START);
            continue;
        }
        dc = decided(&a);
        assert_int_equal(dc.why.code, ERR_SEAT_ELSEWHERE);
        assert_string_equal(dc.login, "http://other");
        a.released[a.nreleased++] = (struct id){ OTHER };
        assert_int_equal(decided(&a).what, DECIDE_START); /* the other one has said no */
        module_seat_put(&m, &a.person, &a.pool, false, 1);
        a.nreleased = 0;
        assert_int_equal(decided(&a).what, DECIDE_START); /* held here from now on */
        module_seat_put(&m, &a.person, &a.pool, true, 2);
        assert_int_equal(decided(&a).why.code, ERR_SEAT_ELSEWHERE); /* given up */
        hold_elsewhere(&a.person);
        module_seat_put(&m, &a.person, &a.pool, false, 3);
        assert_int_equal(decided(&a).why.code, ERR_SEAT_ELSEWHERE); /* held there, the CCC says */
        a.released[a.nreleased++] = (struct id){ OTHER };
        assert_int_equal(decided(&a).what, DECIDE_START); /* and knows better now */
    }
    a = (struct broker_ask){ .person = id_new(), .pool = pool->id };
    assert_int_equal(decided(&a).why.code, ERR_NOT_ENTITLED);
    module_release(&m);
}

/* Both gave her up once. Whoever asks first must not lose her to two modules: only the CCC's word
 * that all were asked opens the door again. */
static void given_up_by_all(void **state)
{
    struct broker_ask a = { .pool = { "" } };
    struct decided dc;

    (void)state;
    two_modules(1000000, DESKTOPS);
    a = (struct broker_ask){ .person = people[0], .pool = pool->id, .from_ccc = true };
    module_seat_put(&m, &a.person, &a.pool, true, 1);
    dc = decided(&a);
    assert_int_equal(dc.why.code, ERR_SEAT_ELSEWHERE);
    assert_string_equal(dc.login, "http://other");
    a.released[a.nreleased++] = (struct id){ OTHER };
    dc = decided(&a);
    assert_int_equal(dc.why.code, ERR_SEAT_ELSEWHERE);
    assert_string_equal(dc.login, ""); /* she is nobody's: no address would help */
    a.again = true;
    assert_int_equal(decided(&a).what, DECIDE_START);
    module_release(&m);
}

/* Without the CCC nobody passes her on: no room is said clearly, and nothing is given up by it. */
static void at_our_own_door(void **state)
{
    struct broker_ask a;
    struct decided dc;
    struct desktop *d;
    int theirs = 0;

    (void)state;
    two_modules(DESKTOPS, DESKTOPS);
    for (int i = 0; i < PEOPLE; i++) {
        a = (struct broker_ask){ .person = people[i], .pool = pool->id };
        if (place_module(&a.person, &a.pool, pool->shares, 2, NULL) != 0) {
            theirs++;
            assert_int_equal(decided(&a).why.code, ERR_SEAT_ELSEWHERE);
            continue;
        }
        module_seat_put(&m, &a.person, &a.pool, true, 1);
        dc = decided(&a);
        assert_int_equal(dc.why.code, ERR_SEAT_ELSEWHERE); /* the CCC may have given her to them */
        assert_string_equal(dc.login, "http://other");
        assert_false(dc.release);
        module_seat_put(&m, &a.person, &a.pool, false, 2);
        assert_int_equal(decided(&a).what, DECIDE_START);
        for (d = m.desktops; d; d = d->hh.next)
            d->row.deleting = true;
        dc = decided(&a);
        assert_int_equal(dc.why.code, ERR_POOL_EXHAUSTED);
        assert_true(dc.no_room && !dc.release);
        a.from_ccc = a.again = true;
        dc = decided(&a);
        assert_int_equal(dc.why.code, ERR_POOL_EXHAUSTED);
        assert_true(dc.release);
        for (d = m.desktops; d; d = d->hh.next)
            d->row.deleting = false;
        a.from_ccc = a.again = false;
        hold_elsewhere(&a.person);
        dc = decided(&a);
        assert_int_equal(dc.why.code, ERR_SEAT_ELSEWHERE); /* her desktop may be there */
        assert_string_equal(dc.login, "http://other");
    }
    assert_true(theirs > 0 && theirs < PEOPLE);
    module_release(&m);
}

/* Shares change: whose place is not the same by the new ones and by those before is nobody's until
 * all go by the new ones, but for those whom all others have refused. */
static void while_shares_change(void **state)
{
    struct decided dc;
    int moved = 0, stayed = 0;

    (void)state;
    two_modules(DESKTOPS, 1000);
    pool->nbase = 2;
    pool->base[0] = (struct place_share){ m.id, 1000 };
    pool->base[1] = (struct place_share){ { OTHER }, DESKTOPS };
    for (int i = 0; i < 20 * PEOPLE || !moved || !stayed; i++) { /* chance decides who they are */
        struct broker_ask a = { .person = id_new(), .pool = pool->id };
        struct entitlement *en = calloc(1, sizeof *en);
        bool now_here = place_module(&a.person, &a.pool, pool->shares, 2, NULL) == 0,
             before = place_module(&a.person, &a.pool, pool->base, 2, NULL) == 0;

        en->id = id_new();
        HASH_ADD(hh, m.entitlements, id.s, ID_LEN, en);
        module_entitlement_set(&m, en, &(struct holding){ pool->id, a.person });
        dc = decided(&a);
        assert_int_equal(dc.what, now_here && before ? DECIDE_START : DECIDE_REFUSE);
        moved += now_here != before;
        stayed += now_here && before;
        if (now_here && before)
            continue;
        assert_int_equal(dc.why.code, ERR_SEAT_ELSEWHERE);
        assert_false(dc.release);
        a.from_ccc = true;
        assert_true(decided(&a).release); /* what we say to the CCC is for good */
        a.released[a.nreleased++] = (struct id){ OTHER };
        assert_int_equal(decided(&a).what, DECIDE_START);
        module_seat_put(&m, &a.person, &a.pool, true, 1);
        assert_int_equal(decided(&a).why.code, ERR_SEAT_ELSEWHERE);
        a.again = true;
        a.turn = id_new(); /* another request than the one that it was said to */
        assert_int_equal(decided(&a).why.code, ERR_SEAT_ELSEWHERE);
        module_seat(&m, &a.person, &a.pool)->turn = a.turn;
        assert_int_equal(decided(&a).what, DECIDE_START);
    }
    module_release(&m);
}

/* Nobody else has a share: there is no other place to point to, whatever was given up. */
static void the_only_module(void **state)
{
    struct broker_ask a;

    (void)state;
    two_modules(DESKTOPS, 0);
    pool->nshares = 1;
    a = (struct broker_ask){ .person = people[0], .pool = pool->id, .from_ccc = true };
    module_seat_put(&m, &a.person, &a.pool, true, 1);
    assert_int_equal(decided(&a).what, DECIDE_START);
    module_release(&m);
}

/* No desktop is free because the last one could not be placed: the law with its numbers, not
 * "taken". */
static void a_law_is_told_with_its_numbers(void **state)
{
    struct broker_ask a;
    struct decided dc;

    (void)state;
    two_modules(DESKTOPS, 0);
    a = (struct broker_ask){ .person = people[0], .pool = pool->id, .from_ccc = true };
    for (struct desktop *d = m.desktops; d; d = d->hh.next)
        d->row.deleting = true;
    pool->share = DESKTOPS;
    assert_int_equal(decided(&a).why.code, ERR_POOL_EXHAUSTED);
    assert_int_equal(err_set(&pool->law, ERR_LAW_VF, "no free virtual function"), -1);
    err_number(&pool->law, "bservers", 2);
    err_number(&pool->law, "refused", 1);
    dc = decided(&a);
    assert_true(dc.what == DECIDE_REFUSE && dc.no_room);
    assert_int_equal(dc.why.code, ERR_LAW_VF);
    assert_string_equal(dc.why.detail, "no free virtual function");
    assert_int_equal(dc.why.numbers, 2);
    assert_int_equal(dc.why.number[0].value, 2);
    module_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_law_is_told_with_its_numbers),
        cmocka_unit_test(floating_is_never_dirty),
        cmocka_unit_test(persistent_stays_hers),
        cmocka_unit_test(seats),
        cmocka_unit_test(given_up_by_all),
        cmocka_unit_test(at_our_own_door),
        cmocka_unit_test(the_only_module),
        cmocka_unit_test(while_shares_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
