/*
 * vf_ledger — what an agent's word about a virtual function means for its row (docs/vf.md). Pure:
 * no clock, no I/O; the caller holds the module's lock.
 *
 * The row (state, owner desktop and run, open question) is the database's and changes in memory
 * after it has; `seen` is the newest report. Nothing here frees a VF but an answer to the very
 * question that was asked at its release.
 */
#ifndef BCENTER_VF_LEDGER_H
#define BCENTER_VF_LEDGER_H

#include "bcenter/module.h"

enum { VF_LEDGER_MAX = 512, VF_INDEX_MAX = 4095 }; /* rows of a bServer; index below its PF */

/*
 * Reads a report (docs/sync.md, agent → bCenter, vf). The address must be in its one spelling and
 * the id its UUIDv5 under this bServer, so that none can be named twice or be another bServer's.
 * INVALID_REQUEST names the member. v: pf, address, index, seen are set; nothing on failure.
 */
int vf_ledger_read(const struct id *bserver, const struct id *id, const json_t *body, struct vf *v,
                   struct err *e) MUSTCHECK;

/* It may be given to a desktop now: free in the database, named by its agent, used by nobody. */
bool vf_ledger_usable(const struct vf *v);

enum vf_step {
    VF_STEP_NONE,
    VF_STEP_CLEAN,   /* the open question was answered with clean: free */
    VF_STEP_SUSPECT, /* free, but somebody uses it: quarantine, with a question of its own */
    VF_STEP_FORGET,  /* vanished, nobody's, and of no use in the list any more */
};
/* now_ms: wall clock, as v->since. */
enum vf_step vf_ledger_next(const struct vf *v, int64_t now_ms);

/* Where what is seen is not what the row says; VF_DRIFT_NONE where it is. */
enum vf_drift vf_ledger_drift(const struct vf *v);
const char *vf_drift_word(enum vf_drift d);      /* "vf-foreign"; NULL for none */
const char *vf_state_reason(const struct vf *v); /* why it is as it is; NULL when free */
bool vf_ledger_asks(const struct vf *v);         /* its agent is to be asked whether it is clean */

#endif
