#!/usr/bin/env bash
# Gestures by people never seen, each person left out once, then with 30 s and 60 s of their own calibration:
#   recipes/gestures/run.sh DATA OUT
# DATA is a folder with recordings.csv and labels.csv, or a manifest (*.jsonl) made by prepare.py from another layout.
# A second run goes on where the first stopped.
set -euo pipefail

data=${1:?usage: recipes/gestures/run.sh DATA OUT}
out=${2:?usage: recipes/gestures/run.sh DATA OUT}
over=${OVER:-}                          # db2: features of its electrodes and rate, over those of 200 Hz
scale_uv=${SCALE_UV:-10}                # µV of one stored step, of a folder
rule=${RULE:-leave-one-subject-out}     # or: groups, with GROUPS_OF_PEOPLE parts
groups=${GROUPS_OF_PEOPLE:-5}
minutes=${MINUTES:-1}                   # of training of a fold on one core; a step of TDS takes ten times as long
tds_minutes=${TDS_MINUTES:-4}
steps=${STEPS:-}                        # of training instead of minutes: repeats itself to the bit
validation_people=${VALIDATION_PEOPLE:-3}
ladder=${LADDER:-0.5,1}                 # minutes of calibration, from a person's first recording
calibration=${CALIBRATION:---calibration.steps=30 --calibration.held_out=0}  # of so few takes none can be spared
shortfall=${SHORTFALL:-0.2}             # recordings of about a minute count as one
jobs=${JOBS:-2}
engine=${ENGINE:-local}                 # ray: the cluster that RAY_ADDRESS names
read -r -a emgasr <<< "${EMGASR:-emgasr}"
read -r -a python <<< "${PYTHON:-python3}"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

mkdir -p "$out"
recordings=$out/recordings.jsonl
if [ "${data%.jsonl}" != "$data" ]; then recordings=$data
elif [ ! -f "$recordings" ]; then
    "${emgasr[@]}" manifest "$data" --corpus spans --scale-uv "$scale_uv" --ring --out "$recordings"
fi
# The order of gestures is the same in every recording: takes are composed in random order, each session's for itself.
compose() {  # list, options
    [ -f "$out/$1/manifest.jsonl" ] ||
        "${emgasr[@]}" compose "$recordings" --splits train --same-session --out "$out/$1" --overwrite "${@:2}"
}
compose strings --rest-ms 500 --rounds 4
compose isolated --shortest 1 --longest 1
[ -f "$out/splits.json" ] || "${emgasr[@]}" protocol split "$recordings" --rule "$rule" --groups "$groups" \
    --validation-people "$validation_people" --test-sessions 1 --out "$out/splits.json"

budget="--minutes $minutes" tds_budget="--minutes $tds_minutes"
[ -z "$steps" ] || budget="--steps $steps" tds_budget="--steps $steps"
conformer="'$here/conformer.yaml'"
[ -z "$over" ] || conformer+=" '$here/$over.yaml'"
read -r -a more <<< "$calibration"
"${emgasr[@]}" protocol run "$recordings" "$out/splits.json" --out "$out/protocol" --engine "$engine" \
    --workers "$jobs" --title "Gestures of people never seen" \
    --system "conformer=$conformer $budget" --system "tds=$conformer '$here/tds.yaml' $tds_budget" \
    --list "strings=$out/strings/manifest.jsonl" --list "isolated=$out/isolated/manifest.jsonl" \
    "--calibration.minutes=[$ladder]" "--calibration.shortfall=$shortfall" ${more[@]+"${more[@]}"} > /dev/null
"${python[@]}" "$here/lda.py" "$recordings" "$out/splits.json" "$ladder" "$out/lda.json" \
    --shortfall "$shortfall"
"${emgasr[@]}" protocol report "$out/protocol" --title "Gestures of people never seen" --rows "$out/lda.json" \
    --published "$here/published.md"
