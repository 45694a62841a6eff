/* A host with real machines: the embedded driver, QEMU, the tiny guest if it was built. */
#include "tests/virt/host_fixture.h"

#include <dirent.h>

#include "bserver-agent/accelerator.h"
#include "bserver-agent/embedded.h"

static struct fixture f;
static struct id desktop, overlay, run;

static int setup(void **state)
{
    (void)state;
    fx_make(&f, true);
    f.io_sample_s = 300; /* its samples are news, and here nothing new is waited for */
    fx_open(&f);
    fx_sync(&f);
    return fx_wait(&f, "bserver", &f.bserver, "kind", fx_kind(&f)) ? 0 : -1;
}

static int teardown(void **state)
{
    int pid;

    (void)state;
    for (int i = 0; i < 100 && (pid = embedded_find_qemu(&desktop)) != 0; i++) {
        kill(pid, SIGKILL);
        usleep(50000);
    }
    fx_remove(&f);
    return 0;
}

static void want_run(const char *how)
{
    fx_put(&f, &desktop, fx_desktop(&f, &desktop, &overlay, &run, how));
}

static void want_off(const char *how)
{
    fx_put(&f, &desktop, fx_desktop(&f, &desktop, &overlay, NULL, how));
}

static void the_probe_machine_boots_under_tcg(void **state)
{
    struct err e = { 0 };

    (void)state;
    if (accelerator_probe("", "tcg", &e) < 0)
        fail_msg("%s %s", e.detail, e.cause);
}

static void the_host_tells_what_it_is(void **state)
{
    (void)state;
    json_auto_t *o = fx_seen(&f, "bserver", &f.bserver);
    assert_true(json_num(o, "cores", 0) > 0 && json_num(o, "memory_mib", 0) > 256);
    assert_true(json_num(json_object_get(o, "storage"), "size_gib", 0) > 0);
    assert_true(id_valid(json_str(o, "boot")));
}

static void starts_and_becomes_ready(void **state)
{
    (void)state;
    desktop = id_new();
    overlay = id_new();
    run = id_new();
    want_run("destroy");
    assert_true(fx_wait(&f, "desktop", &desktop, "run", run.s));
    assert_true(fx_wait(&f, "desktop", &desktop, "state", "running"));
    assert_true(fx_wait(&f, "desktop", &desktop, "overlay", overlay.s));
    assert_true(embedded_find_qemu(&desktop) > 0);
    if (f.has_guest)
        assert_true(fx_wait(&f, "desktop", &desktop, "ready_run", run.s));
}

static void the_screen_opens_for_this_run_only(void **state)
{
    const struct screen_host *s = host_screen_host(f.host);
    struct id other = id_new(), is;
    char hello[13] = "";
    struct err e = { 0 };
    int64_t floor_seq;
    int fd;

    (void)state;
    assert_int_equal(s->open_graphics(s->arg, &desktop, &run, &fd, &e), 0);
    assert_int_equal(read(fd, hello, 12), 12);
    assert_string_equal(hello, "RFB 003.008\n");
    close(fd);
    assert_int_equal(s->open_graphics(s->arg, &desktop, &other, &fd, &e), -1);
    assert_int_equal(e.code, ERR_VM_STATE);
    memset(&e, 0, sizeof e);
    assert_int_equal(s->open_graphics(s->arg, &other, &run, &fd, &e), -1);
    assert_int_equal(e.code, ERR_VM_MISSING);
    assert_true(s->desktop(s->arg, &desktop, &is, &floor_seq));
    assert_true(id_eq(&is, &run) && floor_seq == 1);
}

/* Five seconds in which nothing is told; others on this machine may fill its disk meanwhile. */
static void nothing_new_is_told_while_nothing_happens(void **state)
{
    char before[SYNC_CURSOR_MAX] = "", after[SYNC_CURSOR_MAX];

    (void)state;
    sleep(3);
    for (int i = 0; i < 8; i++) {
        sync_set_cursor(host_observed(f.host), before);
        sleep(5);
        sync_set_cursor(host_observed(f.host), after);
        if (strcmp(before, after) == 0)
            return;
    }
    fail_msg("still telling: %s, then %s", before, after);
}

static void a_reset_is_done_once(void **state)
{
    struct id order = id_new();
    json_t *body = fx_desktop(&f, &desktop, &overlay, &run, "destroy");

    (void)state;
    json_object_set_new(body, "orders",
                        json_pack("[{s:s, s:s, s:s, s:n}]", "id", order.s, "verb", "reset", "run",
                                  run.s, "deadline"));
    fx_put(&f, &desktop, body);
    assert_true(fx_wait(&f, "order", &order, "state", "done"));
    want_run("destroy");
    for (int i = 0; i < 1800 && fx_is(&f, "order", &order, "state", "done"); i++)
        usleep(100000);
    json_auto_t *gone = fx_seen(&f, "order", &order);
    assert_null(gone);
}

static void a_killed_qemu_is_not_started_again(void **state)
{
    int pid = embedded_find_qemu(&desktop);

    (void)state;
    assert_true(pid > 0);
    kill(pid, SIGKILL);
    assert_true(fx_wait(&f, "desktop", &desktop, "last_run", run.s));
    assert_true(fx_wait(&f, "desktop", &desktop, "state", "crashed"));
    sleep(4);
    assert_int_equal(embedded_find_qemu(&desktop), 0);
    assert_true(fx_is(&f, "desktop", &desktop, "run", NULL));
}

static void another_run_starts_and_shuts_down(void **state)
{
    int64_t began;

    (void)state;
    run = id_new();
    want_run("shutdown");
    assert_true(fx_wait(&f, "desktop", &desktop, "run", run.s));
    if (!f.has_guest) {
        want_off("destroy");
    } else {
        assert_true(fx_wait(&f, "desktop", &desktop, "ready_run", run.s));
        want_off("shutdown");
    }
    began = clock_boot_ms();
    assert_true(fx_wait(&f, "desktop", &desktop, "last_run", run.s));
    print_message("off after %d ms\n", (int)(clock_boot_ms() - began));
    assert_true(fx_wait(&f, "desktop", &desktop, "state", "off"));
}

static void a_frozen_qemu_is_still_stopped(void **state)
{
    int pid;

    (void)state;
    run = id_new();
    want_run("destroy");
    assert_true(fx_wait(&f, "desktop", &desktop, "run", run.s));
    pid = embedded_find_qemu(&desktop);
    assert_true(pid > 0);
    kill(pid, SIGSTOP);
    sleep(3);
    assert_true(fx_is(&f, "desktop", &desktop, "state", "running"));
    want_off("destroy");
    assert_true(fx_wait(&f, "desktop", &desktop, "last_run", run.s));
    assert_int_equal(embedded_find_qemu(&desktop), 0);
}

static int entries(const char *dir)
{
    DIR *d = opendir(dir);
    int n = 0;

    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n - 2;
}

static void a_new_overlay_sends_the_old_one_to_the_bin(void **state)
{
    char bin[128];

    (void)state;
    snprintf(bin, sizeof bin, "%s/bin", f.dir);
    assert_int_equal(entries(bin), 0);
    overlay = id_new();
    want_off("destroy");
    assert_true(fx_wait(&f, "desktop", &desktop, "overlay", overlay.s));
    assert_int_equal(entries(bin), 1);
}

static void deleting_leaves_nothing_but_the_bin(void **state)
{
    json_t *body;
    char path[128];

    (void)state;
    run = id_new();
    want_run("destroy");
    assert_true(fx_wait(&f, "desktop", &desktop, "run", run.s));
    body = fx_desktop(&f, &desktop, &overlay, &run, "shutdown");
    json_object_set_new(body, "deleting", json_true());
    fx_put(&f, &desktop, body);
    assert_true(fx_wait(&f, "desktop", &desktop, "state", "missing"));
    assert_int_equal(embedded_find_qemu(&desktop), 0);
    snprintf(path, sizeof path, "%s/disks", f.dir);
    assert_int_equal(entries(path), 0);
    snprintf(path, sizeof path, "%s/bin", f.dir);
    assert_int_equal(entries(path), 2);
}

/* libvirt keeps a TPM's state in a directory named by the machine's uuid. */
static bool tpm_state_there(void)
{
    char script[256];
    const char *const argv[] = { "sh", "-c", script, NULL };
    const struct program p = { .argv = argv, .deadline_ms = 10000 };
    struct err e = { 0 };
    int status = -1;

    snprintf(script, sizeof script, "find %s -type d -path '*swtpm*' -name %s | grep -q .", f.dir,
             desktop.s);
    assert_int_equal(program_run(&p, &status, NULL, 0, &e), 0);
    return status == 0;
}

/* Apart, since skip() leaves a test without its cleanups. */
static bool host_can(const char *what)
{
    json_auto_t *host = fx_seen(&f, "bserver", &f.bserver);

    return json_flag(json_object_get(host, "capabilities"), what, false);
}

/* Another shape: q35, TPM, SATA, e1000, virtio video; what UEFI needs besides is a firmware. */
static void a_machine_with_a_tpm_starts(void **state)
{
    json_t *body, *spec;

    (void)state;
    if (!host_can("tpm"))
        skip();
    desktop = id_new();
    overlay = id_new();
    run = id_new();
    body = fx_desktop(&f, &desktop, &overlay, &run, "destroy");
    spec = json_object_get(body, "spec");
    json_object_set_new(spec, "tpm", json_true());
    json_put_str(spec, "disk_bus", "sata");
    json_put_str(spec, "nic_model", "e1000");
    json_put_str(spec, "video", "virtio");
    fx_put(&f, &desktop, json_deep_copy(body));
    assert_true(fx_wait(&f, "desktop", &desktop, "run", run.s));
    if (!getenv("TEST_URI"))
        assert_true(tpm_state_there());
    json_object_set_new(body, "run", json_null());
    fx_put(&f, &desktop, json_deep_copy(body));
    assert_true(fx_wait(&f, "desktop", &desktop, "last_run", run.s));
    if (!getenv("TEST_URI"))
        assert_true(tpm_state_there()); /* it lives as long as the disk */
    overlay = id_new();
    json_put_str(json_object_get(body, "overlay"), "id", overlay.s);
    fx_put(&f, &desktop, json_deep_copy(body));
    assert_true(fx_wait(&f, "desktop", &desktop, "overlay", overlay.s));
    assert_false(tpm_state_there()); /* the next person gets another */
    json_object_set_new(body, "deleting", json_true());
    fx_put(&f, &desktop, body);
    assert_true(fx_wait(&f, "desktop", &desktop, "state", "missing"));
}

static void what_the_host_lacks_is_said(void **state)
{
    json_t *body;

    (void)state;
    if (host_can("uefi"))
        skip();
    run = id_new();
    body = fx_desktop(&f, &desktop, &overlay, &run, "destroy");
    json_put_str(json_object_get(body, "spec"), "firmware", "uefi");
    fx_put(&f, &desktop, body);
    assert_true(fx_wait(&f, "desktop", &desktop, "last_run", run.s));
    json_auto_t *seen = fx_seen(&f, "desktop", &desktop);
    assert_string_equal(json_str(json_object_get(seen, "error"), "slug"), "precondition");
    assert_string_equal(json_str(json_object_get(seen, "error"), "run"), run.s);
}

static void an_older_epoch_is_refused(void **state)
{
    json_auto_t *newer = json_pack("{s:i}", "epoch", 7), *older = json_pack("{s:i}", "epoch", 6);
    struct err e = { 0 };

    (void)state;
    assert_int_equal(host_page(f.host, newer, &e), 0);
    assert_int_equal(host_page(f.host, older, &e), -1);
    assert_int_equal(e.code, ERR_EPOCH_STALE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_probe_machine_boots_under_tcg),
        cmocka_unit_test(the_host_tells_what_it_is),
        cmocka_unit_test(starts_and_becomes_ready),
        cmocka_unit_test(the_screen_opens_for_this_run_only),
        cmocka_unit_test(nothing_new_is_told_while_nothing_happens),
        cmocka_unit_test(a_reset_is_done_once),
        cmocka_unit_test(a_killed_qemu_is_not_started_again),
        cmocka_unit_test(another_run_starts_and_shuts_down),
        cmocka_unit_test(a_frozen_qemu_is_still_stopped),
        cmocka_unit_test(a_new_overlay_sends_the_old_one_to_the_bin),
        cmocka_unit_test(deleting_leaves_nothing_but_the_bin),
        cmocka_unit_test(a_machine_with_a_tpm_starts),
        cmocka_unit_test(what_the_host_lacks_is_said),
        cmocka_unit_test(an_older_epoch_is_refused),
    };

    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, setup, teardown);
}
