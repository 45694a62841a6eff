/*
 * What a connect asks in one reading: who may, where to, what is noted. And through the listener,
 * where a module without an xCenter shows by its log-in address that it was the one to be asked.
 */
#include "tests/db/ccc/fresh.h"

#include <stdio.h>

#include "ccc/ccc.h"
#include "ccc/line.h"
#include "ccc/routes.h"
#include "ccc/session.h"
#include "sql/ccc/connection.h"
#include "sql/ccc/login.h"
#include "tests/unit/common/client.h"

#define OTHER "00000000-0000-4000-8000-000000000002"
#define HERS "00000000-0000-4000-8000-0000000000d0"
#define SECOND "00000000-0000-4000-8000-0000000000d2"
#define NOTED "00000000-0000-4000-8000-0000000000e9"
#define XCENTER "00000000-0000-4000-8000-0000000000ce"
#define NOBODYS "00000000-0000-4000-8000-0000000000ff"

static struct ccc app;
static struct db *db;
static char token[TOKEN_TEXT], hash[TOKEN_HASH];
static int port;

static void sql(const char *text)
{
    struct db_stmt st = { "t_sql", 0, text };

    fresh_must(db, &st, NULL);
}

static int again(void **state)
{
    S(session, 1,
      "insert into login_session (token_hash, person_id, expires_at, remote) values ($1, '" PERSON
      "', now() + interval '1 h', '-')");

    fresh_schema(state);
    fresh_world(db);
    fresh_must(db, &session, DB_ARGS(hash));
    sql("insert into person (id, username, verifier) values ('" OTHER "', 'bob', '$argon2id$x')");
    sql("insert into mirror_module (module_id, login) values ('" MODULE_1
        "', 'https://one.example'), ('" MODULE_2 "', 'https://two.example')");
    return 0;
}

static void desktop(const char *id, const char *module, const char *person)
{
    S(add, 3,
      "insert into mirror_desktop (id, module_id, round, name, state, observed, pool_id, "
      "person_id, "
      "created_at, body) values ($1, $2, 0, 'd', 'running', 'running', '" POOL
      "', $3::uuid, now(), '{}')");

    fresh_must(db, &add, DB_ARGS(id, module, person));
}

static PGresult *route(const char *pool, const char *wanted)
{
    return fresh_rows(db, &Q_connection_route, DB_ARGS(hash, "3600", pool, wanted));
}

static void expect(const char *pool, const char *wanted, const char *column, const char *value)
{
    auto_result PGresult *r = route(pool, wanted);
    const char *found = db_rows(r) == 1 ? db_text(r, 0, column) : "(no row)";

    if (value ? !found || strcmp(found, value) != 0 : found != NULL)
        fail_msg("%s is %s, not %s", column, found ? found : "null", value ? value : "null");
}

/* The two ways in are one: what one refuses, the other refuses, with the same words about her. */
static void lets_in_as_a_session_does(void **state)
{
    static const char *const spoil[] = {
        "select",
        "update person set disabled = true",
        "update login_session set expires_at = now() - interval '1 s'",
        "update login_session set used_at = now() - interval '61 min'",
        "update login_session set used_at = now() - interval '59 min'",
        "delete from login_session"
    };
    static const int in[] = { 1, 0, 0, 0, 1, 0 };

    for (size_t i = 0; i < sizeof in / sizeof *in; i++) {
        auto_result PGresult *one = NULL, *two = NULL;

        again(state);
        sql(spoil[i]);
        one = fresh_rows(db, &Q_session_find, DB_ARGS(hash, "3600"));
        two = route(POOL, NULL);
        assert_int_equal(db_rows(one), in[i]);
        assert_int_equal(db_rows(two), in[i]);
        for (int c = 0; in[i] && c < PQnfields(one); c++)
            if (strcmp(PQfname(one, c), "expires_at") != 0)
                assert_string_equal(PQgetvalue(one, 0, c), db_text(two, 0, PQfname(one, c)));
    }
}

static void who_may(void **state)
{
    again(state);
    desktop(HERS, MODULE_2, PERSON);
    desktop(SECOND, MODULE_2, OTHER);
    expect(POOL, NULL, "entitled", "t"); /* by her group */
    expect(NULL, HERS, "entitled", "t");
    expect(NULL, HERS, "pool_id", POOL);
    expect(NULL, SECOND, "entitled", "f"); /* of somebody else */
    expect(NULL, SECOND, "pool_id", NULL);
    expect(NOBODYS, NULL, "entitled", "f");
    expect(NULL, NOBODYS, "entitled", "f");
    sql("delete from member");
    expect(POOL, NULL, "entitled", "f");
    expect(NULL, HERS, "entitled", "f");
    sql("insert into entitlement (pool_id, person_id) values ('" POOL "', '" OTHER "')");
    expect(POOL, NULL, "entitled", "f");
    sql("insert into entitlement (pool_id, person_id) values ('" POOL "', '" PERSON "')");
    expect(POOL, NULL, "entitled", "t");
    expect(NULL, HERS, "entitled", "t");
}

static void where_to(void **state)
{
    S(place, 0, "select place_module('" PERSON "', '" POOL "')::text as m");
    auto_result PGresult *r = NULL;
    const char *other;

    again(state);
    r = fresh_rows(db, &place, NULL);
    other = strcmp(db_text(r, 0, "m"), MODULE_1) == 0 ? MODULE_2 : MODULE_1;
    expect(POOL, NULL, "module_id", db_text(r, 0, "m"));
    desktop(HERS, other, PERSON);
    expect(POOL, NULL, "module_id", other); /* where her desktop is, wherever she would go now */
    expect(NULL, HERS, "module_id", other);
    desktop(SECOND, db_text(r, 0, "m"), PERSON);
    expect(NULL, SECOND, "module_id", db_text(r, 0, "m")); /* the one that she names */
    expect(NULL, HERS, "module_id", other);
}

/* Whoever holds her seat is asked before the rendezvous; one that gave her up is not. */
static void who_holds_her_seat(void **state)
{
    S(place, 0, "select place_module('" PERSON "', '" POOL "')::text as m");
    S(seat, 2,
      "insert into mirror_seat values ('" SECOND "', $1, 1, '" PERSON "', '" POOL
      "', $2::boolean, 1)");
    auto_result PGresult *r = NULL, *next = NULL;
    const char *first, *other;
    char skip[64];

    again(state);
    r = fresh_rows(db, &place, NULL);
    first = db_text(r, 0, "m");
    other = strcmp(first, MODULE_1) == 0 ? MODULE_2 : MODULE_1;
    fresh_must(db, &seat, DB_ARGS(first, "true"));
    expect(POOL, NULL, "module_id", first); /* nobody else has her: it is asked, and says so */
    fresh_must(db, &seat, DB_ARGS(other, "false"));
    expect(POOL, NULL, "module_id", other);
    snprintf(skip, sizeof skip, "{%s}", other);
    next = fresh_rows(db, &Q_connection_place, DB_ARGS(POOL, PERSON, skip));
    assert_string_equal(db_text(next, 0, "module_id"), first);
    desktop(HERS, first, PERSON);
    expect(POOL, NULL, "module_id", first); /* words that crossed: the desktop counts */
    sql("delete from mirror_desktop");
    sql("delete from pool_share where size = 400");
    sql("update mirror_seat set released = false");
    expect(POOL, NULL, "module_id", MODULE_1); /* without a share nobody is served */
}

static bool take_turn(const char *seen, char mark[64])
{
    auto_result PGresult *r = fresh_rows(db, &Q_seat_turn_take, DB_ARGS(PERSON, POOL, seen));

    if (db_rows(r) == 1)
        snprintf(mark, 64, "%s", db_text(r, 0, "mark"));
    return db_rows(r) == 1;
}

/* Of two requests of hers one may ask again, and the other not on what it heard before. */
static void one_turn_at_a_time(void **state)
{
    char first[64], second[64], third[64];

    again(state);
    expect(POOL, NULL, "turn", NULL);
    assert_true(take_turn(NULL, first));
    assert_false(take_turn(NULL, second));
    expect(POOL, NULL, "turn", first);
    assert_false(take_turn(first, second)); /* not over */
    fresh_must(db, &Q_seat_turn_end, DB_ARGS(PERSON, POOL, first));
    assert_false(take_turn(NULL, second)); /* she asked before it was taken */
    assert_true(take_turn(first, second));
    fresh_must(db, &Q_seat_turn_end, DB_ARGS(PERSON, POOL, first)); /* not that one any more */
    assert_false(take_turn(second, third));
    sql("update seat_turn set until = now() - interval '1 s'"); /* who held it has died */
    assert_true(take_turn(second, third));
    expect(POOL, NULL, "turn", third);
    sql("update seat_turn set until = now() - interval '2 h'");
    fresh_must(db, &Q_connection_forget, NULL);
    expect(POOL, NULL, "turn", NULL);
}

/* The modules that her page goes on with: those that know her password, her desktops first. */
static void where_she_may_sign_in(void **state)
{
    S(other, 0,
      "select id::text as m from module where id <> place_module('" PERSON "', '" POOL "')");
    auto_result PGresult *r = NULL, *list = NULL, *both = NULL, *all = NULL;

    again(state);
    list = fresh_rows(db, &Q_session_modules, DB_ARGS(PERSON, "false"));
    assert_int_equal(db_rows(list), 1);
    r = fresh_rows(db, &other, NULL);
    assert_string_not_equal(db_text(list, 0, "id"), db_text(r, 0, "m"));
    desktop(HERS, db_text(r, 0, "m"), PERSON);
    sql("select wanted_catch_up(100)");
    both = fresh_rows(db, &Q_session_modules, DB_ARGS(PERSON, "false"));
    assert_int_equal(db_rows(both), 2);
    assert_string_equal(db_text(both, 0, "id"), db_text(r, 0, "m"));
    all = fresh_rows(db, &Q_session_modules, DB_ARGS(OTHER, "true"));
    assert_int_equal(db_rows(all), 2);
}

static void urls(char to[128])
{
    auto_result PGresult *r = fresh_rows(db, &Q_connection_line, DB_ARGS(MODULE_1));

    assert_int_equal(db_rows(r), 1);
    assert_string_equal(db_text(r, 0, "block_id"), BLOCK);
    assert_string_equal(db_text(r, 0, "login"), "https://one.example");
    snprintf(to, 128, "%s", db_text(r, 0, "urls"));
}

/* Both speak all the time: who was heard last changes with each beat, the order does not. */
static void the_way_stays(void **state)
{
    char first[128], now[128];

    again(state);
    urls(now);
    assert_string_equal(now, "");
    sql("insert into node (id, kind, name, block_id) values ('" XCENTER "', 'xcenter', 'x', '" BLOCK
        "'), ('" SECOND "', 'xcenter', 'y', '" BLOCK "')");
    sql("insert into node_heard values ('" XCENTER "', now(), 'https://x'), ('" SECOND
        "', now() - interval '1 s', 'https://y')");
    urls(first);
    assert_int_equal(strlen(first), strlen("https://x,https://y"));
    sql("update node_heard set heard_at = now() - interval '2 s' where node_id = '" XCENTER "'");
    urls(now);
    assert_string_equal(now, first);
    sql("update node_heard set heard_at = now() - interval '1 min' where node_id = '" XCENTER "'");
    urls(now);
    assert_string_equal(now, "https://y,https://x");
    sql("update node_heard set heard_at = now() where node_id = '" XCENTER "'");
    sql("update node_heard set heard_at = now() - interval '1 min' where node_id = '" SECOND "'");
    urls(now);
    assert_string_equal(now, "https://x,https://y");
    sql("update node set revoked = true where id = '" XCENTER "'");
    urls(now);
    assert_string_equal(now, "https://y");
}

static void what_is_noted(void **state)
{
    again(state);
    desktop(HERS, MODULE_1, PERSON);
    expect(NULL, HERS, "noted", NULL);
    fresh_must(db, &Q_connection_note, DB_ARGS(NOTED, HERS, PERSON, MODULE_1));
    expect(NULL, HERS, "noted", NOTED);
    expect(POOL, NULL, "noted", NOTED);
    sql("update connection set person_id = '" OTHER "'");
    expect(NULL, HERS, "noted", NULL);
    sql("update connection set person_id = '" PERSON "'");
    fresh_must(db, &Q_connection_end, DB_ARGS(NOTED));
    expect(NULL, HERS, "noted", NULL);
}

static void *worker_start(void *arg)
{
    struct ccc_worker *w = calloc(1, sizeof *w);
    struct err e = { 0 };

    (void)arg;
    if (!w || !(w->lines = line_open_all()) || db_open(getenv("TEST_DB"), &w->db, &e) < 0)
        abort();
    return w;
}

static void worker_stop(void *arg, void *worker)
{
    struct ccc_worker *w = worker;

    (void)arg;
    PQclear(w->route);
    line_close_all(w->lines);
    db_close(w->db);
    free(w);
}

/* body_n 0: as it is; else blanks follow it. */
static void ask(const char *header, const char *body, size_t body_n, long status, const char *word)
{
    char *text = calloc(1, body_n > strlen(body) ? body_n + 1 : strlen(body) + 1);
    struct answer a;

    memset(text, ' ', body_n);
    memcpy(text, body, strlen(body));
    a = CALL(port, .path = "/api/v1/connections", .body = text, .headers = { header });
    if (a.status != status || !a.body || !strstr(a.body, word))
        fail_msg("%s: %ld %s", body, a.status, a.body ? a.body : "");
    answer_free(&a);
    free(text);
}

/* One worker, so what was read for one request lies before the next one. */
static void asks_through_the_listener(void **state)
{
    static const struct route *const routes[] = { connection_routes, NULL };
    struct http_spec spec = { .self = "ccc/test",
                              .address = "127.0.0.1:0",
                              .routes = routes,
                              .authenticate = session_authenticate,
                              .public_prefix = "/api/",
                              .workers = 1,
                              .app = &app,
                              .worker_start = worker_start,
                              .worker_stop = worker_stop };
    struct err e = { 0 };
    char mine[96], cookie[128];

    again(state);
    desktop(HERS, MODULE_1, PERSON);
    desktop(SECOND, MODULE_2, PERSON);
    snprintf(app.cookie, sizeof app.cookie, "bic_session_test");
    snprintf(mine, sizeof mine, "Authorization: Bearer %s", token);
    snprintf(cookie, sizeof cookie, "Cookie: bic_session_test=%s", token);
    assert_int_equal(http_start(&spec, &app.public, &e), 0);
    port = http_port(app.public);
    for (size_t longer = 0; longer <= 20000; longer += 20000) {
        ask(mine, "{\"desktop_id\":\"" HERS "\"}", longer, 503, "https://one.example");
        ask(mine, "{\"desktop_id\":\"" SECOND "\"}", longer, 503, "https://two.example");
        ask(mine, "{\"desktop_id\":\"" NOBODYS "\"}", longer, 403, "not-entitled");
        ask(mine, "{\"pool_id\":\"" NOBODYS "\"}", longer, 403, "not-entitled");
        ask(mine, "{\"desktop_id\":\"" HERS "\",\"pool_id\":\"" POOL "\"}", longer, 400,
            "exactly one");
        ask(mine, "{\"desktop_id\":7}", longer, 400, "invalid-request");
        ask("X: y", "{\"desktop_id\":\"" HERS "\"}", longer, 401, "not-signed-in");
    }
    ask(cookie, "{\"desktop_id\":\"" HERS "\"}", 0, 403, "csrf"); /* read, and not used */
    ask(mine, "{\"desktop_id\":\"" SECOND "\"}", 20000, 503, "https://two.example");
    sql("update mirror_module set login = 'https://uno.example' where module_id = '" MODULE_1 "'");
    ask(mine, "{\"desktop_id\":\"" HERS "\"}", 0, 503, "https://uno.example"); /* read again */
    sql("update person set disabled = true");
    ask(mine, "{\"desktop_id\":\"" HERS "\"}", 0, 401, "not-signed-in");
    sql("update person set disabled = false");
    ask(mine, "{\"desktop_id\":\"" HERS "\"}", 0, 503, "https://uno.example");
    sql("delete from login_session");
    ask(mine, "{\"desktop_id\":\"" HERS "\"}", 0, 401, "not-signed-in");
    http_stop(app.public);
}

static int up(void **state)
{
    (void)state;
    db = fresh_open();
    token_new(token);
    token_hash(token, hash);
    return 0;
}

static int down(void **state)
{
    (void)state;
    db_close(db);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lets_in_as_a_session_does),
        cmocka_unit_test(who_may),
        cmocka_unit_test(where_to),
        cmocka_unit_test(who_holds_her_seat),
        cmocka_unit_test(one_turn_at_a_time),
        cmocka_unit_test(where_she_may_sign_in),
        cmocka_unit_test(what_is_noted),
        cmocka_unit_test(the_way_stays),
        cmocka_unit_test(asks_through_the_listener),
    };

    return cmocka_run_group_tests_name("connection", tests, up, down);
}
