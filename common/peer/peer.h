/*
 * peer — calls to another tier: HTTP/1.1 and JSON over mutual TLS 1.3.
 *
 * A struct peer belongs to one thread (one libcurl easy handle, one kept connection). It knows a
 * list of addresses from the first day and sticks to the one that answered last. The other end must
 * show a certificate of our CA whose URI names the kind (and the id, if given) that we expect;
 * nothing else about it is believed. Errors: PEER_UNREACHABLE, PEER_TIMEOUT, PEER_PROTOCOL,
 * PEER_IDENTITY, or the problem that the peer sent, with its origin.
 */
#ifndef COMMON_PEER_PEER_H
#define COMMON_PEER_PEER_H

#include <jansson.h>
#include <stdint.h>

#include "common/base/cleanup.h"
#include "common/base/err.h"
#include "common/base/id.h"

struct peer;

struct peer_identity {
    const char *cert_pem, *key_pem, *ca_pem; /* paths of this node's own certificate, key and CA */
};

/* urls: "https://127.0.0.1:1234", NULL-ended, copied. kind: "ccc", …; id: NULL for any of that
 * kind. */
int peer_open(const struct peer_identity *self, const char *const urls[], const char *kind,
              const char *id, struct peer **out, struct err *e) MUSTCHECK;
/*
 * All addresses are ways to the same end, which takes the same request twice as once: what one does
 * not answer in its share of the time, breaks off, or is not ready for or cannot pass on, is asked
 * of the next with the same Idempotency-Key and a higher BIC-Attempt. (Else only what was not sent
 * at all is tried elsewhere.)
 */
void peer_anywhere(struct peer *p);
void peer_close(struct peer *p); /* NULL is allowed */
DEFINE_AUTO(auto_peer, struct peer *, peer_close)
#define auto_peer AUTO(auto_peer)

/* *out may be NULL on 204. deadline_ms: clock_boot_ms() by which the answer must be complete; what
 * is left of it travels as BIC-Deadline-Ms. */
int peer_get(struct peer *p, const char *path, int64_t deadline_ms, json_t **out,
             struct err *e) MUSTCHECK;
int peer_post(struct peer *p, const char *path, const json_t *body, int64_t deadline_ms,
              json_t **out, struct err *e) MUSTCHECK;
/* Which request this is, however often and on whatever way it comes: the latest attempt counts. */
struct peer_order {
    struct id key;   /* "" = a new one */
    int64_t attempt; /* 0, 1, … */
};
/* A body and its answer that are only passed on: neither is read here. *out: the text of a 2xx
 * answer, malloc'd; NULL on 204. Others are errors as ever. */
struct peer_text {
    const char *bytes; /* NULL: none */
    size_t n;
    struct peer_order order; /* the asker's */
};
int peer_relay(struct peer *p, const char *path, struct peer_text body, int64_t deadline_ms,
               char **out, struct err *e) MUSTCHECK;
int peer_delete(struct peer *p, const char *path, int64_t deadline_ms, struct err *e) MUSTCHECK;
/* The HTTP status of the last answer (201 and 202 differ for connects), and its Location ("" if
 * none). */
int peer_status(const struct peer *p);
const char *peer_location(const struct peer *p);

/* Another thread may call this: the running call ends with PEER_UNREACHABLE soon (for stop). */
void peer_interrupt(struct peer *p);

/*
 * bulk: GET /blobs/v1/{sha256} into fd from its present size on (Range), until size bytes are
 * there. progress (NULL ok) is told the bytes so far and returns false to stop. Does not check the
 * hash of the whole: the caller does (blob.h).
 */
int peer_blob(struct peer *p, const char *sha256, int fd, int64_t size, int64_t bytes_per_s,
              bool (*progress)(void *arg, int64_t bytes), void *arg, int64_t deadline_ms,
              struct err *e) MUSTCHECK;

#endif
