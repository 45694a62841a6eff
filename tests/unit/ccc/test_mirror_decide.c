/* What to do with a pushed page, given what is held; rows out of observed objects; event filters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "ccc/event_stream.h"
#include "ccc/mirror.h"
#include "ccc/mirror_row.h"
#include "common/base/json.h"

#define H1 "00000000-0000-4000-8000-0000000000a1"
#define H2 "00000000-0000-4000-8000-0000000000a2"
#define X1                                                                                         \
    {                                                                                              \
        "00000000-0000-4000-8000-0000000000b1"                                                     \
    }
#define X2                                                                                         \
    {                                                                                              \
        "00000000-0000-4000-8000-0000000000b2"                                                     \
    }
#define ID "00000000-0000-4000-8000-000000000001"

static enum mirror_verdict decide(const struct mirror_held *h, const struct mirror_page *p)
{
    bool go_on;

    return mirror_decide(h, p, &go_on);
}

static void following_and_overlapping(void **state)
{
    struct mirror_held held = { .history = { H1 }, .rev = 60 };
    struct mirror_page p = {
        .history = { H1 }, .from_history = { H1 }, .from_rev = 60, .rev = 70, .node = X1
    };

    (void)state;
    assert_int_equal(decide(&held, &p), MIRROR_NEWER);
    p.from_rev = 50; /* the other xCenter was here meanwhile */
    assert_int_equal(decide(&held, &p), MIRROR_NEWER);
    p.rev = 55;
    assert_int_equal(decide(&held, &p), MIRROR_NOTHING);
    p.from_rev = 61; /* a gap */
    p.rev = 70;
    assert_int_equal(decide(&held, &p), MIRROR_RESEND);
    p.history = (struct id){ H2 };
    assert_int_equal(decide(&held, &p), MIRROR_RESEND);
}

static void snapshots(void **state)
{
    struct mirror_held held = { .history = { H1 }, .rev = 60 };
    struct mirror_page p = { .history = { H1 }, .rev = 70, .snapshot = true, .node = X1 };

    (void)state;
    assert_int_equal(decide(&held, &p), MIRROR_RESEND); /* changes since 60 are enough */
    p.floor = 65;                                       /* those are forgotten below */
    assert_int_equal(decide(&held, &p), MIRROR_BEGIN);
    p.history = (struct id){ H2 };
    assert_int_equal(decide(&held, &p), MIRROR_BEGIN);
    assert_int_equal(decide(&(struct mirror_held){ 0 }, &p), MIRROR_BEGIN);
}

static void two_senders_of_one_snapshot(void **state)
{
    struct mirror_held held = { .history = { H1 },
                                .rev = 60,
                                .snap_history = { H2 },
                                .snap_rev = 500,
                                .snap_node = X1,
                                .snap_fresh = true };
    struct mirror_page p = { .history = { H2 }, .rev = 500, .snapshot = true, .node = X2 };
    bool go_on;

    (void)state;
    assert_int_equal(mirror_decide(&held, &p, &go_on), MIRROR_RESEND);
    assert_true(go_on);
    p = (struct mirror_page){
        .history = { H2 }, .from_history = { H2 }, .from_rev = 500, .rev = 900, .node = X2
    };
    assert_int_equal(decide(&held, &p), MIRROR_GO_ON);
    held.snap_fresh = false; /* the first one has died in the middle */
    p = (struct mirror_page){ .history = { H2 }, .rev = 500, .snapshot = true, .node = X2 };
    assert_int_equal(decide(&held, &p), MIRROR_BEGIN);
}

/* Who is behind the sender of the pages before does not go on with them, and is not asked to. */
static void a_slower_sender_does_not_end_a_snapshot(void **state)
{
    struct mirror_held held = { .history = { H1 },
                                .rev = 60,
                                .snap_history = { H2 },
                                .snap_rev = 500,
                                .snap_head = 800,
                                .snap_node = X1,
                                .snap_fresh = true };
    struct mirror_page p = {
        .history = { H2 }, .from_history = { H2 }, .from_rev = 500, .rev = 750, .node = X2
    };
    bool go_on;

    (void)state;
    p.head = 750;
    assert_int_equal(decide(&held, &p), MIRROR_NOTHING);
    p.from_rev = 100; /* wherever it is in it */
    assert_int_equal(decide(&held, &p), MIRROR_NOTHING);
    p.head = -1; /* of a version that does not say */
    p.from_rev = 500;
    assert_int_equal(decide(&held, &p), MIRROR_NOTHING);
    p.head = 800;
    assert_int_equal(decide(&held, &p), MIRROR_GO_ON);
    p = (struct mirror_page){
        .history = { H2 }, .rev = 500, .head = 750, .snapshot = true, .node = X2
    };
    assert_int_equal(mirror_decide(&held, &p, &go_on), MIRROR_NOTHING);
    held.snap_fresh = false; /* the faster one is dead: all over again */
    assert_int_equal(decide(&held, &p), MIRROR_BEGIN);
    p.snapshot = false;
    p.from_history = (struct id){ H2 };
    p.from_rev = 500;
    assert_int_equal(decide(&held, &p), MIRROR_RESEND);
}

/* Rows of what was held must not be marked as named by the snapshot of another history. */
static void changes_wait_while_another_history_is_taken(void **state)
{
    struct mirror_held held = { .history = { H1 },
                                .rev = 60,
                                .snap_history = { H2 },
                                .snap_rev = 500,
                                .snap_node = X1,
                                .snap_fresh = true };
    struct mirror_page p = {
        .history = { H1 }, .from_history = { H1 }, .from_rev = 60, .rev = 70, .node = X2
    };

    (void)state;
    assert_int_equal(decide(&held, &p), MIRROR_NOTHING);
    held.snap_history = (struct id){ H1 }; /* of the same: then the snapshot is not needed */
    assert_int_equal(decide(&held, &p), MIRROR_NEWER);
}

static void the_newer_leader_is_held(void **state)
{
    struct mirror_held held = {
        .history = { H2 }, .rev = 60, .epoch = 6, .led_fresh = true, .snap_head = -1
    };
    struct mirror_page p = { .history = { H1 },
                             .rev = 900,
                             .head = 900,
                             .epoch = 5,
                             .leader = 5,
                             .leader_fresh = true,
                             .snapshot = true,
                             .node = X2 };

    (void)state;
    assert_int_equal(decide(&held, &p), MIRROR_NOTHING); /* its leader does not know yet */
    p.leader_fresh = false;
    assert_int_equal(decide(&held, &p), MIRROR_NOTHING); /* it is cut off */
    held.led_fresh = false;
    assert_int_equal(decide(&held, &p), MIRROR_NOTHING); /* so is everybody: what is newer stays */
    p.leader_fresh = true;
    assert_int_equal(decide(&held, &p), MIRROR_BEGIN); /* the module's database was put back */
    p.leader = 4;
    assert_int_equal(decide(&held, &p), MIRROR_NOTHING); /* not yet of whom it hears */
    p.epoch = 7;
    p.leader = 7;
    held.led_fresh = true;
    assert_int_equal(decide(&held, &p), MIRROR_BEGIN); /* a later one */
    p.leader_fresh = false;
    assert_int_equal(decide(&held, &p),
                     MIRROR_NOTHING); /* of which nobody hears, while ours lives */
    held.led_fresh = false;
    assert_int_equal(decide(&held, &p), MIRROR_BEGIN);
    p.history = (struct id){ H2 }; /* of one history there is nothing to be chosen */
    p.epoch = 0;
    assert_int_equal(decide(&held, &p), MIRROR_RESEND);
}

/* While the later leader's snapshot is taken, the earlier one's page is the outdated one. */
static void a_running_snapshot_is_what_counts(void **state)
{
    struct mirror_held held = { .history = { H1 },
                                .rev = 60,
                                .snap_history = { H2 },
                                .snap_rev = 5,
                                .snap_head = 9,
                                .snap_node = X1,
                                .epoch = 6,
                                .led_fresh = true };
    struct mirror_page p = { .history = { H1 },
                             .from_history = { H1 },
                             .from_rev = 60,
                             .rev = 70,
                             .head = 70,
                             .epoch = 5,
                             .leader = 5,
                             .leader_fresh = true,
                             .node = X2 };

    (void)state;
    assert_int_equal(decide(&held, &p), MIRROR_NOTHING);
    p.epoch = 0; /* a sender that does not say, and a snapshot that nobody goes on with */
    assert_int_equal(decide(&held, &p), MIRROR_NEWER);
}

static void heads(void **state)
{
    json_auto_t *good = json_loads("{\"history\":\"" H1 "\",\"cursor\":\"" H1
                                   ":7\",\"from\":\"\",\"objects\":[],\"snapshot\":true}",
                                   0, NULL);
    json_auto_t *bad =
        json_loads("{\"history\":\"" H1 "\",\"cursor\":\"" H2 ":7\",\"objects\":[]}", 0, NULL);
    json_auto_t *beat = json_object();
    struct mirror_page p;
    struct err e = { 0 };
    bool heartbeat;

    (void)state;
    assert_int_equal(mirror_read(good, &p, &heartbeat, &e), 0);
    assert_false(heartbeat);
    assert_true(p.snapshot && p.rev == 7 && !id_set(&p.from_history));
    assert_int_equal(mirror_read(bad, &p, &heartbeat, &e), -1);
    assert_int_equal(mirror_read(beat, &p, &heartbeat, &(struct err){ 0 }), 0);
    assert_true(heartbeat);
}

static json_t *row_of(enum mirror_kind kind, const char *text)
{
    json_auto_t *body = json_loads(text, 0, NULL);

    assert_non_null(body);
    return mirror_row(kind, ID, body);
}

static void rows(void **state)
{
    json_auto_t *desktop = row_of(
        MIRROR_DESKTOP, "{\"name\":\"d\",\"state\":\"off\",\"observed\":\"off\",\"pool_id\":\"" H1
                        "\",\"session\":{\"id\":\"" H2 "\"},\"new\":1}");
    json_auto_t *operation =
        row_of(MIRROR_OPERATION, "{\"verb\":\"connect\",\"state\":\"queued\",\"asked_by\":\"the "
                                 "house\",\"target\":{\"id\":\"" H1 "\"}}");

    (void)state;
    assert_string_equal(json_str(desktop, "session_id"), H2);
    assert_non_null(json_object_get(json_object_get(desktop, "body"), "new"));
    assert_string_equal(json_str(operation, "target_id"), H1);
    assert_null(json_object_get(operation, "asked_by"));
    assert_null(row_of(MIRROR_DESKTOP,
                       "{\"name\":5,\"state\":\"off\",\"observed\":\"off\",\"pool_id\":\"" H1
                       "\"}"));
    assert_null(
        row_of(MIRROR_DESKTOP, "{\"state\":\"off\",\"observed\":\"off\",\"pool_id\":\"" H1 "\"}"));
    assert_null(
        row_of(MIRROR_DESKTOP,
               "{\"name\":\"d\",\"state\":\"off\",\"observed\":\"off\",\"pool_id\":\"x\"}"));
    assert_null(row_of(MIRROR_OPERATION, "{\"verb\":\"x\",\"state\":\"dancing\"}"));
    assert_null(
        row_of(MIRROR_BSERVER, "{\"name\":\"b\",\"state\":\"up\",\"slots\":-1,\"slots_used\":0}"));
    assert_null(row_of(MIRROR_AUDIT, "{\"at\":\"yesterday\",\"action\":\"x\",\"result\":\"ok\"}"));
    assert_null(row_of(MIRROR_SEAT, "[]"));
}

static const json_t *entry(const json_t *list, const char *kind)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_str(json_array_get(list, i), "kind"), kind) == 0)
            return json_array_get(list, i);
    return NULL;
}

/* A person hears of what is hers, never the id of another's; a pool only as a hint. */
static void events(void **state)
{
    struct id alice = { H1 }, bob = { H2 };
    struct event_row some[] = {
        { "desktop", { ID }, alice, true },  { "desktop", { H2 }, bob, true },
        { "desktop", { ID }, { "" }, true }, { "bserver", { ID }, { "" }, true },
        { "pool", { ID }, { "" }, true },    { "operation", { ID }, bob, true },
    };
    struct event_row many[150];
    json_auto_t *hers = event_for(false, &alice, some, 6, false),
                *all = event_for(true, &bob, some, 6, false);
    json_auto_t *joined =
        event_for(false, &alice, &(struct event_row){ "group", { ID }, { "" }, true }, 1, false);
    json_auto_t *flood, *lost = event_for(false, &alice, NULL, 0, true);

    (void)state;
    assert_int_equal(json_array_size(hers), 2);
    assert_int_equal(json_array_size(json_object_get(entry(hers, "desktop"), "ids")), 1);
    assert_null(json_object_get(entry(hers, "pool"), "ids"));
    assert_int_equal(json_array_size(joined), 1);
    assert_null(json_object_get(entry(joined, "pool"), "ids"));
    assert_int_equal(json_array_size(all), 4);
    assert_int_equal(json_array_size(json_object_get(entry(all, "desktop"), "ids")), 2);
    for (size_t i = 0; i < 150; i++)
        many[i] = (struct event_row){ "vf", id_new(), { "" }, true };
    flood = event_for(true, &alice, many, 150, false);
    assert_null(json_object_get(entry(flood, "vf"), "ids"));
    assert_non_null(entry(lost, "desktop"));
    assert_null(entry(lost, "bserver"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(following_and_overlapping),
        cmocka_unit_test(snapshots),
        cmocka_unit_test(two_senders_of_one_snapshot),
        cmocka_unit_test(a_slower_sender_does_not_end_a_snapshot),
        cmocka_unit_test(changes_wait_while_another_history_is_taken),
        cmocka_unit_test(the_newer_leader_is_held),
        cmocka_unit_test(a_running_snapshot_is_what_counts),
        cmocka_unit_test(heads),
        cmocka_unit_test(rows),
        cmocka_unit_test(events),
    };

    return cmocka_run_group_tests_name("mirror", tests, NULL, NULL);
}
