/* The I/O law through the daemon's parts on a real database: who waits, in which order, how it
 * ends; what is learned outlives the process. */
#include "tests/db/bcenter/fixture.h"

#include "bcenter/io_store.h"
#include "bcenter/placement_why.h"
#include "bcenter/publish_io.h"
#include "sql/module/io.h"

#define R(n) ((int64_t)(n)*IO_UNIT)

static void limit(struct bcenter *bc, int64_t requests)
{
    wanted(bc, "bserver_io", id_of(HOST), "{\"limit\":%lld}", (long long)R(requests));
}

static void pool_io(struct bcenter *bc, const char *kind, int size, int spares, const char *io)
{
    want_pool(bc, kind, size, spares, IMAGE);
    wanted(bc, "pool", id_of(POOL),
           "{\"id\":\"" POOL
           "\",\"name\":\"Office 2026\",\"kind\":\"%s\",\"image_version_id\":\"" IMAGE
           "\",\"spec\":{\"name\":\"s\",\"vcpus\":1,\"memory_mib\":256,\"disk_gib\":null,"
           "\"needs_vf\":false},\"spares_running\":%d,\"shares\":[{\"module_id\":\"" MODULE
           "\",\"size\":%d}],\"io\":%s}",
           kind, spares, size, io);
}

static struct bserver *host(struct bcenter *bc)
{
    struct id id = id_of(HOST);

    return module_bserver(&bc->m, &id);
}

static int64_t total(struct bcenter *bc)
{
    return io_host_look(&bc->m, host(bc), clock_boot_ms());
}

static int running(const struct bcenter *bc)
{
    int n = 0;

    for (struct desktop *d = bc->m.desktops; d; d = d->hh.next)
        n += id_set(&d->row.run);
    return n;
}

static struct operation *op_of(struct bcenter *bc, const struct connection *c)
{
    struct operation *op = module_operation(&bc->m, &c->operation);

    assert_non_null(op);
    return op;
}

/* A sample in which every desktop that runs is measured at this rate. */
static void sampled(struct bcenter *bc, int64_t uio, int64_t us, int64_t dropped)
{
    struct agent_source from = { bc, id_of(HOST) };
    struct sync_object o = { .kind = "io", .id = id_of(HOST) };
    json_t *list = json_object();

    o.body = json_object();
    for (struct desktop *d = bc->m.desktops; d; d = d->hh.next)
        if (id_set(&d->seen_run))
            json_object_set_new(list, d->row.id.s,
                                json_pack("[I, s]", (json_int_t)uio, d->seen_run.s));
    json_put_int(o.body, "interval_ms", 10000);
    json_object_set_new(o.body, "desktops", list);
    json_put_int(o.body, "us_per_request", us);
    json_put_int(o.body, "nic_dropped", dropped);
    agent_observed(&from, &o);
    json_decref(o.body);
}

/* What a sampler outside reads. */
static void watched(struct bcenter *bc, const char *name, int64_t value)
{
    char *page = NULL, line[128];
    size_t size = 0;
    FILE *f = open_memstream(&page, &size);

    assert_non_null(f);
    bcenter_metrics(bc, f);
    assert_int_equal(fclose(f), 0);
    snprintf(line, sizeof line, "\n%s{bserver=\"" HOST "\"} %lld\n", name, (long long)value);
    assert_non_null(strstr(page, line));
    free(page);
}

static const char only_one[] = "{\"job\":\"session\",\"per_job\":5000000,\"per_start\":150000000}";

/* Room for one start: the others wait in their order, people before spares, and nobody is over the
 * limit at any time. */
static void people_wait_in_their_order(void **state)
{
    struct bcenter *bc = with_pool("floating", 5, 0, 4);
    auto_db struct db *db = NULL;
    struct connection c[5];
    struct err e = { 0 };

    (void)state;
    assert_int_equal(db_open(getenv("TEST_DB"), &db, &e), 0);
    limit(bc, 200);
    pool_io(bc, "floating", 5, 1, only_one);
    reconcile_io(bc);
    for (int i = 1; i <= 4; i++) {
        assert_int_equal(ask(bc, db, i, &c[i], &e), 0);
        usleep(2000); /* each has her own millisecond */
    }
    assert_int_equal(op_of(bc, &c[1])->state, OP_RUNNING);
    for (int i = 2; i <= 4; i++) {
        assert_int_equal(op_of(bc, &c[i])->state, OP_QUEUED);
        assert_string_equal(json_str(op_of(bc, &c[i])->waiting, "type"), "/problems/law-io");
    }
    assert_int_equal(sql_number("select count(*) from operation where state = 'queued'"), 3);
    watched(bc, "bic_io_total_uio", R(150));
    watched(bc, "bic_io_limit_uio", R(200));
    watched(bc, "bic_io_waiting", 3);
    assert_int_equal(running(bc), 1);
    assert_true(total(bc) == R(150));
    reconcile_tick(bc); /* the spare would like to start, too */
    assert_int_equal(running(bc), 1);
    for (int i = 1; i <= 4; i++) {
        assert_int_equal(op_of(bc, &c[i])->state, OP_RUNNING);
        for (int k = i + 1; k <= 4; k++)
            assert_int_equal(op_of(bc, &c[k])->state, OP_QUEUED);
        obey(bc); /* up: its start is charged no longer */
        reconcile_tick(bc);
        assert_int_equal(op_of(bc, &c[i])->state, OP_SUCCEEDED);
        assert_null(op_of(bc, &c[i])->waiting);
        assert_true(total(bc) < R(200));
        reconcile_tick(bc);
    }
    assert_int_equal(running(bc), 5); /* now the spare: 20 + 150 */
    settle(bc);
    assert_int_equal(sql_number("select count(*) from session where ended_at is null"), 4);
    fixture_stop(bc);
}

/* Full: she waits, the words say why; at the deadline it is a refusal with the numbers, and what
 * was kept for her is somebody else's spare again. */
static void at_the_deadline_it_is_a_refusal(void **state)
{
    struct bcenter *bc = with_pool("floating", 1, 1, 2);
    auto_db struct db *db = NULL;
    struct connection c;
    struct err e = { 0 };
    struct id overlay;
    struct desktop *d;
    json_t *numbers;

    (void)state;
    assert_int_equal(db_open(getenv("TEST_DB"), &db, &e), 0);
    limit(bc, 5);
    reconcile_io(bc);
    assert_int_equal(ask(bc, db, 1, &c, &e), 0); /* 0 + 5 is not below 5 */
    d = module_desktop(&bc->m, &c.desktop);
    overlay = d->row.overlay;
    assert_true(desktop_ready(d, clock_boot_ms())); /* the ready one is hers meanwhile */
    assert_string_equal(d->row.person.s, person_no(1).s);
    for (int i = 0; i < 3; i++)
        reconcile_tick(bc);
    assert_int_equal(op_of(bc, &c)->state, OP_QUEUED);
    assert_null(d->session);
    op_of(bc, &c)->deadline = clock_wall_ms() - 1;
    reconcile_tick(bc);
    assert_int_equal(op_of(bc, &c)->state, OP_FAILED);
    assert_string_equal(json_str(op_of(bc, &c)->error, "type"), "/problems/law-io");
    numbers = json_object_get(op_of(bc, &c)->error, "numbers");
    assert_int_equal(json_num(numbers, "total", -1), 0);
    assert_int_equal(json_num(numbers, "asked", -1), 5);
    assert_int_equal(json_num(numbers, "limit", -1), 5);
    assert_int_equal(sql_number("select (error->'numbers'->>'limit')::int from operation where "
                                "state = 'failed'"),
                     5);
    d = module_desktop(&bc->m, &c.desktop);
    assert_false(id_set(&d->row.person));
    assert_string_equal(d->row.overlay.s, overlay.s); /* nobody has seen it: it is clean */
    assert_true(desktop_ready(d, clock_boot_ms()));
    limit(bc, 6);
    reconcile_io(bc);
    assert_int_equal(ask(bc, db, 2, &c, &e), 0);
    assert_true(id_set(&c.id));
    limit(bc, 1); /* the limit falls under what she does: */
    reconcile_io(bc);
    assert_int_equal(ask(bc, db, 2, &c, &e), 0); /* a live session is never asked */
    assert_true(id_set(&c.id));
    fixture_stop(bc);
}

/* A process that dies while people wait: the next one goes on where they were. */
static void waiting_outlives_the_process(void **state)
{
    struct bcenter *bc = with_pool("persistent", 2, 0, 2);
    auto_db struct db *db = NULL;
    struct connection first, second, again;
    struct err e = { 0 };

    (void)state;
    assert_int_equal(db_open(getenv("TEST_DB"), &db, &e), 0);
    limit(bc, 200);
    pool_io(bc, "persistent", 2, 0, only_one);
    reconcile_io(bc);
    assert_int_equal(ask(bc, db, 1, &first, &e), 0);
    assert_int_equal(ask(bc, db, 2, &second, &e), 0);
    assert_int_equal(op_of(bc, &second)->state, OP_QUEUED);
    fixture_stop(bc);
    bc = fixture_start();
    limit(bc, 200);
    pool_io(bc, "persistent", 2, 0, only_one);
    want_people(bc, 2);
    heard(bc, HOST, "boot-1", 8);
    assert_int_equal(io_limit_now(&host(bc)->io.limit) / IO_UNIT, 200); /* before any reconcile */
    assert_int_equal(ask(bc, db, 2, &again, &e), 0);
    assert_string_equal(again.operation.s, second.operation.s);
    reconcile_tick(bc);
    assert_int_equal(op_of(bc, &second)->state, OP_QUEUED);
    settle(bc);
    assert_int_equal(op_of(bc, &first)->state, OP_SUCCEEDED);
    assert_int_equal(op_of(bc, &second)->state, OP_SUCCEEDED);
    assert_int_equal(sql_number("select count(*) from session where ended_at is null"), 2);
    assert_int_equal(sql_number("select count(*) from io_move"), 1); /* told again is no move */
    fixture_stop(bc);
}

static void order(struct bcenter *bc, int n, const char *verb, const struct id *desktop, bool past)
{
    wanted(bc, "operation", numbered("12345678", n),
           "{\"verb\":\"%s\",\"desktop_id\":\"%s\",\"created_at\":\"2026-01-01T00:00:0%dZ\","
           "\"deadline\":\"%s-01-01T00:00:00Z\"}",
           verb, desktop->s, n % 10, past ? "2026" : "2099");
}

/* Starts and rebuilds that are ordered wait as well; a stop makes room. */
static void orders_wait(void **state)
{
    struct bcenter *bc = with_pool("persistent", 3, 0, 0);
    struct id ids[3], op[4];
    int n = 0;

    (void)state;
    for (struct desktop *d = bc->m.desktops; d; d = d->hh.next)
        ids[n++] = d->row.id;
    for (int i = 0; i < 4; i++)
        op[i] = numbered("12345678", i);
    limit(bc, 200);
    pool_io(bc, "persistent", 3, 0, "{\"per_job\":null,\"per_start\":150000000}");
    order(bc, 0, "start", &ids[0], false);
    order(bc, 1, "start", &ids[1], false);
    order(bc, 2, "rebuild", &ids[2], false);
    reconcile_tick(bc);
    reconcile_tick(bc);
    assert_int_equal(module_operation(&bc->m, &op[0])->state, OP_RUNNING);
    assert_int_equal(module_operation(&bc->m, &op[1])->state, OP_QUEUED);
    assert_int_equal(module_operation(&bc->m, &op[2])->state, OP_QUEUED);
    assert_non_null(module_operation(&bc->m, &op[1])->waiting);
    order(bc, 3, "stop", &ids[0], false);
    for (int i = 0; i < 3; i++) /* it replaces the start; it is done; the next one begins */
        reconcile_tick(bc);
    assert_int_equal(module_operation(&bc->m, &op[0])->state, OP_FAILED); /* superseded */
    assert_int_equal(module_operation(&bc->m, &op[1])->state, OP_RUNNING);
    module_operation(&bc->m, &op[2])->deadline = 1;
    reconcile_tick(bc);
    assert_int_equal(module_operation(&bc->m, &op[2])->state, OP_FAILED);
    assert_string_equal(json_str(module_operation(&bc->m, &op[2])->error, "type"),
                        "/problems/law-io");
    assert_int_equal(
        json_num(json_object_get(module_operation(&bc->m, &op[2])->error, "numbers"), "limit", 0),
        200);
    fixture_stop(bc);
}

/* No desktop is made on a host that has reached its limit; who asks hears the law. */
static void nothing_new_at_the_limit(void **state)
{
    struct bcenter *bc = with_pool("floating", 1, 1, 2);
    auto_db struct db *db = NULL;
    struct connection c;
    struct err e = { 0 };

    (void)state;
    assert_int_equal(db_open(getenv("TEST_DB"), &db, &e), 0);
    assert_int_equal(ask(bc, db, 1, &c, &e), 0);
    limit(bc, 5); /* her session's five */
    reconcile_io(bc);
    want_pool(bc, "floating", 2, 0, IMAGE);
    reconcile_tick(bc);
    assert_int_equal(HASH_COUNT(bc->m.desktops), 1);
    assert_int_equal(ask(bc, db, 2, &c, &e), -1);
    assert_int_equal(e.code, ERR_LAW_IO);
    assert_int_equal(e.numbers, 6);
    assert_string_equal(e.number[2].name, "total");
    assert_int_equal(e.number[2].value, 5);
    assert_string_equal(e.number[3].name, "limit");
    assert_int_equal(e.number[3].value, 5);
    limit(bc, 6);
    reconcile_tick(bc);
    assert_int_equal(HASH_COUNT(bc->m.desktops), 2);
    for (struct desktop *d = bc->m.desktops; d; d = d->hh.next) {
        json_auto_t *why = NULL;
        const json_t *one;

        assert_int_equal(placement_why(bc, bc->reconcile_db, &d->row.placement, &why, &e), 0);
        assert_true(json_flag(why, "replayed", false));
        one = json_array_get(json_object_get(why, "candidates"), 0);
        assert_true(json_number_value(json_object_get(one, "io_total")) <
                    json_number_value(json_object_get(one, "io_limit")));
    }
    fixture_stop(bc);
}

/* What is learned, and why, is there after a restart; one statement for many. */
static void what_is_learned_stays(void **state)
{
    struct bcenter *bc = with_pool("floating", 4, 4, 0);
    struct io_limit before;
    struct err e = { 0 };
    int64_t mean;
    const json_t *io;
    json_t *shown;

    (void)state;
    pool_io(bc, "floating", 4, 4, "{\"job\":\"desktop\"}");
    for (struct desktop *d = bc->m.desktops; d; d = d->hh.next)
        d->io.booted_ms -= 20000; /* their starts are long over */
    for (int i = 0; i < 10; i++)
        sampled(bc, R(20), 100 + i, 0); /* quiet */
    sampled(bc, R(500), 150, 0);        /* 2,000, and healthy: 2,500 */
    sampled(bc, R(600), 900, 0);        /* 2,400, and not: 2,160 */
    assert_int_equal(io_store_write(bc, bc->reconcile_db, true, &e), 0);
    assert_int_equal(sql_number("select count(*) from io_move"), 2);
    assert_int_equal(sql_number("select to_uio from io_move order by no desc limit 1"), R(2160));
    assert_int_equal(sql_number("select learned from io_limit"), R(2160));
    assert_int_equal(sql_number("select quiet_us from io_move order by no desc limit 1"), 105);
    assert_int_equal(sql_number("select job_samples from io_pool"), 12);
    assert_int_equal(io_store_write(bc, bc->reconcile_db, true, &e), 0);
    assert_int_equal(sql_number("select count(*) from io_move"), 2); /* nothing twice */
    module_lock(&bc->m);
    assert_true(publish_io_due(&bc->m, host(bc), clock_boot_ms()));
    shown = publish_io_json(host(bc));
    module_unlock(&bc->m);
    assert_int_equal(json_num(shown, "limit", 0), R(2160));
    assert_string_equal(json_str(shown, "source"), "learned");
    assert_string_equal(json_str(shown, "reason"), "saturated");
    io = json_array_get(json_object_get(shown, "moves"), 0);
    assert_int_equal(json_num(io, "from", 0), R(2500));
    assert_int_equal(json_num(io, "total", 0), R(2400));
    assert_int_equal(json_array_size(json_object_get(shown, "moves")), 2);
    json_decref(shown);
    before = host(bc)->io.limit;
    mean = bc->m.io_pools->job.mean;
    fixture_stop(bc);
    bc = fixture_start();
    assert_int_equal(host(bc)->io.limit.learned, before.learned);
    assert_true(host(bc)->io.limit.fallen);
    assert_int_equal(host(bc)->io.limit.began, R(2400));
    assert_int_equal(io_limit_quiet(&host(bc)->io.limit), io_limit_quiet(&before));
    assert_int_equal(bc->m.io_pools->job.samples, 12);
    assert_int_equal(bc->m.io_pools->job.mean, mean);
    assert_int_equal(host(bc)->io.nmoves, 2);
    assert_int_equal(host(bc)->io.unsaved, 0);
    /* Moves are kept in bounds. */
    sql("insert into io_move (bserver_id, at, from_uio, to_uio, reason) select '" HOST
        "', now(), 1, 2, 'healthy' from generate_series(1, 300)");
    assert_int_equal(db_run(bc->reconcile_db, &Q_purge_io_moves, NULL, NULL, &e), 0);
    assert_int_equal(sql_number("select count(*) from io_move"), 100);
    fixture_stop(bc);
}

/* Another process leads: what this one has learned is not written. */
static void only_the_leader_writes(void **state)
{
    struct bcenter *bc = with_pool("floating", 1, 1, 0);
    struct err e = { 0 };

    (void)state;
    sampled(bc, R(1000), 100, 0);
    sql("update leader set epoch = epoch + 1");
    assert_int_equal(io_store_write(bc, bc->reconcile_db, true, &e), -1);
    assert_int_equal(e.code, ERR_EPOCH_STALE);
    assert_int_equal(sql_number("select count(*) from io_move"), 0);
    assert_int_equal(sql_number("select count(*) from io_limit"), 0);
    assert_int_equal(host(bc)->io.unsaved, 1); /* still due */
    fixture_stop(bc);
}

static void say(struct bcenter *bc, json_t *body)
{
    struct agent_source from = { bc, id_of(HOST) };
    struct sync_object o = { .kind = "io", .id = id_of(HOST), .body = body };

    assert_non_null(body);
    agent_observed(&from, &o);
    json_decref(body);
}

/* Whatever an agent says: no figure leaves its bounds, nobody else's desktop is meant by it. */
static void a_hostile_sample(void **state)
{
    struct bcenter *bc = with_pool("floating", 2, 2, 0);
    struct desktop *d = bc->m.desktops, *o = d->hh.next;
    json_t *body = json_object(), *list = json_object();

    (void)state;
    for (int i = 0; i < 100000; i++) {
        struct id id = numbered("abcdefab", i);

        json_object_set_new(list, id.s, json_pack("[I, s]", (json_int_t)R(100), id.s));
    }
    json_object_set_new(list, d->row.id.s, json_pack("[f, s]", 9.3e18, d->row.run.s));
    json_object_set_new(list, o->row.id.s, json_pack("[I, s]", (json_int_t)R(7), d->row.run.s));
    json_object_set_new(body, "desktops", list);
    json_object_set_new(body, "interval_ms", json_integer(INT64_MIN));
    json_object_set_new(body, "us_per_request", json_real(1e300));
    json_object_set_new(body, "nic_dropped", json_integer(-5));
    say(bc, body);
    assert_true(io_desktop_measured(d, clock_boot_ms()) == IO_MOST);
    assert_int_equal(io_desktop_measured(o, clock_boot_ms()), -1); /* of another run */
    assert_true(host(bc)->io.sample.interval_ms >= 1000);
    assert_int_equal(host(bc)->io.sample.dropped, 0);
    assert_true(total(bc) <= IO_SUM_MOST && io_limit_now(&host(bc)->io.limit) <= 2 * IO_MOST);
    say(bc,
        json_pack("{s:{s:[i, s], s:[s], s:n}, s:s, s:[]}", "desktops", d->row.id.s, -3,
                  d->row.run.s, o->row.id.s, "x", "z", "interval_ms", "soon", "us_per_request"));
    assert_int_equal(io_desktop_measured(d, clock_boot_ms()), 0);
    assert_int_equal(io_desktop_measured(o, clock_boot_ms()), -1);
    assert_int_equal(host(bc)->io.sample.us_per_request, -1);
    say(bc, json_pack("{s:[]}", "desktops"));
    say(bc, json_object());
    say(bc, json_string("io"));
    settle(bc); /* and it can all be stored and shown */
    fixture_stop(bc);
}

/* The figures of a pool: learned from jobs and starts, given ones win, told upwards. */
static void figures_of_a_pool(void **state)
{
    struct bcenter *bc = with_pool("floating", 2, 0, 1);
    struct id id = id_of(POOL);
    struct io_pool *p;

    (void)state;
    host(bc)->io.samples = true;
    pool_io(bc, "floating", 2, 2, "{\"job\":\"desktop\",\"per_job\":null,\"per_start\":null}");
    p = io_pool_of(&bc->m, &id);
    reconcile_tick(bc);
    assert_true(total(bc) == 2 * IO_START_UNKNOWN);
    obey(bc);
    assert_true(total(bc) == 2 * IO_START_UNKNOWN); /* until counters show it */
    sampled(bc, R(90), 100, 0);
    assert_true(total(bc) == R(180));
    assert_int_equal(p->start.samples, 2);
    assert_int_equal(p->start.mean, R(90));
    for (int i = 0; i < IO_ENOUGH; i++) {
        for (struct desktop *d = bc->m.desktops; d; d = d->hh.next)
            d->io.booted_ms -= 20000;
        sampled(bc, R(8), 100, 0);
    }
    assert_int_equal(p->job.samples, IO_ENOUGH);
    sampled(bc, R(2), 100, 0);
    assert_true(total(bc) > R(14)); /* each is a job of about 8, whatever it does just now */
    publish_io_pools(bc);
    assert_int_equal(sync_set_count(bc->observed, "pool_io"), 1);
    pool_io(bc, "floating", 2, 2, "{\"job\":\"desktop\",\"per_job\":40000000}");
    assert_true(total(bc) == R(80));
    unwanted(bc, "pool", id);
    assert_null(io_pool_of(&bc->m, &id));
    assert_int_equal(sync_set_count(bc->observed, "pool_io"), 0);
    fixture_stop(bc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(people_wait_in_their_order),
        cmocka_unit_test(at_the_deadline_it_is_a_refusal),
        cmocka_unit_test(waiting_outlives_the_process),
        cmocka_unit_test(orders_wait),
        cmocka_unit_test(nothing_new_at_the_limit),
        cmocka_unit_test(what_is_learned_stays),
        cmocka_unit_test(only_the_leader_writes),
        cmocka_unit_test(a_hostile_sample),
        cmocka_unit_test(figures_of_a_pool),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
