/* io_json — what is learned of I/O, as its database and the CCC read it (docs/iolaw.md, *Wire*). */
#ifndef BCENTER_IO_JSON_H
#define BCENTER_IO_JSON_H

#include <jansson.h>

#include "bcenter/io_limit.h"

/* null for -1: nothing is known. */
void io_json_count(json_t *o, const char *key, int64_t n);
/* from, to, reason and the numbers of a move; its time is the caller's. */
void io_json_move(json_t *o, const struct io_move *v);

#endif
