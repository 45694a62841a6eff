#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "bserver-agent/screen_conn.h"

#include "common/base/cleanup.h"

struct tls_files {
    atomic_int refs;
    gnutls_certificate_credentials_t certificate;
    gnutls_priority_t priority;
};

/* The only place where a GnuTLS error of the files becomes one of ours. */
static int files_fail(int code, const char *what, struct err *e)
{
    err_set(e, ERR_INVALID_REQUEST, "the display certificate cannot be used");
    return err_cause(e, "%s: gnutls %d: %s", what, code, gnutls_strerror(code));
}

int screen_tls_files_load(const char *cert, const char *key, struct tls_files **out, struct err *e)
{
    struct tls_files *f = calloc(1, sizeof *f);
    int r;

    if (!f)
        return err_set(e, ERR_INTERNAL, "out of memory");
    f->refs = 1;
    r = gnutls_certificate_allocate_credentials(&f->certificate);
    if (r == 0)
        r = gnutls_certificate_set_x509_key_file(f->certificate, cert, key, GNUTLS_X509_FMT_PEM);
    if (r >= 0)
        r = gnutls_priority_init(&f->priority, "NORMAL:-VERS-ALL:+VERS-TLS1.3", NULL);
    if (r < 0) {
        screen_tls_files_unref(f);
        return files_fail(r, cert, e);
    }
    *out = f;
    return 0;
}

struct tls_files *screen_tls_files_ref(struct tls_files *f)
{
    if (f)
        atomic_fetch_add(&f->refs, 1);
    return f;
}

void screen_tls_files_unref(struct tls_files *f)
{
    if (!f || atomic_fetch_sub(&f->refs, 1) > 1)
        return;
    if (f->certificate)
        gnutls_certificate_free_credentials(f->certificate);
    if (f->priority)
        gnutls_priority_deinit(f->priority);
    free(f);
}

/*
 * GnuTLS hands over one record at a time. Told that more follow, the kernel makes one large packet
 * of them instead of one for each 16 KiB.
 */
static ssize_t push(gnutls_transport_ptr_t arg, const giovec_t *iov, int n)
{
    struct conn *c = arg;
    struct msghdr m = { .msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)n };

    return sendmsg(c->fd, &m, MSG_NOSIGNAL | (c->tls_more ? MSG_MORE : 0));
}

int screen_conn_tls_start(struct conn *c)
{
    if (gnutls_init(&c->tls,
                    GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS) < 0) {
        c->tls = NULL;
        return -1;
    }
    if (gnutls_priority_set(c->tls, c->files->priority) < 0 ||
        gnutls_credentials_set(c->tls, GNUTLS_CRD_CERTIFICATE, c->files->certificate) < 0)
        return -1;
    gnutls_certificate_server_set_request(c->tls, GNUTLS_CERT_IGNORE);
    gnutls_transport_set_int(c->tls, c->fd);
    gnutls_transport_set_ptr2(c->tls, (gnutls_transport_ptr_t)(intptr_t)c->fd, c);
    gnutls_transport_set_vec_push_function(c->tls, push);
    return 0;
}

int screen_conn_tls_step(struct conn *c)
{
    int r;

    do {
        r = gnutls_handshake(c->tls);
    } while (r < 0 && r != GNUTLS_E_AGAIN && r != GNUTLS_E_INTERRUPTED &&
             !gnutls_error_is_fatal(r));
    return r == 0 ? 0 : gnutls_error_is_fatal(r) ? -EIO : -EAGAIN;
}

static ssize_t plain(ssize_t r)
{
    return r >= 0 ? r : errno == EAGAIN || errno == EINTR ? -EAGAIN : -EIO;
}

ssize_t screen_conn_read(struct conn *c, void *to, size_t n)
{
    ssize_t r;

    if (!c->tls)
        return plain(recv(c->fd, to, n, 0));
    r = gnutls_record_recv(c->tls, to, n);
    if (r >= 0)
        return r;
    return gnutls_error_is_fatal((int)r) ? -EIO : -EAGAIN;
}

/* After -EAGAIN the same bytes are offered again: GnuTLS has made a record of them already. */
ssize_t screen_conn_write(struct conn *c, const void *from, size_t n)
{
    ssize_t r;

    if (!c->tls)
        return plain(send(c->fd, from, n, MSG_NOSIGNAL));
    c->tls_more = n > gnutls_record_get_max_size(c->tls);
    r = c->tls_unsent ? gnutls_record_send(c->tls, NULL, 0) : gnutls_record_send(c->tls, from, n);
    if (r < 0 && gnutls_error_is_fatal((int)r))
        return -EIO;
    c->tls_unsent = r < 0;
    return r < 0 ? -EAGAIN : r;
}

void screen_conn_shutdown(struct conn *c)
{
    if (c->tls && c->state != CONN_TLS && !c->broken) {
        c->tls_more = false;
        gnutls_bye(c->tls, GNUTLS_SHUT_WR); /* does not block; if it does not go out, so be it */
    }
    shutdown(c->fd, SHUT_WR);
}
