/*
 * The I/O law's figures at the CCC (docs/iolaw.md): what administrators give, told to the modules;
 * what the modules told, shown. Through the real listener, since If-Match and roles are part of it.
 */
#include "tests/db/ccc/listener.h"

#include <dirent.h>
#include <limits.h>
#include <unistd.h>

#include "ccc/mirror.h"
#include "common/base/json.h"

#define XCENTER "00000000-0000-4000-8000-0000000000bb"
#define HISTORY "00000000-0000-4000-8000-00000000aaaa"
#define HOST "00000000-0000-4000-8000-0000000000b1"
#define OLD_HOST "00000000-0000-4000-8000-0000000000b2"
#define MOVES                                                                                      \
    "[{\"at\":\"2026-11-28T17:00:00Z\",\"from\":1000000000,\"to\":1250000500,\"reason\":"          \
    "\"healthy\",\"total\":1000000400,\"us_per_request\":210,\"quiet_us\":180,\"dropped\":0}]"
#define IO                                                                                         \
    "{\"total\":640500000,\"limit\":1250000500,\"source\":\"learned\",\"reason\":\"healthy\","     \
    "\"since\":\"2026-11-28T17:00:00Z\",\"as_of\":\"2026-11-28T17:01:00Z\",\"moves\":" MOVES "}"
#define HOST_BODY                                                                                  \
    "\"name\":\"h\",\"state\":\"up\",\"slots\":1000,\"slots_used\":0,\"memory_mib\":65536"
#define OBJECT(kind, id, body)                                                                     \
    "{\"kind\":\"" kind "\",\"id\":\"" id "\",\"rev\":1,\"body\":{" body "}}"
#define POOL_IO(more)                                                                              \
    OBJECT(                                                                                        \
        "pool_io", POOL,                                                                           \
        "\"per_job\":12500000,\"per_start\":150000000,\"samples\":30,\"source\":\"learned\"" more)

/* What a module tells of itself, as a snapshot. */
static void told_by(struct db *db, const char *module, const char *objects)
{
    static int rev = 1;
    char text[8192], cursor[SYNC_CURSOR_MAX];
    struct err e = { 0 };
    struct id node;
    json_t *body;
    bool resend;

    id_parse(XCENTER, &node);
    snprintf(text, sizeof text,
             "{\"from\":\"\",\"history\":\"00000000-0000-4000-8000-%012d\",\"cursor\":"
             "\"00000000-0000-4000-8000-%012d:1\",\"floor\":0,\"snapshot\":true,\"more\":false,"
             "\"objects\":[%s],\"about\":{\"source\":\"%s\",\"module\":{\"heard_ms\":10,"
             "\"version\":\"1\"}}}",
             rev, rev, objects, module);
    rev++;
    body = json_loads(text, 0, NULL);
    assert_non_null(body);
    if (mirror_take(db, &node, body, cursor, &resend, &e) < 0)
        fail_msg("%s (%s)", e.detail, e.cause);
    assert_false(resend);
    json_decref(body);
}

static int setup(void **state)
{
    S(nodes, 0,
      "insert into node (id, kind, name, block_id, module_id, place) values ('" XCENTER
      "', 'xcenter', 'x', '" BLOCK "', null, null), ('" HOST "', 'bserver', 'h', '" BLOCK
      "', '" MODULE_1 "', 0)");
    auto_db struct db *db = NULL;

    listener_up(state);
    db = fresh_open();
    fresh_must(db, &nodes, NULL);
    told_by(db, MODULE_1,
            OBJECT("bserver", HOST, HOST_BODY ",\"io\":" IO) "," OBJECT("bserver", OLD_HOST,
                                                                        HOST_BODY));
    return 0;
}

static json_t *asked(const char *method, const char *path, const char *body, const char *match,
                     long status)
{
    char header[40];
    struct call c = { .method = method, .path = path, .body = body };

    snprintf(header, sizeof header, "If-Match: \"%s\"", match ? match : "");
    c.header = match ? header : NULL;
    run(&c);
    if (c.status != status)
        fail_msg("%s %s %s: %ld %s", method, path, body ? body : "", c.status, c.answer);
    return json_loads(c.answer, JSON_DECODE_ANY, NULL);
}

static double rate(const json_t *o, const char *key)
{
    return json_number_value(json_object_get(o, key));
}

/* The wanted object for one module, or null once it is a tombstone; free. */
static json_t *wanted_of(struct db *db, const char *kind, const char *id)
{
    S(body, 2,
      "select body::text as body from wanted where kind = $1 and id = $2::uuid and scope = "
      "'" MODULE_1 "' and not deleted");
    auto_result PGresult *r = fresh_rows(db, &body, DB_ARGS(kind, id));

    return db_rows(r) ? json_loads(db_text(r, 0, "body"), 0, NULL) : NULL;
}

static void figures_of_a_pool(void **state)
{
    auto_db struct db *db = fresh_open();
    json_auto_t *before = asked("GET", "/pools/" POOL, NULL, NULL, 200), *given, *kept, *gone;
    json_auto_t *first = wanted_of(db, "pool", POOL), *second, *last;
    const json_t *io = json_object_get(before, "io");

    (void)state;
    assert_string_equal(json_str(io, "job"), "session");
    assert_true(json_is_null(json_object_get(io, "per_job")));
    assert_true(json_is_null(json_object_get(io, "per_start")));
    assert_int_equal(json_array_size(json_object_get(io, "modules")), 0);
    assert_string_equal(json_str(json_object_get(first, "io"), "job"), "session");
    assert_true(json_is_null(json_object_get(json_object_get(first, "io"), "per_job")));

    given =
        asked("PATCH", "/pools/" POOL,
              "{\"io\":{\"job\":\"desktop\",\"per_job\":12.125,\"per_start\":1000000}}", "1", 200);
    io = json_object_get(given, "io");
    assert_true(rate(io, "per_job") == 12.125 && rate(io, "per_start") == 1000000);
    second = wanted_of(db, "pool", POOL);
    io = json_object_get(second, "io");
    assert_string_equal(json_str(io, "job"), "desktop");
    assert_int_equal(json_num(io, "per_job", 0), 12125000);
    assert_int_equal(json_num(io, "per_start", 0), 1000000000000);

    /* A merge patch: what it does not name stays, null takes back. */
    kept = asked("PATCH", "/pools/" POOL, "{\"io\":{\"per_start\":null}}", "2", 200);
    io = json_object_get(kept, "io");
    assert_true(rate(io, "per_job") == 12.125 && json_is_null(json_object_get(io, "per_start")));
    assert_string_equal(json_str(io, "job"), "desktop");
    gone =
        asked("PATCH", "/pools/" POOL, "{\"io\":{\"job\":\"session\",\"per_job\":null}}", "3", 200);
    last = wanted_of(db, "pool", POOL);
    io = json_object_get(last, "io");
    assert_true(json_is_null(json_object_get(io, "per_job")));
    assert_string_equal(json_str(io, "job"), "session");
    assert_int_equal(json_num(gone, "generation", 0), 4);
}

static void figures_are_strict(void **state)
{
    static const struct {
        const char *body, *pointer;
    } bad[] = {
        { "{\"io\":null}", "/io" },
        { "{\"io\":5}", "/io" },
        { "{\"io\":{\"per_jobs\":5}}", "/io/per_jobs" },
        { "{\"io\":{\"job\":\"person\"}}", "/io/job" },
        { "{\"io\":{\"job\":null}}", "/io/job" },
        { "{\"io\":{\"per_job\":0}}", "/io/per_job" },
        { "{\"io\":{\"per_job\":-1}}", "/io/per_job" },
        { "{\"io\":{\"per_job\":0.0001}}", "/io/per_job" },
        { "{\"io\":{\"per_job\":1.0005}}", "/io/per_job" },
        { "{\"io\":{\"per_job\":\"5\"}}", "/io/per_job" },
        { "{\"io\":{\"per_start\":1000000.001}}", "/io/per_start" },
        { "{\"io\":{\"per_start\":1e300}}", "/io/per_start" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_auto_t *p = asked("PATCH", "/pools/" POOL, bad[i].body, "1", 400);
        const json_t *error = json_array_get(json_object_get(p, "errors"), 0);

        assert_string_equal(json_str(error, "pointer"), bad[i].pointer);
        if (strncmp(bad[i].pointer, "/io/per_", 8) == 0 && !strstr(bad[i].body, "jobs"))
            assert_non_null(strstr(json_str(error, "message"), "0.001 to 1000000"));
    }
    json_decref(asked("PATCH", "/bservers/" HOST, "{}", "1", 400));
    json_decref(asked("PATCH", "/bservers/" HOST, "{\"io_limit\":0}", "1", 400));
    json_decref(asked("PATCH", "/bservers/" HOST, "{\"io_limit\":5,\"name\":\"x\"}", "1", 400));
}

static void a_new_pool_has_them(void **state)
{
    auto_db struct db *db = fresh_open();
    json_auto_t *made = asked("POST", "/pools",
                              "{\"name\":\"new\",\"kind\":\"floating\",\"image_id\":\"" IMAGE
                              "\",\"spec_id\":\"" SPEC "\",\"shares\":[{\"module_id\":\"" MODULE_1
                              "\",\"size\":5}],\"io\":{\"job\":\"desktop\",\"per_job\":0.001}}",
                              NULL, 201);
    json_auto_t *wanted = wanted_of(db, "pool", json_str(made, "id"));
    const json_t *io = json_object_get(wanted, "io");

    (void)state;
    assert_true(rate(json_object_get(made, "io"), "per_job") == 0.001);
    assert_string_equal(json_str(io, "job"), "desktop");
    assert_int_equal(json_num(io, "per_job", 0), 1000);
    assert_true(json_is_null(json_object_get(io, "per_start")));
}

static void limit_of_a_bserver(void **state)
{
    S(audited, 0,
      "select count(*) as n from audit where action = 'bserver.change' and target_kind = 'bserver' "
      "and target_id = '" HOST "' and target_name = 'h' and result = 'ok' and actor_name = 'root'");
    S(events, 0, "select count(*) as n from event where kind = 'bserver' and id = '" HOST "'");
    S(quiet, 0, "delete from event");
    auto_db struct db *db = fresh_open();
    json_auto_t *before = asked("GET", "/bservers/" HOST, NULL, NULL, 200), *set, *wanted;

    (void)state;
    assert_true(json_is_null(json_object_get(before, "io_limit")));
    assert_int_equal(json_num(before, "generation", 0), 1);
    json_decref(asked("PATCH", "/bservers/" HOST, "{\"io_limit\":800}", NULL, 428));
    json_decref(asked("PATCH", "/bservers/" HOST, "{\"io_limit\":800}", "2", 412));
    json_decref(asked("PATCH", "/bservers/" MODULE_1, "{\"io_limit\":800}", "1", 404));
    assert_null(wanted_of(db, "bserver_io", HOST));

    fresh_must(db, &quiet, NULL);
    set = asked("PATCH", "/bservers/" HOST, "{\"io_limit\":800.5}", "1", 200);
    assert_true(rate(set, "io_limit") == 800.5);
    assert_int_equal(json_num(set, "generation", 0), 2);
    assert_int_equal(fresh_number(db, &events, NULL), 1);
    assert_int_equal(fresh_number(db, &audited, NULL), 1);
    wanted = wanted_of(db, "bserver_io", HOST);
    assert_int_equal(json_num(wanted, "limit", 0), 800500000);
    json_decref(asked("PATCH", "/bservers/" HOST, "{\"io_limit\":900}", "1", 412));

    /* Taken back: no object; and its generation goes on. */
    json_decref(asked("PATCH", "/bservers/" HOST, "{\"io_limit\":null}", "2", 200));
    assert_null(wanted_of(db, "bserver_io", HOST));
    json_decref(asked("PATCH", "/bservers/" HOST, "{\"io_limit\":1}", "1", 412));
    json_decref(asked("PATCH", "/bservers/" HOST, "{\"io_limit\":1}", "3", 200));
}

static void only_administrators(void **state)
{
    S(session, 1,
      "insert into login_session (token_hash, person_id, expires_at, remote) values ($1, '" PERSON
      "', now() + interval '1 h', '-')");
    auto_db struct db *db = fresh_open();
    char hers[TOKEN_TEXT], hash[TOKEN_HASH];
    struct call c = { "PATCH", "/bservers/" HOST, "{\"io_limit\":800}", "If-Match: \"1\"", 0, "", 0,
                      hers };

    (void)state;
    token_new(hers);
    token_hash(hers, hash);
    fresh_must(db, &session, DB_ARGS(hash));
    run(&c);
    assert_int_equal(c.status, 403);
    assert_null(wanted_of(db, "bserver_io", HOST));
}

/* Its module may be silent, or have forgotten it: the figure is the CCC's, and goes when it left.
 */
static void a_bserver_that_left(void **state)
{
    auto_db struct db *db = fresh_open();
    json_auto_t *wanted;

    (void)state;
    json_decref(asked("PATCH", "/bservers/" HOST, "{\"io_limit\":800}", "1", 200));
    told_by(db, MODULE_1, OBJECT("bserver", OLD_HOST, HOST_BODY));
    wanted = wanted_of(db, "bserver_io", HOST);
    assert_int_equal(json_num(wanted, "limit", 0), 800000000);
    S(left, 0, "update node set revoked = true, place = null where id = '" HOST "'");
    fresh_must(db, &left, NULL);
    assert_null(wanted_of(db, "bserver_io", HOST));
}

static void what_modules_told_is_shown(void **state)
{
    auto_db struct db *db = fresh_open();
    json_auto_t *host = asked("GET", "/bservers/" HOST, NULL, NULL, 200);
    json_auto_t *old = asked("GET", "/bservers/" OLD_HOST, NULL, NULL, 200), *list, *pool, *after;
    const json_t *io = json_object_get(host, "io"), *move, *first;

    (void)state;
    move = json_array_get(json_object_get(io, "moves"), 0);
    assert_true(rate(io, "total") == 640.5 && rate(io, "limit") == 1250.001);
    assert_string_equal(json_str(io, "source"), "learned");
    assert_string_equal(json_str(io, "reason"), "healthy");
    assert_string_equal(json_str(io, "since"), "2026-11-28T17:00:00Z");
    assert_true(rate(move, "from") == 1000 && rate(move, "to") == 1250.001);
    assert_int_equal(json_num(move, "us_per_request", 0), 210);
    assert_true(json_is_null(json_object_get(old, "io"))); /* a module of the version before */
    list = asked("GET", "/bservers?sort=name", NULL, NULL, 200);
    assert_int_equal(json_array_size(json_object_get(list, "items")), 2);

    /* A module of the version that told less, and one of this. */
    told_by(db, MODULE_1, POOL_IO(""));
    told_by(db, MODULE_2, POOL_IO(",\"start_samples\":3,\"start_source\":\"initial\",\"new\":1"));
    pool = asked("GET", "/pools/" POOL, NULL, NULL, 200);
    io = json_object_get(json_object_get(pool, "io"), "modules");
    assert_int_equal(json_array_size(io), 2);
    first = json_array_get(io, 0);
    assert_string_equal(json_str(first, "module_id"), MODULE_1);
    assert_true(rate(first, "per_job") == 12.5 && rate(first, "per_start") == 150);
    assert_string_equal(json_str(first, "per_job_source"), "learned");
    assert_int_equal(json_num(first, "per_job_samples", 0), 30);
    assert_true(json_is_null(json_object_get(first, "per_start_source")));
    assert_string_equal(json_str(json_array_get(io, 1), "per_start_source"), "initial");

    told_by(db, MODULE_1, ""); /* a snapshot without it */
    after = asked("GET", "/pools/" POOL, NULL, NULL, 200);
    assert_int_equal(json_array_size(json_object_get(json_object_get(after, "io"), "modules")), 1);
}

/* One bad object is refused alone, whatever is wrong with it, and never breaks a list. */
static void what_is_wrong_is_refused(void **state)
{
    static const char *const bad[] = {
        "7",
        "[]",
        "{\"total\":1}",
        "{\"total\":-1,\"limit\":5,\"source\":\"learned\"}",
        "{\"total\":1.5,\"limit\":5,\"source\":\"learned\"}",
        "{\"total\":1,\"limit\":1000000000000000001,\"source\":\"learned\"}",
        "{\"total\":1,\"limit\":5,\"source\":7}",
        "{\"total\":1,\"limit\":5,\"source\":\"learned\",\"since\":\"yesterday\"}",
        "{\"total\":1,\"limit\":5,\"source\":\"learned\",\"moves\":{}}",
        "{\"total\":1,\"limit\":5,\"source\":\"learned\",\"moves\":[7]}",
        "{\"total\":1,\"limit\":5,\"source\":\"learned\",\"moves\":[{\"at\":\"2026-11-28T17:00:"
        "00Z\","
        "\"from\":1,\"to\":\"2\",\"reason\":\"healthy\"}]}",
    };
    S(hosts, 0, "select count(*) as n from mirror_bserver");
    auto_db struct db *db = fresh_open();
    char objects[2048];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(objects, sizeof objects, "%s,%s%s}}", OBJECT("bserver", OLD_HOST, HOST_BODY),
                 "{\"kind\":\"bserver\",\"id\":\"" HOST "\",\"rev\":1,\"body\":{" HOST_BODY
                 ",\"io\":",
                 bad[i]);
        told_by(db, MODULE_1, objects);
        if (fresh_number(db, &hosts, NULL) != 1)
            fail_msg("taken: %s", bad[i]);
    }
    told_by(
        db, MODULE_1,
        OBJECT("pool_io", POOL, "\"per_job\":-1,\"per_start\":1,\"samples\":1,\"source\":\"x\""));
    json_decref(asked("GET", "/bservers", NULL, NULL, 200));
}

/* The migrations before this one ("NNNN_io.sql"), as links in dir. */
static void earlier_migrations(const char *dir)
{
    char *here = realpath("sql/ccc/migrations", NULL), from[PATH_MAX], to[PATH_MAX];
    const char *own = NULL;
    struct dirent **names;
    int n = scandir("sql/ccc/migrations", &names, NULL, alphasort);

    for (int i = 0; i < n; i++)
        if (strlen(names[i]->d_name) == 11 && strcmp(names[i]->d_name + 4, "_io.sql") == 0)
            own = names[i]->d_name;
    assert_non_null(own);
    for (int i = 0; i < n; i++)
        if (names[i]->d_name[0] != '.' && strcmp(names[i]->d_name, own) < 0) {
            snprintf(from, sizeof from, "%s/%s", here, names[i]->d_name);
            snprintf(to, sizeof to, "%s/%s", dir, names[i]->d_name);
            assert_int_equal(symlink(from, to), 0);
        }
    for (int i = 0; i < n; i++)
        free(names[i]);
    free(names);
    free(here);
}

static void without_links(const char *dir)
{
    char path[PATH_MAX];
    struct dirent *d;
    DIR *all = opendir(dir);

    while ((d = readdir(all))) {
        snprintf(path, sizeof path, "%s/%s", dir, d->d_name);
        if (d->d_name[0] != '.')
            unlink(path);
    }
    closedir(all);
    assert_int_equal(rmdir(dir), 0);
}

/* An installation of the version before: its pools are told anew, with the figures. */
static void an_older_database(void **state)
{
    S(drop, 0, "drop schema public cascade");
    S(make, 0, "create schema public");
    char dir[] = "/tmp/bic-migrations-XXXXXX";
    auto_db struct db *db = fresh_open();
    json_auto_t *before, *after;
    struct err e = { 0 };

    (void)state;
    assert_non_null(mkdtemp(dir));
    earlier_migrations(dir);
    fresh_must(db, &drop, NULL);
    fresh_must(db, &make, NULL);
    assert_int_equal(db_migrate(db, dir, &e), 0);
    without_links(dir);
    fresh_world(db);
    before = wanted_of(db, "pool", POOL);
    assert_null(json_object_get(before, "io"));
    assert_int_equal(db_migrate(db, "sql/ccc/migrations", &e), 0);
    after = wanted_of(db, "pool", POOL);
    assert_string_equal(json_str(json_object_get(after, "io"), "job"), "session");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(figures_of_a_pool, setup, listener_down),
        cmocka_unit_test_setup_teardown(figures_are_strict, setup, listener_down),
        cmocka_unit_test_setup_teardown(a_new_pool_has_them, setup, listener_down),
        cmocka_unit_test_setup_teardown(limit_of_a_bserver, setup, listener_down),
        cmocka_unit_test_setup_teardown(only_administrators, setup, listener_down),
        cmocka_unit_test_setup_teardown(a_bserver_that_left, setup, listener_down),
        cmocka_unit_test_setup_teardown(what_modules_told_is_shown, setup, listener_down),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_refused, setup, listener_down),
        cmocka_unit_test(an_older_database),
    };

    return cmocka_run_group_tests_name("ccc io", tests, NULL, NULL);
}
