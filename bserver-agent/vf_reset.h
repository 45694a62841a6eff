/*
 * vf_reset — a virtual function's own reset, through the kernel (sysfs, "reset" of a PCI device).
 * sysfs: "/sys" or a tree that looks like it.
 */
#ifndef BSERVER_AGENT_VF_RESET_H
#define BSERVER_AGENT_VF_RESET_H

#include "common/base/err.h"

/* It has one, and this process may use it. */
bool vf_reset_there(const char *sysfs, const char *address);
/* PRECONDITION: the kernel or the device refused; the cause says how. */
int vf_reset(const char *sysfs, const char *address, struct err *e) MUSTCHECK;

#endif
