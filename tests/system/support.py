"""What the system tests share: they know Trireme only through its command line and its files."""

import concurrent.futures
import glob
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

import h5py
import numpy as np

TRIREME = os.environ["TRIREME_BIN"]
SOURCE = os.environ["TRIREME_SOURCE"]
FAULTS = os.path.join(os.environ["TRIREME_BUILD"], "tests", "faults.so")
SHM = os.environ.get("TRIREME_SHM", "/dev/shm")  # see tests/support/leftovers.py
# What two runs with the same numbers may differ in.
TIMING_KEYS = {"seconds", "tokens_per_second", "peak_share", "time", "save_seconds", "data_wait_seconds", "compute_seconds",
               "exposed_communication_seconds", "saving_seconds", "slowest_rank", "slowest_rank_compute_seconds",
               "host_memory_bytes", "device_memory_bytes"}


def say(text):
    print(text, flush=True)


def check(condition, text):
    """A test's assertion: fails the whole script with one readable line."""
    if not condition:
        print(f"FAILED: {text}", flush=True)
        sys.exit(1)


class Workspace:
    """A fresh directory, removed at the end of the with block."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="trireme-system-")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def __truediv__(self, name):
        return os.path.join(self.path, name)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self / name), exist_ok=True)
        with open(self / name, "w", encoding="utf-8") as file:
            file.write(text)
        return self / name

    def run(self, *arguments, ranks=0, timeout=120, environment=None):
        """Runs `trireme …` here, under mpirun when ranks > 0. Returns the finished process with .stdout and .stderr."""
        return subprocess.run(command(*arguments, ranks=ranks), cwd=self.path, capture_output=True, text=True,
                              timeout=timeout, env={**os.environ, **(environment or {})}, check=False)

    def start(self, *arguments, ranks=0, output=None, **pace):
        """Starts without waiting; output goes to the named file. `pace`: variables of tests/support/faults.cpp, such as
        STEP_SECONDS=0.05, so that what is done in the middle of a run meets its middle on any machine."""
        environment = {**os.environ, **{name: str(value) for name, value in pace.items()}}
        if pace:
            environment["LD_PRELOAD"] = FAULTS
        with open(self / (output or "output.txt"), "w", encoding="utf-8") as out:
            return subprocess.Popen(command(*arguments, ranks=ranks), cwd=self.path, stdout=out, env=environment,
                                    stderr=subprocess.STDOUT, start_new_session=True)

    def must(self, *arguments, **keywords):
        done = self.run(*arguments, **keywords)
        check(done.returncode == 0, f"trireme {' '.join(arguments)} left with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done


def at_once(calls, number=4):
    """Calls functions that mostly wait, some at a time; the first failed check fails the script."""
    with concurrent.futures.ThreadPoolExecutor(number) as pool:
        try:
            for done in [pool.submit(call) for call in calls]:
                done.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def command(*arguments, ranks=0):
    launcher = ["mpirun", "-n", str(ranks), "--oversubscribe", "--bind-to", "none"] if ranks else []
    return [*launcher, TRIREME, *arguments]


def rank_processes(process, rank):
    """Process ids of one rank of a job that Workspace.start started under mpirun: none before it is there."""
    found = []
    mark = f"OMPI_COMM_WORLD_RANK={rank}".encode()
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/environ", "rb") as file:
                if mark in file.read().split(b"\0") and os.getsid(int(entry)) == process.pid:
                    found.append(int(entry))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it ended while we looked
    return found


def session_processes(process):
    """Process ids of all that still runs of a job that Workspace.start started: mpirun, daemons, ranks."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat", "rb") as file:
                state, _, _, session = file.read().rpartition(b") ")[2].split()[:4]
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked
        if int(session) == process.pid and state not in b"ZX":
            found.append(int(entry))
    return found


def rank_process(process, rank):
    """The process id of a rank that must be there."""
    found = rank_processes(process, rank)
    check(found, f"rank {rank} has no process")
    return found[0]


def wait_until(condition, process, what, seconds=60):
    """Looks again and again until the condition holds; fails when the process (None: there is none) ends or
    time runs out before."""
    deadline = time.monotonic() + seconds
    while not condition():
        if process:
            check(process.poll() is None, f"the job left with {process.returncode} before {what}")
        check(time.monotonic() < deadline, f"no sign of {what} within {seconds} s")
        time.sleep(0.01)


def causes(said):
    """The lines that begin with `trireme:`."""
    return [line for line in said.splitlines() if line.startswith("trireme:")]


def english(words, seed=1):
    """Text with a learnable structure: sentences over a small vocabulary, drawn by a fixed seed."""
    rng = random.Random(seed)
    nouns = "king river stone night house bread tree wind field song ship oar mast harbour captain".split()
    verbs = "saw made found held carried broke built heard crossed left".split()
    lines = []
    while words > 0:
        sentence = [rng.choice(["the", "a", "every", "no"]), rng.choice(nouns), rng.choice(verbs),
                    rng.choice(["the", "a", "his"]), rng.choice(nouns)]
        if rng.random() < 0.4:
            sentence += ["and", rng.choice(verbs), "it"]
        words -= len(sentence)
        lines.append(" ".join(sentence).capitalize() + ".")
    return "\n".join(lines) + "\n"


def make_data(space, vocab=300, words=6000, name="data", masked=False):
    """Tokenizer and datasets NAME.h5 and NAME.valid.h5 in the workspace. With masked, prompts carry no loss."""
    if masked:
        rng = random.Random(5)
        lines = [json.dumps({"question": english(12, rng.random()), "text": english(20, rng.random())})
                 for _ in range(words // 30)]
        source, options = space.write(f"{name}.jsonl", "\n".join(lines) + "\n"), ["--prompt-field", "question"]
    else:
        source, options = space.write(f"{name}.txt", english(words)), []
    if not os.path.exists(space / "tokenizer.json"):
        text = space.write("tokenizer.txt", english(4000, seed=9))
        space.must("tokenizer", "train", "--vocab", str(vocab), "--output", space / "tokenizer.json", text)
    space.must("prepare", "--tokenizer", space / "tokenizer.json", "--output", space / f"{name}.h5",
               "--valid-fraction", "0.1", *options, source)


def metrics(directory):
    """The parsed lines of metrics.jsonl."""
    with open(os.path.join(directory, "metrics.jsonl"), encoding="utf-8") as file:
        return [json.loads(line) for line in file.read().splitlines(keepends=True) if line.endswith("\n")]


def step_lines(directory):
    return [line for line in metrics(directory) if "loss" in line]


def without_timing(line):
    return {key: value for key, value in line.items() if key not in TIMING_KEYS}


def boxes(step_directory):
    """Every stored box of a checkpoint through h5py: (kind, tensor, offset) -> (global shape, array)."""
    found = {}
    for shard in sorted(glob.glob(os.path.join(step_directory, "node_*", "shard_*.h5"))):
        with h5py.File(shard, "r") as file:
            def visit(path, item):
                if isinstance(item, h5py.Dataset):
                    kind, tensor = path.strip("/").split("/")[:2]
                    key = (kind, tensor, tuple(int(o) for o in item.attrs["offset"]))
                    found[key] = (tuple(int(s) for s in item.attrs["global_shape"]), item[()])
            file.visititems(visit)
    return found


def logical_tensors(step_directory):
    """(kind, tensor) -> whole array, put together from its boxes; every element must be covered exactly once."""
    whole, covered = {}, {}
    for (kind, tensor, offset), (shape, data) in boxes(step_directory).items():
        key = (kind, tensor)
        if key not in whole:
            whole[key], covered[key] = np.zeros(shape, data.dtype), np.zeros(shape, np.int32)
        where = tuple(slice(o, o + s) for o, s in zip(offset, data.shape))
        whole[key][where] = data
        covered[key][where] += 1
    for key, count in covered.items():
        check((count == 1).all(), f"{key} is not covered exactly once in {step_directory}")
    return whole


def checkpoints(directory):
    """Step numbers of the committed checkpoints, ascending."""
    return sorted(int(os.path.basename(p)[5:]) for p in glob.glob(os.path.join(directory, "checkpoints", "step_*"))
                  if os.path.basename(p)[5:].isdigit())


def attempts(directory):
    """The parsed lines of attempts.jsonl."""
    with open(os.path.join(directory, "attempts.jsonl"), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def outcome(directory, attempt):
    with open(os.path.join(directory, "logs", f"outcome.{attempt}"), encoding="utf-8") as file:
        return json.load(file)


def step_directory(directory, step):
    return os.path.join(directory, "checkpoints", f"step_{step}")


def run_file(name, **sections):
    """INI text; sections as dictionaries."""
    lines = []
    for section, values in {"run": {"name": name}, **sections}.items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {value}" for key, value in values.items()]
    return "\n".join(lines) + "\n"


def tiny_model(arch="llama", **changes):
    return {"arch": arch, "layers": 4, "hidden": 32, "heads": 4, "sequence": 16, **changes}
