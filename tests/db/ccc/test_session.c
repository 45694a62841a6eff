/* Signing in, and what lists take from outside, through the real listener. */
#include "tests/db/ccc/listener.h"

#include "common/base/json.h"

#define OTHER "00000000-0000-4000-8000-0000000000ae"
#define HANGUL "\xED\x95\x9C"
#define HANGUL_13                                                                                  \
    HANGUL HANGUL HANGUL HANGUL HANGUL HANGUL HANGUL HANGUL HANGUL HANGUL HANGUL HANGUL HANGUL

static struct call ask(const char *method, const char *path, const char *body)
{
    struct call c = { .method = method, .path = path, .body = body };

    run(&c);
    return c;
}

/* Whatever somebody types as a name, it is a refused log-in, and the row says what was typed. */
static void a_strange_name_is_refused_and_written_down(void **state)
{
    static const char *const names[] = { "a" HANGUL_13, "aa" HANGUL_13, "aaa" HANGUL_13,
                                         HANGUL_13 };
    S(rows, 1,
      "select count(*) as n from audit where action = 'session.create' and result = "
      "'bad-credentials' and target_name <> '' and starts_with($1, target_name)");
    auto_db struct db *db = fresh_open();
    char body[200];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct call c;

        snprintf(body, sizeof body, "{\"username\":\"%s\",\"password\":\"password1\"}", names[i]);
        c = ask("POST", "/sessions", body);
        assert_int_equal(c.status, 401);
        assert_non_null(strstr(c.answer, "bad-credentials"));
        assert_int_equal(fresh_number(db, &rows, DB_ARGS(names[i])), 1);
    }
}

static void a_password_is_not_quoted(void **state)
{
    struct call c = ask("POST", "/sessions", "{\"username\":\"a\",\"password\":\"Geheim\" Geheim}");

    (void)state;
    assert_int_equal(c.status, 400);
    assert_null(strstr(c.answer, "Geheim"));
}

/* The password of alice is "password1". */
static void enrol(struct db *db)
{
    S(verifier, 1, "update person set verifier = $1 where username = 'alice'");
    char text[PASSWORD_VERIFIER];
    struct err e = { 0 };

    assert_int_equal(password_hash(app.passwords, "password1", text, &e), 0);
    fresh_must(db, &verifier, DB_ARGS(text));
}

/* One more session ends that which was not used for longest; an ended one counts before a live one.
 */
static void sessions_of_a_person_are_bounded(void **state)
{
    S(fill, 0,
      "insert into login_session (token_hash, person_id, used_at, expires_at, remote) select "
      "lpad(to_hex(i), 64, '0'), '" PERSON "', now() - make_interval(mins => i), now() + interval "
      "'1 h', '-' from generate_series(1, 40) i");
    S(expired, 0,
      "update login_session set expires_at = now() - interval '1 s' where token_hash = lpad('1', "
      "64, "
      "'0')");
    S(count, 0, "select count(*) as n from login_session where person_id = '" PERSON "'");
    S(newest, 0,
      "select count(*) as n from login_session where person_id = '" PERSON
      "' and token_hash in (select lpad(to_hex(i), 64, '0') from generate_series(2, 32) i)");
    S(others, 0, "select count(*) as n from login_session where person_id = '" ADMIN "'");
    auto_db struct db *db = fresh_open();
    struct call c;

    (void)state;
    enrol(db);
    fresh_must(db, &fill, NULL);
    fresh_must(db, &expired, NULL);
    c = ask("POST", "/sessions", "{\"username\":\"alice\",\"password\":\"password1\"}");
    assert_int_equal(c.status, 201);
    assert_int_equal(fresh_number(db, &count, NULL), SESSIONS_A_PERSON);
    assert_int_equal(fresh_number(db, &newest, NULL), SESSIONS_A_PERSON - 1);
    assert_int_equal(fresh_number(db, &others, NULL), 1);
    for (int i = 0; i < 2; i++) {
        json_auto_t *answer = json_loads(c.answer, 0, NULL);
        struct call me = { .method = "GET", .path = "/me", .token = json_str(answer, "token") };

        run(&me);
        assert_int_equal(me.status, 200); /* she who came last is in */
        c = ask("POST", "/sessions", "{\"username\":\"alice\",\"password\":\"password1\"}");
        assert_int_equal(c.status, 201);
    }
    assert_int_equal(fresh_number(db, &count, NULL), SESSIONS_A_PERSON);
}

/* Every time that RFC 3339 allows is a time, and means the same as in UTC. */
static void times_with_any_offset(void **state)
{
    static const struct {
        const char *since;
        long status;
        bool found;
    } asked[] = {
        { "2024-01-01T00:00:00%2B20:00", 200, true },
        { "2024-01-01T00:00:00%2B23:59", 200, true },
        { "2024-01-01T00:00:00-23:59", 200, true },
        { "2024-02-02T03:59:59%2B16:00", 200, true },  /* 2024-02-01T11:59:59Z */
        { "2024-02-02T04:00:01%2B16:00", 200, false }, /* 2024-02-01T12:00:01Z */
        { "0001-01-01T00:00:00Z", 200, true },
        { "0001-01-01T00:00:00%2B01:00", 400, false }, /* before the first year */
        { "9999-12-31T23:59:59-20:00", 200, false },
        { "2024-01-01T00:00:00%2B24:00", 400, false },
        { "2024-13-01T00:00:00Z", 400, false },
        { "yesterday", 400, false },
    };
    S(row, 0,
      "insert into audit (at, action, result, origin) values ('2024-02-01T12:00:00Z', 'x.y', 'ok', "
      "'-')");
    auto_db struct db *db = fresh_open();
    char path[100];

    (void)state;
    fresh_must(db, &row, NULL);
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        struct call c;

        snprintf(path, sizeof path, "/audit?action=x.y&since=%s", asked[i].since);
        c = ask("GET", path, NULL);
        assert_int_equal(c.status, asked[i].status);
        assert_int_equal(strstr(c.answer, "2024-02-01T12:00:00.000Z") != NULL, asked[i].found);
    }
}

/* A node is read by its id, and forgotten with the generation that was read. */
static void a_node_is_read_and_forgotten(void **state)
{
#define NODE "00000000-0000-4000-8000-000000000055"
    S(joined, 0,
      "insert into node (id, kind, name, block_id, module_id, place, serial, not_after, "
      "generation) "
      "values ('" NODE "', 'bserver', 'host-9', '" BLOCK "', '" MODULE_1
      "', 3, 'ab', now() + interval '1 h', 7)");
    S(own, 0,
      "insert into node (id, kind, name, serial, not_after) values ('" OTHER
      "', 'ccc', 'ccc', 'ab', now())");
    auto_db struct db *db = fresh_open();
    struct call c;

    (void)state;
    fresh_must(db, &joined, NULL);
    fresh_must(db, &own, NULL);
    c = ask("GET", "/nodes/" NODE, NULL);
    assert_int_equal(c.status, 200);
    assert_non_null(strstr(c.answer, "\"name\":\"host-9\""));
    assert_non_null(strstr(c.answer, "\"generation\":7"));
    assert_int_equal(ask("DELETE", "/nodes/" NODE, NULL).status, 428);
    c = (struct call){ .method = "DELETE", .path = "/nodes/" NODE, .header = "If-Match: \"6\"" };
    run(&c);
    assert_int_equal(c.status, 412);
    c = (struct call){ .method = "DELETE", .path = "/nodes/" NODE, .header = "If-Match: \"7\"" };
    run(&c);
    assert_int_equal(c.status, 204);
    assert_int_equal(ask("GET", "/nodes/" NODE, NULL).status, 404);
    assert_int_equal(ask("GET", "/nodes/" OTHER, NULL).status,
                     404); /* the CCC is not in the list */
    assert_int_equal(ask("GET", "/nodes/x", NULL).status, 404);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_strange_name_is_refused_and_written_down, listener_up,
                                        listener_down),
        cmocka_unit_test_setup_teardown(a_password_is_not_quoted, listener_up, listener_down),
        cmocka_unit_test_setup_teardown(sessions_of_a_person_are_bounded, listener_up,
                                        listener_down),
        cmocka_unit_test_setup_teardown(times_with_any_offset, listener_up, listener_down),
        cmocka_unit_test_setup_teardown(a_node_is_read_and_forgotten, listener_up, listener_down),
    };

    curl_global_init(CURL_GLOBAL_ALL);
    return cmocka_run_group_tests_name("ccc session", tests, NULL, NULL);
}
