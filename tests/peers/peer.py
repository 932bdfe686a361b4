"""What the checks of real models share: calling trireme, and keeping what the peer computed.

A check compares with numbers that transformers computes now, or that it computed once and that lie in recorded/ (with
TRIREME_RECORDED set, as the test suite does: then neither torch nor transformers is imported)."""

import json
import os
import subprocess
import sys
from pathlib import Path

TRIREME = os.environ["TRIREME_BIN"]
RECORDED = Path(__file__).parent / "recorded"
MPIRUN = ["mpirun", "--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1"]


def trireme(*arguments, ranks=1):
    """Runs a command and returns its standard output. Ends the check with its messages when it fails."""
    launch = MPIRUN + ["-n", str(ranks)] if ranks > 1 else []
    result = subprocess.run([*launch, TRIREME, *map(str, arguments)], capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"trireme {' '.join(map(str, arguments))} ended with {result.returncode}:\n{result.stderr}")
    return result.stdout


def write_lines(path, objects):
    path.write_text("".join(json.dumps(each) + "\n" for each in objects))
    return path


def read_lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def peer_numbers(name, compute):
    """What the peer gives: recorded, or computed by `compute` and, with --record, kept."""
    file = RECORDED / f"{name}.json"
    if os.environ.get("TRIREME_RECORDED"):
        return json.loads(file.read_text())
    os.environ["HF_HUB_OFFLINE"] = "1"
    numbers = compute()
    if "--record" in sys.argv:
        file.write_text(json.dumps(numbers, indent=1) + "\n")
    return numbers


def check(what, good, detail=""):
    print(f"  {'ok   ' if good else 'FAIL '} {what}{': ' + detail if detail else ''}", flush=True)
    if not good:
        sys.exit(1)
