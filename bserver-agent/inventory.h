/*
 * inventory — what the host has: physical cores, threads, memory, virtual functions.
 *
 * From libvirt's node devices where the driver has them (real, simulated), from sysfs where it has
 * not (embedded). The root of sysfs is a parameter, so that a tree of files can stand in for it.
 *
 * Node devices that are understood (test:///FILE takes the same): a PCI device with
 * <capability type='virt_functions'><address domain bus slot function/>…</capability> is a physical
 * function; a PCI device with <capability type='phys_function'><address …/></capability> is one of
 * its VFs; a device with <capability type='net'><interface>NAME</interface><address>MAC</address>
 * whose <parent> is the physical function gives it its name. Cores are the node's sockets × cores ×
 * nodes.
 */
#ifndef BSERVER_AGENT_INVENTORY_H
#define BSERVER_AGENT_INVENTORY_H

#include <stdint.h>

#include "bserver-agent/hypervisor.h"
#include "bserver-agent/vf_link.h"

enum { INVENTORY_VFS = 1024 };

struct inventory_vf {
    char pf[32];      /* interface name of the physical function, else its address */
    char address[16]; /* "0000:01:10.0" */
    char mac[18];     /* "" = none known */
    int index;        /* among the VFs of its physical function, from 0 */
    /* host_vf.c fills in the rest. */
    struct vf_link link; /* what the kernel holds for it below its physical function */
    bool used, ours;     /* by a machine; by one of BIC's */
    struct id user, run;
    struct id check; /* the bCenter's question that the newest look is an answer to; "" = none */
    bool clean;
    const char *why; /* static; NULL when clean */
};

struct inventory {
    int64_t cores, threads, memory_mib;
    bool vf_links, vf_resets; /* the kernel shows and sets VFs; each VF has a reset */
    struct inventory_vf *vfs;
    int nvfs;
    int64_t more; /* VFs beyond INVENTORY_VFS, left out */
};

/* sysfs: "/sys" or a tree that looks like it. Frees nothing of *out on failure. */
int inventory_take(struct hypervisor *h, const char *sysfs, struct inventory *out,
                   struct err *e) MUSTCHECK;
void inventory_free(struct inventory *v);

/* The halves, for tests. */
int inventory_sysfs(const char *sysfs, struct inventory *out, struct err *e) MUSTCHECK;
int inventory_sysfs_vfs(const char *sysfs, struct inventory *out, struct err *e) MUSTCHECK;
/* Node device XML texts, NULL-ended. */
int inventory_devices(const char *const xml[], struct inventory *out, struct err *e) MUSTCHECK;

#endif
