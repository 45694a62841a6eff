/*
 * io_rate — figures of I/O as administrators give them: requests per second with at most three
 * decimals (docs/iolaw.md). Stored as micro-requests per second by SQL's uio_of().
 */
#ifndef CCC_IO_RATE_H
#define CCC_IO_RATE_H

#include <jansson.h>

#include "common/base/err.h"

/* Thousandths, for JSON_DECIMAL: 0.001 … 1,000,000. */
enum { IO_RATE_MIN = 1, IO_RATE_MAX = 1000000000 };

/* A pool's io {job, per_job, per_start}, each at will; NULL: none. INVALID_REQUEST with the
 * pointer. */
int io_rate_pool_check(const json_t *io, struct err *e) MUSTCHECK;

#endif
