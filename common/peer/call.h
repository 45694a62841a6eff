/*
 * call — the inside of struct peer, for the files of this directory only: one HTTP exchange by
 * libcurl over the addresses of a peer. peer.c makes requests of it, peer_blob.c downloads.
 */
#ifndef COMMON_PEER_CALL_H
#define COMMON_PEER_CALL_H

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "common/peer/peer.h"
#include "common/peer/peer_tls.h"

enum { PEER_URLS_MAX = 16, PEER_ANSWER_MAX = 64 << 20, PEER_CONNECT_MS = 5000 };

struct peer {
    CURL *easy;
    CURLM *multi;
    char *url[PEER_URLS_MAX];
    int urls, good; /* good: the one that answered last */
    bool anywhere;  /* peer_anywhere */
    struct peer_tls tls;
    char why[CURL_ERROR_SIZE];
    atomic_bool interrupted;
    int status;
    char location[256];
};

/* One request, tried at the addresses in turn: as long as nothing of it was sent, or (anywhere)
 * until one of them is of use. */
struct call {
    const char *method, *path;
    struct peer_order order; /* with the asker's key; set by call_do if there is none */
    const char *body;        /* NULL: none */
    size_t body_size;
    const char *range; /* NULL or "N-" */
    int64_t deadline_ms, bytes_per_s;
    /* NULL: the answer is collected. Else it gets a 2xx answer's bytes; returns false with e set to
     * stop. */
    bool (*sink)(void *arg, const char *bytes, size_t n, struct err *e);
    void *arg;
    /* The answer, or the words of an error: */
    struct peer *peer;
    char *text;
    size_t size;
    struct err sink_error;
};

/* Done when the peer gave an answer, whatever its status (peer->status). The caller frees c->text.
 */
int call_do(struct peer *p, struct call *c, struct err *e) MUSTCHECK;
/* libcurl's write function; arg is the struct call. */
size_t call_on_bytes(char *bytes, size_t one, size_t n, void *arg);
/* The error in an answer that is not 2xx. Always -1. */
int call_problem(struct peer *p, const struct call *c, struct err *e);

#endif
