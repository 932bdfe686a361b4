"""What a user sees when a job ends: well, on request, by an error, by a hang, by a kill.

Usage: job_end_test.py MPIEXEC PROGRAM. Every run is bounded; a job that hangs fails the test."""

import subprocess
import sys

MPIEXEC, PROGRAM = sys.argv[1:3]
RANKS = 4
LIMIT_S = 30  # far above what any end takes; only a hang reaches it

# how: (exit code or None where mpirun chooses, the line a user must find, or None for silence)
CASES = {
    "well": (0, None),
    "stopped_on_request": (75, None),
    "missing": (1, "[rank 0] rank 3 (host HOST) has not reached all_reduce #8 of group tp in step 3"),
    "frozen": (1, "[rank 0] rank 3 (host HOST) has not reached all_reduce #8 of group tp in step 3; no answer in 1 s"),
    "different": (1, "ranks of group tp call different operations"),
    "mixed_up": (1, "[rank 0] ranks of group tp call different operations: rank 0 all_reduce #8, rank 3 broadcast #8 in step 3"),
    "error_on_one": (1, "[rank 3] the disk of rank 3 is full"),
    "error_on_all": (1, "the disk of rank "),
    "error_on_all_later": (1, "trireme: the loss is not finite in step 7"),
    "same_input_error_on_all": (2, "no dataset at nowhere.h5"),
    "killed": (None, None),
    "rank_zero_frozen": (1, "[rank 1] rank 0 (host HOST) has not reached all_reduce #1 of group tp in phase start; no answer in 1 s"),
}


def run(how):
    command = [MPIEXEC, "-n", str(RANKS), PROGRAM, how]
    return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S)


def problem(how, code, line):
    done = run(how)
    if code is not None and done.returncode != code:
        return f"exit code {done.returncode} instead of {code}\n{done.stderr}"
    if code is None and done.returncode == 0:
        return "exit code 0"
    causes = [text for text in done.stderr.splitlines() if text.startswith("trireme:")]
    if line is None:
        return f"unexpected: {causes}" if causes else None
    if len(causes) != 1:
        return f"{len(causes)} cause lines instead of one\n{done.stderr}"
    wanted = line.split("HOST")
    if not all(part in causes[0] for part in wanted):
        return f"{causes[0]!r} lacks {line!r}"
    return None


failed = 0
for how, (code, line) in CASES.items():
    try:
        text = problem(how, code, line)
    except subprocess.TimeoutExpired:
        text = f"did not end in {LIMIT_S} s"
    print(f"{how}: {text or 'ok'}", flush=True)
    failed += text is not None
sys.exit(1 if failed else 0)
