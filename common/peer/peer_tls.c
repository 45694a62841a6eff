#include "common/peer/peer_tls.h"

#include <stdlib.h>
#include <string.h>

#include "common/peer/pki.h"

/* The certificate that the other end has proved to have; NULL: this connection has none. */
static const gnutls_datum_t *shown(CURL *easy)
{
    const struct curl_tlssessioninfo *tls = NULL;
    const gnutls_datum_t *chain;
    unsigned n = 0;

    if (curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &tls) != CURLE_OK || !tls ||
        tls->backend != CURLSSLBACKEND_GNUTLS || !tls->internals)
        return NULL;
    chain = gnutls_certificate_get_peers(tls->internals, &n);
    return n > 0 ? chain : NULL;
}

/* Exactly one of our URIs, and the right one. What a certificate says about DNS names is not read.
 */
static bool right_one(struct peer_tls *t, const gnutls_datum_t *der)
{
    auto_crt gnutls_x509_crt_t crt = NULL;
    struct err ignored = { 0 };
    char kind[16];
    struct id id;

    snprintf(t->shown, sizeof t->shown, "a certificate without a name of ours");
    if (gnutls_x509_crt_init(&crt) < 0 ||
        gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER) < 0 ||
        pki_identity(crt, kind, &id, &ignored) < 0)
        return false;
    snprintf(t->shown, sizeof t->shown, "bic:%s:%s", kind, id.s);
    return strcmp(kind, t->kind) == 0 && (!id_set(&t->id) || id_eq(&id, &t->id));
}

/* The last one that was right: connections are kept, and most requests are made on one. */
static bool known(const struct peer_tls *t, const gnutls_datum_t *der)
{
    return t->right && der->size == t->right_size && memcmp(der->data, t->right, der->size) == 0;
}

static void remember(struct peer_tls *t, const gnutls_datum_t *der)
{
    free(t->right);
    t->right = malloc(der->size);
    if (!t->right)
        return;
    memcpy(t->right, der->data, der->size);
    t->right_size = der->size;
}

static int before_request(void *arg, char *to UNUSED, char *from UNUSED, int to_port UNUSED,
                          int from_port UNUSED)
{
    struct peer_tls *t = arg;
    const gnutls_datum_t *der = shown(t->easy);

    if (der && known(t, der))
        return CURL_PREREQFUNC_OK;
    if (!der || !right_one(t, der)) {
        t->refused = true;
        return CURL_PREREQFUNC_ABORT;
    }
    remember(t, der);
    return CURL_PREREQFUNC_OK;
}

int peer_tls_expect(CURL *easy, struct peer_tls *t, struct err *e)
{
    t->easy = easy;
    if (curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_request) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_PREREQDATA, t) != CURLE_OK ||
        /* a resumed session shows no certificate, so none is resumed */
        curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L) != CURLE_OK)
        return err_set(e, ERR_INTERNAL, "this libcurl does not let the other end be checked");
    return 0;
}

void peer_tls_release(struct peer_tls *t)
{
    free(t->right);
    t->right = NULL;
}
