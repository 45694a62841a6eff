#include "common/peer/peer_tls.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <string.h>

#include "common/base/text.h"

static int slot = -1;

static void make_slot(void)
{
    slot = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

/* "bic:ccc:<uuid>" is of this kind and, if one is wanted, has this id. */
static bool named(const struct peer_tls *t, const char *uri)
{
    size_t n = strlen(t->kind);

    if (strncmp(uri, "bic:", 4) != 0 || strncmp(uri + 4, t->kind, n) != 0 || uri[4 + n] != ':')
        return false;
    uri += 4 + n + 1;
    return id_valid(uri) && (!id_set(&t->id) || strcmp(uri, t->id.s) == 0);
}

/* Exactly one of our URIs, and the right one. What a certificate says about DNS names is not read.
 */
static bool right_one(struct peer_tls *t, X509 *cert)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    int ours = 0, right = 0;

    snprintf(t->shown, sizeof t->shown, "a certificate without a name of ours");
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        char uri[128];
        int n;

        if (name->type != GEN_URI)
            continue;
        n = ASN1_STRING_length(name->d.uniformResourceIdentifier);
        if (n < 4 || n >= (int)sizeof uri ||
            memcmp(ASN1_STRING_get0_data(name->d.uniformResourceIdentifier), "bic:", 4) != 0)
            continue;
        memcpy(uri, ASN1_STRING_get0_data(name->d.uniformResourceIdentifier), (size_t)n);
        uri[n] = '\0';
        text_one_line(t->shown, sizeof t->shown, uri);
        ours++;
        right += strlen(uri) == (size_t)n && named(t, uri);
    }
    GENERAL_NAMES_free(names);
    return ours == 1 && right == 1;
}

static int verify(int chain_ok, X509_STORE_CTX *store)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct peer_tls *t = ssl ? SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), slot) : NULL;

    if (t && !chain_ok) {
        t->refused = true;
        snprintf(t->shown, sizeof t->shown, "%s",
                 X509_verify_cert_error_string(X509_STORE_CTX_get_error(store)));
    }
    if (!t || !chain_ok)
        return 0;
    if (X509_STORE_CTX_get_error_depth(store) > 0 ||
        right_one(t, X509_STORE_CTX_get_current_cert(store)))
        return 1;
    t->refused = true;
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
}

static CURLcode on_context(CURL *easy, void *context, void *arg)
{
    (void)easy;
    if (slot < 0 || !SSL_CTX_set_ex_data(context, slot, arg))
        return CURLE_OUT_OF_MEMORY;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, verify);
    return CURLE_OK;
}

int peer_tls_expect(CURL *easy, struct peer_tls *t, struct err *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, make_slot);
    if (curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_context) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, t) != CURLE_OK ||
        /* a resumed session shows no certificate, so none is resumed */
        curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L) != CURLE_OK)
        return err_set(e, ERR_INTERNAL, "this libcurl does not let the other end be checked");
    return 0;
}
