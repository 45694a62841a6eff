# The desktop guest: a Debian root made by mmdebstrap in an ext4 partition, booted by syslinux and a busybox initramfs.
# Sourced by ../build.sh.
# shellcheck shell=bash disable=SC2154

words() { sed 's/#.*//' "$1" | xargs; }

# An empty package that stands for those named in stub-provides, in a repository of one.
make_stubs() {
	local d=$WORK/stubs deb=$WORK/repo/stubs.deb
	mkdir -p "$d/DEBIAN" "$WORK/repo"
	cat >"$d/DEBIAN/control" <<-EOF
	Package: bic-desktop-stubs
	Version: 1
	Architecture: all
	Maintainer: BIC
	Provides: $(words "$GUEST/desktop/stub-provides" | tr ' ' '\n' | sed 's/$/ (= 999)/' | paste -sd,)
	Description: stands in for packages that the BIC desktop does without
	EOF
	dpkg-deb --root-owner-group -b "$d" "$deb"
	{
		cat "$d/DEBIAN/control"
		printf 'Filename: ./stubs.deb\nSize: %s\nSHA256: %s\n\n' "$(stat -c %s "$deb")" "$(sha256sum "$deb" | cut -d' ' -f1)"
	} >"$WORK/repo/Packages"
	echo "deb [trusted=yes] copy:$WORK/repo ./" >>"$WORK/sources.list"
}

# shellcheck disable=SC2016
make_root() {
	local debs=$CACHE/apt-$SUITE/debs-desktop
	mkdir -p "$debs"
	chmod 755 "$WORK" # other users' namespaces read from it
	mmdebstrap --variant=apt --format=tar --skip=check/qemu \
		--dpkgopt="$GUEST/desktop/dpkg.cfg" --aptopt='APT::Install-Recommends "false"' \
		--include="bic-desktop-stubs $(words "$GUEST/desktop/packages")" \
		--setup-hook='mkdir -p "$1/var/cache/apt/archives"' \
		--setup-hook="find '$debs' -name '*.deb' -exec cp -t \"\$1/var/cache/apt/archives\" {} +" \
		--customize-hook="cp -u \"\$1\"/var/cache/apt/archives/*.deb '$debs/' || :" \
		--customize-hook="'$GUEST/desktop/customize.sh' \"\$1\"" \
		--customize-hook='rm -f "$1/etc/apt/sources.list.d/"*stubs* "$1/etc/hostname"' \
		"$SUITE" "$WORK/root.tar" "$WORK/sources.list"
}

# As root at once, else in the namespace of mmdebstrap's own helper: the files keep their owners.
as_owner() {
	if [ "$(id -u)" = 0 ]; then "$@"; else mmdebstrap --unshare-helper "$@"; fi
}

# make_rootfs MIB: the root file system into disk.raw at MIB
make_rootfs() {
	mkdir -p "$WORK/ns"
	if [ "$(id -u)" != 0 ]; then chmod 777 "$WORK/ns" "$WORK/disk.raw"; fi # the namespace's root is another user
	# shellcheck disable=SC2016
	as_owner bash -c 'set -e
		mkdir -p "$1/ns/root.d"
		tar -C "$1/ns/root.d" --exclude="./dev/*" --xattrs --xattrs-include="*" -xf "$1/root.tar"
		cp -r --no-preserve=ownership "$1/modules.d/lib/modules" "$1/ns/root.d/usr/lib/"
		mke2fs -q -t ext4 -F -L bicroot -U "$2" -E "offset=$3,lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0" -J size=32 \
			-N 262144 -m 1 -e remount-ro -d "$1/ns/root.d" "$1/disk.raw" "${4}M"
		rm -rf "$1/ns/root.d"' make_rootfs "$WORK" "$ROOT_UUID" $(($1 << 20)) "$ROOT_MIB"
}

desktop_initrd() {
	local root=$WORK/initrd.d
	busybox_root "$root"
	copy_modules "$GUEST/desktop/initrd-modules" "$root"
	install -m 755 "$GUEST/desktop/initrd-init" "$root/init"
	install -m 755 "$GUEST/common/bic-guest" "$root/bin/bic-guest"
	make_initrd "$root" "$WORK/initrd"
}

build_image() {
	ROOT_MIB=8192 # what the user sees; the image holds only what is used
	ROOT_UUID=$(echo "$stamp" | sed -E 's/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/\1-\2-\3-\4-\5/')
	step "download kernel and busybox" fetch_debs linux-image-amd64 busybox-static
	step "stubs" make_stubs
	step "install the packages" make_root
	step "unpack the kernel" unpack_kernel
	step "kernel modules" copy_modules "$GUEST/desktop/modules" "$WORK/modules.d"
	step "initramfs" desktop_initrd
	step "disk" make_disk "$WORK/disk.raw" 24 \
		"root=UUID=$ROOT_UUID quiet loglevel=3 systemd.show_status=0 vt.global_cursor_default=0 net.ifnames=0 random.trust_cpu=on panic=5" "$ROOT_MIB"
	step "root file system" make_rootfs 25
}
