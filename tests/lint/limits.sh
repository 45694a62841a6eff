#!/bin/sh
# Sizes (docs/CODING.md, rules 1 and 2): files, functions, complexity, names. Run from the top.
FILE_LINES=600 FUNCTION_LINES=75 COMPLEXITY=15
found=$(mktemp) && trap 'rm -f "$found"' EXIT
sources() {
    for dir in common ccc xcenter bcenter bserver-agent bicctl guest tests; do
        [ ! -d $dir ] || find $dir -name '*.[ch]' -not -path '*/node_modules/*'
    done | sort
}

sources | while read -r file; do
    lines=$(wc -l < "$file")
    [ "$lines" -le $FILE_LINES ] || echo "$file:$FILE_LINES: $lines lines, at most $FILE_LINES"
    case $(basename "$file" | sed 's/\.[ch]$//') in
    util | utils | misc | helper | helpers | common | manager | handler | handlers | *_util | *_utils | *_misc | *_helper | *_helpers | *_manager | *_handlers)
        echo "$file:1: a file is named after a thing, not after a drawer" ;;
    esac
done >> "$found"

command -v pmccabe > /dev/null || { echo "tests/lint/limits.sh:1: pmccabe is not installed"; exit 1; }
# modified, traditional, statements, first line, lines, file(first): name
sources | grep '\.c$' | xargs -r pmccabe | awk -v most=$FUNCTION_LINES -v complex=$COMPLEXITY '
    { file = $6; sub(/\(.*/, "", file) }
    $5 > most    { print file ":" $4 ": " $NF " has " $5 " lines, at most " most }
    $1 > complex { print file ":" $4 ": " $NF " has complexity " $1 ", at most " complex }' >> "$found"

cat "$found"
[ ! -s "$found" ]
