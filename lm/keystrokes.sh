#!/usr/bin/env bash
# What people type, from text files with a line for every line typed: lm/keystrokes.sh OUT TEXT...
# Symbols are keys: a space between words, an enter after each line. Capitals are lowered, for nearly nobody types any
# (59 in the 1,135 sessions of emg2qwerty); what has no key is left out.
set -euo pipefail

usage="usage: lm/keystrokes.sh OUT TEXT..."
out=${1:?$usage}
shift
: "${1:?$usage}"
order=${ORDER:-6}
prune=${PRUNE:-0 0 0 0 0 1}                   # 6-grams seen once are left out: see README.md
emgasr=${EMGASR:-emgasr}

# shellcheck disable=SC2086  # thresholds are words
$emgasr lm build "$@" --symbols keystrokes --lowercase --order "$order" --prune $prune --out "$out" --overwrite
