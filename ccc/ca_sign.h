/*
 * ca_sign — what the authority's certificates look like. The inside of ca.c: no files, no locks.
 */
#ifndef CCC_CA_SIGN_H
#define CCC_CA_SIGN_H

#include <gnutls/abstract.h>

#include "ccc/ca.h"
#include "common/peer/pki.h"

struct ca_signer {
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t certificate;
};

enum ca_use { CA_USE_NODE /* client and server, URI */, CA_USE_PUBLIC /* server for browsers */ };
struct ca_request {
    enum ca_use use;
    gnutls_pubkey_t key; /* released by the caller */
    const char *kind;    /* CA_USE_NODE */
    const struct id *node;
    const char *names; /* comma separated; a node's are IP literals and "localhost" */
};

/* A new authority's own certificate, 10 years, PEM (malloc'd). */
int ca_self_sign(gnutls_x509_privkey_t key, char **pem, struct err *e) MUSTCHECK;
/* One year, or until the authority's end. pem is malloc'd. INVALID_REQUEST for names that are none.
 */
int ca_sign(const struct ca_signer *s, const struct ca_request *rq, char **pem,
            char serial[CA_SERIAL], int64_t *not_after_ms, struct err *e) MUSTCHECK;
/* Are all these names in the certificate? */
bool ca_names_in(gnutls_x509_crt_t crt, const char *names);

/* Only ECDSA P-256: INVALID_REQUEST. */
int ca_pubkey_of_csr(gnutls_x509_crq_t crq, gnutls_pubkey_t *out, struct err *e) MUSTCHECK;
int ca_pubkey_of_key(gnutls_x509_privkey_t key, gnutls_pubkey_t *out, struct err *e) MUSTCHECK;

#endif
