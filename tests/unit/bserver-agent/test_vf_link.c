/* rtnetlink's words about virtual functions: read, built, and broken at every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka.h needs the ones above first */
#include <cmocka.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "bserver-agent/vf_link.h"

enum { HEAD = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct ifinfomsg)), VFS = 4 };

struct message {
    unsigned char at[1024];
    size_t n;
};

static size_t open_nest(struct message *m, int type)
{
    struct nlattr h = { .nla_len = sizeof h, .nla_type = (unsigned short)type };

    memcpy(m->at + m->n, &h, sizeof h);
    m->n += sizeof h;
    return m->n - sizeof h;
}

static void close_nest(struct message *m, size_t at)
{
    unsigned short size = (unsigned short)(m->n - at);

    memcpy(m->at + at, &size, sizeof size);
    m->n = HEAD + NLA_ALIGN(m->n - HEAD);
}

static void attr(struct message *m, int type, const void *body, size_t size)
{
    size_t at = open_nest(m, type);

    memcpy(m->at + m->n, body, size);
    m->n += size;
    close_nest(m, at);
}

/* As the kernel tells of one function (net/core/rtnetlink.c, rtnl_fill_vfinfo). */
static void function(struct message *m, unsigned index, unsigned vlan, unsigned spoof)
{
    struct ifla_vf_mac mac = { .vf = index, .mac = { 0x52, 0x54, 1, 2, 3, (unsigned char)index } };
    struct ifla_vf_vlan v = { .vf = index, .vlan = vlan };
    struct ifla_vf_rate rate = { .vf = index, .max_tx_rate = 1000 };
    struct ifla_vf_spoofchk s = { .vf = index, .setting = spoof };
    struct ifla_vf_link_state link = { .vf = index, .link_state = IFLA_VF_LINK_STATE_AUTO };
    size_t one = open_nest(m, IFLA_VF_INFO);

    attr(m, IFLA_VF_MAC, &mac, sizeof mac);
    attr(m, IFLA_VF_VLAN, &v, sizeof v);
    attr(m, IFLA_VF_RATE, &rate, sizeof rate);
    attr(m, IFLA_VF_SPOOFCHK, &s, sizeof s);
    attr(m, IFLA_VF_LINK_STATE, &link, sizeof link);
    close_nest(m, one);
}

static struct message told(void)
{
    struct message m = { .n = HEAD };
    size_t list;

    attr(&m, IFLA_IFNAME, "enp1s0f0", 9);
    list = open_nest(&m, IFLA_VFINFO_LIST);
    function(&m, 0, 0, 1);
    function(&m, 2, 120, ~0u);
    function(&m, 77, 5, 0); /* more than were asked for */
    close_nest(&m, list);
    return m;
}

static void what_the_kernel_tells_is_read(void **state)
{
    struct message m = told();
    struct vf_link vfs[VFS] = { 0 };

    (void)state;
    vf_link_parse(m.at, m.n, vfs, VFS);
    assert_true(vfs[0].known && !vfs[1].known && vfs[2].known && !vfs[3].known);
    assert_string_equal(vfs[2].mac, "52:54:01:02:03:02");
    assert_int_equal(vfs[0].vlan, 0);
    assert_int_equal(vfs[2].vlan, 120);
    assert_int_equal(vfs[0].spoof_check, 1);
    assert_int_equal(vfs[2].spoof_check, -1); /* the driver does not say */
    assert_int_equal(vfs[0].rate_mbps, 1000);
    assert_int_equal(vfs[0].link, 1);
}

/* Cut anywhere, and with any byte changed: nothing is read beyond it (AddressSanitizer looks on).
 */
static void broken_words_do_no_harm(void **state)
{
    struct message m = told();
    unsigned seed = 7;

    (void)state;
    for (size_t cut = 0; cut <= m.n; cut++) {
        unsigned char *exact = malloc(cut ? cut : 1);
        struct vf_link vfs[VFS] = { 0 };

        assert_non_null(exact);
        memcpy(exact, m.at, cut);
        vf_link_parse(exact, cut, vfs, VFS);
        free(exact);
    }
    for (int i = 0; i < 20000; i++) {
        unsigned char *bad = malloc(m.n);
        struct vf_link vfs[VFS] = { 0 };

        assert_non_null(bad);
        memcpy(bad, m.at, m.n);
        for (int k = 0; k < 3; k++)
            bad[rand_r(&seed) % m.n] = (unsigned char)rand_r(&seed);
        vf_link_parse(bad, m.n, vfs, VFS);
        free(bad);
    }
}

static void what_is_set_reads_back(void **state)
{
    const struct vf_link_wish w = {
        .index = 3, .mac = "52:54:01:00:00:09", .vlan = 7, .spoof_check = 1, .rate_mbps = 500
    };
    const struct vf_link_wish little = {
        .index = 1, .vlan = 9, .spoof_check = -1, .rate_mbps = -1
    };
    unsigned char buffer[256];
    struct vf_link vfs[VFS] = { 0 };
    struct nlmsghdr h;
    size_t n = vf_link_build(buffer, sizeof buffer, 5, &w);

    (void)state;
    assert_in_range(n, HEAD + 1, sizeof buffer);
    memcpy(&h, buffer, sizeof h);
    assert_int_equal(h.nlmsg_len, n);
    assert_int_equal(h.nlmsg_type, RTM_SETLINK);
    assert_int_equal(h.nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
    vf_link_parse(buffer, n, vfs, VFS);
    assert_true(vfs[3].known);
    assert_string_equal(vfs[3].mac, "52:54:01:00:00:09");
    assert_int_equal(vfs[3].vlan, 7);
    assert_int_equal(vfs[3].spoof_check, 1);
    assert_int_equal(vfs[3].rate_mbps, 500);
    for (size_t room = 0; room < n; room++)
        assert_int_equal(vf_link_build(buffer, room, 5, &w), 0);
    assert_true(vf_link_build(buffer, sizeof buffer, 5, &little) < n); /* the rest is left alone */
}

/* The kernel here: loopback has no functions, and what is no interface is said to be none. */
static void the_kernel_answers(void **state)
{
    struct vf_link vfs[VFS];
    struct err e = { 0 };

    (void)state;
    assert_int_equal(vf_link_read("lo", vfs, VFS, &e), 0);
    for (int i = 0; i < VFS; i++)
        assert_false(vfs[i].known);
    assert_int_equal(vf_link_read("no-such-if", vfs, VFS, &e), -1);
    assert_int_equal(e.code, ERR_NOT_FOUND);
    e = (struct err){ 0 };
    assert_int_equal(vf_link_set("lo", &(struct vf_link_wish){ .vlan = 1 }, &e), -1);
    assert_int_equal(e.code, ERR_PRECONDITION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_kernel_tells_is_read),
        cmocka_unit_test(broken_words_do_no_harm),
        cmocka_unit_test(what_is_set_reads_back),
        cmocka_unit_test(the_kernel_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
