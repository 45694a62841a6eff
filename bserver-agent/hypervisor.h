/*
 * hypervisor — one libvirt connection: its event loop thread, deadlines from outside, what this
 * kind of driver can do, and the one place where a libvirt error becomes ours (virt_fail).
 *
 * libvirt calls may hang for ever (a frozen QEMU, a frozen libvirtd). So every call that may block
 * is an op that runs on a thread of its own while the caller waits with a deadline. Past it the
 * caller goes on with DEADLINE, the thread is counted as lost until it comes back, and at
 * VIRT_LOST_MAX lost threads `exhausted` is told, and no other call is made (VIRT_UNAVAILABLE)
 * until one comes back: a process of this host alone ends then, one of several hosts goes on.
 */
#ifndef BSERVER_AGENT_HYPERVISOR_H
#define BSERVER_AGENT_HYPERVISOR_H

#include <libvirt/libvirt.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/cleanup.h"
#include "common/base/err.h"
#include "common/base/id.h"

enum { VIRT_LOST_MAX = 8 };
enum hypervisor_kind { HYPERVISOR_REAL, HYPERVISOR_EMBEDDED, HYPERVISOR_SIMULATED };

DEFINE_AUTO(auto_domain, virDomainPtr, virDomainFree)
#define auto_domain AUTO(auto_domain)

struct hypervisor;

struct hypervisor_spec {
    const char *uri; /* "qemu:///system", "qemu:///embed?root=DIR", "test:///FILE" */
    enum hypervisor_kind kind;
    const char *accelerator; /* "auto", "kvm", "tcg" */
    void (*changed)(
        void *arg,
        const struct id *desktop); /* lifecycle event; event loop thread: must not block */
    void (*exhausted)(void *arg);  /* NULL ok */
    void *arg;
};

/* What can be done here; constant after open. */
struct hypervisor_abilities {
    enum hypervisor_kind kind;
    bool disks, screen, guest_channel, node_devices, uefi, tpm, kvm;
    char accelerator[8]; /* "kvm", "tcg", "none" */
    char why[96];        /* why not kvm, for people */
    char emulator[256];  /* "" = not known */
    struct id boot;      /* kernel boot id; simulated: made when the driver opened */
};

/* "real", "embedded", "simulated"; false for others. */
bool hypervisor_kind_from(const char *word, enum hypervisor_kind *out);
const char *hypervisor_kind_word(enum hypervisor_kind kind);
/* DIR of "qemu:///embed?root=DIR" in to, "" if there is none. */
void hypervisor_root(const char *uri, char *to, size_t size);

/* Opens, probes. VIRT_UNAVAILABLE, PRECONDITION (what the host lacks). Spec's texts are copied. */
int hypervisor_open(const struct hypervisor_spec *spec, struct hypervisor **out,
                    struct err *e) MUSTCHECK;
void hypervisor_close(struct hypervisor *h); /* machines go on; NULL ok */
const struct hypervisor_abilities *hypervisor_abilities(const struct hypervisor *h);
int hypervisor_lost(const struct hypervisor *h);

/*
 * An op: `run` works on a copy of data. When it is back in time the copy is copied back, and
 * whatever it points to is the caller's. Past the deadline (DEADLINE) everything that data points
 * to belongs to the op, `release` (NULL ok) frees it when the thread returns, and the caller's data
 * is zeroed.
 */
struct virt_op {
    const char *what; /* "start", for messages */
    int deadline_ms;
    size_t size;
    int (*run)(virConnectPtr conn, void *data, struct err *e);
    void (*release)(void *data);
};
int hypervisor_do(struct hypervisor *h, const struct virt_op *op, void *data,
                  struct err *e) MUSTCHECK;

/* Translates the libvirt error of the call that just failed on this thread. Returns -1. */
int virt_fail(struct err *e, const char *what);

#endif
