/*
 * ticket — the bCenter's word that one screen may be opened now (docs/broker.md).
 *
 * Text: "bic.ticket.<base64url(payload)>.<base64url(Ed25519 signature over the payload bytes)>",
 * legal as a WebSocket subprotocol. payload is compact JSON of the claims. Valid 30 s. Verification
 * is pure: the caller gives the time (the bCenter's, by its offset) and what it knows.
 */
#ifndef COMMON_WIRE_TICKET_H
#define COMMON_WIRE_TICKET_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/id.h"

enum { TICKET_MAX = 1536, TICKET_TTL_MS = 30000, TICKET_PUBLIC = 32, TICKET_SECRET = 64 };
#define TICKET_PROTOCOL "bic.display.v1"
#define TICKET_PREFIX "bic.ticket."

struct ticket {
    struct id kid; /* which bCenter process signed */
    struct id bserver, desktop, run, session, person;
    int64_t seq;    /* grows with each hand-over, log-off, stop of the desktop */
    int64_t iat_ms; /* wall clock of the bCenter */
    char nonce[33]; /* 32 hexadecimal digits */
    bool view_only; /* policy: no input */
    bool cut_text;  /* policy: clipboard */
};

struct ticket_key {
    struct id kid;
    unsigned char public_key[TICKET_PUBLIC], secret_key[TICKET_SECRET];
};
void ticket_key_make(struct ticket_key *k);
/* Fills nonce if empty. to gets the whole text. */
int ticket_sign(const struct ticket_key *k, struct ticket *t, char to[TICKET_MAX],
                struct err *e) MUSTCHECK;
/* Shape and kid only, nothing believed. TICKET_REFUSED. */
int ticket_peek(const char *text, struct id *kid, struct err *e) MUSTCHECK;
/* Signature, then claims. now_ms: the signer's time. TICKET_REFUSED with a cause that says which
 * check failed. */
int ticket_verify(const char *text, const unsigned char public_key[TICKET_PUBLIC], int64_t now_ms,
                  struct ticket *out, struct err *e) MUSTCHECK;

#endif
