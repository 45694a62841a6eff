#include "bserver-agent/inventory.h"

#include <stdio.h>
#include <string.h>

enum { TAKE_MS = 20000, DEVICES_MAX = 8192 };

struct node {
    virNodeInfo info;
    char **xml; /* NULL-ended; NULL if not asked for */
    bool devices;
};

static void free_xml(char **xml)
{
    for (char **x = xml; x && *x; x++)
        free(*x);
    free(xml);
}

static void release(void *data)
{
    struct node *n = data;

    free_xml(n->xml);
}

static int run_look(virConnectPtr conn, void *data, struct err *e)
{
    struct node *n = data;
    virNodeDevicePtr *devices = NULL;
    int count;

    if (virNodeGetInfo(conn, &n->info) < 0)
        return virt_fail(e, "asking for the host's size");
    if (!n->devices)
        return 0;
    count = virConnectListAllNodeDevices(conn, &devices, 0); /* newer flags: unknown to "test" */
    if (count < 0)
        return virt_fail(e, "listing the host's devices");
    n->xml = calloc((size_t)count + 1, sizeof *n->xml);
    for (int i = 0, k = 0; i < count; i++) {
        char *text = n->xml && k < DEVICES_MAX ? virNodeDeviceGetXMLDesc(devices[i], 0) : NULL;

        if (text)
            n->xml[k++] = text;
        virNodeDeviceFree(devices[i]);
    }
    free(devices);
    return n->xml ? 0 : err_set(e, ERR_INTERNAL, "out of memory");
}

int inventory_take(struct hypervisor *h, const char *sysfs, struct inventory *out, struct err *e)
{
    const struct virt_op op = { "inventory", TAKE_MS, sizeof(struct node), run_look, release };
    const struct hypervisor_abilities *can = hypervisor_abilities(h);
    struct node n = { .devices = can->node_devices };
    struct inventory v = { 0 };
    int rc = 0;

    if (hypervisor_do(h, &op, &n, e) < 0)
        return -1;
    if (can->kind == HYPERVISOR_SIMULATED) {
        v.cores = (int64_t)n.info.nodes * n.info.sockets * n.info.cores;
        v.threads = v.cores * n.info.threads;
        v.memory_mib = (int64_t)(n.info.memory / 1024);
    } else {
        rc = inventory_sysfs(sysfs, &v, e);
        v.memory_mib = (int64_t)(n.info.memory / 1024);
    }
    if (rc == 0)
        rc = n.xml ? inventory_devices((const char *const *)n.xml, &v, e)
                   : inventory_sysfs_vfs(sysfs, &v, e);
    free_xml(n.xml);
    if (rc < 0) {
        inventory_free(&v);
        return -1;
    }
    *out = v;
    return 0;
}

void inventory_free(struct inventory *v)
{
    free(v->vfs);
    v->vfs = NULL;
    v->nvfs = 0;
}
