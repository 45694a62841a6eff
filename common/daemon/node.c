#include "common/daemon/node.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/peer/join.h"

enum { TOKEN_MAX = 512 };

void node_host(const char *listen, char to[NODE_HOST])
{
    const char *colon = strrchr(listen, ':');
    size_t n = colon ? (size_t)(colon - listen) : strlen(listen);

    if (n >= 2 && listen[0] == '[' && listen[n - 1] == ']') {
        listen++;
        n -= 2;
    }
    snprintf(to, NODE_HOST, "%.*s", (int)n, listen);
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

static int make_paths(struct node *n, struct err *e)
{
    if (asprintf(&n->key, "%s/node.key", n->dir) < 0 ||
        asprintf(&n->cert, "%s/node.crt", n->dir) < 0 || asprintf(&n->ca, "%s/ca.crt", n->dir) < 0)
        return err_set(e, ERR_INTERNAL, "out of memory");
    n->identity = (struct peer_identity){ n->cert, n->key, n->ca };
    return 0;
}

int node_place(const char *state_dir, struct node *out, struct err *e)
{
    struct node n = { 0 };

    if (asprintf(&n.dir, "%s/pki", state_dir) < 0)
        return err_set(e, ERR_INTERNAL, "out of memory");
    if (mkdir(n.dir, 0700) < 0 && errno != EEXIST) {
        err_set(e, ERR_STORAGE_FAILED, "the state directory cannot be used");
        err_cause(e, "%s: %s", n.dir, strerror(errno));
        node_close(&n);
        return -1;
    }
    if (make_paths(&n, e) < 0) {
        node_close(&n);
        return -1;
    }
    *out = n;
    return 0;
}

void node_name(struct node *n, const char *kind)
{
    n->kind = kind;
    snprintf(n->self, sizeof n->self, "%s/%s", kind, n->id.s);
}

int node_open(const struct node_spec *spec, struct node *out, struct err *e)
{
    char host[NODE_HOST], token[TOKEN_MAX];
    struct join j = { .url = spec->join_url, .kind = spec->kind, .address = host };
    struct node n;

    if (node_place(spec->state_dir, &n, e) < 0)
        return -1;
    node_host(spec->listen, host);
    read_token(spec->join_token_file, token);
    j.dir = n.dir;
    j.token = token[0] ? token : NULL;
    if (join_ensure(&j, &n.id, e) < 0) {
        node_close(&n);
        return -1;
    }
    node_name(&n, spec->kind);
    *out = n;
    return 0;
}

void node_publish(struct daemon *d, const struct node *n, const char *management)
{
    daemon_publish(d, "id", json_string(n->id.s));
    daemon_publish(d, "kind", json_string(n->kind));
    daemon_publish(d, "management", json_string(management));
}

void node_close(struct node *n)
{
    free(n->dir);
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
