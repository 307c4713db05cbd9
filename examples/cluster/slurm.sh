#!/bin/bash
# A data set by a Slurm array, without Ray. On the login node:
#
#   SOURCE=/shared/paintings OUT=/shared/dataset bash slurm.sh --preset paper
#
# submits the array as often as stages have to look at all rows, each time after the one before, and at the end the
# job that writes the data set. All arguments go to `artsim build`. TASKS is the number of jobs of the array, at most
# the number of shards (a shard is about 128 paintings), PASSES 3 for lite, 2 for presets with a Hub model.
#
#SBATCH --job-name=artsim
#SBATCH --time=24:00:00
#SBATCH --cpus-per-task=8
#SBATCH --gpus-per-task=1
#SBATCH --requeue
set -euo pipefail
: "${SOURCE:?the folder of paintings, on a file system that all nodes see}"
: "${OUT:?the data set folder, likewise}"
TASKS=${TASKS:-100}
build=(artsim build --source "$SOURCE" --out "$OUT" "$@")

if [ -n "${SLURM_ARRAY_TASK_ID:-}" ]; then
    # 75: stopped before a stage that needs what other jobs make; the next pass goes on.
    "${build[@]}" --shards "$SLURM_ARRAY_TASK_ID/$TASKS" --workers "${SLURM_CPUS_PER_TASK:-1}" || [ $? -eq 75 ]
elif [ -n "${SLURM_JOB_ID:-}" ]; then
    "${build[@]}" --workers "${SLURM_CPUS_PER_TASK:-1}"
else
    after=()
    for _ in $(seq "${PASSES:-3}"); do
        job=$(sbatch --parsable --export=ALL,TASKS="$TASKS" --array=0-$((TASKS - 1)) "${after[@]}" "$0" "$@")
        after=(--dependency=afterok:"$job")
    done
    sbatch --export=ALL,TASKS="$TASKS" "${after[@]}" "$0" "$@"
fi
