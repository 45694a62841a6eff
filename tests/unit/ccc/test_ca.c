/* ca: what it signs, what it refuses to sign, and many processes starting at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <gnutls/abstract.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ccc/ca.h"
#include "common/base/clock.h"
#include "common/peer/pki.h"

static char root[] = "/tmp/bic-ca-XXXXXX";
static struct ca *ca;

static char *in_root(const char *name)
{
    static char path[8][256];
    static int next;
    char *p = path[next++ % 8];

    snprintf(p, 256, "%s/%s", root, name);
    return p;
}

#define OK(call)                                                                                   \
    do {                                                                                           \
        if ((call) < 0)                                                                            \
            fail_msg("%s: %s (%s)", #call, e.detail, e.cause);                                     \
    } while (0)

static int start(void **state)
{
    struct err e = { 0 };

    (void)state;
    assert_non_null(mkdtemp(root));
    OK(ca_open(in_root("ca"), &ca, &e));
    return 0;
}

static int stop(void **state)
{
    pid_t child;

    (void)state;
    ca_close(ca);
    child = fork();
    if (child == 0) {
        execlp("rm", "rm", "-rf", root, (char *)NULL);
        _exit(127);
    }
    waitpid(child, NULL, 0);
    return 0;
}

/* A request of a new key; malloc'd PEM. */
static char *csr(gnutls_pk_algorithm_t algorithm, unsigned bits)
{
    auto_key gnutls_x509_privkey_t key = NULL;
    auto_crq gnutls_x509_crq_t crq = NULL;
    gnutls_datum_t pem = { 0 };
    char *text;

    assert_int_equal(gnutls_x509_privkey_init(&key), 0);
    assert_int_equal(gnutls_x509_privkey_generate(key, algorithm, bits, 0), 0);
    assert_int_equal(gnutls_x509_crq_init(&crq), 0);
    assert_int_equal(gnutls_x509_crq_set_version(crq, 1), 0);
    assert_int_equal(gnutls_x509_crq_set_dn(crq, "CN=admin", NULL), 0);
    assert_int_equal(
        gnutls_x509_crq_set_subject_alt_name(crq, GNUTLS_SAN_DNSNAME, "evil.example", 12, 0), 0);
    assert_int_equal(gnutls_x509_crq_set_key(crq, key), 0);
    assert_int_equal(gnutls_x509_crq_sign2(crq, key, GNUTLS_DIG_SHA256, 0), 0);
    assert_int_equal(gnutls_x509_crq_export2(crq, GNUTLS_X509_FMT_PEM, &pem), 0);
    text = strndup((const char *)pem.data, pem.size);
    gnutls_free(pem.data);
    return text;
}
#define P256 GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1)

static void a_certificate_says_what_we_say(void **state)
{
    char *request = csr(P256), kind[16], key1[65], key2[65];
    auto_crt gnutls_x509_crt_t crt = NULL, authority = NULL;
    struct ca_issued issued = { 0 };
    struct id node = id_new(), found;
    unsigned char serial[32];
    size_t n = sizeof serial;
    struct err e = { 0 };

    (void)state;
    OK(ca_issue(ca, request, "bcenter", &node, "127.0.0.1, ::1,localhost", &issued, &e));
    OK(pki_certificate(issued.pem, &crt, &e));
    OK(pki_certificate(ca_certificate(ca), &authority, &e));
    OK(pki_identity(crt, kind, &found, &e));
    assert_string_equal(kind, "bcenter");
    assert_true(id_eq(&node, &found));
    assert_true(pki_signed_by(crt, authority, (time_t)(clock_wall_ms() / 1000)));
    assert_false(pki_signed_by(crt, authority, (time_t)(clock_wall_ms() / 1000) + 366 * 24 * 3600));
    assert_false(gnutls_x509_crt_check_hostname(crt, "evil.example"));
    assert_true(gnutls_x509_crt_check_hostname(crt, "127.0.0.1"));
    assert_int_equal(gnutls_x509_crt_get_ca_status(crt, NULL), 0);
    assert_int_equal(gnutls_x509_crt_get_serial(crt, serial, &n), 0);
    assert_int_equal(n, 16);
    assert_int_equal(strlen(issued.serial), 32);
    assert_non_null(strstr(issued.pem, ca_certificate(ca))); /* the whole chain */
    OK(ca_csr_key(request, key1, &e));
    OK(ca_csr_key(request, key2, &e));
    assert_string_equal(key1, key2);
    free(request);
    ca_issued_free(&issued);
}

static enum err_code issue(const char *request, const char *kind, const char *id,
                           const char *addresses)
{
    struct ca_issued issued = { 0 };
    struct err e = { 0 };
    struct id node = { "" };

    snprintf(node.s, sizeof node.s, "%s", id);
    if (ca_issue(ca, request, kind, &node, addresses, &issued, &e) < 0)
        return e.code;
    ca_issued_free(&issued);
    return ERR_NONE;
}

static void what_is_not_in_order_is_not_signed(void **state)
{
    static const char node[] = "3f0f3f0e-0000-4000-8000-000000000001";
    char *good = csr(P256), *rsa = csr(GNUTLS_PK_RSA, 2048), *forged = strdup(good);
    char *wide = csr(GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP384R1)), *at;

    (void)state;
    assert_int_equal(issue(good, "bserver", node, ""), ERR_NONE);
    assert_int_equal(issue(good, "bserver", node, NULL), ERR_NONE);
    assert_int_equal(issue(rsa, "bserver", node, ""), ERR_INVALID_REQUEST);
    assert_int_equal(issue(wide, "bserver", node, ""), ERR_INVALID_REQUEST);
    assert_int_equal(issue("", "bserver", node, ""), ERR_INVALID_REQUEST);
    assert_int_equal(issue("not PEM at all", "bserver", node, ""), ERR_INVALID_REQUEST);
    assert_int_equal(issue(ca_certificate(ca), "bserver", node, ""), ERR_INVALID_REQUEST);
    assert_int_equal(issue(good, "admin", node, ""), ERR_INVALID_REQUEST);
    assert_int_equal(issue(good, "", node, ""), ERR_INVALID_REQUEST);
    assert_int_equal(issue(good, "bserver", "x", ""), ERR_INVALID_REQUEST);
    assert_int_equal(issue(good, "bserver", node, "www.bank.example"), ERR_INVALID_REQUEST);
    assert_int_equal(issue(good, "bserver", node, "127.0.0.1,*"), ERR_INVALID_REQUEST);
    at = strstr(forged, "-----END") - 12; /* inside the signature */
    *at = *at == 'A' ? 'B' : 'A';
    assert_int_equal(issue(forged, "bserver", node, ""), ERR_INVALID_REQUEST);
    free(good);
    free(rsa);
    free(wide);
    free(forged);
}

static void many_processes_make_one_authority(void **state)
{
    int ends[2], ok = 0;
    char first[CA_FINGERPRINT] = "", next[CA_FINGERPRINT];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    for (int i = 0; i < 6; i++)
        if (fork() == 0) {
            struct err e = { 0 };
            struct ca *own = NULL;

            if (ca_open(in_root("shared"), &own, &e) < 0 ||
                write(ends[1], ca_fingerprint(own), CA_FINGERPRINT) != CA_FINGERPRINT)
                _exit(1);
            ca_close(own);
            _exit(0);
        }
    close(ends[1]);
    while (read(ends[0], next, sizeof next) == sizeof next) {
        if (!first[0])
            memcpy(first, next, sizeof first);
        assert_string_equal(first, next);
        ok++;
    }
    close(ends[0]);
    while (wait(NULL) > 0)
        ;
    assert_int_equal(ok, 6);
}

static void a_lost_key_is_not_replaced(void **state)
{
    struct err e = { 0 };
    struct ca *own = NULL;
    struct stat st;

    (void)state;
    OK(ca_open(in_root("lost"), &own, &e));
    ca_close(own);
    assert_int_equal(stat(in_root("lost/ca.key"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    unlink(in_root("lost/ca.key"));
    assert_int_equal(ca_open(in_root("lost"), &own, &e), -1);
    assert_int_equal(e.code, ERR_STORAGE_FAILED);
    assert_int_equal(access(in_root("lost/ca.key"), F_OK), -1);
    e = (struct err){ 0 };
    assert_int_equal(rename(in_root("ca/ca.key"), in_root("lost/ca.key")), 0); /* somebody else's */
    assert_int_equal(ca_open(in_root("lost"), &own, &e), -1);
    assert_int_equal(rename(in_root("lost/ca.key"), in_root("ca/ca.key")), 0);
}

static void the_own_certificate_stays_until_it_is_old(void **state)
{
    struct ca_issued issued = { 0 };
    struct id node = { "" }, again = { "" };
    struct err e = { 0 };
    bool made = false;

    (void)state;
    OK(ca_issue_self(ca, in_root("self"), "127.0.0.1", &node, &made, &issued, &e));
    assert_true(made && id_set(&node) && strlen(issued.serial) == 32);
    ca_issued_free(&issued);
    OK(ca_issue_self(ca, in_root("self"), "127.0.0.1", &again, &made, &issued, &e));
    assert_false(made);
    assert_true(id_eq(&node, &again));
    assert_int_equal(truncate(in_root("self/node.crt"), 100),
                     0); /* damaged: the caller's id decides */
    OK(ca_issue_self(ca, in_root("self"), "127.0.0.1", &again, &made, &issued, &e));
    assert_true(made && id_eq(&node, &again));
    ca_issued_free(&issued);
}

static long changed_at(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return (long)st.st_ino;
}

static void a_public_certificate_has_its_names(void **state)
{
    auto_crt gnutls_x509_crt_t crt = NULL;
    char *key = in_root("pub.key"), *cert = in_root("pub.crt"), *pem = NULL;
    struct err e = { 0 };
    long first;

    (void)state;
    OK(ca_public_certificate(ca, key, cert, "vdi.example.org, 10.1.2.3", &e));
    first = changed_at(cert);
    OK(ca_public_certificate(ca, key, cert, "10.1.2.3", &e)); /* fewer names: it does */
    assert_int_equal(changed_at(cert), first);
    OK(ca_public_certificate(ca, key, cert, "vdi.example.org,lane2.example.org", &e));
    assert_true(changed_at(cert) != first);
    OK(pki_read(root, "pub.crt", &pem, &e));
    OK(pki_certificate(pem, &crt, &e));
    free(pem);
    assert_true(gnutls_x509_crt_check_hostname(crt, "lane2.example.org"));
    assert_false(gnutls_x509_crt_check_hostname(crt, "10.1.2.3"));
    assert_int_equal(ca_public_certificate(ca, key, cert, "", &e), -1);
    assert_int_equal(e.code, ERR_INVALID_REQUEST);
    e = (struct err){ 0 };
    assert_int_equal(ca_public_certificate(ca, key, cert, "*.example.org", &e), -1);
    assert_int_equal(e.code, ERR_INVALID_REQUEST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_says_what_we_say),
        cmocka_unit_test(what_is_not_in_order_is_not_signed),
        cmocka_unit_test(many_processes_make_one_authority),
        cmocka_unit_test(a_lost_key_is_not_replaced),
        cmocka_unit_test(the_own_certificate_stays_until_it_is_old),
        cmocka_unit_test(a_public_certificate_has_its_names),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
