/*
 * host_io — the turn that samples a host's I/O: reads the source, makes a sample of the newest two
 * readings and reports it. Owner: the host. A thread of its own, so that neither the sweep nor work
 * on machines ever waits for a counter.
 *
 * A turn that fails leaves what was reported; after three intervals without a sample it is taken
 * back, so that nobody takes an old one for new.
 */
#ifndef BSERVER_AGENT_HOST_IO_H
#define BSERVER_AGENT_HOST_IO_H

#include "bserver-agent/host.h"
#include "bserver-agent/io_source.h"
#include "bserver-agent/report.h"

struct host_io;

/* h's hypervisor, reconcile and report are there, and outlive it. */
int host_io_start(struct host *h, struct host_io **out, struct err *e) MUSTCHECK;
void host_io_stop(struct host_io *io); /* joins; NULL ok */

/* For the report of the host: what counts here, and whether functions are counted. */
struct report_io host_io_about(const struct host_io *io);

#endif
