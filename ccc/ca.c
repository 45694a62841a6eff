#include "ccc/ca.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ccc/ca_sign.h"
#include "common/base/clock.h"

enum { CSR_MAX = 16 * 1024, LOCK_MS = 10000 };

struct ca {
    struct ca_signer signer;
    pthread_mutex_t lock; /* one signature at a time: GnuTLS does not promise more for a key */
    char *pem;
    char fingerprint[CA_FINGERPRINT];
};

static int disk_fail(struct err *e, const char *what, const char *path)
{
    int code = errno;

    err_set(e, ERR_STORAGE_FAILED, "the directory of the certificate authority cannot be used");
    return err_cause(e, "%s %s: %s", what, path, strerror(code));
}

/* Several CCC processes may start at once on one directory: one makes the key, the others find it.
 */
static int lock_dir(const char *dir, int *out, struct err *e)
{
    int64_t until = clock_boot_ms() + LOCK_MS;
    char path[4096];
    int fd;

    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return disk_fail(e, "mkdir", dir);
    if (snprintf(path, sizeof path, "%s/lock", dir) >= (int)sizeof path)
        return err_set(e, ERR_STORAGE_FAILED, "the path of the certificate authority is too long");
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return disk_fail(e, "open", path);
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if ((errno != EWOULDBLOCK && errno != EINTR) || clock_boot_ms() > until) {
            disk_fail(e, "lock", path);
            close(fd);
            return -1;
        }
        usleep(20000);
    }
    *out = fd;
    return 0;
}

/* A certificate whose key is gone must not be replaced: every node pins it. */
static int key_not_lost(const char *dir, const char *certificate, struct err *e)
{
    char *key = NULL;

    if (!certificate)
        return 0;
    if (pki_read(dir, "ca.key", &key, e) < 0)
        return -1;
    if (!key)
        return err_set(e, ERR_STORAGE_FAILED, "the key of the certificate authority is missing");
    gnutls_memset(key, 0, strlen(key));
    free(key);
    return 0;
}

static int load(struct ca *ca, const char *dir, struct err *e)
{
    if (pki_read(dir, "ca.crt", &ca->pem, e) < 0 || key_not_lost(dir, ca->pem, e) < 0 ||
        pki_key(dir, "ca.key", &ca->signer.key, e) < 0)
        return -1;
    if (!ca->pem) {
        if (ca_self_sign(ca->signer.key, &ca->pem, e) < 0 ||
            pki_write(dir, "ca.crt", ca->pem, 0644, e) < 0)
            return -1;
    }
    if (pki_certificate(ca->pem, &ca->signer.certificate, e) < 0)
        return -1;
    if (!pki_matches(ca->signer.certificate, ca->signer.key))
        return err_set(e, ERR_STORAGE_FAILED,
                       "key and certificate of the certificate authority do not belong together");
    return pki_fingerprint(ca->signer.certificate, ca->fingerprint, e);
}

int ca_open(const char *ca_dir, struct ca **out, struct err *e)
{
    auto_ca struct ca *ca = calloc(1, sizeof *ca);
    int fd = -1, rc;

    if (!ca)
        return err_set(e, ERR_INTERNAL, "out of memory");
    pthread_mutex_init(&ca->lock, NULL);
    if (lock_dir(ca_dir, &fd, e) < 0)
        return -1;
    rc = load(ca, ca_dir, e);
    close(fd);
    if (rc < 0)
        return -1;
    *out = MOVE(ca);
    return 0;
}

void ca_close(struct ca *ca)
{
    if (!ca)
        return;
    if (ca->signer.key)
        gnutls_x509_privkey_deinit(ca->signer.key);
    if (ca->signer.certificate)
        gnutls_x509_crt_deinit(ca->signer.certificate);
    pthread_mutex_destroy(&ca->lock);
    free(ca->pem);
    free(ca);
}

const char *ca_fingerprint(const struct ca *ca)
{
    return ca->fingerprint;
}

const char *ca_certificate(const struct ca *ca)
{
    return ca->pem;
}

void ca_issued_free(struct ca_issued *i)
{
    free(i->pem);
    *i = (struct ca_issued){ 0 };
}

static int sign(struct ca *ca, const struct ca_request *rq, struct ca_issued *out, struct err *e)
{
    struct ca_issued done = { 0 };
    char *leaf = NULL;
    int rc;

    pthread_mutex_lock(&ca->lock);
    rc = ca_sign(&ca->signer, rq, &leaf, done.serial, &done.not_after_ms, e);
    pthread_mutex_unlock(&ca->lock);
    if (rc < 0)
        return -1;
    /* the CA behind the leaf: who joins finds the pinned one in the listener's handshake */
    rc = asprintf(&done.pem, "%s%s", leaf, ca->pem);
    free(leaf);
    if (rc < 0)
        return err_set(e, ERR_INTERNAL, "out of memory");
    *out = done;
    return 0;
}

static int read_csr(const char *csr_pem, gnutls_x509_crq_t *out, struct err *e)
{
    auto_crq gnutls_x509_crq_t crq = NULL;
    gnutls_datum_t text;
    char *copy;
    int rc = gnutls_x509_crq_init(&crq);

    if (rc < 0)
        return pki_fail(e, rc, "certificate request");
    if (strlen(csr_pem) > CSR_MAX)
        return err_set(e, ERR_INVALID_REQUEST, "the certificate request is too long");
    copy = strdup(csr_pem);
    if (!copy)
        return err_set(e, ERR_INTERNAL, "out of memory");
    text = (gnutls_datum_t){ (unsigned char *)copy, (unsigned)strlen(copy) };
    rc = gnutls_x509_crq_import(crq, &text, GNUTLS_X509_FMT_PEM);
    free(copy);
    if (rc < 0)
        return err_set(e, ERR_INVALID_REQUEST, "csr is not a PEM certificate request");
    if (gnutls_x509_crq_verify(crq, 0) < 0)
        return err_set(e, ERR_INVALID_REQUEST,
                       "the certificate request is not signed by its own key");
    *out = MOVE(crq);
    return 0;
}

int ca_csr_key(const char *csr_pem, char sha256[CA_FINGERPRINT], struct err *e)
{
    auto_crq gnutls_x509_crq_t crq = NULL;
    unsigned char raw[32];
    size_t n = sizeof raw;
    int rc;

    if (read_csr(csr_pem, &crq, e) < 0)
        return -1;
    rc = gnutls_x509_crq_get_key_id(crq, GNUTLS_KEYID_USE_SHA256, raw, &n);
    if (rc < 0)
        return pki_fail(e, rc, "key of the certificate request");
    for (size_t i = 0; i < sizeof raw; i++)
        snprintf(sha256 + 2 * i, 3, "%02x", raw[i]);
    return 0;
}

static bool known_kind(const char *kind)
{
    static const char *const kinds[] = { "ccc", "xcenter", "bcenter", "bserver" };

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kind, kinds[i]) == 0)
            return true;
    return false;
}

int ca_issue(struct ca *ca, const char *csr_pem, const char *kind, const struct id *node,
             const char *addresses, struct ca_issued *out, struct err *e)
{
    struct ca_request rq = { .use = CA_USE_NODE, .kind = kind, .node = node, .names = addresses };
    auto_crq gnutls_x509_crq_t crq = NULL;
    int rc;

    if (!known_kind(kind) || !id_valid(node->s))
        return err_set(e, ERR_INVALID_REQUEST, "not a kind and id of a node");
    if (read_csr(csr_pem, &crq, e) < 0 || ca_pubkey_of_csr(crq, &rq.key, e) < 0)
        return -1;
    rc = sign(ca, &rq, out, e);
    gnutls_pubkey_deinit(rq.key);
    return rc;
}

/* The certificate in DIR/NAME if it is of this CA and key, else NULL. */
static gnutls_x509_crt_t present(const struct ca *ca, const char *dir, const char *name,
                                 gnutls_x509_privkey_t key)
{
    auto_crt gnutls_x509_crt_t crt = NULL;
    struct err ignored = { 0 };
    char *text = NULL;
    bool ok = pki_read(dir, name, &text, &ignored) == 0 && text &&
              pki_certificate(text, &crt, &ignored) == 0 && pki_matches(crt, key) &&
              gnutls_x509_crt_check_issuer(crt, ca->signer.certificate) == 1;

    free(text);
    return ok ? MOVE(crt) : NULL;
}

/* Valid, and not yet in the last third of its life. */
static bool fresh(const struct ca *ca, gnutls_x509_crt_t crt)
{
    time_t now = (time_t)(clock_wall_ms() / 1000);
    time_t from = gnutls_x509_crt_get_activation_time(crt);
    time_t to = gnutls_x509_crt_get_expiration_time(crt);

    return pki_signed_by(crt, ca->signer.certificate, now) && now - from < (to - from) / 3 * 2;
}

static int make_dir(const char *dir, struct err *e)
{
    return mkdir(dir, 0700) < 0 && errno != EEXIST ? disk_fail(e, "mkdir", dir) : 0;
}

int ca_issue_self(struct ca *ca, const char *dir, const char *addresses, struct id *node,
                  bool *made, struct ca_issued *out, struct err *e)
{
    struct ca_request rq = { .use = CA_USE_NODE, .kind = "ccc", .names = addresses };
    auto_key gnutls_x509_privkey_t key = NULL;
    auto_crt gnutls_x509_crt_t old = NULL;
    struct ca_issued issued = { 0 };
    struct id id = *node;
    char kind[16] = "";
    int rc;

    if (make_dir(dir, e) < 0 || pki_key(dir, "node.key", &key, e) < 0)
        return -1;
    old = present(ca, dir, "node.crt", key);
    if (old && pki_identity(old, kind, &id, &(struct err){ 0 }) == 0 && strcmp(kind, "ccc") == 0 &&
        fresh(ca, old)) {
        *made = false;
        *node = id;
        return pki_write(dir, "ca.crt", ca->pem, 0600, e);
    }
    if (strcmp(kind, "ccc") != 0)
        id = id_set(node) ? *node : id_new();
    rq.node = &id;
    if (ca_pubkey_of_key(key, &rq.key, e) < 0)
        return -1;
    rc = sign(ca, &rq, &issued, e);
    gnutls_pubkey_deinit(rq.key);
    if (rc < 0)
        return -1;
    if (pki_write(dir, "ca.crt", ca->pem, 0600, e) < 0 ||
        pki_write(dir, "node.crt", issued.pem, 0600, e) < 0) {
        ca_issued_free(&issued);
        return -1;
    }
    *out = issued;
    *node = id;
    *made = true;
    return 0;
}

/* "/a/b/c" -> dir "/a/b", name "c". */
static int split(const char *path, char dir[4096], const char **name, struct err *e)
{
    const char *slash = strrchr(path, '/');
    int n = slash ? (int)(slash - path) : 0;

    if (n >= 4096 || (slash && !slash[1]))
        return err_set(e, ERR_STORAGE_FAILED, "the path of a certificate cannot be used");
    snprintf(dir, 4096, "%.*s", n > 0 ? n : 1, n > 0 ? path : slash ? "/" : ".");
    *name = slash ? slash + 1 : path;
    return 0;
}

int ca_public_certificate(struct ca *ca, const char *key_path, const char *cert_path,
                          const char *names, struct err *e)
{
    struct ca_request rq = { .use = CA_USE_PUBLIC, .names = names };
    auto_key gnutls_x509_privkey_t key = NULL;
    auto_crt gnutls_x509_crt_t old = NULL;
    char key_dir[4096], cert_dir[4096];
    const char *key_name, *cert_name;
    struct ca_issued issued = { 0 };
    int rc;

    if (!names[strspn(names, ", ")])
        return err_set(e, ERR_INVALID_REQUEST, "a server's certificate needs a name");
    if (split(key_path, key_dir, &key_name, e) < 0 ||
        split(cert_path, cert_dir, &cert_name, e) < 0 || make_dir(key_dir, e) < 0 ||
        make_dir(cert_dir, e) < 0 || pki_key(key_dir, key_name, &key, e) < 0)
        return -1;
    old = present(ca, cert_dir, cert_name, key);
    if (old && fresh(ca, old) && ca_names_in(old, names))
        return 0;
    if (ca_pubkey_of_key(key, &rq.key, e) < 0)
        return -1;
    rc = sign(ca, &rq, &issued, e);
    gnutls_pubkey_deinit(rq.key);
    if (rc == 0)
        rc = pki_write(cert_dir, cert_name, issued.pem, 0644, e);
    ca_issued_free(&issued);
    return rc;
}
