/* policy — how a job finds its VM: BIC's law, and what others do (world.h). */
#ifndef TESTS_SIM_POLICY_H
#define TESTS_SIM_POLICY_H

#include "tests/sim/world.h"

/* A host must be below its limit with the job; of those, the daemon's order: most free I/O in
 * eighths, then most free VMs. */
int policy_bic(struct world *w, enum kind kind);
/* Host after host. */
int policy_round_robin(struct world *w, enum kind kind);
/* The host with the fewest VMs that have a job. */
int policy_least_vms(struct world *w, enum kind kind);
/* The host whose cores were least busy in the last sample. */
int policy_cpu(struct world *w, enum kind kind);

/* BIC's, wrong on purpose: what was sent since the last sample is not charged. */
int policy_bic_late(struct world *w, enum kind kind);

#endif
