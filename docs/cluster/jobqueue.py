"""Play an edition on a dask cluster of Slurm jobs: python docs/cluster/jobqueue.py EDITION LEARNER JOBS."""

import subprocess
import sys
from pathlib import Path

from dask_jobqueue import SLURMCluster

edition, learner, jobs = sys.argv[1], sys.argv[2], int(sys.argv[3])
with SLURMCluster(
    cores=1,  # runs that a job plays side by side
    processes=1,
    memory="4GB",
    walltime="24:00:00",
    local_directory="/tmp",  # a disk of the node, or one that all nodes share
    worker_extra_args=["--lifetime", "1430m"],  # stop with a snapshot before Slurm kills
) as cluster:
    cluster.scale(jobs=jobs)
    command = [Path(sys.executable).with_name("amtlb"), "benchmark", "--edition", edition]
    command += ["--learner", learner, "--scheduler", cluster.scheduler_address]
    raise SystemExit(subprocess.run(command).returncode)
