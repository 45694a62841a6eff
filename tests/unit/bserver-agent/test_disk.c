/* Overlays by the real qemu-img, the recycle bin, and the line that a guest says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka.h needs the ones above first */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bserver-agent/disk.h"
#include "bserver-agent/guest_channel.h"
#include "bserver-agent/program.h"
#include "common/base/clock.h"

static char dir[64], image[96];
static struct disk_store *s;
static struct id desktop;

static int run(const char *const argv[])
{
    const struct program p = { .argv = argv, .deadline_ms = 20000 };
    struct err e = { 0 };
    int status = -1;

    return program_run(&p, &status, NULL, 0, &e) < 0 ? -1 : status;
}

static int setup(void **state)
{
    struct err e = { 0 };

    (void)state;
    snprintf(dir, sizeof dir, "/tmp/bic-disk-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(image, sizeof image, "%s/image", dir);
    assert_int_equal(
        run((const char *const[]){ "qemu-img", "create", "-q", "-f", "qcow2", image, "8M", NULL }),
        0);
    desktop = id_new();
    return disk_store_open(dir, 100, &s, &e);
}

static int teardown(void **state)
{
    (void)state;
    disk_store_close(s);
    return run((const char *const[]){ "rm", "-rf", dir, NULL });
}

static int make(const struct id *overlay, int64_t bytes, struct err *e)
{
    const struct disk_order o = { desktop, *overlay, image, "qcow2", bytes };

    return disk_make(s, &o, e);
}

static void an_overlay_is_made_and_found(void **state)
{
    struct id overlay = id_new(), found;
    char path[DISK_PATH], cmd[2 * DISK_PATH + 128];
    struct err e = { 0 };

    (void)state;
    assert_false(disk_any(s));
    assert_false(disk_find(s, &desktop, &found));
    assert_int_equal(make(&overlay, 64 << 20, &e), 0);
    assert_true(disk_any(s) && disk_find(s, &desktop, &found));
    assert_true(id_eq(&found, &overlay));
    disk_path(s, &desktop, &overlay, ".qcow2", path);
    snprintf(cmd, sizeof cmd,
             "qemu-img info --output=json %s | grep -q '\"virtual-size\": 67108864' && "
             "qemu-img info %s | grep -q 'backing file format: qcow2'",
             path, path);
    assert_int_equal(run((const char *const[]){ "sh", "-c", cmd, NULL }), 0);
}

static void count_ours(void *arg, const char *path)
{
    int *n = arg;

    assert_string_equal(path, image);
    ++*n;
}

/* The one in use, the one that it replaced in the bin, and one that is being made. */
static void what_the_disks_lie_on_is_known(void **state)
{
    struct id first = id_new(), second = id_new();
    char cmd[4 * DISK_PATH];
    struct err e = { 0 };
    int n = 0;

    (void)state;
    assert_int_equal(disk_backings(s, count_ours, &n, &e), 0);
    assert_int_equal(n, 0);
    assert_int_equal(make(&first, 0, &e), 0);
    assert_int_equal(make(&second, 0, &e), 0);
    snprintf(cmd, sizeof cmd, "cp %s/disks/%s/%s.qcow2 %s/disks/%s/x.part; touch %s/bin/stray", dir,
             desktop.s, second.s, dir, desktop.s, dir);
    assert_int_equal(run((const char *const[]){ "sh", "-c", cmd, NULL }), 0);
    assert_int_equal(disk_backings(s, count_ours, &n, &e), 0);
    assert_int_equal(n, 3);
    snprintf(cmd, sizeof cmd, "echo half > %s/disks/%s/x.part", dir, desktop.s);
    assert_int_equal(run((const char *const[]){ "sh", "-c", cmd, NULL }), 0);
    assert_int_equal(disk_backings(s, count_ours, &n, &e), -1); /* unreadable: nobody knows */
    assert_int_equal(e.code, ERR_STORAGE_FAILED);
}

static void half_made_ones_are_not_found(void **state)
{
    struct id overlay = id_new(), found;
    struct err e = { 0 };

    (void)state;
    assert_int_equal(unlink(image), 0);
    assert_int_equal(make(&overlay, 0, &e), -1);
    assert_int_equal(e.code, ERR_STORAGE_FAILED);
    assert_null(strstr(e.detail, dir)); /* no path for the client */
    assert_false(disk_find(s, &desktop, &found));
}

static void the_bin_keeps_for_its_time(void **state)
{
    struct id first = id_new(), second = id_new(), found;
    struct err e = { 0 };
    int64_t now = clock_wall_ms();

    (void)state;
    assert_int_equal(make(&first, 0, &e), 0);
    assert_int_equal(make(&second, 0, &e), 0);
    assert_true(disk_find(s, &desktop, &found) && id_eq(&found, &second));
    assert_int_equal(disk_recycle(s, &desktop, &e), 0);
    assert_int_equal(disk_recycle(s, &desktop, &e), 0); /* nothing there is fine */
    assert_false(disk_find(s, &desktop, &found));
    assert_int_equal(disk_purge(s, now + 90 * 1000), 0);
    assert_int_equal(disk_purge(s, now + 110 * 1000), 2);
    assert_false(disk_any(s));
}

static void a_program_past_its_deadline_is_killed(void **state)
{
    const char *const argv[] = { "sleep", "60", NULL };
    const struct program p = { .argv = argv, .deadline_ms = 150 };
    struct err e = { 0 };
    int64_t began = clock_boot_ms();
    int status;

    (void)state;
    assert_int_equal(program_run(&p, &status, NULL, 0, &e), -1);
    assert_int_equal(e.code, ERR_DEADLINE);
    assert_in_range(clock_boot_ms() - began, 140, 50000);
}

static void only_a_ready_line_is_ready(void **state)
{
    static const char *const bad[] = {
        "",
        "{",
        "ready",
        "{\"v\":1}",
        "{\"v\":2,\"event\":\"ready\",\"run\":\"%s\"}",
        "{\"v\":1,\"event\":\"ready\",\"run\":\"x\"}",
        "{\"v\":1,\"event\":7,\"run\":null}",
        "[]",
        "7",
    };
    static const char good[] = "{\"v\":1,\"event\":\"ready\",\"run\":"
                               "\"0b1c0000-0000-4000-8000-0000000000aa\",\"more\":[1]}";
    struct id got;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(guest_channel_line(bad[i], strlen(bad[i]), &got));
    assert_true(guest_channel_line(good, strlen(good), &got));
    assert_string_equal(got.s, "0b1c0000-0000-4000-8000-0000000000aa");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_overlay_is_made_and_found, setup, teardown),
        cmocka_unit_test_setup_teardown(what_the_disks_lie_on_is_known, setup, teardown),
        cmocka_unit_test_setup_teardown(half_made_ones_are_not_found, setup, teardown),
        cmocka_unit_test_setup_teardown(the_bin_keeps_for_its_time, setup, teardown),
        cmocka_unit_test(a_program_past_its_deadline_is_killed),
        cmocka_unit_test(only_a_ready_line_is_ready),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
