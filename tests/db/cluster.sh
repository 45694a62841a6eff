#!/bin/sh
# A throw-away PostgreSQL cluster on a unix socket, for tests.
#   cluster.sh DIR start          makes and starts it, prints a conninfo (database postgres)
#   cluster.sh DIR database NAME  an empty database of that name (an old one is dropped), prints its conninfo
#   cluster.sh DIR stop           stops and removes it
# The server refuses root: as root it runs as user postgres, or nobody. Data is not made durable.
set -eu
dir=${1:?usage: cluster.sh DIR start|database NAME|stop}
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
[ -n "$bin" ] || { echo "no PostgreSQL server programs found" >&2; exit 1; }

owner=$(id -un)
if [ "$(id -u)" = 0 ]; then
    owner=nobody
    if id postgres >/dev/null 2>&1; then owner=postgres; fi
fi
as() {
    if [ "$(id -u)" = 0 ]; then
        (cd / && setpriv --reuid="$owner" --regid="$(id -g "$owner")" --clear-groups env HOME=/ "$@")
    else
        "$@"
    fi
}

case ${2:-} in
start)
    mkdir -p "$dir"
    dir=$(cd "$dir" && pwd)
    if [ ${#dir} -gt 85 ]; then echo "$dir: too long for a unix socket" >&2; exit 1; fi
    if [ "$(id -u)" = 0 ]; then chown "$owner" "$dir"; fi
    chmod 0700 "$dir"
    [ -f "$dir/data/PG_VERSION" ] ||
        as "$bin/initdb" -D "$dir/data" -U bic -A trust -E UTF8 --locale=C.UTF-8 -N >"/dev/null"
    as "$bin/pg_ctl" -D "$dir/data" status >/dev/null ||
        as "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w -t 30 -o "-k '$dir' -c listen_addresses='' \
-c fsync=off -c autovacuum=off -c shared_buffers=32MB -c max_connections=60 -c dynamic_shared_memory_type=mmap" start >/dev/null
    echo "host=$dir user=bic dbname=postgres"
    ;;
database)
    name=${3:?name of the database}
    dir=$(cd "$dir" && pwd)
    psql -qX -v ON_ERROR_STOP=1 -h "$dir" -U bic -d postgres -c "drop database if exists \"$name\" with (force)" \
        -c "create database \"$name\"" 2>/dev/null
    echo "host=$dir user=bic dbname=$name"
    ;;
stop)
    [ -d "$dir/data" ] || exit 0
    dir=$(cd "$dir" && pwd)
    as "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null || true
    rm -rf "$dir/data" "$dir/log"
    rmdir "$dir" 2>/dev/null || true
    ;;
*)
    echo "usage: cluster.sh DIR start|database NAME|stop" >&2
    exit 2
    ;;
esac
