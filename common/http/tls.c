#include <gnutls/x509.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/cleanup.h"
#include "common/base/log.h"
#include "common/http/server.h"

enum { CHAIN_MAX = 8, PEM_MAX = 1 << 20, GATHER_MAX = 12 * 1024 };

/*
 * A certificate that was served once may still be in use by a handshake, so older generations stay
 * until the server stops: there is one more with each renewal, which is a few in a year.
 */
struct generation {
    struct generation *older;
    gnutls_pcert_st chain[CHAIN_MAX];
    unsigned length;
    gnutls_privkey_t key;
};

struct http_tls {
    pthread_mutex_t lock;
    struct generation *newest;
    char *ca;
};

static void datum_free(gnutls_datum_t *d)
{
    if (d->data)
        gnutls_memset(d->data, 0, d->size);
    gnutls_free(d->data);
    d->data = NULL;
}
#define auto_datum __attribute__((cleanup(datum_free)))

static int tls_fail(const char *what, int rc, struct err *e)
{
    err_set(e, ERR_INTERNAL, "the certificate or key of a listener cannot be used");
    return err_cause(e, "%s: %s", what, gnutls_strerror(rc));
}

static int load(const char *path, gnutls_datum_t *out, struct err *e)
{
    int rc = path ? gnutls_load_file(path, out) : GNUTLS_E_FILE_ERROR;

    if (rc < 0)
        return tls_fail(path ? path : "no path", rc, e);
    return out->size <= PEM_MAX ? 0 : tls_fail(path, GNUTLS_E_FILE_ERROR, e);
}

static void generation_free(struct generation *g)
{
    for (unsigned i = 0; i < g->length; i++)
        gnutls_pcert_deinit(&g->chain[i]);
    if (g->key)
        gnutls_privkey_deinit(g->key);
    free(g);
}
DEFINE_AUTO(auto_generation, struct generation *, generation_free)
#define auto_generation AUTO(auto_generation)

/* Files may be replaced one after the other: a key that does not fit its certificate is refused. */
static int match(const struct generation *g, struct err *e)
{
    unsigned char a[64], b[64];
    size_t na = sizeof a, nb = sizeof b;
    gnutls_pubkey_t pub;
    int rc = gnutls_pubkey_init(&pub);

    if (rc < 0)
        return tls_fail("public key", rc, e);
    rc = gnutls_pubkey_import_privkey(pub, g->key, 0, 0);
    if (rc >= 0)
        rc = gnutls_pubkey_get_key_id(pub, GNUTLS_KEYID_USE_SHA256, a, &na);
    if (rc >= 0)
        rc = gnutls_pubkey_get_key_id(g->chain[0].pubkey, GNUTLS_KEYID_USE_SHA256, b, &nb);
    gnutls_pubkey_deinit(pub);
    if (rc < 0)
        return tls_fail("key id", rc, e);
    if (na != nb || memcmp(a, b, na) != 0)
        return tls_fail("key and certificate differ", GNUTLS_E_CERTIFICATE_KEY_MISMATCH, e);
    return 0;
}

static int read_generation(const struct http_spec *spec, struct generation **out, struct err *e)
{
    auto_generation struct generation *g = calloc(1, sizeof *g);
    auto_datum gnutls_datum_t cert = { 0 }, key = { 0 };
    unsigned length = CHAIN_MAX;
    int rc;

    if (!g)
        return err_set(e, ERR_INTERNAL, "out of memory");
    if (load(spec->cert_pem, &cert, e) < 0 || load(spec->key_pem, &key, e) < 0)
        return -1;
    rc = gnutls_pcert_list_import_x509_raw(g->chain, &length, &cert, GNUTLS_X509_FMT_PEM, 0);
    if (rc < 0)
        return tls_fail("certificate", rc, e);
    g->length = length;
    rc = gnutls_privkey_init(&g->key);
    if (rc >= 0)
        rc = gnutls_privkey_import_x509_raw(g->key, &key, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (rc < 0)
        return tls_fail("key", rc, e);
    if (length == 0 || match(g, e) < 0)
        return length ? -1 : tls_fail("certificate", GNUTLS_E_NO_CERTIFICATE_FOUND, e);
    *out = MOVE(g);
    return 0;
}

int tls_open(struct http_server *s, struct err *e)
{
    auto_datum gnutls_datum_t ca = { 0 };

    s->tls = calloc(1, sizeof *s->tls);
    if (!s->tls)
        return err_set(e, ERR_INTERNAL, "out of memory");
    pthread_mutex_init(&s->tls->lock, NULL);
    if (read_generation(&s->spec, &s->tls->newest, e) < 0)
        return -1;
    if (!s->spec.ca_pem)
        return 0;
    if (load(s->spec.ca_pem, &ca, e) < 0)
        return -1;
    s->tls->ca = strndup((const char *)ca.data, ca.size);
    return s->tls->ca ? 0 : err_set(e, ERR_INTERNAL, "out of memory");
}

void tls_close(struct http_tls *t)
{
    if (!t)
        return;
    for (struct generation *g = t->newest, *older; g; g = older) {
        older = g->older;
        generation_free(g);
    }
    pthread_mutex_destroy(&t->lock);
    free(t->ca);
    free(t);
}

const char *tls_ca(const struct http_tls *t)
{
    return t->ca;
}

int http_reload_tls(struct http_server *s, struct err *e)
{
    struct generation *g;

    if (!s->tls)
        return 0;
    if (read_generation(&s->spec, &g, e) < 0)
        return -1;
    pthread_mutex_lock(&s->tls->lock);
    g->older = s->tls->newest;
    s->tls->newest = g;
    pthread_mutex_unlock(&s->tls->lock);
    return 0;
}

/* libmicrohttpd keeps its connection in the session; ours hangs on that since it was accepted. */
int tls_certificate(gnutls_session_t session, const gnutls_datum_t *req_ca, int nreqs,
                    const gnutls_pk_algorithm_t *algos, int nalgos, gnutls_pcert_st **chain,
                    unsigned *chain_length, gnutls_privkey_t *key)
{
    struct MHD_Connection *mhd = gnutls_session_get_ptr(session);
    const union MHD_ConnectionInfo *info =
        mhd ? MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT) : NULL;
    const struct http_conn *c = info ? info->socket_context : NULL;
    struct generation *g;

    (void)req_ca;
    (void)nreqs;
    (void)algos;
    (void)nalgos;
    if (!c)
        return -1;
    pthread_mutex_lock(&c->server->tls->lock);
    g = c->server->tls->newest;
    pthread_mutex_unlock(&c->server->tls->lock);
    *chain = g->chain;
    *chain_length = g->length;
    *key = g->key;
    return 0;
}

/* "bic:<kind>:<uuid>" */
static bool take_uri(const char *uri, struct caller *c)
{
    const char *kind = strncmp(uri, "bic:", 4) == 0 ? uri + 4 : NULL;
    size_t n = kind ? strspn(kind, "abcdefghijklmnopqrstuvwxyz") : 0;

    if (n == 0 || n >= 16 || kind[n] != ':' || !id_parse(kind + n + 1, &c->id))
        return false;
    memcpy(c->name, kind, n);
    c->name[n] = '\0';
    c->kind = CALLER_NODE;
    return true;
}

static bool read_names(gnutls_x509_crt_t crt, struct caller *c)
{
    for (unsigned i = 0;; i++) {
        char name[256];
        size_t size = sizeof name - 1;
        int type = gnutls_x509_crt_get_subject_alt_name(crt, i, name, &size, NULL);

        if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            return false;
        if (type != GNUTLS_SAN_URI || memchr(name, '\0', size))
            continue;
        name[size] = '\0';
        if (take_uri(name, c))
            return true;
    }
}

void tls_identify(struct http_conn *c, struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info;
    const gnutls_datum_t *certs;
    unsigned n = 0, status = ~0U;
    gnutls_x509_crt_t crt;

    if (c->identified)
        return;
    c->identified = true;
    info = c->server->spec.ca_pem ? MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION)
                                  : NULL;
    certs = info ? gnutls_certificate_get_peers(info->tls_session, &n) : NULL;
    if (!certs || n == 0)
        return;
    if (gnutls_certificate_verify_peers2(info->tls_session, &status) < 0 || status != 0) {
        log_debug("a client certificate was not accepted: status=0x%x remote=%s", status,
                  c->remote);
        return;
    }
    if (gnutls_x509_crt_init(&crt) < 0)
        return;
    if (gnutls_x509_crt_import(crt, &certs[0], GNUTLS_X509_FMT_DER) >= 0)
        (void)read_names(crt, &c->node);
    gnutls_x509_crt_deinit(crt);
}

static gnutls_session_t session_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);

    return info ? info->tls_session : NULL;
}

/*
 * libmicrohttpd sends head and body in a record each: two system calls here, and the other end
 * wakes twice. Held back until both are there, a short answer is one record. For nodes only: they
 * read an answer before they ask again, so there is room for it in the socket.
 */
void tls_gather(struct http_exchange *x)
{
    gnutls_session_t session = NULL;

    if (x->conn->node.kind == CALLER_NODE && x->in_memory && x->reply_bytes <= GATHER_MAX)
        session = session_of(x->mhd);
    if (session)
        gnutls_record_cork(session);
    x->gathered = session != NULL;
}

/*
 * Nobody would come back for what did not fit into the socket: that connection is over. The socket
 * may be corked: libmicrohttpd pushes what it sent by this option, but has done so too early.
 */
void tls_flush(struct http_exchange *x)
{
    int on = 1;

    if (!x->gathered)
        return;
    x->gathered = false;
    if (gnutls_record_uncork(session_of(x->mhd), 0) < 0)
        shutdown(x->conn->fd, SHUT_RDWR);
    else
        (void)!setsockopt(x->conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}
