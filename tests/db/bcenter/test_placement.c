/* Placements as they are stored: each can be explained and replayed, days come and go. */
#include "tests/db/bcenter/fixture.h"

#include "bcenter/placement_pack.h"
#include "bcenter/placement_why.h"

#define HOST2 "dddddddd-0000-4000-8000-000000000002"

static struct bcenter *bc;
static const struct db_stmt put_placement = {
    "put_placement", 5,
    "insert into placement (id, desktop_id, bserver_id, lane, inputs) "
    "values ($1::uuid, $2::uuid, $3::uuid, $4::integer, decode($5::text, 'hex'))"
};

static int setup(void **state)
{
    (void)state;
    fresh_schema();
    bc = fixture_start();
    wanted(bc, "node", id_of(HOST2),
           "{\"id\":\"" HOST2 "\",\"kind\":\"bserver\",\"name\":\"h2\",\"module_id\":\"" MODULE
           "\"}");
    heard(bc, HOST, "b", 8);
    heard(bc, HOST2, "b", 4);
    want_pool(bc, "floating", 40, 0, IMAGE);
    settle(bc);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_stop(bc);
    return 0;
}

static const json_t *chosen(const json_t *why)
{
    const json_t *list = json_object_get(why, "candidates"), *c;
    size_t i;

    json_array_foreach(list, i, c)
    {
        if (json_num(c, "rank", 0) == 1)
            return c;
    }
    return NULL;
}

static void each_is_explained_and_replayed(void **state)
{
    struct desktop *d, *next;
    int n = 0;

    (void)state;
    HASH_ITER(hh, bc->m.desktops, d, next)
    {
        json_auto_t *why = NULL;
        struct err e = { 0 };

        assert_int_equal(placement_why(bc, bc->reconcile_db, &d->row.placement, &why, &e), 0);
        assert_true(json_flag(why, "replayed", false));
        assert_string_equal(json_str(why, "desktop_id"), d->row.id.s);
        assert_string_equal(json_str(why, "bserver_id"), d->bserver->id.s);
        assert_int_equal(json_num(why, "lane", -1), d->lane);
        assert_string_equal(json_str(chosen(why), "bserver_id"), d->bserver->id.s);
        assert_string_equal(json_str(chosen(why), "bserver_name"), d->bserver->name);
        assert_string_equal(json_str(chosen(why), "verdict"), "fits");
        n++;
    }
    assert_int_equal(n, 40);
    assert_int_equal(sql_number("select count(*) from placement"), 40);
}

/* ---- ten thousand ---- */

static unsigned seed = 29;

static int upto(int n)
{
    return (int)(rand_r(&seed) % (unsigned)n);
}

static struct candidate random_host(void)
{
    struct candidate c = { .bserver = id_new(),
                           .up = upto(6) > 0,
                           .format = upto(8) > 0,
                           .user_net = upto(4) > 0,
                           .lanes = 1 + upto(4) };

    for (int i = 0; i < c.lanes; i++) {
        c.used_slots[i] = upto(51);
        c.free_slots[i] = upto(51 - c.used_slots[i]);
    }
    c.memory_free_mib = upto(4) * 8192;
    c.store_free_gib = upto(4) ? upto(400) : -1;
    c.free_vfs = upto(8);
    c.io_limit = 250000 + upto(3) * 1000000;
    c.io_total = upto(4) ? upto(2500000) : c.io_limit - upto(2);
    return c;
}

struct kept {
    struct id id, bserver;
    int lane;
};

static void keep(struct kept *k)
{
    struct candidate c[PLACEMENT_HOSTS];
    unsigned char inputs[PLACEMENT_INPUTS];
    char lane[16], hex[2 * PLACEMENT_INPUTS + 1];
    struct placement p;
    struct demand d;
    struct err e = { 0 };
    int n;

    do {
        n = 1 + upto(PLACEMENT_HOSTS);
        for (int i = 0; i < n; i++)
            c[i] = random_host();
        d = (struct demand){ .desktop = id_new(),
                             .memory_mib = 384 + upto(8000),
                             .store_gib = upto(40),
                             .needs_vf = upto(2) };
        e = (struct err){ 0 };
    } while (placement_choose(c, n, &d, &p, &e) < 0);
    *k = (struct kept){ id_new(), c[p.candidate].bserver, p.lane };
    sodium_bin2hex(hex, sizeof hex, inputs, placement_pack(c, n, &d, inputs));
    snprintf(lane, sizeof lane, "%d", p.lane);
    assert_int_equal(db_run(bc->reconcile_db, &put_placement,
                            DB_ARGS(k->id.s, d.desktop.s, k->bserver.s, lane, hex), NULL, &e),
                     0);
}

/* Stored by the version that is tested, read back by the code that explains: the same host and lane
 * every time, as often as it is asked. */
static void ten_thousand_replay(void **state)
{
    enum { MANY = 10000 };
    struct kept *kept = calloc(MANY, sizeof *kept);

    (void)state;
    assert_non_null(kept);
    for (int i = 0; i < MANY; i++)
        keep(&kept[i]);
    for (int i = 0; i < MANY; i++) {
        json_auto_t *why = NULL;
        struct err e = { 0 };

        assert_int_equal(placement_why(bc, bc->reconcile_db, &kept[i].id, &why, &e), 0);
        assert_true(json_flag(why, "replayed", false));
        assert_string_equal(json_str(why, "bserver_id"), kept[i].bserver.s);
        assert_string_equal(json_str(chosen(why), "bserver_id"), kept[i].bserver.s);
        assert_int_equal(json_num(why, "lane", -1), kept[i].lane);
    }
    free(kept);
    sql("delete from placement where desktop_id not in (select id from desktop)");
}

static void what_is_not_there_is_not_found(void **state)
{
    struct id nobody = id_new();
    json_t *why = NULL;
    struct err e = { 0 };

    (void)state;
    assert_int_equal(placement_why(bc, bc->reconcile_db, &nobody, &why, &e), -1);
    assert_int_equal(e.code, ERR_NOT_FOUND);
}

/* Changed afterwards: said, not hidden. */
static void a_false_record_does_not_replay(void **state)
{
    struct desktop *d = bc->m.desktops;
    json_auto_t *why = NULL;
    struct err e = { 0 };
    char text[300];

    (void)state;
    snprintf(text, sizeof text, "update placement set bserver_id = '" MODULE "' where id = '%s'",
             d->row.placement.s);
    sql(text);
    assert_int_equal(placement_why(bc, bc->reconcile_db, &d->row.placement, &why, &e), 0);
    assert_false(json_flag(why, "replayed", true));
}

static void days_come_and_go(void **state)
{
    (void)state;
    sql("select placement_days()");
    assert_int_equal(sql_number("select count(*) from pg_inherits where inhparent = "
                                "'placement'::regclass"),
                     4);
    sql("do $$ declare d date := current_date - 8; begin execute format('create table %I partition "
        "of placement for values from (%L) to (%L)', 'placement_' || to_char(d, 'YYYYMMDD'), d, "
        "d + 1); end $$");
    sql("insert into placement (id, at, desktop_id, bserver_id, lane, inputs) values "
        "(gen_random_uuid(), current_date - 8 + time '12:00', gen_random_uuid(), "
        "gen_random_uuid(), 0, ''), (gen_random_uuid(), current_date - 20 + time '12:00', "
        "gen_random_uuid(), gen_random_uuid(), 0, '')");
    sql("select placement_days()");
    assert_int_equal(sql_number("select count(*) from pg_inherits where inhparent = "
                                "'placement'::regclass"),
                     4);
    assert_int_equal(sql_number("select count(*) from placement where at < current_date - 7"), 0);
    assert_int_equal(sql_number("select count(*) from placement"), 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_explained_and_replayed),
        cmocka_unit_test(ten_thousand_replay),
        cmocka_unit_test(what_is_not_there_is_not_found),
        cmocka_unit_test(a_false_record_does_not_replay),
        cmocka_unit_test(days_come_and_go),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
