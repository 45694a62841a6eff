/*
 * desktop_store — a desktop's stored row, changed as a whole: decided and marked busy under the
 * lock, written by one compare-and-set statement without it, applied to memory when the database
 * has taken it.
 */
#ifndef BCENTER_DESKTOP_STORE_H
#define BCENTER_DESKTOP_STORE_H

#include "bcenter/bcenter.h"

struct change {
    struct desktop_row row; /* what it shall be; generation is still the old one */
    struct id session;      /* "" or the live session that ends with it */
    const char *end_reason;
    struct id op; /* "" or the operation that moves with it */
    enum op_state op_state;
    const char *op_stage;
    enum err_code op_error; /* ERR_NONE, or why the operation failed */
    char op_detail[256];
    json_t *op_problem; /* owned; NULL, or the problem itself, for one that has numbers */
    struct id actor;    /* audit; action NULL: none */
    const char *actor_name, *action, *trace, *detail;
};

/* Lock held: copies the row into *c and marks the desktop busy. */
void change_begin(struct desktop *d, struct change *c);
/* Lock held: it is no longer being written. Its I/O stays reserved while nobody knows what became
 * of that. */
void desktop_written(struct desktop *d);
/* Lock held: nothing is to be written after all. */
void change_drop(struct bcenter *bc, struct change *c);
/* Lock not held. CONFLICT, EPOCH_STALE, DB_UNAVAILABLE; the row is read again then. Releases *c
 * either way. */
int change_commit(struct bcenter *bc, struct db *db, struct change *c, struct err *e) MUSTCHECK;

/* Lock held: memory as the database has taken it; change_commit does it. *c stays the caller's. */
void change_apply(struct bcenter *bc, struct desktop *d, const struct change *c);
/* The same for several desktops, in one transaction as far as that goes; what is not taken is
 * logged.
 */
enum { CHANGES_MOST = 32 };
void change_commit_all(struct bcenter *bc, struct db *db, struct change *all, int n);

/* Editing c->row. */
void change_stop(struct change *c, bool destroy); /* run null, seq + 1 */
void change_end_session(struct desktop *d, struct change *c, const char *reason); /* and seq + 1 */
void change_renew(struct change *c, json_t *image); /* new overlay; image NULL: the same */
void change_free(struct module *m, struct desktop *d,
                 struct change *c); /* nobody's any more: a new overlay if it was used */

/* Lock not held; nobody else writes the desktop meanwhile. Reads its row, session and orders again:
 * one that has come to be or is no more is taken in or forgotten, too. A write whose answer was
 * lost, and which is still on its way in the database, fails from then on. */
void desktop_reload(struct bcenter *bc, struct db *db, const struct id *id);
/* Lock held: the row is no more. check: the question about its VF that was stored with that; NULL:
 * not known here. */
void desktop_forgotten(struct bcenter *bc, const struct id *id, const struct id *check);
/* Lock not held: somebody's write met a constraint; her desktop of this pool is read again. */
void desktop_reload_held(struct bcenter *bc, struct db *db, const struct holding *key);
/* Lock held: memory as the row says (nothing is published). */
void desktop_take_row(struct module *m, struct desktop *d, const PGresult *r, int row);
void desktop_take_session(struct desktop *d, const PGresult *r, int row);

/* A statement's "lead" and "done" columns: EPOCH_STALE (the process ends) or CONFLICT. */
int store_outcome(const PGresult *r, struct err *e) MUSTCHECK;
/* JSON text for a parameter; malloc'd. */
char *store_json(const json_t *v);
json_t *store_problem(enum err_code code, const char *detail);
json_t *store_problem_of(const struct err *why); /* with its numbers */
/* Lock held. What the operation waits for; why NULL: nothing any more. True: it is another thing.
 */
bool operation_wait(struct operation *op, const struct err *why);

#endif
