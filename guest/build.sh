#!/bin/bash
# guest/build.sh tiny|desktop OUT.qcow2
# Builds a guest image from Debian packages alone: no root mounts, no loop devices. See README.md.
# Environment: CACHE (downloads; default: OUT's directory), MIRROR, SECURITY_MIRROR, or BIC_APT_SOURCES (a sources.list).
set -euo pipefail

GUEST=$(cd "$(dirname "$0")" && pwd)
SUITE=bookworm
export LC_ALL=C.UTF-8 PATH=$PATH:/usr/sbin:/sbin
# shellcheck source=common/lib.sh
. "$GUEST/common/lib.sh"

[ $# -eq 2 ] || { echo "usage: guest/build.sh tiny|desktop OUT.qcow2" >&2; exit 2; }
IMAGE=$1
case $IMAGE in tiny | desktop) ;; *) die "no such image: $IMAGE (tiny, desktop)" ;; esac
mkdir -p "$(dirname "$2")"
OUT=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")

stamp=$(cd "$GUEST" && find build.sh common "$IMAGE" -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1)
if [ -s "$OUT" ] && [ "$(cat "$OUT.stamp" 2>/dev/null)" = "$stamp" ]; then
	say "$IMAGE: nothing to do, $OUT is current"
	exit 0
fi

for tool in apt-get dpkg-deb mmdebstrap mkfs.vfat mcopy syslinux sfdisk mke2fs cpio depmod zstd qemu-img; do
	command -v "$tool" >/dev/null || die "$tool is missing: install the packages of guest/packages.txt"
done
CACHE=${CACHE:-$(dirname "$OUT")}
mkdir -p "$CACHE"
CACHE=$(cd "$CACHE" && pwd)
WORK=$(mktemp -d "$(dirname "$OUT")/.build-$IMAGE.XXXXXX")
trap 'rm -rf "$WORK" 2>/dev/null || mmdebstrap --unshare-helper rm -rf "$WORK/ns/root.d" && rm -rf "$WORK"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# shellcheck source=/dev/null
. "$GUEST/$IMAGE/build.sh"
build_image
step "compress" qemu-img convert -c -f raw -O qcow2 "$WORK/disk.raw" "$WORK/out.qcow2"
rm -f "$OUT.stamp"
mv -f "$WORK/out.qcow2" "$OUT"
echo "$stamp" >"$WORK/stamp"
mv -f "$WORK/stamp" "$OUT.stamp"
say "$IMAGE: $OUT, $(($(stat -c %s "$OUT") / 1024)) KiB in $SECONDS s"
