#!/usr/bin/env bash
# Handwriting with one wristband, by people never seen in training: recipes/handwriting/run.sh CORPUS OUT
# A run that was stopped goes on where it was.
set -euo pipefail

corpus=${1:?usage: recipes/handwriting/run.sh CORPUS OUT}
out=${2:?usage: recipes/handwriting/run.sh CORPUS OUT}
steps=${STEPS:-100000}
read -r -a emgasr <<< "${EMGASR:-emgasr}"
python=${PYTHON:-python3}
here=$(dirname "${BASH_SOURCE[0]}")

"$python" "$here/prepare.py" "$corpus" --out "$out" --test-users "${TEST_USERS:-10}" \
    --validation-users "${VALIDATION_USERS:-10}"
[ -f "$out/validate.txt" ] || "${emgasr[@]}" validate "$out/manifest.jsonl" | tee "$out/validate.txt"
if [ -f "$out/run/checkpoint.pt" ]; then
    [ -f "$out/run/done" ] || "${emgasr[@]}" train --resume --out "$out/run"
else
    "${emgasr[@]}" train "$out/manifest.jsonl" --config "$here/conformer.yaml" --fit.steps "$steps" --out "$out/run"
fi
touch "$out/run/done"
"${emgasr[@]}" evaluate "$out/run/model" "$out/manifest.jsonl" --system conformer --out "$out/results" --overwrite
