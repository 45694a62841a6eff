#include "common/peer/peer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/json.h"
#include "common/peer/call.h"

static CURLcode global;

static void global_init(void)
{
    global = curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* Programs that are started at the same moment (qemu-img) do not inherit the connection. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
    (void)arg;
    (void)purpose;
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static int set_urls(struct peer *p, const char *const urls[], struct err *e)
{
    for (int i = 0; urls[i]; i++) {
        size_t n = strlen(urls[i]);

        while (n > 0 && urls[i][n - 1] == '/')
            n--;
        if (i == PEER_URLS_MAX || strncmp(urls[i], "https://", 8) != 0 || n <= 8)
            return err_set(e, ERR_INTERNAL, "the address of a %s must begin with https://",
                           p->tls.kind);
        p->url[i] = strndup(urls[i], n);
        if (!p->url[i])
            return err_set(e, ERR_INTERNAL, "out of memory");
        p->urls++;
    }
    return p->urls > 0 ? 0 : err_set(e, ERR_INTERNAL, "no address of a %s is known", p->tls.kind);
}

static int set_options(struct peer *p, const struct peer_identity *self)
{
    CURL *h = p->easy;
    int bad = 0;

#define SET(option, value) bad |= curl_easy_setopt(h, CURLOPT_##option, value) != CURLE_OK
    SET(ERRORBUFFER, p->why);
    SET(NOSIGNAL, 1L);
    SET(OPENSOCKETFUNCTION, open_socket);
    SET(PROTOCOLS_STR, "https");
    SET(PROXY, ""); /* nothing from the environment stands between the tiers */
    SET(FOLLOWLOCATION, 0L);
    SET(HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(USERAGENT, "bic");
    SET(TCP_KEEPALIVE, 1L);
    SET(TCP_KEEPIDLE, 15L);
    SET(TCP_KEEPINTVL, 5L);
    SET(BUFFERSIZE, 16L * 1024);        /* a TLS record: more is never read at once … */
    SET(UPLOAD_BUFFERSIZE, 16L * 1024); /* … nor written */
    SET(SSLVERSION, (long)(CURL_SSLVERSION_TLSv1_3 | CURL_SSLVERSION_MAX_TLSv1_3));
    SET(SSL_VERIFYPEER, 1L);
    SET(SSL_VERIFYHOST, 0L); /* peer_tls.h says what is compared instead */
    SET(CAINFO, self->ca_pem);
    SET(CAPATH, NULL); /* else the system's authorities would do as well */
    SET(SSLCERT, self->cert_pem);
    SET(SSLKEY, self->key_pem);
    SET(WRITEFUNCTION, call_on_bytes);
#undef SET
    return bad ? -1 : 0;
}

int peer_open(const struct peer_identity *self, const char *const urls[], const char *kind,
              const char *id, struct peer **out, struct err *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    auto_peer struct peer *p = calloc(1, sizeof *p);

    pthread_once(&once, global_init);
    if (!p || global != CURLE_OK)
        return err_set(e, ERR_INTERNAL, "out of memory");
    if (strlen(kind) >= sizeof p->tls.kind || (id && !id_parse(id, &p->tls.id)))
        return err_set(e, ERR_INTERNAL, "not a kind and id of a node");
    snprintf(p->tls.kind, sizeof p->tls.kind, "%s", kind);
    atomic_init(&p->interrupted, false);
    p->easy = curl_easy_init();
    p->multi = curl_multi_init();
    if (!p->easy || !p->multi)
        return err_set(e, ERR_INTERNAL, "out of memory");
    if (set_options(p, self) < 0)
        return err_set(e, ERR_INTERNAL, "this libcurl lacks something that is needed");
    if (set_urls(p, urls, e) < 0 || peer_tls_expect(p->easy, &p->tls, e) < 0)
        return -1;
    *out = MOVE(p);
    return 0;
}

void peer_close(struct peer *p)
{
    if (!p)
        return;
    curl_easy_cleanup(p->easy); /* NULL is allowed */
    if (p->multi)
        curl_multi_cleanup(p->multi);
    peer_tls_release(&p->tls);
    for (int i = 0; i < p->urls; i++)
        free(p->url[i]);
    free(p);
}

void peer_anywhere(struct peer *p)
{
    p->anywhere = true;
}

void peer_interrupt(struct peer *p)
{
    atomic_store(&p->interrupted, true);
    curl_multi_wakeup(p->multi);
}

int peer_status(const struct peer *p)
{
    return p->status;
}

const char *peer_location(const struct peer *p)
{
    return p->location;
}

/* The JSON of a 2xx answer. What is wrong with it is the peer's fault, not the asker's. */
static int answer(struct peer *p, const struct call *c, json_t **out, struct err *e)
{
    struct err bad = { 0 };

    if (p->status / 100 != 2)
        return call_problem(p, c, e);
    if (p->status == 204 || !out) {
        if (out)
            *out = NULL;
        return 0;
    }
    if (json_read(c->text ? c->text : "", c->size, out, &bad) == 0)
        return 0;
    err_set(e, ERR_PEER_PROTOCOL, "the %s answered unintelligibly", p->tls.kind);
    return err_cause(e, "%s %s: %s", c->method, c->path, bad.detail);
}

static int ask(struct peer *p, struct call *c, json_t **out, struct err *e)
{
    int rc = call_do(p, c, e);

    if (rc == 0)
        rc = answer(p, c, out, e);
    free(c->text);
    return rc;
}

int peer_get(struct peer *p, const char *path, int64_t deadline_ms, json_t **out, struct err *e)
{
    struct call c = { .method = "GET", .path = path, .deadline_ms = deadline_ms };

    return ask(p, &c, out, e);
}

int peer_delete(struct peer *p, const char *path, int64_t deadline_ms, struct err *e)
{
    struct call c = { .method = "DELETE", .path = path, .deadline_ms = deadline_ms };

    return ask(p, &c, NULL, e);
}

int peer_post(struct peer *p, const char *path, const json_t *body, int64_t deadline_ms,
              json_t **out, struct err *e)
{
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    struct call c = { .method = "POST", .path = path, .deadline_ms = deadline_ms };
    int rc;

    if (body && !text)
        return err_set(e, ERR_INTERNAL, "out of memory");
    c.body = text;
    c.body_size = text ? strlen(text) : 0;
    rc = ask(p, &c, out, e);
    free(text);
    return rc;
}

int peer_relay(struct peer *p, const char *path, struct peer_text body, int64_t deadline_ms,
               char **out, struct err *e)
{
    struct call c = { .method = "POST",
                      .path = path,
                      .body = body.bytes,
                      .body_size = body.n,
                      .order = body.order,
                      .deadline_ms = deadline_ms };
    int rc = call_do(p, &c, e);

    if (rc == 0 && p->status / 100 != 2)
        rc = call_problem(p, &c, e);
    if (rc == 0)
        *out = MOVE(c.text);
    free(c.text);
    return rc;
}
