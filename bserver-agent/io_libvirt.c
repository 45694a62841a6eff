#include <libvirt/virterror.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bserver-agent/domain_xml.h"
#include "bserver-agent/io_source.h"
#include "bserver-agent/io_vf.h"
#include "common/base/clock.h"
#include "common/base/log.h"

/* Of the VIRT_LOST_MAX threads that an agent can lose, counting may take three: when storage stands
 * still and no QEMU answers, it waits rather than ends the agent. */
enum { READ_MS = 5000, OUT_MAX = 3, STATS = VIR_DOMAIN_STATS_BLOCK | VIR_DOMAIN_STATS_INTERFACE };

struct libvirt {
    struct io_source source;
    struct hypervisor *h;
    atomic_int out; /* ops that are past their deadline and not back */
};

/* All domains in one op; owned as hypervisor.h says. */
struct look {
    struct io_desktop *asked; /* sorted by desktop */
    int n;
    struct io_reading got;
    atomic_int *out; /* of the source */
};

static void release(void *data)
{
    struct look *l = data;

    free(l->asked);
    io_reading_free(&l->got);
}

static void come_back(void *data)
{
    struct look *l = data;

    release(l);
    atomic_fetch_sub(l->out, 1);
}

static int by_desktop(const void *a, const void *b)
{
    const struct io_desktop *x = a, *y = b;

    return strcmp(x->desktop.s, y->desktop.s);
}

static const struct io_desktop *find(const struct io_desktop *all, int n, virDomainPtr dom)
{
    char uuid[VIR_UUID_STRING_BUFLEN];
    struct io_desktop key;

    if (n == 0 || virDomainGetUUIDString(dom, uuid) < 0 || !id_parse(uuid, &key.desktop))
        return NULL;
    return bsearch(&key, all, (size_t)n, sizeof *all, by_desktop);
}

/* "block.0.rd.reqs" → "rd.reqs" if it begins with group; NULL for others and for "block.count". */
static const char *of_device(const char *field, const char *group)
{
    size_t n = strlen(group);

    if (strncmp(field, group, n) != 0 || field[n] < '0' || field[n] > '9')
        return NULL;
    field += n + strspn(field + n, "0123456789");
    return *field == '.' ? field + 1 : NULL;
}

static uint64_t *sum_for(struct io_counters *c, const char *block, const char *net)
{
    static const char *const requests[] = { "rd.reqs", "wr.reqs", "fl.reqs" };
    static const char *const times[] = { "rd.times", "wr.times", "fl.times" };

    for (int i = 0; i < 3 && block; i++) {
        if (strcmp(block, requests[i]) == 0)
            return &c->block;
        if (strcmp(block, times[i]) == 0)
            return &c->block_ns;
    }
    return net && (strcmp(net, "rx.pkts") == 0 || strcmp(net, "tx.pkts") == 0) ? &c->frames : NULL;
}

/* False: the domain was busy (or its QEMU does not answer), so its disks were not asked. */
static bool add_up(const virDomainStatsRecord *r, struct io_counters *c)
{
    bool disks = false, told = false;

    for (int i = 0; i < r->nparams; i++) {
        const virTypedParameter *p = &r->params[i];
        const char *block = of_device(p->field, "block."), *net = of_device(p->field, "net.");
        const char *what = block ? block : net;

        if (what && p->type == VIR_TYPED_PARAM_STRING && strcmp(what, "name") == 0)
            c->devices = io_fold(c->devices, p->value.s);
        if (p->type == VIR_TYPED_PARAM_ULLONG) {
            uint64_t *sum = sum_for(c, block, net);

            if (sum)
                *sum += p->value.ul;
            told = told || (sum && sum == &c->block);
        }
        disks = disks || block;
    }
    return told || !disks;
}

/* The run is asked for afterwards: where it still is the one that ran before, and since no run
 * comes twice, what was counted is its own. */
static bool still(virDomainPtr dom, const struct id *run)
{
    char *xml = virDomainGetMetadata(dom, VIR_DOMAIN_METADATA_ELEMENT, DOMAIN_XML_NAMESPACE,
                                     VIR_DOMAIN_AFFECT_CURRENT);
    struct id desktop, now;
    bool same = xml && domain_xml_metadata(xml, &desktop, &now) && id_eq(&now, run);

    free(xml);
    return same;
}

/* A busy domain is passed over rather than waited for, where the driver can do that. */
static int ask(virDomainPtr *doms, virDomainStatsRecordPtr **records, struct err *e)
{
    int n = virDomainListGetStats(doms, STATS, records, VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);
    virErrorPtr v = n < 0 ? virGetLastError() : NULL;

    if (v && (v->code == VIR_ERR_INVALID_ARG || v->code == VIR_ERR_ARGUMENT_UNSUPPORTED))
        n = virDomainListGetStats(doms, STATS, records, 0);
    return n < 0 ? virt_fail(e, "counting requests") : n;
}

static int count_all(struct look *l, virDomainPtr *doms, struct err *e)
{
    virDomainStatsRecordPtr *records = NULL;
    int n = doms[0] ? ask(doms, &records, e) : 0;

    if (n < 0)
        return -1;
    for (int i = 0; i < n; i++) {
        const struct io_desktop *d = find(l->asked, l->n, records[i]->dom);
        struct io_counters sum = { 0 }, *c;

        if (!d || !add_up(records[i], &sum) || !still(records[i]->dom, &d->run))
            continue;
        c = io_reading_add(&l->got, &d->desktop, &d->run);
        if (!c)
            break;
        c->block = sum.block;
        c->block_ns = sum.block_ns;
        c->frames = sum.frames;
        c->devices = sum.devices;
    }
    if (records)
        virDomainStatsRecordListFree(records);
    return 0;
}

static int run_look(virConnectPtr conn, void *data, struct err *e)
{
    struct look *l = data;
    virDomainPtr *doms = NULL, *ours;
    int n = virConnectListAllDomains(conn, &doms, VIR_CONNECT_LIST_DOMAINS_ACTIVE), k = 0, rc = -1;

    if (n < 0)
        return virt_fail(e, "listing the machines");
    ours = calloc((size_t)n + 1, sizeof(virDomainPtr));
    for (int i = 0; i < n && ours; i++)
        if (find(l->asked, l->n, doms[i]))
            ours[k++] = doms[i];
    if (ours)
        rc = count_all(l, ours, e);
    else
        err_set(e, ERR_INTERNAL, "out of memory");
    for (int i = 0; i < n; i++)
        virDomainFree(doms[i]);
    free(doms);
    free(ours);
    l->got.at_ms = clock_boot_ms();
    return rc;
}

/* Frames of virtual functions: no tap, so libvirt knows none. One question for each card. */
static void add_functions(const struct io_desktop *all, int n, struct io_reading *r)
{
    struct io_vf *vf = NULL;
    struct err e = { 0 };
    char pf[32] = "";
    bool known = false;

    for (int i = 0; i < n; i++) {
        struct io_counters *c;
        char which[64];

        if (!all[i].pf[0] || all[i].vf < 0 || all[i].vf >= IO_VF_MAX)
            continue;
        if (!vf && !(vf = malloc(sizeof *vf)))
            return;
        if (strcmp(pf, all[i].pf) != 0) { /* mostly in turns of one card */
            snprintf(pf, sizeof pf, "%s", all[i].pf);
            known = io_vf_read(pf, vf, &e) == 0 && vf->counted;
            r->vf_counters = r->vf_counters || known;
        }
        c = io_reading_find(r, &all[i].desktop);
        if (!c || !known)
            continue;
        snprintf(which, sizeof which, "%s %d", pf, (int)all[i].vf);
        c->devices = io_fold(c->devices, which);
        c->frames += vf->frames[all[i].vf];
    }
    free(vf);
}

/* One op; DEADLINE when a QEMU did not answer. */
static int look(struct libvirt *s, const struct io_desktop *running, int n, struct io_reading *out,
                struct err *e)
{
    const struct virt_op op = { "counting requests", READ_MS, sizeof(struct look), run_look,
                                come_back };
    struct look l = { .n = n, .out = &s->out };

    l.asked = malloc(((size_t)n + 1) * sizeof *l.asked);
    if (!l.asked)
        return err_set(e, ERR_INTERNAL, "out of memory");
    if (n)
        memcpy(l.asked, running, (size_t)n * sizeof *l.asked);
    qsort(l.asked, (size_t)n, sizeof *l.asked, by_desktop);
    atomic_fetch_add(&s->out, 1); /* before: the thread may come back at any time */
    if (hypervisor_do(s->h, &op, &l, e) < 0) {
        if (l.out) /* else it is not back: come_back counts it */
            atomic_fetch_sub(&s->out, 1);
        release(&l);
        return -1;
    }
    atomic_fetch_sub(&s->out, 1);
    free(l.asked);
    *out = l.got;
    return 0;
}

/* The thread that is lost to a QEMU keeps its domain busy, so that the next one passes it over: the
 * others are still counted in this turn. */
static int libvirt_read(struct io_source *source, const struct io_desktop *running, int n,
                        struct io_reading *out, struct err *e)
{
    struct libvirt *s = (struct libvirt *)source;
    struct err why;

    do {
        memset(&why, 0, sizeof why);
        if (atomic_load(&s->out) >= OUT_MAX)
            return err_set(e, ERR_VIRT_UNAVAILABLE, "too many machines do not answer");
        if (look(s, running, n, out, &why) == 0) {
            io_reading_sort(out);
            add_functions(running, n, out);
            return 0;
        }
        if (why.code == ERR_DEADLINE)
            log_err("io-sample", &why);
    } while (why.code == ERR_DEADLINE);
    *e = why;
    return -1;
}

/* With a thread that is still out it stays, as the hypervisor does. */
static void libvirt_close(struct io_source *source)
{
    struct libvirt *s = (struct libvirt *)source;

    if (atomic_load(&s->out) == 0)
        free(s);
}

int io_libvirt_open(struct hypervisor *h, struct io_source **out, struct err *e)
{
    struct libvirt *s = calloc(1, sizeof *s);

    if (!s)
        return err_set(e, ERR_INTERNAL, "out of memory");
    s->source = (struct io_source){ "libvirt", libvirt_read, libvirt_close };
    s->h = h;
    *out = &s->source;
    return 0;
}
