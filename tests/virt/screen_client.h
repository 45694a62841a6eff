/*
 * screen_client — what the tests of the display listener need: a blocking WebSocket client with and
 * without TLS, a certificate, and the agent's side of struct screen_host with a scripted QEMU.
 */
#ifndef TESTS_VIRT_SCREEN_CLIENT_H
#define TESTS_VIRT_SCREEN_CLIENT_H

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "bserver-agent/screen.h"

#include "common/base/clock.h"

struct client {
    int fd;
    gnutls_session_t tls;
    gnutls_certificate_credentials_t cred;
};

UNUSED static int client_connect(int port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    struct timeval t = { .tv_sec = 10 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

UNUSED static int client_open(struct client *c, int port, bool tls)
{
    int r;

    *c = (struct client){ .fd = client_connect(port) };
    if (c->fd < 0 || !tls)
        return c->fd < 0 ? -1 : 0;
    gnutls_certificate_allocate_credentials(&c->cred);
    gnutls_init(&c->tls, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL);
    gnutls_set_default_priority(c->tls);
    gnutls_credentials_set(c->tls, GNUTLS_CRD_CERTIFICATE, c->cred);
    gnutls_transport_set_int(c->tls, c->fd);
    do {
        r = gnutls_handshake(c->tls);
    } while (r < 0 && !gnutls_error_is_fatal(r));
    return r;
}

UNUSED static void client_close(struct client *c)
{
    if (c->tls) {
        gnutls_deinit(c->tls);
        gnutls_certificate_free_credentials(c->cred);
    }
    close(c->fd);
    c->fd = -1;
    c->tls = NULL;
}

UNUSED static ssize_t client_read(struct client *c, void *to, size_t n)
{
    ssize_t r;
    int tries = 4; /* GnuTLS says "again" also after a session ticket */

    if (!c->tls)
        return recv(c->fd, to, n, 0);
    do {
        r = gnutls_record_recv(c->tls, to, n);
    } while (r < 0 && !gnutls_error_is_fatal((int)r) && tries-- > 0);
    return r;
}

/* All n bytes, or false. */
UNUSED static bool client_get(struct client *c, void *to, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t r = client_read(c, (char *)to + at, n - at);

        if (r <= 0)
            return false;
        at += (size_t)r;
    }
    return true;
}

UNUSED static bool client_put(struct client *c, const void *from, size_t n)
{
    for (size_t at = 0; at < n;) {
        const char *p = (const char *)from + at;
        ssize_t r =
            c->tls ? gnutls_record_send(c->tls, p, n - at) : send(c->fd, p, n - at, MSG_NOSIGNAL);

        if (r <= 0)
            return false;
        at += (size_t)r;
    }
    return true;
}

/* The status of the answer to the opening handshake; head (1,024 bytes) gets it. -1: none came. */
UNUSED static int client_upgrade_to(struct client *c, const char *protocols, char head[1024])
{
    char text[4096];
    size_t n = 0;
    int k = snprintf(text, sizeof text,
                     "GET /display HTTP/1.1\r\nHost: lane\r\nUpgrade: websocket\r\n"
                     "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                     "Sec-WebSocket-Protocol: %s\r\n\r\n",
                     protocols);

    if (!client_put(c, text, (size_t)k))
        return -1;
    while (n < 1023 && (n < 4 || memcmp(head + n - 4, "\r\n\r\n", 4) != 0)) {
        if (!client_get(c, head + n, 1))
            return -1;
        n++;
    }
    head[n] = '\0';
    return n > 12 ? (int)strtol(head + 9, NULL, 10) : -1;
}

UNUSED static int client_upgrade(struct client *c, const char *ticket, char head[1024])
{
    char protocols[TICKET_MAX + 32];

    snprintf(protocols, sizeof protocols, "bic.display.v1, %s", ticket);
    return client_upgrade_to(c, protocols, head);
}

/* One masked frame. */
UNUSED static bool client_frame(struct client *c, int op, const void *data, size_t n)
{
    const uint8_t mask[4] = { 0x12, 0x34, 0x56, 0x78 };
    uint8_t *f = malloc(n + 14);
    size_t at = 2;
    bool ok;

    f[0] = (uint8_t)(0x80 | op);
    f[1] = (uint8_t)(0x80 | (n < 126 ? n : n <= 0xFFFF ? 126 : 127));
    for (int i = n < 126 ? 0 : n <= 0xFFFF ? 2 : 8; i > 0; i--)
        f[at++] = (uint8_t)((uint64_t)n >> (8 * (i - 1)));
    memcpy(f + at, mask, 4);
    at += 4;
    for (size_t i = 0; i < n; i++)
        f[at + i] = ((const uint8_t *)data)[i] ^ mask[i % 4];
    ok = client_put(c, f, at + n);
    free(f);
    return ok;
}

/* One frame; its opcode, or -1 at the end. *n: room in, length out; what does not fit is dropped.
 */
UNUSED static int client_next(struct client *c, uint8_t *to, size_t *n)
{
    uint8_t head[2], more[8], waste;
    uint64_t length;
    int bytes;

    if (!client_get(c, head, 2))
        return -1;
    length = head[1] & 0x7F;
    bytes = length == 126 ? 2 : length == 127 ? 8 : 0;
    if (bytes && !client_get(c, more, (size_t)bytes))
        return -1;
    if (bytes)
        length = 0;
    for (int i = 0; i < bytes; i++)
        length = length << 8 | more[i];
    if (!client_get(c, to, length < *n ? length : *n))
        return -1;
    for (uint64_t i = *n; i < length; i++)
        if (!client_get(c, &waste, 1))
            return -1;
    *n = length < *n ? (size_t)length : *n;
    return head[0] & 0x0F;
}

/* Reads on until the close frame; its code, 1005 without, -1 when the stream ends before. */
UNUSED static int client_close_code(struct client *c)
{
    static uint8_t buffer[1 << 17];

    for (;;) {
        size_t n = sizeof buffer;
        int op = client_next(c, buffer, &n);

        if (op < 0)
            return -1;
        if (op == 8)
            return n >= 2 ? buffer[0] << 8 | buffer[1] : 1005;
    }
}

/* A stream of bytes out of the binary frames. */
struct stream {
    struct client *c;
    uint8_t frame[70000];
    size_t at, n;
};

UNUSED static bool stream_get(struct stream *s, uint8_t *to, size_t n)
{
    while (n > 0) {
        size_t k;

        if (s->at == s->n) {
            s->at = 0;
            s->n = sizeof s->frame;
            if (client_next(s->c, s->frame, &s->n) != 2)
                return false;
        }
        k = s->n - s->at < n ? s->n - s->at : n;
        memcpy(to, s->frame + s->at, k);
        s->at += k;
        to += k;
        n -= k;
    }
    return true;
}

/* RFB 3.8 with security None, up to ServerInit, then asks for the whole screen. */
UNUSED static bool client_rfb(struct stream *s)
{
    static const uint8_t one = 1, zero = 0, ask[10] = { 3, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF };
    uint8_t b[1024];
    size_t n;

    if (!stream_get(s, b, 12) || memcmp(b, "RFB 003.008\n", 12) != 0 ||
        !client_frame(s->c, 2, b, 12) || !stream_get(s, b, 1) || !stream_get(s, b + 1, b[0]) ||
        !client_frame(s->c, 2, &one, 1) || !stream_get(s, b, 4) || memcmp(b, "\0\0\0\0", 4) != 0 ||
        !client_frame(s->c, 2, &zero, 1) || !stream_get(s, b, 24))
        return false;
    n = (size_t)b[22] << 8 | b[23];
    return n <= sizeof b && stream_get(s, b, n) && client_frame(s->c, 2, ask, sizeof ask) &&
           stream_get(s, b, 4) && b[0] == 0;
}

/* A self-signed certificate for localhost, P-256. */
UNUSED static void make_certificate(const char *cert_path, const char *key_path)
{
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t crt;
    static const unsigned char serial[] = { 1 };
    const struct {
        const char *path;
        bool key;
    } files[] = { { cert_path, false }, { key_path, true } };

    gnutls_x509_privkey_init(&key);
    gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                 GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    gnutls_x509_crt_init(&crt);
    gnutls_x509_crt_set_version(crt, 3);
    gnutls_x509_crt_set_serial(crt, serial, sizeof serial);
    gnutls_x509_crt_set_activation_time(crt, time(NULL) - 3600);
    gnutls_x509_crt_set_expiration_time(crt, time(NULL) + 86400);
    gnutls_x509_crt_set_key(crt, key);
    gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, "localhost", 9);
    gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
    for (int i = 0; i < 2; i++) {
        gnutls_datum_t pem = { NULL, 0 };
        FILE *f = fopen(files[i].path, "w");

        if (files[i].key)
            gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem);
        else
            gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem);
        fwrite(pem.data, 1, pem.size, f);
        fclose(f);
        gnutls_free(pem.data);
    }
    gnutls_x509_crt_deinit(crt);
    gnutls_x509_privkey_deinit(key);
}

/* The agent's side. One desktop; fields are set by the test between its steps. */
enum script { QEMU_RFB, QEMU_FLOOD, QEMU_DEAF, QEMU_HANGS_UP };

struct agent {
    struct screen_host host;
    struct ticket_key key;
    struct id bserver, desktop, run, other_desktop;
    atomic_llong floor_seq, offset_ms;
    atomic_bool time_unknown, stopped, any_desktop;
    atomic_int script, fail, open_ms;       /* fail: enum err_code of open_graphics */
    atomic_int opened, closed, lane, qemus; /* qemus: threads that play one */
    atomic_llong bytes_out, flooded, heard;
};

struct qemu {
    struct agent *a;
    int fd;
};

UNUSED static bool qemu_get(int fd, uint8_t *to, size_t n)
{
    return recv(fd, to, n, MSG_WAITALL) == (ssize_t)n;
}

/* What QEMU says and expects; ends at the first thing that differs. */
UNUSED static void qemu_rfb(struct qemu *q)
{
    static const uint8_t types[] = { 1, 1 }, ok[4] = { 0 };
    static uint8_t update[16 + 16 * 16 * 4] = { 0, 0, 0, 1, [9] = 16, [11] = 16 };
    uint8_t init[24 + 3] = { 0x05, 0, 0x03, 0x20, 32, 24, 0, 1, [23] = 3, 'b', 'i', 'c' }, b[4096];

    send(q->fd, "RFB 003.008\n", 12, MSG_NOSIGNAL);
    if (!qemu_get(q->fd, b, 12) || memcmp(b, "RFB 003.008\n", 12) != 0)
        return;
    send(q->fd, types, sizeof types, MSG_NOSIGNAL);
    if (!qemu_get(q->fd, b, 1) || b[0] != 1)
        return;
    send(q->fd, ok, sizeof ok, MSG_NOSIGNAL);
    if (!qemu_get(q->fd, b, 1) || b[0] != 1) /* shared, whatever the browser asked for */
        return;
    send(q->fd, init, sizeof init, MSG_NOSIGNAL);
    while (qemu_get(q->fd, b, 1)) {
        static const uint8_t rest[256] = {
            [0] = 19, [2] = 3, [3] = 9, [4] = 7, [5] = 5, [255] = 11
        };

        if (!rest[b[0]] || !qemu_get(q->fd, b + 1, rest[b[0]]))
            return;
        if (b[0] == 2 && !qemu_get(q->fd, b + 4, 4U * (b[2] << 8 | b[3])))
            return;
        atomic_fetch_add(&q->a->heard, 1);
        if (b[0] == 3)
            send(q->fd, update, sizeof update, MSG_NOSIGNAL);
    }
}

/* As fast as it can: little-endian 32-bit numbers that count up, so that a lost byte is seen. */
UNUSED static void qemu_flood(struct qemu *q)
{
    uint32_t block[16384], next = 0;

    for (;;) {
        for (size_t i = 0; i < 16384; i++)
            block[i] = next++;
        for (size_t at = 0; at < sizeof block;) {
            ssize_t r = send(q->fd, (char *)block + at, sizeof block - at, MSG_NOSIGNAL);

            if (r <= 0)
                return;
            at += (size_t)r;
            atomic_fetch_add(&q->a->flooded, r);
        }
    }
}

UNUSED static void *qemu_run(void *arg)
{
    struct qemu *q = arg;

    if (q->a->script == QEMU_RFB)
        qemu_rfb(q);
    else if (q->a->script == QEMU_FLOOD)
        qemu_flood(q);
    else if (q->a->script == QEMU_DEAF)
        while (!atomic_load(&q->a->stopped) && q->a->script == QEMU_DEAF)
            usleep(20000);
    close(q->fd);
    atomic_fetch_sub(&q->a->qemus, 1);
    free(q);
    return NULL;
}

UNUSED static int agent_open(void *arg, const struct id *desktop, const struct id *run, int *fd,
                             struct err *e)
{
    struct agent *a = arg;
    struct qemu *q;
    pthread_t t;
    int pair[2];

    (void)desktop;
    if (a->open_ms)
        usleep((useconds_t)a->open_ms * 1000);
    if (a->fail)
        return err_set(e, (enum err_code)a->fail, "no graphics");
    if (!id_eq(run, &a->run) || a->stopped)
        return err_set(e, ERR_VM_STATE, "it does not run");
    q = calloc(1, sizeof *q);
    if (!q || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return err_set(e, ERR_VIRT_UNAVAILABLE, "no socket");
    *q = (struct qemu){ a, pair[1] };
    atomic_fetch_add(&a->qemus, 1);
    pthread_create(&t, NULL, qemu_run, q);
    pthread_detach(t);
    *fd = pair[0];
    return 0;
}

/* The bCenter's time: it goes as the boot clock does, whoever sets the machine's own right
 * meanwhile. */
UNUSED static int64_t agent_time(const struct agent *a)
{
    return 1700000000000 + clock_boot_ms() + a->offset_ms;
}

UNUSED static bool agent_now(void *arg, int64_t *ms)
{
    struct agent *a = arg;

    *ms = agent_time(a);
    return !a->time_unknown;
}

UNUSED static int agent_key(void *arg, const struct id *kid, unsigned char key[TICKET_PUBLIC],
                            struct err *e)
{
    struct agent *a = arg;

    if (!id_eq(kid, &a->key.kid))
        return err_set(e, ERR_TICKET_REFUSED, "no such key");
    memcpy(key, a->key.public_key, TICKET_PUBLIC);
    return 0;
}

UNUSED static bool agent_desktop(void *arg, const struct id *desktop, struct id *run,
                                 int64_t *floor_seq)
{
    struct agent *a = arg;

    if (!a->any_desktop && !id_eq(desktop, &a->desktop) && !id_eq(desktop, &a->other_desktop))
        return false;
    *run = a->stopped ? (struct id){ "" } : a->run;
    *floor_seq = a->floor_seq;
    return true;
}

UNUSED static void agent_opened(void *arg, const struct id *session, const struct id *desktop,
                                int64_t seq, int lane)
{
    struct agent *a = arg;

    (void)session, (void)desktop, (void)seq;
    atomic_store(&a->lane, lane);
    atomic_fetch_add(&a->opened, 1);
}

UNUSED static void agent_closed(void *arg, const struct id *session, const struct id *desktop,
                                int64_t seq, int64_t bytes_out)
{
    struct agent *a = arg;

    (void)session, (void)desktop, (void)seq;
    atomic_fetch_add(&a->bytes_out, bytes_out);
    atomic_fetch_add(&a->closed, 1);
}

UNUSED static void agent_init(struct agent *a)
{
    *a = (struct agent){
        .bserver = id_new(), .desktop = id_new(), .run = id_new(), .other_desktop = id_new()
    };
    a->host = (struct screen_host){ a,           agent_open,    agent_now,
                                    agent_key,   agent_desktop, agent_opened,
                                    agent_closed };
    ticket_key_make(&a->key);
}

UNUSED static struct ticket agent_ticket(struct agent *a)
{
    return (struct ticket){ .bserver = a->bserver,
                            .desktop = a->desktop,
                            .run = a->run,
                            .session = id_new(),
                            .person = id_new(),
                            .seq = 5,
                            .iat_ms = agent_time(a) };
}

#endif
