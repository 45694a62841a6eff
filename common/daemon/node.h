/*
 * node — who this process is to the others: its certificate, joined for at the first start.
 *
 * The management listeners' address is bound before the join, since the certificate names it only
 * by host; the port is free to change.
 */
#ifndef COMMON_DAEMON_NODE_H
#define COMMON_DAEMON_NODE_H

#include "common/base/id.h"
#include "common/peer/peer.h"

struct node {
    struct id id;
    char self[64];         /* "xcenter/<id>": origin of errors */
    char *key, *cert, *ca; /* paths of DIR/pki/node.key, node.crt, ca.crt; owned */
    struct peer_identity identity;
};

struct node_spec {
    const char *kind; /* "xcenter", "bcenter", "bserver" */
    const char *state_dir;
    const char *listen;                     /* "127.0.0.1:0": its host goes into the certificate */
    const char *join_url, *join_token_file; /* "" once the certificate is there */
};

/* Joins if there is no certificate yet. JOIN_REFUSED, PEER_UNREACHABLE, STORAGE_FAILED. */
int node_open(const struct node_spec *spec, struct node *out, struct err *e) MUSTCHECK;
void node_close(struct node *n);

/* "https://<host of listen>:<port>", or given if that is not "". malloc'd. */
char *node_url(const char *given, const char *listen, int port);

#endif
