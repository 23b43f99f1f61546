#!/usr/bin/env bash
# Makes the model that ships in emgasr/assets/model: recipes/demo_model/run.sh WORK
# What lies in WORK from an earlier, stopped run is used: recordings are kept, training resumes from its checkpoint, and
# a run/ with the file `done`, made elsewhere, needs no training people.
set -euo pipefail

work=${1:?usage: recipes/demo_model/run.sh WORK}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
people=${PEOPLE:-120}                         # training people, each with one session
minutes_each=${MINUTES_EACH:-4}               # of typing
held_out=${HELD_OUT:-6}                       # validation people, and as many test people for the card, of 2 minutes
tuning=${TUNING:-30}                          # people, the validation people among them, that the search is tuned on
jobs=${JOBS:-1}                               # people simulated at a time, each by a process
config=${CONFIG:-$here/conformer.yaml}        # of the training
train_minutes=${TRAIN_MINUTES:-45}            # wall-clock budget of training
read -r -a options <<< "${TRAIN_OPTIONS:-}"   # more options of `emgasr train`, as --fit.workers 2
stop_after=${STOP_AFTER:-}                    # train: the weights are carried away, and the rest is done elsewhere
trials=${TRIALS:-120}                         # configurations of the search tried on them
tune_minutes=${TUNE_MINUTES:-60}              # of these people, at most, that they are tried on
beam=${BEAM:-200}                             # hypotheses that the search keeps
order=${ORDER:-6}                             # of the language model
texts=${TEXTS:-}                              # folder with the files of texts.tsv, for the language model; or none
ngrams=${NGRAMS:-180000}                      # that stay of the model mixed from them: what the package has room for
package=${PACKAGE:-emgasr/assets/model}       # where the finished model goes
emgasr=${EMGASR:-emgasr}
read -r -a python <<< "${PYTHON:-python3}"

mkdir -p "$work"
work=$(cd "$work" && pwd)
cd "$here/../.."

simulate() {  # split, people, minutes, first person, folder if it is not the split's name
    [ -f "$work/${5:-$1}/manifest.jsonl" ] ||
        $emgasr simulate --out "$work/${5:-$1}" --split "$1" --people "$2" --sessions 1 --session-minutes "$3" --seed "$4" \
            --jobs "$jobs" --overwrite
}
simulate validation "$held_out" 2 0

if [ ! -f "$work/run/done" ]; then
    simulate train "$people" "$minutes_each" 0
    resume=()
    [ ! -f "$work/run/checkpoint.pt" ] || resume=(--resume)
    $emgasr train "$work/train/manifest.jsonl" --config "$config" \
        --validation-manifest "$work/validation/manifest.jsonl" --fit.minutes "$train_minutes" --out "$work/run" \
        ${options[@]+"${options[@]}"} ${resume[@]+"${resume[@]}"}
    touch "$work/run/done"
fi
[ "$stop_after" != train ] || exit 0

simulate validation "$tuning" 2 0 tuning
simulate test "$held_out" 2 100               # not the people whom `emgasr demo` shows first
"${python[@]}" "$here/half.py" "$work/run/model" "$work/model"
prompts=emgasr/assets/prompts_train.txt
$emgasr lm build "$prompts" --order "$order" --out "$work/lm.arpa.gz" --overwrite
sources="\`prompts_train.txt\` alone"
if [ -n "$texts" ]; then
    awk -F '\t' -v folder="$texts" '{ print $1 "  " folder "/" $2 }' "$here/texts.tsv" | sha256sum --check --quiet
    models=("$work/lm.arpa.gz")
    files=()
    sources="\`prompts_train.txt\` and texts in the public domain"
    while IFS=$'\t' read -r _ file title; do
        "${python[@]}" "$here/sentences.py" "$texts/$file" > "$work/$file"
        $emgasr lm build "$work/$file" --order "$order" --out "$work/${file%.txt}.lm" --overwrite --quiet > /dev/null
        models+=("$work/${file%.txt}.lm")
        files+=("$work/$file")
        sources+=$'\n'"  ($title);"
    done < "$here/texts.tsv"
    $emgasr lm mix "${models[@]}" --held-out emgasr/assets/prompts_validation.txt --out "$work/mixed.lm" --overwrite
    $emgasr lm prune "$work/mixed.lm" --ngrams "$ngrams" --decimals 2 --out "$work/pruned.arpa.gz" --overwrite
    mv "$work/pruned.arpa.gz" "$work/lm.arpa.gz"
    for split in tuning test; do  # the texts must not hold what they are to help to read
        $emgasr validate "$work/$split/manifest.jsonl" --lm-text "${files[@]}" --quiet | tee "$work/leaks_$split.txt"
    done
fi

$emgasr evaluate "$work/model" "$work/test/manifest.jsonl" --lm "$work/lm.arpa.gz" --system shipped \
    --validation-manifest "$work/tuning/manifest.jsonl" --tune-minutes "$tune_minutes" --tune-trials "$trials" \
    --beam "$beam" --threads 2 --save-search "$work/search.yaml" --out "$work/results" --overwrite | tee "$work/results.txt"

mkdir -p "$package"
for file in model/model.safetensors model/config.yaml model/tokens.json lm.arpa.gz search.yaml; do
    install -m 644 "$work/$file" "$package/"
done
{
    sed -e 's/^# emgasr model$/# The model of `emgasr demo`/' -e 's/^| licence .*/| licence | Apache-2.0 |/' \
        -e '/^| people trained on, ever/d' -e '/^`training.yaml` beside/,$d' "$work/model/README.md"
    cat <<CARD
It has seen simulated people only, and is of no use for real muscles. Made by \`recipes/demo_model/run.sh\`:

- training people: seeds 0 to $((people - 1)) (sim0000 to $(printf 'sim%04d' $((people - 1)))), $minutes_each minutes each,
  who type the sentences of \`prompts_train.txt\`; $train_minutes minutes of training by \`$(basename "$config")\`;
- validation people, who chose the checkpoint: seeds 8000 to $((7999 + held_out)), and those who chose the weights in
  \`search.yaml\`: seeds 8000 to $((7999 + tuning));
- language model \`lm.arpa.gz\`: keystrokes, order $order, from $sources.

Weights are stored as 16-bit floats; the error rates are those of the model as it is stored. Test people, seeds 9100 to
$((9099 + held_out)), who type the sentences of \`prompts_test.txt\`:

\`\`\`
$(sed '/^report: /d' "$work/results.txt")
\`\`\`
CARD
} > "$package/README.md"

size=$(cat "$package"/* | wc -c)
echo "$package: $((size / 1024)) KiB"
[ "$size" -lt 6000000 ] || { echo "that is above the 6 MB that the package has room for" >&2; exit 1; }
