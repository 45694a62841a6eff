/* qcow2 with files that qemu-img made, and with what a hostile hand makes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ccc/qcow2.h"

static char dir[] = "/tmp/bic-qcow2-XXXXXX";
static char image[64], other[64], raw[64];

static void run(const char *const argv[])
{
    int status = 0;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        union {
            const char *const *in;
            char *const *out;
        } u = { .in = argv };
        int null = open("/dev/null", O_WRONLY);

        dup2(null, 1);
        execvp(argv[0], u.out);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}
#define RUN(...) run((const char *const[]){ __VA_ARGS__, NULL })

static enum err_code inspect(const char *path, struct qcow2_info *info)
{
    struct qcow2_info ignored;
    struct err e = { 0 };
    int rc = qcow2_inspect(path, info ? info : &ignored, &e);

    if (rc == 0)
        return ERR_NONE;
    assert_true(e.detail[0] != '\0');
    assert_null(strstr(e.detail, dir));
    return e.code;
}

static int make(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(image, sizeof image, "%s/image", dir);
    snprintf(other, sizeof other, "%s/other", dir);
    snprintf(raw, sizeof raw, "%s/raw", dir);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    RUN("rm", "-rf", dir);
    return 0;
}

static int fresh(void **state)
{
    (void)state;
    RUN("qemu-img", "create", "-q", "-f", "qcow2", image, "64M");
    RUN("qemu-io", "-f", "qcow2", "-c", "write -q -P 7 1M 3M", image);
    return 0;
}

static void put(uint64_t at, uint64_t value, size_t bytes)
{
    unsigned char b[8];
    int fd = open(image, O_WRONLY);

    for (size_t i = 0; i < bytes; i++)
        b[i] = (unsigned char)(value >> 8 * (bytes - 1 - i));
    assert_int_equal(pwrite(fd, b, bytes, (off_t)at), bytes);
    close(fd);
}

static void what_qemu_img_makes_is_taken(void **state)
{
    static const char *const options[] = { "compat=0.10",
                                           "compat=1.1",
                                           "compat=1.1,cluster_size=512",
                                           "compat=1.1,cluster_size=2M",
                                           "compat=1.1,lazy_refcounts=on",
                                           "compat=1.1,extended_l2=on,cluster_size=128k",
                                           "compat=1.1,refcount_bits=1",
                                           "compat=1.1,compression_type=zstd",
                                           "compat=1.1,preallocation=metadata" };

    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        struct qcow2_info info = { 0 };

        RUN("qemu-img", "create", "-q", "-f", "qcow2", "-o", options[i], other, "96M");
        RUN("qemu-io", "-f", "qcow2", "-c", "write -q -P 7 3M 3M", other);
        assert_int_equal(inspect(other, &info), ERR_NONE);
        assert_int_equal(info.virtual_size, 96 << 20);
        assert_int_equal(info.version, i == 0 ? 2 : 3);
        assert_int_equal(info.zstd, i == 7);
        assert_int_equal(info.extended_l2, i == 5);
    }
    RUN("qemu-img", "create", "-q", "-f", "qcow2", other, "15T");
    assert_int_equal(inspect(other, NULL), ERR_NONE);
    assert_int_equal(fresh(state), 0);
    RUN("qemu-img", "convert", "-c", "-O", "qcow2", image, other);
    assert_int_equal(inspect(other, NULL), ERR_NONE);
}

static void what_qemu_img_makes_but_we_do_not_want_is_refused(void **state)
{
    char data[96];

    (void)state;
    RUN("qemu-img", "create", "-q", "-f", "qcow2", "-b", image, "-F", "qcow2", other);
    assert_int_equal(inspect(other, NULL), ERR_IMAGE_INVALID);
    snprintf(data, sizeof data, "data_file=%s/outside", dir);
    RUN("qemu-img", "create", "-q", "-f", "qcow2", "-o", data, other, "64M");
    assert_int_equal(inspect(other, NULL), ERR_IMAGE_INVALID);
    RUN("qemu-img", "create", "-q", "-f", "qcow2", "--object", "secret,id=s,data=abcdefgh", "-o",
        "encrypt.format=aes,encrypt.key-secret=s", other, "64M"); /* luks times the processor */
    assert_int_equal(inspect(other, NULL), ERR_IMAGE_INVALID);
    RUN("qemu-img", "create", "-q", "-f", "qcow2", other, "64M");
    RUN("qemu-img", "snapshot", "-c", "s", other);
    assert_int_equal(inspect(other, NULL), ERR_IMAGE_INVALID);
    RUN("qemu-img", "create", "-q", "-f", "raw", raw, "64M");
    assert_int_equal(inspect(raw, NULL), ERR_IMAGE_INVALID);
    RUN("qemu-img", "create", "-q", "-f", "vmdk", raw, "64M");
    assert_int_equal(inspect(raw, NULL), ERR_IMAGE_INVALID);
    RUN("qemu-img", "create", "-q", "-f", "qcow2", other, "512k");
    assert_int_equal(inspect(other, NULL), ERR_IMAGE_INVALID);
    RUN("qemu-img", "create", "-q", "-f", "qcow2", other, "17T");
    assert_int_equal(inspect(other, NULL), ERR_IMAGE_INVALID);
}

static void each_hostile_field_is_refused(void **state)
{
    static const struct {
        const char *what;
        uint64_t at, value;
        size_t bytes;
    } bad[] = {
        { "magic", 0, 0, 4 },
        { "version 4", 4, 4, 4 },
        { "version 1", 4, 1, 4 },
        { "backing file", 8, 512, 8 },
        { "cluster bits 8", 20, 8, 4 },
        { "cluster bits 22", 20, 22, 4 },
        { "cluster bits huge", 20, UINT32_MAX, 4 },
        { "size 0", 24, 0, 8 },
        { "size huge", 24, UINT64_MAX, 8 },
        { "size negative", 24, UINT64_C(1) << 63, 8 },
        { "size odd", 24, (64 << 20) + 1, 8 },
        { "size beyond L1", 24, UINT64_C(1) << 40, 8 },
        { "encryption", 32, 1, 4 },
        { "encryption by LUKS", 32, 2, 4 },
        { "L1 none", 36, 0, 4 },
        { "L1 huge", 36, UINT32_MAX, 4 },
        { "L1 past the end", 40, UINT64_C(1) << 40, 8 },
        { "L1 wraps", 40, UINT64_MAX - 65535, 8 },
        { "L1 not aligned", 40, 196608 + 8, 8 },
        { "L1 on the header", 40, 0, 8 },
        { "L1 on the refcount table", 40, 65536, 8 },
        { "refcount table past the end", 48, UINT64_C(1) << 50, 8 },
        { "refcount table on the header", 48, 0, 8 },
        { "refcount table none", 56, 0, 4 },
        { "refcount table huge", 56, UINT32_MAX, 4 },
        { "snapshots", 60, 1, 4 },
        { "dirty", 72, 1, 8 },
        { "corrupt", 72, 2, 8 },
        { "external data", 72, 4, 8 },
        { "compression bit without type", 72, 8, 8 },
        { "extended L2 of another length", 72, UINT64_C(1) << 5, 8 },
        { "unknown feature", 72, UINT64_C(1) << 63, 8 },
        { "refcount order", 96, 7, 4 },
        { "header short", 100, 96, 4 },
        { "header odd", 100, 108, 4 },
        { "header long", 100, 4096, 4 },
        { "compression type without bit", 104, 1, 1 },
        { "extension: external data", 112, UINT64_C(0x4441544100000004), 8 },
        { "extension: encryption", 112, UINT64_C(0x0537be7700000010), 8 },
        { "extension: backing format", 112, UINT64_C(0xe2792aca00000004), 8 },
        { "extension too long", 112, UINT64_C(0x12345678ffffffff), 8 },
        { "L1 entry past the end", 196608, UINT64_C(0x8000010000000000), 8 },
        { "L1 entry reserved bits", 196608, UINT64_C(0x8100000000040000), 8 },
        { "L1 entry not aligned", 196608, UINT64_C(0x8000000000040200), 8 },
        { "refcount entry past the end", 65536, UINT64_C(1) << 45, 8 },
        { "refcount entry reserved bits", 65536, 131073, 8 },
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(fresh(state), 0);
        assert_int_equal(inspect(image, NULL), ERR_NONE); /* so it is this field that is refused */
        put(bad[i].at, bad[i].value, bad[i].bytes);
        if (inspect(image, NULL) != ERR_IMAGE_INVALID)
            fail_msg("%s was taken", bad[i].what);
    }
}

static void a_file_that_was_cut_off_is_refused(void **state)
{
    static const off_t lengths[] = { 0,    3,     71,     72,     103,    111,   112,
                                     4096, 65536, 131072, 196607, 196616, 262144 };

    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        assert_int_equal(fresh(state), 0);
        assert_int_equal(truncate(image, lengths[i]), 0);
        assert_int_equal(inspect(image, NULL), ERR_IMAGE_INVALID);
    }
    assert_int_equal(inspect("/nonexistent", NULL), ERR_STORAGE_FAILED);
    assert_int_equal(inspect(dir, NULL), ERR_STORAGE_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_qemu_img_makes_is_taken),
        cmocka_unit_test_setup(what_qemu_img_makes_but_we_do_not_want_is_refused, fresh),
        cmocka_unit_test(each_hostile_field_is_refused),
        cmocka_unit_test(a_file_that_was_cut_off_is_refused),
    };

    return cmocka_run_group_tests(tests, make, clean);
}
