#!/usr/bin/env bash
# Three words from face and neck by people never heard, and false words at rest: egs/subvocal/run.sh DATA OUT
# DATA holds recordings.csv and labels.csv (4 electrodes, 250 Hz, 10 people; words and silence take turns). Five folds,
# one after the other on one core: two people tested, two validated, six trained on.
set -euo pipefail

data=${1:?usage: egs/subvocal/run.sh DATA OUT}
out=${2:?usage: egs/subvocal/run.sh DATA OUT}
minutes=${MINUTES:-5}
folds=${FOLDS:-5}
read -r -a emgasr <<< "${EMGASR:-emgasr}"
python=${PYTHON:-python3}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export OMP_NUM_THREADS=1

[ ! -e "$out" ] || { echo "$out exists; choose another folder" >&2; exit 2; }
"$python" "$here/prepare.py" "$data" "$out/recordings"
for ((fold = 0; fold < folds; fold++)); do
    folder=$out/fold$fold
    "${emgasr[@]}" manifest "$out/recordings" --corpus native --folds "$folds" --fold "$fold" --validation-subject-count 2 \
        --out "$folder/recordings.jsonl"
    "${emgasr[@]}" validate "$folder/recordings.jsonl" > "$folder/validate.txt"
    "${emgasr[@]}" compose "$folder/recordings.jsonl" --rest-ms 2000 --shortest 2 --longest 6 --out "$folder/strings"
    "$python" "$here/live_list.py" "$folder/recordings.jsonl" "$folder/live"
    "${emgasr[@]}" train "$folder/recordings.jsonl" --config "$here/conformer.yaml" --fit.minutes "$minutes" \
        --validation-manifest "$folder/strings/manifest.jsonl" --out "$folder/run"
    "${emgasr[@]}" evaluate "$folder/run/model" "$folder/strings/manifest.jsonl" --train-minutes "$minutes" \
        --title "Words from face and neck" --out "$folder/evaluation" > /dev/null
done
"$python" "$here/rest.py" "$out"
