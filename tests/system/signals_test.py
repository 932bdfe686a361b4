"""Signals that ask a run to end: sixty of them 10 ms apart, over shapes, thread counts, launchers and signals; what every
thread of a rank does with them; those that come too early, too late, or are ignored."""

import os
import pty
import signal
import subprocess
import threading
import time

from support import (TRIREME, Workspace, causes, check, checkpoints, command, make_data, metrics, outcome, rank_process,
                     run_file, say, step_directory, step_lines, tiny_model, wait_until)

STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP)
STARTED = []
LIBRARYS_OWN = (1 << 31) | (1 << 32)  # signals 32 and 33: the C library's, for threads

# Layers, hidden, heads, sequence and micro-batch: LibTorch multiplies matrices of these sizes, even ones and odd ones.
SHAPES = {"even": (4, 128, 4, 128, 4), "odd": (2, 88, 11, 100, 3)}


def signal_sets(process_id):
    """(thread, {"SigBlk": set, …}) of every thread of a process."""
    for thread in os.listdir(f"/proc/{process_id}/task"):
        try:
            with open(f"/proc/{process_id}/task/{thread}/status", encoding="utf-8") as file:
                lines = dict(line.rstrip("\n").split(":\t", 1) for line in file if line.startswith("Sig"))
        except (FileNotFoundError, ProcessLookupError):
            continue  # the thread ended while we looked
        yield thread, {name: int(value, 16) for name, value in lines.items() if name != "SigQ"}


def bit(number):
    return 1 << (number - 1)


def start(space, shape, ranks=0, threads=1, **keywords):
    """The next attempt of the shape's run, once it has logged two steps."""
    directory = space / f"runs/{shape}"
    before = step_lines(directory)[-1]["step"] if os.path.exists(f"{directory}/metrics.jsonl") else 0
    with open(space / "output.txt", "w", encoding="utf-8") as out:
        process = subprocess.Popen(keywords.pop("before", []) + command("train", f"{shape}.ini", ranks=ranks), cwd=space.path,
                                   stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
                                   env={**os.environ, "OMP_NUM_THREADS": str(threads)}, **keywords)

    def logged():
        try:
            return step_lines(directory)[-1]["step"] >= before + 2
        except (FileNotFoundError, IndexError, ValueError):
            return False  # not there, or a line that is being written

    STARTED.append(process)
    wait_until(logged, process, f"steps of {shape}")
    return process


def flood(process_ids, number, over=lambda: False):
    """Sixty signals; the process may end before the last one, and is asked to as long as it is there."""
    for _ in range(60):
        if over():
            break
        for process_id in process_ids:
            try:
                os.kill(process_id, number)
            except ProcessLookupError:
                pass  # it has left already
        time.sleep(0.01)


def stopped(space, shape, process, attempt, number, what):
    code = process.wait(timeout=60)
    with open(space / "output.txt", encoding="utf-8") as file:
        said = file.read()
    directory = space / f"runs/{shape}"
    written = outcome(directory, attempt)
    check(code == 75 and not causes(said), f"{what}: left with {code}:\n{said}")
    check(written["exit_code"] == 75 and number.name in written["reason"], f"{what}: outcome {written}")
    last = step_lines(directory)[-1]["step"]
    check(written["saved_step"] == last == checkpoints(directory)[-1], f"{what}: step {last} was not saved: {written}")
    check(attempt == 1 or "resuming  from step" in said, f"{what}: did not resume:\n{said}")
    say(f"  {what}: saved step {last}, 75")


def bombardment(space):
    attempts = dict.fromkeys(SHAPES, 0)
    cases = [("even", 0, 1, signal.SIGUSR1), ("even", 0, 2, signal.SIGTERM), ("odd", 0, 1, signal.SIGINT),
             ("odd", 0, 2, signal.SIGHUP), ("even", 2, 1, signal.SIGHUP), ("odd", 2, 1, signal.SIGTERM),
             ("even", 2, 1, signal.SIGINT), ("odd", 2, 1, signal.SIGUSR2), ("odd", 2, 1, "mpirun")]
    for shape, ranks, threads, number in cases:
        attempts[shape] += 1
        process = start(space, shape, ranks, threads)
        targets = [process.pid] if not ranks else [rank_process(process, rank) for rank in range(ranks)]
        for target in targets:
            masks(target)
        if number == "mpirun":  # it passes USR1 on; while it ends it dies of one, so its ranks must be there
            number, written = signal.SIGUSR1, space / f"runs/{shape}/logs/outcome.{attempts[shape]}"
            flood([process.pid], number, lambda: os.path.exists(written))
        else:
            flood(targets, number)
        stopped(space, shape, process, attempts[shape], number,
                f"{number.name} sixty times, {shape} shape, {ranks or 'no'} ranks under mpirun, {threads} thread(s)")
    for shape in SHAPES:
        space.must("checkpoint", "verify", step_directory(space / f"runs/{shape}", checkpoints(space / f"runs/{shape}")[-1]))
    return attempts


def masks(process_id):
    """Every thread, whoever made it, leaves these signals to one; nothing is caught by a handler at all."""
    threads = 0
    for thread, sets in signal_sets(process_id):
        threads += 1
        for number in STOPS:
            check(sets["SigBlk"] & bit(number), f"thread {thread} of {threads} can be interrupted by {number.name}: {sets}")
        check(sets["SigCgt"] & ~LIBRARYS_OWN == 0, f"a handler is installed: SigCgt {sets['SigCgt']:016x}")
    check(threads >= 4, f"only {threads} threads: was this a rank that trains?")


def ignored(space, attempts):
    """nohup ignores SIGHUP, a shell's background SIGINT: they stay ignored, and SIGTERM still saves."""
    process = start(space, "odd", before=["sh", "-c", "trap '' HUP INT; exec \"$@\"", "sh"])
    for thread, sets in signal_sets(process.pid):
        for number in (signal.SIGHUP, signal.SIGINT):
            check(sets["SigIgn"] & bit(number) and not sets["SigBlk"] & bit(number), f"{number.name}, thread {thread}: {sets}")
    step = step_lines(space / "runs/odd")[-1]["step"]
    flood([process.pid], signal.SIGHUP)
    flood([process.pid], signal.SIGINT)
    wait_until(lambda: metrics(space / "runs/odd")[-1]["step"] > step + 1, process, "more steps")
    process.terminate()
    stopped(space, "odd", process, attempts["odd"] + 1, signal.SIGTERM, "SIGTERM after ignored SIGHUP and SIGINT")


class Terminal:
    """A pseudo-terminal that a person would look at: what was written to it."""

    def __init__(self):
        self.said = b""
        self.master, self.slave = pty.openpty()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        try:
            while block := os.read(self.master, 4096):
                self.said += block
        except OSError:
            pass  # the last writer has closed it

    def text(self):
        os.close(self.slave)
        self.reader.join()
        os.close(self.master)
        return self.said.decode()


def at_a_terminal(space):
    """Ctrl-C: mpirun reads nothing from then on, sends SIGTERM a second later and SIGKILL after another; five here, so that
    a busy machine can save. Steps are so short that their lines would fill the pipe: the state is saved all the same.
    Alone, the first one is answered."""
    for ranks in (2, 0):
        directory, terminal = space / f"runs/small{ranks}", Terminal()
        process = subprocess.Popen(command("train", "small.ini", f"--run.name=small{ranks}", ranks=ranks), cwd=space.path,
                                   stdout=terminal.slave, stderr=subprocess.STDOUT, start_new_session=True,
                                   env={**os.environ, "OMPI_MCA_odls_base_sigkill_timeout": "5"})
        STARTED.append(process)
        wait_until(lambda: os.path.exists(f"{directory}/metrics.jsonl") and len(step_lines(directory)) > 5, process, "steps")
        process.send_signal(signal.SIGINT)
        code = process.wait(timeout=60)
        said, written = terminal.text(), outcome(directory, 1)
        last = step_lines(directory)[-1]["step"]
        check(written["exit_code"] == 75 and written["saved_step"] == last == checkpoints(directory)[-1],
              f"Ctrl-C with {ranks} ranks: step {last} is not saved: {written}\n{said[-2000:]}")
        check(f"trireme stop runs/small{ranks}" in said if ranks else code == 75 and "another signal changes nothing" in said,
              f"{ranks} ranks, left with {code}:\n{said[:3000]}")
        say(f"  Ctrl-C, {ranks or 'no'} ranks under mpirun: saved step {last}")


def pending(number):
    """In the child before exec: the signal waits for the program from its first instruction on."""
    def prepare():
        signal.pthread_sigmask(signal.SIG_BLOCK, [number])
        os.kill(os.getpid(), number)
    return prepare


def too_early(space):
    """A signal that arrives before the thread that takes them: train leaves in order, the others end by it."""
    for number in STOPS:
        done = subprocess.run([TRIREME, "train", "odd.ini", "--run.name=early"], cwd=space.path, capture_output=True,
                              text=True, timeout=60, preexec_fn=pending(number), check=False)
        check(done.returncode == 75 and number.name in done.stdout, f"{number.name} at once: {done}")
    check(not checkpoints(space / "runs/early"), "a checkpoint of step 0")
    done = subprocess.run([TRIREME, "generate", "odd.ini", "--prompt", "the"], cwd=space.path, capture_output=True,
                          timeout=60, preexec_fn=pending(signal.SIGTERM), check=False)
    check(done.returncode == -signal.SIGTERM, f"generate: {done}")
    say("  too early: train leaves with 75, generate ends by the signal")


def main():
    with Workspace() as space:
        make_data(space)
        for name, (layers, hidden, heads, sequence, micro) in SHAPES.items():
            space.write(f"{name}.ini", run_file(
                name, model={**tiny_model(layers=layers), "hidden": hidden, "heads": heads, "sequence": sequence},
                data={"train": "data.h5"}, train={"steps": 100000, "global_batch": 4 * micro, "micro_batch": micro},
                checkpoint={"every_steps": 0, "every_minutes": 0}))
        space.write("small.ini", run_file("small", model=tiny_model(layers=2), data={"train": "data.h5"},
                                          train={"steps": 1000000, "global_batch": 4, "micro_batch": 1},
                                          checkpoint={"every_steps": 0, "every_minutes": 0}))
        try:
            attempts = bombardment(space)
            ignored(space, attempts)
            too_early(space)
            at_a_terminal(space)
        finally:
            for process in STARTED:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
