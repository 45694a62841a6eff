#include "ccc/ca_sign.h"

#include <arpa/inet.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"

enum { DAY = 24 * 3600, NODE_DAYS = 365, CA_DAYS = 3653, BACK_S = 300, NAME_MAX_LEN = 253 };

/* 128 random bits; the first byte makes it positive and always 16 bytes long. */
static int set_serial(gnutls_x509_crt_t crt, char text[CA_SERIAL])
{
    unsigned char raw[16];
    int rc = gnutls_rnd(GNUTLS_RND_NONCE, raw, sizeof raw);

    raw[0] = (unsigned char)((raw[0] & 0x7F) | 0x40);
    if (text)
        for (size_t i = 0; i < sizeof raw; i++)
            snprintf(text + 2 * i, 3, "%02x", raw[i]);
    return rc < 0 ? rc : gnutls_x509_crt_set_serial(crt, raw, sizeof raw);
}

/* A little back: clocks of the machines differ. */
static int set_times(gnutls_x509_crt_t crt, time_t to)
{
    int rc = gnutls_x509_crt_set_activation_time(crt, (time_t)(clock_wall_ms() / 1000) - BACK_S);

    return rc < 0 ? rc : gnutls_x509_crt_set_expiration_time(crt, to);
}

static int set_key_id(gnutls_x509_crt_t crt)
{
    unsigned char id[20];
    size_t n = sizeof id;
    int rc = gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA1, id, &n);

    return rc < 0 ? rc : gnutls_x509_crt_set_subject_key_id(crt, id, n);
}

static int to_pem(gnutls_x509_crt_t crt, char **pem, struct err *e)
{
    gnutls_datum_t text = { 0 };
    int rc = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &text);

    if (rc < 0)
        return pki_fail(e, rc, "export a certificate");
    *pem = strndup((const char *)text.data, text.size);
    gnutls_free(text.data);
    return *pem ? 0 : err_set(e, ERR_INTERNAL, "out of memory");
}

int ca_self_sign(gnutls_x509_privkey_t key, char **pem, struct err *e)
{
    auto_crt gnutls_x509_crt_t crt = NULL;
    unsigned char some[4];
    char dn[64];
    int rc = gnutls_x509_crt_init(&crt);

    if (rc == 0)
        rc = gnutls_rnd(GNUTLS_RND_NONCE, some, sizeof some);
    /* a name of its own, so that browsers keep the authorities of two installations apart */
    snprintf(dn, sizeof dn, "CN=BIC authority %02x%02x%02x%02x,O=BIC", some[0], some[1], some[2],
             some[3]);
    if (rc == 0)
        rc = gnutls_x509_crt_set_version(crt, 3);
    if (rc == 0)
        rc = set_serial(crt, NULL);
    if (rc == 0)
        rc = gnutls_x509_crt_set_dn(crt, dn, NULL);
    if (rc == 0)
        rc = set_times(crt, (time_t)(clock_wall_ms() / 1000) + (time_t)CA_DAYS * DAY);
    if (rc == 0)
        rc = gnutls_x509_crt_set_key(crt, key);
    if (rc == 0)
        rc = gnutls_x509_crt_set_basic_constraints(crt, 1, 0);
    if (rc == 0)
        rc = gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
    if (rc == 0)
        rc = set_key_id(crt);
    if (rc == 0)
        rc = gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
    return rc < 0 ? pki_fail(e, rc, "make the certificate authority") : to_pem(crt, pem, e);
}

/* Letters, digits and hyphens in labels of 1 to 63; no wildcard. */
static bool dns_name(const char *s)
{
    size_t label = 0;

    for (; *s; s++) {
        if (*s == '.') {
            if (label == 0 || s[-1] == '-')
                return false;
            label = 0;
        } else if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", *s) ||
                   (*s == '-' && label > 0)) {
            if (++label > 63)
                return false;
        } else {
            return false;
        }
    }
    return label > 0 && s[-1] != '-';
}

/* The next of "a, b,c" into name; NULL at the end. *bad is set when one is too long. */
static const char *next_name(const char *at, char name[NAME_MAX_LEN + 1], bool *bad)
{
    size_t n;

    at += strspn(at, ", ");
    if (!*at)
        return NULL;
    n = strcspn(at, ", ");
    *bad = *bad || n > NAME_MAX_LEN;
    snprintf(name, NAME_MAX_LEN + 1, "%.*s", (int)(n > NAME_MAX_LEN ? NAME_MAX_LEN : n), at);
    return at + n;
}

struct san {
    gnutls_x509_subject_alt_name_t type;
    unsigned char ip[16];
    const void *data;
    unsigned size; /* 0: none that is certified */
};

/* Nodes call each other by address; people's browsers also by name. */
static struct san san_of(enum ca_use use, const char *name)
{
    struct san s = { .type = GNUTLS_SAN_IPADDRESS };

    if (inet_pton(AF_INET, name, s.ip) == 1) {
        s.size = 4;
    } else if (inet_pton(AF_INET6, name, s.ip) == 1) {
        s.size = 16;
    } else if (strcmp(name, "localhost") == 0 || (use == CA_USE_PUBLIC && dns_name(name))) {
        s.type = GNUTLS_SAN_DNSNAME;
        s.data = name;
        s.size = (unsigned)strlen(name);
    }
    return s;
}

static int names_check(enum ca_use use, const char *names, struct err *e)
{
    const char *at = names ? names : "";
    char name[NAME_MAX_LEN + 1];
    bool bad = false;
    int count = 0;

    while ((at = next_name(at, name, &bad))) {
        if (bad || ++count > CA_ADDRESSES_MAX)
            return err_set(e, ERR_INVALID_REQUEST, "too many or too long addresses");
        if (san_of(use, name).size == 0)
            return err_set(e, ERR_INVALID_REQUEST,
                           "an address in the request is none that is certified");
    }
    if (use == CA_USE_PUBLIC && count == 0)
        return err_set(e, ERR_INVALID_REQUEST, "a server's certificate needs a name");
    return 0;
}

int ca_addresses_check(const char *addresses, struct err *e)
{
    return names_check(CA_USE_NODE, addresses, e);
}

static int add_name(gnutls_x509_crt_t crt, enum ca_use use, const char *name, struct err *e)
{
    struct san s = san_of(use, name);
    int rc = gnutls_x509_crt_set_subject_alt_name(crt, s.type, s.data ? s.data : s.ip, s.size,
                                                  GNUTLS_FSAN_APPEND);

    return rc < 0 ? pki_fail(e, rc, "name in a certificate") : 0;
}

static int set_names(gnutls_x509_crt_t crt, const struct ca_request *rq, struct err *e)
{
    const char *at = rq->names ? rq->names : "";
    char name[NAME_MAX_LEN + 1], uri[64];
    bool bad = false;
    int rc;

    if (names_check(rq->use, rq->names, e) < 0)
        return -1;
    if (rq->use == CA_USE_NODE) {
        snprintf(uri, sizeof uri, "bic:%s:%s", rq->kind, rq->node->s);
        rc = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_URI, uri, (unsigned)strlen(uri),
                                                  GNUTLS_FSAN_APPEND);
        if (rc < 0)
            return pki_fail(e, rc, "name in a certificate");
    }
    while ((at = next_name(at, name, &bad)))
        if (add_name(crt, rq->use, name, e) < 0)
            return -1;
    return 0;
}

bool ca_names_in(gnutls_x509_crt_t crt, const char *names)
{
    char name[NAME_MAX_LEN + 1];
    bool bad = false;

    while ((names = next_name(names, name, &bad)))
        if (bad ||
            !gnutls_x509_crt_check_hostname2(crt, name, GNUTLS_VERIFY_DO_NOT_ALLOW_WILDCARDS))
            return false;
    return true;
}

/* What is the same in all: key, uses, subject. */
static int set_body(gnutls_x509_crt_t crt, const struct ca_request *rq)
{
    char dn[96];
    int rc = gnutls_x509_crt_set_version(crt, 3);

    if (rq->use == CA_USE_NODE)
        snprintf(dn, sizeof dn, "CN=%s %s,O=BIC", rq->kind, rq->node->s);
    else
        snprintf(dn, sizeof dn, "CN=BIC,O=BIC");
    if (rc == 0)
        rc = gnutls_x509_crt_set_dn(crt, dn, NULL);
    if (rc == 0)
        rc = gnutls_x509_crt_set_pubkey(crt, rq->key);
    if (rc == 0)
        rc = gnutls_x509_crt_set_basic_constraints(crt, 0, -1);
    if (rc == 0)
        rc = gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
    if (rc == 0)
        rc = gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
    if (rc == 0 && rq->use == CA_USE_NODE)
        rc = gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_CLIENT, 0);
    return rc == 0 ? set_key_id(crt) : rc;
}

static int set_authority(gnutls_x509_crt_t crt, gnutls_x509_crt_t ca)
{
    unsigned char id[64];
    size_t n = sizeof id;
    int rc = gnutls_x509_crt_get_subject_key_id(ca, id, &n, NULL);

    return rc < 0 ? rc : gnutls_x509_crt_set_authority_key_id(crt, id, n);
}

int ca_sign(const struct ca_signer *s, const struct ca_request *rq, char **pem,
            char serial[CA_SERIAL], int64_t *not_after_ms, struct err *e)
{
    auto_crt gnutls_x509_crt_t crt = NULL;
    time_t to = (time_t)(clock_wall_ms() / 1000) + (time_t)NODE_DAYS * DAY;
    time_t end = gnutls_x509_crt_get_expiration_time(s->certificate);
    int rc = gnutls_x509_crt_init(&crt);

    if (to > end)
        to = end;
    if (rc == 0)
        rc = set_body(crt, rq);
    if (rc == 0)
        rc = set_serial(crt, serial);
    if (rc == 0)
        rc = set_times(crt, to);
    if (rc == 0)
        rc = set_authority(crt, s->certificate);
    if (rc < 0)
        return pki_fail(e, rc, "make a certificate");
    if (set_names(crt, rq, e) < 0)
        return -1;
    rc = gnutls_x509_crt_sign2(crt, s->certificate, s->key, GNUTLS_DIG_SHA256, 0);
    if (rc < 0)
        return pki_fail(e, rc, "sign a certificate");
    *not_after_ms = (int64_t)to * 1000;
    return to_pem(crt, pem, e);
}

/* Takes key over. */
static int only_p256(gnutls_pubkey_t key, int rc, gnutls_pubkey_t *out, struct err *e)
{
    gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;

    if (rc == 0 && (gnutls_pubkey_get_pk_algorithm(key, NULL) != GNUTLS_PK_ECDSA ||
                    gnutls_pubkey_export_ecc_raw2(key, &curve, NULL, NULL, 0) < 0 ||
                    curve != GNUTLS_ECC_CURVE_SECP256R1)) {
        gnutls_pubkey_deinit(key);
        return err_set(e, ERR_INVALID_REQUEST, "the key must be ECDSA on P-256");
    }
    if (rc < 0) {
        gnutls_pubkey_deinit(key);
        return pki_fail(e, rc, "public key");
    }
    *out = key;
    return 0;
}

int ca_pubkey_of_csr(gnutls_x509_crq_t crq, gnutls_pubkey_t *out, struct err *e)
{
    gnutls_pubkey_t key = NULL;
    int rc = gnutls_pubkey_init(&key);

    if (rc < 0)
        return pki_fail(e, rc, "public key");
    return only_p256(key, gnutls_pubkey_import_x509_crq(key, crq, 0), out, e);
}

int ca_pubkey_of_key(gnutls_x509_privkey_t key, gnutls_pubkey_t *out, struct err *e)
{
    gnutls_privkey_t any = NULL;
    gnutls_pubkey_t pub = NULL;
    int rc = gnutls_privkey_init(&any);

    if (rc == 0)
        rc = gnutls_privkey_import_x509(any, key, 0);
    if (rc == 0)
        rc = gnutls_pubkey_init(&pub);
    if (rc == 0)
        rc = gnutls_pubkey_import_privkey(pub, any, GNUTLS_KEY_DIGITAL_SIGNATURE, 0);
    if (any)
        gnutls_privkey_deinit(any);
    if (!pub)
        return pki_fail(e, rc, "public key");
    return only_p256(pub, rc, out, e);
}
