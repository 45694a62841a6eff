#include "common/daemon/supervisor.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/log.h"

/* A path, or a name in the abstract namespace as "@name". The length of the address; 0: neither. */
static socklen_t address(const char *name, struct sockaddr_un *to)
{
    size_t n = strlen(name);

    if (n < 2 || n >= sizeof to->sun_path || (name[0] != '/' && name[0] != '@'))
        return 0;
    to->sun_family = AF_UNIX;
    memcpy(to->sun_path, name, n);
    if (name[0] == '@')
        to->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
}

void supervisor_tell(const char *state)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = { 0 };
    socklen_t n = name ? address(name, &to) : 0;
    int fd;

    if (n == 0)
        return;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || sendto(fd, state, strlen(state), MSG_NOSIGNAL, (void *)&to, n) < 0)
        log_warn("the supervisor was not told %s: %s", state, strerror(errno));
    if (fd >= 0)
        close(fd);
}
