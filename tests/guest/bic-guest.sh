#!/bin/bash
# What the guest takes from the host's SMBIOS strings, and what it does not. Needs no virtual machine.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
guest=$here/../../guest/common/bic-guest
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export BIC_DMI=$tmp
run=0a1b2c3d-0000-4000-8000-00000000abcd
shells=("$(command -v dash || command -v bash)")
if bb=$(command -v busybox); then shells+=("$bb sh"); fi
fails=0

# given STRING...: the table that QEMU would make of them
given() {
	rm -rf "${tmp:?}"/11-*
	mkdir "$tmp/11-0"
	{ printf '%b' "\\013\\005\\000\\016\\0$(printf %03o $#)"; [ $# = 0 ] || printf '%s\0' "$@"; printf '\0'; } >"$tmp/11-0/raw"
}
# expect KEY VALUE
expect() {
	local sh got
	for sh in "${shells[@]}"; do
		# shellcheck disable=SC2086
		got=$($sh "$guest" get "$1")
		[ "$got" = "$2" ] || { echo "FAIL: $1 is '$got', not '$2' ($sh)"; fails=$((fails + 1)); }
	done
}

given "bic.run=$run" bic.hostname=pc-7 bic.locale=en_US.UTF-8 bic.keyboard=us
expect run "$run"; expect hostname pc-7; expect locale en_US.UTF-8; expect keyboard us
given
expect run ''; expect hostname bic-desktop; expect locale ko_KR.UTF-8; expect keyboard kr
rm -rf "$tmp/11-0"
expect run ''; expect hostname bic-desktop
# shellcheck disable=SC2016
given 'bic.run=$(reboot)' 'bic.hostname=a;reboot' 'bic.locale=../../etc' 'bic.keyboard=kr"; x'
expect run ''; expect hostname bic-desktop; expect locale ko_KR.UTF-8; expect keyboard kr
given "bic.run=$run
x" bic.hostname=-a "xbic.hostname=b"
expect run "$run"; expect hostname bic-desktop
given "bic.run=${run}0" bic.hostname="$(printf 'a%.0s' {1..64})"
expect run ''; expect hostname bic-desktop
given bic.run=0a1b2c3d-0000-4000-8000-00000000abc bic.hostname=A
expect run ''; expect hostname bic-desktop
given bic.hostname=Bad bic.hostname=good bic.hostname=second "bic.run=0a1b2c3d-0-00-4000-8000-00000000abcd" 'vendor string'
expect hostname good; expect run ''
[ "$fails" = 0 ] && echo "bic-guest: ok"
exit "$((fails > 0))"
