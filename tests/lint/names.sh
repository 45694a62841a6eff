#!/bin/sh
# Nothing unfinished and nothing of the machine it was written on. Run from the top of the repository.
# The words are put together here so that this file does not find itself.
unfinished='\b(TO''DO|FIX''ME|XX''X)\b'
machine='(^|[^A-Za-z0-9_.])/(wo''rk|tmp/h-[a-z]+)(/|\b)'
found=$(git ls-files -z -co --exclude-standard -- ':!LICENSE' ':!*/package-lock.json' |
    xargs -0 -r grep -InE -e "$unfinished" -e "$machine" -- 2> /dev/null |
    sed 's/^\([^:]*:[0-9]*\):.*/\1: unfinished work, or a path of one machine/')
[ -z "$found" ] || echo "$found"
[ -z "$found" ]
