#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka.h needs the ones above first */
#include <cmocka.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "bserver-agent/io_vf.h"

/* A message as the kernel builds it: attributes nest by writing their length when they end. */
struct message {
    _Alignas(8) unsigned char bytes[8192];
    size_t n;
};

static size_t open_attribute(struct message *m, unsigned short type)
{
    struct rtattr a = { .rta_type = type };
    size_t at = m->n;

    memcpy(m->bytes + at, &a, sizeof a);
    m->n += sizeof a;
    return at;
}

static void close_attribute(struct message *m, size_t at)
{
    unsigned short n = (unsigned short)(m->n - at);

    memcpy(m->bytes + at, &n, sizeof n);
    m->n = (m->n + 3) & ~(size_t)3;
}

static void put(struct message *m, unsigned short type, const void *value, size_t n)
{
    size_t at = open_attribute(m, type);

    memcpy(m->bytes + m->n, value, n);
    m->n += n;
    close_attribute(m, at);
}

static void begin(struct message *m)
{
    memset(m, 0, sizeof *m);
    m->n = NLMSG_SPACE(sizeof(struct ifinfomsg));
    put(m, IFLA_IFNAME, "enp1s0f0", 9);
}

static void end(struct message *m)
{
    struct nlmsghdr head = { .nlmsg_len = (unsigned)m->n, .nlmsg_type = RTM_NEWLINK };

    memcpy(m->bytes, &head, sizeof head);
}

static void function(struct message *m, unsigned vf, uint64_t received, uint64_t sent)
{
    struct ifla_vf_mac mac = { .vf = vf };
    uint64_t octets = 4711;
    size_t info = open_attribute(m, IFLA_VF_INFO), stats;

    put(m, IFLA_VF_MAC, &mac, sizeof mac);
    stats = open_attribute(m, IFLA_VF_STATS | NLA_F_NESTED);
    put(m, IFLA_VF_STATS_RX_PACKETS, &received, sizeof received);
    put(m, IFLA_VF_STATS_TX_PACKETS, &sent, sizeof sent);
    put(m, IFLA_VF_STATS_RX_BYTES, &octets, sizeof octets);
    close_attribute(m, stats);
    close_attribute(m, info);
}

static void three(struct message *m, uint64_t a, uint64_t b)
{
    size_t list;

    begin(m);
    list = open_attribute(m, IFLA_VFINFO_LIST);
    function(m, 0, a, b);
    function(m, 1, 0, 0);
    function(m, 63, b, b);
    function(m, 9999, 5, 5); /* there is no room for it */
    close_attribute(m, list);
    put(m, IFLA_MTU, &(unsigned){ 1500 }, 4);
    end(m);
}

static void frames_of_each(void **state)
{
    struct message m;
    struct io_vf vf;

    (void)state;
    three(&m, 100, 7);
    assert_true(io_vf_parse(m.bytes, m.n, &vf));
    assert_true(vf.counted);
    assert_int_equal(vf.frames[0], 107);
    assert_int_equal(vf.frames[1], 0);
    assert_int_equal(vf.frames[63], 14);
}

static void all_zero_is_not_counted(void **state)
{
    struct message m;
    struct io_vf vf;

    (void)state;
    three(&m, 0, 0);
    assert_true(io_vf_parse(m.bytes, m.n, &vf));
    assert_false(vf.counted);
    begin(&m); /* a card without functions */
    end(&m);
    assert_true(io_vf_parse(m.bytes, m.n, &vf));
    assert_false(vf.counted);
}

/* Whatever is cut off or lies about its length: nothing beyond the message is read (ASan). */
static void broken_messages(void **state)
{
    struct message m;
    unsigned seed = 3;
    struct io_vf *vf = malloc(sizeof *vf);

    (void)state;
    assert_non_null(vf);
    three(&m, 100, 7);
    for (size_t n = 0; n < m.n; n++) {
        unsigned char *copy = malloc(n ? n : 1);
        unsigned whole = (unsigned)n;

        assert_non_null(copy);
        memcpy(copy, m.bytes, n);
        assert_false(io_vf_parse(copy, n, vf)); /* its header says more */
        if (n >= sizeof(struct nlmsghdr))
            memcpy(copy, &whole, sizeof whole);
        (void)io_vf_parse(copy, n, vf);
        free(copy);
    }
    for (int i = 0; i < 20000; i++) {
        unsigned char *copy = malloc(m.n);

        assert_non_null(copy);
        memcpy(copy, m.bytes, m.n);
        for (int k = 0; k < 3; k++)
            copy[16 + (size_t)rand_r(&seed) % (m.n - 16)] = (unsigned char)rand_r(&seed);
        (void)io_vf_parse(copy, m.n, vf);
        free(copy);
    }
    free(vf);
}

static void the_kernel_answers(void **state)
{
    struct err e = { 0 };
    struct io_vf vf;

    (void)state;
    assert_int_equal(io_vf_read("lo", &vf, &e), 0);
    assert_false(vf.counted);
    assert_int_equal(io_vf_read("no-such-card", &vf, &e), -1);
    assert_int_equal(e.code, ERR_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_each),
        cmocka_unit_test(all_zero_is_not_counted),
        cmocka_unit_test(broken_messages),
        cmocka_unit_test(the_kernel_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
