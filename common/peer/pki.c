#include "common/peer/pki.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/abstract.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int pki_fail(struct err *e, int code, const char *what)
{
    err_set(e, ERR_INTERNAL, "a key or certificate could not be worked with");
    return err_cause(e, "%s: gnutls %d: %s", what, code, gnutls_strerror(code));
}

static int disk_fail(struct err *e, const char *what, const char *path)
{
    int code = errno;

    err_set(e, ERR_STORAGE_FAILED, "a key or certificate file could not be used");
    return err_cause(e, "%s %s: %s", what, path, strerror(code));
}

static int write_all(int fd, const char *text)
{
    size_t n = strlen(text);

    while (n > 0) {
        ssize_t w = write(fd, text, n);

        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return -1;
        text += w;
        n -= (size_t)w;
    }
    return fsync(fd);
}

int pki_write(const char *dir, const char *name, const char *text, mode_t mode, struct err *e)
{
    char path[4096], temp[4128];
    int fd, rc;

    if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
        return err_set(e, ERR_STORAGE_FAILED, "the path of a certificate is too long");
    snprintf(temp, sizeof temp, "%s.XXXXXX", path);
    fd = mkostemp(temp, O_CLOEXEC); /* 0600 */
    if (fd < 0)
        return disk_fail(e, "create", temp);
    rc = write_all(fd, text) < 0 || fchmod(fd, mode) < 0 ? -1 : 0;
    if (close(fd) < 0 || rc < 0 || rename(temp, path) < 0) {
        disk_fail(e, "write", path);
        unlink(temp);
        return -1;
    }
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    rc = fd < 0 ? -1 : fsync(fd);
    if (rc < 0)
        disk_fail(e, "fsync", dir);
    if (fd >= 0)
        close(fd);
    return rc;
}

int pki_read(const char *dir, const char *name, char **out, struct err *e)
{
    char path[4096], *text;
    size_t n;
    FILE *f;

    if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
        return err_set(e, ERR_STORAGE_FAILED, "the path of a certificate is too long");
    f = fopen(path, "re");
    if (!f && errno == ENOENT) {
        *out = NULL;
        return 0;
    }
    if (!f)
        return disk_fail(e, "open", path);
    text = malloc(PKI_FILE_MAX + 1);
    n = text ? fread(text, 1, PKI_FILE_MAX + 1, f) : 0;
    if (!text || ferror(f) || n > PKI_FILE_MAX) {
        disk_fail(e, "read", path);
        fclose(f);
        free(text);
        return -1;
    }
    fclose(f);
    text[n] = '\0';
    *out = text;
    return 0;
}

static int make_key(const char *dir, const char *name, gnutls_x509_privkey_t key, struct err *e)
{
    gnutls_datum_t pem = { 0 };
    int rc = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                          GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);

    if (rc == 0)
        rc = gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN,
                                               &pem);
    if (rc < 0)
        return pki_fail(e, rc, "make a key");
    rc = pki_write(dir, name, (const char *)pem.data, 0600, e);
    gnutls_memset(pem.data, 0, pem.size);
    gnutls_free(pem.data);
    return rc;
}

int pki_key(const char *dir, const char *name, gnutls_x509_privkey_t *out, struct err *e)
{
    auto_key gnutls_x509_privkey_t key = NULL;
    gnutls_datum_t pem;
    char *text = NULL;
    int rc = gnutls_x509_privkey_init(&key);

    if (rc < 0)
        return pki_fail(e, rc, "key");
    if (pki_read(dir, name, &text, e) < 0)
        return -1;
    if (text) {
        pem = (gnutls_datum_t){ (unsigned char *)text, (unsigned)strlen(text) };
        rc = gnutls_x509_privkey_import2(key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
        gnutls_memset(text, 0, pem.size);
        free(text);
        if (rc < 0)
            return pki_fail(e, rc, "read the key");
    } else if (make_key(dir, name, key, e) < 0) {
        return -1;
    }
    *out = MOVE(key);
    return 0;
}

int pki_certificate(const char *pem, gnutls_x509_crt_t *out, struct err *e)
{
    auto_crt gnutls_x509_crt_t crt = NULL;
    union {
        const char *in;
        unsigned char *data; /* gnutls_datum_t has no const, and import only reads */
    } u = { .in = pem };
    gnutls_datum_t text = { u.data, (unsigned)strlen(pem) };
    int rc = gnutls_x509_crt_init(&crt);

    if (rc < 0)
        return pki_fail(e, rc, "certificate");
    rc = gnutls_x509_crt_import(crt, &text, GNUTLS_X509_FMT_PEM);
    if (rc < 0) {
        err_set(e, ERR_INVALID_REQUEST, "not a certificate");
        return err_cause(e, "gnutls %d: %s", rc, gnutls_strerror(rc));
    }
    *out = MOVE(crt);
    return 0;
}

int pki_fingerprint(gnutls_x509_crt_t crt, char to[PKI_SHA256], struct err *e)
{
    unsigned char raw[32];
    size_t n = sizeof raw;
    int rc = gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, raw, &n);

    if (rc < 0)
        return pki_fail(e, rc, "fingerprint");
    for (size_t i = 0; i < sizeof raw; i++)
        snprintf(to + 2 * i, 3, "%02x", raw[i]);
    return 0;
}

static bool parse_identity(const char *uri, char kind[16], struct id *node)
{
    const char *colon = strchr(uri + 4, ':');
    size_t n = colon ? (size_t)(colon - uri - 4) : 0;

    if (n == 0 || n >= 16 || !id_parse(colon + 1, node))
        return false;
    memcpy(kind, uri + 4, n);
    kind[n] = '\0';
    return true;
}

int pki_identity(gnutls_x509_crt_t crt, char kind[16], struct id *node, struct err *e)
{
    char found[16] = "";
    struct id id = { "" };
    int ours = 0;

    for (unsigned i = 0; i < 64; i++) {
        char name[256];
        size_t n = sizeof name - 1;
        int rc = gnutls_x509_crt_get_subject_alt_name(crt, i, name, &n, NULL);

        if (rc == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            break;
        if (rc != GNUTLS_SAN_URI || n >= sizeof name)
            continue;
        name[n] = '\0';
        if (strlen(name) != n || strncmp(name, "bic:", 4) != 0)
            continue;
        ours += parse_identity(name, found, &id) ? 1 : 2;
    }
    if (ours != 1)
        return err_set(e, ERR_PEER_IDENTITY, "the certificate does not name a node");
    memcpy(kind, found, sizeof found);
    *node = id;
    return 0;
}

bool pki_matches(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key)
{
    unsigned char a[32], b[32];
    size_t an = sizeof a, bn = sizeof b;

    return gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, a, &an) == 0 &&
           gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, b, &bn) == 0 && an == bn &&
           memcmp(a, b, an) == 0;
}

bool pki_signed_by(gnutls_x509_crt_t crt, gnutls_x509_crt_t ca, time_t now)
{
    unsigned verdict = 0;

    /* the time is the caller's: GnuTLS' own check would read the clock */
    return gnutls_x509_crt_verify(crt, &ca, 1, GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &verdict) == 0 &&
           verdict == 0 && gnutls_x509_crt_get_activation_time(crt) <= now &&
           gnutls_x509_crt_get_expiration_time(crt) > now;
}
