#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka.h needs the ones above first */
#include <cmocka.h>
#include <string.h>

#include "bserver-agent/wanted.h"
#include "common/base/json.h"

static const struct id desktop = { "0b1c0000-0000-4000-8000-000000000001" };

static json_t *whole(void)
{
    static const char text[] =
        "{\"id\":\"0b1c0000-0000-4000-8000-000000000001\",\"name\":\"책상\",\"generation\":3,"
        "\"deleting\":false,\"overlay\":{\"id\":\"0b1c0000-0000-4000-8000-000000000002\","
        "\"image\":{\"sha256\":"
        "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\","
        "\"size\":10,\"virtual_size\":20,\"format\":\"qcow2\"},\"disk_gib\":null},"
        "\"run\":\"0b1c0000-0000-4000-8000-0000000000aa\",\"stop_how\":\"destroy\","
        "\"spec\":{\"vcpus\":2,\"memory_mib\":512,\"firmware\":\"uefi\",\"tpm\":true,"
        "\"disk_bus\":\"sata\",\"nic_model\":\"e1000\",\"video\":\"vga\",\"newer\":1},"
        "\"mac\":\"52:54:00:00:00:01\",\"vf\":{\"id\":\"0b1c0000-0000-4000-8000-0000000000bb\","
        "\"pf\":\"enp1s0\",\"address\":\"0000:01:10.3\",\"index\":3,\"mac\":null,\"vlan\":7},"
        "\"user_net\":true,\"lane\":1,\"guest\":\"bic\","
        "\"identity\":{\"hostname\":\"desk-1\",\"locale\":\"ko_KR.UTF-8\",\"keyboard\":\"kr\"},"
        "\"session_floor\":9,\"live_session\":null,\"unknown\":[1],"
        "\"orders\":[{\"id\":\"0b1c0000-0000-4000-8000-0000000000cc\",\"verb\":\"reset\","
        "\"run\":\"0b1c0000-0000-4000-8000-0000000000aa\",\"deadline\":\"2026-11-21T01:02:03Z\"},"
        "{\"id\":\"0b1c0000-0000-4000-8000-0000000000cd\",\"verb\":\"dance\","
        "\"run\":\"0b1c0000-0000-4000-8000-0000000000aa\",\"deadline\":null}]}";
    struct err e = { 0 };
    json_t *o = NULL;

    if (json_read(text, strlen(text), &o, &e) < 0)
        fail_msg("%s", e.detail);
    return o;
}

static void everything_is_read(void **state)
{
    json_auto_t *o = whole();
    struct wanted w;
    struct err e = { 0 };

    (void)state;
    if (wanted_read(&desktop, o, &w, &e) < 0)
        fail_msg("%s %s", e.detail, e.pointer);
    assert_string_equal(w.run.s, "0b1c0000-0000-4000-8000-0000000000aa");
    assert_true(w.destroy && w.uefi && w.tpm && w.has_vf && w.user_net && !w.deleting);
    assert_int_equal(w.overlay.image_size, 10);
    assert_int_equal(w.overlay.disk_gib, 0);
    assert_int_equal(w.vf.vlan, 7);
    assert_int_equal(w.session_floor, 9);
    assert_false(id_set(&w.live_session));
    assert_string_equal(w.hostname, "desk-1");
    assert_int_equal(w.norders, 1); /* the unknown verb is left to a newer agent */
    assert_true(w.orders[0].reset && w.orders[0].deadline_ms > 0);
}

static void a_name_that_is_no_host_name_is_left_out(void **state)
{
    json_auto_t *o = whole();
    struct wanted w;
    struct err e = { 0 };

    (void)state;
    json_object_set_new(json_object_get(o, "identity"), "hostname", json_string("Not a Label"));
    assert_int_equal(wanted_read(&desktop, o, &w, &e), 0);
    assert_string_equal(w.hostname, "");
}

/* path, then what is put there. */
static void what_is_wrong_is_refused(void **state)
{
    static const struct {
        const char *in, *key, *value;
    } bad[] = {
        { NULL, "run", "\"yes\"" },
        { NULL, "run", "7" },
        { NULL, "deleting", "\"no\"" },
        { NULL, "mac", "\"52:54:00:00:00\"" },
        { NULL, "mac", "\"52:54:00:00:00:0g\"" },
        { NULL, "spec", "null" },
        { NULL, "overlay", "[]" },
        { NULL, "orders", "{}" },
        { NULL, "session_floor", "-1" },
        { "spec", "vcpus", "0" },
        { "spec", "vcpus", "100000" },
        { "spec", "firmware", "\"coreboot\"" },
        { "spec", "disk_bus", "\"virtio'/><x\"" },
        { "spec", "memory_mib", "\"512\"" },
        { "vf", "address", "\"0000:01:10.3/../..\"" },
        { "vf", "pf", "\"a b\"" },
        { "vf", "vlan", "4095" },
        { "identity", "locale", "\"ko KR\"" },
        { "overlay", "id", "\"../../../etc/passwd\"" },
        { "overlay", "id", "null" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_auto_t *o = whole();
        json_t *in = bad[i].in ? json_object_get(o, bad[i].in) : o;
        struct wanted w;
        struct err e = { 0 };

        json_object_set_new(in, bad[i].key, json_loads(bad[i].value, JSON_DECODE_ANY, NULL));
        if (wanted_read(&desktop, o, &w, &e) == 0)
            fail_msg("%s %s was taken", bad[i].key, bad[i].value);
        assert_int_equal(e.code, ERR_INVALID_REQUEST);
    }
}

static void an_image_name_is_a_hash(void **state)
{
    json_auto_t *o = whole();
    json_t *image = json_object_get(json_object_get(o, "overlay"), "image");
    struct wanted w;
    struct err e = { 0 };

    (void)state;
    json_object_set_new(image, "sha256", json_string("../../../../etc/passwd"));
    assert_int_equal(wanted_read(&desktop, o, &w, &e), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_read),
        cmocka_unit_test(a_name_that_is_no_host_name_is_left_out),
        cmocka_unit_test(what_is_wrong_is_refused),
        cmocka_unit_test(an_image_name_is_a_hash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
