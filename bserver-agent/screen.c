#include "bserver-agent/screen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bserver-agent/lane_link.h"
#include "bserver-agent/screen_conn.h"

#include "common/base/cleanup.h"

enum { BACKLOG = 256, LANES_MAX = 16 };

DEFINE_AUTO(auto_addrinfo, struct addrinfo *, freeaddrinfo)
DEFINE_AUTO(auto_screen, struct screen *, screen_stop)
DEFINE_AUTO(auto_text, char *, free)

static bool loopback(const struct sockaddr *a)
{
    if (a->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr) >> 24 == 127;
    return a->sa_family == AF_INET6 &&
           IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr);
}

/* "127.0.0.1:0" or "[::1]:0": numbers only, a listener must not wait for a name server. */
static int resolve(const char *text, struct addrinfo **out, struct err *e)
{
    const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                    .ai_socktype = SOCK_STREAM };
    AUTO(auto_text) char *copy = strdup(text);
    char *colon = copy ? strrchr(copy, ':') : NULL, *host = copy;

    if (!copy)
        return err_set(e, ERR_INTERNAL, "out of memory");
    if (colon) {
        *colon = '\0';
        if (host[0] == '[' && colon > copy && colon[-1] == ']') {
            colon[-1] = '\0';
            host++;
        }
    }
    if (!colon || getaddrinfo(host, colon + 1, &hints, out) != 0)
        return err_set(e, ERR_INVALID_REQUEST, "display_listen: \"%s\" is not ADDRESS:PORT", text);
    return 0;
}

static int port_of(int fd)
{
    struct sockaddr_storage a;
    socklen_t n = sizeof a;

    if (getsockname(fd, (struct sockaddr *)&a, &n) < 0)
        return -1;
    return ntohs(a.ss_family == AF_INET
                     ? ((const struct sockaddr_in *)(const void *)&a)->sin_port
                     : ((const struct sockaddr_in6 *)(const void *)&a)->sin6_port);
}

static int listen_at(const char *text, bool plain, int *fd, struct err *e)
{
    AUTO(auto_addrinfo) struct addrinfo *a = NULL;
    const int on = 1;

    if (resolve(text, &a, e) < 0)
        return -1;
    if (plain && !loopback(a->ai_addr))
        return err_set(e, ERR_INVALID_REQUEST, "display_listen: %s needs display_cert", text);
    *fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0 || setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(*fd, a->ai_addr, a->ai_addrlen) < 0 || listen(*fd, BACKLOG) < 0) {
        err_set(e, ERR_INTERNAL, "display_listen: %s cannot be opened", text);
        return err_cause(e, "errno %d", errno);
    }
    return 0;
}

static bool given(const char *path)
{
    return path && path[0];
}

static int fill(struct screen *s, const struct screen_spec *spec, struct err *e)
{
    if (given(spec->cert_pem)) {
        s->cert_pem = strdup(spec->cert_pem);
        s->key_pem = strdup(given(spec->key_pem) ? spec->key_pem : "");
        if (!s->cert_pem || !s->key_pem)
            return err_set(e, ERR_INTERNAL, "out of memory");
        if (screen_tls_files_load(s->cert_pem, s->key_pem, &s->files, e) < 0)
            return -1;
    }
    s->guard = screen_guard_new(&spec->bserver);
    return s->guard ? 0 : err_set(e, ERR_INTERNAL, "out of memory");
}

static int listeners(struct screen *s, const struct screen_spec *spec, struct err *e)
{
    int n = 0;

    while (spec->listen[n])
        n++;
    if (n == 0 || n > LANES_MAX)
        return err_set(e, ERR_INVALID_REQUEST, "display_listen: 1 to %d lanes", LANES_MAX);
    s->lanes = calloc((size_t)n, sizeof *s->lanes);
    if (!s->lanes)
        return err_set(e, ERR_INTERNAL, "out of memory");
    for (; s->lanes_n < n; s->lanes_n++) {
        struct lane *l = &s->lanes[s->lanes_n];

        l->screen = s;
        l->no = s->lanes_n;
        l->listener = l->epoll = l->wake = -1;
        pthread_mutex_init(&l->lock, NULL);
    }
    for (int i = 0; i < n; i++) {
        if (listen_at(spec->listen[i], !s->cert_pem, &s->lanes[i].listener, e) < 0)
            return -1;
        s->lanes[i].port = port_of(s->lanes[i].listener);
    }
    return 0;
}

int screen_start(const struct screen_spec *spec, struct screen **out, struct err *e)
{
    AUTO(auto_screen) struct screen *s = NULL;

    if (sodium_init() < 0 || !(s = calloc(1, sizeof *s)))
        return err_set(e, ERR_INTERNAL, "out of memory");
    s->host = spec->host;
    pthread_mutex_init(&s->files_lock, NULL);
    screen_opener_init(&s->opener);
    if (fill(s, spec, e) < 0 || listeners(s, spec, e) < 0 || screen_opener_start(s, e) < 0)
        return -1;
    for (int i = 0; i < s->lanes_n; i++)
        if (screen_lane_start(&s->lanes[i], e) < 0)
            return -1;
    *out = MOVE(s);
    return 0;
}

int screen_port(const struct screen *s, int lane)
{
    return lane >= 0 && lane < s->lanes_n ? s->lanes[lane].port : -1;
}

bool screen_lane_up(const struct screen *s, int lane)
{
    struct sockaddr_storage a;
    socklen_t n = sizeof a;

    return lane >= 0 && lane < s->lanes_n &&
           getsockname(s->lanes[lane].listener, (struct sockaddr *)&a, &n) == 0 &&
           lane_link_up((const struct sockaddr *)&a);
}

int screen_count(const struct screen *s)
{
    return atomic_load(&s->open);
}

static void kick_all(struct screen *s, const struct kick *k)
{
    for (int i = 0; i < s->lanes_n; i++)
        screen_lane_kick(&s->lanes[i], k);
}

void screen_session_floor(struct screen *s, const struct id *desktop, int64_t seq,
                          const struct id *live_session)
{
    const struct id none = { "" };
    const struct kick k = { .desktop = desktop,
                            .live_session = live_session ? live_session : &none,
                            .seq = seq,
                            .code = WS_SESSION_ENDED };

    screen_guard_floor(s->guard, desktop, seq); /* first: nobody slips in behind the kick */
    kick_all(s, &k);
}

void screen_desktop_stopped(struct screen *s, const struct id *desktop)
{
    const struct kick k = { .desktop = desktop, .code = WS_DESKTOP_STOPPED };

    kick_all(s, &k);
}

int screen_reload_tls(struct screen *s, struct err *e)
{
    struct tls_files *fresh = NULL, *old;

    if (!s->cert_pem)
        return 0;
    if (screen_tls_files_load(s->cert_pem, s->key_pem, &fresh, e) < 0)
        return -1;
    pthread_mutex_lock(&s->files_lock);
    old = s->files;
    s->files = fresh;
    pthread_mutex_unlock(&s->files_lock);
    screen_tls_files_unref(old);
    return 0;
}

void screen_stop(struct screen *s)
{
    if (!s)
        return;
    atomic_store(&s->stopping, true);
    for (int i = 0; i < s->lanes_n; i++)
        screen_lane_wake(&s->lanes[i]);
    for (int i = 0; i < s->lanes_n; i++)
        screen_lane_join(&s->lanes[i]);
    screen_opener_stop(&s->opener);
    for (int i = 0; i < s->lanes_n; i++)
        screen_lane_free(&s->lanes[i]);
    free(s->lanes);
    screen_tls_files_unref(s->files);
    pthread_mutex_destroy(&s->files_lock);
    screen_guard_free(s->guard);
    free(s->cert_pem);
    free(s->key_pem);
    free(s);
}
