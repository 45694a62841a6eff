/*
 * reconcile — makes what is into what should be. One thread, on every change and every 2 s: hosts
 * into the ledger, pools' shares into desktops, each desktop's next step, operations to their end.
 */
#ifndef BCENTER_RECONCILE_H
#define BCENTER_RECONCILE_H

#include "bcenter/bcenter.h"
#include "bcenter/desktop_next.h"
#include "bcenter/desktop_store.h"

enum { RECONCILE_MS = 2000 };

void reconcile_tick(void *bc); /* everything once */
void reconcile_turn(void *bc); /* ticker body: not too often */

/* Its parts, each with the lock free on entry and return. */
void reconcile_unsure(struct bcenter *bc);
void reconcile_hosts(struct bcenter *bc);
void reconcile_vfs(struct bcenter *bc);
void reconcile_pools(struct bcenter *bc);
void reconcile_desktops(struct bcenter *bc);
void reconcile_operations(struct bcenter *bc);
void reconcile_audit(struct bcenter *bc);
void reconcile_io(struct bcenter *bc);

/* Who waits for I/O (reconcile_waiting.c): a round over the operations, oldest first, then those of
 * each host that were refused are known. */
void reconcile_waits_begin(struct module *m);
void reconcile_waits_end(struct module *m);
/* Lock held. The law, and nobody older waits for that host; else the operation shows why it waits.
 * out: what the desktop is charged with it. */
bool reconcile_let_in(struct bcenter *bc, struct desktop *d, struct operation *op,
                      enum io_want want, int64_t *charge);
/* A queued connect: its start, its session, or its end. */
void reconcile_connect(struct bcenter *bc, const struct id *operation);
/* Ends an operation without a change of a desktop. problem: NULL or why; not kept. */
void reconcile_end_alone(struct bcenter *bc, const struct id *operation, enum op_state state,
                         json_t *problem);

/*
 * What they decide, apart from writing it; no I/O, lock held. Of one desktop: its next step, with
 * *c begun, unless that is NEXT_NOTHING or NEXT_FORGET. Of a pool: what its desktops are marked
 * with and how many are to be made. Of an order: what it does to its desktop's row, and whether it
 * has ended.
 */
struct ending {
    enum op_state state; /* OP_RUNNING: not yet */
    enum err_code code;
    const char *detail;
};
enum next reconcile_decide(struct bcenter *bc, struct desktop *d, int64_t now, struct change *c);
int reconcile_plan(struct module *m, const struct id *pool);
void reconcile_effect(struct bcenter *bc, struct desktop *d, const struct operation *op,
                      struct change *c);
struct ending reconcile_ending(struct bcenter *bc, struct desktop *d, struct operation *op);
/* Its end, with *c begun: what becomes of the desktop then. */
void reconcile_end(struct bcenter *bc, struct desktop *d, const struct operation *op,
                   const struct ending *end, struct change *c);

/* Where the audit goes on: before anything is written by this process. */
int reconcile_audit_open(struct bcenter *bc, struct db *db, struct err *e) MUSTCHECK;
/* Any thread: the CCC holds what was observed up to this cursor (NULL: nothing said). */
void reconcile_audit_passed(struct bcenter *bc, const char *cursor);

/* Every id of a table of the module, copied; *n of them. The caller frees. Lock held. */
#define RECONCILE_IDS(m, type, table, key, list, n)                                                \
    do {                                                                                           \
        struct type *x_, *next_;                                                                   \
        (n) = 0;                                                                                   \
        (list) = calloc(HASH_COUNT((m)->table) + 1, sizeof(struct id));                            \
        HASH_ITER(hh, (m)->table, x_, next_)                                                       \
        {                                                                                          \
            if (list)                                                                              \
                (list)[(n)++] = x_->key;                                                           \
        }                                                                                          \
    } while (0)

/* A new life on its host. Editing c->row. */
void reconcile_new_run(struct change *c, const struct desktop *d);
/* Commits and logs what went wrong; a conflict is looked at again next time. */
int reconcile_commit(struct bcenter *bc, struct change *c);

#endif
