/*
 * Two xCenters push what one module observed, into a real database, page by page in any order: they
 * lag, are cut off, start again empty, and the module changes its leader in the middle of all that.
 * What the CCC shows never goes back: no desktop shows an older state than it has shown, and none
 * that is there all the time vanishes. In the end the CCC has what the module has.
 */
#include "tests/db/ccc/fresh.h"

#include <stdio.h>

#include "ccc/mirror.h"
#include "common/base/json.h"
#include "common/sync/set.h"

enum { DESKTOPS = 620, STEADY = 600, STEPS = 2500, SHOWN_EVERY = 5 };

/* A relay as xcenter/relay.c and common/sync/push.c make one. */
struct relay_model {
    struct id node;
    struct sync_set *observed;
    char held[SYNC_CURSOR_MAX]; /* what it believes the CCC to have */
    int64_t epoch;              /* of the leader that it heard last */
    bool cut;                   /* hears its bCenter no more */
};

static struct sync_set *source;
static int64_t epoch, now_n; /* now_n: counts the changes of all leaders */
static struct relay_model relay[2];
static struct id desktop[DESKTOPS];
static int64_t shown[DESKTOPS]; /* the newest state that the CCC has shown; 0: none yet */
static unsigned seed;

static unsigned pick(unsigned n)
{
    return (unsigned)rand_r(&seed) % n;
}

static void change(int i, bool there)
{
    if (!there) {
        sync_set_del(source, "", "desktop", &desktop[i]);
        return;
    }
    sync_set_put(source, "", "desktop", &desktop[i],
                 json_pack("{s:s, s:s, s:s, s:s, s:I}", "name", "d", "state", "off", "observed",
                           "off", "pool_id", POOL, "n", (json_int_t)++now_n));
}

/* A new process leads: another history, told from the beginning. What it made of the others' work
 * stays. */
static void new_leader(void)
{
    sync_set_free(source);
    source = sync_set_new_source();
    sync_set_led(source, ++epoch);
    for (int i = 0; i < DESKTOPS; i++)
        if (i < STEADY || pick(2))
            change(i, true);
    sync_set_ready(source);
}

/* One page of the module's push to this xCenter. */
static void hear(struct relay_model *r)
{
    char cursor[SYNC_CURSOR_MAX];
    json_auto_t *page = NULL;
    struct err e = { 0 };
    bool empty;

    if (r->cut)
        return;
    r->epoch = epoch;
    sync_set_cursor(r->observed, cursor);
    assert_int_equal(sync_set_page(source, NULL, cursor, &page, &empty, &e), 0);
    json_object_set_new(page, "from", json_string(cursor));
    if (sync_set_apply(r->observed, page, NULL, &e) < 0)
        assert_int_equal(e.code, ERR_SYNC_RESEND);
}

/* One push of this xCenter to the CCC. True: there was nothing to be told. */
static bool tell(struct db *db, struct relay_model *r)
{
    char cursor[SYNC_CURSOR_MAX];
    json_auto_t *page = NULL;
    struct err e = { 0 };
    bool empty = true, resend = false;

    if (sync_set_page(r->observed, NULL, r->held, &page, &empty, &e) < 0) {
        page = json_object();
        e = (struct err){ 0 };
    } else {
        json_object_set_new(page, "from", json_string(r->held));
    }
    json_object_set_new(page, "about",
                        json_pack("{s:s, s:{s:I, s:I, s:s}}", "source", MODULE_1, "module",
                                  "heard_ms", (json_int_t)(r->cut ? 20000 : 50), "epoch",
                                  (json_int_t)r->epoch, "version", "1"));
    if (mirror_take(db, &r->node, page, cursor, &resend, &e) < 0)
        fail_msg("%s (%s)", e.detail, e.cause);
    snprintf(r->held, sizeof r->held, "%s",
             resend || !json_str(page, "cursor") ? cursor : json_str(page, "cursor"));
    return empty && !resend;
}

static void restart(struct relay_model *r)
{
    sync_set_free(r->observed);
    r->observed = sync_set_new_replica();
    r->held[0] = '\0';
    r->epoch = 0;
    r->cut = false;
}

/* What is shown now: rows that went back or vanished since the last look. */
static void look(struct db *db, int step)
{
    S(rows, 0, "select id, (body ->> 'n')::bigint as n from mirror_desktop order by id");
    auto_result PGresult *r = fresh_rows(db, &rows, NULL);
    static int64_t seen[DESKTOPS];

    memset(seen, 0, sizeof seen);
    for (int i = 0; i < db_rows(r); i++) {
        int k = (int)strtol(db_text(r, i, "id") + ID_LEN - 6, NULL, 10);

        seen[k] = db_int(r, i, "n", -1);
        if (seen[k] < shown[k])
            fail_msg("step %d: desktop %d went back from %lld to %lld", step, k,
                     (long long)shown[k], (long long)seen[k]);
    }
    for (int i = 0; i < STEADY; i++)
        if (shown[i] && !seen[i])
            fail_msg("step %d: desktop %d vanished", step, i);
    for (int i = 0; i < DESKTOPS; i++)
        if (seen[i])
            shown[i] = seen[i];
}

static void some_step(struct db *db)
{
    S(later, 0, "update mirror_cursor set snap_at = snap_at - interval '11 s'");
    struct relay_model *r = &relay[pick(2)], *other = &relay[r == &relay[0]];
    unsigned what = pick(1000);

    if (what < 4)
        new_leader();
    else if (what < 12)
        restart(r);
    else if (what < 30)
        r->cut = !r->cut && !other->cut; /* one at a time */
    else if (what < 34)
        fresh_must(db, &later, NULL); /* ten seconds pass without a page of the snapshot */
    else if (what < 250)
        change((int)pick(STEADY), true);
    else if (what < 300)
        change(STEADY + (int)pick(DESKTOPS - STEADY), pick(2));
    else if (what < 600)
        hear(r);
    else
        tell(db, r);
}

static void settle(struct db *db)
{
    bool quiet = false;

    for (int i = 0; i < 2; i++)
        relay[i].cut = false;
    for (int turn = 0; turn < 50 && !quiet; turn++) {
        quiet = true;
        for (int i = 0; i < 2; i++) {
            hear(&relay[i]);
            quiet &= tell(db, &relay[i]);
        }
    }
    assert_true(quiet);
}

static void same_as_the_module(struct db *db)
{
    S(all, 0, "select id, (body ->> 'n')::bigint as n from mirror_desktop");
    auto_result PGresult *r = fresh_rows(db, &all, NULL);

    assert_int_equal(db_rows(r), sync_set_count(source, NULL));
    for (int i = 0; i < db_rows(r); i++) {
        struct id id;
        json_auto_t *there = NULL;

        assert_true(id_parse(db_text(r, i, "id"), &id));
        there = sync_set_get(source, "", "desktop", &id);
        assert_non_null(there);
        assert_int_equal(json_num(there, "n", -1), db_int(r, i, "n", -2));
    }
}

static void begin(struct db *db)
{
    S(nodes, 2,
      "insert into node (id, kind, name, block_id) values ($1, 'xcenter', 'x', '" BLOCK
      "'), ($2, 'xcenter', 'y', '" BLOCK "')");
    char text[ID_LEN + 1];

    for (int i = 0; i < 2; i++) {
        relay[i] = (struct relay_model){ .node = id_new(), .observed = sync_set_new_replica() };
    }
    for (int i = 0; i < DESKTOPS; i++) {
        snprintf(text, sizeof text, "00000000-0000-4000-8000-0000dd%06d", i);
        assert_true(id_parse(text, &desktop[i]));
    }
    memset(shown, 0, sizeof shown);
    epoch = now_n = 0;
    source = NULL;
    fresh_must(db, &nodes, DB_ARGS(relay[0].node.s, relay[1].node.s));
    new_leader();
}

static void run(unsigned with)
{
    auto_db struct db *db = NULL;

    fresh_schema(NULL);
    db = fresh_open();
    fresh_world(db);
    seed = with;
    begin(db);
    for (int step = 0; step < STEPS; step++) {
        some_step(db);
        if (step % SHOWN_EVERY == 0)
            look(db, step);
    }
    settle(db);
    look(db, STEPS);
    same_as_the_module(db);
    for (int i = 0; i < 2; i++)
        sync_set_free(relay[i].observed);
    sync_set_free(source);
}

static void nothing_goes_back(void **state)
{
    const char *given = getenv("BIC_SEED");

    (void)state;
    for (unsigned s = 1; s <= 3; s++)
        run(given ? (unsigned)strtoul(given, NULL, 10) + s : s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_goes_back),
    };

    return cmocka_run_group_tests_name("ccc mirror relays", tests, NULL, NULL);
}
