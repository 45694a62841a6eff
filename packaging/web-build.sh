#!/bin/sh
# Builds web/dist with npm, when something in web/ is newer than it. Where the system has no Node.js that
# is new enough for the build (20.19), the npm package `node` brings one into web/node_modules/.node.
set -eu

cd "$(dirname "$0")/../web"
stamp=dist/.built
if [ -f "$stamp" ] && [ -z "$(find . ../ccc/openapi.json -path ./node_modules -prune -o -path ./dist -prune -o -path ./dev -prune -o -path ./src/api/schema.d.ts -prune -o -type f -newer "$stamp" -print -quit)" ]; then
    exit 0
fi

command -v npm >/dev/null || ../packaging/install.sh ../packaging/packages/web.txt

new_enough() {
    node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null
}

ticking() { # ticking WHAT COMMAND…: a line each 8 s, the output only when it fails
    what=$1
    shift
    echo "[..] $what"
    log=$(mktemp)
    "$@" >"$log" 2>&1 &
    pid=$!
    seconds=0
    while kill -0 "$pid" 2>/dev/null; do
        sleep 1
        seconds=$((seconds + 1))
        [ $((seconds % 8)) -ne 0 ] || echo "     $what: $seconds s"
    done
    if ! wait "$pid"; then
        cat "$log" >&2
        rm -f "$log"
        exit 1
    fi
    rm -f "$log"
    echo "[ok] $what ($seconds s)"
}

if ! new_enough; then
    own=$PWD/../build/node
    if [ ! -x "$own/node_modules/node/bin/node" ]; then
        ticking "a newer Node.js" npm install --no-audit --no-fund --prefix "$own" node@22
    fi
    PATH=$own/node_modules/node/bin:$PATH
    export PATH
fi
if [ ! -f node_modules/.package-lock.json ] || [ -n "$(find package-lock.json -newer node_modules/.package-lock.json)" ]; then
    ticking "npm ci" npm ci --no-audit --no-fund
fi
ticking "web portal and client" npm run build
touch "$stamp"
