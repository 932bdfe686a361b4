"""Starts tests/system/save_loop.cpp under mpirun, follows what it prints, and judges what lies in its run directory."""

import glob
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time

SOURCE = os.environ["TRIREME_SOURCE"]
sys.path.insert(0, f"{SOURCE}/tests/io/checkpoint")
import sample_values  # noqa: E402

RANKS = 4
LIMIT_S = 120  # for any line to come; only a hang reaches it (60 s of it may be spent on a dead takeover of the lease)
TENSORS = {**sample_values.TENSORS, ("param", "large"): (300, 1000)}


class SaveLoop:
    """One start of the program; a context that leaves no process behind."""

    def __init__(self, mpiexec, program, run_directory, *words):
        command = [mpiexec, "-n", str(RANKS), program, run_directory, *words]
        self.mpirun = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, text=True, bufsize=1, start_new_session=True)
        self.processes = {}  # rank -> process id
        self.said = []
        self.looked_at = 0  # of these, by wait_for()
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in [*self.processes.values(), self.mpirun.pid]:
            kill(process)
        self.mpirun.wait(LIMIT_S)

    def read(self):
        for line in self.mpirun.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def next_line(self):
        """The next line, None at the end of the output."""
        line = self.lines.get(timeout=LIMIT_S)
        if line is not None:
            self.said.append(line)
            for rank, process in re.findall(r"rank (\d+) process (\d+)", line):
                self.processes[int(rank)] = int(process)
        return line

    def wait_for(self, *beginnings):
        """The next line that begins so, after the one that the last call returned. What came meanwhile counts: one rank's
        line may overtake another's on the way, and wait_for_ranks() reads on until it has all of theirs."""
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            while self.looked_at < len(self.said):
                line = self.said[self.looked_at]
                self.looked_at += 1
                if line.startswith(beginnings):
                    return line
            if self.next_line() is None:
                break
        raise AssertionError(f"no line with {beginnings} in:\n" + "\n".join(self.said[:40]))

    def ask(self):
        """One step in mode "asked"; its line."""
        self.mpirun.stdin.write("go\n")
        self.mpirun.stdin.flush()
        return self.wait_for("saved ", "not saved ")

    def wait_for_death(self):
        """Until no process of it is left."""
        end = time.monotonic() + LIMIT_S
        while self.next_line() is not None:
            assert time.monotonic() < end, f"it goes on after {self.said[:40]}, {self.processes}"
        self.mpirun.wait(LIMIT_S)
        while any(is_alive(process) for process in self.processes.values()):
            assert time.monotonic() < end, "a rank lives on"
            time.sleep(0.01)

    def wait_for_ranks(self):
        end = time.monotonic() + LIMIT_S
        while len(self.processes) < RANKS:
            assert self.next_line() is not None, self.said
            assert time.monotonic() < end, f"not all ranks began in {self.said[:40]}"

    def last_saved(self):
        saved = [int(line.split()[1]) for line in self.said if line.startswith("saved ")]
        return saved[-1] if saved else 0


def kill(process):
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        pass


def is_alive(process):
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # it ended before the file was opened, or before it was read
        return False


def committed(run_directory):
    names = glob.glob(f"{run_directory}/checkpoints/step_*")
    return sorted(int(name.rsplit("_", 1)[1]) for name in names)


def check_newest(run_directory):
    """The newest checkpoint, 0 for none: `trireme checkpoint verify --deep` finds it good and h5py finds its values."""
    steps = committed(run_directory)
    if not steps:
        return 0
    path = f"{run_directory}/checkpoints/step_{steps[-1]}"
    done = subprocess.run([os.environ["TRIREME_BIN"], "checkpoint", "verify", "--deep", path], capture_output=True,
                          text=True, timeout=LIMIT_S)
    assert done.returncode == 0, done.stdout + done.stderr
    sample_values.check_values(path, steps[-1], "float32", TENSORS)
    return steps[-1]


def check_no_leftovers(run_directory):
    for name in os.listdir(f"{run_directory}/checkpoints"):
        assert name in ("LATEST", "VERIFIED", ".trash") or name.startswith("step_"), f"{name} is left"
    trash = f"{run_directory}/checkpoints/.trash"
    assert not os.path.exists(trash) or not os.listdir(trash), "the trash is not empty"


def report(program, cases):
    """Prints the figure, and leaves the names for count_fault_cases.py where that is wanted."""
    print(f"{len(set(cases))} distinct cases", flush=True)
    if "TRIREME_FAULT_CASES" in os.environ:
        with open(f"{os.environ['TRIREME_FAULT_CASES']}/{program}.txt", "w") as file:
            file.write("".join(f"{case}\n" for case in sorted(set(cases))))
