#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <stdio.h>
#include <string.h>

#include "bserver-agent/inventory.h"

#define X(s) ((const xmlChar *)(s))

/* One node device, as far as it matters here. */
struct device {
    char name[96], parent[96], net[32], mac[18], address[16], pf[16];
    char (*vfs)[16]; /* addresses below virt_functions */
    int nvfs;
};

static void text(xmlXPathContextPtr x, const char *expression, char *to, size_t size)
{
    xmlXPathObjectPtr o = xmlXPathEvalExpression(X(expression), x);

    snprintf(to, size, "%.*s", (int)size - 1, o && o->stringval ? (const char *)o->stringval : "");
    xmlXPathFreeObject(o);
}

static unsigned number(xmlNodePtr n, const char *name)
{
    xmlChar *v = xmlGetProp(n, X(name));
    unsigned u = v ? (unsigned)strtoul((const char *)v, NULL, 0) : 0;

    xmlFree(v);
    return u;
}

static void address_of(xmlNodePtr n, char to[16])
{
    snprintf(to, 16, "%04x:%02x:%02x.%x", number(n, "domain") & 0xFFFF, number(n, "bus") & 0xFF,
             number(n, "slot") & 0x1F, number(n, "function") & 7);
}

static xmlXPathObjectPtr nodes(xmlXPathContextPtr x, const char *expression)
{
    xmlXPathObjectPtr o = xmlXPathEvalExpression(X(expression), x);

    if (o && (!o->nodesetval || o->nodesetval->nodeNr == 0)) {
        xmlXPathFreeObject(o);
        o = NULL;
    }
    return o;
}

static void read_pci(xmlXPathContextPtr x, struct device *d)
{
    char part[4][24];
    xmlXPathObjectPtr o;

    text(x, "string(/device/capability[@type='pci']/domain)", part[0], sizeof part[0]);
    text(x, "string(/device/capability[@type='pci']/bus)", part[1], sizeof part[1]);
    text(x, "string(/device/capability[@type='pci']/slot)", part[2], sizeof part[2]);
    text(x, "string(/device/capability[@type='pci']/function)", part[3], sizeof part[3]);
    if (!part[1][0])
        return;
    snprintf(d->address, sizeof d->address, "%04lx:%02lx:%02lx.%lx",
             strtoul(part[0], NULL, 0) & 0xFFFF, strtoul(part[1], NULL, 0) & 0xFF,
             strtoul(part[2], NULL, 0) & 0x1F, strtoul(part[3], NULL, 0) & 7);
    o = nodes(x, "//capability[@type='phys_function']/address");
    if (o)
        address_of(o->nodesetval->nodeTab[0], d->pf);
    xmlXPathFreeObject(o);
    o = nodes(x, "//capability[@type='virt_functions']/address");
    d->vfs = o ? calloc((size_t)o->nodesetval->nodeNr, sizeof *d->vfs) : NULL;
    for (int i = 0; d->vfs && i < o->nodesetval->nodeNr; i++)
        address_of(o->nodesetval->nodeTab[i], d->vfs[d->nvfs++]);
    xmlXPathFreeObject(o);
}

static void read_device(const char *xml, struct device *d)
{
    xmlDocPtr doc = xmlReadMemory(xml, (int)strlen(xml), NULL, NULL,
                                  XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    xmlXPathContextPtr x = doc ? xmlXPathNewContext(doc) : NULL;

    if (x) {
        text(x, "string(/device/name)", d->name, sizeof d->name);
        text(x, "string(/device/parent)", d->parent, sizeof d->parent);
        text(x, "string(/device/capability[@type='net']/interface)", d->net, sizeof d->net);
        text(x, "string(/device/capability[@type='net']/address)", d->mac, sizeof d->mac);
        read_pci(x, d);
    }
    xmlXPathFreeContext(x);
    xmlFreeDoc(doc);
}

/* The network interface whose parent is this PCI device. */
static const struct device *net_of(const struct device *all, int n, const struct device *pci)
{
    for (int i = 0; i < n; i++)
        if (all[i].net[0] && strcmp(all[i].parent, pci->name) == 0)
            return &all[i];
    return NULL;
}

static const struct device *by_address(const struct device *all, int n, const char *address)
{
    for (int i = 0; i < n; i++)
        if (all[i].address[0] && strcmp(all[i].address, address) == 0)
            return &all[i];
    return NULL;
}

static void add_pf(const struct device *all, int n, const struct device *pf, struct inventory *out)
{
    const struct device *net = net_of(all, n, pf);

    for (int i = 0; i < pf->nvfs; i++) {
        const struct device *vf = by_address(all, n, pf->vfs[i]);
        const struct device *vnet = vf ? net_of(all, n, vf) : NULL;
        struct inventory_vf *v = &out->vfs[out->nvfs];

        if (out->nvfs >= INVENTORY_VFS) {
            out->more += pf->nvfs - i;
            return;
        }
        out->nvfs++;
        memset(v, 0, sizeof *v);
        snprintf(v->pf, sizeof v->pf, "%s", net ? net->net : pf->address);
        snprintf(v->address, sizeof v->address, "%s", pf->vfs[i]);
        snprintf(v->mac, sizeof v->mac, "%s", vnet ? vnet->mac : "");
        v->index = i;
    }
}

static int by_pci(const void *a, const void *b)
{
    return strcmp(((const struct device *)a)->address, ((const struct device *)b)->address);
}

/* VFs that say whose they are, while their physical function does not list them. */
static void adopt_vfs(struct device *all, int n)
{
    for (int i = 0; i < n; i++) {
        struct device *pf;
        char(*more)[16];
        bool listed = false;

        if (!all[i].pf[0])
            continue;
        pf = (struct device *)(uintptr_t)by_address(all, n, all[i].pf);
        if (!pf)
            continue;
        for (int k = 0; k < pf->nvfs && !listed; k++)
            listed = strcmp(pf->vfs[k], all[i].address) == 0;
        if (listed)
            continue;
        more = realloc(pf->vfs, ((size_t)pf->nvfs + 1) * sizeof *more);
        if (!more)
            return;
        pf->vfs = more;
        memcpy(pf->vfs[pf->nvfs++], all[i].address, sizeof *more);
    }
}

/* The list is kept for as long as the host lives, and most have few. */
static void fit(struct inventory *out)
{
    struct inventory_vf *less = realloc(out->vfs, ((size_t)out->nvfs + 1) * sizeof *less);

    if (less)
        out->vfs = less;
}

int inventory_devices(const char *const xml[], struct inventory *out, struct err *e)
{
    struct device *all;
    int n = 0;

    while (xml[n])
        n++;
    all = calloc((size_t)n + 1, sizeof *all);
    out->vfs = calloc(INVENTORY_VFS, sizeof *out->vfs);
    if (!all || !out->vfs) {
        free(all);
        return err_set(e, ERR_INTERNAL, "out of memory");
    }
    for (int i = 0; i < n; i++)
        read_device(xml[i], &all[i]);
    qsort(all, (size_t)n, sizeof *all, by_pci);
    adopt_vfs(all, n);
    for (int i = 0; i < n; i++)
        if (all[i].nvfs)
            add_pf(all, n, &all[i], out);
    fit(out);
    for (int i = 0; i < n; i++)
        free(all[i].vfs);
    free(all);
    return 0;
}
