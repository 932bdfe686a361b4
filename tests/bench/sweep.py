"""What a sweep adds to its trials: wall time per trial of a sweep whose trials do nothing, beside the same run files started
one after the other by hand. Usage: sweep.py [TRIALS]; needs TRIREME_BIN."""

import os
import subprocess
import sys
import tempfile
import time

TRIREME = os.environ.get("TRIREME_BIN", "build/bin/trireme")
TRIALS = int(sys.argv[1]) if len(sys.argv) > 1 else 100
SWEEP = """[program]
command = printf '{{"step":1,"score":%%s}}\\n' {x} >$TRIREME_RUN_DIR/metrics.jsonl
[sweep]
name = nothing
x = range 1 %d 1
metric = score
early_stopping = none
""" % TRIALS


def seconds(*words):
    started = time.monotonic()
    subprocess.run([TRIREME, *words], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


def main():
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        with open("nothing.ini", "w", encoding="utf-8") as file:
            file.write(SWEEP)
        sweep = seconds("sweep", "run", "nothing.ini", "--workers", "1")
        by_hand = sum(seconds("train", f"sweeps/nothing/trial_{i}/trial.ini", f"--run.dir=again/{i}") for i in range(TRIALS))
        print(f"{TRIALS} trials: {1000 * sweep / TRIALS:.1f} ms each in a sweep, {1000 * by_hand / TRIALS:.1f} ms by hand: "
              f"the sweep adds {1000 * (sweep - by_hand) / TRIALS:.1f} ms a trial")


main()
