/*
 * wanted — what the bCenter wants of one desktop, as a plain value (docs/sync.md, bCenter → agent).
 *
 * Read tolerantly: unknown members are ignored. A known member of a wrong type or outside its
 * bounds makes the whole object refused (INVALID_REQUEST names it): what reaches XML, paths and
 * argv is bounded and has a known shape.
 */
#ifndef BSERVER_AGENT_WANTED_H
#define BSERVER_AGENT_WANTED_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/id.h"

enum { WANTED_ORDERS = 8, WANTED_MAC = 18 };

struct wanted_vf {
    struct id id;
    char pf[32], address[16]; /* "enp1s0f0", "0000:01:10.0" */
    char mac[WANTED_MAC];     /* "" = the desktop's own */
    int64_t index, vlan;      /* vlan 0 = none */
};

struct wanted_overlay {
    struct id id; /* "" = none wanted */
    char sha256[65], format[8];
    int64_t image_size, virtual_size, disk_gib; /* disk_gib 0 = as large as the image */
};

struct wanted_order {
    struct id id, run;
    bool reset;          /* else reboot */
    int64_t deadline_ms; /* wall clock of the bCenter; 0 = none */
};

struct wanted {
    struct id id, run; /* run "" = should be off */
    char name[260], hostname[260], locale[32], keyboard[16], guest[24];
    int64_t generation, vcpus, memory_mib, lane, session_floor;
    bool deleting, destroy, uefi, tpm, user_net, has_vf;
    char disk_bus[8], nic_model[8], video[8], mac[WANTED_MAC];
    struct wanted_overlay overlay;
    struct wanted_vf vf;
    struct id live_session; /* "" = none */
    struct wanted_order orders[WANTED_ORDERS];
    int norders; /* those of an unknown verb are left out */
};

int wanted_read(const struct id *id, const json_t *body, struct wanted *out,
                struct err *e) MUSTCHECK;

#endif
