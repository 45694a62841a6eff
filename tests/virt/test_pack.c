/*
 * Several hosts in one process: each opens, fails, changes and goes by itself. The bCenter that the
 * configurations name is not there; certificates are.
 */
#include "bserver-agent/pack.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "bserver-agent/agent.h"
#include "common/daemon/process.h"
#include "tests/unit/common/pki.h"
#include "tests/virt/host_fixture.h"

enum { TEXT = 1200 };

static char dir[64], node_xml[256];
static struct pki_pair ca;
static struct daemon daemon_here;
static struct agent_config config;
static void *pack;
static int mute = -1; /* a listener behind which nobody answers */

static void write_file(const char *path, const char *text)
{
    char part[300];
    FILE *f;

    snprintf(part, sizeof part, "%s.part", path);
    f = fopen(part, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(rename(part, path), 0);
}

static void conf_path(const char *name, char to[256])
{
    snprintf(to, 256, "%s/hosts/%s.conf", dir, name);
}

static void put_conf(const char *name, const char *state, const char *more)
{
    char path[256], text[TEXT];

    conf_path(name, path);
    snprintf(text, sizeof text,
             "state_dir = %s/%s\nready_file = %s/%s/ready.json\nname = %s\n"
             "module_url = https://127.0.0.1:1\n%s\n",
             dir, state, dir, name, name, more);
    write_file(path, text);
}

static void put_simulated(const char *name, const char *state)
{
    char more[TEXT / 2];

    snprintf(more, sizeof more, "kind = simulated\nuri = test://%s\n", node_xml);
    put_conf(name, state, more);
}

/* The certificate that a join would have brought. */
static void give_certificate(const char *name)
{
    char to[200], uri[64], file[300], link_to[300];
    struct id id = id_new();

    snprintf(to, sizeof to, "%s/%s", dir, name);
    assert_int_equal(mkdir(to, 0700), 0);
    snprintf(to, sizeof to, "%s/%s/pki", dir, name);
    assert_int_equal(mkdir(to, 0700), 0);
    snprintf(uri, sizeof uri, "bic:bserver:%s", id.s);
    pki_node(&ca, to, "node", uri, time(NULL) + 86400);
    snprintf(file, sizeof file, "%s/ca.crt", dir);
    snprintf(link_to, sizeof link_to, "%s/ca.crt", to);
    assert_int_equal(symlink(file, link_to), 0);
}

/* A port where connections are taken by the kernel, and nothing is ever said. */
static int listen_mute(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof at;

    mute = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(mute >= 0);
    assert_int_equal(bind(mute, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(mute, 8), 0);
    assert_int_equal(getsockname(mute, (struct sockaddr *)&at, &n), 0);
    return ntohs(at.sin_port);
}

static int setup(void **state)
{
    char path[200];
    struct err e = { 0 };

    (void)state;
    log_level_set(getenv("TEST_LOG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
    snprintf(dir, sizeof dir, "%s/bicp-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(dir));
    assert_non_null(getcwd(path, 128));
    snprintf(node_xml, sizeof node_xml, "%s/tests/virt/node-18core-2x64vf.xml", path);
    snprintf(path, sizeof path, "%s/hosts", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    ca = pki_ca(dir, "ca");
    config.hosts = strdup(path);
    config.management_listen = strdup("127.0.0.1:0");
    config.management_url = strdup("");
    config.display_listen = strdup("");
    daemon_here.published = json_object();
    give_certificate("a");
    give_certificate("b");
    put_simulated("a", "a");
    if (pack_start(&daemon_here, &config, &pack, &e) < 0)
        fail_msg("%s %s", e.detail, e.cause);
    return 0;
}

static int teardown(void **state)
{
    const char *const remove[] = { "rm", "-rf", dir, NULL };

    (void)state;
    if (mute >= 0)
        close(mute); /* who still waits there is told so */
    pack_stop(pack);
    fx_run(remove);
    json_decref(daemon_here.published);
    pki_free(&ca);
    free(config.hosts);
    free(config.management_listen);
    free(config.management_url);
    free(config.display_listen);
    return 0;
}

/* What the summary says of one; NULL: it does not know it. New reference. */
static json_t *host_of(const char *name)
{
    json_t *o = pack_summary(pack), *found = NULL, *host;
    size_t i;

    json_array_foreach(json_object_get(o, "hosts"), i,
                       host) if (strcmp(json_str(host, "file"), name) == 0) found =
        json_incref(host);
    json_decref(o);
    return found;
}

static bool is(const char *name, const char *state, const char *slug)
{
    json_t *o = host_of(name);
    const char *said = json_str(json_object_get(o, "problem"), "slug");
    bool yes = state ? o && strcmp(json_str(o, "state"), state) == 0 : !o;

    yes = yes && (!slug || (said && strcmp(said, slug) == 0));
    json_decref(o);
    return yes;
}

/* Waits for the state; state NULL: that nothing is known of it. */
static void expect(const char *name, const char *state, const char *slug)
{
    for (int64_t end = clock_boot_ms() + FX_WAIT_MS; clock_boot_ms() < end; usleep(10000))
        if (is(name, state, slug))
            return;
    fail_msg("%s does not become %s %s", name, state ? state : "unknown", slug ? slug : "");
}

static bool ready(char why[128])
{
    why[0] = '\0';
    return pack_ready(pack, why, 128);
}

static void expect_ready(void)
{
    char why[128];

    for (int64_t end = clock_boot_ms() + FX_WAIT_MS; clock_boot_ms() < end; usleep(10000))
        if (ready(why))
            return;
    fail_msg("not ready: %s", why);
}

/* A host keeps its hypervisor, whatever becomes of the others: a simulated one's boot tells. */
static void boot_of(const char *name, char to[ID_LEN + 1])
{
    json_t *o = host_of(name);

    snprintf(to, ID_LEN + 1, "%s", json_str(o, "boot") ? json_str(o, "boot") : "");
    json_decref(o);
}

static void opens_and_tells(void **state)
{
    char path[200], text[400] = "";
    json_t *o = NULL;
    struct err e = { 0 };
    FILE *f;

    (void)state;
    expect("a", "open", NULL);
    expect_ready();
    snprintf(path, sizeof path, "%s/a/ready.json", dir);
    f = fopen(path, "re");
    assert_non_null(f);
    assert_true(fread(text, 1, sizeof text - 1, f) > 0);
    fclose(f);
    assert_int_equal(json_read(text, strlen(text), &o, &e), 0);
    assert_int_equal(json_num(o, "pid", 0), getpid());
    assert_string_equal(json_str(o, "kind"), "bserver");
    assert_memory_equal(json_str(o, "management"), "https://127.0.0.1:", 18);
    json_decref(o);
}

static void none_ends_another(void **state)
{
    char before[ID_LEN + 1], after[ID_LEN + 1], why[128], more[160];

    (void)state;
    boot_of("a", before);
    put_conf("bad", "bad", "lanes = many");
    put_conf("embedded", "embedded", "kind = embedded\nuri = qemu:///embed?root=/nowhere");
    put_simulated("stranger", "stranger"); /* neither certificate nor token */
    put_simulated("twin", "a");            /* a's state */
    snprintf(more, sizeof more, "kind = real\nuri = qemu+tcp://127.0.0.1:%d/system", listen_mute());
    give_certificate("silent");
    put_conf("silent", "silent", more);
    expect("bad", "failed", "invalid-request");
    expect("embedded", "failed", "invalid-request");
    expect("stranger", "failed", "join-refused");
    expect("twin", "failed", "conflict");
    expect("silent", "opening", NULL); /* its hypervisor takes a minute to be given up */
    put_simulated("b", "b");
    expect("b", "open", NULL);
    assert_true(is("silent", "opening", NULL) || is("silent", "failed", NULL));
    assert_false(ready(why));
    assert_int_not_equal(why[0], 0);
    boot_of("a", after);
    assert_string_equal(before, after);
}

static void follows_its_file(void **state)
{
    char path[256], before[ID_LEN + 1], after[ID_LEN + 1], kept[ID_LEN + 1], now[ID_LEN + 1];

    (void)state;
    boot_of("a", kept);
    boot_of("b", before);
    put_simulated("bad", "bad"); /* readable now, but still without a certificate */
    expect("bad", "failed", "join-refused");
    put_conf("b", "b", "kind = simulated\nuri = test:///nowhere/there-is-no-such-file.xml");
    expect("b", "failed", NULL);
    snprintf(path, sizeof path, "%s/b/ready.json", dir);
    assert_int_equal(access(path, F_OK), -1);
    put_simulated("b", "b");
    expect("b", "open", NULL);
    boot_of("b", after);
    assert_string_not_equal(before, after);
    conf_path("b", path);
    assert_int_equal(unlink(path), 0);
    expect("b", NULL, NULL);
    snprintf(path, sizeof path, "%s/b/ready.json", dir);
    assert_int_equal(access(path, F_OK), -1);
    boot_of("a", now);
    assert_string_equal(kept, now);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_and_tells),
        cmocka_unit_test(none_ends_another),
        cmocka_unit_test(follows_its_file),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
