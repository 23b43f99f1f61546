#!/usr/bin/env bash
# First pass, neural language model, large language model and all, on typing: recipes/second_pass/run.sh WORK
# The neural model learns from the packaged training prompts and the texts of recipes/demo_model/texts.tsv. Weights are
# tuned on validation people; test people are read once, at the end. What lies in WORK from a stopped run is used.
set -euo pipefail

work=${1:?usage: recipes/second_pass/run.sh WORK}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
texts=${TEXTS:?usage: TEXTS=FOLDER recipes/second_pass/run.sh WORK, with the files of recipes/demo_model/texts.tsv}
model=${MODEL:-emgasr/assets/model}           # whose search is the first pass
validation=${VALIDATION:-}                    # manifest of validation people; made here if it is not given
test=${TEST:-}                                # manifest of test people; made here if it is not given
people=${PEOPLE:-24}                          # validation people, of 2 minutes
test_people=${TEST_PEOPLE:-8}                 # of TEST_MINUTES
test_minutes=${TEST_MINUTES:-6}
train_minutes=${TRAIN_MINUTES:-60}            # of the neural model, of computing time
repeats=${REPEATS:-4}                         # how often the prompts stand among the texts
llm=${LLM:-}                                  # folder or .gguf of a large language model; none if empty
trials=${TRIALS:-400}
emgasr=${EMGASR:-emgasr}
read -r -a python <<< "${PYTHON:-python3}"

mkdir -p "$work"
work=$(cd "$work" && pwd)
texts=$(cd "$texts" && pwd)
cd "$here/../.."

simulate() {  # split, people, minutes, first person
    [ -f "$work/$1/manifest.jsonl" ] ||
        $emgasr simulate --out "$work/$1" --split "$1" --people "$2" --sessions 1 --session-minutes "$3" --seed "$4" --overwrite
}
if [ -z "$validation" ]; then
    simulate validation "$people" 2 8006
    validation=$work/validation/manifest.jsonl
fi
if [ -z "$test" ]; then
    simulate test "$test_people" "$test_minutes" 9500
    test=$work/test/manifest.jsonl
fi

prompts=emgasr/assets/prompts_train.txt
held_out=emgasr/assets/prompts_validation.txt
files=()
models=("$work/prompts.lm")
$emgasr lm build "$prompts" --order 6 --out "$work/prompts.lm" --overwrite --quiet
while IFS=$'\t' read -r _ file _; do
    "${python[@]}" recipes/demo_model/sentences.py "$texts/$file" > "$work/$file"
    $emgasr lm build "$work/$file" --order 6 --out "$work/${file%.txt}.lm" --overwrite --quiet
    files+=("$work/$file")
    models+=("$work/${file%.txt}.lm")
done < recipes/demo_model/texts.tsv
$emgasr lm mix "${models[@]}" --held-out "$held_out" --out "$work/mixed.lm" --overwrite
for manifest in "$validation" "$test"; do     # the texts must not hold what they are to help to read
    $emgasr validate "$manifest" --lm-text "${files[@]}" "$prompts" --quiet
done

often=()
for _ in $(seq "$repeats"); do often+=("$prompts"); done
resume=()
[ ! -f "$work/neural/checkpoint.pt" ] || resume=(--resume)
[ -f "$work/neural/done" ] || $emgasr lm train-neural "${often[@]}" "${files[@]}" --held-out "$held_out" \
    --ngram "$work/mixed.lm" --config "$here/gru.yaml" --fit.minutes "$train_minutes" --out "$work/neural" \
    ${resume[@]+"${resume[@]}"}
touch "$work/neural/done"

systems=("neural:$work/neural/model")
if [ -n "$llm" ]; then
    systems+=("llm:$llm" "all:$work/neural/model $llm")
fi
for system in "${systems[@]}"; do
    name=${system%%:*}
    read -r -a scorers <<< "${system#*:}"
    $emgasr tune "$model" "$validation" --second-pass "${scorers[@]}" --trials "$trials" \
        --out "$work/$name.yaml" --overwrite
    $emgasr evaluate "$model" "$test" --second-pass "$work/$name.yaml" --system "$name" --out "$work/results_$name" \
        --overwrite
done
