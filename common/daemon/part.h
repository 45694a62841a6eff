/*
 * part — one of several things of a kind that a daemon serves, told by a configuration file like
 * the daemon's own: the same table of keys, a state directory and (key ready_file) a ready file of
 * its own. log_level in it means nothing, that is the process's. Owned by who read it, used by one
 * thread at a time.
 */
#ifndef COMMON_DAEMON_PART_H
#define COMMON_DAEMON_PART_H

#include "common/daemon/daemon.h"

struct part;

/* Reads the file; config_size bytes of config are filled as daemon_main does it. INVALID_REQUEST:
 * the detail names line and key. */
int part_read(const char *path, const struct config_key *keys, size_t config_size,
              struct part **out, struct err *e) MUSTCHECK;
void *part_config(struct part *p); /* until part_free */

/* Makes the state directory and nobody else's: a lock in it, which a process that has just been
 * killed may still hold for a moment, lasts until part_free. STORAGE_FAILED; CONFLICT when
 * another process, or another part, keeps it. */
int part_take(struct part *p, struct err *e) MUSTCHECK;

/* Writes the ready file: what (borrowed) and "pid". STORAGE_FAILED. */
int part_ready(struct part *p, json_t *what, struct err *e) MUSTCHECK;

void part_free(struct part *p); /* the ready file goes, the lock too; NULL ok */

#endif
