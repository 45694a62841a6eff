#include "bserver-agent/vf_reset.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH = 320 };

static void path_of(const char *sysfs, const char *address, char to[PATH])
{
    snprintf(to, PATH, "%.256s/bus/pci/devices/%.16s/reset", sysfs, address);
}

bool vf_reset_there(const char *sysfs, const char *address)
{
    char path[PATH];
    struct stat s;

    path_of(sysfs, address, path);
    return stat(path, &s) == 0 && S_ISREG(s.st_mode) && access(path, W_OK) == 0;
}

int vf_reset(const char *sysfs, const char *address, struct err *e)
{
    char path[PATH];
    ssize_t n = -1;
    int fd, error;

    path_of(sysfs, address, path);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0)
        n = write(fd, "1", 1);
    error = errno;
    if (fd >= 0)
        close(fd);
    if (n == 1)
        return 0;
    err_set(e, ERR_PRECONDITION, "the virtual function %.16s cannot be reset", address);
    return err_cause(e, "reset: errno %d", error);
}
