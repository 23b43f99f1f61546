#!/usr/bin/env bash
# emg2qwerty from the downloaded corpus to its table: recipes/emg2qwerty/run.sh CORPUS OUT [SYSTEM...]
# SYSTEM: tds, splashnet_mini, splashnet, conformer_s, conformer_m, conformer_l (all by default). A run that was stopped
# goes on where it was. Many GPUs: TRAIN="torchrun --nproc-per-node 8 -m emgasr train".
set -euo pipefail

corpus=${1:?usage: recipes/emg2qwerty/run.sh CORPUS OUT [SYSTEM...]}
out=${2:?usage: recipes/emg2qwerty/run.sh CORPUS OUT [SYSTEM...]}
shift 2
systems=("$@")
[ ${#systems[@]} -gt 0 ] || systems=(tds splashnet_mini splashnet conformer_s conformer_m conformer_l)
steps=${STEPS:-160000}                  # generic: 150 epochs of 8 x 32 windows of 4 s
personal_steps=${PERSONAL_STEPS:-40000}
split_files=${SPLIT_FILES:-}            # folder of the published split files; by rule without it
published_lm=${PUBLISHED_LM:-}          # 6-gram of words by their letters (ARPA), read by the published rule
lm=${LM:-}                              # our keystroke model, weights tuned on validation sessions
options=(${OPTIONS:-})                  # more for training, as "--fit.precision bf16"
read -r -a emgasr <<< "${EMGASR:-emgasr}"
read -r -a train <<< "${TRAIN:-${EMGASR:-emgasr} train}"
python=${PYTHON:-python3}
here=$(dirname "${BASH_SOURCE[0]}")

"$python" "$here/prepare.py" manifests "$corpus" --out "$out" ${split_files:+--split-files "$split_files"}
[ -f "$out/validate.txt" ] || "${emgasr[@]}" validate "$out/generic.jsonl" | tee "$out/validate.txt"

fit() {  # system, manifest, folder, steps, more
    local configs=(--config "$here/$1.yaml")
    [ "$1" != splashnet ] || configs=(--config "$here/splashnet_mini.yaml" --config "$here/splashnet.yaml")
    [ ! -f "$3/done" ] || return 0
    if [ -f "$3/checkpoint.pt" ]; then
        "${train[@]}" --resume --out "$3"
    else
        "${train[@]}" "$2" "${configs[@]}" --fit.steps "$4" --out "$3" ${options[@]+"${options[@]}"} "${@:5}"
    fi
    touch "$3/done"
}

judge() {  # run, manifest, system, part
    [ -f "$1/greedy/results.json" ] ||
        "${emgasr[@]}" evaluate "$1/model" "$2" --system "$3" --title "emg2qwerty, $4, $3" --out "$1/greedy" > /dev/null
    [ -z "$published_lm" ] || [ -f "$1/published_lm/results.json" ] ||
        "${emgasr[@]}" evaluate "$1/model" "$2" --system "$3" --lm "$published_lm" --single-words \
            --search "$here/search_published.yaml" --out "$1/published_lm" > /dev/null
    [ -z "$lm" ] || [ -f "$1/lm/results.json" ] ||
        "${emgasr[@]}" evaluate "$1/model" "$2" --system "$3" --lm "$lm" --validation-split validation --out "$1/lm" > /dev/null
}

for system in "${systems[@]}"; do
    fit "$system" "$out/generic.jsonl" "$out/$system/generic" "$steps"
    judge "$out/$system/generic" "$out/generic.jsonl" "$system" zero-shot
    for manifest in "$out"/*.jsonl; do
        user=$(basename "$manifest" .jsonl)
        case $user in generic | survey) continue ;; esac
        fit "$system" "$manifest" "$out/$system/$user" "$personal_steps" --init "$out/$system/generic/model"
        judge "$out/$system/$user" "$manifest" "$system" personal
    done
done
"$python" "$here/table.py" "$out"
