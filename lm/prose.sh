#!/usr/bin/env bash
# Prose in WikiText's layout, or plain: lm/prose.sh OUT PATH... (text files, or folders of .txt and .tokens files)
# SYMBOLS=keystrokes (default) | characters | words. Give training text only: of WikiText, wiki.train.tokens.
set -euo pipefail

usage="usage: lm/prose.sh OUT PATH..."
out=${1:?$usage}
shift
: "${1:?$usage}"
symbols=${SYMBOLS:-keystrokes}
order=${ORDER:-6}
prune=${PRUNE:-0 0 0 0 0 1}                   # 6-grams seen once are left out: see README.md
emgasr=${EMGASR:-emgasr}
python=${PYTHON:-python3}

text=$(mktemp)
trap 'rm -f "$text"' EXIT
"$python" "$(dirname "${BASH_SOURCE[0]}")/plain_prose.py" "$@" > "$text"
# shellcheck disable=SC2086  # thresholds are words
$emgasr lm build "$text" --symbols "$symbols" --lowercase --order "$order" --prune $prune --out "$out" --overwrite
