/*
 * mark — the highest sync cursor that this process has handed out, kept in state_dir/sync-mark.
 *
 * A database that is put back to an older copy counts its transactions from there again, and would
 * soon pass the cursors that the tiers below hold: changes in between would be skipped for ever.
 * The mark outlives the database. It is durable before a page with a higher cursor leaves. Thread
 * safe.
 */
#ifndef CCC_MARK_H
#define CCC_MARK_H

#include "common/base/cleanup.h"
#include "common/base/err.h"
#include "common/sync/set.h"

struct mark;

/* Reads what an earlier process left; none is none. STORAGE_FAILED. */
int mark_open(const char *state_dir, struct mark **out, struct err *e) MUSTCHECK;
void mark_close(struct mark *m);                         /* NULL ok */
void mark_get(struct mark *m, char to[SYNC_CURSOR_MAX]); /* "" if nothing was handed out yet */

/* Before a page with this cursor is sent. Nothing to do unless it is higher, or of another history.
 */
int mark_raise(struct mark *m, const char *cursor, struct err *e) MUSTCHECK;

#endif
