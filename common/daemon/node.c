#include "common/daemon/node.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/peer/join.h"

enum { TOKEN_MAX = 512 };

/* Host part of "127.0.0.1:8443" or "[::1]:8443", without brackets. */
static void host_of(const char *listen, char to[64])
{
    const char *colon = strrchr(listen, ':');
    size_t n = colon ? (size_t)(colon - listen) : strlen(listen);

    if (n >= 2 && listen[0] == '[' && listen[n - 1] == ']') {
        listen++;
        n -= 2;
    }
    snprintf(to, 64, "%.*s", (int)n, listen);
}

/* The one line of the token file; "" if there is none (any more). */
static void read_token(const char *path, char to[TOKEN_MAX])
{
    FILE *f = path && path[0] ? fopen(path, "re") : NULL;

    to[0] = '\0';
    if (!f)
        return;
    if (!fgets(to, TOKEN_MAX, f))
        to[0] = '\0';
    to[strcspn(to, "\r\n")] = '\0';
    fclose(f);
}

static int make_paths(const char *dir, struct node *n, struct err *e)
{
    if (asprintf(&n->key, "%s/node.key", dir) < 0 || asprintf(&n->cert, "%s/node.crt", dir) < 0 ||
        asprintf(&n->ca, "%s/ca.crt", dir) < 0)
        return err_set(e, ERR_INTERNAL, "out of memory");
    n->identity = (struct peer_identity){ n->cert, n->key, n->ca };
    return 0;
}

int node_open(const struct node_spec *spec, struct node *out, struct err *e)
{
    char dir[4096], host[64], token[TOKEN_MAX];
    struct join j = { .url = spec->join_url, .kind = spec->kind, .dir = dir, .address = host };
    struct node n = { 0 };

    snprintf(dir, sizeof dir, "%s/pki", spec->state_dir);
    if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
        err_set(e, ERR_STORAGE_FAILED, "the state directory cannot be used");
        return err_cause(e, "%s: %s", dir, strerror(errno));
    }
    host_of(spec->listen, host);
    read_token(spec->join_token_file, token);
    j.token = token[0] ? token : NULL;
    if (make_paths(dir, &n, e) < 0 || join_ensure(&j, &n.id, e) < 0) {
        node_close(&n);
        return -1;
    }
    snprintf(n.self, sizeof n.self, "%s/%s", spec->kind, n.id.s);
    *out = n;
    return 0;
}

void node_close(struct node *n)
{
    free(n->key);
    free(n->cert);
    free(n->ca);
    *n = (struct node){ 0 };
}

char *node_url(const char *given, const char *listen, int port)
{
    const char *colon = strrchr(listen, ':');
    char *url = NULL;

    if (given && given[0])
        return strdup(given);
    if (asprintf(&url, "https://%.*s:%d", (int)(colon ? colon - listen : (long)strlen(listen)),
                 listen, port) < 0)
        return NULL;
    return url;
}
