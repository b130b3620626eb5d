#!/bin/bash
# Submit what an edition lacks as two Slurm arrays: what starts from nothing, then what starts from those runs.
# Usage: docs/cluster/submit.sh EDITION LEARNER OUT [OPTION OF SBATCH ...]; OUT lies on a disk that all nodes share.
set -euo pipefail
edition=$1 learner=$2 out=$3
shift 3
mkdir -p "$out/slurm"
"${AMTLB:-.venv/bin/amtlb}" benchmark --edition "$edition" --learner "$learner" --out "$out" --dry-run --json |
    "${PYTHON:-.venv/bin/python}" -c '
import json, pathlib, sys
plan, folder = json.load(sys.stdin), pathlib.Path(sys.argv[1])
starts = {run["run_id"]: run["starts_from"] for run in plan["runs"]}
for name, wanted in (("first", False), ("then", True)):
    runs = [run for run in plan["missing"] if (starts[run] in plan["missing"]) == wanted]
    (folder / name).write_text("".join(f"{run}\n" for run in runs))
' "$out/slurm"
after=()
for list in "$out/slurm/first" "$out/slurm/then"; do
    count=$(wc -l < "$list")
    [ "$count" -gt 0 ] || continue
    job=$(sbatch --parsable --array="0-$((count - 1))" --output="$out/slurm/%A_%a.log" "${after[@]}" "$@" \
        docs/cluster/array.sbatch "$list" "$learner" "$out")
    echo "$count runs of $list are job $job"
    after=(--dependency="afterok:$job")
done
