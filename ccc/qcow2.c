#include "ccc/qcow2.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    V2_HEADER = 72,
    V3_HEADER = 104,
    HEADER_MAX =
        512, /* this build reads 112 bytes of it; longer ones are of the future, and refused */
    CLUSTER_BITS_MIN = 9,
    CLUSTER_BITS_MAX = 21,
    EXTENDED_CLUSTER_BITS_MIN = 14,
    EXTENSIONS_MAX = 64,
    L1_BYTES_MAX = 32 << 20,      /* as in QEMU */
    REFTABLE_BYTES_MAX = 8 << 20, /* as in QEMU */
};

/* Incompatible features, bits of the header of version 3. */
#define DIRTY (UINT64_C(1) << 0)
#define CORRUPT (UINT64_C(1) << 1)
#define EXTERNAL_DATA (UINT64_C(1) << 2)
#define COMPRESSION_TYPE (UINT64_C(1) << 3)
#define EXTENDED_L2 (UINT64_C(1) << 4)

#define OFFSET_BITS UINT64_C(0x00fffffffffffe00) /* of a table entry: bits 9 to 55 */
#define COPIED_BIT (UINT64_C(1) << 63)

struct header {
    uint32_t version, cluster_bits, crypt_method, l1_entries, reftable_clusters, snapshots;
    uint32_t refcount_order, length;
    uint64_t backing_offset, size, l1_offset, reftable_offset, incompatible;
    unsigned compression;
    uint64_t cluster;
};

struct image {
    int fd;
    uint64_t bytes; /* of the file */
    struct header h;
};

static int invalid(struct err *e, const char *sentence)
{
    return err_set(e, ERR_IMAGE_INVALID, "%s", sentence);
}

static uint32_t be32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint64_t be64(const unsigned char *p)
{
    return (uint64_t)be32(p) << 32 | be32(p + 4);
}

/* Exactly n bytes; the caller has checked that they lie in the file. */
static int read_at(const struct image *im, uint64_t at, void *to, size_t n, struct err *e)
{
    unsigned char *p = to;

    while (n > 0) {
        ssize_t r = pread(im->fd, p, n, (off_t)at);

        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0) {
            err_set(e, ERR_STORAGE_FAILED, "the uploaded image could not be read");
            return err_cause(e, "read: %s", r < 0 ? strerror(errno) : "it became shorter");
        }
        p += r;
        n -= (size_t)r;
        at += (uint64_t)r;
    }
    return 0;
}

static void parse_v3(const unsigned char *b, struct header *h)
{
    h->incompatible = be64(b + 72);
    h->refcount_order = be32(b + 96);
    h->length = be32(b + 100);
    h->compression = h->length > V3_HEADER ? b[104] : 0;
}

static int read_header(struct image *im, struct err *e)
{
    unsigned char b[112] = { 0 };
    struct header *h = &im->h;

    if (im->bytes < V2_HEADER)
        return invalid(e, "the file is not a qcow2 image: it is too short");
    if (read_at(im, 0, b, im->bytes < sizeof b ? V2_HEADER : sizeof b, e) < 0)
        return -1;
    if (memcmp(b, "QFI\xfb", 4) != 0)
        return invalid(e, "the file is not a qcow2 image");
    h->version = be32(b + 4);
    h->backing_offset = be64(b + 8);
    h->cluster_bits = be32(b + 20);
    h->size = be64(b + 24);
    h->crypt_method = be32(b + 32);
    h->l1_entries = be32(b + 36);
    h->l1_offset = be64(b + 40);
    h->reftable_offset = be64(b + 48);
    h->reftable_clusters = be32(b + 56);
    h->snapshots = be32(b + 60);
    h->refcount_order = 4;
    h->length = V2_HEADER;
    if (h->version != 2 && h->version != 3)
        return invalid(e, "this version of qcow2 is not known here (2 and 3 are)");
    if (h->version == 3 && im->bytes < sizeof b)
        return invalid(e, "the file is too short for a qcow2 image");
    if (h->version == 3)
        parse_v3(b, h);
    return 0;
}

static int check_features(const struct header *h, struct err *e)
{
    const uint64_t known = DIRTY | CORRUPT | EXTERNAL_DATA | COMPRESSION_TYPE | EXTENDED_L2;

    if (h->incompatible & EXTERNAL_DATA)
        return invalid(e, "the image keeps its data in another file");
    if (h->incompatible & CORRUPT)
        return invalid(e, "the image is marked as damaged (qemu-img check -r all may repair it)");
    if (h->incompatible & DIRTY)
        return invalid(e, "the image was not closed properly (qemu-img check -r all repairs it)");
    if (h->incompatible & ~known)
        return invalid(e, "the image uses features that are not known here");
    if (!(h->incompatible & COMPRESSION_TYPE) != (h->compression == 0) || h->compression > 1)
        return invalid(e, "the image uses a compression that is not known here");
    if (h->refcount_order > 6)
        return invalid(e, "the image's header is damaged (width of reference counts)");
    return 0;
}

static int check_sizes(struct header *h, struct err *e)
{
    if (h->cluster_bits < CLUSTER_BITS_MIN || h->cluster_bits > CLUSTER_BITS_MAX ||
        ((h->incompatible & EXTENDED_L2) && h->cluster_bits < EXTENDED_CLUSTER_BITS_MIN))
        return invalid(e, "the image's header is damaged (cluster size)");
    h->cluster = UINT64_C(1) << h->cluster_bits;
    if (h->version == 3 && (h->length < V3_HEADER || h->length % 8 != 0 || h->length > HEADER_MAX ||
                            h->length > h->cluster))
        return invalid(e, "the image's header is damaged (its length)");
    if (h->size < (uint64_t)QCOW2_SIZE_MIN || h->size > (uint64_t)QCOW2_SIZE_MAX)
        return invalid(e, "the disk's size is not between 1 MiB and 16 TiB");
    if (h->size % 512 != 0)
        return invalid(e, "the disk's size is not a multiple of 512 bytes");
    return 0;
}

static int check_header(struct header *h, struct err *e)
{
    if (h->backing_offset != 0)
        return invalid(e, "the image needs a backing file; make it whole with qemu-img convert");
    if (h->crypt_method != 0)
        return invalid(e, "the image is encrypted");
    if (h->snapshots != 0)
        return invalid(e, "the image holds internal snapshots; qemu-img convert leaves them out");
    return check_features(h, e) < 0 ? -1 : check_sizes(h, e);
}

/*
 * Whatever else a program might take out of the first cluster: names of other files and keys.
 * Unknown extensions may be left unread by the format's own rule, their lengths may not leave the
 * cluster.
 */
static int check_extensions(const struct image *im, struct err *e)
{
    uint64_t at = im->h.length, end = im->h.cluster < im->bytes ? im->h.cluster : im->bytes;

    for (int i = 0; at + 8 <= end; i++) {
        unsigned char b[8];
        uint32_t type, length;

        if (i == EXTENSIONS_MAX)
            return invalid(e, "the image's header is damaged (too many extensions)");
        if (read_at(im, at, b, sizeof b, e) < 0)
            return -1;
        type = be32(b);
        length = be32(b + 4);
        if (type == 0)
            return 0;
        at += 8;
        if (length > end - at)
            return invalid(e, "the image's header is damaged (an extension's length)");
        if (type == 0x44415441)
            return invalid(e, "the image keeps its data in another file");
        if (type == 0x0537be77)
            return invalid(e, "the image is encrypted");
        if (type == 0xe2792aca)
            return invalid(e,
                           "the image needs a backing file; make it whole with qemu-img convert");
        at += (length + UINT64_C(7)) / 8 * 8;
    }
    return 0;
}

/* A table of n bytes: behind the header, aligned, whole in the file. All sums stay below 2^64. */
static bool in_file(const struct image *im, uint64_t offset, uint64_t n)
{
    return offset >= im->h.cluster && offset % im->h.cluster == 0 && offset <= im->bytes &&
           n <= im->bytes - offset;
}

static bool overlap(uint64_t a, uint64_t an, uint64_t b, uint64_t bn)
{
    return a < b + bn && b < a + an;
}

static int check_tables(const struct image *im, struct err *e)
{
    const struct header *h = &im->h;
    uint64_t entry = h->incompatible & EXTENDED_L2 ? 16 : 8;
    uint64_t reach = h->cluster / entry * h->cluster; /* what one second-level table maps */
    uint64_t need = (h->size + reach - 1) / reach;
    uint64_t l1 = (uint64_t)h->l1_entries * 8,
             reftable = (uint64_t)h->reftable_clusters * h->cluster;

    if (l1 > L1_BYTES_MAX || h->l1_entries < need)
        return invalid(e, "the image's header is damaged (size of the first-level table)");
    if (!in_file(im, h->l1_offset, l1))
        return invalid(e, "the image is damaged or cut off (first-level table)");
    if (reftable == 0 || reftable > REFTABLE_BYTES_MAX)
        return invalid(e, "the image's header is damaged (size of the reference count table)");
    if (!in_file(im, h->reftable_offset, reftable))
        return invalid(e, "the image is damaged or cut off (reference count table)");
    if (overlap(h->l1_offset, l1, h->reftable_offset, reftable))
        return invalid(e, "the image's header is damaged (tables overlap)");
    return 0;
}

/* Entries of a table that name clusters: reserved bits clear, clusters in the file. */
static int check_entries(const struct image *im, uint64_t offset, uint64_t bytes, uint64_t flags,
                         struct err *e)
{
    unsigned char piece[4096];
    uint64_t last = (im->bytes + im->h.cluster - 1) & ~(im->h.cluster - 1);

    while (bytes > 0) {
        size_t n = bytes < sizeof piece ? (size_t)bytes : sizeof piece;

        if (read_at(im, offset, piece, n, e) < 0)
            return -1;
        for (size_t i = 0; i < n; i += 8) {
            uint64_t v = be64(piece + i), at = v & OFFSET_BITS;

            if ((v & ~(OFFSET_BITS | flags)) != 0)
                return invalid(e, "the image is damaged (a table holds what is not defined)");
            if (at != 0 && (at % im->h.cluster != 0 || at + im->h.cluster > last))
                return invalid(e, "the image is damaged or cut off (a table points out of it)");
        }
        offset += n;
        bytes -= n;
    }
    return 0;
}

static int inspect(struct image *im, struct err *e)
{
    const struct header *h = &im->h;

    if (read_header(im, e) < 0 || check_header(&im->h, e) < 0 || check_extensions(im, e) < 0 ||
        check_tables(im, e) < 0)
        return -1;
    if (check_entries(im, h->l1_offset, (uint64_t)h->l1_entries * 8, COPIED_BIT, e) < 0)
        return -1;
    return check_entries(im, h->reftable_offset, h->reftable_clusters * h->cluster, 0, e);
}

int qcow2_inspect(const char *path, struct qcow2_info *out, struct err *e)
{
    struct image im = { .fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) };
    struct stat st;
    int rc;

    if (im.fd < 0 || fstat(im.fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        err_set(e, ERR_STORAGE_FAILED, "the uploaded image could not be read");
        err_cause(e, "open %s: %s", path, strerror(errno));
        if (im.fd >= 0)
            close(im.fd);
        return -1;
    }
    im.bytes = (uint64_t)st.st_size;
    rc = inspect(&im, e);
    close(im.fd);
    if (rc < 0)
        return -1;
    *out = (struct qcow2_info){ .version = (int)im.h.version,
                                .cluster_bits = (int)im.h.cluster_bits,
                                .virtual_size = (int64_t)im.h.size,
                                .file_size = st.st_size,
                                .extended_l2 = (im.h.incompatible & EXTENDED_L2) != 0,
                                .zstd = im.h.compression == 1 };
    return 0;
}
