#!/usr/bin/env bash
# Several systems together, on simulated typing: recipes/fusion/run.sh OUT
# One model of the left wrist and one of the right against one of both (`wrists`), three seeds of a model against their
# mean (`seeds`), and the answer with one wrist cut against the other's own (`cut`). Nobody tested was trained on, chose
# weights or temperatures. What lies in OUT is used: a second run goes on where the first stopped.
set -euo pipefail

out=${1:?usage: recipes/fusion/run.sh OUT}
people=${PEOPLE:-24}                   # training people, of 4 minutes each
minutes=${TRAIN_MINUTES:-5}            # of one core, for each model
seeds=${SEEDS:-0 1 2}                  # of the model of both wrists
read -r -a emgasr <<< "${EMGASR:-emgasr}"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export OMP_NUM_THREADS=1

mkdir -p "$out/models"
people() {  # split, people, seed of the first, minutes of each, folder
    [ -f "$out/$5/manifest.jsonl" ] || "${emgasr[@]}" simulate --out "$out/$5" --split "$1" --people "$2" --seed "$3" \
        --sessions 1 --session-minutes "$4" --overwrite
    for wrist in left right; do
        [ -f "$out/$5/$wrist.jsonl" ] || "${emgasr[@]}" manifest "$out/$5" --corpus native --split "$1" \
            --only-bands "$wrist" --out "$out/$5/$wrist.jsonl"
    done
}
people train "$people" 0 4 train
people validation 4 0 2 validation     # chooses the weights of each model
people validation 4 4 2 fitting        # fits temperatures and weights of the fusion
people test 8 0 3 test

model() {  # name, manifest, seed
    [ ! -f "$out/models/$1/model/config.yaml" ] || return 0
    rm -rf "$out/models/$1"
    "${emgasr[@]}" train "$out/train/$2.jsonl" \
        --config "$here/typing.yaml" --seed "$3" --fit.minutes "$minutes" --fit.clock cpu --fit.device cpu \
        --validation-manifest "$out/validation/$2.jsonl" --out "$out/models/$1"
}
model left left 0
model right right 0
for seed in $seeds; do model "both$seed" manifest "$seed"; done

fusion() {  # name, models...
    local models=("${@:2}")
    models=("${models[@]/#/$out/models/}")
    [ -f "$out/$1/fusion.yaml" ] || "${emgasr[@]}" fuse "${models[@]/%//model}" --out "$out/$1" \
        --validation-manifest "$out/fitting/manifest.jsonl" --overwrite
}
judged() {  # name, model, manifest
    [ -f "$out/results/$1/results.json" ] || "${emgasr[@]}" evaluate "$2" "$out/test/$3.jsonl" --system "$1" \
        --train-minutes "$minutes" --title "Typing, $1" --out "$out/results/$1" --overwrite > /dev/null
}
read -r -a numbers <<< "$seeds"
fusion wrists left right
fusion seeds "${numbers[@]/#/both}"
judged left "$out/models/left/model" left
judged right "$out/models/right/model" right
for seed in $seeds; do judged "both$seed" "$out/models/both$seed/model" manifest; done
judged wrists "$out/wrists" manifest
judged seeds "$out/seeds" manifest
"${PYTHON:-python3}" "$here/cut.py" "$out/wrists" "$out/test/manifest.jsonl"
"${PYTHON:-python3}" "$here/table.py" "$out"
