/*
 * join — how a node gets its certificate: once, with a one-time token from the portal.
 *
 * Token text: "bicjoin.<token id>.<secret>.<sha256 of the CA certificate, DER>", all lower-case
 * hexadecimal; the last part pins the CA, so the first connection trusts nothing else. The node
 * makes its own key (ECDSA P-256, never leaves the node), sends a CSR, gets {certificate, ca,
 * node_id}. Certificate: subject alternative name URI "bic:<kind>:<uuid>", and the listener's IP
 * addresses.
 */
#ifndef COMMON_PEER_JOIN_H
#define COMMON_PEER_JOIN_H

#include <stdbool.h>

#include "common/base/err.h"
#include "common/base/id.h"

enum { JOIN_TOKEN_ID = 32, JOIN_SECRET = 64, JOIN_TOKEN_MAX = 256 };

struct join_token {
    char id[JOIN_TOKEN_ID + 1], secret[JOIN_SECRET + 1], ca_sha256[65]; /* hexadecimal digits */
};
/* A new random token for the CA with this fingerprint; text gets what the portal shows once. */
void join_token_new(const char *ca_sha256, struct join_token *t, char text[JOIN_TOKEN_MAX]);
int join_token_parse(const char *text, struct join_token *t,
                     struct err *e) MUSTCHECK; /* JOIN_REFUSED */

struct join {
    const char *url;   /* "https://127.0.0.1:1234" of a CCC's management listener */
    const char *token; /* may be NULL if the certificate is there already */
    const char *kind;  /* "xcenter", "bcenter", "bserver", "ccc" */
    const char
        *dir; /* node.key, node.crt, ca.crt are kept here, mode 0600, written whole or not at all */
    const char
        *address; /* addresses of its management listener, comma separated, for the certificate */
};

/* Nothing to do if dir has a certificate of this kind that is still valid. *node gets the id in it.
 * JOIN_REFUSED, PEER_UNREACHABLE, STORAGE_FAILED. */
int join_ensure(const struct join *j, struct id *node, struct err *e) MUSTCHECK;

/* Reads "bic:<kind>:<uuid>" out of a PEM certificate file. */
int join_identity(const char *cert_pem, char kind[16], struct id *node, struct err *e) MUSTCHECK;

#endif
