/*
 * peer_tls — who the other end must be, checked inside the handshake.
 *
 * Addresses say nothing about identity here (they are data, they move), so host names are not
 * compared; the URI "bic:<kind>:<uuid>" in the certificate is. This has to happen before a byte of
 * the request leaves, and libcurl offers nothing between "certificate chain is fine" and "request
 * sent" that also covers a connection opened anew behind our back. OpenSSL's verify callback is
 * that place: it runs for each handshake, and its refusal ends it. This file alone speaks OpenSSL.
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
    bool refused;    /* the last handshake failed because of who it was */
    char shown[128]; /* what it said it is */
};

/* From now on this handle completes handshakes only with whom t names. t outlives the handle. */
int peer_tls_expect(CURL *easy, struct peer_tls *t, struct err *e) MUSTCHECK;

#endif
