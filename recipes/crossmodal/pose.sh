#!/usr/bin/env bash
# Muscles against the pose of the hand beside them (NinaPro DB1, glove): movements that no training saw.
#   recipes/crossmodal/pose.sh DATA OUT
# DATA as of recipes/armbands/run.sh. A second run goes on where the first stopped. Each draw leaves four of the twelve
# finger movements out of everything: the teacher, the alignment, the choice of weights. People of one fold are tested.
set -euo pipefail

data=${1:?usage: recipes/crossmodal/pose.sh DATA OUT}
out=${2:?usage: recipes/crossmodal/pose.sh DATA OUT}
draws=${DRAWS:-0 1 2}
variants=${VARIANTS:-full cpep embridge no_queries no_soft no_reconstruction}
count=${COUNT:-4}              # movements that a draw leaves out
steps=${TEACHER_STEPS:-600}    # of the masked autoencoder of pose
minutes=${MINUTES:-2}          # of one core that an alignment computes
pretrain_minutes=${PRETRAIN_MINUTES:-0} # of one core, on the labels that are not left out; 0: no encoder, which was better
jobs=${JOBS:-2}
read -r -a emgasr <<< "${EMGASR:-emgasr}"
read -r -a python <<< "${PYTHON:-python3}"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export OMP_NUM_THREADS=1

options() {  # variant: the losses of CPEP and of EMBridge as reported, and what is left out of the full method
    local cpep="--loss.multi-positive false --loss.soft-weight 0 --loss.reconstruction-weight 0 --encoder.queries 0"
    case $1 in
        full) ;;
        cpep) echo "$cpep" ;;
        embridge) echo "--loss.multi-positive false --encoder.queries 16" ;;
        no_queries) echo "--encoder.queries 0" ;;
        no_soft) echo "--loss.soft-weight 0" ;;
        no_reconstruction) echo "--loss.reconstruction-weight 0" ;;
        *) echo "there is no variant $1" >&2; exit 2 ;;
    esac
}

left_out() {  # draw
    "${python[@]}" -c "import random, sys
print('[' + ', '.join(random.Random($1).sample([f'g{n:02d}' for n in range(1, 13)], $count)) + ']')"
}

teacher() {  # draw
    local one=$out/draw$1/teacher
    [ ! -f "$one/done" ] || return 0
    rm -rf "$one"
    "${python[@]}" "$here/pose_teacher.py" "$out/fold.jsonl" "$one" --left-out "$(left_out "$1")" --steps "$steps" \
        --seed "$1" > "$one.txt" 2>&1
    touch "$one/done"
}

encoder() {  # draw
    local one=$out/draw$1/pretrained resume=()
    { [ "$pretrain_minutes" != 0 ] && [ ! -f "$one/done" ]; } || return 0
    [ ! -d "$one" ] || resume=(--resume)
    "${emgasr[@]}" pretrain "$out/fold.jsonl" --fit.minutes "$pretrain_minutes" --fit.clock cpu --fit.device cpu \
        --fit.validations 3 --left-out "$(left_out "$1")" --out "$one" ${resume[@]+"${resume[@]}"} > "$one.txt" 2>&1
    touch "$one/done"
}

align() {  # draw, variant
    local one=$out/draw$1/$2 resume=() from=()
    [ ! -f "$one.json" ] || return 0
    [ ! -d "$one" ] || resume=(--resume)
    [ "$pretrain_minutes" = 0 ] || from=(--init "$out/draw$1/pretrained/encoder")
    # shellcheck disable=SC2046
    [ -f "$one/done" ] || "${emgasr[@]}" align "$out/fold.jsonl" --config "$here/pose.yaml" --teacher.kind pose \
        --teacher.folder "$out/draw$1/teacher/pose_teacher" --left-out "$(left_out "$1")" --seed "$1" \
        --fit.minutes "$minutes" ${from[@]+"${from[@]}"} $(options "$2") --out "$one" \
        ${resume[@]+"${resume[@]}"} > "$one.txt" 2>&1
    touch "$one/done"
    "${python[@]}" "$here/pose_zero_shot.py" "$one/aligned" "$one.json" "$out/fold.jsonl" >> "$one.txt" 2>&1
}

each() {  # what to do, for every draw and variant, `jobs` at a time
    for number in $draws; do
        for variant in $2; do
            while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
            "$1" "$number" "$variant" &
        done
    done
    while [ "$(jobs -rp | wc -l)" -gt 0 ]; do wait -n; done
}

mkdir -p "$out"
out=$(cd "$out" && pwd)
for number in $draws; do mkdir -p "$out/draw$number"; done
if [ ! -d "$out/set" ]; then
    emg=$("$here/../unpacked.sh" "$data" "$out/unpacked" ninapro_db1)
    glove=$("$here/../unpacked.sh" "$data" "$out/unpacked" ninapro_db1_glove)
    "${python[@]}" "$here/ninapro.py" "$emg" "$glove" "$out/set"
fi
[ -f "$out/fold.jsonl" ] || "${emgasr[@]}" protocol fold "$out/set/recordings.jsonl" "$out/set/splits.json" \
    --fold group0 --out "$out/fold.jsonl"
each teacher one
each encoder one
each align "$variants"
"${python[@]}" "$here/pose_table.py" "$out"
