#!/usr/bin/env bash
# Signals and texts in one space: people, gestures, texts and a set that no training saw, found by description:
#   recipes/crossmodal/run.sh DATA OUT
# DATA as of recipes/armbands/run.sh. A second run goes on where the first stopped; STAGES names what to do.
#   data      the sets, with the people of one fold for test and others for validation
#   pretrain  an encoder for each draw of unseen gestures, on the labels of all sets but the unseen one, without them
#   align     each variant of the method, each draw with a seed of its own
#   lead      what gestures that were not trained are given in a gallery with others: measured by the full method trained
#             once more without four others (HELD), on the people who chose the weights
#   retrieve  recall of texts by takes and of takes by texts, on the people of the fold
#   table     RESULTS.md
set -euo pipefail

data=${1:?usage: recipes/crossmodal/run.sh DATA OUT}
out=${2:?usage: recipes/crossmodal/run.sh DATA OUT}
sets=${SETS:-laval ciil myodisco 3dc myo_readings wyoflex gesture_series flextype}
unseen_set=${UNSEEN_SET:-ciil}
stages=${STAGES:-data pretrain align lead retrieve table}
draws=${DRAWS:-0 1 2}
variants=${VARIANTS:-full info_nce no_regression queries no_soft no_pretraining no_image bag_of_words random}
count=${COUNT:-4}                        # gestures that a draw leaves out
held=${HELD:-4}                          # gestures that are left out beside them to measure the lead
pretrain_minutes=${PRETRAIN_MINUTES:-6}  # of one core
minutes=${MINUTES:-2}                    # of one core that an alignment computes
jobs=${JOBS:-2}
read -r -a emgasr <<< "${EMGASR:-emgasr}"
read -r -a python <<< "${PYTHON:-python3}"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export OMP_NUM_THREADS=1

wanted() { [[ " $stages " == *" $1 "* ]]; }

options() {  # variant: what it changes
    case $1 in
        full) ;;
        info_nce) echo "--loss.multi-positive false --loss.soft-weight 0 --encoder.queries 0 --encoder.regressed 0" ;;
        queries) echo "--encoder.queries 4" ;;
        no_soft) echo "--loss.soft-weight 0" ;;
        no_pretraining) ;;
        no_image) echo "--encoder.image false --encoder.regressed 0" ;;
        no_regression) echo "--encoder.regressed 0" ;;
        bag_of_words | random) echo "--teacher.kind $1" ;;
        *) echo "there is no variant $1" >&2; exit 2 ;;
    esac
}

manifests() {  # with or without the unseen set
    for set in $sets; do [ "$1" = all ] || [ "$set" != "$unseen_set" ] || continue; echo "$out/folds/$set.jsonl"; done
}

draw() {  # seed, how many more: gestures that it leaves out, and the labels that mean them, as lists for options
    "${python[@]}" "$here/draw.py" "$here/descriptions.yaml" "$1" $((count + ${2:-0}))
}

encoder() {  # draw
    local one=$out/draw$1/pretrained resume=()
    [ ! -f "$one/done" ] || return 0
    [ ! -d "$one" ] || resume=(--resume)
    # shellcheck disable=SC2046
    "${emgasr[@]}" pretrain $(manifests seen) --config "$here/../armbands/pretrain.yaml" --fit.minutes "$pretrain_minutes" \
        --left-out "$(draw "$1" | tail -n 1)" --out "$one" ${resume[@]+"${resume[@]}"} > "$one.txt" 2>&1
    touch "$one/done"
}

align() {  # draw, variant, how many more gestures are left out
    local one=$out/draw$1/$2${3:+_without} resume=() init=(--init "$out/draw$1/pretrained/encoder")
    [ ! -f "$one/done" ] || return 0
    [ ! -d "$one" ] || resume=(--resume)
    [ "$2" != no_pretraining ] || init=()
    # shellcheck disable=SC2046
    "${emgasr[@]}" align $(manifests seen) --config "$here/align.yaml" --descriptions "$here/descriptions.yaml" \
        --left-out "$(draw "$1" "${3:-0}" | head -n 1)" --seed "$1" --fit.minutes "$minutes" ${init[@]+"${init[@]}"} \
        $(options "$2") --out "$one" ${resume[@]+"${resume[@]}"} > "$one.txt" 2>&1
    touch "$one/done"
}

lead() {  # draw, variant
    local one=$out/draw$1/$2
    [ ! -f "$one/lead.json" ] || return 0
    align "$1" "$2" "$held"
    # shellcheck disable=SC2046
    "${python[@]}" "$here/lead.py" "${one}_without/aligned" "$one/aligned" "$one/lead.json" $(manifests seen) \
        > "$one.lead.txt" 2>&1
}

retrieve() {  # draw, variant
    local one=$out/draw$1/$2
    [ ! -f "$one.json" ] || return 0
    # shellcheck disable=SC2046
    "${python[@]}" "$here/retrieval.py" "$one/aligned" "$one.json" $(manifests all) --unseen-set "$unseen_set" \
        > "$one.rows.txt" 2>&1
}

each() {  # what to do, for every draw and variant, `jobs` at a time
    for number in $draws; do
        for variant in ${2:-$variants}; do
            while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
            "$1" "$number" "$variant" &
        done
    done
    while [ "$(jobs -rp | wc -l)" -gt 0 ]; do wait -n; done
}

mkdir -p "$out/folds"
out=$(cd "$out" && pwd)
for number in $draws; do mkdir -p "$out/draw$number"; done
if wanted data; then
    SETS="${sets/flextype/}" STAGES=data "$here/../armbands/run.sh" "$data" "$out"
    [[ " $sets " != *" flextype "* ]] || SETS=flextype FOLDS=4 STAGES=data "$here/../armbands/run.sh" "$data" "$out"
    for set in $sets; do
        [ -f "$out/folds/$set.jsonl" ] || "${emgasr[@]}" protocol fold "$out/sets/$set.jsonl" \
            "$out/sets/$set.splits.json" --fold group0 --out "$out/folds/$set.jsonl"
    done
fi
if wanted pretrain; then each encoder one; fi
if wanted align; then each align; fi
if wanted lead; then each lead full; fi
if wanted retrieve; then each retrieve; fi
if wanted table; then "${python[@]}" "$here/table.py" "$out"; fi
