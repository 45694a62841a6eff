#include "bicctl/context.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/json.h"

/* malloc'd; makes the directories if make. */
static char *context_path(bool make)
{
    const char *own = getenv("BICCTL_CONTEXT"), *base = getenv("XDG_CONFIG_HOME"),
               *home = getenv("HOME");
    char *dir = NULL, *path = NULL;

    if (own && own[0])
        return strdup(own);
    if (base && base[0] ? asprintf(&dir, "%s", base) < 0
                        : asprintf(&dir, "%s/.config", home ? home : "") < 0)
        return NULL;
    if (make)
        mkdir(dir, 0700);
    if (asprintf(&path, "%s/bicctl", dir) < 0)
        path = NULL;
    if (make && path)
        mkdir(path, 0700);
    free(path);
    if (asprintf(&path, "%s/bicctl/context.json", dir) < 0)
        path = NULL;
    free(dir);
    return path;
}

void client_release(struct client *c)
{
    free(c->api);
    free(c->token);
    free(c->ca);
    *c = (struct client){ 0 };
}

static char *copy(const char *text)
{
    return text ? strdup(text) : NULL;
}

int context_load(struct client *c)
{
    char *path = context_path(false);
    json_auto_t *o = path ? json_load_file(path, 0, NULL) : NULL;

    free(path);
    if (!json_str(o, "api") || !json_str(o, "token")) {
        fprintf(stderr, "bicctl: not logged in: bicctl login http://localhost:8080 USERNAME\n");
        return EXIT_USAGE;
    }
    c->api = copy(json_str(o, "api"));
    c->token = copy(json_str(o, "token"));
    c->ca = copy(json_str(o, "ca"));
    return EXIT_OK;
}

int context_save(const struct client *c)
{
    char *path = context_path(true);
    json_auto_t *o = json_object();
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    int rc = EXIT_FAILED;

    json_put_str(o, "api", c->api);
    json_put_str(o, "token", c->token);
    json_put_str(o, "ca", c->ca);
    if (fd >= 0 && json_dumpfd(o, fd, JSON_INDENT(1)) == 0 && fsync(fd) == 0)
        rc = EXIT_OK;
    else
        fprintf(stderr, "bicctl: %s: %s\n", path ? path : "context", strerror(errno));
    if (fd >= 0)
        close(fd);
    free(path);
    return rc;
}

int context_forget(void)
{
    char *path = context_path(false);
    int rc = path && unlink(path) < 0 && errno != ENOENT ? EXIT_FAILED : EXIT_OK;

    free(path);
    return rc;
}
