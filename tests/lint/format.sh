#!/bin/sh
# Layout as .clang-format says it (docs/CODING.md, rule 10). Run from the top.
CLANG_FORMAT=${CLANG_FORMAT:-clang-format-14}
command -v "$CLANG_FORMAT" > /dev/null || { echo "tests/lint/format.sh:1: $CLANG_FORMAT is not installed"; exit 1; }
found=$(for dir in common ccc xcenter bcenter bserver-agent bicctl guest tests; do
    [ ! -d $dir ] || find $dir -name '*.[ch]' -not -path '*/node_modules/*'
done | sort | xargs -r "$CLANG_FORMAT" --dry-run 2>&1 |
    sed -n 's/^\([^:]*:[0-9]*\):[0-9]*: warning: .*/\1: layout differs from clang-format/p' | sort -u -t: -k1,1 -k2,2n)
[ -z "$found" ] || echo "$found"
[ -z "$found" ]
