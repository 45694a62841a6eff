#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bserver-agent/inventory.h"

enum { PATH = 512, CPUS = 4096 };

/* First line of a small file, without its end; false if it cannot be read. */
static bool line(char *to, size_t size, const char *path)
{
    FILE *f = fopen(path, "re");
    bool got = f && fgets(to, (int)size, f);

    if (f)
        fclose(f);
    if (got)
        to[strcspn(to, "\n")] = '\0';
    return got;
}

static long number(const char *dir, const char *name, long fallback)
{
    char path[PATH + 64], text[64];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return line(text, sizeof text, path) ? strtol(text, NULL, 0) : fallback;
}

/* Physical cores: distinct (package, core id) of the processors that are online. */
int inventory_sysfs(const char *sysfs, struct inventory *out, struct err *e)
{
    long seen[CPUS];
    char dir[PATH];
    struct dirent *d;
    DIR *cpus;
    int n = 0;

    snprintf(dir, sizeof dir, "%s/devices/system/cpu", sysfs);
    cpus = opendir(dir);
    while (cpus && (d = readdir(cpus)) != NULL) {
        long core, package;
        int i = 0;

        if (strncmp(d->d_name, "cpu", 3) != 0 || !isdigit((unsigned char)d->d_name[3]))
            continue;
        snprintf(dir, sizeof dir, "%s/devices/system/cpu/%.32s", sysfs, d->d_name);
        if (number(dir, "online", 1) != 1)
            continue;
        core = number(dir, "topology/core_id", strtol(d->d_name + 3, NULL, 10));
        package = number(dir, "topology/physical_package_id", 0);
        core |= package << 20;
        out->threads++;
        while (i < n && seen[i] != core)
            i++;
        if (i == n && n < CPUS)
            seen[n++] = core;
    }
    if (cpus)
        closedir(cpus);
    out->cores = n;
    return n > 0 ? 0 : err_set(e, ERR_PRECONDITION, "the host's processors cannot be counted");
}

/* The name of a network interface below a PCI device; false if it has none. */
static bool net_name(const char *device, char *to, size_t size)
{
    char path[PATH];
    struct dirent *d;
    bool found = false;
    DIR *net;

    snprintf(path, sizeof path, "%s/net", device);
    net = opendir(path);
    while (net && !found && (d = readdir(net)) != NULL)
        if (d->d_name[0] != '.') {
            snprintf(to, size, "%.31s", d->d_name);
            found = true;
        }
    if (net)
        closedir(net);
    return found;
}

static bool add_vf(struct inventory *out, const struct inventory_vf *vf)
{
    struct inventory_vf *more;

    if (out->nvfs >= INVENTORY_VFS) {
        out->more++;
        return true;
    }
    more = realloc(out->vfs, ((size_t)out->nvfs + 1) * sizeof *more);
    if (!more)
        return false;
    out->vfs = more;
    out->vfs[out->nvfs++] = *vf;
    return true;
}

/* virtfn0, virtfn1, … are links to the virtual functions. */
static bool one_pf(const char *device, const char *address, struct inventory *out)
{
    char link[PATH + 64], to[PATH], path[PATH], net[32];
    struct inventory_vf vf;

    for (int i = 0;; i++) {
        const char *name;
        ssize_t n;

        snprintf(link, sizeof link, "%s/virtfn%d", device, i);
        n = readlink(link, to, sizeof to - 1);
        if (n <= 0)
            return true;
        to[n] = '\0';
        name = strrchr(to, '/') ? strrchr(to, '/') + 1 : to;
        memset(&vf, 0, sizeof vf);
        vf.index = i;
        snprintf(vf.address, sizeof vf.address, "%.15s", name);
        if (!net_name(device, vf.pf, sizeof vf.pf))
            snprintf(vf.pf, sizeof vf.pf, "%.31s", address);
        if (net_name(link, net, sizeof net)) {
            snprintf(path, sizeof path, "%.400s/net/%s/address", link, net);
            (void)!line(vf.mac, sizeof vf.mac, path);
        }
        if (!add_vf(out, &vf))
            return false;
    }
}

int inventory_sysfs_vfs(const char *sysfs, struct inventory *out, struct err *e)
{
    struct dirent **names;
    char dir[PATH];
    bool ok = true;
    int n;

    snprintf(dir, sizeof dir, "%s/bus/pci/devices", sysfs);
    n = scandir(dir, &names, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        snprintf(dir, sizeof dir, "%.256s/bus/pci/devices/%.64s", sysfs, names[i]->d_name);
        if (names[i]->d_name[0] != '.' && number(dir, "sriov_numvfs", 0) > 0)
            ok = ok && one_pf(dir, names[i]->d_name, out);
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    return ok ? 0 : err_set(e, ERR_INTERNAL, "out of memory");
}
