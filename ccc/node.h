/*
 * node — the machines of the installation: who may join with which token, and which certificate
 * each of them has (tables node and node_token of the database ccc).
 *
 * Used by ccc/join_http.c, which calls in this order: node_token_take (one transaction that says
 * which node this key becomes), ca_issue, node_joined, answer. A crash anywhere in between must not
 * burn the token: the node asks again with the same key and gets the same node. Tokens are made by
 * the portal (POST /api/v1/node-tokens): join_token_new() of common/peer/join.h makes id, secret
 * and text; the table keeps the id and the SHA-256 of the secret's 64 hexadecimal digits (lower
 * case), never the secret.
 */
#ifndef CCC_NODE_H
#define CCC_NODE_H

#include <stdint.h>

#include "common/base/id.h"
#include "common/base/text.h"
#include "common/db/db.h"

struct node_grant {
    struct id id;  /* chosen when the token was made or first taken; stays */
    char kind[16]; /* "xcenter", "bcenter", "bserver", "ccc" */
    char name[4 * TEXT_NAME_MAX + 1];
};

struct node_ask {
    const char *token, *secret; /* 32 and 64 hexadecimal digits */
    const char *key;  /* SHA-256 of the CSR's public key (DER SubjectPublicKeyInfo), hexadecimal */
    const char *kind; /* what the asker takes itself for */
};
/*
 * Which node the holder of this token becomes. The first key takes the token; the same key may come
 * again within 24 h of that, another key never. JOIN_REFUSED, the same words for unknown, expired,
 * wrong secret, of another kind, taken by another key and revoked; the token is not touched then.
 * LAW_MODULE: the module has its ten bServers.
 */
int node_token_take(struct db *db, const struct node_ask *ask, struct node_grant *out,
                    struct err *e) MUSTCHECK;

/* The certificate that the node has from now on: serial of 32 hexadecimal digits, end in wall
 * milliseconds. */
int node_joined(struct db *db, const struct id *node, const char *serial_hex, int64_t not_after_ms,
                struct err *e) MUSTCHECK;

/* A certificate lives for a year, a node perhaps not: PEER_IDENTITY when it was revoked. */
int node_known(struct db *db, const struct id *node, struct err *e) MUSTCHECK;

/* The row of a CCC's own node, made at its start. */
int node_self(struct db *db, const struct id *id, struct err *e) MUSTCHECK;

#endif
