#!/bin/sh
# Every action that is written down is in the table of docs/rest.md, "Audit". Run from the top.
told=$(sed -n '/^## Audit/,/^## [^A]/p' docs/rest.md | sed -n 's/^| \(`[^|]*\) |.*/\1/p' | grep -o '`[^`]*`' | tr -d '`')
[ -n "$told" ] || { echo "docs/rest.md:1: no table of audit actions"; exit 1; }

{ # words as they stand in the code, without names of files; and a resource's kind with what can be done to it
    grep -nHoE '"[a-z-]+\.[a-z-]+"' ccc/*.c bcenter/*.c | tr -d '"' | grep -vE '\.(key|crt)$'
    grep -nHoE "'[a-z-]+\.[a-z-]+'" sql/*/queries/*.sql | tr -d "'"
    awk '/const struct resource [a-z_]+ = \{/ { kind = "" }
        match($0, /\.kind = "[^"]*"/) { kind = substr($0, RSTART + 9, RLENGTH - 10) }
        kind != "" && /\.add = /    { print FILENAME ":" FNR ":" kind ".create" }
        kind != "" && /\.change = / { print FILENAME ":" FNR ":" kind ".change" }
        kind != "" && /\.remove = / { print FILENAME ":" FNR ":" kind ".delete" }
        /^\};/ { kind = "" }' ccc/*_http.c
} | {
    bad=0
    while IFS=: read -r file line word; do
        printf '%s\n' "$told" | grep -qxF -- "$word" && continue
        echo "$file:$line: the action $word is not in the table of docs/rest.md"
        bad=1
    done
    exit $bad
}
