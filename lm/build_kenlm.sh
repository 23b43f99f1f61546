#!/usr/bin/env bash
# Builds KenLM's lmplz and build_binary from the sources that PyPI holds: lm/build_kenlm.sh FOLDER
# Needs a C++ compiler, CMake and Boost (Debian: apt install g++ cmake libboost-all-dev), and pip with access to PyPI.
# The two programs go to FOLDER; with it on the PATH, `emgasr lm build` uses lmplz for large texts.
set -euo pipefail

folder=${1:?usage: lm/build_kenlm.sh FOLDER}
version=${KENLM_VERSION:-0.3.0}
max_order=${MAX_ORDER:-8}                     # of the models that build_binary takes
jobs=${JOBS:-2}
python=${PYTHON:-python3}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m pip download --quiet --no-binary kenlm --no-deps --dest "$work" "kenlm==$version"
tar -xzf "$work/kenlm-$version.tar.gz" -C "$work"
cmake -S "$work/kenlm-$version" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DKENLM_MAX_ORDER="$max_order"
cmake --build "$work/build" --target lmplz build_binary -j "$jobs"
mkdir -p "$folder"
install -m 755 "$work/build/bin/lmplz" "$work/build/bin/build_binary" "$folder/"
echo "lmplz and build_binary are in $folder: put it on the PATH"
