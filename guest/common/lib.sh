# Functions for build.sh: progress, packages, initrd, disk. Sourced by bash.
# shellcheck shell=bash

say() { printf '%s %s\n' "[$(date +%T)]" "$*"; }
die() { say "error: $*" >&2; exit 1; }

# step TEXT COMMAND...: run a long command with its output in a log, one line every 5 s meanwhile.
step() {
	local text=$1 log=$WORK/log ticker rc=0 t0=$SECONDS
	shift
	say "$text"
	( trap 'kill "$naptime" 2>/dev/null; exit 0' TERM
	  while sleep 5 & naptime=$!; wait "$naptime"; do say "  ... $text, $((SECONDS - t0)) s"; done ) &
	ticker=$!
	( set -e; "$@" ) </dev/null >"$log" 2>&1 & # in the background: so that set -e holds inside
	wait $! || rc=$?
	kill "$ticker" 2>/dev/null || true
	wait "$ticker" 2>/dev/null || true
	if [ "$rc" -ne 0 ]; then
		tail -n 40 "$log" >&2
		die "failed ($rc): $text"
	fi
}

# The Debian sources: BIC_APT_SOURCES names a sources.list of one's own (a closed network's mirror), else MIRROR.
write_sources() {
	local key=/usr/share/keyrings/debian-archive-keyring.gpg
	if [ -n "${BIC_APT_SOURCES:-}" ]; then
		cp "$BIC_APT_SOURCES" "$1"
		return
	fi
	local m=${MIRROR:-http://deb.debian.org/debian} s=${SECURITY_MIRROR:-http://deb.debian.org/debian-security}
	cat >"$1" <<-EOF
	deb [signed-by=$key] $m $SUITE main
	deb [signed-by=$key] $m $SUITE-updates main
	deb [signed-by=$key] $s $SUITE-security main
	EOF
}

# fetch_debs PACKAGE...: the packages' files into $WORK/debs, through an apt state of our own below $CACHE.
fetch_debs() {
	local a=$CACHE/apt-$SUITE p real file
	mkdir -p "$a"/{state/lists/partial,cache/archives/partial,debs} "$WORK/debs"
	touch "$a/status"
	write_sources "$WORK/sources.list"
	cat >"$WORK/apt.conf" <<-EOF
	APT::Architecture "amd64"; APT::Architectures { "amd64"; };
	APT::Sandbox::User "root"; Acquire::Languages "none"; Acquire::Retries "3";
	Dir::State "$a/state"; Dir::State::status "$a/status"; Dir::Cache "$a/cache";
	Dir::Etc::SourceList "$WORK/sources.list"; Dir::Etc::SourceParts "/dev/null";
	Dir::Etc::Preferences "/dev/null"; Dir::Etc::PreferencesParts "/dev/null";
	EOF
	(
		flock 9
		export APT_CONFIG=$WORK/apt.conf
		cd "$WORK/debs" || exit
		apt-get update
		for p in "$@"; do
			real=$p
			if [ "$p" = linux-image-amd64 ]; then # a meta package: the kernel it stands for
				real=$(apt-cache depends "$p" | awk '/Depends: linux-image-[0-9]/ {print $2; exit}')
			fi
			file=$(apt-get --print-uris download "$real" | awk '{print $2; exit}')
			( cd "$a/debs" && apt-get download "$real" ) # keeps a good file that is there
			cp -- "$a/debs/$file" "$p.deb"
		done
	) 9>"$a/lock"
}

kver() { basename "$WORK"/k/lib/modules/*; }

# unpack_kernel: $WORK/k (kernel and all modules, with modules.dep), $WORK/bb (busybox)
unpack_kernel() {
	dpkg-deb -x "$WORK/debs/linux-image-amd64.deb" "$WORK/k"
	depmod -b "$WORK/k" "$(kver)"
	dpkg-deb -x "$WORK/debs/busybox-static.deb" "$WORK/bb"
}

# copy_modules LIST ROOT: the modules named in LIST (# comments) and what they need, with a module index.
# A name that the kernel does not have, or has built in, is passed over.
copy_modules() {
	local list=$1 root=$2 m f KVER d
	KVER=$(kver)
	d=$root/lib/modules/$KVER
	mkdir -p "$d"
	sed 's/#.*//' "$list" | xargs -n 1 | while read -r m; do
		[ -n "$m" ] || continue
		modprobe -d "$WORK/k" -S "$KVER" --show-depends "$m" 2>/dev/null || true
	done | awk '$1 == "insmod" {print $2}' | sort -u | while read -r f; do
		f=${f#"$WORK/k"}
		mkdir -p "$root${f%/*}"
		cp "$WORK/k$f" "$root$f"
	done
	cp "$WORK/k/lib/modules/$KVER"/modules.{order,builtin,builtin.modinfo} "$d/"
	depmod -b "$root" "$KVER"
	rm -f "$d"/modules.{order,builtin.modinfo,builtin.alias.bin,symbols,symbols.bin,devname}
}

# make_initrd ROOT OUT (a small window: the kernel needs that much memory to unpack it)
make_initrd() {
	find "$1" -exec touch -h -d @0 {} +
	( cd "$1" && find . -print0 | LC_ALL=C sort -z | cpio -0 -o -H newc -R 0:0 --reproducible --quiet ) | zstd -q -19 --zstd=wlog=20 -T0 -o "$2"
}

# busybox_root DIR: an empty root with busybox in it
busybox_root() {
	mkdir -p "$1"/{bin,dev,proc,sys,run,etc,tmp,root}
	cp "$WORK/bb/bin/busybox" "$1/bin/busybox"
	ln -s busybox "$1/bin/sh"
	ln -s bin "$1/sbin" # the kernel asks /sbin/modprobe for modules
}

# make_disk RAW BOOT_MIB APPEND [ROOT_MIB]: MBR, a FAT partition with syslinux, vmlinuz and initrd, an empty root partition.
# The root partition begins at BOOT_MIB + 1 MiB.
make_disk() {
	local raw=$1 mib=$2 append=$3 root_mib=${4:-0} part=$WORK/boot.img
	rm -f "$part" "$raw"
	truncate -s "${mib}M" "$part"
	mkfs.vfat -F 16 -n BICBOOT -i 42494342 -h 2048 "$part" >/dev/null
	cat >"$WORK/syslinux.cfg" <<-EOF
	DEFAULT bic
	PROMPT 0
	NOESCAPE 1
	LABEL bic
	  LINUX /vmlinuz
	  INITRD /initrd
	  APPEND $append
	EOF
	syslinux --install "$part"
	mcopy -i "$part" "$WORK/k/boot/vmlinuz-$(kver)" ::/vmlinuz
	mcopy -i "$part" "$WORK/initrd" ::/initrd
	mcopy -i "$part" "$WORK/syslinux.cfg" ::/syslinux.cfg
	truncate -s "$((1 + mib + root_mib))M" "$raw"
	{
		printf 'label: dos\nlabel-id: 0x42494331\nstart=2048, size=%s, type=e, bootable\n' $((mib * 2048))
		[ "$root_mib" = 0 ] || printf 'start=%s, size=%s, type=83\n' $(((1 + mib) * 2048)) $((root_mib * 2048))
	} | sfdisk -q "$raw"
	dd if=/usr/lib/syslinux/mbr/mbr.bin of="$raw" conv=notrunc bs=440 count=1 status=none
	dd if="$part" of="$raw" conv=notrunc,sparse bs=1M seek=1 status=none
	rm -f "$part"
}
