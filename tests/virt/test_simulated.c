/* A simulated host: libvirt's test driver with 18 cores and two NICs of 64 VFs each. */
#include <dirent.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_cores_and_functions),
        cmocka_unit_test(a_hundred_start_with_a_function_each),
        cmocka_unit_test(all_stop_and_another_run_starts),
        cmocka_unit_test(a_restart_is_a_power_cycle),
        cmocka_unit_test(what_nobody_wants_is_left_alone_and_shown),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
