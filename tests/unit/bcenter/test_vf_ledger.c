/* What a word about a VF means, over every state: nothing but the answer to its own question frees
 * one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <string.h>

#include "bcenter/vf_ledger.h"
#include "common/base/json.h"

#define HOST "dddddddd-0000-4000-8000-000000000001"
#define OTHER "dddddddd-0000-4000-8000-000000000002"
#define CHECK "cccccccc-0000-4000-8000-000000000001"
#define LATE "cccccccc-0000-4000-8000-000000000002"
#define ADDRESS "0000:01:10.3"

static struct id id_of(const char *text)
{
    struct id id = { "" };

    assert_true(id_parse(text, &id));
    return id;
}

static int read_as(const char *host, const char *id_host, const char *text, struct vf *v)
{
    struct id h = id_of(host), id = id_v5(id_host, ADDRESS);
    json_t *body = json_loads(text, 0, NULL);
    struct err e = { 0 };
    int rc;

    assert_non_null(body);
    rc = vf_ledger_read(&h, &id, body, v, &e);
    assert_true(rc == 0 || e.code == ERR_INVALID_REQUEST);
    json_decref(body);
    return rc;
}

#define HEAD "{\"pf\":\"enp1s0f0\",\"address\":\"" ADDRESS "\",\"index\":3"

static void a_report_is_read(void **state)
{
    struct vf v = { .index = 0 };

    (void)state;
    assert_int_equal(
        read_as(HOST, HOST,
                HEAD
                ",\"mac\":\"52:54:01:02:03:04\",\"vlan\":120,\"rate_mbps\":1000,"
                "\"spoof_check\":true,\"link\":false,\"used_by\":{\"ours\":true,\"id\":\"" OTHER
                "\"},\"check\":\"" CHECK "\",\"clean\":false,\"why\":\"reset-failed\","
                "\"later\":{\"versions\":1}}",
                &v),
        0);
    assert_string_equal(v.pf, "enp1s0f0");
    assert_int_equal(v.index, 3);
    assert_int_equal(v.seen.vlan, 120);
    assert_int_equal(v.seen.rate_mbps, 1000);
    assert_int_equal(v.seen.spoof_check, 1);
    assert_int_equal(v.seen.link, 0);
    assert_true(v.seen.used && v.seen.ours && !v.seen.clean);
    assert_int_equal(v.seen.why, VF_UNCLEAN_RESET);
    assert_int_equal(read_as(HOST, HOST, HEAD "}", &v), 0);
    assert_int_equal(v.seen.vlan, -1);
    assert_int_equal(v.seen.spoof_check, -1);
    assert_false(v.seen.used || id_set(&v.seen.check));
}

static void an_answer_has_a_reason(void **state)
{
    static const struct {
        const char *more;
        enum vf_unclean why;
        bool clean;
    } cases[] = {
        { ",\"check\":\"" CHECK "\",\"clean\":false,\"why\":\"in-use\"}", VF_UNCLEAN_USED, false },
        { ",\"check\":\"" CHECK "\",\"clean\":false,\"why\":\"settings-left\"}", VF_UNCLEAN_LEFT,
          false },
        { ",\"check\":\"" CHECK "\",\"why\":\"of a later version\"}", VF_UNCLEAN_LEFT, false },
        { ",\"check\":\"" CHECK "\",\"clean\":null}", VF_UNCLEAN_UNSAID, false },
        { ",\"check\":\"" CHECK "\",\"clean\":true,\"why\":\"in-use\"}", VF_UNCLEAN_NONE, true },
        { ",\"clean\":true}", VF_UNCLEAN_NONE, false }, /* an answer to nothing */
        { ",\"check\":7,\"clean\":true}", VF_UNCLEAN_NONE, false },
        { ",\"mac\":null,\"vlan\":null,\"rate_mbps\":null,\"spoof_check\":null,\"link\":true,"
          "\"used_by\":null,\"index\":null}",
          VF_UNCLEAN_NONE, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];
        struct vf v = { .index = 0 };

        snprintf(text, sizeof text, "{\"pf\":\"p\",\"address\":\"" ADDRESS "\"%s", cases[i].more);
        assert_int_equal(read_as(HOST, HOST, text, &v), 0);
        assert_int_equal(v.seen.why, cases[i].why);
        assert_int_equal(v.seen.clean, cases[i].clean);
        assert_int_equal(id_set(&v.seen.check), i < 5);
        assert_int_equal(v.index, 0);
        assert_false(v.seen.used);
    }
}

/* The first and the last function of a slot. */
static void each_function_has_its_address(void **state)
{
    struct id host = id_of(HOST);

    (void)state;
    for (int n = 0; n <= 9; n++) {
        char address[16];
        struct vf v = { .index = 1 };
        struct err e = { 0 };
        struct id id;
        json_t *body;

        snprintf(address, sizeof address, "0000:01:10.%d", n);
        id = id_v5(HOST, address);
        body = json_pack("{s:s, s:s, s:i}", "pf", "p", "address", address, "index", 0);
        assert_int_equal(vf_ledger_read(&host, &id, body, &v, &e) == 0, n < 8);
        assert_int_equal(v.index, n < 8 ? 0 : 1);
        json_decref(body);
    }
}

static void the_largest_that_is_read(void **state)
{
    struct vf v = { .index = 0 };

    (void)state;
    assert_int_equal(
        read_as(HOST, HOST,
                "{\"pf\":\"abcdefghijklmnopqrstuvwxyz-0123456789_ABCDEFGHIJKLMNOPQRSTUVWX"
                "Y\",\"address\":\"" ADDRESS "\",\"index\":4095,\"vlan\":4094,"
                "\"rate_mbps\":1000000}",
                &v),
        0);
    assert_int_equal(v.index, VF_INDEX_MAX);
    assert_int_equal(v.seen.vlan, 4094);
    assert_int_equal(v.seen.rate_mbps, 1000000);
    assert_int_equal(strlen(v.pf), sizeof v.pf - 1);
    assert_null(vf_state_reason(&v));
    memcpy(v.reason, "new", 4);
    assert_string_equal(vf_state_reason(&v), "new");
}

static void bad_reports_change_nothing(void **state)
{
    static const char *const bad[] = {
        "{\"pf\":\"p\",\"address\":\"0000:01:10.8\"}",
        "{\"pf\":\"p\",\"address\":\"0:1:10.3\"}",
        "{\"pf\":\"p\",\"address\":\"0000:01:1F.3\"}",
        "{\"pf\":\"p\",\"address\":\"../../x\"}",
        "{\"pf\":\"p\",\"address\":\"0000:01:10.33\"}",
        "{\"pf\":\"p\",\"address\":7}",
        "{\"pf\":\"p\"}",
        "{\"address\":\"" ADDRESS "\"}",
        "{\"pf\":\"a b\",\"address\":\"" ADDRESS "\"}",
        "{\"pf\":\"p\",\"address\":\"" ADDRESS "\",\"index\":2147483648}",
        "{\"pf\":\"p\",\"address\":\"" ADDRESS "\",\"index\":-1}",
        "{\"pf\":\"p\",\"address\":\"" ADDRESS "\",\"index\":\"3\"}",
        HEAD ",\"mac\":\"52:54:00:00:00\"}",
        HEAD ",\"mac\":\"52:54:00:00:00:0G\"}",
        HEAD ",\"vlan\":4095}",
        HEAD ",\"vlan\":18446744073709551616.0}",
        HEAD ",\"rate_mbps\":2147483648}",
        HEAD ",\"spoof_check\":1}",
        HEAD ",\"link\":\"up\"}",
        HEAD ",\"used_by\":\"somebody\"}",
        HEAD ",\"used_by\":[]}",
        HEAD ",\"rate_mbps\":1000001}",
        HEAD ",\"mac\":\"52:54:00:00:00:001\"}",
        "{\"pf\":\"\",\"address\":\"" ADDRESS "\"}",
        "{\"pf\":\"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl\",\"address\":"
        "\"" ADDRESS "\"}",
        "{\"pf\":\"p\",\"address\":\"" ADDRESS "\",\"index\":4096}",
        "{\"pf\":\"p\",\"address\":\"0000:01:10./\"}",
    };
    struct vf v = { .index = 77 };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (read_as(HOST, HOST, bad[i], &v) == 0)
            fail_msg("was read: %s", bad[i]);
    assert_int_equal(read_as(HOST, OTHER, HEAD "}", &v), -1); /* another bServer's VF */
    assert_int_equal(v.index, 77);
    assert_string_equal(v.address, "");
}

struct combination {
    bool asked, answered, right, clean, heard, used;
    struct vf v;
};

static struct combination combined(int bits)
{
    static struct desktop d;
    struct combination c = { .v = { .state = (enum vf_state)(bits >> 6), .stored = true } };

    c.asked = bits & 1;
    c.answered = bits & 2;
    c.right = bits & 4;
    c.clean = bits & 8;
    c.v.heard = c.heard = bits & 16;
    c.v.seen.used = c.used = bits & 32;
    if (c.asked)
        c.v.check = id_of(CHECK);
    if (c.answered)
        c.v.seen.check = id_of(c.right ? CHECK : LATE);
    c.v.seen.clean = c.answered && c.clean;
    c.v.desktop = c.v.state == VF_ASSIGNED ? &d : NULL;
    return c;
}

static bool freed_by(const struct combination *c)
{
    bool answer = c->asked && c->answered && c->right && c->clean;

    return c->v.state == VF_QUARANTINE && answer && c->heard && !c->used;
}

/* Every combination of what decides, against the two rules that matter. */
static void only_its_own_answer_frees_it(void **state)
{
    int freed = 0;

    (void)state;
    for (int bits = 0; bits < 4 << 6; bits++) {
        struct combination c = combined(bits);
        enum vf_step next = vf_ledger_next(&c.v, 0);
        bool free = c.v.state == VF_FREE && c.heard;

        assert_int_equal(next == VF_STEP_CLEAN, freed_by(&c));
        assert_int_equal(next == VF_STEP_SUSPECT, free && c.used);
        assert_int_equal(vf_ledger_usable(&c.v), free && !c.used);
        assert_int_equal(vf_ledger_asks(&c.v), c.v.state == VF_QUARANTINE && c.heard && c.asked);
        freed += next == VF_STEP_CLEAN;
    }
    assert_int_equal(freed, 1);
}

static void usable_means_nothing_is_open(void **state)
{
    struct desktop d = { .slot = 0 };
    struct vf v = { .state = VF_FREE, .heard = true, .stored = true };

    (void)state;
    assert_true(vf_ledger_usable(&v));
    v.stored = false;
    assert_false(vf_ledger_usable(&v));
    v.stored = true;
    v.desktop = &d;
    assert_false(vf_ledger_usable(&v));
}

static void vanished_ones_are_forgotten_when_nobodys(void **state)
{
    struct desktop d = { .slot = 0 };
    struct vf v = { .state = VF_LOST, .since = 1000 };

    (void)state;
    assert_int_equal(vf_ledger_next(&v, 1000 + 3599999), VF_STEP_NONE);
    assert_int_equal(vf_ledger_next(&v, 1000 + 3600000), VF_STEP_FORGET);
    v.desktop = &d;
    assert_int_equal(vf_ledger_next(&v, INT64_MAX / 2), VF_STEP_NONE);
    v.desktop = NULL;
    v.heard = true;
    assert_int_equal(vf_ledger_next(&v, INT64_MAX / 2), VF_STEP_NONE);
}

static void drift_has_a_name(void **state)
{
    struct desktop d = { .row = { .mac = "52:54:01:00:00:01" } };
    struct vf v = { .state = VF_ASSIGNED, .heard = true, .desktop = &d, .vlan = 7 };

    (void)state;
    d.row.id = id_of(OTHER);
    v.seen = (struct vf_seen){ .vlan = -1, .spoof_check = -1, .link = -1, .rate_mbps = -1 };
    assert_int_equal(vf_ledger_drift(&v), VF_DRIFT_NONE);
    v.seen.used = true;
    assert_int_equal(vf_ledger_drift(&v), VF_DRIFT_FOREIGN);
    v.seen.ours = true;
    v.seen.user = id_of(LATE);
    assert_int_equal(vf_ledger_drift(&v), VF_DRIFT_MISUSED);
    v.seen.user = d.row.id;
    assert_int_equal(vf_ledger_drift(&v), VF_DRIFT_NONE);
    memcpy(v.seen.mac, "52:54:01:00:00:02", 18);
    assert_int_equal(vf_ledger_drift(&v), VF_DRIFT_MAC);
    memcpy(v.seen.mac, "52:54:01:00:00:01", 18);
    v.seen.vlan = 0;
    assert_int_equal(vf_ledger_drift(&v), VF_DRIFT_VLAN);
    v.seen.vlan = 8;
    assert_int_equal(vf_ledger_drift(&v), VF_DRIFT_VLAN);
    v.seen.vlan = 7;
    v.seen.spoof_check = 0;
    assert_int_equal(vf_ledger_drift(&v), VF_DRIFT_SPOOF);
    v.state = VF_LOST;
    v.heard = false;
    assert_int_equal(vf_ledger_drift(&v), VF_DRIFT_VANISHED);
    v.desktop = NULL;
    assert_int_equal(vf_ledger_drift(&v), VF_DRIFT_NONE); /* nobody misses it */
    v = (struct vf){ .state = VF_ASSIGNED, .desktop = &d };
    v.seen.used = true;
    assert_int_equal(vf_ledger_drift(&v), VF_DRIFT_NONE); /* not heard of since our start */
    v = (struct vf){ .state = VF_QUARANTINE, .heard = true, .reason = "released" };
    v.check = id_of(CHECK);
    assert_int_equal(vf_ledger_drift(&v), VF_DRIFT_NONE); /* not answered yet, nothing wrong */
    v.seen.check = v.check;
    v.seen.why = VF_UNCLEAN_UNSAID;
    assert_int_equal(vf_ledger_drift(&v), VF_DRIFT_UNCLEAN);
    v.seen.why = VF_UNCLEAN_USED; /* who uses it is told apart */
    assert_int_equal(vf_ledger_drift(&v), VF_DRIFT_NONE);
    v.seen.clean = true;
    assert_int_equal(vf_ledger_drift(&v), VF_DRIFT_NONE);
    v = (struct vf){ .state = VF_FREE, .heard = true };
    v.seen.spoof_check = 0;
    assert_int_equal(vf_ledger_drift(&v), VF_DRIFT_NONE);
    v = (struct vf){ .state = VF_QUARANTINE, .heard = true, .reason = "new" };
    v.check = id_of(CHECK);
    assert_int_equal(vf_ledger_drift(&v), VF_DRIFT_NEW);
    v.seen.check = v.check;
    v.seen.why = VF_UNCLEAN_RESET;
    assert_int_equal(vf_ledger_drift(&v), VF_DRIFT_RESET);
    v.seen.why = VF_UNCLEAN_LEFT;
    assert_int_equal(vf_ledger_drift(&v), VF_DRIFT_UNCLEAN);
    v.seen.check = id_of(LATE); /* an old answer says nothing */
    assert_int_equal(vf_ledger_drift(&v), VF_DRIFT_NEW);
    for (int k = VF_DRIFT_NONE + 1; k < VF_DRIFTS; k++)
        assert_memory_equal(vf_drift_word((enum vf_drift)k), "vf-", 3);
    assert_null(vf_drift_word(VF_DRIFT_NONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_is_read),
        cmocka_unit_test(an_answer_has_a_reason),
        cmocka_unit_test(each_function_has_its_address),
        cmocka_unit_test(the_largest_that_is_read),
        cmocka_unit_test(bad_reports_change_nothing),
        cmocka_unit_test(only_its_own_answer_frees_it),
        cmocka_unit_test(usable_means_nothing_is_open),
        cmocka_unit_test(vanished_ones_are_forgotten_when_nobodys),
        cmocka_unit_test(drift_has_a_name),
    };

    return sodium_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
