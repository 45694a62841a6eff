#include "bserver-agent/lane_link.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "common/base/cleanup.h"

DEFINE_AUTO(auto_ifaddrs, struct ifaddrs *, freeifaddrs)

static const struct in_addr *v4(const struct sockaddr *a)
{
    return &((const struct sockaddr_in *)(const void *)a)->sin_addr;
}

static const struct in6_addr *v6(const struct sockaddr *a)
{
    return &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
}

static bool wildcard(const struct sockaddr *a)
{
    return a->sa_family == AF_INET6 ? IN6_IS_ADDR_UNSPECIFIED(v6(a)) : v4(a)->s_addr == INADDR_ANY;
}

static bool same(const struct sockaddr *a, const struct sockaddr *b)
{
    if (!b || a->sa_family != b->sa_family)
        return false;
    return a->sa_family == AF_INET6 ? IN6_ARE_ADDR_EQUAL(v6(a), v6(b))
                                    : v4(a)->s_addr == v4(b)->s_addr;
}

/* All of 127.0.0.0/8 is the loopback's, whichever of them it has. */
static bool has(const struct ifaddrs *i, const struct sockaddr *a)
{
    if ((i->ifa_flags & IFF_LOOPBACK) && a->sa_family == AF_INET && i->ifa_addr &&
        i->ifa_addr->sa_family == AF_INET)
        return ntohl(v4(a)->s_addr) >> 24 == 127;
    return same(a, i->ifa_addr);
}

bool lane_link_up(const struct sockaddr *address)
{
    AUTO(auto_ifaddrs) struct ifaddrs *all = NULL;

    if ((address->sa_family != AF_INET && address->sa_family != AF_INET6) || wildcard(address) ||
        getifaddrs(&all) < 0)
        return true;
    for (const struct ifaddrs *i = all; i; i = i->ifa_next)
        if (has(i, address) && (i->ifa_flags & IFF_UP) && (i->ifa_flags & IFF_RUNNING))
            return true;
    return false;
}
