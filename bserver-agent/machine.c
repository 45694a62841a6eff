#include "bserver-agent/machine.h"

#include <libvirt/virterror.h>
#include <stdio.h>
#include <string.h>

#include "bserver-agent/domain_xml.h"
#include "bserver-agent/embedded.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/text.h"

enum { START_MS = 60000, STOP_MS = 30000, ASK_MS = 10000 };

/* What an op on one domain needs; xml is malloc'd and owned as hypervisor.h says. */
struct domain_op {
    char uuid[ID_LEN + 1];
    char run[ID_LEN + 1];
    char *xml;
    bool reset, crashed, disks, wipe, tpm;
};

static void domain_op_release(void *data)
{
    struct domain_op *op = data;

    free(op->xml);
}

static struct domain_op on(const struct wanted *w)
{
    struct domain_op op = { 0 };

    memcpy(op.uuid, w->id.s, sizeof op.uuid);
    memcpy(op.run, w->run.s, sizeof op.run);
    op.tpm = w->tpm;
    return op;
}

static bool missing(void)
{
    virErrorPtr v = virGetLastError();

    return v && v->code == VIR_ERR_NO_DOMAIN;
}

/* NVRAM and TPM stay with the disk, until the desktop goes. */
static unsigned undefine_flags(const struct domain_op *op)
{
    unsigned nvram = op->wipe ? VIR_DOMAIN_UNDEFINE_NVRAM : VIR_DOMAIN_UNDEFINE_KEEP_NVRAM;
    unsigned tpm = op->wipe ? VIR_DOMAIN_UNDEFINE_TPM : VIR_DOMAIN_UNDEFINE_KEEP_TPM;

    if (!op->disks)
        return 0; /* the test driver knows neither */
    return op->tpm ? nvram | tpm : nvram;
}

/* Looks first: a machine that runs is never started again, and nothing of it is redefined. */
static int run_start(virConnectPtr conn, void *data, struct err *e)
{
    struct domain_op *op = data;
    auto_domain virDomainPtr old = virDomainLookupByUUIDString(conn, op->uuid);
    auto_domain virDomainPtr dom = NULL;

    if (!old && !missing())
        return virt_fail(e, "start");
    if (old && virDomainIsActive(old) != 0)
        return err_set(e, ERR_VM_STATE, "the machine is already running");
    dom = virDomainDefineXMLFlags(conn, op->xml, op->disks ? VIR_DOMAIN_DEFINE_VALIDATE : 0);
    if (!dom)
        return virt_fail(e, "defining the machine");
    if (virDomainCreate(dom) < 0) {
        virt_fail(e, "start");
        virDomainUndefineFlags(dom, undefine_flags(op));
        return -1;
    }
    return 0;
}

static int run_destroy(virConnectPtr conn, void *data, struct err *e)
{
    struct domain_op *op = data;
    struct id id;
    auto_domain virDomainPtr dom = virDomainLookupByUUIDString(conn, op->uuid);

    if (!dom)
        return missing() ? 0 : virt_fail(e, "stop");
    if (virDomainIsActive(dom) == 0)
        return 0;
    if (op->disks && id_parse(op->uuid, &id) && embedded_kill_stopped(&id))
        log_warn("event=killed-stopped-qemu desktop=%s", id.s);
    if (virDomainDestroy(dom) < 0 && virDomainIsActive(dom) != 0)
        return virt_fail(e, "stop");
    return 0;
}

static int run_shutdown(virConnectPtr conn, void *data, struct err *e)
{
    struct domain_op *op = data;
    auto_domain virDomainPtr dom = virDomainLookupByUUIDString(conn, op->uuid);

    if (!dom)
        return missing() ? 0 : virt_fail(e, "shutdown");
    if (virDomainIsActive(dom) == 0)
        return 0;
    if (virDomainShutdownFlags(dom, op->disks ? VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN : 0) < 0)
        return virt_fail(e, "shutdown");
    return 0;
}

/* The run has ended: was it a crash? Then the definition goes; NVRAM and TPM stay with the disk. */
static int run_finish(virConnectPtr conn, void *data, struct err *e)
{
    struct domain_op *op = data;
    auto_domain virDomainPtr dom = virDomainLookupByUUIDString(conn, op->uuid);
    int state = VIR_DOMAIN_NOSTATE, reason = 0;

    if (!dom)
        return missing() ? 0 : virt_fail(e, "undefine");
    if (virDomainGetState(dom, &state, &reason, 0) < 0)
        return virt_fail(e, "asking for the state");
    if (state != VIR_DOMAIN_SHUTOFF && state != VIR_DOMAIN_CRASHED)
        return err_set(e, ERR_VM_STATE, "the machine is running");
    op->crashed = state == VIR_DOMAIN_CRASHED || reason == VIR_DOMAIN_SHUTOFF_CRASHED ||
                  reason == VIR_DOMAIN_SHUTOFF_FAILED;
    if (virDomainUndefineFlags(dom, undefine_flags(op)) < 0)
        return virt_fail(e, "undefine");
    return 0;
}

static int run_order(virConnectPtr conn, void *data, struct err *e)
{
    struct domain_op *op = data;
    auto_domain virDomainPtr dom = virDomainLookupByUUIDString(conn, op->uuid);
    int rc;

    if (!dom)
        return virt_fail(e, op->reset ? "reset" : "reboot");
    if (virDomainIsActive(dom) != 1)
        return err_set(e, ERR_VM_STATE, "the machine is not running");
    rc = op->reset ? virDomainReset(dom, 0)
                   : virDomainReboot(dom, op->disks ? VIR_DOMAIN_REBOOT_ACPI_POWER_BTN : 0);
    return rc < 0 ? virt_fail(e, op->reset ? "reset" : "reboot") : 0;
}

static int domain_do(const struct machine_tools *t, const struct virt_op *like,
                     struct domain_op *op, struct err *e)
{
    struct virt_op v = *like;

    op->disks = hypervisor_abilities(t->h)->disks;
    v.size = sizeof *op;
    v.release = domain_op_release;
    return hypervisor_do(t->h, &v, op, e);
}

static int note_run(const struct machine_tools *t, const struct id *desktop, const struct id *run,
                    enum intent_state state, const struct err *why, struct err *e)
{
    struct intent_run r = { .run = *run, .state = state };

    if (why) {
        r.code = why->code;
        text_cut(r.detail, sizeof r.detail, why->detail);
    }
    return intent_set_run(t->intents, desktop, &r, e);
}

static int make_xml(const struct machine_tools *t, const struct wanted *w,
                    const struct machine_seen *s, char **xml, struct err *e)
{
    const struct hypervisor_abilities *can = hypervisor_abilities(t->h);
    char disk[DISK_PATH], nvram[DISK_PATH], image[DISK_PATH], channel[128];
    struct domain_host host = { .kind = can->kind,
                                .kvm = can->kvm,
                                .emulator = can->emulator[0] ? can->emulator : NULL };

    if (can->disks && (w->uefi && !can->uefi))
        return err_set(e, ERR_PRECONDITION, "this bServer has no UEFI firmware (package ovmf)");
    if (can->disks && (w->tpm && !can->tpm))
        return err_set(e, ERR_PRECONDITION, "this bServer has no TPM emulator (package swtpm)");
    if (can->disks && id_set(&s->overlay)) {
        if (!t->image(t->arg, w->overlay.sha256, image, sizeof image))
            return err_set(e, ERR_PRECONDITION, "the disk's image is not on this bServer");
        disk_path(t->disks, &w->id, &s->overlay, ".qcow2", disk);
        disk_path(t->disks, &w->id, &s->overlay, ".nvram", nvram);
        host.disk = disk;
        host.image = image;
        host.nvram = w->uefi ? nvram : NULL;
    }
    if (t->channel_dir) {
        snprintf(channel, sizeof channel, "%s/%s", t->channel_dir, w->id.s);
        host.channel = channel;
    }
    return domain_xml(w, &host, xml, e);
}

/* The intent is on disk before the effect; a failure uses the run id up all the same. */
static int start(const struct machine_tools *t, const struct wanted *w,
                 const struct machine_seen *s, struct err *e)
{
    const struct virt_op op = { .what = "start", .deadline_ms = START_MS, .run = run_start };
    struct domain_op d = on(w);
    struct err ignored = { 0 };
    int64_t began;

    if (hypervisor_abilities(t->h)->disks && embedded_find_qemu(&w->id))
        return err_set(e, ERR_VM_STATE, "a machine of this desktop is still there");
    if (note_run(t, &w->id, &w->run, INTENT_STARTING, NULL, e) < 0)
        return -1;
    began = clock_boot_ms();
    if (make_xml(t, w, s, &d.xml, e) < 0 || domain_do(t, &op, &d, e) < 0) {
        if (e->code != ERR_DEADLINE) /* a start that hangs may still come: looking decides */
            (void)!note_run(t, &w->id, &w->run, INTENT_ENDED, e, &ignored);
        free(d.xml);
        return -1;
    }
    free(d.xml);
    log_info("event=started desktop=%s run=%s ms=%lld", w->id.s, w->run.s,
             (long long)(clock_boot_ms() - began));
    return note_run(t, &w->id, &w->run, INTENT_RUNNING, NULL, e);
}

static int finish(const struct machine_tools *t, const struct wanted *w,
                  const struct machine_seen *s, struct err *e)
{
    const struct virt_op op = { .what = "undefine", .deadline_ms = ASK_MS, .run = run_finish };
    struct intent_run last;
    struct domain_op d = on(w);

    d.wipe = w->deleting;
    if (domain_do(t, &op, &d, e) < 0)
        return -1;
    intent_run(t->intents, &w->id, &last);
    if (id_set(&s->run) && !id_eq(&s->run, &last.run)) {
        memset(&last, 0, sizeof last);
        last.run = s->run;
    } else if (last.state != INTENT_STARTING && last.state != INTENT_RUNNING) {
        return 0; /* written down already */
    }
    last.crashed = d.crashed && id_eq(&last.run, &w->run); /* else it was told to end */
    if (last.state == INTENT_STARTING) {
        last.code = ERR_VM_FAILED;
        snprintf(last.detail, sizeof last.detail, "its start was interrupted");
    }
    last.state = INTENT_ENDED;
    if (!id_set(&last.run))
        return 0;
    log_info("event=ended desktop=%s run=%s crashed=%d", w->id.s, last.run.s, last.crashed);
    return intent_set_run(t->intents, &w->id, &last, e);
}

static int run_wipe(virConnectPtr conn, void *data, struct err *e)
{
    struct domain_op *op = data;
    auto_domain virDomainPtr dom = virDomainDefineXML(conn, op->xml);

    if (!dom)
        return virt_fail(e, "clearing the TPM");
    return virDomainUndefineFlags(dom, undefine_flags(op)) < 0 ? virt_fail(e, "clearing the TPM")
                                                               : 0;
}

/*
 * What a TPM holds belongs to the disk and its person, but libvirt keeps it by the machine's uuid,
 * and removes it only with a definition. So a bare machine is defined and undefined. Nothing runs
 * now.
 */
static int wipe_tpm(const struct machine_tools *t, const struct wanted *w, struct err *e)
{
    const struct virt_op op = { .what = "wipe", .deadline_ms = ASK_MS, .run = run_wipe };
    const struct hypervisor_abilities *can = hypervisor_abilities(t->h);
    struct domain_host host = { .kind = can->kind, .kvm = can->kvm };
    struct wanted bare = *w;
    struct domain_op d = on(w);
    int rc;

    if (!w->tpm || !can->disks || !can->tpm)
        return 0;
    bare.uefi = bare.has_vf = bare.user_net = false;
    d.wipe = true;
    if (domain_xml(&bare, &host, &d.xml, e) < 0)
        return -1;
    rc = domain_do(t, &op, &d, e);
    free(d.xml);
    return rc;
}

static int make_disk(const struct machine_tools *t, const struct wanted *w, struct err *e)
{
    char image[DISK_PATH];
    struct disk_order o = {
        .desktop = w->id, .overlay = w->overlay.id, .image = image, .format = w->overlay.format
    };

    if (!hypervisor_abilities(t->h)->disks)
        return 0;
    if (!t->image(t->arg, w->overlay.sha256, image, sizeof image))
        return err_set(e, ERR_PRECONDITION, "the disk's image is not on this bServer");
    if (wipe_tpm(t, w, e) < 0)
        return -1;
    o.bytes = w->overlay.disk_gib << 30;
    if (o.bytes < w->overlay.virtual_size)
        o.bytes = w->overlay.disk_gib ? w->overlay.virtual_size : 0;
    return disk_make(t->disks, &o, e);
}

static int recycle(const struct machine_tools *t, const struct wanted *w, struct err *e)
{
    if (wipe_tpm(t, w, e) < 0)
        return -1;
    if (hypervisor_abilities(t->h)->disks && disk_recycle(t->disks, &w->id, e) < 0)
        return -1;
    log_info("event=recycled desktop=%s", w->id.s);
    return intent_forget(t->intents, &w->id, e);
}

static int suspect(const struct machine_tools *t, const struct wanted *w, struct err *e)
{
    struct err why = { 0 };

    err_set(&why, ERR_VM_FAILED, "the agent's state was lost; this run may have been started");
    log_warn("event=run-suspect desktop=%s run=%s", w->id.s, w->run.s);
    return note_run(t, &w->id, &w->run, INTENT_ENDED, &why, e);
}

/* At most once: begun is on disk first, and what was begun is never done again. */
static int order(const struct machine_tools *t, const struct wanted *w, int index, struct err *e)
{
    const struct virt_op op = { .what = "order", .deadline_ms = ASK_MS, .run = run_order };
    const struct wanted_order *o = &w->orders[index];
    struct domain_op d = on(w);
    struct err failed = { 0 };
    enum intent_order_state state = INTENT_ORDER_DONE;
    int64_t now;

    d.reset = o->reset;
    if (o->deadline_ms && t->now_ms && t->now_ms(t->arg, &now) && now > o->deadline_ms) {
        err_set(&failed, ERR_DEADLINE, "the order came after its deadline");
        return intent_set_order(t->intents, &o->id, &w->id, INTENT_ORDER_FAILED, &failed, e);
    }
    if (intent_set_order(t->intents, &o->id, &w->id, INTENT_ORDER_BEGUN, NULL, e) < 0)
        return -1;
    if (domain_do(t, &op, &d, &failed) < 0)
        state = failed.code == ERR_DEADLINE ? INTENT_ORDER_UNKNOWN : INTENT_ORDER_FAILED;
    log_info("event=order desktop=%s order=%s verb=%s result=%s cause=\"%s\"", w->id.s, o->id.s,
             o->reset ? "reset" : "reboot", err_slug(failed.code), failed.cause);
    return intent_set_order(t->intents, &o->id, &w->id, state,
                            state == INTENT_ORDER_DONE ? NULL : &failed, e);
}

int machine_do(const struct machine_tools *t, enum machine_action a, const struct wanted *w,
               const struct machine_seen *s, int index, struct err *e)
{
    const struct virt_op down = { .what = "shutdown", .deadline_ms = ASK_MS, .run = run_shutdown };
    const struct virt_op off = { .what = "stop", .deadline_ms = STOP_MS, .run = run_destroy };
    struct domain_op d = on(w);

    switch (a) {
    case MACHINE_REST:
    case MACHINE_WAIT_IMAGE: return 0;
    case MACHINE_ADOPT: return note_run(t, &w->id, &s->run, INTENT_RUNNING, NULL, e);
    case MACHINE_SHUTDOWN: return domain_do(t, &down, &d, e);
    case MACHINE_DESTROY: return domain_do(t, &off, &d, e);
    case MACHINE_FINISH: return finish(t, w, s, e);
    case MACHINE_SUSPECT: return suspect(t, w, e);
    case MACHINE_RECYCLE: return recycle(t, w, e);
    case MACHINE_MAKE_DISK: return make_disk(t, w, e);
    case MACHINE_START: return start(t, w, s, e);
    case MACHINE_ORDER: return order(t, w, index, e);
    }
    return err_set(e, ERR_INTERNAL, "no such action");
}
