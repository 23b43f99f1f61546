#!/usr/bin/env bash
# Simulated typists, none of the test people in training: egs/typing/run.sh OUT
# Conformer S, the published TDS baseline (both on one core each, side by side, for the same time) and a linear
# classifier: zero-shot on four unseen people, then each person's own model after ten minutes of calibration.
set -euo pipefail

out=${1:?usage: egs/typing/run.sh OUT}
people=${PEOPLE:-40}                  # training people, of 4 minutes each
minutes=${MINUTES:-10}                # training budget of each system
calibrate=${CALIBRATE_MINUTES:-2}     # fitting budget of each person's model
read -r -a emgasr <<< "${EMGASR:-emgasr}"
python=${PYTHON:-python3}
here=$(dirname "${BASH_SOURCE[0]}")
prompts=$("$python" -c 'import emgasr, pathlib; print(pathlib.Path(emgasr.__file__).parent / "assets")')

[ ! -e "$out" ] || { echo "$out exists; choose another folder" >&2; exit 2; }
"${emgasr[@]}" simulate --out "$out/train" --split train --people "$people" --sessions 1 --session-minutes 4 & simulation=$!
"${emgasr[@]}" simulate --out "$out/validation" --split validation --people 4 --sessions 1 --session-minutes 2
# Test people: calibration on training prompts, then another session (bands put on afresh) on prompts nobody has seen.
for person in 0 1 2 3; do
    "${emgasr[@]}" simulate --out "$out/calibration/$person" --split test --people 1 --seed "$person" --sessions 1 \
        --session-minutes 10 --text "$prompts/prompts_train.txt"
    "${emgasr[@]}" simulate --out "$out/test/$person" --split test --people 1 --seed "$person" --sessions 1 \
        --first-session 1 --session-minutes 3
done
wait "$simulation"
"${emgasr[@]}" lm build "$prompts/prompts_train.txt" --order 6 --out "$out/lm.arpa.gz"

reading() {  # model, person, part, system, minutes, more
    "${emgasr[@]}" evaluate "$1" "$out/test/$2/manifest.jsonl" --lm "$out/lm.arpa.gz" --system "$4" \
        --train-minutes "$5" --title "Typing, $3, $4, person $2" --out "$out/$4/$3/$2" "${@:6}" > /dev/null
}

system() {  # name, minutes of training, minutes of each person's calibration
    export OMP_NUM_THREADS=1
    local minutes=$2 calibrate=$3
    "${emgasr[@]}" train "$out/train/manifest.jsonl" --config "$here/$1.yaml" --fit.minutes "$minutes" \
        --validation-manifest "$out/validation/manifest.jsonl" --out "$out/$1/run"
    # The search is tuned once, on validation people.
    reading "$out/$1/run/model" 0 zero_shot "$1" "$minutes" --validation-manifest "$out/validation/manifest.jsonl" \
        --tune-minutes 3 --tune-trials 20 --threads 1 --save-search "$out/$1/search.yaml"
    for person in 1 2 3; do
        reading "$out/$1/run/model" "$person" zero_shot "$1" "$minutes" --search "$out/$1/search.yaml"
    done
    for person in 0 1 2 3; do
        "${emgasr[@]}" personalize "$out/$1/run/model" "$out/calibration/$person/manifest.jsonl" \
            --split test --fit.minutes "$calibrate" --out "$out/$1/personal/$person"
        reading "$out/$1/personal/$person/model" "$person" calibrated "$1" "$minutes" --search "$out/$1/search.yaml"
    done
}

system conformer "$minutes" "$calibrate" & conformer=$!
system tds "$minutes" "$calibrate" & tds=$!
wait "$conformer"
system linear 3 0.5  # it has learned what it can by then
wait "$tds"
"$python" "$here/table.py" "$out"
