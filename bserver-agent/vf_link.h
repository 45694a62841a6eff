/*
 * vf_link — what the kernel holds for the virtual functions of a network interface: MAC, VLAN,
 * spoof check, rate, link state (rtnetlink, IFLA_VFINFO_LIST: linux/if_link.h; `ip link show dev
 * PF`). Setting needs CAP_NET_ADMIN and a driver that takes it.
 */
#ifndef BSERVER_AGENT_VF_LINK_H
#define BSERVER_AGENT_VF_LINK_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/err.h"

struct vf_link {
    bool known;                             /* the kernel told of this function */
    char mac[18];                           /* "" = not known */
    int vlan, spoof_check, rate_mbps, link; /* -1 = not known; link: 0 down, 1 up or as its PF */
};

/* vfs[0..n): those with these indexes below interface pf. NOT_FOUND: there is no such interface. */
int vf_link_read(const char *pf, struct vf_link *vfs, int n, struct err *e) MUSTCHECK;

/* mac NULL: left as it is; "": none, the driver's own; vlan 0: none; rate 0: no limit; -1: left. */
struct vf_link_wish {
    int index;
    const char *mac;
    int vlan, spoof_check, rate_mbps;
};
/* PRECONDITION: the kernel or the driver does not take it. */
int vf_link_set(const char *pf, const struct vf_link_wish *w, struct err *e) MUSTCHECK;

/* The halves, for tests: an RTM_NEWLINK message read, an RTM_SETLINK message built (its size, 0 if
 * the buffer is too small). */
void vf_link_parse(const void *message, size_t size, struct vf_link *vfs, int n);
size_t vf_link_build(void *buffer, size_t size, int ifindex, const struct vf_link_wish *w);

#endif
