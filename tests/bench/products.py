"""A training step of GPT-2 124M in fp32 over the least that its matrix products can take on this processor: of each
product's shape the faster of MKL and oneDNN, with weights that no cache holds. One and two threads.

    products.py [ROUNDS]
"""

import os
import subprocess
import sys

from harness import processor, wait_for_cpus

PROGRAM = os.path.join(os.path.dirname(os.environ["TRIREME_BIN"]), "..", "bench", "products_bench")
# (sequence, batch) -> the step over the bound that was asked for, on one thread
ASKED = {(64, 4): None, (256, 4): 1.10, (1024, 1): 1.20}


def main():
    rounds = sys.argv[1] if len(sys.argv) > 1 else "5"
    print(processor())
    for threads in (1, 2):
        for (sequence, batch), asked in ASKED.items():
            health = wait_for_cpus()
            command = [PROGRAM, str(threads), rounds, str(sequence), str(batch)]
            output = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": str(threads)}, check=True,
                                    stdout=subprocess.PIPE, text=True).stdout
            *table, last = output.splitlines()
            print("\n".join(table))
            _, step, best_step, _, bound, best_bound = last.split()
            ratio = float(step) / float(bound)
            said = "" if asked is None or threads > 1 else f" (asked <= {asked:.2f}: {'met' if ratio <= asked else 'MISSED'})"
            print(f"B{batch}·T{sequence}, {threads} thread(s): step median {step} s, best {best_step}; bound {bound}, "
                  f"best {best_bound}; median ratio {ratio:.3f}, best ratio "
                  f"{float(best_step) / float(best_bound):.3f}{said}" +
                  ("" if health >= 0.9 else f"; CPU health {health:.2f} at its start"), flush=True)


if __name__ == "__main__":
    main()
