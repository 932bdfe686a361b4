"""What a step's line of metrics.jsonl costs, on 1, 2 and 4 ranks (asked: at most 0.5% of a step of 50 ms)."""

import os
import subprocess
import tempfile

from harness import wait_for_cpus

BENCH = os.path.join(os.environ["TRIREME_BUILD"], "bench", "metrics_bench")

with tempfile.TemporaryDirectory() as folder:
    for ranks in (1, 2, 4):
        wait_for_cpus()
        subprocess.run(["mpirun", "-n", str(ranks), "--oversubscribe", "--bind-to", "none", BENCH, f"{folder}/{ranks}"], check=True)
