#!/usr/bin/env bash
# EEG, EMG and IMU of arm movements, alone and together, people left out: recipes/fusion/movement.sh POOL OUT
# POOL holds eeg_emg_*.csv and .npy.xz. Weak data: classes are clusters of the IMU, which its own model knows by
# construction (prepare.py). What lies in OUT is used: a second run goes on where the first stopped.
set -euo pipefail

pool=${1:?usage: recipes/fusion/movement.sh POOL OUT}
out=${2:?usage: recipes/fusion/movement.sh POOL OUT}
minutes=${TRAIN_MINUTES:-0.7}          # of one core, for each model
# Folds: who is tested; who fits temperatures and weights; who chooses each model's weights. All others train.
folds=("p07 p08/p06/p05" "p01 p02/p03/p04" "p03 p04/p07/p08" "p05 p06/p01/p02")
count=${FOLDS:-4}
read -r -a emgasr <<< "${EMGASR:-emgasr}"
python=${PYTHON:-python3}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export OMP_NUM_THREADS=1

one_fold() {  # number
    local folder=$out/fold$1 test fit validation
    IFS=/ read -r test fit validation <<< "${folds[$1]}"
    # shellcheck disable=SC2086  # people are words
    [ -d "$folder/data" ] || "$python" "$here/prepare.py" "$pool" "$folder/data" --test $test --fit $fit \
        --validation $validation
    for split in train validation fit test; do
        for sensor in eeg emg imu; do
            [ -f "$folder/data/$split/$sensor.jsonl" ] || "${emgasr[@]}" manifest "$folder/data/$split/$sensor" \
                --corpus native --split "$split" --out "$folder/data/$split/$sensor.jsonl" > /dev/null
        done
    done
    for split in fit test; do
        [ -f "$folder/data/$split/all.jsonl" ] || "${emgasr[@]}" manifest "$folder/data/$split/emg" --corpus native \
            --split "$split" --sensors "$folder/data/$split/eeg.jsonl" "$folder/data/$split/imu.jsonl" \
            --out "$folder/data/$split/all.jsonl" > /dev/null
    done
    for sensor in eeg emg imu; do
        [ -f "$folder/$sensor/model/config.yaml" ] || {
            rm -rf "${folder:?}/$sensor"
            "${emgasr[@]}" train "$folder/data/train/$sensor.jsonl" --config "$here/movement.yaml" --fit.minutes "$minutes" \
                --fit.clock cpu --fit.device cpu --validation-manifest "$folder/data/validation/$sensor.jsonl" \
                --out "$folder/$sensor"
        }
        judged "$folder" "$sensor" "$folder/$sensor/model" "$sensor"
    done
    for pair in "eeg emg" "emg imu" "eeg emg imu"; do
        read -r -a sensors <<< "$pair"
        name=$(IFS=_; echo "${sensors[*]}")
        models=("${sensors[@]/#/$folder/}")
        [ -f "$folder/$name/fusion.yaml" ] || "${emgasr[@]}" fuse "${models[@]/%//model}" --out "$folder/$name" \
            --validation-manifest "$folder/data/fit/all.jsonl" --validation-split fit --overwrite
        judged "$folder" "$name" "$folder/$name" all
    done
}

judged() {  # folder, name, model, manifest
    [ -f "$1/results/$2/results.json" ] || "${emgasr[@]}" evaluate "$3" "$1/data/test/$4.jsonl" --system "$2" \
        --train-minutes "$minutes" --title "Movements of the arm, $2" --out "$1/results/$2" --overwrite > /dev/null
}

for ((fold = 0; fold < count; fold++)); do one_fold "$fold"; done
"$python" "$here/table.py" "$out"
