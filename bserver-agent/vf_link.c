#include "bserver-agent/vf_link.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { MESSAGE_MAX = 1 << 17, ANSWER_S = 5, MAC_BYTES = 6 };

/* ---- reading. Every length is the sender's word: none is believed beyond the message. */

struct span {
    const unsigned char *at;
    size_t left;
};

static bool next_attr(struct span *s, struct nlattr *head, struct span *body)
{
    size_t step;

    if (s->left < sizeof *head)
        return false;
    memcpy(head, s->at, sizeof *head);
    if (head->nla_len < sizeof *head || head->nla_len > s->left)
        return false;
    *body = (struct span){ s->at + sizeof *head, head->nla_len - sizeof *head };
    step = NLA_ALIGN(head->nla_len);
    step = step < s->left ? step : s->left;
    s->at += step;
    s->left -= step;
    head->nla_type &= NLA_TYPE_MASK;
    return true;
}

static bool take(const struct span *body, void *to, size_t size)
{
    if (body->left < size)
        return false;
    memcpy(to, body->at, size);
    return true;
}

static void read_mac(const struct span *b, struct vf_link *v, unsigned *index)
{
    struct ifla_vf_mac m;

    if (!take(b, &m, sizeof m))
        return;
    *index = m.vf;
    snprintf(v->mac, sizeof v->mac, "%02x:%02x:%02x:%02x:%02x:%02x", m.mac[0], m.mac[1], m.mac[2],
             m.mac[3], m.mac[4], m.mac[5]);
}

static void read_rate(const struct span *b, struct vf_link *v)
{
    struct ifla_vf_rate r;

    if (take(b, &r, sizeof r))
        v->rate_mbps = r.max_tx_rate <= 1000000 ? (int)r.max_tx_rate : -1;
}

static void read_one(struct span info, struct vf_link *vfs, int n)
{
    struct vf_link v = {
        .known = true, .vlan = -1, .spoof_check = -1, .rate_mbps = -1, .link = -1
    };
    struct ifla_vf_spoofchk spoof;
    struct ifla_vf_link_state state;
    struct ifla_vf_vlan vlan;
    unsigned index = (unsigned)n;
    struct nlattr head;
    struct span body;

    while (next_attr(&info, &head, &body)) {
        if (head.nla_type == IFLA_VF_MAC)
            read_mac(&body, &v, &index);
        else if (head.nla_type == IFLA_VF_VLAN && take(&body, &vlan, sizeof vlan))
            v.vlan = vlan.vlan <= 4094 ? (int)vlan.vlan : -1;
        else if (head.nla_type == IFLA_VF_SPOOFCHK && take(&body, &spoof, sizeof spoof))
            v.spoof_check = spoof.setting <= 1 ? (int)spoof.setting : -1; /* ~0: not told */
        else if (head.nla_type == IFLA_VF_RATE)
            read_rate(&body, &v);
        else if (head.nla_type == IFLA_VF_LINK_STATE && take(&body, &state, sizeof state))
            v.link = state.link_state != IFLA_VF_LINK_STATE_DISABLE;
    }
    if (index < (unsigned)n)
        vfs[index] = v;
}

void vf_link_parse(const void *message, size_t size, struct vf_link *vfs, int n)
{
    const size_t head = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct ifinfomsg));
    struct span s = { (const unsigned char *)message + head, size - head }, list, one;
    struct nlattr h;

    if (size < head)
        return;
    while (next_attr(&s, &h, &list)) {
        if (h.nla_type != IFLA_VFINFO_LIST)
            continue;
        while (next_attr(&list, &h, &one))
            if (h.nla_type == IFLA_VF_INFO)
                read_one(one, vfs, n);
    }
}

/* ---- building */

struct out {
    unsigned char *at;
    size_t size, used;
    bool full;
};

static size_t put(struct out *o, int type, const void *body, size_t n)
{
    struct nlattr h = { .nla_len = (unsigned short)(sizeof h + n),
                        .nla_type = (unsigned short)type };
    size_t at = o->used, whole = NLA_ALIGN(sizeof h + n);

    if (o->size - o->used < whole) {
        o->full = true;
        return at;
    }
    memset(o->at + at, 0, whole);
    memcpy(o->at + at, &h, sizeof h);
    if (n)
        memcpy(o->at + at + sizeof h, body, n);
    o->used += whole;
    return at;
}

static void end_nest(struct out *o, size_t at)
{
    struct nlattr h;

    if (o->full)
        return;
    memcpy(&h, o->at + at, sizeof h);
    h.nla_len = (unsigned short)(o->used - at);
    h.nla_type |= NLA_F_NESTED;
    memcpy(o->at + at, &h, sizeof h);
}

static void put_wish(struct out *o, const struct vf_link_wish *w)
{
    struct ifla_vf_mac mac = { .vf = (unsigned)w->index };
    struct ifla_vf_vlan vlan = { .vf = (unsigned)w->index, .vlan = (unsigned)w->vlan };
    struct ifla_vf_rate rate = { .vf = (unsigned)w->index, .max_tx_rate = (unsigned)w->rate_mbps };
    struct ifla_vf_spoofchk spoof = { .vf = (unsigned)w->index,
                                      .setting = (unsigned)w->spoof_check };
    unsigned b[MAC_BYTES] = { 0 };

    if (w->mac) {
        (void)!sscanf(w->mac, "%2x:%2x:%2x:%2x:%2x:%2x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]);
        for (int i = 0; i < MAC_BYTES; i++)
            mac.mac[i] = (unsigned char)b[i];
        put(o, IFLA_VF_MAC, &mac, sizeof mac);
    }
    if (w->vlan >= 0)
        put(o, IFLA_VF_VLAN, &vlan, sizeof vlan);
    if (w->spoof_check >= 0)
        put(o, IFLA_VF_SPOOFCHK, &spoof, sizeof spoof);
    if (w->rate_mbps >= 0)
        put(o, IFLA_VF_RATE, &rate, sizeof rate);
}

size_t vf_link_build(void *buffer, size_t size, int ifindex, const struct vf_link_wish *w)
{
    const size_t head = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct ifinfomsg));
    struct ifinfomsg i = { .ifi_family = AF_UNSPEC, .ifi_index = ifindex };
    struct nlmsghdr h = { .nlmsg_type = RTM_SETLINK, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK };
    struct out o = { .at = buffer, .size = size, .used = head };
    size_t list, one;

    if (size < head)
        return 0;
    memset(buffer, 0, head);
    list = put(&o, IFLA_VFINFO_LIST, NULL, 0);
    one = put(&o, IFLA_VF_INFO, NULL, 0);
    put_wish(&o, w);
    end_nest(&o, one);
    end_nest(&o, list);
    if (o.full)
        return 0;
    h.nlmsg_len = (unsigned)o.used;
    memcpy(o.at, &h, sizeof h);
    memcpy(o.at + NLMSG_HDRLEN, &i, sizeof i);
    return o.used;
}

/* ---- the kernel */

/* Sends, and reads the one answer into buffer. Its size; -1 and errno. */
static ssize_t ask(const void *message, size_t size, void *buffer, size_t room)
{
    const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
    const struct timeval patience = { .tv_sec = ANSWER_S };
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    ssize_t n = -1;

    if (fd < 0)
        return -1;
    (void)!setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (sendto(fd, message, size, 0, (const struct sockaddr *)&kernel, sizeof kernel) >= 0)
        n = recv(fd, buffer, room, 0);
    close(fd);
    return n;
}

/* 0, or the errno that the answer carries. */
static int answered(const void *buffer, ssize_t n)
{
    struct nlmsghdr h;
    int error;

    if (n < (ssize_t)sizeof h)
        return EPROTO;
    memcpy(&h, buffer, sizeof h);
    if (h.nlmsg_len > (size_t)n)
        return EPROTO;
    if (h.nlmsg_type != NLMSG_ERROR)
        return 0;
    if (h.nlmsg_len < NLMSG_HDRLEN + sizeof error)
        return EPROTO;
    memcpy(&error, (const unsigned char *)buffer + NLMSG_HDRLEN, sizeof error);
    return -error;
}

static int refused(struct err *e, const char *pf, int error)
{
    err_set(e, error == ENODEV ? ERR_NOT_FOUND : ERR_PRECONDITION,
            "the settings of virtual functions of %.31s cannot be reached", pf);
    return err_cause(e, "rtnetlink: errno %d", error);
}

int vf_link_read(const char *pf, struct vf_link *vfs, int n, struct err *e)
{
    struct {
        struct nlmsghdr h;
        struct ifinfomsg i;
        struct nlattr a;
        unsigned filter;
    } q = { .h = { .nlmsg_len = sizeof q, .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST },
            .i = { .ifi_family = AF_UNSPEC, .ifi_index = (int)if_nametoindex(pf) },
            .a = { .nla_len = sizeof(struct nlattr) + sizeof(unsigned), .nla_type = IFLA_EXT_MASK },
            .filter = RTEXT_FILTER_VF };
    unsigned char *buffer;
    ssize_t got;
    int error;

    if (q.i.ifi_index == 0)
        return refused(e, pf, ENODEV);
    buffer = malloc(MESSAGE_MAX);
    if (!buffer)
        return err_set(e, ERR_INTERNAL, "out of memory");
    got = ask(&q, sizeof q, buffer, MESSAGE_MAX);
    error = got < 0 ? errno : answered(buffer, got);
    memset(vfs, 0, (size_t)n * sizeof *vfs);
    if (error == 0)
        vf_link_parse(buffer, (size_t)got, vfs, n);
    free(buffer);
    return error == 0 ? 0 : refused(e, pf, error);
}

int vf_link_set(const char *pf, const struct vf_link_wish *w, struct err *e)
{
    unsigned char message[256], buffer[4096];
    unsigned ifindex = if_nametoindex(pf);
    size_t size = ifindex ? vf_link_build(message, sizeof message, (int)ifindex, w) : 0;
    ssize_t got;
    int error;

    if (size == 0)
        return refused(e, pf, ENODEV);
    got = ask(message, size, buffer, sizeof buffer);
    error = got < 0 ? errno : answered(buffer, got);
    return error == 0 ? 0 : refused(e, pf, error);
}
