#include "common/peer/join.h"

#include <curl/curl.h>
#include <gnutls/crypto.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/peer/peer.h"
#include "common/peer/pki.h"

enum { JOIN_MS = 15000 };

static void random_hex(char *to, size_t digits)
{
    unsigned char raw[JOIN_SECRET / 2];

    if (gnutls_rnd(GNUTLS_RND_KEY, raw, digits / 2) < 0)
        abort(); /* no entropy: nothing that goes on from here would be worth having */
    for (size_t i = 0; i < digits / 2; i++)
        snprintf(to + 2 * i, 3, "%02x", raw[i]);
    gnutls_memset(raw, 0, sizeof raw);
}

void join_token_new(const char *ca_sha256, struct join_token *t, char text[JOIN_TOKEN_MAX])
{
    random_hex(t->id, JOIN_TOKEN_ID);
    random_hex(t->secret, JOIN_SECRET);
    snprintf(t->ca_sha256, sizeof t->ca_sha256, "%s", ca_sha256);
    snprintf(text, JOIN_TOKEN_MAX, "bicjoin.%s.%s.%s", t->id, t->secret, t->ca_sha256);
}

int join_token_parse(const char *text, struct join_token *t, struct err *e)
{
    struct join_token x = { "", "", "" };
    int end = 0;

    if (strlen(text) >= JOIN_TOKEN_MAX ||
        sscanf(text, "bicjoin.%32[0-9a-f].%64[0-9a-f].%64[0-9a-f]%n", x.id, x.secret, x.ca_sha256,
               &end) != 3 ||
        text[end] != '\0' || strlen(x.id) != JOIN_TOKEN_ID || strlen(x.secret) != JOIN_SECRET ||
        strlen(x.ca_sha256) != 64)
        return err_set(e, ERR_JOIN_REFUSED, "this is not a join token");
    *t = x;
    return 0;
}

int join_identity(const char *cert_pem, char kind[16], struct id *node, struct err *e)
{
    auto_crt gnutls_x509_crt_t crt = NULL;
    char *text = NULL;
    int rc;

    if (pki_read(cert_pem[0] == '/' ? "" : ".", cert_pem, &text, e) < 0)
        return -1;
    if (!text)
        return err_set(e, ERR_STORAGE_FAILED, "there is no certificate");
    rc = pki_certificate(text, &crt, e);
    free(text);
    return rc < 0 ? -1 : pki_identity(crt, kind, node, e);
}

/* Is what is in dir complete, of this kind, of the key and CA beside it, and valid now? */
static bool have(const struct join *j, struct id *node)
{
    auto_crt gnutls_x509_crt_t crt = NULL, ca = NULL;
    auto_key gnutls_x509_privkey_t key = NULL;
    struct err ignored = { 0 };
    char *own = NULL, *root = NULL, *secret = NULL, kind[16];
    bool ok;

    ok = pki_read(j->dir, "node.crt", &own, &ignored) == 0 && own &&
         pki_read(j->dir, "ca.crt", &root, &ignored) == 0 && root &&
         pki_read(j->dir, "node.key", &secret, &ignored) == 0 && secret &&
         pki_key(j->dir, "node.key", &key, &ignored) == 0 &&
         pki_certificate(own, &crt, &ignored) == 0 && pki_certificate(root, &ca, &ignored) == 0 &&
         pki_matches(crt, key) && pki_signed_by(crt, ca, (time_t)(clock_wall_ms() / 1000)) &&
         pki_identity(crt, kind, node, &ignored) == 0 && strcmp(kind, j->kind) == 0;
    if (secret)
        gnutls_memset(secret, 0, strlen(secret));
    free(secret);
    free(own);
    free(root);
    return ok;
}

/* The certificate in the chain that the token's pin names, as PEM (malloc'd); NULL if none is. */
static char *pinned(const struct curl_certinfo *chain, const char *pin)
{
    for (int i = 0; i < chain->num_of_certs; i++)
        for (const struct curl_slist *l = chain->certinfo[i]; l; l = l->next) {
            auto_crt gnutls_x509_crt_t crt = NULL;
            struct err ignored = { 0 };
            char found[PKI_SHA256];
            unsigned critical = 0;

            if (strncmp(l->data, "Cert:", 5) != 0 ||
                pki_certificate(l->data + 5, &crt, &ignored) < 0 ||
                pki_fingerprint(crt, found, &ignored) < 0 || strcmp(found, pin) != 0)
                continue;
            if (gnutls_x509_crt_get_ca_status(crt, &critical) == 1)
                return strdup(l->data + 5);
        }
    return NULL;
}

/*
 * The first connection: a handshake with nobody verified, and nothing said. All that is taken from
 * it is a certificate whose hash the token names; from then on that is the only authority.
 */
static int fetch_ca(const struct join *j, const struct join_token *t, char **pem, struct err *e)
{
    CURL *h = curl_easy_init();
    struct curl_certinfo *chain = NULL;
    char why[CURL_ERROR_SIZE] = "";
    CURLcode rc;

    if (!h)
        return err_set(e, ERR_INTERNAL, "out of memory");
    curl_easy_setopt(h, CURLOPT_URL, j->url);
    curl_easy_setopt(h, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(h, CURLOPT_PROXY, "");
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(h, CURLOPT_CERTINFO, 1L);
    curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
    curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)JOIN_MS / 2);
    rc = curl_easy_perform(h);
    *pem = NULL;
    if (rc == CURLE_OK && curl_easy_getinfo(h, CURLINFO_CERTINFO, &chain) == CURLE_OK && chain)
        *pem = pinned(chain, t->ca_sha256);
    curl_easy_cleanup(h);
    if (rc != CURLE_OK) {
        err_set(e, ERR_PEER_UNREACHABLE, "the ccc could not be reached");
        return err_cause(e, "%s: curl %d: %s", j->url, (int)rc,
                         why[0] ? why : curl_easy_strerror(rc));
    }
    if (!*pem)
        return err_set(e, ERR_PEER_IDENTITY,
                       "the server is not of the installation that the token is for");
    return 0;
}

/* A request for the key and nothing else: names are the CCC's to give. */
static int make_csr(gnutls_x509_privkey_t key, gnutls_datum_t *pem, struct err *e)
{
    auto_crq gnutls_x509_crq_t crq = NULL;
    int rc = gnutls_x509_crq_init(&crq);

    if (rc == 0)
        rc = gnutls_x509_crq_set_version(crq, 1);
    if (rc == 0)
        rc = gnutls_x509_crq_set_dn(crq, "CN=bic", NULL);
    if (rc == 0)
        rc = gnutls_x509_crq_set_key(crq, key);
    if (rc == 0)
        rc = gnutls_x509_crq_sign2(crq, key, GNUTLS_DIG_SHA256, 0);
    if (rc == 0)
        rc = gnutls_x509_crq_export2(crq, GNUTLS_X509_FMT_PEM, pem);
    return rc < 0 ? pki_fail(e, rc, "certificate request") : 0;
}

static int ask(const struct join *j, const gnutls_datum_t *csr, json_t **answer, struct err *e)
{
    char ca[4096];
    struct peer_identity nobody = { NULL, NULL, ca };
    auto_peer struct peer *p = NULL;
    json_auto_t *body = json_object();

    if (snprintf(ca, sizeof ca, "%s/ca.crt", j->dir) >= (int)sizeof ca)
        return err_set(e, ERR_STORAGE_FAILED, "the path of a certificate is too long");
    json_put_str(body, "token", j->token);
    json_put_str(body, "kind", j->kind);
    json_object_set_new(body, "csr", json_stringn((const char *)csr->data, csr->size));
    json_object_set_new(body, "addresses", json_string(j->address ? j->address : ""));
    if (peer_open(&nobody, (const char *const[]){ j->url, NULL }, "ccc", NULL, &p, e) < 0)
        return -1;
    return peer_post(p, "/join/v1/certificates", body, clock_boot_ms() + JOIN_MS, answer, e);
}

/* The answer is believed only as far as our key, our kind and the pinned CA reach. */
static int store(const struct join *j, const char *ca_pem, gnutls_x509_privkey_t key,
                 const json_t *answer, struct id *node, struct err *e)
{
    auto_crt gnutls_x509_crt_t crt = NULL, ca = NULL;
    const char *pem = json_str(answer, "certificate");
    struct id said, found;
    char kind[16];

    if (!pem || !json_id(answer, "node_id", &said) || pki_certificate(ca_pem, &ca, e) < 0 ||
        pki_certificate(pem, &crt, &(struct err){ 0 }) < 0 ||
        pki_identity(crt, kind, &found, &(struct err){ 0 }) < 0 || strcmp(kind, j->kind) != 0 ||
        !id_eq(&said, &found) || !pki_matches(crt, key) ||
        !pki_signed_by(crt, ca, (time_t)(clock_wall_ms() / 1000)))
        return err_set(e, ERR_PEER_PROTOCOL, "the certificate that came is not the one asked for");
    if (pki_write(j->dir, "node.crt", pem, 0600, e) < 0)
        return -1;
    *node = found;
    return 0;
}

int join_ensure(const struct join *j, struct id *node, struct err *e)
{
    auto_key gnutls_x509_privkey_t key = NULL;
    json_auto_t *answer = NULL;
    gnutls_datum_t csr = { 0 };
    struct join_token t;
    char *ca = NULL;
    int rc;

    if (have(j, node))
        return 0;
    if (!j->token || !j->token[0])
        return err_set(e, ERR_JOIN_REFUSED, "this node has no certificate and no join token");
    if (!j->url || strncmp(j->url, "https://", 8) != 0)
        return err_set(e, ERR_JOIN_REFUSED, "the address to join at must begin with https://");
    if (join_token_parse(j->token, &t, e) < 0 || fetch_ca(j, &t, &ca, e) < 0)
        return -1;
    /* The key stays from now on: a second try after a crash asks with it and gets the same node. */
    rc = pki_key(j->dir, "node.key", &key, e);
    if (rc == 0)
        rc = pki_write(j->dir, "ca.crt", ca, 0600, e);
    if (rc == 0)
        rc = make_csr(key, &csr, e);
    if (rc == 0)
        rc = ask(j, &csr, &answer, e);
    if (rc == 0)
        rc = store(j, ca, key, answer, node, e);
    gnutls_free(csr.data);
    free(ca);
    return rc;
}
