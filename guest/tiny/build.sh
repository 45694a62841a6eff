# The tiny guest: Debian's kernel and a busybox initramfs on one FAT partition. Sourced by ../build.sh.
# shellcheck shell=bash

tiny_initrd() {
	local root=$WORK/initrd.d
	busybox_root "$root"
	copy_modules "$GUEST/tiny/modules" "$root"
	install -m 755 "$GUEST/tiny/init" "$root/init"
	install -m 755 "$GUEST/common/bic-guest" "$root/bin/bic-guest"
	install -m 755 "$GUEST/tiny/udhcpc" "$root/etc/udhcpc"
	install -D -m 755 "$GUEST/tiny/power-button" "$root/etc/acpi/PWRF/00000080"
	make_initrd "$root" "$WORK/initrd"
}

build_image() {
	step "download kernel and busybox" fetch_debs linux-image-amd64 busybox-static
	step "unpack" unpack_kernel
	step "initramfs" tiny_initrd
	step "disk" make_disk "$WORK/disk.raw" 20 "quiet loglevel=3 consoleblank=0 net.ifnames=0 random.trust_cpu=on panic=5"
}
