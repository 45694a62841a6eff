#!/bin/sh
# Installs what is missing of the packages named in the given lists: install.sh LIST…
# As root, or as a user with sudo. Does nothing, and asks for nothing, when all is there.
set -eu

wanted=$(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$@")
missing=""
for package in $wanted; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done

# Root runs BIC's services as a user of their own (with /dev/kvm, where there is one).
if [ "$(id -u)" = 0 ] && ! getent passwd bic >/dev/null; then
    useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin bic
    ! getent group kvm >/dev/null || usermod -aG kvm bic
fi
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    as_root=""
elif command -v sudo >/dev/null; then
    as_root="sudo"
else
    echo "install.sh: these packages are missing, and there is neither root nor sudo:$missing" >&2
    exit 1
fi

echo "[..] installing Debian packages:$missing"
# BIC's clusters are private: the package shall not make and start one of its own.
case "$missing" in
*postgresql-15*)
    if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
        $as_root mkdir -p /etc/postgresql-common
        echo 'create_main_cluster = false' | $as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
    fi
    ;;
esac
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install_missing() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q update || return 1
    # shellcheck disable=SC2086 # a list of package names
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $missing
}
install_missing >"$log" 2>&1 &
pid=$!
while kill -0 "$pid" 2>/dev/null; do
    sleep 5
    kill -0 "$pid" 2>/dev/null && echo "     $(tail -n 1 "$log" | cut -c1-100)"
done
if ! wait "$pid"; then
    tail -n 20 "$log" >&2
    echo "install.sh: apt-get failed" >&2
    exit 1
fi
echo "[ok] packages installed"
