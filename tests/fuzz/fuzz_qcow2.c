/*
 * libFuzzer: an uploaded image. The input is the beginning of the file; its first two bytes say how
 * much is missing behind it, as a hole (real images are larger than what a fuzzer feeds).
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ccc/qcow2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct qcow2_info info = { 0 };
    struct err e = { 0 };
    char path[64];
    int fd;

    if (n < 2 || (fd = memfd_create("image", MFD_CLOEXEC)) < 0)
        return 0;
    if (write(fd, data + 2, n - 2) != (ssize_t)(n - 2) ||
        ftruncate(fd, (off_t)(n - 2) + ((off_t)data[0] << 8 | data[1]) * 64) < 0)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (qcow2_inspect(path, &info, &e) == 0) {
        /* what is taken is within what the header promises to callers */
        if (info.virtual_size < QCOW2_SIZE_MIN || info.virtual_size > QCOW2_SIZE_MAX ||
            info.virtual_size % 512 != 0 || info.cluster_bits < 9 || info.cluster_bits > 21)
            abort();
    } else if (e.code != ERR_IMAGE_INVALID || e.detail[0] == '\0') {
        abort();
    }
    close(fd);
    return 0;
}
