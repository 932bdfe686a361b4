"""Ends that come at awkward moments: a stop while the job starts or validates, and a failure that only one rank meets."""

import os
import shutil
import signal
import subprocess

from support import (TRIREME, Workspace, at_once, attempts, causes, check, checkpoints, make_data, metrics, outcome, rank_process,
                     rank_processes, run_file, say, step_lines, tiny_model, wait_until, without_timing)


def stop(process, rank, name="SIGTERM"):
    os.kill(rank_process(process, rank), getattr(signal, name))
    return process.wait(timeout=60)


def text_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def while_it_starts(space):
    """So many weights that drawing them takes a while; the lease is there from before."""
    space.write("start.ini", run_file("start", model=tiny_model(layers=1, hidden=512, vocab=60000),
                                      data={"train": "data.h5"}, train={"steps": 1, "global_batch": 2, "micro_batch": 1},
                                      checkpoint={"every_steps": 0, "every_minutes": 0}))
    process = space.start("train", "start.ini", ranks=2, output="start.txt", START_SECONDS=5)
    started = []

    def second_rank():
        started[:] = rank_processes(process, 1)
        return started

    wait_until(second_rank, process, "rank 1")
    wait_until(lambda: os.path.exists(space / "runs/start/lease"), process, "the lease")
    os.kill(started[0], signal.SIGTERM)
    code = process.wait(timeout=60)
    said = text_of(space / "start.txt")
    written = outcome(space / "runs/start", 1)
    check(code == 75 and not causes(said), f"a stop while starting left with {code}:\n{said}")
    check(written["exit_code"] == 75 and written["step"] == 0 and written["saved_step"] == 0, f"outcome {written}")
    check("SIGTERM" in written["reason"] and ("before" in written["reason"] or "after" in written["reason"]),
          f"the stop was honoured, but not in the start: {written}")
    check(not checkpoints(space / "runs/start"), "a checkpoint of step 0")
    check(not os.path.exists(space / "runs/start/lease"), "a lease was left")
    say(f"while it starts: {written['reason']}")


def while_it_validates(space):
    """A validation that takes far longer than a step: it is left, the step saved, and made up for at resume."""
    space.write("valid.ini", run_file("valid", model=tiny_model(layers=2), data={"train": "data.h5", "valid": "big.h5"},
                                      train={"steps": 6, "global_batch": 4, "micro_batch": 1},
                                      checkpoint={"every_steps": 0, "every_minutes": 0},
                                      log={"valid_every_steps": 3, "valid_samples": 0}))
    space.must("train", "valid.ini", "--run.dir=straight", ranks=2)
    for number, step in ((1, 3), (2, 6)):
        process = space.start("train", "valid.ini", "--run.dir=broken", ranks=2, output=f"valid{number}.txt",
                              SLOW_READS="big.h5", STEP_SECONDS=0.3)

        def reached():
            return os.path.exists(space / "broken/metrics.jsonl") and \
                any(line["step"] == step for line in step_lines(space / "broken"))

        wait_until(reached, process, f"step {step}")
        code = stop(process, number % 2)
        written = outcome(space / "broken", number)
        check(code == 75 and written["saved_step"] == step, f"stopped at {step}: {code}, {written}")
        check(("validation" in written["reason"]) == (step == 6), f"reason: {written}")
        check(not any(line["step"] == step and "valid_loss" in line for line in metrics(space / "broken")),
              f"the validation of step {step} went on to its end")
    space.must("train", "valid.ini", "--run.dir=broken", ranks=2)
    lines = [[without_timing(line) for line in metrics(space / name)] for name in ("straight", "broken")]
    check(lines[0] == lines[1], f"logged numbers differ:\n{lines[0]}\n{lines[1]}")
    say("while it validates: left, saved, and made up for by the next attempt; the same numbers")


def one_rank_alone(space):
    """Rank 1 reads a dataset of its own that is cut while it trains; rank 0 notices nothing before it is killed."""
    space.write("alone.ini", run_file("alone", model=tiny_model(layers=2), data={"train": "data.h5"},
                                      train={"steps": 10_000_000, "global_batch": 4, "micro_batch": 1}))
    for place in ("first", "second"):
        os.makedirs(space / place)
        shutil.copy(space / "data.h5", space / place)
        shutil.copy(space / "alone.ini", space / place)
    words = [TRIREME, "train", "alone.ini", f"--run.dir={space / 'alone'}"]
    launch = ["mpirun", "--oversubscribe", "--bind-to", "none", "-wdir", space / "first", "-n", "1", *words,
              ":", "-wdir", space / "second", "-n", "1", *words]
    with open(space / "alone.txt", "w", encoding="utf-8") as out:
        process = subprocess.Popen(launch, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
    metrics_file = space / "alone/metrics.jsonl"
    wait_until(lambda: os.path.exists(metrics_file) and len(step_lines(space / "alone")) > 2, process, "steps")
    os.truncate(space / "second/data.h5", 3000)
    code = process.wait(timeout=60)
    said = text_of(space / "alone.txt")
    check(code == 1 and len(causes(said)) == 1 and "[rank 1]" in causes(said)[0], f"left with {code}:\n{said}")
    written = outcome(space / "alone", 1)
    check(written["exit_code"] == 1 and "[rank 1]" in written["reason"] and written["step"] > 0, f"outcome {written}")
    space.must("train", "alone.ini", f"--run.dir={space / 'alone'}", "--train.steps=1", ranks=1)
    ends = [line for line in attempts(space / "alone") if line["event"] == "end"]
    check(ends[0]["reason"] == written["reason"], f"the ledger knows no reason: {ends[0]}")
    say(f"one rank alone: {written['reason']}")


def main():
    with Workspace() as space:
        make_data(space)
        make_data(space, words=40000, name="big")
        at_once([lambda: while_it_starts(space), lambda: while_it_validates(space), lambda: one_rank_alone(space)])


if __name__ == "__main__":
    main()
