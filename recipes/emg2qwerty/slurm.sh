#!/usr/bin/env bash
#SBATCH --job-name=emg2qwerty --nodes=1 --gpus-per-node=8 --cpus-per-task=64 --time=48:00:00 --requeue
# One system on one node of eight GPUs: sbatch recipes/emg2qwerty/slurm.sh CORPUS OUT SYSTEM
# A job that is requeued goes on from its last checkpoint.
set -euo pipefail

corpus=${1:?usage: sbatch recipes/emg2qwerty/slurm.sh CORPUS OUT SYSTEM}
out=${2:?usage: sbatch recipes/emg2qwerty/slurm.sh CORPUS OUT SYSTEM}
system=${3:?usage: sbatch recipes/emg2qwerty/slurm.sh CORPUS OUT SYSTEM}
export TRAIN="torchrun --standalone --nproc-per-node ${GPUS:-8} -m emgasr train" OPTIONS="${OPTIONS:---fit.precision bf16}"
exec recipes/emg2qwerty/run.sh "$corpus" "$out" "$system"
