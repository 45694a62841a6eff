/*
 * agent_vf — what an agent says of its virtual functions, taken into memory (docs/vf.md). The rows
 * follow in reconcile_vfs. What cannot be read, is another bServer's, or is more than a bServer can
 * have is counted and shown (`vf-refused`), and changes nothing.
 */
#ifndef BCENTER_AGENT_VF_H
#define BCENTER_AGENT_VF_H

#include "bcenter/bcenter.h"

/* Lock held. o: an observed object of kind "vf", or its deletion. */
void agent_vf_take(struct bcenter *bc, struct bserver *b, const struct sync_object *o);
/* Lock held. Appends the bServer's drift of VFs: [{"kind","detail"}], one entry a kind. */
void agent_vf_drift(struct bcenter *bc, const struct bserver *b, json_t *drift);

#endif
