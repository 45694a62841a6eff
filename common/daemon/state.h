/* state — the directory and the ready file of a daemon, or of one of its parts. Only
 * common/daemon/.
 */
#ifndef COMMON_DAEMON_STATE_H
#define COMMON_DAEMON_STATE_H

#include <jansson.h>

#include "common/base/err.h"

/* Makes the directory and those above it; what exists keeps its mode. STORAGE_FAILED. */
int state_make(const char *path, struct err *e) MUSTCHECK;
/* Whole or not at all: whoever waits for the file never reads half of it. STORAGE_FAILED. */
int state_ready(const char *path, const json_t *what, struct err *e) MUSTCHECK;

#endif
