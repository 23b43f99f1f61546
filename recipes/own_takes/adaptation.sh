#!/usr/bin/env bash
# What the first seconds of a session are worth, unlabelled, to the models that run.sh has trained:
#   recipes/own_takes/adaptation.sh OUT
# Statistics of level and spread come from the session's first 0, 2, 8 or 30 s and stay; nothing else is of the session.
set -euo pipefail

out=${1:?usage: recipes/own_takes/adaptation.sh OUT}
sets=${SETS:-isl_fingerspelling somach_modes somach_sessions subvocal_people psl_people \
    suguru_sub1 suguru_sub2 suguru_sub3 suguru_sub4 suguru_sub5}
systems=${SYSTEMS:-emgasr}
split=${SPLIT:-test}
read -r -a emgasr <<< "${EMGASR:-emgasr}"
read -r -a python <<< "${PYTHON:-python3}"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export OMP_NUM_THREADS=1

for set in $sets; do
    for system in $systems; do
        for place in "$out/$set/$system"/seed*; do
            for s in 0 2 8 30; do  # as table.py knows them
                for list in strings isolated; do
                    folder=$place/$split-${s}s/$list
                    [ ! -f "$folder/results.json" ] || continue
                    echo "$system ${place##*/} $list, $s s" >> "$out/$set/$split.reads"
                    "${emgasr[@]}" evaluate "$place/run/model" "$out/$set/$list/manifest.jsonl" --split "$split" \
                        --no-carry --unlabelled-seconds "$s" --system "$system" --out "$folder" --overwrite --quiet \
                        > /dev/null
                done
            done
        done
    done
done
"${python[@]}" "$here/table.py" "$out" --split "$split" --as adaptation
