/*
 * ca — the installation's certificate authority: an ECDSA P-256 key and a self-signed certificate
 * in ca_dir (ca.key 0600, ca.crt), made by whichever CCC process comes first.
 *
 * One struct ca may be used by all threads: it is not changed after ca_open. Errors:
 * INVALID_REQUEST (what the asker sent), STORAGE_FAILED, INTERNAL (GnuTLS).
 */
#ifndef CCC_CA_H
#define CCC_CA_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/cleanup.h"
#include "common/base/err.h"
#include "common/base/id.h"

enum { CA_FINGERPRINT = 65, CA_SERIAL = 33, CA_ADDRESSES_MAX = 32 };

struct ca;
int ca_open(const char *ca_dir, struct ca **out, struct err *e) MUSTCHECK;
void ca_close(struct ca *ca); /* NULL is allowed */
DEFINE_AUTO(auto_ca, struct ca *, ca_close)
#define auto_ca AUTO(auto_ca)

/* SHA-256 of the CA certificate (DER), 64 hexadecimal digits: the pin in a join token. */
const char *ca_fingerprint(const struct ca *ca);
const char *ca_certificate(const struct ca *ca); /* PEM */

struct ca_issued {
    char *pem;              /* malloc'd; ca_issued_free */
    char serial[CA_SERIAL]; /* 32 hexadecimal digits */
    int64_t not_after_ms;   /* wall clock */
};
void ca_issued_free(struct ca_issued *i);

/* SHA-256 of the CSR's public key (DER SubjectPublicKeyInfo), after its self-signature was checked.
 */
int ca_csr_key(const char *csr_pem, char sha256[CA_FINGERPRINT], struct err *e) MUSTCHECK;

/* Could a node be certified for these? Comma separated IP literals or "localhost", at most 32; NULL
 * = none. INVALID_REQUEST. */
int ca_addresses_check(const char *addresses, struct err *e) MUSTCHECK;

/*
 * A node's certificate for one year: URI "bic:<kind>:<node>", and the addresses
 * (ca_addresses_check). Of the CSR only the key is used; it must be
 * ECDSA P-256.
 */
int ca_issue(struct ca *ca, const char *csr_pem, const char *kind, const struct id *node,
             const char *addresses, struct ca_issued *out, struct err *e) MUSTCHECK;

/*
 * The CCC's own node certificate: dir (state_dir/pki) gets node.key, node.crt and ca.crt as
 * join_ensure makes them. Nothing to do if they are there, of this CA and not in their last third;
 * else a new certificate for the node in the old one, or for *node if set, or for a new id. *node
 * gets the id; *made tells whether out was filled (for node_joined).
 */
int ca_issue_self(struct ca *ca, const char *dir, const char *addresses, struct id *node,
                  bool *made, struct ca_issued *out, struct err *e) MUSTCHECK;

/*
 * A server certificate for browsers (public, log-in and display listeners): key_path (0600) and
 * cert_path (with the CA's certificate behind it) are written; names are DNS names and IP literals,
 * comma separated. Nothing to do if a certificate of this CA with these names is there and not in
 * its last third.
 */
int ca_public_certificate(struct ca *ca, const char *key_path, const char *cert_path,
                          const char *names, struct err *e) MUSTCHECK;

#endif
