#!/bin/sh
# The include graph (docs/CODING.md, rule 11): who may include what of ours. Run from the top.
found=$(mktemp) && trap 'rm -f "$found"' EXIT

allow() { # allow DIRECTORY PREFIX...
    dir=$1
    shift
    [ -d "$dir" ] || return 0
    find "$dir" -name '*.[ch]' | sort | while read -r file; do
        grep -n '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "$file" | while IFS=: read -r line text; do
            inc=$(printf '%s\n' "$text" | sed 's/^[^"]*"\([^"]*\)".*/\1/')
            ok=no
            for prefix in "$@"; do
                case $inc in "$prefix"*) ok=yes ;; esac
            done
            [ $ok = yes ] || echo "$file:$line: must not include $inc"
        done
    done >> "$found"
}

allow common/base   common/base/
allow common/db     common/base/ common/db/
allow common/http   common/base/ common/http/
allow common/peer   common/base/ common/http/ common/peer/
allow common/wire   common/base/ common/wire/
allow common/sync   common/base/ common/http/ common/peer/ common/wire/ common/sync/
allow common/daemon common/base/ common/http/ common/peer/ common/wire/ common/sync/ common/daemon/
allow ccc           common/ ccc/ sql/ccc/
allow xcenter       common/base/ common/http/ common/peer/ common/wire/ common/sync/ common/daemon/ xcenter/
allow bcenter       common/ bcenter/ sql/module/
allow bserver-agent common/base/ common/http/ common/peer/ common/wire/ common/sync/ common/daemon/ bserver-agent/
allow bicctl        common/base/ common/peer/ bicctl/

# A header that says whose it is stays there.
find common -name '*.h' | sort | while read -r header; do
    owner=$(sed -n '1,20s|.*Only \(common/[a-z]*\)/.*|\1/|p' "$header" | head -n 1)
    [ -n "$owner" ] || continue
    for dir in common ccc xcenter bcenter bserver-agent bicctl; do
        [ -d $dir ] || continue
        grep -rn --include='*.[ch]' "^#include \"$header\"" $dir | grep -v "^$owner" |
            sed "s|^\([^:]*:[0-9]*\):.*|\1: $header belongs to $owner alone|"
    done
done >> "$found"

cat "$found"
[ ! -s "$found" ]
