#include "bserver-agent/io_vf.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { ANSWER_MAX = 1 << 20, WAIT_S = 2 };

/* The next attribute of at most *left bytes; NULL at the end or where its length is a lie. */
static const struct rtattr *attribute(const struct rtattr *a, size_t left)
{
    return left >= sizeof *a && a->rta_len >= sizeof *a && a->rta_len <= left ? a : NULL;
}

static size_t payload(const struct rtattr *a)
{
    return a->rta_len - RTA_LENGTH(0);
}

static const void *inside(const struct rtattr *a)
{
    return (const char *)a + RTA_LENGTH(0);
}

static const struct rtattr *next(const struct rtattr *a, size_t *left)
{
    size_t step = RTA_ALIGN(a->rta_len);

    if (step > *left)
        step = *left;
    *left -= step;
    return attribute((const struct rtattr *)(const void *)((const char *)a + step), *left);
}

static const struct rtattr *first(const struct rtattr *nest, size_t *left)
{
    *left = payload(nest);
    return attribute(inside(nest), *left);
}

static unsigned type(const struct rtattr *a)
{
    return a->rta_type & NLA_TYPE_MASK;
}

static uint64_t frames(const struct rtattr *stats)
{
    uint64_t sum = 0, one;
    size_t left;

    for (const struct rtattr *a = first(stats, &left); a; a = next(a, &left))
        if ((type(a) == IFLA_VF_STATS_RX_PACKETS || type(a) == IFLA_VF_STATS_TX_PACKETS) &&
            payload(a) >= sizeof one) {
            memcpy(&one, inside(a), sizeof one);
            sum += one;
        }
    return sum;
}

/* A function's number stands in each of its attributes; its MAC is always there. */
static void one_function(const struct rtattr *info, struct io_vf *out)
{
    struct ifla_vf_mac mac = { .vf = IO_VF_MAX };
    uint64_t sum = 0;
    size_t left;

    for (const struct rtattr *a = first(info, &left); a; a = next(a, &left)) {
        if (type(a) == IFLA_VF_MAC && payload(a) >= sizeof mac)
            memcpy(&mac, inside(a), sizeof mac);
        else if (type(a) == IFLA_VF_STATS)
            sum = frames(a);
    }
    if (mac.vf >= IO_VF_MAX)
        return;
    out->frames[mac.vf] = sum;
    out->counted = out->counted || sum > 0;
}

bool io_vf_parse(const void *message, size_t n, struct io_vf *out)
{
    const struct nlmsghdr *head = message;
    const struct rtattr *a, *info;
    size_t left, of_list;

    memset(out, 0, sizeof *out);
    if (n < NLMSG_LENGTH(sizeof(struct ifinfomsg)) || head->nlmsg_len > n ||
        head->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifinfomsg)) || head->nlmsg_type != RTM_NEWLINK)
        return false;
    left = head->nlmsg_len - NLMSG_SPACE(sizeof(struct ifinfomsg));
    a = (const struct rtattr *)(const void *)((const char *)message +
                                              NLMSG_SPACE(sizeof(struct ifinfomsg)));
    for (a = attribute(a, left); a; a = next(a, &left))
        if (type(a) == IFLA_VFINFO_LIST)
            for (info = first(a, &of_list); info; info = next(info, &of_list))
                if (type(info) == IFLA_VF_INFO)
                    one_function(info, out);
    return true;
}

/* Asks and waits; malloc'd answer of *n bytes or NULL. */
static void *ask(int fd, const char *pf, size_t *n)
{
    struct {
        struct nlmsghdr head;
        struct ifinfomsg link;
        struct rtattr mask;
        uint32_t bits;
    } q = {
        .head = { .nlmsg_len = sizeof q, .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST },
        .link = { .ifi_family = AF_UNSPEC },
        .mask = { RTA_LENGTH(sizeof(uint32_t)), IFLA_EXT_MASK },
        .bits = RTEXT_FILTER_VF
    };
    const struct timeval wait = { .tv_sec = WAIT_S };
    void *answer;
    ssize_t size;

    q.link.ifi_index = (int)if_nametoindex(pf);
    if (!q.link.ifi_index || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) < 0 ||
        send(fd, &q, sizeof q, 0) < 0)
        return NULL;
    size = recv(fd, NULL, 0, MSG_PEEK | MSG_TRUNC);
    answer = size > 0 && size <= ANSWER_MAX ? malloc((size_t)size) : NULL;
    if (!answer)
        return NULL;
    size = recv(fd, answer, (size_t)size, 0);
    if (size <= 0) {
        free(answer);
        return NULL;
    }
    *n = (size_t)size;
    return answer;
}

int io_vf_read(const char *pf, struct io_vf *out, struct err *e)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), why;
    size_t n = 0;
    void *answer = fd >= 0 ? ask(fd, pf, &n) : NULL;
    bool good;

    why = errno;
    if (fd >= 0)
        close(fd);
    good = answer && io_vf_parse(answer, n, out);
    free(answer);
    if (good)
        return 0;
    err_set(e, ERR_INTERNAL, "the kernel does not tell about the virtual functions");
    return err_cause(e, "RTM_GETLINK %s: errno %d", pf, why);
}
