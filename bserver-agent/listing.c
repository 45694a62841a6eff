#include <stdio.h>
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

/* Ours: the name, and metadata that says the same. False: somebody else's. */
static bool read_one(virDomainPtr dom, struct listed *out)
{
    const char *name = virDomainGetName(dom);
    int state, reason;
    struct id desktop;
    char *xml;
    bool ours;

    if (!name || strncmp(name, DOMAIN_NAME_PREFIX, strlen(DOMAIN_NAME_PREFIX)) != 0 ||
        !id_parse(name + strlen(DOMAIN_NAME_PREFIX), &out->id))
        return false;
    xml = virDomainGetMetadata(dom, VIR_DOMAIN_METADATA_ELEMENT, DOMAIN_XML_NAMESPACE,
                               VIR_DOMAIN_AFFECT_CURRENT);
    ours = xml && domain_xml_metadata(xml, &desktop, &out->run) && id_eq(&desktop, &out->id);
    free(xml);
    if (!ours)
        return false;
    out->power =
        virDomainGetState(dom, &state, &reason, 0) < 0 ? MACHINE_UNKNOWN : power_of(state, reason);
    return true;
}

static int run_list(virConnectPtr conn, void *data, struct err *e)
{
    struct listing *out = data;
    virDomainPtr *doms = NULL;
    int n = virConnectListAllDomains(conn, &doms, 0);

    if (n < 0)
        return virt_fail(e, "listing the machines");
    out->all = calloc((size_t)n + 1, sizeof *out->all);
    for (int i = 0; i < n; i++) {
        if (out->all && read_one(doms[i], &out->all[out->n]))
            out->n++;
        else
            out->foreign++;
        virDomainFree(doms[i]);
    }
    free(doms);
    return out->all ? 0 : err_set(e, ERR_INTERNAL, "out of memory");
}

static void release(void *data)
{
    struct listing *l = data;

    free(l->all);
}

int listing_take(struct hypervisor *h, struct listing *out, struct err *e)
{
    const struct virt_op op = { "list", LIST_MS, sizeof *out, run_list, release };

    memset(out, 0, sizeof *out);
    return hypervisor_do(h, &op, out, e);
}
