/*
 * guest_channel — listens to the desktops' guests: lines {"v":1,"event":"ready","run":…} from the
 * virtio port org.bic.guest.0, read through libvirt (virDomainOpenChannel), so that no path and no
 * permission of a socket matters.
 *
 * What a guest says is a stranger's word: lines are at most 512 bytes, unknown ones are dropped,
 * and the run id counts only if it is the one that runs (the owner compares). A channel that breaks
 * is opened again at the next guest_channel_want.
 */
#ifndef BSERVER_AGENT_GUEST_CHANNEL_H
#define BSERVER_AGENT_GUEST_CHANNEL_H

#include "bserver-agent/hypervisor.h"

struct guest_channel;

struct guest_channel_spec {
    struct hypervisor *h;
    /* Event loop thread: must not block. */
    void (*ready)(void *arg, const struct id *desktop, const struct id *run);
    void *arg;
};

int guest_channel_start(const struct guest_channel_spec *spec, struct guest_channel **out,
                        struct err *e) MUSTCHECK;
/* This run runs: listen to it. Does nothing if that is so already; else up to 2 s. */
void guest_channel_want(struct guest_channel *g, const struct id *desktop, const struct id *run);
void guest_channel_drop(struct guest_channel *g, const struct id *desktop);
void guest_channel_stop(struct guest_channel *g); /* NULL ok */

/* Pure: one line without its newline. */
bool guest_channel_line(const char *line, size_t n, struct id *run);

#endif
