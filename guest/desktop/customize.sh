#!/bin/sh
# mmdebstrap's customize hook: $1 is the root. Runs as root (or the user namespace's root).
set -eu
r=$1
here=$(cd "$(dirname "$0")" && pwd)

mkdir -p "$r/etc/systemd/system-generators" "$r/etc/tmpfiles.d"
cp -r --no-preserve=ownership "$here/overlay/." "$r/"
install -m 755 "$here/../common/bic-guest" "$r/usr/bin/bic-guest"

# locales: two, the sources go
for l in ko_KR en_US; do
	chroot "$r" localedef --no-archive -i "$l" -f UTF-8 "$l.UTF-8"
done
rm -rf "$r"/usr/share/i18n/charmaps "$r"/usr/share/i18n/locales
ln -sf /usr/share/zoneinfo/Asia/Seoul "$r/etc/localtime"
echo Asia/Seoul >"$r/etc/timezone"
ln -sf default/locale "$r/etc/locale.conf"
: >"$r/etc/fstab"

# one user without a password, no way in for root
chroot "$r" useradd -m -u 1000 -s /bin/bash -c User user
chroot "$r" passwd -q -l root
chroot "$r" usermod -p '*' user

unit() { chroot "$r" systemctl "$@" >/dev/null 2>&1; }
unit enable bic-desktop.service bic-ready.path bic-poweroff.path bic-late.timer
unit set-default graphical.target
for u in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer systemd-tmpfiles-clean.timer \
	getty.target getty@tty1.service user@.service systemd-networkd-wait-online.service \
	systemd-pstore.service systemd-binfmt.service proc-sys-fs-binfmt_misc.automount systemd-firstboot.service \
	systemd-machine-id-commit.service systemd-update-utmp.service systemd-update-utmp-runlevel.service \
	systemd-journald-audit.socket systemd-ask-password-console.path systemd-ask-password-wall.path \
	systemd-tmpfiles-setup-dev.service kmod-static-nodes.service systemd-random-seed.service systemd-journal-flush.service \
	systemd-remount-fs.service systemd-network-generator.service systemd-user-sessions.service systemd-modules-load.service \
	systemd-sysctl.service modprobe@.service dev-mqueue.mount \
	cryptsetup.target veritysetup.target integritysetup.target remote-fs.target systemd-pcrphase.service \
	systemd-pcrphase-sysinit.service systemd-repart.service systemd-sysusers.service systemd-hwdb-update.service \
	dev-hugepages.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount sys-fs-fuse-connections.mount \
	systemd-initctl.socket x11-common.service procps.service; do
	ln -sf /dev/null "$r/etc/systemd/system/$u"
done
for g in "$r"/usr/lib/systemd/system-generators/*; do
	ln -sf /dev/null "$r/etc/systemd/system-generators/${g##*/}"
done
for t in debian home journal-nocow legacy passwd provision static-nodes-permissions systemd-nologin systemd-pstore; do
	ln -sf /dev/null "$r/etc/tmpfiles.d/$t.conf"
done
# the network comes up behind the desktop, see bic-late.target
unit disable systemd-networkd.service systemd-networkd.socket systemd-resolved.service

# what programs would make at their first start
# (the font cache holds the directories' times: whole seconds, as the image keeps them)
find "$r/usr/share/fonts" "$r/usr/local/share" "$r/usr/share/icons" -exec touch -h -d '2026-01-01 00:00:00 UTC' {} +
chroot "$r" fc-cache -s -f
rm -f "$r"/usr/lib/udev/hwdb.bin "$r"/etc/udev/hwdb.bin
chroot "$r" systemd-hwdb --usr update || :

# not needed to run
rm -rf "$r"/var/lib/apt/lists/* "$r"/var/cache/apt/* "$r"/var/cache/debconf/*-old "$r"/var/lib/dpkg/*-old "$r"/var/log/* \
	"$r"/usr/share/icons/Adwaita/cursors.* "$r"/etc/resolv.conf.* "$r"/usr/share/X11/locale/*/XI18N_OBJS.* "$r"/usr/share/pixmaps/*.xpm
mkdir -p "$r/var/log/journal" && rmdir "$r/var/log/journal"
rm -f "$r/etc/hostname"
