#include <linux/tcp.h> /* knows more of TCP_INFO than the C library, and not beside it */
#include <netinet/in.h>
#include <string.h>

#include "bserver-agent/screen_conn.h"

void screen_conn_segments(const struct conn *c, uint64_t *sent, uint64_t *resent)
{
    struct tcp_info info;
    socklen_t n = sizeof info;

    memset(&info, 0, sizeof info); /* an older kernel fills less */
    if (!c->admitted || getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &n) < 0)
        return;
    *sent += info.tcpi_data_segs_out;
    *resent += info.tcpi_total_retrans;
}

static void lane_segments(struct lane *l, uint64_t *sent, uint64_t *resent)
{
    pthread_mutex_lock(&l->lock);
    *sent += l->sent;
    *resent += l->resent;
    for (const struct conn *c = l->conns; c; c = c->next)
        screen_conn_segments(c, sent, resent);
    pthread_mutex_unlock(&l->lock);
}

void screen_segments(struct screen *s, uint64_t *sent, uint64_t *resent)
{
    *sent = *resent = 0;
    for (int i = 0; i < s->lanes_n; i++)
        lane_segments(&s->lanes[i], sent, resent);
}
