#!/usr/bin/env bash
# Gestures and strings of gestures by people never seen in training, five folds: egs/gestures/run.sh DATA OUT
# DATA holds recordings.csv and labels.csv (the UCI set "EMG data for gestures", Myo armband, 25 people). Conformer and
# TDS train side by side, on one core each and for the same time; an LDA on band energies is beside them.
set -euo pipefail

data=${1:?usage: egs/gestures/run.sh DATA OUT}
out=${2:?usage: egs/gestures/run.sh DATA OUT}
minutes=${MINUTES:-1}
folds=${FOLDS:-5}
read -r -a emgasr <<< "${EMGASR:-emgasr}"
python=${PYTHON:-python3}
here=$(dirname "${BASH_SOURCE[0]}")

[ ! -e "$out" ] || { echo "$out exists; choose another folder" >&2; exit 2; }

system() {  # fold's folder, name
    export OMP_NUM_THREADS=1
    "${emgasr[@]}" train --config "$here/conformer.yaml" --config "$here/$2.yaml" --manifest "$1/recordings.jsonl" --minutes "$minutes" \
        --validation_manifest "$1/strings/manifest.jsonl" --out "$1/$2"
    for list in strings isolated; do
        "${emgasr[@]}" evaluate "$1/$2/model" "$1/$list/manifest.jsonl" --system "$2" --train-minutes "$minutes" \
            --title "Gestures, $list, $2" --out "$1/$2/$list" > /dev/null
    done
}

for ((fold = 0; fold < folds; fold++)); do
    folder=$out/fold$fold
    "${emgasr[@]}" manifest "$data" --corpus spans --scale-uv 10 --ring --folds "$folds" --fold "$fold" \
        --val-subject-count 3 --out "$folder/recordings.jsonl"
    "${emgasr[@]}" validate "$folder/recordings.jsonl" > "$folder/validate.txt"
    "${emgasr[@]}" compose "$folder/recordings.jsonl" --rest-ms 500 --rounds 4 --out "$folder/strings"
    "${emgasr[@]}" compose "$folder/recordings.jsonl" --splits test --shortest 1 --longest 1 --out "$folder/isolated"
    system "$folder" conformer & conformer=$!
    system "$folder" tds & tds=$!
    "$python" "$here/lda.py" "$folder"
    wait "$conformer"
    wait "$tds"
done
"$python" "$here/table.py" "$out"
