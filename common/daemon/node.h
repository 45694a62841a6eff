/*
 * node — who this process is to the others: its certificate, joined for at the first start.
 *
 * The management listeners' address is bound before the join, since the certificate names it only
 * by host; the port is free to change.
 */
#ifndef COMMON_DAEMON_NODE_H
#define COMMON_DAEMON_NODE_H

#include <stddef.h>

#include "common/base/id.h"
#include "common/daemon/daemon.h"
#include "common/peer/peer.h"

/* Rows of every daemon's table of keys; type has char * members of these names. */
#define NODE_KEYS(type)                                                                            \
    { "state_dir",                                                                                 \
      CONFIG_TEXT,                                                                                 \
      NULL,                                                                                        \
      0,                                                                                           \
      0,                                                                                           \
      offsetof(type, state_dir),                                                                   \
      "Directory of everything this daemon writes, mode 0700." },                                  \
        { "management_listen",                                                                     \
          CONFIG_TEXT,                                                                             \
          "127.0.0.1:0",                                                                           \
          0,                                                                                       \
          0,                                                                                       \
          offsetof(type, management_listen),                                                       \
          "Address and port of the management listener; port 0 = any." },                          \
    {                                                                                              \
        "management_url", CONFIG_TEXT, "", 0, 0, offsetof(type, management_url),                   \
            "What others shall call; empty = from the listener."                                   \
    }
/* Rows of those that join. */
#define NODE_JOIN_KEYS(type)                                                                       \
    { "join_url",                                                                                  \
      CONFIG_TEXT,                                                                                 \
      "",                                                                                          \
      0,                                                                                           \
      0,                                                                                           \
      offsetof(type, join_url),                                                                    \
      "A CCC's management address, for the first start." },                                        \
    {                                                                                              \
        "join_token_file", CONFIG_TEXT, "", 0, 0, offsetof(type, join_token_file),                 \
            "File with the one-time join token, for the first start; may be gone later."           \
    }

struct node {
    struct id id;
    const char *kind;
    char self[64];         /* "xcenter/<id>": origin of errors */
    char *dir;             /* DIR/pki */
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

/* The two steps around the join, for a node that makes its own certificate: STATE_DIR/pki and the
 * paths in it; then, when id is known, what the node is called. kind is static text. */
int node_place(const char *state_dir, struct node *out, struct err *e) MUSTCHECK;
void node_name(struct node *n, const char *kind);

/* Into the ready file: id, kind, management. For start(). */
void node_publish(struct daemon *d, const struct node *n, const char *management);

/* The host of "127.0.0.1:8443" or "[::1]:8443", without brackets. */
enum { NODE_HOST = 64 };
void node_host(const char *listen, char to[NODE_HOST]);

/* "https://<host of listen>:<port>", or given if that is not "". malloc'd. */
char *node_url(const char *given, const char *listen, int port);

#endif
