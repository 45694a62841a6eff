/*
 * 2,000 times a VF is given and given back, on the daemon's own objects and PostgreSQL: two hosts
 * whose agents read late and report late, twice or never, whose functions vanish and come back,
 * cannot be reset for a while, are used by strangers, whose agents and connections are ended at
 * random. After every step it is looked that none has two owners and none that is free carries
 * anything of its last owner.
 */
#include "tests/db/bcenter/fixture.h"

#include "bcenter/vf_ledger.h"

enum { HOSTS = 2, PFS = 2, EACH = 8, VFS = PFS * EACH, MAIL = 6, CYCLES = 2000, STEPS_MAX = 40000 };

/* What the hardware is, whatever anybody says of it. */
struct hw {
    struct id id, user, dirt; /* dirt: whose traffic it has carried since it was last reset */
    bool stranger;
    char address[16];
    struct id answered; /* the question that its newest look is an answer to */
    bool clean, used_then, stranger_then;
    struct id user_then;
    const char *why;
};
struct box {
    struct id id;
    struct hw vf[VFS];
    bool gone[PFS], stubborn[PFS]; /* vanished; cannot be reset */
    json_t *wanted;                /* the agent's copy: [{"kind","id","body"}] */
    struct sync_set *said;
    json_t *mail[MAIL]; /* reports on their way */
    int nmail, boot;
    struct bserver *b;
};

static unsigned seed;
static struct box boxes[HOSTS];
static struct bcenter *bc;
static PGconn *eye; /* looks at the database behind the daemon's back */
static int given, back, late, unclean, strangers, restarts;

static int upto(int n)
{
    return (int)(rand_r(&seed) % (unsigned)n);
}

static struct hw *hw_of(struct box *x, const char *id)
{
    for (int i = 0; id && i < VFS; i++)
        if (strcmp(x->vf[i].id.s, id) == 0)
            return &x->vf[i];
    return NULL;
}

static bool there(const struct box *x, const struct hw *h)
{
    return !x->gone[(h - x->vf) / EACH];
}

/* ---- the agent */

static void copy_one(void *arg, const struct sync_object *o)
{
    struct box *x = arg;

    if (strcmp(o->scope, x->id.s) == 0)
        json_array_append_new(x->wanted, json_pack("{s:s, s:s, s:O}", "kind", o->kind, "id",
                                                   o->id.s, "body", o->body));
}

static void reads(struct box *x)
{
    json_decref(x->wanted);
    x->wanted = json_array();
    sync_set_each(bc->agents, NULL, copy_one, x);
}

/* A machine begins to use its VF: here a dirty or foreign one would do harm. */
static bool begin(struct box *x, struct hw *h, const struct id *desktop)
{
    if (!there(x, h) || h->stranger) /* libvirt refuses */
        return false;
    if (id_set(&h->user) && !id_eq(&h->user, desktop))
        fail_msg("%s: two machines", h->address);
    if (id_set(&h->dirt) && !id_eq(&h->dirt, desktop))
        fail_msg("%s was handed out dirty", h->address);
    h->user = h->dirt = *desktop;
    return true;
}

static void do_desktop(struct box *x, const struct id *id, const json_t *want)
{
    const char *run = json_str(want, "run");
    struct hw *h = hw_of(x, json_str(json_object_get(want, "vf"), "id"));
    bool deleting = json_flag(want, "deleting", false), runs;
    json_t *o = json_object();

    assert_non_null(h);
    if (!run && id_eq(&h->user, id))
        h->user = (struct id){ "" };
    runs = run && begin(x, h, id);
    json_put_str(o, "state", deleting ? "missing" : runs ? "running" : "off");
    json_put_str(o, "run", runs ? run : NULL);
    json_put_str(o, "ready_run", runs ? run : NULL);
    json_put_str(o, "overlay", deleting ? NULL : json_str(json_object_get(want, "overlay"), "id"));
    sync_set_put(x->said, x->id.s, "desktop", id, o);
}

/* Is it clean? Only a look made now may say so. */
static void answer(struct box *x, struct hw *h, const json_t *want)
{
    json_id(want, "check", &h->answered);
    h->clean = false;
    h->why = "in-use";
    if (id_set(&h->user) || h->stranger)
        return;
    h->why = "reset-failed";
    if (x->stubborn[(h - x->vf) / EACH]) {
        unclean++;
        return;
    }
    h->dirt = (struct id){ "" };
    h->clean = true;
}

static void say_vf(struct box *x, struct hw *h)
{
    json_t *o = json_pack("{s:s, s:s, s:i}", "pf", (h - x->vf) / EACH ? "enp2s0" : "enp1s0",
                          "address", h->address, "index", (int)(h - x->vf) % EACH);

    if (!there(x, h)) {
        json_decref(o);
        sync_set_del(x->said, x->id.s, "vf", &h->id);
        return;
    }
    if (h->stranger)
        json_object_set_new(o, "used_by", json_pack("{s:b}", "ours", 0));
    else if (id_set(&h->user))
        json_object_set_new(o, "used_by", json_pack("{s:b, s:s}", "ours", 1, "id", h->user.s));
    if (id_set(&h->answered)) {
        json_put_str(o, "check", h->answered.s);
        json_put_bool(o, "clean", h->clean);
        json_put_str(o, "why", h->clean ? NULL : h->why);
    }
    sync_set_put(x->said, x->id.s, "vf", &h->id, o);
}

static void say_box(struct box *x)
{
    char boot[16];
    json_t *o;

    snprintf(boot, sizeof boot, "boot-%d", x->boot);
    o = json_pack("{s:s, s:s, s:s, s:i, s:i, s:s, s:{s:b, s:b, s:[s]}, s:[{s:i, s:s}], s:{s:s, "
                  "s:i, s:i}, s:[]}",
                  "kind", "embedded", "boot", boot, "agent_version", "t", "cores", 8, "memory_mib",
                  65536, "accelerator", "tcg", "capabilities", "screen", 1, "guest_channel", 1,
                  "formats", "qcow2", "lanes", "no", 0, "url", "ws://localhost:1/d", "storage",
                  "store", "local", "size_gib", 500, "free_gib", 400, "drift");
    assert_non_null(o);
    sync_set_put(x->said, x->id.s, "bserver", &x->id, o);
}

static void works(struct box *x)
{
    size_t i;
    json_t *w;

    json_array_foreach(x->wanted, i, w)
    {
        struct id id = id_of(json_str(w, "id"));
        const json_t *body = json_object_get(w, "body");
        struct hw *h = hw_of(x, id.s);

        if (strcmp(json_str(w, "kind"), "desktop") == 0)
            do_desktop(x, &id, body);
        else if (strcmp(json_str(w, "kind"), "vf") == 0 && h && there(x, h))
            answer(x, h, body);
    }
    for (int v = 0; v < VFS; v++)
        say_vf(x, &x->vf[v]);
    say_box(x);
    sync_set_ready(x->said);
}

/* A new process: another history, nothing said yet; its machines go on or, with the host, do not.
 */
static void restart(struct box *x, bool host_too)
{
    sync_set_free(x->said);
    x->said = sync_set_new_source();
    x->boot += host_too;
    for (int i = 0; i < VFS; i++) {
        x->vf[i].answered = (struct id){ "" };
        if (host_too)
            x->vf[i].user = (struct id){ "" };
        if (host_too)
            x->vf[i].stranger = false;
    }
    reads(x);
    works(x);
    restarts++;
}

/* ---- the link */

static void send(struct box *x)
{
    char held[SYNC_CURSOR_MAX];
    json_t *page;
    struct err e = { 0 };
    bool empty;

    sync_set_cursor(x->b->set, held);
    if (sync_set_page(x->said, NULL, upto(40) ? held : "", &page, &empty, &e) < 0)
        return;
    json_object_set_new(page, "from", json_string(held));
    if (x->nmail == MAIL) { /* the oldest is lost */
        json_decref(x->mail[0]);
        memmove(x->mail, x->mail + 1, sizeof x->mail - sizeof *x->mail);
        x->nmail--;
    }
    x->mail[x->nmail++] = page;
}

/* Any of them, in any order; some stay for another time, that is, arrive twice. */
static void deliver(struct box *x)
{
    struct agent_source from = { bc, x->id };
    struct sync_apply how = { .change = agent_observed, .arg = &from };
    struct err e = { 0 };
    int i = x->nmail ? upto(x->nmail) : -1;

    if (i < 0)
        return;
    if (sync_set_apply(x->b->set, x->mail[i], &how, &e) == 0)
        x->b->heard_ms = clock_boot_ms();
    else
        late++;
    if (upto(4) == 0)
        return;
    json_decref(x->mail[i]);
    x->mail[i] = x->mail[--x->nmail];
}

/* ---- the world */

static void stranger_comes_or_goes(struct box *x)
{
    struct hw *h = &x->vf[upto(VFS)];

    if (h->stranger) {
        h->stranger = false;
    } else if (!id_set(&h->user) && there(x, h)) {
        h->stranger = true;
        strangers++;
    }
}

static void want_size(int size)
{
    want_pool(bc, "floating", size, 0, IMAGE);
    wanted(bc, "pool", id_of(POOL),
           "{\"name\":\"net\",\"kind\":\"floating\",\"image_version_id\":\"" IMAGE
           "\",\"spec\":{\"memory_mib\":256,\"needs_vf\":true},\"spares_running\":%d,"
           "\"shares\":[{\"module_id\":\"" MODULE "\",\"size\":%d}]}",
           size, size);
}

static void something_happens(struct box *x)
{
    int what = upto(100);

    if (what < 30)
        reads(x);
    else if (what < 60)
        works(x);
    else if (what < 75)
        send(x);
    else if (what < 93)
        deliver(x);
    else if (what < 95)
        x->gone[upto(PFS)] ^= upto(3) == 0 || x->gone[0] || x->gone[1];
    else if (what < 97)
        x->stubborn[upto(PFS)] ^= upto(3) == 0 || x->stubborn[0] || x->stubborn[1];
    else if (what < 98)
        stranger_comes_or_goes(x);
    else if (what < 99)
        restart(x, upto(3) == 0);
    else if (upto(20) == 0)
        sql("select pg_terminate_backend(pid) from pg_stat_activity where datname = "
            "current_database() and pid <> pg_backend_pid() and application_name <> 'eye'");
}

/* ---- the sampler */

static int64_t seen(const char *text)
{
    PGresult *r = PQexec(eye, text);
    int64_t n = -1;

    if (PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) == 1)
        n = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
    else
        fail_msg("%s: %s", text, PQerrorMessage(eye));
    PQclear(r);
    return n;
}

/* Every desktop has one VF, on its own host; whoever is free, is clean in the hardware. */
static void look(void)
{
    PGresult *r;

    assert_int_equal(seen("select count(*) from desktop d where (select count(*) from vf where "
                          "vf.desktop_id = d.id and vf.bserver_id = d.bserver_id and vf.state in "
                          "('assigned', 'lost') and vf.mac = d.mac::text) <> 1"),
                     0);
    assert_int_equal(seen("select count(*) from vf where (state = 'free') <> (desktop_id is null "
                          "and check_id is null)  and state <> 'assigned' and state <> 'lost'"),
                     0);
    r = PQexec(eye, "select id, bserver_id from vf where state = 'free'");
    assert_int_equal(PQresultStatus(r), PGRES_TUPLES_OK);
    for (int i = 0; i < PQntuples(r); i++)
        for (int x = 0; x < HOSTS; x++) {
            const struct hw *h = hw_of(&boxes[x], PQgetvalue(r, i, 0));

            if (h && id_set(&h->dirt))
                fail_msg("%s is free and carries %s", h->address, h->dirt.s);
        }
    PQclear(r);
}

static int64_t moved(const char *column)
{
    char text[96];

    snprintf(text, sizeof text, "select coalesce(max(%s), 0) from moves", column);
    return seen(text);
}

/* ---- the test */

static void world(void)
{
    bc = fixture_start();
    for (int i = 0; i < HOSTS; i++) {
        struct box *x = &boxes[i];

        memset(x, 0, sizeof *x);
        x->id = numbered("dddddddd", i + 1);
        wanted(bc, "node", x->id,
               "{\"id\":\"%s\",\"kind\":\"bserver\",\"name\":\"h%d\",\"module_id\":\"" MODULE "\"}",
               x->id.s, i);
        module_lock(&bc->m);
        x->b = module_bserver_add(&bc->m, &x->id);
        x->b->set = sync_set_new_replica();
        module_unlock(&bc->m);
        x->said = sync_set_new_source();
        for (int v = 0; v < VFS; v++) {
            struct hw *h = &x->vf[v];

            snprintf(h->address, sizeof h->address, "0000:0%d:10.%d", 1 + v / EACH, v % EACH);
            h->id = id_v5(x->id.s, h->address);
            h->dirt = id_of(OTHER_MODULE); /* who knows what used it before */
        }
        reads(x);
        works(x);
    }
    eye = PQconnectdb(getenv("TEST_DB"));
    assert_int_equal(PQstatus(eye), CONNECTION_OK);
    PQclear(PQexec(eye, "set application_name = 'eye'"));
    /* Counts what was given and given back, whoever did it. */
    sql("create table moves (given bigint, back bigint); insert into moves values (0, 0);"
        "create function moved() returns trigger language plpgsql as $$ begin "
        "if old.desktop_id is null and new.desktop_id is not null then "
        "update moves set given = given + 1; end if;"
        "if old.desktop_id is not null and new.desktop_id is null then "
        "update moves set back = back + 1; end if; return null; end $$;"
        "create trigger moved after update on vf for each row execute function moved()");
}

/* All is well again: what is asked is answered, everybody gets what the pool wants. */
static void calm(void)
{
    for (int i = 0; i < HOSTS; i++) {
        memset(boxes[i].gone, 0, sizeof boxes[i].gone);
        memset(boxes[i].stubborn, 0, sizeof boxes[i].stubborn);
        for (int v = 0; v < VFS; v++)
            boxes[i].vf[v].stranger = false;
        while (boxes[i].nmail)
            json_decref(boxes[i].mail[--boxes[i].nmail]);
    }
    for (int turn = 0; turn < 30; turn++) {
        for (int i = 0; i < HOSTS; i++) {
            reads(&boxes[i]);
            works(&boxes[i]);
            send(&boxes[i]);
            while (boxes[i].nmail)
                deliver(&boxes[i]);
            boxes[i].b->heard_ms = clock_boot_ms();
        }
        reconcile_tick(bc);
        look();
    }
}

static void never_dirty_never_foreign_never_two(void **state)
{
    unsigned first;
    int steps = 0;

    (void)state;
    seed = getenv("BIC_SEED") ? (unsigned)strtoul(getenv("BIC_SEED"), NULL, 10) : 20260;
    first = seed;
    fresh_schema();
    world();
    want_size(HOSTS * VFS / 2);
    while (back < CYCLES && steps < STEPS_MAX) {
        for (int i = 0; i < 60; i++)
            something_happens(&boxes[upto(HOSTS)]);
        if (upto(5) == 0)
            want_size(upto(2) ? upto(HOSTS * VFS + 4) : 0);
        reconcile_tick(bc);
        look();
        given = (int)moved("given");
        back = (int)moved("back");
        steps++;
    }
    print_message("seed %u: %d steps, given %d, given back %d, late reports %d, failed resets %d, "
                  "strangers %d, restarts %d\n",
                  first, steps, given, back, late, unclean, strangers, restarts);
    assert_true(back >= CYCLES);
    assert_true(late > 100 && unclean > 100 && strangers > 20 && restarts > 20);
    want_size(HOSTS * VFS);
    calm();
    assert_int_equal(seen("select count(*) from vf where state = 'assigned'"), HOSTS * VFS);
    want_size(0);
    calm();
    assert_int_equal(seen("select count(*) from vf where state = 'free'"), HOSTS * VFS);
    assert_int_equal(seen("select count(*) from vf where mac is not null"), 0);
}

static int leave(void **state)
{
    (void)state;
    for (int i = 0; i < HOSTS; i++) {
        while (boxes[i].nmail)
            json_decref(boxes[i].mail[--boxes[i].nmail]);
        json_decref(boxes[i].wanted);
        sync_set_free(boxes[i].said);
    }
    PQfinish(eye);
    fixture_stop(bc);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(never_dirty_never_foreign_never_two, leave),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
