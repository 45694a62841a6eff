/*
 * peer_tls — who the other end must be, checked before a byte of a request leaves.
 *
 * Addresses say nothing about identity here (they are data, they move), so host names are not
 * compared; the URI "bic:<kind>:<uuid>" in the certificate is. libcurl has the chain verified in
 * the handshake and then asks, before each request and on whatever connection it is about to take
 * (one opened anew behind our back too), whether it may go on. Needs libcurl's GnuTLS build: with
 * another no request leaves.
 */
#ifndef COMMON_PEER_TLS_H
#define COMMON_PEER_TLS_H

#include <curl/curl.h>
#include <stdbool.h>

#include "common/base/err.h"
#include "common/base/id.h"

struct peer_tls {
    char kind[16];
    struct id id;    /* "" = any of that kind */
    bool refused;    /* the last request was not made because of who it was */
    char shown[128]; /* what it said it is */
    CURL *easy;
    unsigned char *right; /* DER of the certificate that was right last; owned */
    size_t right_size;
};

/* From now on this handle makes requests only of whom t names. t outlives the handle. */
int peer_tls_expect(CURL *easy, struct peer_tls *t, struct err *e) MUSTCHECK;
void peer_tls_release(struct peer_tls *t);

#endif
