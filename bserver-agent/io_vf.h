/*
 * io_vf — frames of virtual functions, as the physical function's driver counts them (rtnetlink,
 * IFLA_VFINFO_LIST; Linux 4.2 and later).
 *
 * The kernel writes zeros for a driver that counts nothing, so a physical function whose functions
 * all show zero is taken for one: a function that carried a single frame says otherwise.
 */
#ifndef BSERVER_AGENT_IO_VF_H
#define BSERVER_AGENT_IO_VF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

enum { IO_VF_MAX = 256 }; /* functions of one physical one */

struct io_vf {
    uint64_t frames[IO_VF_MAX]; /* received and sent, by number of the function */
    bool counted;               /* some of it is not zero */
};

/* PF's interface name. INTERNAL: the kernel does not say (no such interface, no netlink). */
int io_vf_read(const char *pf, struct io_vf *out, struct err *e) MUSTCHECK;

/* One RTM_NEWLINK message (n bytes, aligned for its header); false if it is none or broken. */
bool io_vf_parse(const void *message, size_t n, struct io_vf *out);

#endif
