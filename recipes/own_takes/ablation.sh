#!/usr/bin/env bash
# Why 0.1 stayed on a plateau of blanks: its default, the same with each mend alone, and the default of now:
#   recipes/own_takes/ablation.sh DATA OUT
# Every NAME.yaml in ablation/ but old.yaml is a mend, laid over old.yaml. Only validation takes are read.
set -euo pipefail

data=${1:?usage: recipes/own_takes/ablation.sh DATA OUT}
out=${2:?usage: recipes/own_takes/ablation.sh DATA OUT}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [ -z "${SYSTEMS:-}" ]; then
    SYSTEMS="emgasr old"
    for file in "$here"/ablation/*.yaml; do
        name=$(basename "$file" .yaml)
        [ "$name" = old ] || SYSTEMS+=" old+$name"
    done
fi
# Five sets of five devices, two with other people, two on another day, one of other takes of the same.
SETS=${SETS:-isl_fingerspelling somach_sessions subvocal_people psl_takes flextype_takes suguru_sub1} \
    SYSTEMS=$SYSTEMS CONFIGS=$here/ablation SPLIT=validation AS=ablation "$here/run.sh" "$data" "$out"
