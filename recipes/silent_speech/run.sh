#!/usr/bin/env bash
# Silent speech from Gaddy & Klein's corpus to word error rates: recipes/silent_speech/run.sh CORPUS SPLITS OUT
# SPLITS: the published JSON with the lists dev and test. LM (words), LEXICON, CHARACTER_LM and LM_TEXT: for the search
# and the leak report. A run that was stopped goes on where it was.
set -euo pipefail

corpus=${1:?usage: recipes/silent_speech/run.sh CORPUS SPLITS OUT}
splits=${2:?usage: recipes/silent_speech/run.sh CORPUS SPLITS OUT}
out=${3:?usage: recipes/silent_speech/run.sh CORPUS SPLITS OUT}
steps=${STEPS:-80000}
pieces=${PIECES:-500}
systems=(${SYSTEMS:-characters raw pieces})
filterings=(${FILTERINGS:-causal zero_phase})
read -r -a emgasr <<< "${EMGASR:-emgasr}"
python=${PYTHON:-python3}
here=$(dirname "${BASH_SOURCE[0]}")

mkdir -p "$out"
language=()
[ -z "${LM:-}" ] || language=(--lm "$LM" --lexicon "$LEXICON" --character-lm "$CHARACTER_LM" --validation-split validation)
for filtering in "${filterings[@]}"; do
    "$python" "$here/prepare.py" "$corpus" --splits "$splits" --out "$out" --filtering "$filtering" --pieces "$pieces" \
        ${LEXICON:+--lexicon "$LEXICON"} ${LM_TEXT:+--lm-text "$LM_TEXT"} | tee "$out/$filtering.prepare.txt"
    manifest=$out/$filtering.jsonl
    "${emgasr[@]}" validate "$manifest" > "$out/$filtering.validate.txt"
    for system in "${systems[@]}"; do
        run=$out/$filtering/$system
        [ ! -f "$run/done" ] || continue
        configs=(--config "$here/characters.yaml")
        [ "$system" = characters ] || configs+=(--config "$here/$system.yaml")
        [ "$system" != pieces ] || configs+=(--tokens.model "$out/pieces.model")
        if [ -f "$run/checkpoint.pt" ]; then
            "${emgasr[@]}" train --resume --out "$run"
        else
            "${emgasr[@]}" train "$manifest" "${configs[@]}" --fit.steps "$steps" --out "$run"
        fi
        "${emgasr[@]}" evaluate "$run/model" "$manifest" --system "$system, $filtering" \
            ${language[@]+"${language[@]}"} --out "$run/results" --overwrite
        touch "$run/done"
    done
done
