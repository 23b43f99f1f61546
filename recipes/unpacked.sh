#!/usr/bin/env bash
# A set of the pool in; its folder out, as a line. What DATA holds only packed, pool/unpack.py unpacks into PLACE, once:
#   recipes/unpacked.sh DATA PLACE SET
set -euo pipefail

usage="usage: recipes/unpacked.sh DATA PLACE SET"
data=${1:?$usage}
place=${2:?$usage}
set=${3:?$usage}
read -r -a python <<< "${PYTHON:-python3}"

for folder in "$data/$set" "$place/$set"; do
    if [ -f "$folder/labels.csv" ]; then echo "$folder"; exit; fi
done
rm -rf "$place/.$set"
"${python[@]}" "$data/pool/unpack.py" "$place/.$set" "$set" >&2
mv "$place/.$set/$set" "$place/$set"
rmdir "$place/.$set"
echo "$place/$set"
