#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bserver-agent/domain_xml.h"
#include "bserver-agent/reconcile_state.h"

/* States only: never a question that a frozen QEMU would have to answer. */
enum { LIST_MS = 5000 };

static enum machine_power power_of(int state, int reason)
{
    switch (state) {
    case VIR_DOMAIN_RUNNING:
    case VIR_DOMAIN_BLOCKED:
    case VIR_DOMAIN_SHUTDOWN: return MACHINE_RUNNING;
    case VIR_DOMAIN_PAUSED:
        return reason == VIR_DOMAIN_PAUSED_STARTING_UP ? MACHINE_STARTING : MACHINE_PAUSED;
    case VIR_DOMAIN_PMSUSPENDED: return MACHINE_PAUSED;
    case VIR_DOMAIN_SHUTOFF:
        return reason == VIR_DOMAIN_SHUTOFF_CRASHED ? MACHINE_CRASHED : MACHINE_OFF;
    case VIR_DOMAIN_CRASHED: return MACHINE_CRASHED;
    default: return MACHINE_UNKNOWN;
    }
}

static int by_id(const void *a, const void *b)
{
    const struct listed *x = a, *y = b;

    return strcmp(x->id.s, y->id.s);
}

static bool known_run(const struct listing *before, struct listed *one)
{
    const struct listed *same =
        one->number > 0 && before->n
            ? bsearch(one, before->all, (size_t)before->n, sizeof *before->all, by_id)
            : NULL;

    if (!same || same->number != one->number)
        return false;
    one->run = same->run;
    return true;
}

static bool read_run(virDomainPtr dom, struct listed *one)
{
    char *xml = virDomainGetMetadata(dom, VIR_DOMAIN_METADATA_ELEMENT, DOMAIN_XML_NAMESPACE,
                                     VIR_DOMAIN_AFFECT_CURRENT);
    struct id desktop;
    bool ours = xml && domain_xml_metadata(xml, &desktop, &one->run) && id_eq(&desktop, &one->id);

    free(xml);
    return ours;
}

/* Ours: the name, and metadata that says the same. False: somebody else's. */
static bool read_one(const virDomainStatsRecord *r, const struct listing *before,
                     struct listed *one)
{
    const char *name = virDomainGetName(r->dom);
    int state = -1, reason = 0;
    unsigned number;

    if (!name || strncmp(name, DOMAIN_NAME_PREFIX, strlen(DOMAIN_NAME_PREFIX)) != 0 ||
        !id_parse(name + strlen(DOMAIN_NAME_PREFIX), &one->id))
        return false;
    number = virDomainGetID(r->dom);
    one->number = number == (unsigned)-1 ? 0 : (int)number;
    if (!known_run(before, one) && !read_run(r->dom, one))
        return false;
    for (int i = 0; i < r->nparams; i++)
        if (strcmp(r->params[i].field, "state.state") == 0)
            state = r->params[i].value.i;
        else if (strcmp(r->params[i].field, "state.reason") == 0)
            reason = r->params[i].value.i;
    one->power = power_of(state, reason);
    return true;
}

static int run_list(virConnectPtr conn, void *data, struct err *e)
{
    struct listing *l = data, fresh = { .conn = conn };
    virDomainStatsRecordPtr *records = NULL;
    int n = virConnectGetAllDomainStats(conn, VIR_DOMAIN_STATS_STATE, &records, 0);

    if (n < 0)
        return virt_fail(e, "listing the machines");
    if (l->conn != conn)
        listing_free(l);
    fresh.all = calloc((size_t)n + 1, sizeof *fresh.all);
    for (int i = 0; i < n; i++) {
        if (fresh.all && read_one(records[i], l, &fresh.all[fresh.n]))
            fresh.n++;
        else
            fresh.foreign++;
    }
    virDomainStatsRecordListFree(records);
    if (!fresh.all)
        return err_set(e, ERR_INTERNAL, "out of memory");
    qsort(fresh.all, (size_t)fresh.n, sizeof *fresh.all, by_id);
    virConnectRef(conn);
    listing_free(l);
    *l = fresh;
    return 0;
}

static void release(void *data)
{
    listing_free(data);
}

void listing_free(struct listing *l)
{
    free(l->all);
    if (l->conn)
        virConnectClose(l->conn);
    memset(l, 0, sizeof *l);
}

int listing_take(struct hypervisor *h, struct listing *l, struct err *e)
{
    const struct virt_op op = { "list", LIST_MS, sizeof *l, run_list, release };

    if (hypervisor_do(h, &op, l, e) == 0)
        return 0;
    listing_free(l);
    return -1;
}
