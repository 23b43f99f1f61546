#!/usr/bin/env bash
# What a GPU does with this package, as a Markdown table on standard output, in at most eight minutes:
#
#     benchmarks/gpu.sh                       # of a checkout whose Python has a CUDA torch
#     benchmarks/gpu.sh --device cpu --quick  # the same in small on the CPU, to try the script
#
# PYTHON names the interpreter. Each part has a time limit of its own (benchmarks/gpu.py); without CUDA there is one
# line, and the exit code is 1.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
python=${PYTHON:-python3}
case " $* " in
*" --device cpu "*) ;;
*)
    "$python" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2>/dev/null || {
        echo "benchmarks/gpu.sh: $python has no torch that finds a CUDA device; pass --device cpu --quick to try it" >&2
        exit 1
    }
    ;;
esac
PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH} exec "$python" benchmarks/gpu.py "$@"
