#include "bserver-agent/io_nic.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bserver-agent/io_source.h"

enum { PATH = 256 };

void io_nic_add(struct io_nics *nics, const char *name)
{
    if (!name[0] || name[0] == '.' || strchr(name, '/') || strlen(name) >= IF_NAMESIZE ||
        nics->n == IO_NIC_MAX)
        return;
    for (int i = 0; i < nics->n; i++)
        if (strcmp(nics->name[i], name) == 0)
            return;
    snprintf(nics->name[nics->n++], IF_NAMESIZE, "%s", name);
}

/* An address as its bytes: 4, 16, or 0 of them. */
static size_t bytes_of(const struct sockaddr *a, const void **bytes)
{
    if (a && a->sa_family == AF_INET) {
        *bytes = &((const struct sockaddr_in *)(const void *)a)->sin_addr;
        return 4;
    }
    if (a && a->sa_family == AF_INET6) {
        *bytes = &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
        return 16;
    }
    return 0;
}

static size_t read_address(const char *listen, unsigned char to[16])
{
    const char *colon = strrchr(listen, ':');
    bool six = listen[0] == '[';
    char host[64];
    size_t n = colon ? (size_t)(colon - listen) : 0;

    if (six && n > 2 && listen[n - 1] == ']') {
        listen++;
        n -= 2;
    }
    if (n == 0 || n >= sizeof host)
        return 0;
    memcpy(host, listen, n);
    host[n] = '\0';
    if (inet_pton(six ? AF_INET6 : AF_INET, host, to) != 1)
        return 0;
    return six ? 16 : 4;
}

void io_nic_of_listener(struct io_nics *nics, const char *listen)
{
    static const unsigned char any[16];
    unsigned char wanted[16];
    size_t n = read_address(listen, wanted);
    bool all = n && memcmp(wanted, any, n) == 0;
    struct ifaddrs *list = NULL;
    const void *bytes;

    if (!n || getifaddrs(&list) < 0)
        return;
    for (struct ifaddrs *a = list; a; a = a->ifa_next) {
        size_t size = bytes_of(a->ifa_addr, &bytes);
        bool up = (a->ifa_flags & IFF_UP) && !(a->ifa_flags & IFF_LOOPBACK);

        if (all ? size && up : size == n && memcmp(bytes, wanted, n) == 0)
            io_nic_add(nics, a->ifa_name);
    }
    freeifaddrs(list);
}

void io_nic_below(struct io_nics *nics, const char *sysfs)
{
    char path[PATH];
    struct dirent *d;

    for (int i = 0; i < nics->n; i++) { /* grows meanwhile */
        DIR *dir;

        snprintf(path, sizeof path, "%.200s/class/net/%s", sysfs, nics->name[i]);
        dir = opendir(path);
        while (dir && (d = readdir(dir)) != NULL)
            if (strncmp(d->d_name, "lower_", 6) == 0)
                io_nic_add(nics, d->d_name + 6);
        if (dir)
            closedir(dir);
    }
}

static uint64_t count(const char *sysfs, const char *nic, const char *name)
{
    char path[PATH], text[32];
    uint64_t value = 0;
    FILE *f;

    snprintf(path, sizeof path, "%.180s/class/net/%s/statistics/%s", sysfs, nic, name);
    f = fopen(path, "re");
    if (f && fgets(text, sizeof text, f))
        value = strtoull(text, NULL, 10);
    if (f)
        fclose(f);
    return value;
}

uint64_t io_nic_dropped(const struct io_nics *nics, const char *sysfs, uint64_t *which)
{
    static const char *const files[] = { "rx_missed_errors", "rx_fifo_errors", "tx_dropped" };
    uint64_t sum = 0;

    *which = 0;
    for (int i = 0; i < nics->n; i++) {
        *which = io_fold(*which, nics->name[i]);
        for (size_t k = 0; k < sizeof files / sizeof *files; k++)
            sum += count(sysfs, nics->name[i], files[k]);
    }
    return sum;
}
