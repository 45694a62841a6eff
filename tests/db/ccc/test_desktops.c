/* The list of many desktops: every page of every filter is what a plain walk through the table
 * finds; tallies are what counting finds, whatever changed; filters that a person keeps. */
#include "tests/db/ccc/listener.h"

#include <jansson.h>

enum { DESKTOPS = 3000, ROUNDS = 60 };

/* Names with characters that LIKE would take for its own; a third module that is silent. */
static int world(void **state)
{
    S(heard, 0,
      "insert into mirror_cursor (module_id, heard_at, as_of) values ('" MODULE_1
      "', now() + interval '1 day', now()), ('" MODULE_2 "', now() - interval '1 h', now())");
    S(people, 0,
      "insert into person (id, username, verifier) select ('00000000-0000-4000-8000-1' || "
      "lpad(i::text, 11, '0'))::uuid, 'person' || i, '$argon2id$x' from generate_series(1, 40) i");
    S(desktops, 1,
      "insert into mirror_desktop (id, module_id, round, name, state, observed, pool_id, "
      "person_id, "
      "bserver_id, created_at, body) select ('00000000-0000-4000-8000-2' || lpad(i::text, 11, "
      "'0'))::uuid, case when i % 3 = 0 then '" MODULE_2 "'::uuid else '" MODULE_1
      "'::uuid end, 1, (array['Office-', 'lab_', '100%-', '데스크톱-'])[i % 4 + 1] || i, "
      "(array['off', 'ready', 'in_use', 'unknown', 'running'])[i % 5 + 1], case when i % 2 = 0 "
      "then "
      "'running' else 'off' end, ('00000000-0000-4000-8000-3' || lpad((i % 7)::text, 11, "
      "'0'))::uuid, case when i % 11 = 0 then ('00000000-0000-4000-8000-1' || lpad((i % 40 + "
      "1)::text, 11, '0'))::uuid end, ('00000000-0000-4000-8000-4' || lpad((i % 13)::text, 11, "
      "'0'))::uuid, now() - make_interval(secs => i / 3), '{}' from generate_series(1, "
      "$1::integer) i");
    char n[16];

    if (listener_up(state) < 0)
        return -1;
    auto_db struct db *db = fresh_open();
    snprintf(n, sizeof n, "%d", DESKTOPS);
    fresh_must(db, &heard, NULL);
    fresh_must(db, &people, NULL);
    fresh_must(db, &desktops, DB_ARGS(n));
    return 0;
}

/* One filter as words of a query and as arguments of the plain statement. */
struct asked {
    const char *state, *pool, *person, *bserver, *module, *q;
    bool by_time, down;
};

static const char *ids_plain(struct db *db, const struct asked *a, PGresult **r)
{
    S(plain, 8,
      "select coalesce(string_agg(id::text, ' ' order by case when $7 = 'yes' then null else no "
      "end, no), '') as ids, count(*) as n from (select d.id, row_number() over (order by case "
      "when "
      "$7 = 'no' then name end, case when $7 = 'yes' then d.created_at end, d.id) * case when $8 = "
      "'yes' then -1 else 1 end as no from api_desktop d left join person p on p.id = d.person_id "
      "where ($1::text is null or d.state = $1) and ($2::uuid is null or d.pool_id = $2::uuid) and "
      "($3::uuid is null or d.person_id = $3::uuid) and ($4::uuid is null or d.bserver_id = "
      "$4::uuid) and ($5::uuid is null or d.module_id = $5::uuid) and ($6::text is null or "
      "position(lower($6) in lower(d.name)) > 0 or position(lower($6) in lower(p.username)) > 0)) "
      "x");

    *r = fresh_rows(db, &plain,
                    DB_ARGS(a->state, a->pool, a->person, a->bserver, a->module, a->q,
                            a->by_time ? "yes" : "no", a->down ? "yes" : "no"));
    return db_text(*r, 0, "ids");
}

static void add_word(char *path, size_t size, const char *name, const char *value)
{
    size_t n = strlen(path);
    char *safe = value ? curl_easy_escape(NULL, value, 0) : NULL;

    if (safe)
        snprintf(path + n, size - n, "&%s=%s", name, safe);
    curl_free(safe);
}

/* All pages; *total is what the first one says, -1 for null. */
static char *ids_paged(const struct asked *a, int limit, int64_t *total)
{
    size_t room = DESKTOPS * 40;
    char *ids = calloc(1, room), path[1024], cursor[512] = "";

    assert_non_null(ids);
    *total = -2;
    do {
        struct call c = { .method = "GET", .path = path };
        json_auto_t *o = NULL;
        const json_t *items, *n;
        const char *next;

        snprintf(path, sizeof path, "/desktops?limit=%d&sort=%s%s", limit, a->down ? "-" : "",
                 a->by_time ? "created_at" : "name");
        add_word(path, sizeof path, "state", a->state);
        add_word(path, sizeof path, "pool_id", a->pool);
        add_word(path, sizeof path, "person_id", a->person);
        add_word(path, sizeof path, "bserver_id", a->bserver);
        add_word(path, sizeof path, "module_id", a->module);
        add_word(path, sizeof path, "q", a->q);
        add_word(path, sizeof path, "cursor", cursor[0] ? cursor : NULL);
        run(&c);
        o = json_loads(c.answer, 0, NULL);
        if (c.status != 200 || !o)
            fail_msg("%s: %ld %s", path, c.status, c.answer);
        n = json_object_get(o, "total");
        if (!cursor[0])
            *total = json_is_integer(n) ? json_integer_value(n) : -1;
        else
            assert_null(n);
        items = json_object_get(o, "items");
        for (size_t i = 0; i < json_array_size(items); i++) {
            size_t at = strlen(ids);

            snprintf(ids + at, room - at, "%s%s", at ? " " : "",
                     json_string_value(json_object_get(json_array_get(items, i), "id")));
        }
        next = json_string_value(json_object_get(o, "next"));
        snprintf(cursor, sizeof cursor, "%s", next ? next : "");
    } while (cursor[0]);
    return ids;
}

static const char *pick(unsigned *seed, const char *const *from, int n, unsigned of)
{
    return (unsigned)rand_r(seed) % of == 0 ? from[rand_r(seed) % n] : NULL;
}

static void every_filter_finds_what_a_walk_finds(void **state)
{
    static const char *const states[] = { "off", "ready", "unknown", "failed" };
    static const char *const pools[] = { "00000000-0000-4000-8000-300000000002",
                                         "00000000-0000-4000-8000-300000000006" };
    static const char *const persons[] = { "00000000-0000-4000-8000-100000000005" };
    static const char *const bservers[] = { "00000000-0000-4000-8000-400000000003" };
    static const char *const modules[] = { MODULE_1, MODULE_2 };
    static const char *const parts[] = { "office-1", "LAB_2", "_",  "%",       "100%-", "크톱",
                                         "-29",      "zzz",   "\\", "person1", "'--",   "e" };
    auto_db struct db *db = fresh_open();
    unsigned seed = 20261128;

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        struct asked a = { .state = pick(&seed, states, 4, 3),
                           .pool = pick(&seed, pools, 2, 4),
                           .person = pick(&seed, persons, 1, 8),
                           .bserver = pick(&seed, bservers, 1, 6),
                           .module = pick(&seed, modules, 2, 4),
                           .q = pick(&seed, parts, 12, 2),
                           .by_time = rand_r(&seed) % 2,
                           .down = rand_r(&seed) % 2 };
        auto_result PGresult *r = NULL;
        const char *want = ids_plain(db, &a, &r);
        int64_t total;
        char *got = ids_paged(&a, 40 + rand_r(&seed) % 70, &total);

        if (strcmp(want, got) != 0 || total != db_int(r, 0, "n", -1))
            fail_msg(
                "state %s pool %s person %s bserver %s module %s q %s time %d down %d: %lld of "
                "%lld\n%.200s\n%.200s",
                a.state, a.pool, a.person, a.bserver, a.module, a.q, a.by_time, a.down,
                (long long)total, (long long)db_int(r, 0, "n", -1), want, got);
        free(got);
    }
}

/* Rows come, change and go in random lots: the tallies are always what counting says. */
static void tallies_are_what_counting_finds(void **state)
{
    S(differ, 0,
      "select count(*) as n from ((select module_id, pool_id, state, count(*) as d, count(*) "
      "filter "
      "(where observed = 'running') as r, count(person_id) as a, count(session_id) as s from "
      "mirror_desktop group by 1, 2, 3 except select module_id, pool_id, state, desktops, running, "
      "assigned, sessions from mirror_tally) union all (select module_id, pool_id, state, "
      "desktops, "
      "running, assigned, sessions from mirror_tally except select module_id, pool_id, state, "
      "count(*), count(*) filter (where observed = 'running'), count(person_id), count(session_id) "
      "from mirror_desktop group by 1, 2, 3)) x");
    S(random, 1, "select setseed($1::float8)");
    S(change, 0,
      "update mirror_desktop set state = (array['off', 'ready', 'in_use'])[1 + floor(random() * "
      "3)], "
      "observed = case when random() < 0.5 then 'running' else 'off' end, session_id = case when "
      "random() < 0.3 then gen_random_uuid() end where random() < 0.2");
    S(beat, 0, "update mirror_desktop set round = round + 1");
    S(drop, 0, "delete from mirror_desktop where random() < 0.1");
    S(come, 0,
      "insert into mirror_desktop (id, module_id, round, name, state, observed, pool_id, "
      "created_at, "
      "body) select gen_random_uuid(), '" MODULE_1
      "', 1, 'new-' || i, 'off', 'off', gen_random_uuid(), now(), '{}' from generate_series(1, 50) "
      "i");
    S(written, 0, "select sum(xmin::text::bigint) as n from mirror_tally");
    S(all, 0, "delete from mirror_desktop");
    auto_db struct db *db = fresh_open();
    int64_t before;

    (void)state;
    fresh_must(db, &random, DB_ARGS("0.28"));
    assert_int_equal(fresh_number(db, &differ, NULL), 0);
    for (int i = 0; i < 10; i++) {
        fresh_must(db, &change, NULL);
        assert_int_equal(fresh_number(db, &differ, NULL), 0);
        fresh_must(db, &drop, NULL);
        fresh_must(db, &come, NULL);
        assert_int_equal(fresh_number(db, &differ, NULL), 0);
    }
    before = fresh_number(db, &written, NULL);
    fresh_must(db, &beat, NULL); /* nothing that is counted moved: nothing is written */
    assert_int_equal(fresh_number(db, &written, NULL), before);
    fresh_must(db, &all, NULL);
    assert_int_equal(fresh_number(db, &differ, NULL), 0);
}

static long keep(const char *name, const char *filter, char answer[512])
{
    char body[512];
    struct call c = { .method = "POST", .path = "/me/filters", .body = body };

    snprintf(body, sizeof body, "{\"name\":\"%s\",\"filter\":%s}", name, filter);
    run(&c);
    snprintf(answer, 512, "%.511s", c.answer);
    return c.status;
}

static void filters_are_hers_and_bounded(void **state)
{
    S(session, 1,
      "insert into login_session (token_hash, person_id, expires_at, remote) values ($1, '" PERSON
      "', now() + interval '1 h', '-')");
    auto_db struct db *db = fresh_open();
    char alice[TOKEN_TEXT], hash[TOKEN_HASH], answer[512], path[96];
    struct call hers = { .method = "GET", .path = "/me/filters", .token = alice };
    struct call take = { .method = "DELETE", .path = path, .token = alice };
    json_auto_t *made = NULL;

    (void)state;
    token_new(alice);
    token_hash(alice, hash);
    fresh_must(db, &session, DB_ARGS(hash));
    assert_int_equal(keep("off in office", "{\"state\":\"off\",\"q\":\"office\"}", answer), 201);
    made = json_loads(answer, 0, NULL);
    assert_int_equal(keep("off in office", "{\"state\":\"ready\"}", answer), 409);
    assert_int_equal(keep("empty", "{}", answer), 400);
    assert_int_equal(keep("unknown", "{\"colour\":\"red\"}", answer), 400);
    assert_int_equal(keep("", "{\"state\":\"off\"}", answer), 400);
    run(&hers);
    assert_non_null(strstr(hers.answer, "\"items\":[]")); /* another's are not shown … */
    snprintf(path, sizeof path, "/me/filters/%s", json_string_value(json_object_get(made, "id")));
    run(&take);
    assert_int_equal(take.status, 404); /* … nor taken away */
    for (int i = 1; i < 50; i++) {
        char name[32];

        snprintf(name, sizeof name, "filter %d", i);
        assert_int_equal(keep(name, "{\"state\":\"off\"}", answer), 201);
    }
    assert_int_equal(keep("one too many", "{\"state\":\"off\"}", answer), 409);
    assert_non_null(strstr(answer, "\"limit\":50"));
    take = (struct call){ .method = "DELETE", .path = path };
    run(&take);
    assert_int_equal(take.status, 204);
    assert_int_equal(keep("room again", "{\"state\":\"off\"}", answer), 201);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_filter_finds_what_a_walk_finds),
        cmocka_unit_test(tallies_are_what_counting_finds),
        cmocka_unit_test(filters_are_hers_and_bounded),
    };

    return cmocka_run_group_tests_name("ccc desktops", tests, world, listener_down);
}
