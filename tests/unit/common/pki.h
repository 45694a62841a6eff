/*
 * pki — certificates for tests, made with GnuTLS: CAs, and nodes with a URI in their alternative
 * name.
 *
 * Everything is written as PEM into a directory of the test: NAME.crt and NAME.key.
 */
#ifndef TESTS_UNIT_COMMON_PKI_H
#define TESTS_UNIT_COMMON_PKI_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/attr.h"
#include "tests/unit/common/unit.h"

struct pki_pair {
    gnutls_x509_crt_t crt;
    gnutls_x509_privkey_t key;
};

static void pki_write(const char *dir, const char *name, const char *suffix, gnutls_datum_t *pem)
{
    char path[300];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s.%s", dir, name, suffix);
    f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(pem->data, 1, pem->size, f), pem->size);
    assert_int_equal(fclose(f), 0);
    gnutls_free(pem->data);
}

static void pki_init(struct pki_pair *p, const char *name, time_t until)
{
    static unsigned char serial;
    unsigned char number[2] = { 1, ++serial };

    assert_int_equal(gnutls_x509_privkey_init(&p->key), 0);
    assert_int_equal(gnutls_x509_privkey_generate(p->key, GNUTLS_PK_ECDSA,
                                                  GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
                                                  0),
                     0);
    assert_int_equal(gnutls_x509_crt_init(&p->crt), 0);
    gnutls_x509_crt_set_version(p->crt, 3);
    gnutls_x509_crt_set_serial(p->crt, number, sizeof number);
    gnutls_x509_crt_set_activation_time(p->crt, time(NULL) - 3600);
    gnutls_x509_crt_set_expiration_time(p->crt, until);
    gnutls_x509_crt_set_dn_by_oid(p->crt, GNUTLS_OID_X520_COMMON_NAME, 0, name,
                                  (unsigned)strlen(name));
    gnutls_x509_crt_set_key(p->crt, p->key);
}

static void pki_save(const struct pki_pair *p, const char *dir, const char *name)
{
    gnutls_datum_t pem = { NULL, 0 };

    assert_int_equal(gnutls_x509_crt_export2(p->crt, GNUTLS_X509_FMT_PEM, &pem), 0);
    pki_write(dir, name, "crt", &pem);
    assert_int_equal(gnutls_x509_privkey_export2(p->key, GNUTLS_X509_FMT_PEM, &pem), 0);
    pki_write(dir, name, "key", &pem);
}

static UNUSED void pki_free(struct pki_pair *p)
{
    gnutls_x509_crt_deinit(p->crt);
    gnutls_x509_privkey_deinit(p->key);
}

static UNUSED struct pki_pair pki_ca(const char *dir, const char *name)
{
    struct pki_pair p;

    pki_init(&p, name, time(NULL) + 86400);
    gnutls_x509_crt_set_basic_constraints(p.crt, 1, -1);
    gnutls_x509_crt_set_key_usage(p.crt, GNUTLS_KEY_KEY_CERT_SIGN);
    assert_int_equal(gnutls_x509_crt_sign2(p.crt, p.crt, p.key, GNUTLS_DIG_SHA256, 0), 0);
    pki_save(&p, dir, name);
    return p;
}

/* uri NULL: none. until: end of validity. */
static UNUSED void pki_node(const struct pki_pair *ca, const char *dir, const char *name,
                            const char *uri, time_t until)
{
    static const unsigned char loopback[4] = { 127, 0, 0, 1 };
    struct pki_pair p;

    pki_init(&p, name, until);
    gnutls_x509_crt_set_subject_alt_name(p.crt, GNUTLS_SAN_IPADDRESS, loopback, sizeof loopback,
                                         GNUTLS_FSAN_SET);
    if (uri)
        gnutls_x509_crt_set_subject_alt_name(p.crt, GNUTLS_SAN_URI, uri, (unsigned)strlen(uri),
                                             GNUTLS_FSAN_APPEND);
    gnutls_x509_crt_set_key_usage(p.crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
    assert_int_equal(gnutls_x509_crt_sign2(p.crt, ca->crt, ca->key, GNUTLS_DIG_SHA256, 0), 0);
    pki_save(&p, dir, name);
    pki_free(&p);
}

#endif
