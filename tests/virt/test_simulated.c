/* A simulated host: libvirt's test driver with 18 cores and two NICs of 64 VFs each. */
#include <dirent.h>

#include "bserver-agent/host_state.h"
#include "tests/virt/host_fixture.h"

enum { DESKTOPS = 100 };

static struct fixture f;
static struct id desktops[DESKTOPS], runs[DESKTOPS];

static int setup(void **state)
{
    char cwd[64];

    (void)state;
    fx_make(&f, false);
    assert_non_null(getcwd(cwd, sizeof cwd));
    snprintf(f.uri, sizeof f.uri, "test://%s/tests/virt/node-18core-2x64vf.xml", cwd);
    fx_open(&f);
    fx_sync(&f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fx_remove(&f);
    return 0;
}

struct vf_count {
    int n, second;
    char address[DESKTOPS + 28][16];
    struct id id[DESKTOPS + 28];
};

static void count_vf(void *arg, const struct sync_object *o)
{
    struct vf_count *c = arg;
    const char *pf = json_str(o->body, "pf"), *address = json_str(o->body, "address");

    assert_true(c->n < DESKTOPS + 28);
    assert_true(id_eq(&o->id, &(struct id){ "" }) == false);
    c->second += strcmp(pf, "enp32s0") == 0;
    snprintf(c->address[c->n], 16, "%s", address);
    c->id[c->n++] = o->id;
}

static void tells_cores_and_functions(void **state)
{
    struct vf_count c = { 0 };

    (void)state;
    assert_true(fx_wait(&f, "bserver", &f.bserver, "kind", "simulated"));
    json_auto_t *o = fx_seen(&f, "bserver", &f.bserver);
    assert_int_equal(json_num(o, "cores", 0), 18);
    assert_int_equal(json_num(o, "memory_mib", 0), 256 * 1024);
    assert_false(json_flag(json_object_get(o, "capabilities"), "screen", true));
    for (int i = 0; i < 100 && sync_set_count(host_observed(f.host), "vf") < 128; i++)
        usleep(20000);
    sync_set_each(host_observed(f.host), "vf", count_vf, &c);
    assert_int_equal(c.n, 128);
    assert_int_equal(c.second, 64);
}

static void put(int i, bool deleting)
{
    static struct vf_count c;
    json_t *body;

    if (!c.n)
        sync_set_each(host_observed(f.host), "vf", count_vf, &c);
    body = fx_desktop(&f, &desktops[i], NULL, id_set(&runs[i]) ? &runs[i] : NULL, "shutdown");
    json_object_set_new(body, "vf",
                        json_pack("{s:s, s:s, s:s, s:i, s:s, s:i}", "id", c.id[i].s, "pf",
                                  "enp16s0", "address", c.address[i], "index", i, "mac",
                                  "52:54:02:00:00:01", "vlan", 100));
    json_object_set_new(body, "deleting", json_boolean(deleting));
    sync_set_put(f.bcenter, f.bserver.s, "desktop", &desktops[i], body);
}

static int workers(void)
{
    char path[300], name[32];
    DIR *tasks = opendir("/proc/self/task");
    int n = 0;

    assert_non_null(tasks);
    for (struct dirent *d = readdir(tasks); d; d = readdir(tasks)) {
        FILE *comm;

        snprintf(path, sizeof path, "/proc/self/task/%s/comm", d->d_name);
        comm = fopen(path, "re");
        if (!comm)
            continue;
        n += fgets(name, sizeof name, comm) && strcmp(name, "machine\n") == 0;
        fclose(comm);
    }
    closedir(tasks);
    return n;
}

static void a_hundred_start_with_a_function_each(void **state)
{
    int64_t began = clock_boot_ms();

    (void)state;
    assert_int_equal(workers(), 0); /* without work there are none */
    for (int i = 0; i < DESKTOPS; i++) {
        desktops[i] = id_new();
        runs[i] = id_new();
        put(i, false);
    }
    fx_sync(&f);
    for (int i = 0; i < DESKTOPS; i++)
        assert_true(fx_wait(&f, "desktop", &desktops[i], "ready_run", runs[i].s));
    assert_in_range(workers(), 1, 8);
    print_message("%d running and ready after %d ms\n", DESKTOPS, (int)(clock_boot_ms() - began));
}

static void all_stop_and_another_run_starts(void **state)
{
    struct id old = runs[7];

    (void)state;
    for (int i = 0; i < DESKTOPS; i++) {
        memset(&runs[i], 0, sizeof runs[i]);
        put(i, false);
    }
    fx_sync(&f);
    for (int i = 0; i < DESKTOPS; i++)
        assert_true(fx_wait(&f, "desktop", &desktops[i], "state", "off"));
    runs[7] = old;
    put(7, false);
    fx_sync(&f);
    sleep(3);
    assert_true(fx_is(&f, "desktop", &desktops[7], "run", NULL)); /* that id is used up */
    runs[7] = id_new();
    put(7, false);
    fx_sync(&f);
    assert_true(fx_wait(&f, "desktop", &desktops[7], "run", runs[7].s));
}

static void a_restart_is_a_power_cycle(void **state)
{
    json_auto_t *before = fx_seen(&f, "bserver", &f.bserver);

    (void)state;
    fx_close(&f);
    fx_open(&f);
    fx_sync(&f);
    assert_true(fx_wait(&f, "desktop", &desktops[7], "last_run", runs[7].s));
    assert_true(fx_is(&f, "desktop", &desktops[7], "run", NULL));
    assert_true(fx_wait(&f, "bserver", &f.bserver, "kind", "simulated"));
    json_auto_t *after = fx_seen(&f, "bserver", &f.bserver);
    assert_string_not_equal(json_str(before, "boot"), json_str(after, "boot"));
}

static void what_nobody_wants_is_left_alone_and_shown(void **state)
{
    json_t *drift = NULL;

    (void)state;
    runs[8] = id_new();
    put(8, false);
    fx_sync(&f);
    assert_true(fx_wait(&f, "desktop", &desktops[8], "run", runs[8].s));
    sync_set_del(f.bcenter, f.bserver.s, "desktop", &desktops[8]);
    fx_sync(&f);
    for (int i = 0; i < 1800 && json_array_size(drift) == 0; i++) {
        json_auto_t *o = fx_seen(&f, "bserver", &f.bserver);

        usleep(100000);
        json_decref(drift);
        drift = json_incref(json_object_get(o, "drift"));
    }
    assert_int_equal(json_array_size(drift), 1);
    assert_string_equal(json_str(json_array_get(drift, 0), "kind"), "orphan");
    json_decref(drift);
    put(8, true); /* deleting: also what runs */
    fx_sync(&f);
    assert_true(fx_wait(&f, "desktop", &desktops[8], "state", "missing"));
}

/* ---- questions about functions (docs/vf.md) */

static struct id function_no(int n)
{
    static struct vf_count c;

    if (!c.n)
        sync_set_each(host_observed(f.host), "vf", count_vf, &c);
    return c.id[n];
}

static void ask_about(const struct id *vf, const struct id *check)
{
    json_auto_t *o = fx_seen(&f, "vf", vf);

    if (check)
        sync_set_put(f.bcenter, f.bserver.s, "vf", vf,
                     json_pack("{s:s, s:s, s:s, s:s}", "id", vf->s, "address",
                               json_str(o, "address"), "check", check->s, "mac",
                               "52:54:02:00:00:01"));
    else
        sync_set_del(f.bcenter, f.bserver.s, "vf", vf);
    fx_sync(&f);
}

static bool clean(const struct id *vf)
{
    json_auto_t *o = fx_seen(&f, "vf", vf);

    return json_flag(o, "clean", false);
}

static void a_function_is_clean_when_its_machine_is_gone(void **state)
{
    struct id check = id_new(), again = id_new(), vf = function_no(20);
    json_t *used;

    (void)state;
    runs[20] = id_new();
    put(20, false);
    fx_sync(&f);
    assert_true(fx_wait(&f, "desktop", &desktops[20], "run", runs[20].s));
    ask_about(&vf, &check);
    assert_true(fx_wait(&f, "vf", &vf, "check", check.s));
    assert_true(fx_is(&f, "vf", &vf, "why", "in-use"));
    assert_false(clean(&vf));
    json_auto_t *o = fx_seen(&f, "vf", &vf);
    used = json_object_get(o, "used_by");
    assert_true(json_flag(used, "ours", false));
    assert_string_equal(json_str(used, "id"), desktops[20].s);
    assert_string_equal(json_str(used, "run"), runs[20].s);
    put(20, true);
    fx_sync(&f);
    assert_true(fx_wait(&f, "desktop", &desktops[20], "state", "missing"));
    ask_about(&vf, &again);
    assert_true(fx_wait(&f, "vf", &vf, "check", again.s));
    assert_true(clean(&vf));
    assert_true(fx_is(&f, "vf", &vf, "used_by", NULL));
    ask_about(&vf, NULL);
}

static int run_stranger(virConnectPtr conn, void *data, struct err *e)
{
    const char *xml = "<domain type='test'><name>stranger</name><memory>1024</memory><os><type>hvm"
                      "</type></os><devices><interface type='hostdev' managed='yes'><source>"
                      "<address type='pci' domain='0x0000' bus='0x10' slot='0x12' function='0x5'/>"
                      "</source></interface></devices></domain>";
    auto_domain virDomainPtr dom = NULL;
    bool *define = data;

    if (*define)
        dom = virDomainDefineXML(conn, xml);
    else
        dom = virDomainLookupByName(conn, "stranger");
    if (!dom || (!*define && virDomainUndefine(dom) < 0))
        return virt_fail(e, "stranger");
    return 0;
}

static void stranger(bool comes)
{
    const struct virt_op op = { "stranger", 10000, sizeof comes, run_stranger, NULL };
    struct err e = { 0 };

    if (hypervisor_do(f.host->hypervisor, &op, &comes, &e) < 0)
        fail_msg("%s %s", e.detail, e.cause);
}

/* A definition that does not even run is a use. */
static void a_stranger_keeps_a_function(void **state)
{
    struct id vf = id_v5(f.bserver.s, "0000:10:12.5"), check = id_new(), again = id_new();

    (void)state;
    stranger(true);
    ask_about(&vf, &check);
    assert_true(fx_wait(&f, "vf", &vf, "check", check.s));
    assert_false(clean(&vf));
    assert_true(fx_is(&f, "vf", &vf, "why", "in-use"));
    json_auto_t *o = fx_seen(&f, "vf", &vf);
    assert_false(json_flag(json_object_get(o, "used_by"), "ours", true));
    stranger(false);
    /* The same question is looked at again; a new one at once. */
    assert_true(fx_wait(&f, "vf", &vf, "why", NULL));
    assert_true(clean(&vf));
    ask_about(&vf, &again);
    assert_true(fx_wait(&f, "vf", &vf, "check", again.s));
    assert_true(clean(&vf));
    ask_about(&vf, NULL);
}

static void what_a_clean_one_rests_on_is_said(void **state)
{
    json_auto_t *o = fx_seen(&f, "bserver", &f.bserver);
    const json_t *vf = json_object_get(json_object_get(o, "capabilities"), "vf");

    (void)state;
    assert_false(json_flag(vf, "settings", true));
    assert_false(json_flag(vf, "reset", true));
    assert_int_equal(json_array_size(json_object_get(vf, "clean_rests_on")), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_cores_and_functions),
        cmocka_unit_test(a_hundred_start_with_a_function_each),
        cmocka_unit_test(all_stop_and_another_run_starts),
        cmocka_unit_test(a_restart_is_a_power_cycle),
        cmocka_unit_test(what_nobody_wants_is_left_alone_and_shown),
        cmocka_unit_test(a_function_is_clean_when_its_machine_is_gone),
        cmocka_unit_test(a_stranger_keeps_a_function),
        cmocka_unit_test(what_a_clean_one_rests_on_is_said),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
