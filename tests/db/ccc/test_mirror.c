/* Pushes of observed objects, taken in by a real database: snapshots, overlaps, refusals, ends. */
#include "tests/db/ccc/fresh.h"

#include <stdio.h>

#include "ccc/mirror.h"
#include "common/base/json.h"

#define XCENTER "00000000-0000-4000-8000-0000000000bb"
#define OTHER "00000000-0000-4000-8000-0000000000bc"
#define HISTORY "00000000-0000-4000-8000-00000000aaaa"
#define LATER "00000000-0000-4000-8000-00000000bbbb"
#define DESKTOP "00000000-0000-4000-8000-0000000000d1"
#define DESKTOP_2 "00000000-0000-4000-8000-0000000000d2"
#define SESSION "00000000-0000-4000-8000-0000000000e5"
#define AUDIT "00000000-0000-4000-8000-0000000000a7"
#define ORDER "00000000-0000-4000-8000-0000000000f5"

S(desktops, 0, "select count(*) as n from mirror_desktop");
S(live, 0, "select count(*) as n from connection where ended_at is null");

static int setup(void **state)
{
    S(nodes, 0,
      "insert into node (id, kind, name, block_id) values ('" XCENTER "', 'xcenter', 'x', '" BLOCK
      "'), ('" OTHER "', 'xcenter', 'y', '" BLOCK "')");
    auto_db struct db *db;

    fresh_schema(state);
    db = fresh_open();
    fresh_world(db);
    fresh_must(db, &nodes, NULL);
    return 0;
}

struct push {
    const char *history, *from;
    int rev;
    bool snapshot, more;
    const char *objects; /* JSON */
    const char *module, *node;
};

static int push(struct db *db, const struct push *p, char cursor[SYNC_CURSOR_MAX], bool *resend,
                struct err *e)
{
    char text[4096];
    struct id node;
    json_auto_t *body = NULL;
    size_t n;

    id_parse(p->node ? p->node : XCENTER, &node);
    snprintf(text, sizeof text,
             "{\"from\":\"%s\",\"history\":\"%s\",\"cursor\":\"%s:%d\",\"floor\":0,\"snapshot\":%s,"
             "\"more\":%s,"
             "\"objects\":[%s],\"about\":{\"source\":\"%s\",\"module\":{\"heard_ms\":10,\"login\":"
             "\"http://m\",\"version\":\"1\"}}}",
             p->from ? p->from : "", p->history, p->history, p->rev, p->snapshot ? "true" : "false",
             p->more ? "true" : "false", p->objects ? p->objects : "",
             p->module ? p->module : MODULE_1);
    body = json_loads(text, 0, NULL);
    assert_non_null(body);
    n = json_array_size(json_object_get(body, "objects"));
    if (!p->more)
        json_object_set_new(body, "count", json_integer((json_int_t)n));
    return mirror_take(db, &node, body, cursor, resend, e);
}

static bool taken(struct db *db, const struct push *p)
{
    char cursor[SYNC_CURSOR_MAX];
    struct err e = { 0 };
    bool resend;

    if (push(db, p, cursor, &resend, &e) < 0)
        fail_msg("%s (%s)", e.detail, e.cause);
    return !resend;
}

#define DESK(id, state, rest)                                                                      \
    "{\"kind\":\"desktop\",\"id\":\"" id "\",\"rev\":1,\"body\":{\"id\":\"" id                     \
    "\",\"name\":\"d\",\"state\":\"" state "\",\"observed\":\"running\",\"pool_id\":\"" POOL       \
    "\"" rest "}}"

static void a_snapshot_replaces(void **state)
{
    S(state_of, 0, "select count(*) as n from mirror_desktop where state = 'off'");
    auto_db struct db *db = fresh_open();

    (void)state;
    assert_true(
        taken(db, &(struct push){ HISTORY, "", 9, true, false,
                                  DESK(DESKTOP, "ready", "") "," DESK(DESKTOP_2, "ready", ""), NULL,
                                  NULL }));
    assert_int_equal(fresh_number(db, &desktops, NULL), 2);
    assert_true(taken(
        db, &(struct push){ LATER, "", 3, true, true, DESK(DESKTOP, "off", ""), NULL, NULL }));
    assert_int_equal(fresh_number(db, &desktops, NULL), 2); /* nothing goes before the end */
    assert_true(taken(db, &(struct push){ LATER, LATER ":3", 5, false, false, "", NULL, NULL }));
    assert_int_equal(fresh_number(db, &desktops, NULL), 1);
    assert_int_equal(fresh_number(db, &state_of, NULL), 1);
}

static void a_gap_is_answered_with_what_is_held(void **state)
{
    auto_db struct db *db = fresh_open();
    char cursor[SYNC_CURSOR_MAX];
    struct err e = { 0 };
    bool resend;

    (void)state;
    assert_true(taken(
        db, &(struct push){ HISTORY, "", 9, true, false, DESK(DESKTOP, "ready", ""), NULL, NULL }));
    assert_int_equal(
        push(db, &(struct push){ HISTORY, HISTORY ":12", 20, false, false, "", NULL, NULL }, cursor,
             &resend, &e),
        0);
    assert_true(resend);
    assert_string_equal(cursor, HISTORY ":9");
}

/* A late page of the other xCenter does not bring back what went meanwhile. */
static void an_older_page_changes_nothing(void **state)
{
    auto_db struct db *db = fresh_open();

    (void)state;
    assert_true(taken(
        db, &(struct push){ HISTORY, "", 2, true, false, DESK(DESKTOP, "ready", ""), NULL, NULL }));
    assert_true(taken(db, &(struct push){ HISTORY, HISTORY ":2", 6, false, false,
                                          "{\"kind\":\"desktop\",\"id\":\"" DESKTOP
                                          "\",\"rev\":5,\"deleted\":true}",
                                          NULL, NULL }));
    assert_int_equal(fresh_number(db, &desktops, NULL), 0);
    assert_true(taken(db, &(struct push){ HISTORY, HISTORY ":0", 8, false, false,
                                          DESK(DESKTOP, "ready", ""), NULL, OTHER }));
    assert_int_equal(fresh_number(db, &desktops, NULL), 0);
}

static void who_may_speak(void **state)
{
    S(revoke, 0, "update node set revoked = true where id = '" XCENTER "'");
    S(block, 0,
      "insert into block (id, name) values ('00000000-0000-4000-8000-0000000000b9', 'far')");
    S(module, 0,
      "insert into module (id, name, block_id, place) values "
      "('00000000-0000-4000-8000-0000000000a9', 'far', '00000000-0000-4000-8000-0000000000b9', 0)");
    auto_db struct db *db = fresh_open();
    char cursor[SYNC_CURSOR_MAX];
    struct err e = { 0 };
    bool resend;

    (void)state;
    fresh_must(db, &block, NULL);
    fresh_must(db, &module, NULL);
    assert_int_equal(push(db,
                          &(struct push){ HISTORY, "", 1, true, false, "",
                                          "00000000-0000-4000-8000-0000000000a9", NULL },
                          cursor, &resend, &e),
                     -1);
    assert_int_equal(e.code, ERR_PEER_IDENTITY);
    fresh_must(db, &revoke, NULL);
    e = (struct err){ 0 };
    assert_int_equal(push(db, &(struct push){ HISTORY, "", 1, true, false, "", NULL, NULL }, cursor,
                          &resend, &e),
                     -1);
    assert_int_equal(e.code, ERR_PEER_IDENTITY);
}

/* A module cannot take over what belongs to another by naming its id. */
static void modules_keep_to_themselves(void **state)
{
    S(whose, 0,
      "select count(*) as n from mirror_desktop where module_id = '" MODULE_1
      "' and state = 'ready'");
    auto_db struct db *db = fresh_open();

    (void)state;
    assert_true(taken(
        db, &(struct push){ HISTORY, "", 2, true, false, DESK(DESKTOP, "ready", ""), NULL, NULL }));
    assert_true(taken(
        db, &(struct push){ LATER, "", 2, true, false, DESK(DESKTOP, "off", ""), MODULE_2, NULL }));
    assert_int_equal(fresh_number(db, &whose, NULL), 1);
}

static void a_bad_object_is_refused_alone(void **state)
{
    auto_db struct db *db = fresh_open();

    (void)state;
    assert_true(taken(
        db,
        &(struct push){ HISTORY, "", 2, true, false,
                        "{\"kind\":\"desktop\",\"id\":\"" DESKTOP_2
                        "\",\"rev\":1,\"body\":{\"name\":7}},{\"kind\":\"novel\",\"id\":\"" DESKTOP
                        "\",\"rev\":1,\"body\":{}}," DESK(DESKTOP, "ready", ""),
                        NULL, NULL }));
    assert_int_equal(fresh_number(db, &desktops, NULL), 1);
}

#define STANDS(share, rest)                                                                        \
    "{\"kind\":\"pool\",\"id\":\"" POOL "\",\"rev\":1,\"body\":{\"share\":" share                  \
    ",\"desktops\":26," rest "}}"
#define SHORT                                                                                      \
    "\"refused\":{\"law\":\"law-vf\",\"detail\":\"no free virtual "                                \
    "function\"},\"forecast\":[{\"law\":"                                                          \
    "\"law-vf\",\"needs\":40,\"free\":26,\"later\":1}]"

/* Needs 40, 26 free: from each module of the pool, for as long as it says so. */
static void a_pool_tells_what_it_is_short_of(void **state)
{
    S(body, 0, "select body || pool_forecast(id) as body from api_pool where id = '" POOL "'");
    S(known, 0, "select count(*) as n from mirror_pool");
    auto_db struct db *db = fresh_open();
    auto_result PGresult *r = NULL, *after = NULL;
    json_t *list, *one;

    (void)state;
    assert_true(
        taken(db, &(struct push){ HISTORY, "", 2, true, false, STANDS("40", SHORT), NULL, NULL }));
    assert_true(taken(db, &(struct push){ LATER, "", 2, true, false,
                                          STANDS("26", "\"refused\":null,\"forecast\":[]"),
                                          MODULE_2, NULL }));
    assert_int_equal(fresh_number(db, &known, NULL), 2);
    r = fresh_rows(db, &body, NULL);
    json_auto_t *pool = json_loads(db_text(r, 0, "body"), 0, NULL);
    list = json_object_get(pool, "forecast");
    assert_int_equal(json_array_size(list), 1);
    one = json_array_get(list, 0);
    assert_string_equal(json_str(one, "module_id"), MODULE_1);
    assert_string_equal(json_str(one, "law"), "law-vf");
    assert_int_equal(json_num(one, "needs", 0), 40);
    assert_int_equal(json_num(one, "free", 0), 26);
    assert_int_equal(json_object_size(one), 4); /* what is not known is not shown */
    assert_int_equal(json_array_size(json_object_get(pool, "refused")), 1);
    /* Refused alone: figures that are none, laws without end. */
    assert_true(taken(db, &(struct push){ HISTORY, HISTORY ":2", 3, false, false,
                                          STANDS("-1", SHORT) "," STANDS(
                                              "1", "\"forecast\":[{\"law\":\"law-vf\",\"needs\":"
                                                   "\"40\",\"free\":26}]"),
                                          NULL, NULL }));
    assert_int_equal(fresh_number(db, &known, NULL), 2);
    assert_true(taken(db, &(struct push){ HISTORY, HISTORY ":3", 4, false, false,
                                          "{\"kind\":\"pool\",\"id\":\"" POOL
                                          "\",\"rev\":5,\"deleted\":true}",
                                          NULL, NULL }));
    after = fresh_rows(db, &body, NULL);
    json_auto_t *quiet = json_loads(db_text(after, 0, "body"), 0, NULL);
    assert_int_equal(json_array_size(json_object_get(quiet, "forecast")), 0);
    assert_int_equal(json_array_size(json_object_get(quiet, "refused")), 0);
}

/* A bCenter shows its newest rows only: that it forgets one, or was made anew, is no reason to. */
static void audit_rows_stay(void **state)
{
    S(rows, 0,
      "select count(*) as n from audit where id = '" AUDIT "' and action = 'connection.create'");
    auto_db struct db *db = fresh_open();

    (void)state;
    assert_true(taken(
        db, &(struct push){ HISTORY, "", 2, true, false,
                            "{\"kind\":\"audit\",\"id\":\"" AUDIT "\",\"rev\":1,\"body\":{\"at\":"
                            "\"2026-01-02T03:04:05Z\",\"action\":\"connection.create\","
                            "\"target_kind\":\"pool\",\"result\":\"ok\"}}",
                            NULL, NULL }));
    assert_int_equal(fresh_number(db, &rows, NULL), 1);
    assert_true(taken(db, &(struct push){ HISTORY, HISTORY ":2", 6, false, false,
                                          "{\"kind\":\"audit\",\"id\":\"" AUDIT
                                          "\",\"rev\":5,\"deleted\":true}",
                                          NULL, NULL }));
    assert_int_equal(fresh_number(db, &rows, NULL), 1);
    assert_true(taken(db, &(struct push){ LATER, "", 3, true, false, "", NULL, NULL }));
    assert_int_equal(fresh_number(db, &rows, NULL), 1);
}

static void sessions_and_orders_end(void **state)
{
    S(order, 0,
      "insert into operation (id, verb, module_id, target_kind, target_id, target_name, asked_by, "
      "asked_by_name, deadline) values ('" ORDER "', 'start', '" MODULE_1 "', 'desktop', '" DESKTOP
      "', 'd', '" PERSON "', 'alice', now() + interval '5 min')");
    S(open_orders, 0, "select count(*) as n from operation where ended_at is null");
    S(age, 0, "update connection set since = now() - interval '1 min'");
    auto_db struct db *db = fresh_open();

    (void)state;
    fresh_must(db, &order, NULL);
    assert_true(taken(
        db, &(struct push){ HISTORY, "", 2, true, false,
                            DESK(DESKTOP, "in_use",
                                 ",\"person_id\":\"" PERSON "\",\"session\":{\"id\":\"" SESSION
                                 "\",\"screen\":\"open\"}"),
                            NULL, NULL }));
    assert_int_equal(fresh_number(db, &live, NULL), 1);
    fresh_must(db, &age, NULL);
    assert_true(
        taken(db, &(struct push){ HISTORY, HISTORY ":2", 9, false, false,
                                  "{\"kind\":\"desktop\",\"id\":\"" DESKTOP
                                  "\",\"rev\":5,\"body\":{\"name\":\"d\",\"state\":\"ready\","
                                  "\"observed\":\"running\",\"pool_id\":\"" POOL "\"}},"
                                  "{\"kind\":\"operation\",\"id\":\"" ORDER
                                  "\",\"rev\":6,\"body\":{\"verb\":\"start\",\"state\":"
                                  "\"succeeded\",\"target\":{\"id\":\"" DESKTOP "\"}}}",
                                  NULL, NULL }));
    assert_int_equal(fresh_number(db, &live, NULL), 0);
    assert_int_equal(fresh_number(db, &open_orders, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_snapshot_replaces, setup),
        cmocka_unit_test_setup(a_gap_is_answered_with_what_is_held, setup),
        cmocka_unit_test_setup(an_older_page_changes_nothing, setup),
        cmocka_unit_test_setup(who_may_speak, setup),
        cmocka_unit_test_setup(modules_keep_to_themselves, setup),
        cmocka_unit_test_setup(a_bad_object_is_refused_alone, setup),
        cmocka_unit_test_setup(a_pool_tells_what_it_is_short_of, setup),
        cmocka_unit_test_setup(audit_rows_stay, setup),
        cmocka_unit_test_setup(sessions_and_orders_end, setup),
    };

    return cmocka_run_group_tests_name("ccc mirror", tests, NULL, NULL);
}
