/*
 * embedded — what QEMU hosts need before and around libvirt: the embedded driver's root directory
 * and its qemu.conf, the driver's own words about firmware and TPM, the kernel's boot id, and QEMU
 * processes that nobody admits to.
 */
#ifndef BSERVER_AGENT_EMBEDDED_H
#define BSERVER_AGENT_EMBEDDED_H

#include "bserver-agent/hypervisor.h"

/*
 * Makes DIR of qemu:///embed?root=DIR and, unless the owner put one there, DIR/etc/qemu.conf: log
 * files instead of virtlogd, no cgroups, no namespaces, no security driver. Started as root,
 * libvirt runs QEMU as the system user libvirt-qemu, who must exist: PRECONDITION. Ends what an
 * earlier agent of the same DIR left of libvirt's questions to QEMU.
 */
int embedded_prepare(const char *uri, struct err *e) MUSTCHECK;

/* Reads firmware, TPM and emulator out of libvirt's domain capabilities. */
void embedded_read_capabilities(const char *xml, struct hypervisor_abilities *can);

int embedded_boot_id(struct id *out, struct err *e) MUSTCHECK;

/* Is there a process whose arguments are "… -uuid ID …" and that looks like QEMU? Its pid or 0. */
int embedded_find_qemu(const struct id *desktop);
/*
 * Kills the desktop's QEMU if it is stopped (SIGSTOP, a debugger): it would not hear SIGTERM, and
 * libvirt waits for it with a lock held that every listing needs. False: there is none such.
 */
bool embedded_kill_stopped(const struct id *desktop);
/* All of them at once: visit is called with each uuid. */
void embedded_each_qemu(void (*visit)(void *arg, const struct id *desktop, int pid), void *arg);
/* The PCI devices that QEMUs were given ("0000:01:10.0"), with the machine's uuid ("" = none). */
void embedded_each_pci(void (*visit)(void *arg, const char *address, const struct id *desktop),
                       void *arg);

#endif
