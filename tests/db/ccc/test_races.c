/*
 * Writes that meet: one key, one name, one generation, many at once. Through the real listener,
 * since Idempotency-Key and If-Match are headers.
 */
#include "tests/db/ccc/listener.h"

#define OTHER "00000000-0000-4000-8000-0000000000ae"

static int at_once(struct call calls[THREADS], long status)
{
    pthread_t t[THREADS];
    int n = 0;

    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, run, &calls[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    for (int i = 0; i < THREADS; i++)
        n += calls[i].status == status;
    return n;
}

/* One key: one person, and everybody is told the same. A transaction that gave up may say 503. */
static void one_key(void **state)
{
    S(people, 0, "select count(*) as n from person where username like 'once%'");
    S(traces, 0, "select count(*) as n from audit where target_name like 'once%'");
    struct call calls[THREADS] = { { 0 } };
    auto_db struct db *db = fresh_open();
    const char *first = NULL;
    int made;

    (void)state;
    for (int i = 0; i < THREADS; i++)
        calls[i] = (struct call){ "POST",
                                  "/users",
                                  "{\"username\":\"once\",\"password\":\"password1\"}",
                                  "Idempotency-Key: k1",
                                  0,
                                  "",
                                  0,
                                  NULL };
    made = at_once(calls, 201);
    assert_true(made >= 1);
    for (int i = 0; i < THREADS; i++) {
        assert_true(calls[i].status == 201 || calls[i].status == 503);
        if (calls[i].status != 201)
            continue;
        if (first)
            assert_string_equal(calls[i].answer, first);
        first = calls[i].answer;
    }
    assert_int_equal(fresh_number(db, &people, NULL), 1);
    assert_int_equal(fresh_number(db, &traces, NULL), 1);
    calls[0] = (struct call){ "POST",
                              "/users",
                              "{\"username\":\"once2\",\"password\":\"password1\"}",
                              "Idempotency-Key: k1",
                              0,
                              "",
                              0,
                              NULL };
    run(&calls[0]);
    assert_int_equal(calls[0].status, 422);
}

/* What is kept of a body with a password says nothing about the password. */
static void no_trace_of_a_password(void **state)
{
    S(kept, 0,
      "select count(*) as n from idempotency where key = 'k2' and body_hash = "
      "encode(sha256('{\"username\":\"quiet\"}'), 'hex')");
    struct call calls[] = {
        { "POST", "/users", "{\"username\":\"quiet\",\"password\":\"password1\"}",
          "Idempotency-Key: k2", 0, "", 0, NULL },
        { "POST", "/users", "{\"password\":\"password2\",\"username\":\"quiet\"}",
          "Idempotency-Key: k2", 0, "", 0, NULL },
    };
    auto_db struct db *db = fresh_open();

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        run(&calls[i]);
        assert_int_equal(calls[i].status, 201);
    }
    assert_string_equal(calls[0].answer, calls[1].answer);
    assert_int_equal(fresh_number(db, &kept, NULL), 1);
}

/* One name without a key: one is made, the others are told. */
static void one_name(void **state)
{
    S(specs, 0, "select count(*) as n from spec where name = 'race'");
    struct call calls[THREADS] = { { 0 } };
    auto_db struct db *db = fresh_open();

    (void)state;
    for (int i = 0; i < THREADS; i++)
        calls[i] =
            (struct call){ "POST", "/specs", "{\"name\":\"race\",\"vcpus\":1,\"memory_mib\":512}",
                           NULL,   0,        "",
                           0,      NULL };
    assert_int_equal(at_once(calls, 201), 1);
    for (int i = 0; i < THREADS; i++)
        assert_true(calls[i].status == 201 || calls[i].status == 409 || calls[i].status == 503);
    assert_int_equal(fresh_number(db, &specs, NULL), 1);
}

/* One generation: one change goes through. */
static void one_generation(void **state)
{
    S(generation, 0, "select generation as n from spec where id = '" SPEC "'");
    struct call calls[THREADS] = { { 0 } };
    auto_db struct db *db = fresh_open();

    (void)state;
    for (int i = 0; i < THREADS; i++)
        calls[i] =
            (struct call){ "PATCH", "/specs/" SPEC, "{\"vcpus\":4}", "If-Match: \"1\"", 0, "", 0,
                           NULL };
    assert_int_equal(at_once(calls, 200), 1);
    assert_int_equal(fresh_number(db, &generation, NULL), 2);
}

/* Shares of many pools in one module at once: the law of 1,000 holds, whoever is first. */
static void one_module(void **state)
{
    S(sum, 0, "select sum(size) as n from pool_share where module_id = '" MODULE_1 "'");
    struct call calls[THREADS] = { { 0 } };
    char bodies[THREADS][320];
    auto_db struct db *db = fresh_open();
    int made;

    (void)state;
    for (int i = 0; i < THREADS; i++) {
        snprintf(bodies[i], sizeof bodies[i],
                 "{\"name\":\"p%d\",\"kind\":\"floating\",\"image_id\":\"" IMAGE
                 "\",\"spec_id\":\"" SPEC "\",\"shares\":[{\"module_id\":\"" MODULE_1
                 "\",\"size\":200}]}",
                 i);
        calls[i] = (struct call){ "POST", "/pools", bodies[i], NULL, 0, "", 0, NULL };
    }
    made = at_once(calls, 201);
    assert_true(made >= 1 && made <= 2); /* 500 are taken already */
    assert_int_equal(fresh_number(db, &sum, NULL), 500 + made * 200);
}

/*
 * Two administrators who delete each other: one stays, whoever is first. Repeated, since they must
 * meet in the middle.
 */
static void last_administrator(void **state)
{
    S(second, 0,
      "insert into person (id, username, role, verifier) values ('" OTHER
      "', 'other', 'admin', '$argon2id$x')");
    S(first, 0,
      "insert into person (id, username, role, verifier) values ('" ADMIN
      "', 'root', 'admin', '$argon2id$x') on conflict do nothing");
    S(gone, 0, "delete from person where id = '" OTHER "'");
    S(signed_in, 2,
      "insert into login_session (token_hash, person_id, expires_at, remote) values ($1, "
      "$2::uuid, now() + interval '1 h', '-') on conflict do nothing");
    S(left, 0, "select count(*) as n from person where role = 'admin' and not disabled");
    static const char *const methods[] = { "DELETE", "PATCH" };
    auto_db struct db *db = fresh_open();
    char theirs[TOKEN_TEXT], hash[TOKEN_HASH];

    (void)state;
    token_new(theirs);
    for (int i = 0; i < 24; i++) {
        const char *method = methods[i % 2], *body = i % 2 ? "{\"role\":\"user\"}" : NULL;
        struct call calls[THREADS] = { { 0 } };

        fresh_must(db, &gone, NULL);
        fresh_must(db, &first, NULL);
        fresh_must(db, &second, NULL);
        token_hash(token, hash);
        fresh_must(db, &signed_in, DB_ARGS(hash, ADMIN));
        token_hash(theirs, hash);
        fresh_must(db, &signed_in, DB_ARGS(hash, OTHER));
        for (int k = 0; k < THREADS; k++)
            calls[k] = (struct call){ .method = method,
                                      .path = k % 2 ? "/users/" ADMIN : "/users/" OTHER,
                                      .body = body,
                                      .header = "If-Match: \"1\"",
                                      .token = k % 2 ? theirs : token };
        at_once(calls, 204);
        assert_int_equal(fresh_number(db, &left, NULL), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_key, listener_up, listener_down),
        cmocka_unit_test_setup_teardown(no_trace_of_a_password, listener_up, listener_down),
        cmocka_unit_test_setup_teardown(one_name, listener_up, listener_down),
        cmocka_unit_test_setup_teardown(one_generation, listener_up, listener_down),
        cmocka_unit_test_setup_teardown(last_administrator, listener_up, listener_down),
        cmocka_unit_test_setup_teardown(one_module, listener_up, listener_down),
    };

    curl_global_init(CURL_GLOBAL_ALL);
    return cmocka_run_group_tests_name("ccc races", tests, NULL, NULL);
}
