/*
 * Nobody gets two desktops of one pool: random schedules of three modules, several CCC
 * processes and an administrator who changes the shares. People ask at the CCC and at the modules'
 * own listeners; messages and calls are late, lost, repeated; answers of databases are lost;
 * modules and CCC processes die at any moment. The modules decide with the daemon's functions.
 */
#include "tests/unit/bcenter/seats_world.h"

enum { SCHEDULES = 10000, STEPS = 160, CALLS = 6, SESSIONS = 3 };

/* A question at a module: of a person there, or of a CCC process. */
struct call {
    enum { CALL_NONE, CALL_SENT, CALL_GIVES, CALL_REFUSES } state;
    int module, person, desktop, session; /* session: who waits, or -1 */
    bool full;
    struct broker_ask ask;
    struct asking turn;
};
/* A connect at a CCC process. */
struct search {
    bool open, again, waits;
    int person, n, asked[MODULES], now; /* now: the module that is asked */
    bool skip[MODULES], full[MODULES];
    int64_t seen;
    struct id turn;
};
static struct call calls[CALLS];
static struct search sessions[SESSIONS];
static struct {
    int64_t served, given, refused, changes, in_force, died, late;
} count;

/* ---- at a module ---- */

static void never_twice(int person)
{
    int n = 0;

    for (int m = 0; m < MODULES; m++)
        for (int d = 0; d < DESKTOPS; d++)
            n += site[m].has[d] == person;
    if (n > 1)
        fail_msg("somebody has %d desktops of the pool", n);
}

static bool served_now(const struct module *m, const struct holding *key)
{
    for (const struct asking *a = m->asking; a; a = a->next)
        if (id_eq(&a->key.who, &key->who))
            return true;
    return false;
}

static void take_turn(struct call *c)
{
    struct module *m = &site[c->module].bc->m;
    struct pool *p = module_pool(m, &pool_id);

    c->turn = (struct asking){ .key = { pool_id, people[c->person] },
                               .share_generation = p ? p->share_generation : 0,
                               .next = m->asking };
    m->asking = &c->turn;
}

static void end_turn(struct call *c)
{
    struct module *m = &site[c->module].bc->m;
    struct asking **at = &m->asking;
    struct pool *p = module_pool(m, &pool_id);

    while (*at != &c->turn)
        at = &(*at)->next;
    *at = c->turn.next;
    if (p)
        publish_share(site[c->module].bc, p);
    c->state = CALL_NONE;
}

enum answer { ANSWER_SERVED, ANSWER_NO, ANSWER_FULL, ANSWER_ERROR };
static void answered(int session, enum answer a);

static void answer(struct call *c, enum answer a)
{
    int to = c->session;

    c->session = -1;
    if (to >= 0)
        answered(to, a);
}

static void begin(struct call *c)
{
    struct site *s = &site[c->module];
    struct decided dc;

    if (served_now(&s->bc->m, &(struct holding){ pool_id, people[c->person] }))
        return;
    take_turn(c);
    broker_decide(&s->bc->m, &c->ask, clock_boot_ms(), &dc);
    if (dc.what == DECIDE_START) {
        for (c->desktop = 0; memory_of(s, c->desktop) != dc.desktop;)
            c->desktop++;
        if (s->has[c->desktop] == c->person) {
            answer(c, ANSWER_SERVED);
            end_turn(c);
            return;
        }
        dc.desktop->busy = true;
        c->state = CALL_GIVES;
        return;
    }
    assert_true(dc.what == DECIDE_REFUSE || dc.what == DECIDE_WAIT);
    if (dc.what == DECIDE_REFUSE && dc.release) {
        c->full = dc.no_room;
        c->state = CALL_REFUSES;
        return;
    }
    count.refused++;
    answer(c, ANSWER_ERROR);
    end_turn(c);
}

/* The database takes it or does not. */
static bool give(struct call *c)
{
    struct site *s = &site[c->module];

    for (int d = 0; d < DESKTOPS; d++)
        if (s->has[d] == c->person)
            return false;
    if (s->has[c->desktop] >= 0)
        return false;
    s->has[c->desktop] = c->person;
    s->seat[c->person] = ROW_HELD;
    count.given++;
    never_twice(c->person);
    return true;
}

static void land_gift(struct call *c)
{
    struct site *s = &site[c->module];
    bool lost = upto(12) == 0, taken = !(lost && upto(2)) && give(c);

    if (lost) {
        memory_of(s, c->desktop)->busy = false;
        memory_of(s, c->desktop)->unsure = true;
        answer(c, ANSWER_ERROR);
    } else {
        take_desktop(s, c->desktop);
        if (taken) {
            take_seat(s, c->person);
            say_desktop(s, c->desktop);
            count.served++;
        }
        answer(c, taken ? ANSWER_SERVED : ANSWER_ERROR);
    }
    end_turn(c);
}

static void land_refusal(struct call *c)
{
    struct site *s = &site[c->module];
    bool lost = upto(12) == 0;

    if (!lost || upto(2)) {
        s->seat[c->person] = ROW_RELEASED;
        s->turn[c->person] = c->ask.turn;
    }
    if (!lost)
        take_seat(s, c->person);
    answer(c, lost ? ANSWER_ERROR : c->full ? ANSWER_FULL : ANSWER_NO);
    end_turn(c);
}

static void read_again(struct site *s)
{
    for (int d = 0; d < DESKTOPS; d++) {
        if (!memory_of(s, d)->unsure)
            continue;
        take_desktop(s, d);
        if (s->has[d] >= 0)
            take_seat(s, s->has[d]);
        say_desktop(s, d);
    }
    if (module_pool(&s->bc->m, &pool_id))
        publish_share(s->bc, module_pool(&s->bc->m, &pool_id));
}

static void leaves(struct site *s)
{
    int d = upto(DESKTOPS);

    if (s->has[d] < 0 || memory_of(s, d)->busy || memory_of(s, d)->unsure)
        return;
    s->has[d] = -1;
    take_desktop(s, d);
    say_desktop(s, d);
}

/* kill -9: what was being written has come or never will; what was only sent arrives later. */
static void dies(int m)
{
    for (int i = 0; i < CALLS; i++) {
        struct call *c = &calls[i];

        if (c->module != m || c->state < CALL_GIVES)
            continue;
        if (c->state == CALL_GIVES && upto(2))
            give(c);
        if (c->state == CALL_REFUSES && upto(2)) {
            site[m].seat[c->person] = ROW_RELEASED;
            site[m].turn[c->person] = c->ask.turn;
        }
        answer(c, ANSWER_ERROR);
        c->state = CALL_NONE;
    }
    site[m].bc->m.asking = NULL;
    stop(&site[m]);
    start(&site[m], m);
    count.died++;
}

/* ---- links ---- */

struct oldest {
    int64_t after, rev;
    struct id id;
    char kind[SYNC_KIND_MAX];
    json_t *body;
};

static void find_oldest(void *arg, const struct sync_object *o)
{
    struct oldest *f = arg;

    if (o->rev <= f->after || (f->body && o->rev >= f->rev))
        return;
    json_decref(f->body);
    f->rev = o->rev;
    f->id = o->id;
    f->body = json_incref(o->body);
    snprintf(f->kind, sizeof f->kind, "%s", o->kind);
}

static void mirror_desktop(int m, const struct oldest *f)
{
    struct id person = { "" };
    int d = 0;

    json_id(f->body, "person_id", &person);
    while (!id_eq(&site[m].desktop[d], &f->id))
        d++;
    for (int i = 0; i < PEOPLE; i++)
        ccc.due[i] |= (ccc.of_desktop[m][d] == i) != id_eq(&person, &people[i]);
    ccc.of_desktop[m][d] = person_no(&person);
    memset(ccc.desktop[m], 0, sizeof ccc.desktop[m]);
    for (d = 0; d < DESKTOPS; d++)
        if (ccc.of_desktop[m][d] >= 0)
            ccc.desktop[m][ccc.of_desktop[m][d]] = true;
}

/* The CCC takes the next object of what this module has observed. */
static void observe(int m)
{
    struct oldest f = { .after = site[m].read };
    struct id person;
    enum row row;

    sync_set_each(site[m].bc->observed, NULL, find_oldest, &f);
    if (!f.body)
        return;
    site[m].read = f.rev;
    if (strcmp(f.kind, "seat") == 0 && json_id(f.body, "person_id", &person)) {
        row = json_flag(f.body, "released", false) ? ROW_RELEASED : ROW_HELD;
        ccc.due[person_no(&person)] |= ccc.seat[m][person_no(&person)] != row;
        ccc.seat[m][person_no(&person)] = row;
    } else if (strcmp(f.kind, "share") == 0) {
        ccc.told[m] = json_num(f.body, "generation", 0);
    } else if (strcmp(f.kind, "desktop") == 0) {
        mirror_desktop(m, &f);
    }
    json_decref(f.body);
}

/* The module takes the next object that the CCC wants of it. */
static void hear(int m)
{
    struct site *s = &site[m];
    int next = -1;

    for (int w = 0; w <= PEOPLE; w++)
        if (ccc.wanted[m][w].rev > s->heard &&
            (next < 0 || ccc.wanted[m][w].rev < ccc.wanted[m][next].rev))
            next = w;
    if (next < 0)
        return;
    s->heard = ccc.wanted[m][next].rev;
    if (next < PEOPLE) {
        struct id holder = { "" };

        json_id(ccc.wanted[m][next].body, "module_id", &holder);
        s->holder[next] = module_no(&holder);
        take_holder(s, next);
        return;
    }
    json_decref(s->pool);
    s->pool = json_incref(ccc.wanted[m][next].body);
    intake(s, "pool", &pool_id, s->pool);
}

/* ---- at the CCC ---- */

static struct call *free_call(void)
{
    for (int i = 0; i < CALLS; i++)
        if (calls[i].state == CALL_NONE)
            return &calls[i];
    return NULL;
}

static void send(int session, int m)
{
    struct search *s = &sessions[session];
    struct call *c = free_call();

    if (!c) {
        s->open = false;
        return;
    }
    *c = (struct call){ .state = CALL_SENT, .module = m, .person = s->person, .session = session };
    c->ask = (struct broker_ask){ .person = people[s->person], .pool = pool_id, .from_ccc = true };
    c->ask.again = s->again;
    c->ask.turn = s->turn;
    for (int i = 0; i < s->n; i++)
        c->ask.released[c->ask.nreleased++] = module_id[s->asked[i]];
    s->waits = true;
    s->now = m;
}

static void end_session(struct search *s)
{
    if (s->again && ccc.taken[s->person] == (int)(s - sessions))
        ccc.taken[s->person] = -1;
    s->open = false;
}

static void ask_next(int session)
{
    struct search *s = &sessions[session];
    int m = s->again ? -1 : whom_to_ask(s->person, s->skip);

    if (m >= 0) {
        send(session, m);
        return;
    }
    if (!s->again) {
        if (ccc.turn[s->person] != s->seen || ccc.taken[s->person] >= 0) {
            end_session(s);
            return;
        }
        ccc.turn[s->person]++;
        ccc.taken[s->person] = session;
        s->again = true;
    }
    for (int i = 0; i < s->n; i++)
        if (!s->full[s->asked[i]]) {
            s->full[s->asked[i]] = true; /* asked in this round */
            send(session, s->asked[i]);
            return;
        }
    end_session(s);
}

static void answered(int session, enum answer a)
{
    struct search *s = &sessions[session];

    s->waits = false;
    if (a == ANSWER_SERVED || a == ANSWER_ERROR) {
        end_session(s);
        return;
    }
    if (s->again)
        return; /* the next one is asked in the next step */
    s->asked[s->n++] = s->now;
    s->skip[s->now] = true;
    s->full[s->now] = a == ANSWER_FULL;
}

static void ccc_step(void)
{
    int i = upto(SESSIONS);
    struct search *s = &sessions[i];

    if (!s->open) {
        *s = (struct search){ .open = true, .person = upto(PEOPLE), .turn = drawn_id() };
        s->seen = ccc.turn[s->person];
    }
    if (s->waits) {
        if (upto(20) == 0) { /* given up: the call is carried out all the same */
            for (int k = 0; k < CALLS; k++)
                if (calls[k].state != CALL_NONE && calls[k].session == i)
                    calls[k].session = -1;
            count.late++;
            s->waits = false;
            end_session(s);
        }
        return;
    }
    ask_next(i);
}

/* Sizes of a few points each; a module with people, as the CCC knows, keeps its share. */
static void administrator(void)
{
    int size[MODULES], some = 0;

    for (int m = 0; m < MODULES; m++) {
        size[m] = upto(4) ? POINT * (1 + upto(3)) : -upto(2);
        for (int i = 0; i < PEOPLE; i++)
            if (ccc.desktop[m][i] && size[m] < POINT)
                size[m] = POINT;
        some += size[m] > 0;
    }
    if (ccc.changing && upto(3) == 0)
        memcpy(size, ccc.base, sizeof size); /* taken back */
    else if (!some)
        return;
    count.changes++;
    change_shares(size);
}

/* ---- a schedule ---- */

static void begin_world(void)
{
    memset(&ccc, 0, sizeof ccc);
    memset(calls, 0, sizeof calls);
    memset(sessions, 0, sizeof sessions);
    ccc.generation = 1;
    for (int m = 0; m < MODULES; m++) {
        ccc.size[m] = m < 2 ? POINT : -1;
        memset(&site[m], 0, sizeof site[m]);
        for (int d = 0; d < DESKTOPS; d++) {
            site[m].has[d] = ccc.of_desktop[m][d] = -1;
            site[m].desktop[d] = drawn_id();
        }
        for (int i = 0; i < PEOPLE; i++)
            site[m].holder[i] = -1;
    }
    for (int i = 0; i < PEOPLE; i++)
        ccc.taken[i] = -1;
    want_pool();
    for (int m = 0; m < MODULES; m++) {
        start(&site[m], m);
        for (int i = 0; i <= PEOPLE; i++)
            hear(m);
    }
}

static void end_world(void)
{
    for (int m = 0; m < MODULES; m++) {
        site[m].bc->m.asking = NULL;
        stop(&site[m]);
        json_decref(site[m].pool);
        for (int w = 0; w <= PEOPLE; w++)
            json_decref(ccc.wanted[m][w].body);
    }
}

static void at_a_door(void)
{
    struct call *c = free_call();

    if (!c)
        return;
    *c = (struct call){ .state = CALL_SENT, .module = upto(MODULES), .person = upto(PEOPLE) };
    c->session = -1;
    c->ask = (struct broker_ask){ .person = people[c->person], .pool = pool_id };
    begin(c);
}

static void call_step(void)
{
    struct call *c = &calls[upto(CALLS)];

    if (c->state == CALL_SENT)
        begin(c);
    else if (c->state == CALL_GIVES)
        land_gift(c);
    else if (c->state == CALL_REFUSES)
        land_refusal(c);
}

static void step(void)
{
    int m = upto(MODULES);
    bool was = ccc.changing;

    switch (upto(36)) {
    case 0:
    case 1: at_a_door(); return;
    case 2:
    case 3:
    case 4:
    case 5: ccc_step(); return;
    case 6:
    case 7:
    case 8:
    case 9:
    case 10:
    case 11: call_step(); return;
    case 12: leaves(&site[m]); return;
    case 13: read_again(&site[m]); return;
    case 14: upto(2) ? (void)0 : administrator(); return;
    case 15: upto(8) ? (void)0 : dies(m); return;
    case 16: site[m].heard = upto(30) ? site[m].heard : 0; return; /* all of it again */
    case 17:
    case 18:
    case 19:
        catch_up(upto(2));
        count.in_force += was && !ccc.changing;
        return;
    case 20:
    case 21:
    case 22:
    case 23:
    case 24:
    case 25: hear(m); return;
    default: observe(m); return;
    }
}

/* The trouble stops: the change comes to its end, whatever happened. */
static void calm(void)
{
    for (int i = 0; i < 40; i++) {
        for (int k = 0; k < CALLS; k++)
            if (calls[k].state != CALL_NONE) {
                calls[k].session = -1;
                calls[k].state == CALL_SENT    ? begin(&calls[k])
                : calls[k].state == CALL_GIVES ? land_gift(&calls[k])
                                               : land_refusal(&calls[k]);
            }
        for (int m = 0; m < MODULES; m++) {
            read_again(&site[m]);
            for (int n = 0; n < 8; n++) {
                observe(m);
                hear(m);
            }
            for (int d = 0; d < DESKTOPS; d++)
                leaves(&site[m]);
        }
        catch_up(true);
    }
    assert_false(ccc.changing);
}

static void nobody_has_two(void **state)
{
    const char *n = getenv("BIC_SCHEDULES");
    int schedules = n ? (int)strtol(n, NULL, 10) : SCHEDULES;

    (void)state;
    pool_id = drawn_id();
    for (int i = 0; i < PEOPLE; i++)
        people[i] = drawn_id();
    for (int m = 0; m < MODULES; m++)
        module_id[m] = drawn_id();
    for (int i = 0; i < schedules; i++) {
        begin_world();
        for (int k = 0; k < STEPS; k++)
            step();
        if (i % 10 == 0)
            calm();
        end_world();
    }
    print_message("given %lld, served %lld, refused %lld, changes %lld, in force %lld, died %lld, "
                  "late calls %lld\n",
                  (long long)count.given, (long long)count.served, (long long)count.refused,
                  (long long)count.changes, (long long)count.in_force, (long long)count.died,
                  (long long)count.late);
    assert_true(count.given > schedules / 10 && count.changes > schedules / 10 &&
                count.in_force > schedules / 1000 && count.died > schedules / 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(nobody_has_two) };

    if (getenv("BIC_SEED"))
        seed = (unsigned)strtoul(getenv("BIC_SEED"), NULL, 10);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
