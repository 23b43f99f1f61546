#!/usr/bin/env bash
# Real keys and times of typists, simulated muscles, nobody tested who was trained on:
#   recipes/typing_replay/run.sh EVENTS OUT
# EVENTS holds sub-*/ses-*/emg/*_events.tsv.gz (emg2qwerty in BIDS form, 20 people or more). What lies in OUT is used: a
# second run starts in seconds, and goes on where the first stopped.
set -euo pipefail

events=${1:?usage: recipes/typing_replay/run.sh EVENTS OUT}
out=${2:?usage: recipes/typing_replay/run.sh EVENTS OUT}
systems=${SYSTEMS:-}                    # names of the *.yaml beside this file; all of them if empty
train_people=${TRAIN_PEOPLE:-14}
validation_people=${VALIDATION_PEOPLE:-2}
test_people=${TEST_PEOPLE:-4}
train_sessions=${TRAIN_SESSIONS:-3}     # sessions of a training person, validation people have one
sessions=${SESSIONS:-6}                 # sessions of a test person, of whom the last ones are tested,
test_sessions=${TEST_SESSIONS:-2}       # this many; the others calibrate
minutes=${MINUTES:-10}                  # of a session, from its start
budget=${BUDGET:---fit.minutes 60}      # of training, the same for every system; --fit.steps N repeats itself to the bit
device=${DEVICE:-auto}                  # of training and reading: auto, cpu or cuda
ladder=${LADDER:-0.5,1,2,5,10,20,40}    # minutes of calibration
adaptation=${ADAPTATION:-}              # more options, as --adaptation.steps=120
jobs=${JOBS:-2}                         # simulations, and jobs of the protocol, at a time
engine=${ENGINE:-local}                 # or ray, slurm
lm=${LM:-}                              # language model to read with, and the text that it was built from
lm_text=${LM_TEXT:-}
read -r -a emgasr <<< "${EMGASR:-emgasr}"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

mkdir -p "$out/recordings"
people=("$events"/sub-*)
wanted=$((train_people + validation_people + test_people))
[ "${#people[@]}" -ge "$wanted" ] || { echo "$events holds ${#people[@]} people, $wanted are needed" >&2; exit 2; }

running=()
simulate() {  # person's folder of events, split, number in it, sessions
    local place="$out/recordings/$2$3"
    [ -f "$place/manifest.jsonl" ] && return
    local files=("$1"/ses-*/emg/*_events.tsv*)
    "${emgasr[@]}" simulate --out "$place" --split "$2" --people 1 --seed "$3" --sessions "$4" --session-minutes "$minutes" \
        --events "${files[@]:0:$4}" --overwrite &
    running+=("$!")
    if [ "${#running[@]}" -ge "$jobs" ]; then wait "${running[0]}"; running=("${running[@]:1}"); fi
}

names=()
for ((i = 0; i < wanted; i++)); do
    if ((i < train_people)); then simulate "${people[i]}" train "$i" "$train_sessions"
    elif ((i < train_people + validation_people)); then
        number=$((i - train_people)); simulate "${people[i]}" validation "$number" 1
        names+=("$(printf 'sim%04d' $((8000 + number)))")
    else simulate "${people[i]}" test $((i - train_people - validation_people)) "$sessions"
    fi
done
for process in ${running[@]+"${running[@]}"}; do wait "$process"; done

if [ ! -f "$out/splits.json" ]; then
    tested=()
    for ((i = 0; i < test_people; i++)); do tested+=("$(printf 'sim%04d' $((9000 + i)))"); done
    "${emgasr[@]}" manifest "$out/recordings" --corpus native --out "$out/manifest.jsonl" --overwrite \
        --test-subjects "${tested[@]}" --validation-subjects "${names[@]}"
    "${emgasr[@]}" protocol split "$out/manifest.jsonl" --rule official --test-session-count "$test_sessions" \
        --out "$out/splits.json"
fi

[ -n "$systems" ] || systems=$(cd "$here" && printf '%s ' *.yaml)
run=()
for name in $systems; do
    name=${name%.yaml}
    run+=(--system "$name='$here/$name.yaml' $budget --fit.device $device")
done
language=()
[ -z "$lm" ] || language=("--lm=$lm" "--lm-text=[$lm_text]")
read -r -a more <<< "$adaptation"
"${emgasr[@]}" protocol run "$out/manifest.jsonl" "$out/splits.json" "${run[@]}" --out "$out/protocol" \
    --engine "$engine" --workers "$jobs" --title "Real typing, simulated muscles" "--adaptation.minutes=[$ladder]" \
    ${more[@]+"${more[@]}"} ${language[@]+"${language[@]}"} > /dev/null
"${emgasr[@]}" protocol report "$out/protocol" --title "Real typing, simulated muscles" --published "$here/published.md"
