/* A connect that has to boot first is an operation: it ends once, in one session, for those who
 * may. */
#include "sql/module/module.h"
#include "tests/db/bcenter/fixture.h"

static int end_by(struct bcenter *bc, struct db *db, const struct id *session, const char *secret)
{
    struct err e = { 0 };

    if (session_end_resume(bc, db, &(struct session_resume){ *session, secret }, "t", &e) == 0)
        return ERR_NONE;
    return (int)e.code;
}

/* Who works longer than her sign-in lasts has nothing but the secret. */
static void the_secret_alone_ends_a_session(void **state)
{
    struct bcenter *bc = with_pool("floating", 1, 1, 1);
    auto_db struct db *db = NULL;
    struct connection c;
    struct err e = { 0 };
    struct id person = person_no(1);

    (void)state;
    assert_int_equal(db_open(getenv("TEST_DB"), &db, &e), 0);
    assert_int_equal(ask(bc, db, 1, &c, &e), 0);
    assert_int_equal(end_by(bc, db, &c.id, "another"), ERR_TICKET_REFUSED);
    assert_int_equal(end_by(bc, db, &person, c.resume), ERR_NOT_FOUND);
    assert_int_equal(sql_number("select count(*) from session where ended_at is null"), 1);
    assert_int_equal(end_by(bc, db, &c.id, c.resume), ERR_NONE);
    assert_int_equal(end_by(bc, db, &c.id, c.resume), ERR_SESSION_ENDED);
    assert_int_equal(sql_number("select count(*) from session where ended_at is null"), 0);
    assert_int_equal(sql_number("select count(*) from audit where action = 'connection.end' and "
                                "actor_id is not null and actor_name = 'p1'"),
                     1);
    fixture_stop(bc);
}

static void starting_is_an_operation(void **state)
{
    struct bcenter *bc = with_pool("persistent", 1, 0, 1);
    auto_db struct db *db = NULL;
    struct connection c, same;
    struct err e = { 0 };
    struct operation *op;

    (void)state;
    assert_int_equal(db_open(getenv("TEST_DB"), &db, &e), 0);
    assert_int_equal(ask(bc, db, 1, &c, &e), 0);
    assert_true(id_set(&c.operation));
    assert_int_equal(ask(bc, db, 1, &same, &e), 0);
    assert_string_equal(same.operation.s, c.operation.s);
    settle(bc);
    op = module_operation(&bc->m, &c.operation);
    assert_int_equal(op->state, OP_SUCCEEDED);
    assert_int_equal(ask(bc, db, 1, &c, &e), 0);
    assert_true(id_set(&c.id));
    fixture_stop(bc);
}

/* Row versions of what a connect writes: grows with each statement that changes anything. */
static int64_t written(void)
{
    return sql_number("select sum(n)::bigint from (select count(*) n from audit union all select "
                      "sum(generation) from desktop union all select count(*) from operation union "
                      "all select count(*) + sum(xmin::text::bigint) from session union all select "
                      "sum(generation) from seat) x");
}

static int result_of(struct bcenter *bc, int person, const struct id *operation,
                     struct connection *c, struct err *e)
{
    struct id who = person_no(person);

    *e = (struct err){ 0 };
    return broker_result(bc, operation, &who, c, e);
}

/* The session that was asked for is there when the operation has ended; reading gives tickets. */
static void a_result_is_one_session(void **state)
{
    struct bcenter *bc = with_pool("persistent", 1, 0, 1);
    auto_db struct db *db = NULL;
    struct session_end end = { .reason = "disconnected", .actor_name = "p1", .trace = "t" };
    struct connection c, first, again;
    struct err e = { 0 };
    struct id op;
    int64_t was;

    (void)state;
    assert_int_equal(db_open(getenv("TEST_DB"), &db, &e), 0);
    assert_int_equal(ask(bc, db, 1, &c, &e), 0);
    op = c.operation;
    assert_int_equal(result_of(bc, 1, &op, &c, &e), -1);
    assert_int_equal(e.code, ERR_OPERATION_OPEN);
    settle(bc);
    assert_int_equal(sql_number("select count(*) from session where ended_at is null"), 1);
    assert_int_equal(sql_number("select count(*) from audit where action = 'connection.create' and "
                                "result = 'ok' and trace_id = 't'"),
                     1);
    assert_int_equal(result_of(bc, 2, &op, &c, &e), -1); /* not hers */
    assert_int_equal(e.code, ERR_NOT_FOUND);
    was = written();
    assert_int_equal(result_of(bc, 1, &op, &first, &e), 0);
    assert_int_equal(result_of(bc, 1, &op, &again, &e), 0);
    assert_int_equal(written(), was); /* two readings, not a row */
    assert_string_equal(first.id.s, again.id.s);
    assert_string_equal(first.resume, again.resume);
    assert_int_equal(ticket(bc, db, &first.id, first.resume, &e), 0);
    end.session = first.id;
    assert_int_equal(session_end(bc, db, &end, &e), 0);
    settle(bc);
    module_operation(&bc->m, &op)->seq = 0;
    auto_result PGresult *r = NULL;
    assert_int_equal(db_run(db, &Q_operation_one, DB_ARGS(op.s), &r, &e), 0);
    module_lock(&bc->m);
    module_take_operations(&bc->m, r); /* as after a restart */
    module_unlock(&bc->m);
    assert_true(module_operation(&bc->m, &op)->seq > 0);
    assert_int_equal(result_of(bc, 1, &op, &c, &e), -1);
    assert_int_equal(e.code, ERR_SESSION_ENDED);
    assert_int_equal(sql_number("select count(*) from session"), 1);
    assert_int_equal(sql_number("select count(*) from operation"), 1);
    assert_int_equal(ask(bc, db, 1, &c, &e), 0); /* she comes back: another session */
    assert_int_equal(result_of(bc, 1, &op, &c, &e), -1);
    assert_int_equal(e.code, ERR_SESSION_ENDED);
    fixture_stop(bc);
}

static struct bcenter *again_with(const char *kind, int people)
{
    struct bcenter *bc = fixture_start();

    want_pool(bc, kind, 1, 0, IMAGE);
    want_people(bc, people);
    heard(bc, HOST, "boot-1", 8);
    return bc;
}

/* The process ends when the machine is up and nobody has said so yet: the next one does, once. The
 * secret is the same for whoever leads. */
static void a_connect_ends_once_over_a_restart(void **state)
{
    struct bcenter *bc = with_pool("persistent", 1, 0, 1);
    auto_db struct db *db = NULL;
    struct connection c, first, again;
    struct err e = { 0 };
    struct id op;

    (void)state;
    assert_int_equal(db_open(getenv("TEST_DB"), &db, &e), 0);
    assert_int_equal(ask(bc, db, 1, &c, &e), 0);
    op = c.operation;
    obey(bc); /* up, and reconcile has not come by */
    fixture_stop(bc);
    assert_int_equal(sql_number("select count(*) from session"), 0);
    bc = again_with("persistent", 1);
    settle(bc);
    assert_int_equal(module_operation(&bc->m, &op)->state, OP_SUCCEEDED);
    assert_int_equal(sql_number("select count(*) from session"), 1);
    assert_int_equal(result_of(bc, 1, &op, &first, &e), 0);
    fixture_stop(bc);
    bc = again_with("persistent", 1);
    settle(bc);
    assert_int_equal(result_of(bc, 1, &op, &again, &e), 0);
    assert_string_equal(again.id.s, first.id.s);
    assert_string_equal(again.resume, first.resume);
    assert_int_equal(ticket(bc, db, &first.id, first.resume, &e), 0);
    assert_int_equal(sql_number("select count(*) from session"), 1);
    /* A session of an earlier version: her secret is another, and is good for as long. */
    sql("update session set resume_hash = sha256('of old'::bytea)");
    fixture_stop(bc);
    bc = again_with("persistent", 1);
    settle(bc);
    assert_int_equal(ticket(bc, db, &first.id, "of old", &e), 0);
    assert_int_equal(ticket(bc, db, &first.id, first.resume, &e), 0);
    assert_int_equal(ticket(bc, db, &first.id, "of young", &e), -1);
    fixture_stop(bc);
}

/* Disabled while it boots: no session is opened for her. */
static void nobody_arrives_who_may_not(void **state)
{
    struct bcenter *bc = with_pool("persistent", 1, 0, 1);
    auto_db struct db *db = NULL;
    struct connection c;
    struct err e = { 0 };

    (void)state;
    assert_int_equal(db_open(getenv("TEST_DB"), &db, &e), 0);
    assert_int_equal(ask(bc, db, 1, &c, &e), 0);
    unwanted(bc, "entitlement", numbered("99999999", 1));
    settle(bc);
    assert_int_equal(module_operation(&bc->m, &c.operation)->state, OP_FAILED);
    assert_int_equal(sql_number("select count(*) from operation where error ->> 'type' = "
                                "'/problems/not-entitled'"),
                     1);
    assert_int_equal(sql_number("select count(*) from session"), 0);
    fixture_stop(bc);
}

/* The CCC tells who serves her elsewhere; that comes before the shares, which make us her place. */
static void held_elsewhere(void **state)
{
    struct bcenter *bc = with_pool("persistent", 2, 0, 2);
    struct id person = person_no(1), seat = id_v5(POOL, person.s);
    auto_db struct db *db = NULL;
    struct connection c;
    struct err e = { 0 };

    (void)state;
    assert_int_equal(db_open(getenv("TEST_DB"), &db, &e), 0);
    wanted(bc, "module", id_of(OTHER_MODULE), "{\"name\":\"o\",\"login\":\"http://other\"}");
    wanted(bc, "seat", seat,
           "{\"person_id\":\"%s\",\"pool_id\":\"" POOL "\",\"module_id\":\"" OTHER_MODULE "\"}",
           person.s);
    assert_int_equal(ask(bc, db, 1, &c, &e), -1);
    assert_int_equal(e.code, ERR_SEAT_ELSEWHERE);
    assert_string_equal(e.where, "http://other");
    assert_int_equal(sql_number("select count(*) from desktop where person_id is not null"), 0);
    assert_int_equal(ask(bc, db, 2, &c, &e), 0); /* of others nothing is said */
    unwanted(bc, "seat", seat);
    assert_int_equal(ask(bc, db, 1, &c, &e), 0);
    fixture_stop(bc);
}

static void person_of(struct bcenter *bc, const char *role, const char *disabled)
{
    struct id p = person_no(1);

    wanted(bc, "person", p,
           "{\"id\":\"%s\",\"username\":\"p1\",\"display_name\":\"P\",\"role\":\"%s\","
           "\"disabled\":%s,\"groups\":[]}",
           p.s, role, disabled);
}

/* An administrator has a desktop like everybody, and loses it like everybody. */
static void administrators_too(void **state)
{
    struct bcenter *bc = with_pool("persistent", 1, 0, 1);
    auto_db struct db *db = NULL;
    struct connection c;
    struct err e = { 0 };

    (void)state;
    assert_int_equal(db_open(getenv("TEST_DB"), &db, &e), 0);
    person_of(bc, "admin", "false");
    assert_int_equal(ask_as(bc, db, 1, true, &c, &e), 0);
    settle(bc);
    assert_int_equal(sql_number("select count(*) from session where ended_at is null"), 1);
    person_of(bc, "admin", "true");
    settle(bc);
    assert_int_equal(sql_number("select count(*) from session where ended_at is null"), 0);
    fixture_stop(bc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_secret_alone_ends_a_session),
        cmocka_unit_test(starting_is_an_operation),
        cmocka_unit_test(a_result_is_one_session),
        cmocka_unit_test(a_connect_ends_once_over_a_restart),
        cmocka_unit_test(nobody_arrives_who_may_not),
        cmocka_unit_test(held_elsewhere),
        cmocka_unit_test(administrators_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
