/*
 * pki — keys, certificates and their files: what join (a node) and the CCC's authority have in
 * common. GnuTLS throughout. Files are written whole or not at all and are durable when a call
 * returns.
 */
#ifndef COMMON_PEER_PKI_H
#define COMMON_PEER_PKI_H

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <sys/types.h>

#include "common/base/cleanup.h"
#include "common/base/err.h"
#include "common/base/id.h"

DEFINE_AUTO(auto_crt, gnutls_x509_crt_t, gnutls_x509_crt_deinit)
#define auto_crt AUTO(auto_crt)
DEFINE_AUTO(auto_key, gnutls_x509_privkey_t, gnutls_x509_privkey_deinit)
#define auto_key AUTO(auto_key)
DEFINE_AUTO(auto_crq, gnutls_x509_crq_t, gnutls_x509_crq_deinit)
#define auto_crq AUTO(auto_crq)

enum { PKI_FILE_MAX = 64 * 1024, PKI_SHA256 = 65 };

/* The only translator of GnuTLS' codes. INTERNAL. Always -1. */
int pki_fail(struct err *e, int code, const char *what);

/* DIR/NAME gets text: temporary file, fsync, rename, fsync of DIR. STORAGE_FAILED. */
int pki_write(const char *dir, const char *name, const char *text, mode_t mode,
              struct err *e) MUSTCHECK;
/* The text of a file (malloc'd); *out is NULL if there is none. STORAGE_FAILED. */
int pki_read(const char *dir, const char *name, char **out, struct err *e) MUSTCHECK;

/* The key in DIR/NAME; made there (ECDSA P-256, 0600) if there is none. */
int pki_key(const char *dir, const char *name, gnutls_x509_privkey_t *out, struct err *e) MUSTCHECK;
/* The first certificate of a PEM text. INVALID_REQUEST. */
int pki_certificate(const char *pem, gnutls_x509_crt_t *out, struct err *e) MUSTCHECK;
/* SHA-256 of the whole certificate, DER. */
int pki_fingerprint(gnutls_x509_crt_t crt, char to[PKI_SHA256], struct err *e) MUSTCHECK;
/* The kind and id in the one URI "bic:<kind>:<uuid>" of a certificate. PEER_IDENTITY. */
int pki_identity(gnutls_x509_crt_t crt, char kind[16], struct id *node, struct err *e) MUSTCHECK;
/* Is crt's public half that of key? */
bool pki_matches(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key);
/* Is crt signed by ca, and valid at this moment (seconds since 1970)? */
bool pki_signed_by(gnutls_x509_crt_t crt, gnutls_x509_crt_t ca, time_t now);

#endif
