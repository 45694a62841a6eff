/* One order for many desktops: what it says before, what it writes, what becomes of it, and what it
 * refuses. Through the real listener. */
#include "tests/db/ccc/listener.h"

#include <jansson.h>

#define ALICE_DESKTOP "00000000-0000-4000-8000-0000000d0003"
#define NOBODYS "00000000-0000-4000-8000-0000000d9999"
#define PATH "/desktops/actions"

/* Ten desktops of m1: 1-3 off (3 is alice's), 4-6 running, 7 rebuilding, 8 being stopped already
 * when it runs, 9-10 of a module that is silent. */
static int world(void **state)
{
    S(heard, 0,
      "insert into mirror_cursor (module_id, heard_at, as_of) values ('" MODULE_1
      "', now() + interval '1 day', now()), ('" MODULE_2 "', now() - interval '1 h', now())");
    S(desktops, 0,
      "insert into mirror_desktop (id, module_id, round, name, state, observed, pool_id, "
      "person_id, "
      "created_at, body) select ('00000000-0000-4000-8000-0000000d' || lpad(i::text, 4, "
      "'0'))::uuid, "
      "case when i > 8 then '" MODULE_2 "'::uuid else '" MODULE_1 "'::uuid end, 1, 'office-' || "
      "lpad(i::text, 3, '0'), case when i < 4 then 'off' when i = 7 then 'rebuilding' else "
      "'running' "
      "end, 'running', '" POOL "', case when i = 3 then '" PERSON
      "'::uuid end, now(), '{}' from generate_series(1, 10) i");

    if (listener_up(state) < 0)
        return -1;
    auto_db struct db *db = fresh_open();
    fresh_must(db, &heard, NULL);
    fresh_must(db, &desktops, NULL);
    return 0;
}

static json_t *ask(const char *method, const char *path, const char *body, const char *header,
                   long status)
{
    struct call c = { .method = method, .path = path, .body = body, .header = header };
    json_t *o;

    run(&c);
    if (c.status != status)
        fail_msg("%s %s: %ld %s", method, path, c.status, c.answer);
    o = json_loads(c.answer, 0, NULL);
    assert_non_null(o);
    return o;
}

static const char *text_at(const json_t *o, const char *a, const char *b)
{
    return json_string_value(json_object_get(b ? json_object_get(o, a) : o, b ? b : a));
}

static int number_at(const json_t *o, const char *a, const char *b)
{
    return (int)json_integer_value(json_object_get(json_object_get(o, a), b));
}

static const char *body_of(const char *action, int from, int to, bool dry, char room[4096])
{
    int n = snprintf(room, 4096, "{\"action\":\"%s\",\"dry_run\":%s,\"desktops\":[", action,
                     dry ? "true" : "false");

    for (int i = from; i <= to; i++)
        n += snprintf(room + n, 4096 - (size_t)n, "%s\"00000000-0000-4000-8000-0000000d%04d\"",
                      i > from ? "," : "", i);
    snprintf(room + n, 4096 - (size_t)n, "]}");
    return room;
}

/* Outcomes of desktops 1…10 as one letter each. */
static void outcomes(const json_t *answer, char to[32])
{
    const json_t *items = json_object_get(answer, "items");
    size_t n = json_array_size(items);

    assert_true(n < 32);
    for (size_t i = 0; i < n; i++)
        to[i] = text_at(json_array_get(items, i), "outcome", NULL)[0];
    to[n] = '\0';
}

static void dry_run_tells_and_writes_nothing(void **state)
{
    S(written, 0,
      "select (select count(*) from operation) + (select count(*) from operation_bulk) + "
      "(select count(*) from audit) + (select count(*) from idempotency) as n");
    auto_db struct db *db = fresh_open();
    int64_t before = fresh_number(db, &written, NULL);
    char room[4096], said[32];
    json_auto_t *start =
        ask("POST", PATH, body_of("start", 1, 10, true, room), "Idempotency-Key: d", 200);
    json_auto_t *stop = ask("POST", PATH, body_of("stop", 1, 10, true, room), NULL, 200);
    json_auto_t *some = ask(
        "POST", PATH,
        "{\"action\":\"start\",\"dry_run\":true,\"filter\":{\"state\":\"off\",\"q\":\"OFFICE\"}}",
        NULL, 200);

    (void)state;
    outcomes(start, said);
    assert_string_equal(said, "wwwaaararr"); /* unknown and rebuilding ones are refused */
    assert_int_equal(number_at(start, "totals", "will"), 3);
    assert_int_equal(number_at(start, "totals", "already"), 4);
    assert_int_equal(number_at(start, "totals", "refused"), 3);
    assert_string_equal(text_at(json_array_get(json_object_get(start, "items"), 6), "slug", NULL),
                        "desktop-state");
    outcomes(stop, said);
    assert_string_equal(said, "aaawwwrwrr");
    assert_int_equal(json_array_size(json_object_get(some, "items")), 3);
    assert_int_equal(fresh_number(db, &written, NULL), before);
}

static int of_state(const char *operation, const char *state)
{
    char path[128];
    json_auto_t *o = NULL;

    snprintf(path, sizeof path, "/operations/%s/children?state=%s&limit=200", operation, state);
    o = ask("GET", path, NULL, NULL, 200);
    return (int)json_array_size(json_object_get(o, "items"));
}

static void told(struct db *db, const char *bulk, const char *from, const char *to)
{
    S(say, 3,
      "insert into mirror_operation (id, module_id, round, verb, target_id, state, created_at, "
      "body) "
      "select o.id, o.module_id, 1, o.verb, o.target_id, $3, now(), '{}' from operation o join "
      "operation_child k on k.operation_id = o.id left join mirror_operation m on m.id = o.id "
      "where "
      "k.bulk_id = $1::uuid and o.ended_at is null and coalesce(m.state, 'queued') = $2 on "
      "conflict "
      "(id) do update set state = excluded.state");
    S(end, 0,
      "update operation o set ended_state = m.state, ended_at = now() from mirror_operation m "
      "where "
      "m.id = o.id and o.ended_at is null and m.state in ('succeeded', 'failed', 'cancelled')");

    fresh_must(db, &say, DB_ARGS(bulk, from, to));
    fresh_must(db, &end, NULL);
}

/* Parent, children, what is sent, what is traced; the parent's state is the children's. */
static void one_operation_with_a_child_each(void **state)
{
    S(sent, 1,
      "select count(*) as n from wanted w join operation_child k on k.operation_id = w.id and "
      "k.bulk_id = $1::uuid where w.kind = 'operation' and not w.deleted");
    S(traced, 1,
      "select count(*) as n from audit where action = 'desktop.start' and actor_id = '" ADMIN
      "' and detail = 'operation ' || $1 and trace_id <> ''");
    S(events, 1, "select count(*) as n from event where id = $1::uuid and kind = 'operation'");
    auto_db struct db *db = fresh_open();
    char room[4096], path[96];
    json_auto_t *given =
        ask("POST", PATH, body_of("start", 1, 10, false, room), "Idempotency-Key: b1", 202);
    json_auto_t *again = ask("POST", PATH, room, "Idempotency-Key: b1", 202);
    json_auto_t *running = NULL, *over = NULL, *list = NULL, *first = NULL, *rest = NULL;
    const char *id = text_at(given, "id", NULL);
    int64_t before;

    (void)state;
    assert_string_equal(text_at(again, "id", NULL), id);
    assert_string_equal(text_at(given, "state", NULL), "queued");
    assert_string_equal(text_at(given, "target", "kind"), "desktops");
    assert_int_equal(number_at(given, "children", "total"), 10);
    assert_int_equal(number_at(given, "children", "already"), 4);
    assert_int_equal(number_at(given, "children", "refused"), 3);
    assert_int_equal(of_state(id, "queued"), 3);
    assert_int_equal(of_state(id, "succeeded"), 4);
    assert_int_equal(of_state(id, "failed"), 3);
    assert_int_equal(fresh_number(db, &sent, DB_ARGS(id)), 3);
    assert_int_equal(fresh_number(db, &traced, DB_ARGS(id)), 10);

    before = fresh_number(db, &events, DB_ARGS(id));
    told(db, id, "queued", "running");
    assert_true(fresh_number(db, &events, DB_ARGS(id)) > before); /* who waits for it hears */
    snprintf(path, sizeof path, "/operations/%s", id);
    running = ask("GET", path, NULL, NULL, 200);
    assert_string_equal(text_at(running, "state", NULL), "running");
    assert_int_equal(number_at(running, "children", "running"), 3);
    told(db, id, "running", "succeeded");
    over = ask("GET", path, NULL, NULL, 200);
    assert_string_equal(text_at(over, "state", NULL), "failed"); /* three were refused */
    assert_int_equal((int)json_integer_value(json_object_get(over, "percent")), 100);
    assert_non_null(text_at(over, "ended_at", NULL));

    /* The list has the parent, not its children; these come in pages, in the order asked for. */
    list = ask("GET", "/operations?limit=200", NULL, NULL, 200);
    assert_int_equal(json_array_size(json_object_get(list, "items")), 1);
    snprintf(path, sizeof path, "/operations/%s/children?limit=6", id);
    first = ask("GET", path, NULL, NULL, 200);
    assert_int_equal(json_array_size(json_object_get(first, "items")), 6);
    snprintf(room, sizeof room, "%s&cursor=%s", path, text_at(first, "next", NULL));
    rest = ask("GET", room, NULL, NULL, 200);
    assert_int_equal(json_array_size(json_object_get(rest, "items")), 4);
    assert_null(text_at(rest, "next", NULL));
    assert_string_equal(
        text_at(json_array_get(json_object_get(rest, "items"), 0), "target", "name"), "office-007");
    assert_string_equal(text_at(json_array_get(json_object_get(rest, "items"), 0), "error", "type"),
                        "/problems/desktop-state");
}

/* Cancelling asks for the end of its own children; an order that was open before goes on. */
static void cancel_takes_its_own(void **state)
{
    S(asked, 1,
      "select count(*) as n from operation o join operation_child k on k.operation_id = o.id where "
      "k.bulk_id = $1::uuid and o.cancel");
    S(joined, 1, "select count(*) as n from operation_child where bulk_id = $1::uuid and not own");
    auto_db struct db *db = fresh_open();
    char room[4096], path[96];
    json_auto_t *single = ask("POST", "/desktops/00000000-0000-4000-8000-0000000d0004/actions",
                              "{\"action\":\"stop\"}", NULL, 202);
    json_auto_t *many = ask("POST", PATH, body_of("stop", 4, 6, false, room), NULL, 202);
    json_auto_t *gone = NULL, *over = NULL;
    const char *id = text_at(many, "id", NULL);

    (void)state;
    assert_string_not_equal(text_at(single, "id", NULL), id);
    assert_int_equal(fresh_number(db, &joined, DB_ARGS(id)), 1);
    snprintf(path, sizeof path, "/operations/%s/cancel", id);
    gone = ask("POST", path, "{}", NULL, 202);
    assert_int_equal(fresh_number(db, &asked, DB_ARGS(id)), 2);
    told(db, id, "queued", "cancelled");
    snprintf(path, sizeof path, "/operations/%s", id);
    over = ask("GET", path, NULL, NULL, 200);
    assert_string_equal(text_at(over, "state", NULL), "cancelled");
    snprintf(path, sizeof path, "/operations/%s/cancel", id);
    json_decref(ask("POST", path, "{}", NULL, 409));
}

/* A person: her own desktops, and not a word about others'. */
static void a_person_acts_on_her_own(void **state)
{
    S(session, 1,
      "insert into login_session (token_hash, person_id, expires_at, remote) values ($1, '" PERSON
      "', now() + interval '1 h', '-')");
    auto_db struct db *db = fresh_open();
    char hers[TOKEN_TEXT], hash[TOKEN_HASH], room[4096], said[32];
    struct call c = { .method = "POST", .path = PATH, .token = hers };
    struct call all = { .method = "POST",
                        .path = PATH,
                        .body =
                            "{\"action\":\"start\",\"dry_run\":true,\"filter\":{\"pool_id\":\"" POOL
                            "\"}}",
                        .token = hers };
    json_auto_t *answer = NULL, *mine = NULL;

    (void)state;
    token_new(hers);
    token_hash(hers, hash);
    fresh_must(db, &session, DB_ARGS(hash));
    c.body = body_of("start", 2, 4, true, room);
    run(&c);
    assert_int_equal(c.status, 200);
    answer = json_loads(c.answer, 0, NULL);
    outcomes(answer, said);
    assert_string_equal(said, "rwr");
    assert_null(strstr(c.answer, "office-002"));
    run(&all);
    mine = json_loads(all.answer, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(mine, "items")), 1);
    c = (struct call){ .method = "POST", .path = PATH, .token = hers };
    c.body = body_of("rebuild", 3, 3, true, room);
    run(&c);
    assert_non_null(strstr(c.answer, "\"forbidden\""));
}

static void refused(const char *body, long status, const char *pointer)
{
    json_auto_t *o = ask("POST", PATH, body, NULL, status);
    const char *said = text_at(json_array_get(json_object_get(o, "errors"), 0), "pointer", NULL);

    if (pointer && (!said || strcmp(said, pointer) != 0))
        fail_msg("%s: pointer %s", body, said ? said : "none");
}

static char *many(int n)
{
    char *body = malloc(64 + (size_t)n * 40), *at = body;

    assert_non_null(body);
    at += snprintf(at, 64, "{\"action\":\"stop\",\"desktops\":[");
    for (int i = 0; i < n; i++)
        at += snprintf(at, 64, "%s\"00000000-0000-4000-8000-%012d\"", i ? "," : "", i);
    snprintf(at, 8, "]}");
    return body;
}

static void hostile_requests(void **state)
{
    S(written, 0, "select count(*) as n from operation");
    auto_db struct db *db = fresh_open();
    int64_t before = fresh_number(db, &written, NULL);
    char *two_thousand_and_one = many(2001), *all = many(100000);
    json_auto_t *none = NULL;

    (void)state;
    refused("{\"action\":\"stop\",\"desktops\":[]}", 400, "/desktops");
    refused("{\"action\":\"stop\"}", 400, NULL);
    refused("{\"action\":\"stop\",\"desktops\":[\"" NOBODYS "\"],\"filter\":{\"q\":\"a\"}}", 400,
            NULL);
    refused("{\"action\":\"explode\",\"desktops\":[\"" NOBODYS "\"]}", 400, "/action");
    refused("{\"action\":\"stop\",\"desktops\":[\"" NOBODYS "\",\"" ALICE_DESKTOP "\",\"" NOBODYS
            "\"]}",
            400, "/desktops/2");
    refused("{\"action\":\"stop\",\"desktops\":[\"" NOBODYS "\",\"'; drop table operation; --\"]}",
            400, "/desktops/1");
    refused("{\"action\":\"stop\",\"desktops\":[17]}", 400, "/desktops/0");
    refused("{\"action\":\"delete\",\"filter\":{}}", 400, "/filter");
    refused("{\"action\":\"delete\",\"filter\":{\"everything\":true}}", 400, "/filter/everything");
    refused("{\"action\":\"delete\",\"filter\":{\"state\":\"gone\"}}", 400, "/filter/state");
    refused("{\"action\":\"delete\",\"filter\":{\"q\":\"no such desktop\"}}", 400, NULL);
    refused("{\"action\":\"stop\",\"desktops\":[\"" NOBODYS "\"],\"max_parallel\":5}", 400,
            "/max_parallel");
    refused(two_thousand_and_one, 400, "/desktops");
    refused(all, 413, NULL);
    free(two_thousand_and_one);
    free(all);
    assert_int_equal(fresh_number(db, &written, NULL), before);
    /* One that is unknown: done without it, and the child says so. */
    none = ask("POST", PATH, "{\"action\":\"stop\",\"desktops\":[\"" NOBODYS "\"]}", NULL, 200);
    assert_string_equal(text_at(none, "state", NULL), "failed");
    assert_int_equal(of_state(text_at(none, "id", NULL), "failed"), 1);
}

/* 2,000 at once: one statement for the children, and nothing is lost. */
static void as_many_as_may_be(void **state)
{
    S(more, 0,
      "insert into mirror_desktop (id, module_id, round, name, state, observed, pool_id, "
      "created_at, "
      "body) select ('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, '" MODULE_1
      "', 1, 'mass-' || i, 'running', 'running', '" POOL
      "', now(), '{}' from generate_series(0, 1999) "
      "i");
    S(one_more, 0,
      "insert into mirror_desktop (id, module_id, round, name, state, observed, pool_id, "
      "created_at, "
      "body) values ('" NOBODYS "', '" MODULE_1 "', 1, 'mass-more', 'running', 'running', '" POOL
      "', now(), '{}')");
    S(open, 1,
      "select count(*) as n from operation_child k join operation o on o.id = k.operation_id "
      "where k.bulk_id = $1::uuid and o.ended_at is null");
    auto_db struct db *db = fresh_open();
    json_auto_t *given = NULL, *no = NULL;

    (void)state;
    fresh_must(db, &more, NULL);
    given = ask("POST", PATH, "{\"action\":\"stop\",\"filter\":{\"q\":\"mass-\"}}", NULL, 202);
    assert_int_equal(fresh_number(db, &open, DB_ARGS(text_at(given, "id", NULL))), 2000);
    fresh_must(db, &one_more, NULL);
    no = ask("POST", PATH, "{\"action\":\"stop\",\"filter\":{\"q\":\"mass-\"}}", NULL, 400);
    assert_int_equal(number_at(no, "numbers", "limit"), 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dry_run_tells_and_writes_nothing),
        cmocka_unit_test(one_operation_with_a_child_each),
        cmocka_unit_test(cancel_takes_its_own),
        cmocka_unit_test(a_person_acts_on_her_own),
        cmocka_unit_test(hostile_requests),
        cmocka_unit_test(as_many_as_may_be),
    };

    return cmocka_run_group_tests_name("ccc bulk", tests, world, listener_down);
}
