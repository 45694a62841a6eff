/*
 * io_nic — which network cards carry the screens, and what cards have dropped (sysfs).
 *
 * Frames dropped are rx_missed_errors, rx_fifo_errors and tx_dropped: what no buffer had room for.
 * rx_dropped is left out, since the kernel counts there each frame of a protocol that nobody asked
 * for, which every switch sends.
 */
#ifndef BSERVER_AGENT_IO_NIC_H
#define BSERVER_AGENT_IO_NIC_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

enum { IO_NIC_MAX = 64 };

struct io_nics {
    char name[IO_NIC_MAX][IF_NAMESIZE];
    int n;
};

/* Once each; a name that is none is left out, as is what there is no room for. */
void io_nic_add(struct io_nics *nics, const char *name);
/* The cards that have the address of "ADDRESS:PORT"; of 0.0.0.0 and [::] all that are up and have
 * one, but not loopback. */
void io_nic_of_listener(struct io_nics *nics, const char *listen);
/* Under a bridge, a bond or a VLAN lie other cards (lower_NAME in sysfs): those too. */
void io_nic_below(struct io_nics *nics, const char *sysfs);

/* The sum over all; *which tells sets of cards apart (io_fold). */
uint64_t io_nic_dropped(const struct io_nics *nics, const char *sysfs, uint64_t *which);

#endif
