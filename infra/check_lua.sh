#!/usr/bin/env bash
# Runs luacheck on all scripts as one chunk, like Redis sees them: the libraries, then each verb in its own function. So a
# verb may use the locals of a library, and unused locals of a library are found. Findings show the real file and line.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly SCRIPTS=services/blytz/auction/redis/lua
readonly LIBRARIES=("$SCRIPTS/common.lua" "$SCRIPTS/bidding.lua")

verbs() { find "$SCRIPTS" -name '*.lua' ! -name common.lua ! -name bidding.lua | sort; }

# A function each, because code after the last `return` of a verb would be dead. The line map below counts the line
# added before and the line added after each verb.
as_one_chunk() {
    cat "${LIBRARIES[@]}"
    local verb
    for verb in $(verbs); do
        printf 'do local _ = function()\n'
        # The line `#!lua flags=...` stays first when Redis gets the script.
        sed '1s/^#!/--/' "$verb"
        printf 'end end\n'
    done
}

# One row per file: its name, and the number of lines of the chunk before it.
line_map() {
    local before=0 library verb
    for library in "${LIBRARIES[@]}"; do
        printf '%s %d\n' "$library" "$before"
        before=$((before + $(wc -l <"$library")))
    done
    for verb in $(verbs); do
        printf '%s %d\n' "$verb" "$((before + 1))"
        before=$((before + 2 + $(wc -l <"$verb")))
    done
}

with_real_lines() {
    awk -F: 'NR == FNR { split($0, row, " "); file[++n] = row[1]; before[n] = row[2]; next }
        { for (i = n; i > 1 && $2 <= before[i]; i--) continue
          line = $2 - before[i]; sub(/^[^:]*:[0-9]+/, file[i] ":" line); print }' <(line_map) -
}

as_one_chunk | luacheck --formatter plain --codes --config .luacheckrc --filename chunk.lua - | with_real_lines

# Scripts that stand elsewhere.
find services/blytz -name '*.lua' ! -path "$SCRIPTS/*" -exec luacheck --formatter plain --codes --config .luacheckrc {} +
