#!/usr/bin/env bash
# Gestures and strings of gestures by people never seen in training, five folds: egs/gestures/run.sh DATA OUT
# DATA holds recordings.csv and labels.csv (the UCI set "EMG data for gestures", Myo armband, 25 people). Two folds
# run at a time, on one core each: an LDA on band energies, the Conformer, and the TDS network, which a step of training
# takes ten times as long and which is given four times the minutes.
set -euo pipefail

data=${1:?usage: egs/gestures/run.sh DATA OUT}
out=${2:?usage: egs/gestures/run.sh DATA OUT}
minutes=${MINUTES:-1}
tds_minutes=${TDS_MINUTES:-4}
folds=${FOLDS:-5}
read -r -a emgasr <<< "${EMGASR:-emgasr}"
python=${PYTHON:-python3}
here=$(dirname "${BASH_SOURCE[0]}")

[ ! -e "$out" ] || { echo "$out exists; choose another folder" >&2; exit 2; }

system() {  # fold's folder, name, minutes of training
    "${emgasr[@]}" train "$1/recordings.jsonl" --config "$here/conformer.yaml" --config "$here/$2.yaml" --fit.minutes "$3" \
        --validation-manifest "$1/strings/manifest.jsonl" --out "$1/$2"
    for list in strings isolated; do
        "${emgasr[@]}" evaluate "$1/$2/model" "$1/$list/manifest.jsonl" --system "$2" --train-minutes "$3" \
            --title "Gestures, $list, $2" --out "$1/$2/$list" > /dev/null
    done
}

run_fold() {  # number
    export OMP_NUM_THREADS=1
    local folder=$out/fold$1
    "${emgasr[@]}" manifest "$data" --corpus spans --scale-uv 10 --ring --folds "$folds" --fold "$1" \
        --validation-subject-count 3 --out "$folder/recordings.jsonl"
    "${emgasr[@]}" validate "$folder/recordings.jsonl" > "$folder/validate.txt"
    "${emgasr[@]}" compose "$folder/recordings.jsonl" --rest-ms 500 --rounds 4 --out "$folder/strings"
    "${emgasr[@]}" compose "$folder/recordings.jsonl" --splits test --shortest 1 --longest 1 --out "$folder/isolated"
    "$python" "$here/lda.py" "$folder"
    system "$folder" conformer "$minutes"
    system "$folder" tds "$tds_minutes"
}

jobs=()
for ((fold = 0; fold < folds; fold++)); do
    if ((fold > 1)); then wait "${jobs[fold - 2]}"; fi
    run_fold "$fold" & jobs+=("$!")
done
for job in "${jobs[@]:folds > 2 ? folds - 2 : 0}"; do wait "$job"; done
"$python" "$here/table.py" "$out"
