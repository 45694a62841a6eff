/*
 * sweep_bench — what an agent's looks at N machines cost: the sweep (states only), a whole look of
 * reconciliation, a sample of their I/O, and beside them the naive loop that asks libvirt for all
 * statistics of all domains.
 *
 * Usage: sweep_bench simulated | embedded [MACHINES, 100] [ROUNDS, 21]. Prints one JSON object,
 * medians in microseconds, the kinds of look in turns. Embedded machines are paused QEMUs with a
 * disk each, made in a directory of their own and ended at the end.
 */
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bserver-agent/domain_xml.h"
#include "bserver-agent/io_sample.h"
#include "bserver-agent/program.h"
#include "bserver-agent/reconcile_state.h"
#include "bserver-agent/report.h"
#include "common/base/log.h"

enum { MACHINES_MAX = 1000, ROUNDS_MAX = 1000, OP_MS = 60000 };

static char dir[] = "/tmp/bic-sweep-XXXXXX";
static struct hypervisor *h;
static struct io_source *source;
static struct io_desktop desktops[MACHINES_MAX];
static int n;

static void check(bool good, const char *what, const struct err *e)
{
    if (good)
        return;
    fprintf(stderr, "sweep_bench: %s: %s %s\n", what, e ? e->detail : "", e ? e->cause : "");
    exit(1);
}

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* QEMU's user must be one who can be found (docs/agent.md, Kinds). */
static void drop_root(void)
{
    const struct passwd *nobody = getpwnam("nobody");

    if (geteuid() != 0 || (getpwnam("libvirt-qemu") && getgrnam("libvirt-qemu")))
        return;
    check(nobody && chown(dir, nobody->pw_uid, nobody->pw_gid) == 0 && setgroups(0, NULL) == 0 &&
              setresgid(nobody->pw_gid, nobody->pw_gid, nobody->pw_gid) == 0 &&
              setresuid(nobody->pw_uid, nobody->pw_uid, nobody->pw_uid) == 0,
          "to become nobody", NULL);
}

static void run_program(const char *const argv[])
{
    const struct program p = { .argv = argv, .deadline_ms = OP_MS };
    struct err e = { 0 };
    int status = -1;

    check(program_run(&p, &status, NULL, 0, &e) == 0 && status == 0, argv[0], &e);
}

struct machine_op {
    char *xml;
    unsigned flags;
};

static int run_create(virConnectPtr conn, void *data, struct err *e)
{
    struct machine_op *op = data;
    auto_domain virDomainPtr dom = virDomainCreateXML(conn, op->xml, op->flags);

    return dom ? 0 : virt_fail(e, "start");
}

static struct wanted wanted(int i)
{
    return (struct wanted){ .id = desktops[i].desktop,
                            .run = desktops[i].run,
                            .vcpus = 1,
                            .memory_mib = 64,
                            .guest = "none",
                            .disk_bus = "virtio",
                            .nic_model = "virtio",
                            .video = "vga" };
}

static void create(int i, bool embedded)
{
    const struct virt_op op = { "start", OP_MS, sizeof(struct machine_op), run_create, NULL };
    const struct hypervisor_abilities *can = hypervisor_abilities(h);
    struct domain_host host = { .kind = can->kind, .emulator = can->emulator };
    struct machine_op m = { .flags = embedded ? VIR_DOMAIN_START_PAUSED : 0 };
    char disk[64], channel[64];
    struct err e = { 0 };
    struct wanted w;

    desktops[i] = (struct io_desktop){ .desktop = id_new(), .run = id_new(), .live = i % 2 };
    w = wanted(i);
    if (embedded) {
        snprintf(disk, sizeof disk, "%s/%d.qcow2", dir, i);
        snprintf(channel, sizeof channel, "%s/%d", dir, i);
        run_program(
            (const char *const[]){ "qemu-img", "create", "-q", "-f", "qcow2", disk, "8M", NULL });
        host.disk = disk;
        host.channel = channel;
    }
    check(domain_xml(&w, &host, &m.xml, &e) == 0, "the machine's XML", &e);
    check(hypervisor_do(h, &op, &m, &e) == 0, "start", &e);
    free(m.xml);
}

static int run_end_all(virConnectPtr conn, void *data, struct err *e)
{
    virDomainPtr *doms = NULL;
    int count = virConnectListAllDomains(conn, &doms, VIR_CONNECT_LIST_DOMAINS_ACTIVE);

    (void)data;
    for (int i = 0; i < count; i++) {
        virDomainDestroy(doms[i]);
        virDomainFree(doms[i]);
    }
    free(doms);
    return count < 0 ? virt_fail(e, "stop") : 0;
}

static void end_all(void)
{
    const struct virt_op op = { "stop", 10 * OP_MS, 1, run_end_all, NULL };
    struct err e = { 0 };
    char none = 0;

    check(hypervisor_do(h, &op, &none, &e) == 0, "stop", &e);
}

/* ---- the looks */

static struct listing listing;

static void sweep(void)
{
    struct err e = { 0 };

    check(listing_take(h, &listing, &e) == 0 && listing.n == n, "sweep", &e);
}

static struct reconcile *reconcile;

static void whole_look(void)
{
    reconcile_look(reconcile);
}

static void sample(void)
{
    static struct io_reading last;
    struct io_reading now = { 0 };
    struct io_sample s;
    struct err e = { 0 };

    check(source->read(source, desktops, n, &now, &e) == 0 && now.n == n, "sample", &e);
    io_reading_sort(&now);
    if (last.at_ms && now.at_ms > last.at_ms) {
        check(io_sample(&last, &now, &s, &e) == 0 && s.n == n, "sample", &e);
        io_sample_free(&s);
    }
    io_reading_free(&last);
    last = now;
}

static int run_naive(virConnectPtr conn, void *data, struct err *e)
{
    virDomainStatsRecordPtr *records = NULL;
    int count = virConnectGetAllDomainStats(conn, 0, &records, 0);

    if (count < 0)
        return virt_fail(e, "statistics");
    *(int *)data = count;
    virDomainStatsRecordListFree(records);
    return 0;
}

static void naive(void)
{
    const struct virt_op op = { "statistics", OP_MS, sizeof(int), run_naive, NULL };
    struct err e = { 0 };
    int count = 0;

    check(hypervisor_do(h, &op, &count, &e) == 0 && count == n, "statistics", &e);
}

/* ---- reconciliation of simulated machines, with its report */

static struct report *report;

static void on_report(void *arg, const struct machine_view *v)
{
    (void)arg;
    report_desktop(report, v);
}

static void start_reconcile(void)
{
    struct reconcile_spec spec = { .tools = { .h = h }, .report = on_report, .sweep_ms = 3600000 };
    struct id bserver = id_new();
    struct reconcile_counts c;
    struct err e = { 0 };

    check(intent_open(dir, false, &spec.tools.intents, &e) == 0, "intents", &e);
    check(report_open(sync_set_new_source(), &bserver, &report, &e) == 0, "report", &e);
    check(reconcile_start(&spec, &reconcile, &e) == 0, "reconcile", &e);
    for (int i = 0; i < n; i++) {
        struct wanted w = wanted(i);

        reconcile_want(reconcile, &w.id, &w);
    }
    do { /* each is adopted once; then there is nothing to do any more */
        usleep(100000);
        reconcile_counts(reconcile, &c);
    } while (c.running < n || c.busy > 0);
}

/* ---- in turns */

static struct look {
    const char *name;
    void (*run)(void);
    double us[ROUNDS_MAX];
} looks[] = { { "sweep_us", sweep, { 0 } },
              { "sample_us", sample, { 0 } },
              { "naive_us", naive, { 0 } },
              { "look_us", whole_look, { 0 } } };

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void measure(int kinds, int rounds)
{
    for (int r = -1; r < rounds; r++) /* the first is not counted */
        for (int k = 0; k < kinds; k++) {
            double from = now_us();

            looks[k].run();
            if (r >= 0)
                looks[k].us[r] = now_us() - from;
        }
    printf("{\"machines\": %d", n);
    for (int k = 0; k < kinds; k++) {
        qsort(looks[k].us, (size_t)rounds, sizeof(double), by_size);
        printf(", \"%s\": %.1f", looks[k].name, looks[k].us[rounds / 2]);
    }
    printf("}\n");
}

static void open_all(bool embedded)
{
    const struct io_model model = { 150, 30000, 1, 5, 4000, 200 };
    char uri[512], cwd[300];
    struct hypervisor_spec spec = { .uri = uri, .accelerator = "tcg" };
    struct err e = { 0 };

    check(mkdtemp(dir) && chmod(dir, 0711) == 0, dir, NULL);
    if (embedded) {
        drop_root();
        setenv("HOME", dir, 1);
        setenv("XDG_RUNTIME_DIR", dir, 1);
        spec.kind = HYPERVISOR_EMBEDDED;
        snprintf(uri, sizeof uri, "qemu:///embed?root=%s/v", dir);
    } else {
        spec.kind = HYPERVISOR_SIMULATED;
        snprintf(uri, sizeof uri, "test://%s/tests/virt/node-18core-2x64vf.xml",
                 getcwd(cwd, sizeof cwd));
    }
    check(hypervisor_open(&spec, &h, &e) == 0, uri, &e);
    check((embedded ? io_libvirt_open(h, &source, &e) : io_simulated_open(&model, &source, &e)) ==
              0,
          "source", &e);
}

int main(int argc, char **argv)
{
    bool embedded = argc > 1 && strcmp(argv[1], "embedded") == 0;
    int machines = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 100;
    int rounds = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 21;

    if (argc < 2 || machines < 1 || machines > MACHINES_MAX || rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: %s simulated|embedded [MACHINES] [ROUNDS]\n", argv[0]);
        return 2;
    }
    log_level_set(LOG_LEVEL_ERROR);
    open_all(embedded);
    for (; n < machines; n++)
        create(n, embedded);
    if (!embedded)
        start_reconcile();
    measure(embedded ? 3 : 4, rounds);
    reconcile_stop(reconcile);
    listing_free(&listing);
    end_all();
    source->close(source);
    hypervisor_close(h);
    run_program((const char *const[]){ "rm", "-rf", dir, NULL });
    return 0;
}
