#include "bserver-agent/domain_xml.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define X(s) ((const xmlChar *)(s))

/* Nodes are made under a parent; out of memory shows as NULL at the end, when the text is dumped.
 */
struct tree {
    xmlDocPtr doc;
    bool failed;
};

static xmlNodePtr add(struct tree *t, xmlNodePtr under, const char *name, const char *text)
{
    xmlNodePtr n = under ? xmlNewTextChild(under, NULL, X(name), X(text)) : NULL;

    if (!n)
        t->failed = true;
    return n;
}

static void attr(struct tree *t, xmlNodePtr n, const char *name, const char *value)
{
    if (!n || !xmlNewProp(n, X(name), X(value)))
        t->failed = true;
}

static void attr_f(struct tree *t, xmlNodePtr n, const char *name, const char *fmt, ...)
    PRINTF(4, 5);
static void attr_f(struct tree *t, xmlNodePtr n, const char *name, const char *fmt, ...)
{
    char value[64];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(value, sizeof value, fmt, ap);
    va_end(ap);
    attr(t, n, name, value);
}

/* <name a='v' …/>: pairs end with NULL. */
static xmlNodePtr add_with(struct tree *t, xmlNodePtr under, const char *name, ...)
{
    xmlNodePtr n = add(t, under, name, NULL);
    va_list ap;

    va_start(ap, name);
    for (const char *key; (key = va_arg(ap, const char *)) != NULL;)
        attr(t, n, key, va_arg(ap, const char *));
    va_end(ap);
    return n;
}

static xmlNodePtr add_number(struct tree *t, xmlNodePtr under, const char *name, int64_t value)
{
    char text[24];

    snprintf(text, sizeof text, "%lld", (long long)value);
    return add(t, under, name, text);
}

static bool windows(const struct wanted *w)
{
    return strcmp(w->guest, "cloudbase-init") == 0;
}

/* UEFI with a TPM, and Windows at all, want the newer board. */
static bool q35(const struct wanted *w)
{
    return w->uefi || w->tpm || windows(w);
}

static void head(struct tree *t, xmlNodePtr root, const struct wanted *w)
{
    char text[ID_LEN + sizeof DOMAIN_NAME_PREFIX];
    xmlNodePtr n, meta;
    xmlNsPtr ns;

    snprintf(text, sizeof text, DOMAIN_NAME_PREFIX "%s", w->id.s);
    add(t, root, "name", text);
    add(t, root, "uuid", w->id.s);
    if (w->name[0])
        add(t, root, "title", w->name);
    meta = add(t, root, "metadata", NULL);
    n = meta ? xmlNewChild(meta, NULL, X("desktop"), NULL) : NULL;
    ns = n ? xmlNewNs(n, X(DOMAIN_XML_NAMESPACE), X("bic")) : NULL;
    if (!ns)
        t->failed = true;
    else
        xmlSetNs(n, ns);
    attr(t, n, "id", w->id.s);
    attr(t, n, "run", w->run.s);
    attr_f(t, n, "generation", "%lld", (long long)w->generation);
    n = add_number(t, root, "memory", w->memory_mib);
    attr(t, n, "unit", "MiB");
    add_number(t, root, "vcpu", w->vcpus);
}

static void boot(struct tree *t, xmlNodePtr root, const struct wanted *w,
                 const struct domain_host *h)
{
    xmlNodePtr os = add(t, root, "os", NULL), n;

    if (h->kind == HYPERVISOR_SIMULATED) {
        add(t, os, "type", "hvm");
        return;
    }
    if (w->uefi)
        attr(t, os, "firmware", "efi");
    n = add(t, os, "type", "hvm");
    attr(t, n, "arch", "x86_64");
    attr(t, n, "machine", q35(w) ? "q35" : "pc");
    if (w->uefi && h->nvram)
        add(t, os, "nvram", h->nvram);
    add_with(t, os, "boot", "dev", "hd", NULL);
    add_with(t, os, "smbios", "mode", "sysinfo", NULL);
}

/* What the guest is told about itself: SMBIOS type 11. */
static void identity(struct tree *t, xmlNodePtr root, const struct wanted *w)
{
    const struct {
        const char *key, *value;
    } words[] = { { "run", w->run.s },
                  { "hostname", w->hostname },
                  { "locale", w->locale },
                  { "keyboard", w->keyboard } };
    xmlNodePtr oem =
        add(t, add_with(t, root, "sysinfo", "type", "smbios", NULL), "oemStrings", NULL);

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char text[320];

        if (!words[i].value[0])
            continue;
        snprintf(text, sizeof text, "bic.%s=%s", words[i].key, words[i].value);
        add(t, oem, "entry", text);
    }
}

static void hyperv(struct tree *t, xmlNodePtr features, bool kvm)
{
    static const char *const with_kvm[] = { "relaxed", "vapic",  "vpindex",     "runtime",
                                            "synic",   "stimer", "frequencies", NULL };
    xmlNodePtr n;

    if (!kvm) /* TCG has none of them */
        return;
    n = add_with(t, features, "hyperv", "mode", "custom", NULL);
    for (int i = 0; with_kvm[i]; i++)
        add_with(t, n, with_kvm[i], "state", "on", NULL);
    add_with(t, n, "spinlocks", "state", "on", "retries", "8191", NULL);
}

static void board(struct tree *t, xmlNodePtr root, const struct wanted *w,
                  const struct domain_host *h)
{
    xmlNodePtr f = add(t, root, "features", NULL), clock, n;

    add(t, f, "acpi", NULL);
    add(t, f, "apic", NULL);
    if (windows(w))
        hyperv(t, f, h->kvm);
    if (!h->kvm) {
        /* QEMU's own default is up to a quarter of the host's memory for each machine. */
        n = add(t, add(t, f, "tcg", NULL), "tb-cache", w->memory_mib >= 1024 ? "128" : "32");
        attr(t, n, "unit", "MiB");
    }
    if (h->kvm)
        add_with(t, root, "cpu", "mode", "host-passthrough", "check", "none", "migratable", "on",
                 NULL);
    else
        add_with(t, root, "cpu", "mode", "maximum", "check", "none", NULL);
    clock = add_with(t, root, "clock", "offset", windows(w) ? "localtime" : "utc", NULL);
    add_with(t, clock, "timer", "name", "rtc", "tickpolicy", "catchup", NULL);
    add_with(t, clock, "timer", "name", "hpet", "present", "no", NULL);
    if (windows(w) && h->kvm)
        add_with(t, clock, "timer", "name", "hypervclock", "present", "yes", NULL);
}

static void life(struct tree *t, xmlNodePtr root)
{
    add(t, root, "on_poweroff", "destroy");
    add(t, root, "on_reboot", "restart");
    add(t, root, "on_crash", "destroy");
}

/* The whole chain is spelled out: nothing is ever guessed from a disk's content. */
static void disk(struct tree *t, xmlNodePtr dev, const struct wanted *w,
                 const struct domain_host *h)
{
    bool virtio = strcmp(w->disk_bus, "virtio") == 0;
    xmlNodePtr d, below, n;

    if (!h->disk)
        return;
    d = add_with(t, dev, "disk", "type", "file", "device", "disk", NULL);
    add_with(t, d, "driver", "name", "qemu", "type", "qcow2", "cache", "writeback", "discard",
             "unmap", "detect_zeroes", "unmap", NULL);
    add_with(t, d, "source", "file", h->disk, NULL);
    if (h->image) {
        below = add_with(t, d, "backingStore", "type", "file", NULL);
        add_with(t, below, "format", "type", w->overlay.format, NULL);
        n = add_with(t, below, "source", "file", h->image, NULL);
        /* Images are shared and immutable: QEMU's user must not become their owner. */
        add_with(t, n, "seclabel", "model", "dac", "relabel", "no", NULL);
        add(t, below, "backingStore", NULL);
    } else {
        add(t, d, "backingStore", NULL);
    }
    add_with(t, d, "target", "dev", virtio ? "vda" : "sda", "bus", w->disk_bus, NULL);
    if (strcmp(w->disk_bus, "scsi") == 0)
        add_with(t, dev, "controller", "type", "scsi", "model", "virtio-scsi", NULL);
}

static int vf(struct tree *t, xmlNodePtr dev, const struct wanted *w, struct err *e)
{
    unsigned domain, bus, slot, function;
    xmlNodePtr n, a;
    char end;

    if (sscanf(w->vf.address, "%4x:%2x:%2x.%1x%c", &domain, &bus, &slot, &function, &end) != 4)
        return err_set(e, ERR_INVALID_REQUEST, "the virtual function has no usable address");
    n = add_with(t, dev, "interface", "type", "hostdev", "managed", "yes", NULL);
    a = add_with(t, add(t, n, "source", NULL), "address", "type", "pci", NULL);
    attr_f(t, a, "domain", "0x%04x", domain);
    attr_f(t, a, "bus", "0x%02x", bus);
    attr_f(t, a, "slot", "0x%02x", slot);
    attr_f(t, a, "function", "0x%x", function);
    if (w->vf.mac[0] || w->mac[0])
        add_with(t, n, "mac", "address", w->vf.mac[0] ? w->vf.mac : w->mac, NULL);
    if (w->vf.vlan) {
        a = add(t, add(t, n, "vlan", NULL), "tag", NULL);
        attr_f(t, a, "id", "%lld", (long long)w->vf.vlan);
    }
    return 0;
}

static int network(struct tree *t, xmlNodePtr dev, const struct wanted *w,
                   const struct domain_host *h, struct err *e)
{
    xmlNodePtr n;

    if (w->has_vf)
        return vf(t, dev, w, e);
    if (!w->user_net || h->kind == HYPERVISOR_SIMULATED)
        return 0;
    n = add_with(t, dev, "interface", "type", "user", NULL);
    if (w->mac[0])
        add_with(t, n, "mac", "address", w->mac, NULL);
    add_with(t, n, "model", "type", w->nic_model, NULL);
    return 0;
}

static void channel(struct tree *t, xmlNodePtr dev, const char *base, const char *end,
                    const char *name)
{
    xmlNodePtr c = add_with(t, dev, "channel", "type", "unix", NULL);
    char path[128];

    if (base && snprintf(path, sizeof path, "%s%s", base, end) < (int)sizeof path)
        add_with(t, c, "source", "mode", "bind", "path", path, NULL);
    add_with(t, c, "target", "type", "virtio", "name", name, NULL);
}

static void devices(struct tree *t, xmlNodePtr dev, const struct wanted *w,
                    const struct domain_host *h)
{
    xmlNodePtr n;

    add_with(t, dev, "controller", "type", "usb", "model", "qemu-xhci", NULL);
    channel(t, dev, h->channel, ".agent", "org.qemu.guest_agent.0");
    channel(t, dev, h->channel, ".bic", GUEST_CHANNEL);
    add_with(t, dev, "input", "type", "tablet", "bus", "usb", NULL); /* an absolute pointer */
    /* 한/영 and 한자 reach a guest through virtio alone (QEMU 7.2); who has its disk driver has
     * this too. */
    add_with(t, dev, "input", "type", "keyboard", "bus",
             strcmp(w->disk_bus, "virtio") == 0 ? "virtio" : "usb", NULL);
    if (w->tpm) {
        n = add_with(t, dev, "tpm", "model", "tpm-crb", NULL);
        add_with(t, n, "backend", "type", "emulator", "version", "2.0", NULL);
    }
    n = add_with(t, dev, "graphics", "type", "vnc", NULL); /* no port: virDomainOpenGraphicsFD */
    add_with(t, n, "listen", "type", "none", NULL);
    n = add(t, dev, "video", NULL);
    n = add_with(t, n, "model", "type", w->video, "heads", "1", "primary", "yes", NULL);
    /* VFIO pins all memory: there is nothing to give back. */
    add_with(t, dev, "memballoon", "model", w->has_vf ? "none" : "virtio", NULL);
    n = add_with(t, dev, "rng", "model", "virtio", NULL);
    n = add(t, n, "backend", "/dev/urandom");
    attr(t, n, "model", "random");
}

static int build(struct tree *t, const struct wanted *w, const struct domain_host *h, struct err *e)
{
    xmlNodePtr root = xmlNewDocNode(t->doc, NULL, X("domain"), NULL), dev;
    bool simulated = h->kind == HYPERVISOR_SIMULATED;

    if (!root)
        return err_set(e, ERR_INTERNAL, "out of memory");
    xmlDocSetRootElement(t->doc, root);
    attr(t, root, "type", simulated ? "test" : h->kvm ? "kvm" : "qemu");
    head(t, root, w);
    boot(t, root, w, h);
    identity(t, root, w);
    if (!simulated)
        board(t, root, w, h);
    life(t, root);
    dev = add(t, root, "devices", NULL);
    if (!simulated && h->emulator)
        add(t, dev, "emulator", h->emulator);
    disk(t, dev, w, h);
    if (network(t, dev, w, h, e) < 0)
        return -1;
    if (!simulated)
        devices(t, dev, w, h);
    return 0;
}

int domain_xml(const struct wanted *w, const struct domain_host *host, char **out, struct err *e)
{
    struct tree t = { .doc = xmlNewDoc(X("1.0")) };
    xmlChar *text = NULL;
    char *copy = NULL;
    int size = 0, rc = -1;

    if (t.doc && build(&t, w, host, e) == 0 && !t.failed) {
        xmlDocDumpFormatMemoryEnc(t.doc, &text, &size, "UTF-8", 1);
        copy = text ? strdup((const char *)text) : NULL;
    }
    if (copy) {
        *out = copy;
        rc = 0;
    } else if (e->code == ERR_NONE) {
        err_set(e, ERR_INTERNAL, "out of memory");
    }
    xmlFree(text);
    xmlFreeDoc(t.doc);
    return rc;
}

bool domain_xml_metadata(const char *xml, struct id *desktop, struct id *run)
{
    xmlDocPtr doc = xmlReadMemory(xml, (int)strlen(xml), NULL, NULL,
                                  XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    xmlNodePtr n = doc ? xmlDocGetRootElement(doc) : NULL;
    bool ours = n && xmlStrEqual(n->name, X("desktop"));
    xmlChar *id = ours ? xmlGetProp(n, X("id")) : NULL;
    xmlChar *r = ours ? xmlGetProp(n, X("run")) : NULL;
    struct id d, x;

    ours = id && r && id_parse((const char *)id, &d) && id_parse((const char *)r, &x);
    if (ours) {
        *desktop = d;
        *run = x;
    }
    xmlFree(id);
    xmlFree(r);
    xmlFreeDoc(doc);
    return ours;
}
