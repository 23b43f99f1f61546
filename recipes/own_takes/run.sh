#!/usr/bin/env bash
# What a stranger's own takes come to by the plain defaults, beside linear discriminants and TDS in the same minutes:
#   recipes/own_takes/run.sh DATA OUT
# DATA holds the sets' folders, and pool/unpack.py (or what it unpacked, as folders beside the others). A second run
# goes on where the first stopped. The budget counts what a run computes: what else the machine does takes none of it.
set -euo pipefail

data=${1:?usage: recipes/own_takes/run.sh DATA OUT}
out=${2:?usage: recipes/own_takes/run.sh DATA OUT}
sets=${SETS:-isl_fingerspelling somach_modes somach_sessions subvocal_people psl_people psl_takes flextype_takes \
    suguru_sub1 suguru_sub2 suguru_sub3 suguru_sub4 suguru_sub5}
systems=${SYSTEMS:-emgasr tds lda}      # emgasr: plain; NAME: NAME.yaml of CONFIGS over that (A+B: both); lda
seeds=${SEEDS:-0 1 2 3 4}
minutes=${MINUTES:-5}                   # that training a run computes, on one core
jobs=${JOBS:-2}
split=${SPLIT:-test}                    # or validation, which may be read as often as one likes
train=${TRAIN:-}                        # more options of `emgasr train`, the same for every system
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
configs=${CONFIGS:-$here}
as=${AS:-table}                         # what table.py makes of it
read -r -a emgasr <<< "${EMGASR:-emgasr}"
read -r -a python <<< "${PYTHON:-python3}"
read -r -a more <<< "$train"
export OMP_NUM_THREADS=1

corpus() {  # name, layout, folder of the set, options: a folder as somebody's own recordings lie in
    if [ ! -d "$out/corpora/$1" ]; then
        "${python[@]}" "$here/prepare.py" "$2" "$3" "$out/corpora/$1" "${@:4}" >&2 || return
    fi
    echo "$out/corpora/$1"
}

words_and_silence() {  # subvocal_pt by the rule of its example: filtered, spans where the muscles are, not the cues
    local folder=$out/corpora/subvocal
    if [ ! -d "$folder" ]; then
        rm -rf "$folder.part" &&
            "${python[@]}" "$here/../../egs/subvocal/prepare.py" "$data/subvocal_pt" "$folder.part" >&2 &&
            mv "$folder.part" "$folder" || return
    fi
    echo "$folder"
}

manifest() {  # folder, options: the set's manifest
    "${emgasr[@]}" manifest "$1" --out "$place/manifest.jsonl" --overwrite "${@:2}"
}

task_of() {
    case $1 in
        isl_*) echo letters ;;
        flextype_* | suguru_*) echo gestures ;;
        *) echo words ;;
    esac
}

# People, sessions and takes of the test are in no list that training or validation sees. Where the electrodes go round
# a limb, that is known to who put them on (--ring). Silence and rest are labels where the sets count them so (--rest).
prepare() {  # set
    local folder place=$out/$1
    mkdir -p "$place"
    case $1 in
        isl_fingerspelling)  # a day on which the armband was put on afresh
            manifest "$data/isl_fingerspelling" --corpus takes --unit counts --ring \
                --test-sessions 2020-07-09 --validation-every 7 ;;
        somach_modes)        # a way of speaking that was not trained on
            folder=$(corpus somach_modes blocks "$data/somach_words")
            manifest "$folder" --corpus takes --unit counts --rest \
                --test-sessions study_a_2026-02-11_mouthing study_b_2026-02-11_mouthing \
                --validation-sessions study_b_2026-02-11_whispered ;;
        somach_sessions)
            manifest "$data/somach_words" --corpus takes --unit counts --rest \
                --test-sessions session_C_2026-02-25 --validation-sessions session_B_2026-02-25 ;;
        subvocal_people)
            folder=$(words_and_silence)
            manifest "$folder" --corpus native --test-subjects p001 p005 p009 --validation-subjects p003 ;;
        psl_people | psl_takes)
            folder=$("$here/../unpacked.sh" "$data" "$out/pool" psl_words)
            folder=$(corpus psl takes "$folder")
            local rule=(--test-every 5 --validation-every 7)
            [ "$1" = psl_takes ] || rule=(--test-subjects person11 person1 person9 person16 person13 person17
                --validation-subjects person8 person2 person4)
            manifest "$folder" --corpus takes --ring "${rule[@]}" ;;
        flextype_takes)
            folder=$("$here/../unpacked.sh" "$data" "$out/pool" flextype)
            folder=$(corpus flextype takes "$folder")
            manifest "$folder" --corpus takes --rest --ring --test-every 5 --validation-every 7 ;;
        suguru_*)            # one person each: the last five of twenty days
            folder=$("$here/../unpacked.sh" "$data" "$out/pool" suguru)
            folder=$(corpus "$1" person "$folder" --subject "${1#suguru_}")
            manifest "$folder" --corpus spans --ring --test-sessions day16 day17 day18 day19 day20 \
                --validation-sessions day7 day15 ;;
        *) echo "SETS: there is no set $1" >&2; exit 2 ;;
    esac
    # Each take once: in strings of one to four, and alone.
    local lengths=("strings --longest 4" "isolated --longest 1") words
    for words in "${lengths[@]}"; do
        # shellcheck disable=SC2086  # two options
        "${emgasr[@]}" compose "$place/manifest.jsonl" --splits validation test --same-session --shortest 1 \
            ${words#* } --seed 0 --out "$place/${words%% *}" --overwrite
    done
    touch "$place/prepared"
}

read_count() {  # set, what was read: a line for every time that a split is read
    echo "${*:2}" >> "$out/$1/$split.reads"
}

one() {  # set, system, seed
    local place=$out/$1/$2/seed$3 list part options
    if [ "$2" = lda ]; then
        [ ! -f "$out/$1/lda/$split/results.json" ] || return 0
        read_count "$1" lda
        "${python[@]}" "$here/lda.py" "$out/$1/manifest.jsonl" "$out/$1/lda/$split" --split "$split"
        return
    fi
    mkdir -p "$place"
    if [ ! -f "$place/trained" ]; then
        if [ -f "$place/run/checkpoint.pt" ]; then
            "${emgasr[@]}" train --resume --out "$place/run" --quiet >> "$place/train.txt" 2>&1
        else
            options=(--task "$(task_of "$1")" --fit.minutes "$minutes" --fit.clock cpu --seed "$3")
            for part in ${2//+/ }; do
                [ "$part" = emgasr ] || options+=(--config "$configs/$part.yaml")
            done
            rm -rf "$place/run"
            "${emgasr[@]}" train "$out/$1/manifest.jsonl" "${options[@]}" ${more[@]+"${more[@]}"} --out "$place/run" \
                --quiet > "$place/train.txt" 2>&1
        fi
        touch "$place/trained"
    fi
    for list in strings isolated session; do  # session: single takes again, when all of the session was heard before
        [ ! -f "$place/$split/$list/results.json" ] || continue
        read_count "$1" "$2 seed $3 $list"
        options=(--split "$split" --system "$2" --train-minutes "$minutes" --title "$1, $list" --quiet --overwrite)
        [ "$list" != session ] || options+=(--unlabelled-seconds all)
        "${emgasr[@]}" evaluate "$place/run/model" "$out/$1/${list/session/isolated}/manifest.jsonl" "${options[@]}" \
            --out "$place/$split/$list" > /dev/null
    done
}

running=() failed=()
finish() {  # waits for the first that was started
    wait "${running[0]%%:*}" || failed+=("${running[0]#*:}")
    running=("${running[@]:1}")
}
for set in $sets; do
    if [ ! -f "$out/$set/prepared" ]; then prepare "$set"; fi  # with || a failing step would not end it
done
for seed in $seeds; do
    for set in $sets; do
        for system in $systems; do
            if [ "$system" = lda ] && [ "$seed" != "${seeds%% *}" ]; then continue; fi
            one "$set" "$system" "$seed" & running+=("$!:$set $system seed $seed")
            [ "${#running[@]}" -lt "$jobs" ] || finish
        done
    done
done
while [ "${#running[@]}" -gt 0 ]; do finish; done
"${python[@]}" "$here/table.py" "$out" --split "$split" --as "$as"
if [ "${#failed[@]}" -gt 0 ]; then
    printf 'failed (see train.txt there): %s\n' "${failed[@]}" >&2
    exit 1
fi
