#include "bserver-agent/screen_head.h"

#include <gnutls/crypto.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char GUID[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
static const char TCHAR[] = "!#$%&'*+-.^_`|~0123456789"
                            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/* A piece of the head: not ended by NUL. */
struct span {
    const char *p;
    size_t n;
};

struct seen {
    int host, upgrade, version, key;
    bool connection, display, test;
    struct screen_head h;
};

static bool is(struct span s, const char *word)
{
    return s.n == strlen(word) && memcmp(s.p, word, s.n) == 0;
}

static bool is_nocase(struct span s, const char *word)
{
    return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

static struct span trim(struct span s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
        s.p++, s.n--;
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* Takes what stands before sep from *s; false at the end. An empty *s gives nothing. */
static bool cut(struct span *s, char sep, struct span *piece)
{
    const char *at = s->n ? memchr(s->p, sep, s->n) : NULL;

    if (s->n == 0)
        return false;
    *piece = (struct span){ s->p, at ? (size_t)(at - s->p) : s->n };
    s->p += piece->n + (at ? 1 : 0);
    s->n -= piece->n + (at ? 1 : 0);
    return true;
}

static bool all_of(struct span s, const char *set)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '\0' || !strchr(set, s.p[i]))
            return false;
    return s.n > 0;
}

static bool visible(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if ((c < 0x20 && c != '\t') || c == 0x7F)
            return false;
    }
    return true;
}

static int bad(struct err *e, const char *what)
{
    return err_set(e, ERR_INVALID_REQUEST, "head: %s", what);
}

static int request_line(struct span line, struct err *e)
{
    struct span method, target, version;

    if (!cut(&line, ' ', &method) || !cut(&line, ' ', &target) || !cut(&line, '\0', &version) ||
        line.n || !all_of(method, TCHAR) || target.n == 0 || target.p[0] != '/')
        return bad(e, "request line");
    if (!is(version, "HTTP/1.1")) {
        if (version.n == 8 && memcmp(version.p, "HTTP/", 5) == 0)
            return err_set(e, ERR_HTTP_VERSION, "head: version");
        return bad(e, "request line");
    }
    if (!is(target, SCREEN_PATH))
        return err_set(e, ERR_NOT_FOUND, "head: path");
    if (!is(method, "GET"))
        return err_set(e, ERR_METHOD_NOT_ALLOWED, "head: method");
    return 0;
}

static bool has_token(struct span list, const char *word)
{
    struct span one;

    while (cut(&list, ',', &one))
        if (is_nocase(trim(one), word))
            return true;
    return false;
}

/* The header may come more than once; the lists then count as one (RFC 6455 §11.3.4). */
static int protocols(struct span list, struct seen *seen, struct err *e)
{
    const size_t prefix = strlen(TICKET_PREFIX);
    struct span one;

    while (cut(&list, ',', &one)) {
        one = trim(one);
        if (!all_of(one, TCHAR))
            return bad(e, "subprotocol");
        if (is(one, TICKET_PROTOCOL))
            seen->display = true;
        if (is(one, SCREEN_TEST_PROTOCOL))
            seen->test = true;
        if (one.n < prefix || memcmp(one.p, TICKET_PREFIX, prefix) != 0)
            continue;
        if (seen->h.ticket[0] || one.n >= sizeof seen->h.ticket)
            return err_set(e, ERR_TICKET_REFUSED, "head: two tickets or a very long one");
        memcpy(seen->h.ticket, one.p, one.n);
        seen->h.ticket[one.n] = '\0';
    }
    return 0;
}

/* 24 characters that are 16 bytes in base64. */
static int websocket_key(struct span value, struct seen *seen, struct err *e)
{
    unsigned char raw[16];
    size_t n;

    if (value.n != SCREEN_KEY_LEN ||
        !all_of(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") ||
        sodium_base642bin(raw, sizeof raw, value.p, value.n, NULL, &n, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        n != sizeof raw)
        return bad(e, "key");
    memcpy(seen->h.key, value.p, value.n);
    return 0;
}

static int header(struct span line, struct seen *seen, struct err *e)
{
    struct span name, value;

    if (!memchr(line.p, ':', line.n) || !cut(&line, ':', &name) || !all_of(name, TCHAR))
        return bad(e, "header name");
    value = trim(line);
    if (!visible(value))
        return bad(e, "control character");
    if (is_nocase(name, "Host"))
        seen->host++;
    else if (is_nocase(name, "Upgrade"))
        seen->upgrade += has_token(value, "websocket");
    else if (is_nocase(name, "Connection"))
        seen->connection |= has_token(value, "upgrade");
    else if (is_nocase(name, "Sec-WebSocket-Version"))
        seen->version += is(value, "13");
    else if (is_nocase(name, "Sec-WebSocket-Key"))
        return seen->key++ ? bad(e, "two keys") : websocket_key(value, seen, e);
    else if (is_nocase(name, "Sec-WebSocket-Protocol"))
        return protocols(value, seen, e);
    else if (is_nocase(name, "Transfer-Encoding") ||
             (is_nocase(name, "Content-Length") && !is(value, "0")))
        return bad(e, "a body");
    return 0;
}

static int judge(const struct seen *seen, struct err *e)
{
    if (seen->host != 1)
        return bad(e, "Host");
    if (!seen->upgrade || !seen->connection || seen->version != 1)
        return err_set(e, ERR_UPGRADE_REQUIRED, "head: not a WebSocket handshake of version 13");
    if (!seen->key)
        return bad(e, "no key");
    if (seen->test && !seen->display && !seen->h.ticket[0])
        return 0;
    if (seen->test || !seen->display || !seen->h.ticket[0])
        return err_set(e, ERR_TICKET_REFUSED, "head: no ticket or another subprotocol");
    return 0;
}

int screen_head_parse(const char *text, size_t n, struct screen_head *h, size_t *used,
                      struct err *e)
{
    const char *end = memmem(text, n, "\r\n\r\n", 4);
    struct seen seen = { 0 };
    struct span all, line;
    bool first = true;

    if (n > 0 && (text[0] < 'A' || text[0] > 'Z'))
        return bad(e, "not HTTP");
    if (!end && n < SCREEN_HEAD_MAX)
        return 0;
    if (!end || end + 4 - text > SCREEN_HEAD_MAX)
        return err_set(e, ERR_HEADERS_TOO_LARGE, "head: longer than %d bytes", SCREEN_HEAD_MAX);
    all = (struct span){ text, (size_t)(end + 2 - text) };
    while (cut(&all, '\n', &line)) {
        if (line.n == 0 || line.p[line.n - 1] != '\r')
            return bad(e, "line end");
        line.n--;
        if (memchr(line.p, '\r', line.n))
            return bad(e, "line end");
        if ((first ? request_line(line, e) : header(line, &seen, e)) < 0)
            return -1;
        first = false;
    }
    if (judge(&seen, e) < 0)
        return -1;
    *h = seen.h;
    *used = (size_t)(end + 4 - text);
    return 1;
}

size_t screen_head_accept(const struct screen_head *h, char to[SCREEN_REPLY_MAX])
{
    unsigned char hash[20];
    char text[SCREEN_KEY_LEN + sizeof GUID], accept[32];
    int n = snprintf(text, sizeof text, "%s%s", h->key, GUID);

    gnutls_hash_fast(GNUTLS_DIG_SHA1, text, (size_t)n, hash);
    sodium_bin2base64(accept, sizeof accept, hash, sizeof hash, sodium_base64_VARIANT_ORIGINAL);
    n = snprintf(to, SCREEN_REPLY_MAX,
                 "HTTP/1.1 101 Switching Protocols\r\n"
                 "Upgrade: websocket\r\n"
                 "Connection: Upgrade\r\n"
                 "Sec-WebSocket-Accept: %s\r\n"
                 "Sec-WebSocket-Protocol: %s\r\n\r\n",
                 accept, h->ticket[0] ? TICKET_PROTOCOL : SCREEN_TEST_PROTOCOL);
    return (size_t)n;
}

size_t screen_head_refuse(enum err_code code, char to[SCREEN_REPLY_MAX])
{
    const char *more = code == ERR_UPGRADE_REQUIRED
                           ? "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                       : code == ERR_METHOD_NOT_ALLOWED ? "Allow: GET\r\n"
                                                        : "";

    return (size_t)snprintf(
        to, SCREEN_REPLY_MAX,
        "HTTP/1.1 %d Refused\r\n%sConnection: close\r\nContent-Length: 0\r\n\r\n", err_status(code),
        more);
}
