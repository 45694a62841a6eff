/*
 * event_loop — libvirt's default event loop on a thread of its own, once a process. It must run
 * before the first connection is opened and as long as one is open: libvirt says so, keepalive,
 * streams, and the embedded driver's monitors depend on it. It never ends before the process does.
 */
#ifndef BSERVER_AGENT_EVENT_LOOP_H
#define BSERVER_AGENT_EVENT_LOOP_H

#include "common/base/err.h"

int event_loop_start(struct err *e) MUSTCHECK; /* again: nothing to do */
/* Returns after the loop went round once (at most 2 s): callbacks that were being run have
 * returned. Not from the loop's own thread. */
void event_loop_flush(void);

#endif
