/*
 * client — the other end of http for tests: libcurl for well-formed requests, a bare socket for the
 * rest.
 *
 * CALL(port, .path = "/x", …) gives a struct answer on the caller's stack; answer_free it.
 */
#ifndef TESTS_UNIT_COMMON_CLIENT_H
#define TESTS_UNIT_COMMON_CLIENT_H

#include <arpa/inet.h>
#include <curl/curl.h>
#include <jansson.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/attr.h"
#include "common/base/json.h"
#include "tests/unit/common/unit.h"

enum { ASK_HEADERS = 6, ASK_HEAD = 8192 };

struct ask {
    const char *scheme; /* "http" */
    const char *method, *path, *type, *body;
    size_t body_n; /* 0: strlen(body) */
    const char *headers[ASK_HEADERS];
    const char *cert, *key, *ca;
    long timeout_ms;
    long tls_version; /* CURL_SSLVERSION_… */
};

struct answer {
    CURLcode rc;
    long status;
    char head[ASK_HEAD];
    size_t head_n;
    char *body;
    size_t n;
    json_t *json;
};

static size_t client_on_head(char *data, size_t one, size_t n, void *arg)
{
    struct answer *a = arg;

    if (n > 5 && memcmp(data, "HTTP/", 5) == 0)
        a->head_n = 0; /* of the last answer, not of 100 Continue */
    if (a->head_n + n < sizeof a->head) {
        memcpy(a->head + a->head_n, data, n);
        a->head_n += n;
        a->head[a->head_n] = '\0';
    }
    return one * n;
}

static size_t client_on_body(char *data, size_t one, size_t n, void *arg)
{
    struct answer *a = arg;
    char *more = realloc(a->body, a->n + n + 1);

    if (!more)
        return 0;
    a->body = more;
    memcpy(a->body + a->n, data, n);
    a->n += n;
    a->body[a->n] = '\0';
    return one * n;
}

static void client_set_body(CURL *c, const struct ask *q)
{
    if (!q->body)
        return;
    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE,
                     (curl_off_t)(q->body_n ? q->body_n : strlen(q->body)));
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, q->body);
}

static void client_set_tls(CURL *c, const struct ask *q)
{
    if (q->ca)
        curl_easy_setopt(c, CURLOPT_CAINFO, q->ca);
    if (q->cert)
        curl_easy_setopt(c, CURLOPT_SSLCERT, q->cert);
    if (q->key)
        curl_easy_setopt(c, CURLOPT_SSLKEY, q->key);
    if (q->tls_version)
        curl_easy_setopt(c, CURLOPT_SSLVERSION, q->tls_version);
}

static UNUSED struct answer client_call_on(CURL *c, int port, const struct ask *q)
{
    struct answer a = { .n = 0 };
    struct curl_slist *headers = NULL;
    char url[5200], type[128];
    bool expects = false; /* 100-continue only where a test asks for it */

    curl_easy_reset(c);
    snprintf(url, sizeof url, "%s://127.0.0.1:%d%s", q->scheme ? q->scheme : "http", port, q->path);
    snprintf(type, sizeof type, "Content-Type:%s%s", q->type ? " " : "", q->type ? q->type : "");
    headers = curl_slist_append(headers, q->type ? type : "Content-Type: application/json");
    for (int i = 0; i < ASK_HEADERS && q->headers[i]; i++) {
        headers = curl_slist_append(headers, q->headers[i]);
        expects |= strncmp(q->headers[i], "Expect:", 7) == 0;
    }
    if (!expects)
        headers = curl_slist_append(headers, "Expect:");
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_EXPECT_100_TIMEOUT_MS, 10000L);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, q->timeout_ms ? q->timeout_ms : 60000L);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, client_on_head);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, &a);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, client_on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &a);
    client_set_body(c, q);
    client_set_tls(c, q);
    if (q->method && strcmp(q->method, "HEAD") == 0)
        curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
    else if (q->method)
        curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, q->method);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    a.rc = curl_easy_perform(c);
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &a.status);
    curl_slist_free_all(headers);
    a.json = a.body ? json_loadb(a.body, a.n, 0, NULL) : NULL;
    return a;
}

static UNUSED struct answer client_call(int port, const struct ask *q)
{
    CURL *c = curl_easy_init();
    struct answer a = client_call_on(c, port, q);

    curl_easy_cleanup(c);
    return a;
}
#define CALL(port, ...) client_call((port), &(struct ask){ __VA_ARGS__ })

static UNUSED void answer_free(struct answer *a)
{
    free(a->body);
    json_decref(a->json);
    a->body = NULL;
    a->json = NULL;
}

/* Value of a header of the answer; "" if it is not there. Valid until the next call. */
static UNUSED const char *answer_header(const struct answer *a, const char *name)
{
    static _Thread_local char value[1024];
    size_t n = strlen(name);

    for (const char *p = a->head; p; p = strstr(p, "\r\n")) {
        p += strncmp(p, "\r\n", 2) == 0 ? 2 : 0;
        if (strncasecmp(p, name, n) == 0 && p[n] == ':') {
            p += n + 1;
            p += strspn(p, " ");
            snprintf(value, sizeof value, "%.*s", (int)strcspn(p, "\r\n"), p);
            return value;
        }
    }
    return "";
}

/* The slug of a problem; "" if it is none. */
static UNUSED const char *answer_slug(const struct answer *a)
{
    const char *type = json_str(a->json, "type");

    return type && strncmp(type, "/problems/", 10) == 0 ? type + 10 : "";
}

static UNUSED int client_connect(int port)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(s >= 0);
    assert_int_equal(connect(s, (struct sockaddr *)&a, sizeof a), 0);
    return s;
}

static UNUSED void client_send(int s, const char *text)
{
    size_t n = strlen(text);

    assert_int_equal(send(s, text, n, MSG_NOSIGNAL), (ssize_t)n);
}

/* Reads until `until` is in what was read, the other end closes, or ms have passed. */
static UNUSED size_t client_read(int s, char *to, size_t size, const char *until, int ms)
{
    size_t n = 0;

    to[0] = '\0';
    while (n + 1 < size) {
        struct pollfd p = { .fd = s, .events = POLLIN };
        ssize_t got;

        if (poll(&p, 1, ms) <= 0)
            break;
        got = recv(s, to + n, size - 1 - n, 0);
        if (got <= 0)
            break;
        n += (size_t)got;
        to[n] = '\0';
        if (until && strstr(to, until))
            break;
    }
    return n;
}

/* One raw request on a connection of its own; the status of the answer, 0 if there was none. */
static UNUSED int client_raw(int port, const char *text)
{
    int s = client_connect(port), status = 0;
    char got[8192];

    client_send(s, text);
    client_read(s, got, sizeof got, "\r\n\r\n", 3000);
    close(s);
    if (strncmp(got, "HTTP/1.", 7) == 0)
        status = (int)strtol(got + 9, NULL, 10);
    return status;
}

#endif
