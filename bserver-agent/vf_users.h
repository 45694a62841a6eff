/*
 * vf_users — who uses which PCI function of this host: libvirt's definitions, running or not, and
 * the QEMU processes. What uses a virtual function must be gone before the function is clean.
 */
#ifndef BSERVER_AGENT_VF_USERS_H
#define BSERVER_AGENT_VF_USERS_H

#include "bserver-agent/hypervisor.h"

enum { VF_USERS_MAX = 4096 };

struct vf_user {
    char address[16];
    bool ours;           /* a machine of BIC; else a stranger's, or a QEMU that libvirt denies */
    struct id user, run; /* its uuid; "" = not known */
};
struct vf_users {
    struct vf_user *all; /* malloc'd */
    int n;
};

/* DEADLINE, VIRT_…: nobody can be called unused then. More than VF_USERS_MAX: PRECONDITION. */
int vf_users_take(struct hypervisor *h, struct vf_users *out, struct err *e) MUSTCHECK;
void vf_users_free(struct vf_users *u);
/* NULL: nobody. Of several the one that is not ours. */
const struct vf_user *vf_users_of(const struct vf_users *u, const char *address);

/* For tests: adds those of one domain's XML. False: no memory or too many. */
bool vf_users_add_xml(struct vf_users *u, const char *xml);

#endif
