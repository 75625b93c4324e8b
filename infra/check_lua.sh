#!/usr/bin/env bash
# Runs luacheck on all scripts. In a folder with a common.lua they are one chunk, like Redis sees them: the libraries, then
# each verb in its own function. So a verb may use the locals of a library, and unused locals of a library are found.
# Findings show the real file and line.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
check() { luacheck --formatter plain --codes --config .luacheckrc "$@"; }

# All have numbers.lua in front; those of auctions and offers base.lua too, which stands with the auctions.
libraries() {
    echo services/blytz/kit/redis/lua/numbers.lua
    case "$1" in services/blytz/auction/* | services/blytz/offer/*) echo services/blytz/auction/redis/lua/base.lua ;; esac
    find "$1" -name common.lua
    find "$1" -name bidding.lua
}

verbs() { find "$1" -name '*.lua' ! -name base.lua ! -name common.lua ! -name bidding.lua | sort; }

# A function each, because code after the last `return` of a verb would be dead. The line map below counts the line
# added before and the line added after each verb.
as_one_chunk() {
    libraries "$1" | xargs cat
    local verb
    for verb in $(verbs "$1"); do
        printf 'do local _ = function()\n'
        # The line `#!lua flags=...` stays first when Redis gets the script.
        sed '1s/^#!/--/' "$verb"
        printf 'end end\n'
    done
}

# One row per file: its name, and the number of lines of the chunk before it.
line_map() {
    local before=0 library verb
    for library in $(libraries "$1"); do
        printf '%s %d\n' "$library" "$before"
        before=$((before + $(wc -l <"$library")))
    done
    for verb in $(verbs "$1"); do
        printf '%s %d\n' "$verb" "$((before + 1))"
        before=$((before + 2 + $(wc -l <"$verb")))
    done
}

with_real_lines() {
    awk -F: 'NR == FNR { split($0, row, " "); file[++n] = row[1]; before[n] = row[2]; next }
        { for (i = n; i > 1 && $2 <= before[i]; i--) continue
          line = $2 - before[i]; sub(/^[^:]*:[0-9]+/, file[i] ":" line); print }' <(line_map "$1") -
}

found=0
for folder in services/blytz/*/*/lua; do
    [ -f "$folder/common.lua" ] || continue
    found=$((found + 1))
    as_one_chunk "$folder" | check --filename chunk.lua - | with_real_lines "$folder"
done
if [ "$found" -eq 0 ]; then
    echo "no common.lua" >&2
    exit 1
fi

# Scripts that do not use common.lua.
find services/blytz -name '*.lua' ! -name numbers.lua -print0 | while IFS= read -r -d '' script; do
    [ -f "$(dirname "$script")/common.lua" ] || printf '%s\0' "$script"
done | xargs -0 luacheck --formatter plain --codes --config .luacheckrc
