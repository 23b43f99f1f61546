#!/usr/bin/env bash
# The model of the sentences that simulated people type in training: lm/prompts.sh OUT (.lm, .arpa or .arpa.gz)
# Only prompts_train.txt is read; the validation prompts tell the perplexity, the test prompts are never touched.
set -euo pipefail

out=${1:?usage: lm/prompts.sh OUT}
order=${ORDER:-6}
emgasr=${EMGASR:-emgasr}
data=$(cd "$(dirname "${BASH_SOURCE[0]}")/../emgasr/assets" && pwd)

$emgasr lm build "$data/prompts_train.txt" --order "$order" --out "$out" --overwrite
$emgasr lm score "$out" "$data/prompts_validation.txt"
