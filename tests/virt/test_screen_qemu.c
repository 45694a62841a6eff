/* The display listener before a real QEMU: an empty machine of libvirt's embedded driver. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <grp.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <pwd.h>
#include <sys/stat.h>

#include "common/base/log.h"
#include "tests/virt/screen_client.h"

static char dir[64], cert[80], key[80];
static struct agent a;
static struct screen *s;
static virConnectPtr conn;
static virDomainPtr dom;
static pthread_t events;
static atomic_bool leave;

static void *event_loop(void *arg)
{
    while (!leave)
        virEventRunDefaultImpl();
    return arg;
}

static void tick(int timer, void *arg)
{
    (void)timer;
    (void)arg;
}

static void quiet(void *arg, virErrorPtr e)
{
    (void)arg;
    (void)e;
}

static int write_file(const char *name, const char *text)
{
    char path[128];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "w");
    if (!f)
        return -1;
    fputs(text, f);
    return fclose(f);
}

static virDomainPtr start_machine(void)
{
    char xml[2048];

    snprintf(xml, sizeof xml,
             "<domain type='qemu'><name>bic-%s</name><uuid>%s</uuid><memory unit='MiB'>64</memory>"
             "<os><type arch='x86_64' machine='pc'>hvm</type></os><features><acpi/></features>"
             "<devices><graphics type='vnc'><listen type='none'/></graphics>"
             "<video><model type='vga'/></video><memballoon model='none'/></devices></domain>",
             a.desktop.s, a.desktop.s);
    return virDomainCreateXML(conn, xml, 0);
}

static int open_graphics(void *arg, const struct id *desktop, const struct id *run, int *fd,
                         struct err *e)
{
    (void)arg, (void)desktop, (void)run;
    *fd = virDomainOpenGraphicsFD(dom, 0, VIR_DOMAIN_OPEN_GRAPHICS_SKIPAUTH);
    return *fd >= 0 ? 0 : err_set(e, ERR_VM_STATE, "it does not run");
}

/* As root the driver wants a user that only its package makes; as nobody it runs QEMU as itself. */
static int drop_root(void)
{
    const struct passwd *nobody = getpwnam("nobody");

    if (geteuid() != 0)
        return 0;
    return nobody && setgroups(0, NULL) == 0 &&
                   setresgid(nobody->pw_gid, nobody->pw_gid, nobody->pw_gid) == 0 &&
                   setresuid(nobody->pw_uid, nobody->pw_uid, nobody->pw_uid) == 0
               ? 0
               : -1;
}

static int begin(void **state)
{
    static const char *const lanes[] = { "127.0.0.1:0", NULL };
    char uri[128], sub[128];
    struct screen_spec spec = {
        .listen = lanes, .cert_pem = cert, .key_pem = key, .host = &a.host
    };
    struct err e = { 0 };

    (void)state;
    snprintf(dir, sizeof dir, "%s/bics-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (drop_root() < 0 || !mkdtemp(dir))
        return -1;
    setenv("HOME", dir, 1);
    setenv("XDG_RUNTIME_DIR", dir, 1);
    chmod(dir, 0755);
    snprintf(sub, sizeof sub, "%s/etc", dir);
    mkdir(sub, 0755);
    if (write_file("etc/qemu.conf", "stdio_handler = \"file\"\ncgroup_controllers = []\n"
                                    "namespaces = []\nsecurity_driver = \"none\"\n"
                                    "remember_owner = 0\n") < 0)
        return -1;
    snprintf(cert, sizeof cert, "%s/crt.pem", dir);
    snprintf(key, sizeof key, "%s/key.pem", dir);
    make_certificate(cert, key);
    agent_init(&a);
    a.host.open_graphics = open_graphics;
    spec.bserver = a.bserver;
    virSetErrorFunc(NULL, quiet);
    virEventRegisterDefaultImpl();
    virEventAddTimeout(200, tick, NULL, NULL);
    pthread_create(&events, NULL, event_loop, NULL);
    snprintf(uri, sizeof uri, "qemu:///embed?root=%s", dir);
    conn = virConnectOpen(uri);
    if (!conn)
        return -1;
    dom = start_machine();
    return dom ? screen_start(&spec, &s, &e) : -1;
}

static int forget(const char *path, const struct stat *st, int type, struct FTW *f)
{
    (void)st, (void)type, (void)f;
    return remove(path);
}

static int end(void **state)
{
    (void)state;
    screen_stop(s);
    if (dom) {
        virDomainDestroy(dom);
        virDomainFree(dom);
    }
    if (conn)
        virConnectClose(conn);
    leave = true;
    pthread_join(events, NULL);
    return nftw(dir, forget, 16, FTW_DEPTH | FTW_PHYS);
}

static void enter(struct client *c, struct ticket *t)
{
    char text[TICKET_MAX], head[1024];
    struct err e = { 0 };

    assert_int_equal(ticket_sign(&a.key, t, text, &e), 0);
    assert_int_equal(client_open(c, screen_port(s, 0), true), 0);
    assert_int_equal(client_upgrade(c, text, head), 101);
}

static void the_first_picture_comes_in_time(void **state)
{
    static struct stream st;
    struct client c;

    (void)state;
    for (int i = 0; i < 5; i++) {
        struct ticket t = agent_ticket(&a);
        int64_t from = clock_boot_ms();

        enter(&c, &t);
        st = (struct stream){ .c = &c };
        assert_true(client_rfb(&st));
        print_message("first picture after %d ms\n", (int)(clock_boot_ms() - from));
        client_close(&c);
    }
}

/* What noVNC 1.7 asks for; every answer is drawn in raw or a pseudo-encoding we let through. */
static void keys_and_encodings_are_taken_by_qemu(void **state)
{
    static const uint8_t session[] = {
        2,    0,    0,    4,    0,    0,   0,   0, 0xFF, 0xFF, 0xFE, 0xFE, 0xFF, 0xFF, 0xFE,
        0xCC, 0xC0, 0xA1, 0xE5, 0xCE, 255, 0,   0, 1,    0,    0,    0,    'a',  0,    0,
        0,    30,   255,  0,    0,    0,   0,   0, 0,    'a',  0,    0,    0,    30,   4,
        1,    0,    0,    0,    0,    0,   'b', 4, 0,    0,    0,    0,    0,    0,    'b',
        5,    0,    0,    10,   0,    10,  6,   0, 0,    0,    0,    0,    0,    3,    'x',
        'y',  'z',  3,    0,    0,    0,   0,   0, 0,    16,   0,    16,
    };
    struct ticket t = agent_ticket(&a);
    static struct stream st;
    uint8_t b[16];
    struct client c;

    (void)state;
    enter(&c, &t);
    st = (struct stream){ .c = &c };
    assert_true(client_rfb(&st));
    assert_true(client_frame(&c, 2, session, sizeof session));
    for (int i = 0; i < 4; i++)
        assert_true(stream_get(&st, b, sizeof b));
    assert_int_equal(screen_count(s), 1);
    client_close(&c);
}

static void a_killed_machine_says_4003(void **state)
{
    struct ticket t = agent_ticket(&a);
    static struct stream st;
    struct client c;

    (void)state;
    enter(&c, &t);
    st = (struct stream){ .c = &c };
    assert_true(client_rfb(&st));
    a.stopped = true;
    assert_int_equal(virDomainDestroy(dom), 0);
    assert_int_equal(client_close_code(&c), 4003);
    client_close(&c);
    a.stopped = false; /* the agent has not noticed yet: libvirt says it */
    t = agent_ticket(&a);
    enter(&c, &t);
    assert_int_equal(client_close_code(&c), 4003);
    client_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_picture_comes_in_time),
        cmocka_unit_test(keys_and_encodings_are_taken_by_qemu),
        cmocka_unit_test(a_killed_machine_says_4003),
    };

    if (!getenv("SCREEN_LOG"))
        log_level_set(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, begin, end);
}
