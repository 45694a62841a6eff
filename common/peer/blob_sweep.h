/*
 * blob_sweep — blobs that nobody needs any more leave their store.
 *
 * Owner: the one thread that also fetches into the store. A blob goes when it was needed at no
 * round of BLOB_GRACE_MS and nobody reads it: first it becomes a partial file, which nobody finds
 * and the next fetch would take back as it is; a round later, still not needed, the file is
 * deleted. Partial files are deleted by the same rule, unless somebody fetches into them.
 */
#ifndef COMMON_PEER_BLOB_SWEEP_H
#define COMMON_PEER_BLOB_SWEEP_H

#include <jansson.h>

#include "common/peer/blob.h"

enum { BLOB_SWEEP_MS = 60000, BLOB_GRACE_MS = 600000 };

/* Pure: not needed at any look for grace_ms. *since: boot clock of the first such look; 0: needed.
 */
bool blob_sweep_due(bool needed, int64_t now, int64_t grace_ms, int64_t *since);

struct blob_sweep;
struct blob_sweep *blob_sweep_new(struct blob_store *store); /* NULL: out of memory */
void blob_sweep_free(struct blob_sweep *s);                  /* NULL ok */

/* needed: an object whose members are the sha256 that something names. Logs what goes and what
 * fails. Returns how many files were deleted. */
int blob_sweep_round(struct blob_sweep *s, const json_t *needed, int64_t now);

#endif
