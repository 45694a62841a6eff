/* Golden files: GOLDEN_WRITE=1 writes them anew; then read the difference before you commit it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka.h needs the ones above first */
#include <cmocka.h>
#include <libxml/parser.h>
#include <libxml/relaxng.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bserver-agent/domain_xml.h"

#define GOLDEN "tests/unit/golden/domain/"
#define SCHEMA "/usr/share/libvirt/schemas/domain.rng"

static const struct wanted base = { .id = { "0b1c0000-0000-4000-8000-000000000001" },
                                    .run = { "0b1c0000-0000-4000-8000-0000000000aa" },
                                    .name = "Ann & <Bob> \"새 책상\"",
                                    .hostname = "desk-1",
                                    .locale = "ko_KR.UTF-8",
                                    .keyboard = "kr",
                                    .guest = "bic",
                                    .generation = 7,
                                    .vcpus = 2,
                                    .memory_mib = 2048,
                                    .user_net = true,
                                    .disk_bus = "virtio",
                                    .nic_model = "virtio",
                                    .video = "virtio",
                                    .mac = "52:54:00:00:00:01",
                                    .overlay = { .format = "qcow2" } };
static const struct domain_host tcg = { .kind = HYPERVISOR_EMBEDDED,
                                        .emulator = "/usr/bin/qemu-system-x86_64",
                                        .disk = "/s/disks/d/o.qcow2",
                                        .image = "/s/images/ab/abc",
                                        .channel = "/s/v/c/d" };

static void linux_uefi(struct wanted *w, struct domain_host *h)
{
    w->uefi = true;
    memcpy(w->disk_bus, "scsi", 5);
    h->kvm = true;
    h->nvram = "/s/disks/d/o.nvram";
}

static void windows_uefi_tpm(struct wanted *w, struct domain_host *h)
{
    w->uefi = w->tpm = true;
    memcpy(w->guest, "cloudbase-init", 15);
    memcpy(w->disk_bus, "sata", 5);
    memcpy(w->nic_model, "e1000", 6);
    memcpy(w->video, "vga", 4);
    h->kvm = true;
    h->nvram = "/s/disks/d/o.nvram";
}

static void hostdev_vf(struct wanted *w, struct domain_host *h)
{
    h->kvm = true;
    h->kind = HYPERVISOR_REAL;
    h->channel = NULL;
    w->has_vf = true;
    w->vf.vlan = 120;
    memcpy(w->vf.address, "0000:01:10.3", 13);
    memcpy(w->vf.mac, "52:54:00:00:00:99", 18);
}

static void simulated(struct wanted *w, struct domain_host *h)
{
    hostdev_vf(w, h);
    memset(h, 0, sizeof *h);
    h->kind = HYPERVISOR_SIMULATED;
}

static void nothing(struct wanted *w, struct domain_host *h)
{
    (void)w;
    (void)h;
}

static const struct shape {
    const char *file;
    void (*change)(struct wanted *w, struct domain_host *h);
} shapes[] = {
    { GOLDEN "linux-bios-tcg.xml", nothing },
    { GOLDEN "linux-uefi-scsi.xml", linux_uefi },
    { GOLDEN "windows-uefi-tpm.xml", windows_uefi_tpm },
    { GOLDEN "hostdev-vf.xml", hostdev_vf },
    { GOLDEN "simulated.xml", simulated },
};

static char *build(const struct shape *s)
{
    struct wanted w = base;
    struct domain_host h = tcg;
    struct err e = { 0 };
    char *xml = NULL;

    s->change(&w, &h);
    if (domain_xml(&w, &h, &xml, &e) < 0)
        fail_msg("%s: %s", s->file, e.detail);
    return xml;
}

static void same_as_the_golden_files(void **state)
{
    static char golden[64 * 1024];

    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        char *xml = build(&shapes[i]);
        FILE *file = fopen(shapes[i].file, getenv("GOLDEN_WRITE") ? "w+" : "r");
        size_t n;

        assert_non_null(file);
        if (getenv("GOLDEN_WRITE")) {
            fputs(xml, file);
            rewind(file);
        }
        n = fread(golden, 1, sizeof golden - 1, file);
        golden[n] = '\0';
        fclose(file);
        assert_string_equal(xml, golden);
        free(xml);
    }
}

/* libvirt's own grammar of domains. */
static void libvirt_would_take_them(void **state)
{
    xmlRelaxNGParserCtxtPtr parser;
    xmlRelaxNGValidCtxtPtr valid;
    xmlRelaxNGPtr schema;

    (void)state;
    if (access(SCHEMA, R_OK) != 0)
        skip();
    parser = xmlRelaxNGNewParserCtxt(SCHEMA);
    schema = xmlRelaxNGParse(parser);
    assert_non_null(schema);
    valid = xmlRelaxNGNewValidCtxt(schema);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        char *xml = build(&shapes[i]);
        xmlDocPtr doc = xmlReadMemory(xml, (int)strlen(xml), NULL, NULL, XML_PARSE_NONET);

        assert_non_null(doc);
        if (xmlRelaxNGValidateDoc(valid, doc) != 0)
            fail_msg("%s is not valid", shapes[i].file);
        xmlFreeDoc(doc);
        free(xml);
    }
    xmlRelaxNGFreeValidCtxt(valid);
    xmlRelaxNGFree(schema);
    xmlRelaxNGFreeParserCtxt(parser);
}

static void metadata_comes_back(void **state)
{
    struct id desktop, run;

    (void)state;
    assert_true(domain_xml_metadata("<bic:desktop xmlns:bic='urn:bic:1' "
                                    "id='0b1c0000-0000-4000-8000-000000000001' "
                                    "run='0b1c0000-0000-4000-8000-0000000000aa' generation='7'/>",
                                    &desktop, &run));
    assert_true(id_eq(&desktop, &base.id) && id_eq(&run, &base.run));
    assert_false(domain_xml_metadata("<desktop id='x' run='y'/>", &desktop, &run));
    assert_false(domain_xml_metadata("<desktop", &desktop, &run));
    assert_false(domain_xml_metadata("", &desktop, &run));
}

static void a_bad_address_is_refused(void **state)
{
    static const char *const bad[] = { "", "0000:01:10", "0000:01:10.3x", "zz:01:10.3",
                                       "../../etc" };
    struct domain_host h = tcg;
    char *xml;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct wanted w = base;
        struct err e = { 0 };

        w.has_vf = true;
        memcpy(w.vf.address, bad[i], strlen(bad[i]) + 1);
        assert_int_equal(domain_xml(&w, &h, &xml, &e), -1);
        assert_int_equal(e.code, ERR_INVALID_REQUEST);
    }
}

static int end(void **state)
{
    (void)state;
    xmlCleanupParser();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_the_golden_files),
        cmocka_unit_test(libvirt_would_take_them),
        cmocka_unit_test(metadata_comes_back),
        cmocka_unit_test(a_bad_address_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, end);
}
