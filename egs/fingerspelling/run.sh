#!/usr/bin/env bash
# Letters of a sign alphabet from a forearm band, composed into words: egs/fingerspelling/run.sh DATA OUT
# DATA holds metadata.csv and takes/ (Italian Sign Language alphabet, Myo armband); TEXTS (default DATA/../text) holds
# war_of_the_worlds.txt, whose most frequent words are the test words, and the other texts, which make the LM.
set -euo pipefail

data=${1:?usage: egs/fingerspelling/run.sh DATA OUT}
out=${2:?usage: egs/fingerspelling/run.sh DATA OUT}
texts=${TEXTS:-$data/../text}
minutes=${MINUTES:-9}
emgasr=${EMGASR:-emgasr}
here=$(dirname "${BASH_SOURCE[0]}")
read -r -a run <<< "$emgasr"
python=${PYTHON:-python3}

[ ! -e "$out" ] || { echo "$out exists; choose another folder" >&2; exit 2; }
mkdir -p "$out"
others=("$texts/genesis_kjv.txt" "$texts/genesis_web.txt" "$texts/harvard_sentences.txt" "$texts/inaugural_addresses.txt")
"$python" "$here/words.py" "$texts/war_of_the_worlds.txt" > "$out/test_words.txt"
"$python" "$here/words.py" "${others[@]}" --top 150 --except-words "$out/test_words.txt" > "$out/validation_words.txt"
# What training spells: English words other than those of the tests, so that the network cannot have learned them.
"$python" "$here/words.py" "${others[@]}" --top 20000 --except-words "$out/test_words.txt" "$out/validation_words.txt" \
    > "$out/training_words.txt"

# Words as they come in running text, one a line: what a speller is about to spell.
cat "${others[@]}" | tr 'A-Z' 'a-z' | grep -oE '[a-z]+' > "$out/lm.txt"
"${run[@]}" lm build "$out/lm.txt" --symbols characters --order 6 --out "$out/lm.arpa.gz"

experiment() {  # name of the split, how `emgasr manifest` makes it
    export OMP_NUM_THREADS=1
    local name=$1 folder=$out/$1
    shift
    "${run[@]}" manifest "$data" --corpus takes --unit counts --ring --validation-every 9 --out "$folder/takes.jsonl" "$@"
    "${run[@]}" validate "$folder/takes.jsonl"
    "${run[@]}" compose "$folder/takes.jsonl" --splits validation --words "$out/validation_words.txt" --out "$folder/validation"
    "${run[@]}" compose "$folder/takes.jsonl" --splits test --words "$out/test_words.txt" --out "$folder/test"
    "${run[@]}" train "$folder/takes.jsonl" --config "$here/conformer.yaml" --fit.minutes "$minutes" \
        --data.words "$out/training_words.txt" --validation-manifest "$folder/validation/manifest.jsonl" --out "$folder/run"
    # Weights of the search: among those that other_day.py shows to read validation takes best, made to differ as
    # another day's do. As they are, the validation takes are read without errors, and there is nothing to tune on.
    "${run[@]}" evaluate "$folder/run/model" "$folder/test/manifest.jsonl" --lm "$out/lm.arpa.gz" --end-of-sentence \
        --acoustic-scale 0.6 --lm-weight 1 --length-bonus 1 --system conformer \
        --title "Fingerspelling, composed words, $name" --train-minutes "$minutes" --out "$folder/results"
    # When live letters become final: they last 2 s; the usual rules, made for typing, would finalize half a letter.
    "${run[@]}" tune-live "$folder/run/model" "$folder/validation/manifest.jsonl" --lm "$out/lm.arpa.gz" --end-of-sentence \
        --acoustic-scale 0.6 --lm-weight 1 --length-bonus 1
}

# Side by side, on one core each.
experiment new_day --test-sessions 2020-07-09 & new_day=$!  # honest: the armband was put on afresh
experiment every_fifth --test-every 5 & every_fifth=$!      # optimistic: test takes lie minutes from training takes
wait "$new_day"
wait "$every_fifth"

"$python" "$here/../merge_results.py" "$out" new_day every_fifth
