#include "bserver-agent/vf_users.h"

#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>
#include <stdio.h>
#include <string.h>

#include "bserver-agent/domain_xml.h"
#include "bserver-agent/embedded.h"

enum { TAKE_MS = 20000 };

#define X(s) ((const xmlChar *)(s))

static bool add(struct vf_users *u, const struct vf_user *one)
{
    struct vf_user *more;

    if (u->n >= VF_USERS_MAX)
        return false;
    more = u->n % 64 == 0 ? realloc(u->all, ((size_t)u->n + 64) * sizeof *more) : u->all;
    if (!more)
        return false;
    u->all = more;
    u->all[u->n++] = *one;
    return true;
}

static unsigned number(xmlNodePtr n, const char *name)
{
    xmlChar *v = xmlGetProp(n, X(name));
    unsigned u = v ? (unsigned)strtoul((const char *)v, NULL, 0) : 0;

    xmlFree(v);
    return u;
}

static void text(xmlXPathContextPtr x, const char *expression, char *to, size_t size)
{
    xmlXPathObjectPtr o = xmlXPathEvalExpression(X(expression), x);

    snprintf(to, size, "%.*s", (int)size - 1, o && o->stringval ? (const char *)o->stringval : "");
    xmlXPathFreeObject(o);
}

/* Ours as listing.c knows them: by name, and by metadata that says the same. */
static void whose(xmlXPathContextPtr x, struct vf_user *to)
{
    char uuid[ID_LEN + 1], name[64], said[ID_LEN + 1], run[ID_LEN + 1];
    struct id id;

    xmlXPathRegisterNs(x, X("bic"), X(DOMAIN_XML_NAMESPACE));
    text(x, "string(/domain/uuid)", uuid, sizeof uuid);
    text(x, "string(/domain/name)", name, sizeof name);
    text(x, "string(/domain/metadata/bic:desktop/@id)", said, sizeof said);
    text(x, "string(/domain/metadata/bic:desktop/@run)", run, sizeof run);
    id_parse(uuid, &to->user);
    to->ours = strncmp(name, DOMAIN_NAME_PREFIX, strlen(DOMAIN_NAME_PREFIX)) == 0 &&
               id_parse(said, &id) && id_eq(&id, &to->user);
    if (to->ours)
        id_parse(run, &to->run);
}

bool vf_users_add_xml(struct vf_users *u, const char *xml)
{
    xmlDocPtr doc = xmlReadMemory(xml, (int)strlen(xml), NULL, NULL,
                                  XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    xmlXPathContextPtr x = doc ? xmlXPathNewContext(doc) : NULL;
    xmlXPathObjectPtr o = NULL;
    struct vf_user one = { .ours = false };
    bool ok = x != NULL;

    if (x) {
        whose(x, &one);
        o = xmlXPathEvalExpression(X("/domain/devices/interface[@type='hostdev']/source/address | "
                                     "/domain/devices/hostdev[@type='pci']/source/address"),
                                   x);
    }
    for (int i = 0; ok && o && o->nodesetval && i < o->nodesetval->nodeNr; i++) {
        xmlNodePtr n = o->nodesetval->nodeTab[i];

        snprintf(one.address, sizeof one.address, "%04x:%02x:%02x.%x", number(n, "domain") & 0xFFFF,
                 number(n, "bus") & 0xFF, number(n, "slot") & 0x1F, number(n, "function") & 7);
        ok = add(u, &one);
    }
    xmlXPathFreeObject(o);
    xmlXPathFreeContext(x);
    xmlFreeDoc(doc);
    return ok;
}

/* A definition may differ from what runs: both count. */
static bool add_domain(struct vf_users *u, virDomainPtr dom)
{
    char *now = virDomainGetXMLDesc(dom, 0), *later;
    bool ok = !now || vf_users_add_xml(u, now); /* NULL: it went while we looked */

    free(now);
    if (ok && virDomainIsActive(dom) == 1 && virDomainIsPersistent(dom) == 1) {
        later = virDomainGetXMLDesc(dom, VIR_DOMAIN_XML_INACTIVE);
        ok = !later || vf_users_add_xml(u, later);
        free(later);
    }
    return ok;
}

static int run_take(virConnectPtr conn, void *data, struct err *e)
{
    struct vf_users *out = data;
    virDomainPtr *doms = NULL;
    int n = virConnectListAllDomains(conn, &doms, 0);
    bool ok = true;

    if (n < 0)
        return virt_fail(e, "listing who uses virtual functions");
    for (int i = 0; i < n; i++) {
        ok = ok && add_domain(out, doms[i]);
        virDomainFree(doms[i]);
    }
    free(doms);
    return ok ? 0
              : err_set(e, ERR_PRECONDITION, "more than %d uses of PCI functions", VF_USERS_MAX);
}

static void release(void *data)
{
    vf_users_free(data);
}

struct processes {
    struct vf_users *users;
    bool ok;
};

/* A QEMU that libvirt lists for the same machine is no other user. */
static void add_process(void *arg, const char *address, const struct id *desktop)
{
    struct processes *p = arg;
    struct vf_user one = { .user = *desktop };

    for (int i = 0; i < p->users->n; i++)
        if (strcmp(p->users->all[i].address, address) == 0 &&
            id_eq(&p->users->all[i].user, desktop))
            return;
    snprintf(one.address, sizeof one.address, "%.15s", address);
    p->ok = p->ok && add(p->users, &one);
}

int vf_users_take(struct hypervisor *h, struct vf_users *out, struct err *e)
{
    const struct virt_op op = { "functions", TAKE_MS, sizeof *out, run_take, release };
    struct processes p = { out, true };

    memset(out, 0, sizeof *out);
    if (hypervisor_do(h, &op, out, e) < 0) {
        vf_users_free(out);
        return -1;
    }
    if (hypervisor_abilities(h)->disks)
        embedded_each_pci(add_process, &p);
    if (p.ok)
        return 0;
    vf_users_free(out);
    return err_set(e, ERR_PRECONDITION, "more than %d uses of PCI functions", VF_USERS_MAX);
}

void vf_users_free(struct vf_users *u)
{
    free(u->all);
    u->all = NULL;
    u->n = 0;
}

const struct vf_user *vf_users_of(const struct vf_users *u, const char *address)
{
    const struct vf_user *found = NULL;

    for (int i = 0; i < u->n; i++)
        if (strcmp(u->all[i].address, address) == 0 && (!found || found->ours))
            found = &u->all[i];
    return found;
}
