#!/usr/bin/env bash
# Many models on many armbands, people never seen, then with little of their own:
#   recipes/armbands/run.sh DATA OUT
# DATA holds the sets as folders (recordings.csv, labels.csv, recordings/), or pool/unpack.py that makes them. A second run
# goes on where the first stopped; STAGES names what to do. On another machine, or on Ray: ENGINE=ray.
#   data      sets with a calibration part of every person, manifests, split files
#   pretrain  one encoder a fold, on the labels of all sets, without the people whom any set tests in that fold
#   whole     the table where each session's level and spread are those of all its seconds, unlabelled
#   causal    the same models where statistics are those of what was heard so far
#   table     RESULTS.md, results.json and curves over the sets that are done
set -euo pipefail

data=${1:?usage: recipes/armbands/run.sh DATA OUT}
out=${2:?usage: recipes/armbands/run.sh DATA OUT}
sets=${SETS:-laval ciil myodisco brunoodutra 3dc myo_readings wyoflex psl_words suguru gesture_series}
stages=${STAGES:-data pretrain whole causal table}
classifiers=${CLASSIFIERS-lda lda_powers lda_covariance svm knn random_forest tangent_space}
networks=${NETWORKS-cnn tcn gru tds splashnet tinymyo conformer_s}
folds=${FOLDS:-5}                       # parts of the people of every set
pretrain_minutes=${PRETRAIN_MINUTES:-8} # of one core that an encoder computes
minutes=${MINUTES:-1}                   # of one core that a network computes in a fold
amounts=${AMOUNTS:---adaptation.minutes=[0.5,1] --adaptation.repetitions=[1] --adaptation.shares=[0.05,1.0]}
network_amounts=${NETWORK_AMOUNTS:---adaptation.minutes=[] --adaptation.repetitions=[1]} # networks compute 8 s a person
steps=${STEPS:-60}                      # of fitting a network to a person
methods=${METHODS:-all}
jobs=${JOBS:-2}
engine=${ENGINE:-local}
pretrain=${PRETRAIN:-}                  # more options of `emgasr pretrain`
read -r -a emgasr <<< "${EMGASR:-emgasr}"
read -r -a python <<< "${PYTHON:-python3}"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export OMP_NUM_THREADS=1

wanted() { [[ " $stages " == *" $1 "* ]]; }

prepare() {  # set
    local ring=--ring people count=0 folder
    [ "$1" != wyoflex ] || ring=   # four electrodes over muscles
    if [ ! -d "$out/sets/$1" ]; then
        rm -rf "$out/sets/.$1"
        folder=$("$here/../unpacked.sh" "$data" "$out/unpacked" "$1")
        "${python[@]}" "$here/prepare.py" "$folder" "$out/sets/.$1"
        mv "$out/sets/.$1" "$out/sets/$1"
    fi
    [ -f "$out/sets/$1.jsonl" ] || "${emgasr[@]}" manifest "$out/sets/$1" --corpus spans $ring --rest none --out "$out/sets/$1.jsonl"
    people=$(tail -n +2 "$out/sets/$1/recordings.csv" | cut -d, -f2 | sort -u | wc -l)
    [ "$people" -lt 9 ] && count=1 || count=2
    [ -f "$out/sets/$1.splits.json" ] || "${emgasr[@]}" protocol split "$out/sets/$1.jsonl" --rule groups --groups "$folds" \
        --validation-subject-count "$count" --test-session-count 1 --out "$out/sets/$1.splits.json"
}

encoder() {  # number of a fold
    local one=$out/pretrained/group$1 manifests=() resume=()
    [ ! -f "$one/done" ] || return 0
    mkdir -p "$out/folds/group$1"
    for set in $sets; do
        manifests+=("$out/folds/group$1/$set.jsonl")
        [ -f "${manifests[-1]}" ] ||
            "${emgasr[@]}" protocol fold "$out/sets/$set.jsonl" "$out/sets/$set.splits.json" --fold "group$1" --out "${manifests[-1]}"
    done
    [ ! -d "$one" ] || resume=(--resume)
    # shellcheck disable=SC2086
    "${emgasr[@]}" pretrain "${manifests[@]}" --config "$here/pretrain.yaml" --fit.minutes "$pretrain_minutes" \
        --out "$one" ${resume[@]+"${resume[@]}"} $pretrain
    touch "$one/done"
}

protocol() {  # whole or causal, unlabelled seconds, set, name of its folder, amounts, systems...
    local way=$1 seconds=$2 set=$3 folder=$4 own=$5
    shift 5
    # shellcheck disable=SC2086
    "${emgasr[@]}" protocol run "$out/sets/$set.jsonl" "$out/sets/$set.splits.json" --out "$out/$way/$folder" \
        --engine "$engine" --workers "$jobs" --title "$set, $way" --unlabelled-seconds "$seconds" \
        --adaptation.methods="[$methods]" $own --adaptation.shortfall 0.2 --adaptation.steps "$steps" \
        --adaptation.held-out 0 "$@" > "$out/$way/$folder.txt"
}

table() {  # whole or causal, unlabelled seconds, set
    local systems=() name own mixing=
    for name in $classifiers; do
        case $name in
            lda_powers) systems+=(--system "$name=--classifier.kind lda --features.of band_power") ;;
            lda_covariance) systems+=(--system "$name=--classifier.kind lda --features.of covariance") ;;
            *) systems+=(--system "$name=--classifier.kind $name") ;;
        esac
    done
    [ ! -d "$out/pretrained" ] || systems+=(--system \
        "pretrained=--classifier.kind lda --features.of encoder --features.encoder '$out/pretrained/{fold}/encoder'")
    protocol "$1" "$2" "$3" "$3" "$amounts" "${systems[@]}"
    systems=()
    [ "$3" != wyoflex ] || mixing="--encoder.mixing free"
    for name in $networks; do
        own=
        [ "$name" != conformer_s ] || own=$mixing
        systems+=(--system "$name='$here/systems/$name.yaml' --fit.minutes $minutes --fit.clock cpu --fit.device cpu $own")
    done
    [ ${#systems[@]} = 0 ] || protocol "$1" "$2" "$3" "$3.networks" "$network_amounts" "${systems[@]}"
}

mkdir -p "$out/sets" "$out/whole" "$out/causal"
out=$(cd "$out" && pwd)
if wanted data; then for set in $sets; do prepare "$set"; done; fi
if wanted pretrain; then
    running=()
    for ((number = 0; number < folds; number++)); do
        while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n || true; done
        encoder "$number" > "$out/pretrain_group$number.txt" 2>&1 &
        running+=($!)
    done
    failed=()
    for number in "${!running[@]}"; do
        wait "${running[number]}" || failed+=("$out/pretrain_group$number.txt")
    done
    [ ${#failed[@]} = 0 ] || { echo "run.sh: an encoder was not pretrained, see ${failed[*]}" >&2; exit 1; }
fi
if wanted whole; then for set in $sets; do table whole all "$set"; done; fi
if wanted causal; then
    for set in $sets; do
        # The same trained models: what a fold trained is not trained again.
        for place in "$out/whole/$set"{,.networks}/jobs/*/*/*/train; do
            [ -d "$place" ] || continue
            copy=$out/causal/${place#"$out/whole/"}
            [ -d "$copy" ] || { mkdir -p "$(dirname "$copy")" && cp -r "$place" "$copy"; }
        done
        table causal 0 "$set"
    done
fi
if wanted table; then "${python[@]}" "$here/table.py" "$out"; fi
