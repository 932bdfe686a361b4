"""Two ranks with one thread each against one rank with two threads, in tokens per second, for L6·D384·V8192·T256 in
fp32, global batch 32, micro-batch 2; and PyTorch DDP over gloo as a peer of dp2.

    layouts.py [ROUNDS [GLOBAL_BATCH]]
"""

import os
import statistics
import subprocess
import sys

from harness import alternate, ratio_line

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.join(os.path.dirname(os.environ["TRIREME_BIN"]), "..", "bench", "layout_bench")
PYTHON = os.path.join(os.environ["TRIREME_VENV"], "bin", "python")
MICRO_BATCH, SEQUENCE, STEPS = 2, 256, 3
MPIRUN = ["mpirun", "-n", "2", "--bind-to", "core"]
ENVIRONMENT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


def tokens_per_second(command, threads, global_batch):
    """Of the steps after the first, which warms up."""
    output = subprocess.run(command, env={**os.environ, **ENVIRONMENT, "OMP_NUM_THREADS": str(threads)}, check=True,
                            stdout=subprocess.PIPE, text=True).stdout
    seconds = [float(line.split()[2]) for line in output.splitlines() if line.startswith("step ")]
    return global_batch * SEQUENCE / statistics.median(seconds[1:])


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    batch = int(sys.argv[2]) if len(sys.argv) > 2 else 32

    def ours(tp, pp, dp):
        ranks = tp * pp * dp
        launcher = MPIRUN if ranks == 2 else []
        arguments = [tp, pp, dp, 2 // ranks, STEPS, batch, MICRO_BATCH]
        return lambda: tokens_per_second(launcher + [PROGRAM] + [str(a) for a in arguments], 2 // ranks, batch)

    def ddp():
        command = [PYTHON, os.path.join(HERE, "gpt2_ddp.py"), "2", str(STEPS), str(batch), str(MICRO_BATCH)]
        return tokens_per_second(command, 1, batch)

    print(f"L6·D384·V8192·T256 fp32, global batch {batch}, micro-batch {MICRO_BATCH}, tokens/s (higher is better)")
    figures = alternate({"1 rank x 2 threads": ours(1, 1, 1), "tp2": ours(2, 1, 1), "pp2": ours(1, 2, 1),
                         "dp2": ours(1, 1, 2), "PyTorch DDP": ddp}, rounds)
    for layout, target in (("tp2", 0.88), ("pp2", 0.85), ("dp2", 0.90)):
        ratio_line(f"{layout} against 1 rank x 2 threads", figures[layout], figures["1 rank x 2 threads"], target,
                   lower_is_better=False, names=(layout, "1 rank"))
    ratio_line("dp2 against PyTorch DDP over gloo", figures["dp2"], figures["PyTorch DDP"], 1.1,
               lower_is_better=False, names=("dp2", "DDP"))


if __name__ == "__main__":
    main()
