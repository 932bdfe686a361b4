"""Our attention on the CPU (docs/adr/0011-attention-on-the-cpu.md) against ATen's flash attention for CPUs, on one thread, with every instruction set that both
have here: AVX-512, and AVX2 as if the machine had no more."""

import os
import subprocess
import sys

from harness import processor

PROGRAM = os.path.join(os.path.dirname(os.environ["TRIREME_BIN"]), "..", "bench", "attention_bench")
RUNS = [("", {}), ("v3", {"ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"})]


for name, environment in RUNS:
    said = " ".join(f"{key}={value}" for key, value in environment.items())
    print(f"{processor()} {said}", flush=True)
    done = subprocess.run([PROGRAM, name, *sys.argv[1:]], env={**os.environ, "OMP_NUM_THREADS": "1", **environment})
    if done.returncode not in (0, 77):
        sys.exit(done.returncode)
