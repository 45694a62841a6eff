/* Who may call: not everybody whom the installation's CA certified. */
#include "tests/db/bcenter/fixture.h"

#include "bcenter/portal.h"

#define XCENTER "eeeeeeee-0000-4000-8000-000000000002"
#define FOREIGN "eeeeeeee-0000-4000-8000-000000000003"

static enum err_code called(struct bcenter *bc, const struct route *route, const char *node)
{
    struct request rq = { .app = bc,
                          .path_word = "none",
                          .method = route->method,
                          .caller = { .kind = CALLER_NODE, .id = id_of(node) } };
    struct reply rp = { 0 };
    struct err e = { 0 };

    rq.body = json_object();
    if (route->handler(&rq, &rp, &e) == 0)
        e.code = ERR_NONE;
    json_decref(rq.body);
    return e.code;
}

static void want_xcenter(struct bcenter *bc, bool revoked)
{
    wanted(bc, "node", id_of(XCENTER),
           "{\"id\":\"" XCENTER "\",\"kind\":\"xcenter\",\"name\":\"x\",\"revoked\":%s}",
           revoked ? "true" : "false");
}

/* Each of the CCC's questions is refused before anything of it is looked at. */
static void only_xcenters_of_the_block(void **state)
{
    const struct route *question = &call_routes[0]; /* its empty body is INVALID_REQUEST */
    struct bcenter *bc;

    (void)state;
    fresh_schema();
    bc = fixture_start();
    want_xcenter(bc, false);
    assert_int_equal(called(bc, question, XCENTER), ERR_INVALID_REQUEST);
    for (const struct route *r = call_routes; r->method; r++) {
        assert_int_equal(called(bc, r, FOREIGN), ERR_PEER_IDENTITY);
        assert_int_equal(called(bc, r, NODE), ERR_PEER_IDENTITY);
        assert_int_equal(called(bc, r, HOST), ERR_PEER_IDENTITY);
    }
    want_xcenter(bc, true);
    for (const struct route *r = call_routes; r->method; r++)
        assert_int_equal(called(bc, r, XCENTER), ERR_PEER_IDENTITY);
    want_xcenter(bc, false);
    assert_int_equal(called(bc, question, XCENTER), ERR_INVALID_REQUEST);
    unwanted(bc, "node", id_of(XCENTER));
    assert_int_equal(called(bc, question, XCENTER), ERR_PEER_IDENTITY);
    fixture_stop(bc);
}

static const char *who_is(struct bcenter *bc, const char *username)
{
    struct person *p;

    HASH_FIND(by_name, bc->m.persons_by_name, username, strlen(username), p);
    return p ? p->id.s : "";
}

static void named(struct bcenter *bc, int person, const char *username)
{
    wanted(bc, "person", person_no(person), "{\"username\":\"%s\",\"role\":\"user\"}", username);
}

/* In one page, in whichever order it names them. */
static void names_change_hands(void **state)
{
    struct bcenter *bc;

    (void)state;
    fresh_schema();
    bc = fixture_start();
    named(bc, 1, "ann");
    named(bc, 2, "bob");
    named(bc, 1, "bob"); /* a swap */
    named(bc, 2, "ann");
    assert_string_equal(who_is(bc, "bob"), person_no(1).s);
    assert_string_equal(who_is(bc, "ann"), person_no(2).s);
    named(bc, 3, "ann"); /* made again, the old one goes */
    unwanted(bc, "person", person_no(2));
    assert_string_equal(who_is(bc, "ann"), person_no(3).s);
    unwanted(bc, "person", person_no(3));
    assert_string_equal(who_is(bc, "ann"), "");
    assert_string_equal(who_is(bc, "bob"), person_no(1).s);
    fixture_stop(bc);
}

/* bServers come and go: the newest is told, however many were there before. */
static void agents_that_went_make_room(void **state)
{
    const struct route *blob = agents_routes;
    struct bcenter *bc;
    struct id newest = { "" };
    bool known = false, lasting = false;

    (void)state;
    while (strncmp(blob->path, "/blobs/", 7) != 0)
        blob++;
    fresh_schema();
    bc = fixture_start();
    for (int i = 0; i < 80; i++) {
        newest = numbered("12345678", i);
        wanted(bc, "node", newest,
               "{\"kind\":\"bserver\",\"name\":\"h\",\"module_id\":\"" MODULE "\"}");
        assert_int_equal(called(bc, blob, newest.s), ERR_NOT_FOUND);
        assert_int_equal(called(bc, blob, HOST), ERR_NOT_FOUND);
        unwanted(bc, "node", newest);
    }
    for (int i = 0; i < bc->nagents; i++) {
        known = known || id_eq(&bc->agent_ids[i], &newest);
        lasting = lasting || strcmp(bc->agent_ids[i].s, HOST) == 0;
    }
    assert_true(known && lasting);
    fixture_stop(bc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_xcenters_of_the_block),
        cmocka_unit_test(agents_that_went_make_room),
        cmocka_unit_test(names_change_hands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
