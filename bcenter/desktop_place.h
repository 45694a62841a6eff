/*
 * desktop_place — where a new desktop goes: decided in memory under the lock (placement.h), stored
 * by one statement that takes slot, memory, storage and virtual function together, applied after
 * that (docs/broker.md). The database's laws have the last word: CONFLICT, then its bServer's rows
 * are read again.
 */
#ifndef BCENTER_DESKTOP_PLACE_H
#define BCENTER_DESKTOP_PLACE_H

#include "bcenter/bcenter.h"
#include "bcenter/placement_pack.h"

/* A desktop about to be made: decided under the lock, written without it. */
struct desktop_place {
    struct desktop_row row; /* owned: desktop_row_release */
    struct id host, vf;
    int slot, lane;
    unsigned char inputs[PLACEMENT_INPUTS];
    size_t inputs_size;
    int64_t epoch;
};

/* Lock held. The bServers of the module as the pure functions see them (their I/O is summed up;
 * their VFs as they were counted last); b->candidate is its place in the list, -1 for one that was
 * deleted. Returns how many: at most ten count (law). */
int desktop_place_candidates(struct module *m, int64_t boot_ms,
                             struct candidate list[PLACEMENT_HOSTS]);
/* Lock held. Counts the free VFs of each bServer. */
void desktop_place_count_vfs(struct module *m);
/* What one desktop of this pool takes. */
struct demand desktop_place_demand(const struct pool *p, const struct image_version *v);
/* Lock held. What the next desktop of this pool will be and where. LAW_… with numbers. */
int desktop_place_decide(struct module *m, const struct pool *p, const struct image_version *v,
                         struct desktop_place *out, struct err *e) MUSTCHECK;
/* db_tx body; arg is a const struct desktop_place. EPOCH_STALE, CONFLICT. */
int desktop_place_store(struct db *db, void *arg, struct err *e) MUSTCHECK;
/* Lock held. Before the database has it only if it is kept busy until then. NULL: its bServer is
 * gone, or no memory. */
struct desktop *desktop_place_take(struct module *m, const struct desktop_place *place);
/* Lock held: it was taken before the database had it, which refused. d is freed. */
void desktop_place_undo(struct module *m, struct desktop *d);
/* Lock held; the database has forgotten it. Its function waits in quarantine until the question
 * `check` is answered (NULL: not known; its bServer's rows are read again); d is freed. */
void desktop_place_leave(struct module *m, struct desktop *d, const struct id *check);

#endif
