/*
 * blob — large immutable files, named by the SHA-256 of what is in them.
 *
 * A store is a directory: DIR/ab/<sha256> (0400, complete and checked, linked in under its name in
 * one step) and DIR/partial/<sha256> (a download that may go on where it stopped). Whoever finds a
 * file under its name may believe it. Processes may share a store; threads may share a struct
 * blob_store. A sha256 argument is 64 lower-case hexadecimal digits, else NOT_FOUND.
 */
#ifndef COMMON_PEER_BLOB_H
#define COMMON_PEER_BLOB_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/cleanup.h"
#include "common/base/err.h"
#include "common/peer/peer.h"

enum { BLOB_HEX = 64, BLOB_PATH = 4096 };

struct blob_store;

/* Makes the directories if they are not there (0700; their parent must be). STORAGE_FAILED. */
int blob_store_open(const char *dir, struct blob_store **out, struct err *e) MUSTCHECK;
void blob_store_close(struct blob_store *s); /* NULL is allowed */
DEFINE_AUTO(auto_blob_store, struct blob_store *, blob_store_close)
#define auto_blob_store AUTO(auto_blob_store)

/* Where the blob is or would be, for qemu-img and domain XML. Absolute if DIR was. */
int blob_path(const struct blob_store *s, const char *sha256, char to[BLOB_PATH],
              struct err *e) MUSTCHECK;

/* Complete and here? size may be NULL. */
bool blob_has(const struct blob_store *s, const char *sha256, int64_t *size);

/*
 * Takes the file at path into the store: hashes what is in it, makes it durable, links it in under
 * its hash and unlinks path. The file must lie in the same file system; nobody may write to it any
 * more. expected NULL or the hash that it must have: INVALID_REQUEST if not. Already there: done as
 * well.
 */
int blob_take(struct blob_store *s, const char *path, const char *expected,
              char sha256[BLOB_HEX + 1], int64_t *size, struct err *e) MUSTCHECK;

/* The caller closes *fd; until then blob_let_go leaves the blob alone. NOT_FOUND. */
int blob_open(const struct blob_store *s, const char *sha256, int *fd, int64_t *size,
              struct err *e) MUSTCHECK;

/* Gone afterwards, its partial file too; 0 if it was not there. Who has it open keeps it. */
int blob_remove(struct blob_store *s, const char *sha256, struct err *e) MUSTCHECK;

/* Every file of the store: first the partial ones, then the complete ones. STORAGE_FAILED. */
int blob_each(const struct blob_store *s,
              void (*visit)(void *arg, const char *sha256, bool partial), void *arg,
              struct err *e) MUSTCHECK;
/* For blob_sweep: a blob becomes a partial file, a partial file is deleted; unless somebody reads
 * (blob_open) or fetches it: then *done is false. */
int blob_let_go(struct blob_store *s, const char *sha256, bool partial, bool *done,
                struct err *e) MUSTCHECK;

/* Bytes that an interrupted fetch has left; 0 if none. */
int64_t blob_partial(const struct blob_store *s, const char *sha256);

struct blob_fetch {
    const char *sha256;
    int64_t size;        /* as the wanted object says; another length is PEER_PROTOCOL */
    int64_t bytes_per_s; /* 0: as fast as it goes */
    int64_t deadline_ms; /* clock_boot_ms() */
    bool (*progress)(void *arg,
                     int64_t bytes); /* NULL ok; false: stop (CANCELLED), the partial file stays */
    void *arg;
};
/*
 * Brings the blob here from peer: goes on with the partial file, checks the whole, links it in. 0
 * at once if it is here. What does not match is deleted: PEER_PROTOCOL. NOT_READY: another fetch of
 * the same blob runs. INSUFFICIENT_STORAGE: no room (looked at before and during). Else peer_blob's
 * errors.
 */
int blob_fetch(struct blob_store *s, struct peer *p, const struct blob_fetch *f,
               struct err *e) MUSTCHECK;

/* SHA-256 of the n bytes, in hexadecimal; for what is small enough to be in memory. */
void blob_hash(const void *bytes, size_t n, char to[BLOB_HEX + 1]);

#endif
