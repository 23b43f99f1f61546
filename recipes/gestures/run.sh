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
steps=${STEPS:-1000}                    # of training of a fold: 35 s on a free core
tds_steps=${TDS_STEPS:-450}             # more than a minute: a step of TDS takes four to five times as long
systems=${SYSTEMS:-conformer tds lda tangent}
validation_people=${VALIDATION_PEOPLE:-3}
ladder=${LADDER:-0.5,1}                 # minutes of calibration, from a person's first recording
# Of so few takes none can be spared to judge the fit.
adaptation=${ADAPTATION:---adaptation.steps=60 --adaptation.learning-rate=0.001 --adaptation.held-out=0}
methods=${METHODS:-all}                 # `emgasr protocol run --help` names others
shortfall=${SHORTFALL:-0.2}             # recordings of about a minute count as one
jobs=${JOBS:-2}
engine=${ENGINE:-local}                 # or ray, slurm
read -r -a emgasr <<< "${EMGASR:-emgasr}"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

mkdir -p "$out"
recordings=$out/recordings.jsonl
if [ "${data%.jsonl}" != "$data" ]; then recordings=$data
elif [ ! -f "$recordings" ]; then
    # Rest is one of the labels here: to be told from the gestures as they are from each other.
    "${emgasr[@]}" manifest "$data" --corpus spans --scale-uv "$scale_uv" --ring --rest silence pause \
        --out "$recordings"
fi
# The order of gestures is the same in every recording: takes are composed in random order, each session's for itself.
# `isolated` is read as if the band stayed on: each take after those before it, whose statistics carry on, unlabelled.
compose() {  # list, options
    [ -f "$out/$1/manifest.jsonl" ] ||
        "${emgasr[@]}" compose "$recordings" --splits train --same-session --out "$out/$1" --overwrite "${@:2}"
}
compose strings --rounds 4
compose isolated --shortest 1 --longest 1
[ -f "$out/splits.json" ] || "${emgasr[@]}" protocol split "$recordings" --rule "$rule" --groups "$groups" \
    --validation-subject-count "$validation_people" --test-session-count 1 --out "$out/splits.json"

conformer="'$here/conformer.yaml'"
[ -z "$over" ] || conformer+=" '$here/$over.yaml'"
asked=()
for system in $systems; do
    case $system in
        conformer) asked+=(--system "conformer=$conformer --fit.steps $steps") ;;
        tds) asked+=(--system "tds=$conformer '$here/tds.yaml' --fit.steps $tds_steps") ;;
        lda) asked+=(--system "lda=--classifier.kind lda --features.of band_power") ;;
        tangent) asked+=(--system "tangent=--classifier.kind tangent_space") ;;
        *) echo "SYSTEMS: there is no system $system" >&2; exit 2 ;;
    esac
done
read -r -a more <<< "$adaptation"
"${emgasr[@]}" protocol run "$recordings" "$out/splits.json" --out "$out/protocol" --engine "$engine" \
    --workers "$jobs" --title "Gestures of people never seen" "${asked[@]}" \
    --list "strings=$out/strings/manifest.jsonl" --list "isolated=$out/isolated/manifest.jsonl" \
    "--adaptation.methods=[$methods]" "--adaptation.minutes=[$ladder]" \
    "--adaptation.shortfall=$shortfall" ${more[@]+"${more[@]}"} > /dev/null
"${emgasr[@]}" protocol report "$out/protocol" --title "Gestures of people never seen" \
    --published "$here/published.md"
