/*
 * What agents say of virtual functions, one case at a time, on the daemon's own objects and
 * PostgreSQL: what is refused is refused with the numbers, and nothing is half made.
 */
#include "tests/db/bcenter/fixture.h"

#include "bcenter/vf_ledger.h"

#define OTHER_HOST "dddddddd-0000-4000-8000-000000000002"

static struct bcenter *bc;

static int setup(void **state)
{
    (void)state;
    fresh_schema();
    bc = fixture_start();
    heard(bc, HOST, "boot-1", 8);
    settle(bc);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_stop(bc);
    return 0;
}

static struct id vf_id(int n)
{
    char address[32];

    snprintf(address, sizeof address, "0000:01:%02x.%d", n / 8, n % 8);
    return id_v5(HOST, address);
}

/* more: members after these, with a comma before. id NULL: its own. body NULL: it went. */
static void said(int n, const char *more, const struct id *as)
{
    struct agent_source from = { bc, id_of(HOST) };
    struct sync_object o = { .kind = "vf", .id = as ? *as : vf_id(n), .deleted = !more };
    char text[512];

    snprintf(text, sizeof text,
             "{\"pf\":\"enp1s0\",\"address\":\"0000:01:%02x.%d\",\"index\":%d%s}", n / 8, n % 8, n,
             more ? more : "");
    o.body = more ? json_loads(text, 0, NULL) : NULL;
    assert_true(o.deleted || o.body);
    agent_observed(&from, &o);
    json_decref(o.body);
}

/* The question that is open about a VF; "" = none. */
static struct id question(int n)
{
    struct id vf = vf_id(n), check = { "" };
    json_auto_t *asked = sync_set_get(bc->agents, HOST, "vf", &vf);

    json_id(asked, "check", &check);
    return check;
}

static void answered(int n, struct id check, const char *rest)
{
    char more[256];

    snprintf(more, sizeof more, ",\"check\":\"%s\",%s", check.s, rest);
    said(n, more, NULL);
}

static void is_clean(int n)
{
    answered(n, question(n), "\"clean\":true");
}

static int64_t rows(const char *where)
{
    char text[256];

    snprintf(text, sizeof text, "select count(*) from vf where %s", where);
    return sql_number(text);
}

/* The detail of a kind of drift as the CCC is told it; "" = no such. */
static const char *drift(const char *kind)
{
    static char detail[512];
    struct id host = id_of(HOST);
    json_auto_t *o = NULL;
    size_t i;
    json_t *d;

    module_lock(&bc->m);
    publish_bserver(bc, module_bserver(&bc->m, &host));
    module_unlock(&bc->m);
    o = sync_set_get(bc->observed, "", "bserver", &host);
    detail[0] = '\0';
    json_array_foreach(json_object_get(o, "drift"), i, d)
    {
        if (strcmp(json_str(d, "kind"), kind) == 0)
            snprintf(detail, sizeof detail, "%s", json_str(d, "detail"));
    }
    return detail;
}

static void want_vfs(int size, int spares)
{
    want_pool(bc, "floating", size, 0, IMAGE);
    wanted(bc, "pool", id_of(POOL),
           "{\"name\":\"net\",\"kind\":\"floating\",\"image_version_id\":\"" IMAGE
           "\",\"spec\":{\"memory_mib\":256,\"needs_vf\":true},\"spares_running\":%d,"
           "\"shares\":[{\"module_id\":\"" MODULE "\",\"size\":%d}]}",
           spares, size);
}

static void more_than_a_host_has_are_refused(void **state)
{
    (void)state;
    for (int n = 0; n < VF_LEDGER_MAX + 88; n++)
        said(n % (VF_LEDGER_MAX + 88), "", NULL);
    settle(bc);
    assert_int_equal(rows("true"), VF_LEDGER_MAX);
    assert_int_equal(HASH_COUNT(bc->m.vfs), VF_LEDGER_MAX);
    assert_non_null(strstr(drift("vf-refused"), "88 of 88: a bServer has at most 512"));
    for (int n = 0; n < VF_LEDGER_MAX + 88; n++)
        said(n, NULL, NULL);
    settle(bc);
    assert_string_equal(drift("vf-refused"), "");
    assert_int_equal(rows("state = 'lost' and desktop_id is null"), VF_LEDGER_MAX);
}

static void what_cannot_be_is_refused_alone(void **state)
{
    struct id other = id_v5(OTHER_HOST, "0000:01:00.1"), twice = numbered("77777777", 1);

    (void)state;
    said(0, "", NULL);
    said(1, "", &other); /* another bServer's, by its id */
    said(0, "", &twice); /* the first one again, under another id */
    said(2, ",\"index\":2147483648", NULL);
    said(3, ",\"vlan\":70000", NULL);
    settle(bc);
    assert_int_equal(rows("true"), 1);
    assert_int_equal(HASH_COUNT(bc->m.vfs), 1);
    assert_non_null(strstr(drift("vf-refused"), "4 of 4: "));
    /* One that was good and is not any more is no longer believed. */
    said(0, ",\"used_by\":7", NULL);
    settle(bc);
    assert_int_equal(rows("state = 'lost'"), 1);
    said(0, "", NULL);
    settle(bc);
    assert_int_equal(rows("state = 'quarantine' and reason = 'returned'"), 1);
    assert_non_null(strstr(drift("vf-refused"), "4 of 4: "));
}

static void only_an_answer_to_the_newest_question_counts(void **state)
{
    struct id first, second;

    (void)state;
    said(0, "", NULL);
    settle(bc);
    first = question(0);
    assert_true(id_set(&first));
    assert_non_null(strstr(drift("vf-new"), "1: 0000:01:00.0"));
    answered(0, first, "\"clean\":false,\"why\":\"reset-failed\"");
    settle(bc);
    assert_int_equal(rows("state = 'free'"), 0);
    assert_non_null(strstr(drift("vf-reset-failed"), "1: 0000:01:00.0"));
    said(0, NULL, NULL); /* its physical function went and comes back: asked anew */
    settle(bc);
    assert_int_equal(rows("state = 'lost'"), 1);
    answered(0, first, "\"clean\":true");
    settle(bc);
    assert_int_equal(rows("state = 'free'"), 0);
    second = question(0);
    assert_true(id_set(&second) && !id_eq(&second, &first));
    answered(0, first, "\"clean\":true");
    settle(bc);
    assert_int_equal(rows("state = 'free'"), 0);
    answered(0, second, "\"clean\":true");
    settle(bc);
    assert_int_equal(rows("state = 'free'"), 1);
    second = question(0);
    assert_false(id_set(&second));
}

static void a_strangers_is_nobodys(void **state)
{
    (void)state;
    said(0, "", NULL);
    settle(bc);
    is_clean(0);
    settle(bc);
    assert_int_equal(rows("state = 'free'"), 1);
    said(0, ",\"used_by\":{\"ours\":false,\"id\":null}", NULL);
    want_vfs(1, 0);
    settle(bc);
    assert_int_equal(rows("state = 'quarantine' and reason = 'foreign'"), 1);
    assert_int_equal(sql_number("select count(*) from desktop"), 0);
    assert_non_null(strstr(drift("vf-foreign"), "1: 0000:01:00.0"));
    /* An answer that contradicts itself frees nothing. */
    answered(0, question(0), "\"clean\":true,\"used_by\":{\"ours\":false,\"id\":null}");
    settle(bc);
    assert_int_equal(rows("state = 'free'"), 0);
    is_clean(0);
    settle(bc);
    assert_int_equal(rows("state = 'assigned'"), 1);
    assert_string_equal(drift("vf-foreign"), "");
}

static void its_owner_keeps_it_while_it_is_away(void **state)
{
    struct id none;

    (void)state;
    said(0, "", NULL);
    settle(bc);
    is_clean(0);
    want_vfs(1, 1);
    settle(bc);
    assert_int_equal(rows("state = 'assigned' and run_id = (select run_id from desktop)"), 1);
    said(0, NULL, NULL);
    settle(bc);
    assert_int_equal(rows("state = 'lost' and desktop_id is not null and run_id is not null"), 1);
    assert_non_null(strstr(drift("vf-vanished"), "1: 0000:01:00.0"));
    said(0, "", NULL);
    settle(bc);
    assert_int_equal(rows("state = 'assigned'"), 1);
    none = question(0);
    assert_false(id_set(&none)); /* it never was anybody else's */
    assert_string_equal(drift("vf-vanished"), "");
}

/* What the row says of the run has the last word: the release is tried again with what is read. */
static void a_release_with_another_run_is_decided_again(void **state)
{
    struct id run;

    (void)state;
    said(0, "", NULL);
    settle(bc);
    is_clean(0);
    want_vfs(1, 1);
    settle(bc);
    run = bc->m.vfs->run;
    assert_true(id_set(&run));
    bc->m.vfs->run = numbered("99999999", 9); /* memory is wrong */
    want_vfs(0, 0);
    settle(bc);
    settle(bc);
    assert_int_equal(sql_number("select count(*) from desktop"), 0);
    assert_int_equal(rows("state = 'quarantine' and reason = 'released' and run_id is null"), 1);
    assert_int_equal(rows("mac is not null"), 1); /* what is to be looked for at the host */
    is_clean(0);
    settle(bc);
    assert_int_equal(rows("state = 'free' and mac is null"), 1);
}

/* A new process finds states and questions where they were; nobody is asked twice what was said. */
static void a_restart_asks_the_same(void **state)
{
    struct id before, after;

    (void)state;
    said(0, "", NULL);
    said(1, "", NULL);
    settle(bc);
    is_clean(1);
    settle(bc);
    before = question(0);
    fixture_stop(bc);
    bc = fixture_start();
    heard(bc, HOST, "boot-1", 8);
    said(0, "", NULL);
    said(1, "", NULL);
    settle(bc);
    after = question(0);
    assert_true(id_set(&before) && id_eq(&before, &after));
    assert_int_equal(rows("state = 'free'"), 1);
    is_clean(0);
    settle(bc);
    assert_int_equal(rows("state = 'free'"), 2);
}

/* An address is never another desktop's, nor one that a VF in quarantine still carries. */
static void addresses_are_the_modules_own(void **state)
{
    (void)state;
    wanted(bc, "module", id_of(MODULE),
           "{\"id\":\"" MODULE "\",\"name\":\"m\",\"login\":null,\"mac_no\":4660}");
    for (int n = 0; n < 40; n++)
        said(n, "", NULL);
    settle(bc);
    for (int n = 0; n < 40; n++)
        is_clean(n);
    want_vfs(40, 0);
    settle(bc);
    assert_int_equal(sql_number("select count(distinct mac) from desktop where mac::text like "
                                "'52:54:12:34:%'"),
                     40);
    wanted(bc, "module", id_of(MODULE),
           "{\"id\":\"" MODULE "\",\"name\":\"m\",\"login\":null,\"mac_no\":99999}");
    want_pool(bc, "floating", 2, 0, IMAGE); /* without VFs: the others make room */
    settle(bc);
    settle(bc);
    assert_int_equal(sql_number("select count(*) from desktop where mac::text like '52:54:12:%'"),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(more_than_a_host_has_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_is_refused_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(only_an_answer_to_the_newest_question_counts, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_strangers_is_nobodys, setup, teardown),
        cmocka_unit_test_setup_teardown(its_owner_keeps_it_while_it_is_away, setup, teardown),
        cmocka_unit_test_setup_teardown(a_release_with_another_run_is_decided_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_restart_asks_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(addresses_are_the_modules_own, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
