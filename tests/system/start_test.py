"""How attempts start, stop, die and go on: signals to one rank, killed ranks, changed options, numbers that stop being
finite, and which checkpoints stay."""

import glob
import json
import os
import re
import signal

from support import (Workspace, attempts, boxes, causes, check, checkpoints, make_data, metrics, outcome, rank_process,
                     run_file, say, step_directory, step_lines, tiny_model, wait_until, without_timing)

STEPS = 400
SAVE_EVERY = 25


def run_ini(name, steps=STEPS, checkpoint=None, **changes):
    train = {"steps": steps, "global_batch": 4, "micro_batch": 2, **changes.pop("train", {})}
    return run_file(name, model=tiny_model(layers=2), data={"train": "data.h5", "valid": "data.valid.h5"}, train=train,
                    checkpoint=checkpoint or {"every_steps": SAVE_EVERY}, **changes)


def lines_of(directory):
    return [without_timing(line) for line in metrics(directory)]


def same_numbers(one, other, what):
    check(lines_of(one) == lines_of(other), f"{what}: logged numbers differ")
    steps = checkpoints(one)[-1], checkpoints(other)[-1]
    check(steps[0] == steps[1], f"{what}: last checkpoints are of steps {steps}")
    first, second = (boxes(step_directory(path, steps[0])) for path in (one, other))
    check(len(first) > 0 and first.keys() == second.keys(), f"{what}: other boxes")
    for key, (_, data) in first.items():
        check(second[key][1].tobytes() == data.tobytes(), f"{what}: {key} differs")


def no_lease(directory):
    check(not os.path.exists(os.path.join(directory, "lease")), f"a lease was left in {directory}")


def alone_and_under_mpirun(space):
    space.write("one.ini", run_ini("one", steps=20))
    space.must("train", "one.ini", "--run.dir=plain")
    space.must("train", "one.ini", "--run.dir=mpirun", ranks=1)
    check(len(step_lines(space / "plain")) == 20, "not every step was logged")
    same_numbers(space / "plain", space / "mpirun", "without mpirun")
    say("started plainly and by mpirun -n 1: the same bits")


def start_attempt(space, directory, number):
    """Starts the long run and waits until this attempt has logged a few steps of its own."""
    before = checkpoints(directory)[-1] if os.path.isdir(directory) and checkpoints(directory) else 0
    process = space.start("train", "long.ini", f"--run.dir={directory}", ranks=2, output=f"attempt{number}.txt",
                          STEP_SECONDS=0.05)  # eight attempts are stopped within the first of 400 steps

    def steps_logged():
        ledger = os.path.join(directory, "attempts.jsonl")
        if not os.path.exists(ledger) or not any(line["attempt"] == number for line in attempts(directory)):
            return False
        try:
            return step_lines(directory)[-1]["step"] >= before + 3
        except (FileNotFoundError, IndexError, ValueError):
            return False  # not there, or a line that is being written

    wait_until(steps_logged, process, f"steps of attempt {number}")
    return process, space / f"attempt{number}.txt"


def stopped_by_signals(space, directory):
    """Attempts 1 to 6: each signal, to rank 0 and to the other one."""
    number = 0
    for name in ("SIGTERM", "SIGINT", "SIGUSR1"):
        for rank in (0, 1):
            number += 1
            process, log = start_attempt(space, directory, number)
            os.kill(rank_process(process, rank), getattr(signal, name))
            code = process.wait(timeout=60)
            with open(log, encoding="utf-8") as file:
                said = file.read()
            what = f"{name} to rank {rank}"
            check(code == 75, f"{what}: left with {code}:\n{said}")
            check(not causes(said), f"{what}: a stop is no failure, but:\n{said}")
            end, written = attempts(directory)[-1], outcome(directory, number)
            check(written["exit_code"] == 75 and name in written["reason"], f"{what}: outcome {written}")
            check(end["event"] == "end" and end["attempt"] == number and name in end["reason"], f"{what}: ledger {end}")
            last = step_lines(directory)[-1]["step"]
            for place in (end["last_step"], end["saved_step"], written["step"], written["saved_step"],
                          checkpoints(directory)[-1]):
                check(place == last, f"{what}: step {place} is not the last one, {last}")
            space.must("checkpoint", "verify", step_directory(directory, last))
            no_lease(directory)
            say(f"  {what}: saved step {last}, 75")
    return number


def killed_ranks(space, directory, number):
    """Two attempts more, each ended by kill -9 of one rank; the steps after the last checkpoint move away."""
    for rank in (1, 0):
        number += 1
        process, _ = start_attempt(space, directory, number)
        os.kill(rank_process(process, rank), signal.SIGKILL)
        code = process.wait(timeout=20)
        check(code not in (0, 75), f"kill -9 of rank {rank}: left with {code}")
        saved, logged = checkpoints(directory)[-1], step_lines(directory)[-1]["step"]
        say(f"  rank {rank} killed at step {logged} after checkpoint {saved}: left with {code}")
        process, _ = start_attempt(space, directory, number + 1)
        os.kill(rank_process(process, 0), signal.SIGTERM)
        check(process.wait(timeout=60) == 75, "could not be stopped after a kill")
        number += 1
        moved = []
        if logged > saved:
            with open(os.path.join(directory, f"metrics.jsonl.{number - 1}"), encoding="utf-8") as file:
                moved = [json.loads(line)["step"] for line in file]
        steps = [line["step"] for line in step_lines(directory)]
        check(moved == list(range(saved + 1, logged + 1)), f"moved away: {moved}, not {saved + 1} to {logged}")
        check(steps == list(range(1, steps[-1] + 1)), "steps are missing or twice in metrics.jsonl")
        killed = [line for line in attempts(directory) if line["event"] == "end" and line["attempt"] == number - 1]
        check(len(killed) == 1 and killed[0]["reason"] == "killed" and killed[0]["last_step"] == logged
              and killed[0]["saved_step"] == saved, f"ledger of a killed attempt: {killed}")
    return number


def stops_and_kills(space):
    space.write("long.ini", run_ini("long"))
    straight, broken = space / "straight", space / "broken"
    space.must("train", "long.ini", f"--run.dir={straight}", ranks=2)
    number = stopped_by_signals(space, broken)
    number = killed_ranks(space, broken, number)
    done = space.must("train", "long.ini", f"--run.dir={broken}", ranks=2)
    check(f"{number + 1}" in done.stdout and "killed" in done.stdout, f"no table of the attempts in\n{done.stdout}")
    same_numbers(straight, broken, "after stops and kills")
    check(outcome(broken, number + 1)["exit_code"] == 0 and outcome(broken, number + 1)["step"] == STEPS, "outcome")
    numbers = [(line["event"], line["attempt"]) for line in attempts(broken)]
    check(numbers == [(event, i) for i in range(1, number + 2) for event in ("start", "end")], f"ledger {numbers}")
    no_lease(broken)
    say(f"{number} stops and kills: {STEPS} steps and the last checkpoint are those of a straight run, bit for bit")


def changed_options(space):
    done = space.must("train", "one.ini", "--run.dir=plain", "--train.steps=22", "--optimizer.lr=1e-3",
                      "--parallel.tp=2", "--checkpoint.keep=7", ranks=2)
    for change in ("train.steps: 20 -> 22", "optimizer.lr: 0.0003 -> 0.001", "parallel.tp: 1 -> 2",
                   "checkpoint.keep: 3 -> 7"):
        check(done.stdout.count(change) == 1, f"'{change}' is not said once in\n{done.stdout}")
    with open(space / "plain/run.ini", encoding="utf-8") as file:
        check("steps = 22" in file.read(), "run.ini is not of the latest attempt")
    check(checkpoints(space / "plain")[-1] == 22, "the resumed run did not reach step 22")
    again = space.must("train", "one.ini", "--run.dir=plain", "--train.steps=22", ranks=1)
    check("step 22" in again.stdout and len(step_lines(space / "plain")) == 22, "a finished run trained again")
    say("changed options are printed, a finished run stays finished")


def not_finite(space):
    space.write("wild.ini", run_ini("wild", steps=20, checkpoint={"every_steps": 1, "keep": 50}))
    done = space.run("train", "wild.ini", "--optimizer.lr=1e30", "--train.precision=fp32",
                     "--optimizer.lr_schedule=constant", ranks=2)
    said = done.stdout + done.stderr
    lines = causes(said)
    check(done.returncode == 1 and len(lines) == 1, f"lr = 1e30 left with {done.returncode}:\n{said}")
    saved = checkpoints(space / "runs/wild")
    step = step_lines(space / "runs/wild")[-1]["step"] + 1
    samples = f"samples {4 * (step - 1)} to {4 * step - 1}"
    check(f"step {step} " in lines[0] and samples in lines[0], f"step {step} or {samples} not in: {lines[0]}")
    check(saved[-1] < step, f"step {step} was not finite, but saved are {saved}")
    written = outcome(space / "runs/wild", 1)
    check(written["exit_code"] == 1 and written["saved_step"] == saved[-1], f"outcome {written}")
    check(attempts(space / "runs/wild")[-1]["reason"].startswith("failed"), "the ledger does not say failed")
    no_lease(space / "runs/wild")
    say(f"not finite: {lines[0]}")


def what_stays(space):
    def saved(name, **checkpoint):
        options = {key.rstrip("_"): value for key, value in checkpoint.items()}  # async is a word of Python's
        space.write("keep.ini", run_ini(name, steps=12, checkpoint=options))
        done = space.must("train", "keep.ini", ranks=2)
        directory = space / f"runs/{name}"
        left = [entry for entry in os.listdir(directory + "/checkpoints") if entry.startswith(".")]
        check(not [e for e in left if e != ".trash" or os.listdir(f"{directory}/checkpoints/.trash")], f"left: {left}")
        return checkpoints(directory), done.stdout

    kept, _ = saved("keep", every_steps=1, keep=2, keep_every=5)
    check(kept == [5, 10, 11, 12], f"keep = 2 and keep_every = 5 left {kept}")
    kept, _ = saved("never", every_steps=0, every_minutes=0)
    check(kept == [12], f"without every_steps and every_minutes: {kept}")
    kept, said = saved("minutes", every_steps=0, every_minutes=1e-6, keep=50, async_="false")
    check(kept == list(range(1, 13)), f"every_minutes = 1e-6 saved {kept}:\n{said}")
    kept, said = saved("beside", every_steps=0, every_minutes=1e-6, keep=50)
    check(kept[-1] == 12 and len(kept) >= 2, f"beside the training every_minutes = 1e-6 saved {kept}:\n{said}")
    for shards in (1, 2):
        saved(f"shards{shards}", shards_per_node=shards)
        found = glob.glob(space / f"runs/shards{shards}/checkpoints/step_12/node_*/shard_*.h5")
        check(len(found) == shards, f"shards_per_node = {shards} wrote {found}")
    say("keep, keep_every, every_minutes and shards_per_node do what docs/options.md says")


def what_is_logged(space):
    space.write("log.ini", run_ini("log", steps=12, log={"every_steps": 5, "valid_every_steps": 4, "valid_samples": 3}))
    done = space.must("train", "log.ini", "--data.tokenizer=tokenizer.json", ranks=2)
    printed = re.findall(r"^step +(\d+)/12", done.stdout, re.MULTILINE)
    check(printed == ["5", "10", "12"], f"log.every_steps = 5 printed {printed}:\n{done.stdout}")
    valid = [(line["step"], line["valid_tokens"]) for line in metrics(space / "runs/log") if "valid_loss" in line]
    check(valid == [(4, 48), (8, 48), (12, 48)], f"validations: {valid}")
    space.must("tokenizer", "train", "--vocab", "280", "--output", space / "other.json", space / "data.txt")
    done = space.run("train", "log.ini", "--run.dir=other", "--data.tokenizer=other.json", ranks=2)
    check(done.returncode == 2 and "other.json" in causes(done.stderr)[0], f"another tokenizer: {done.stderr}")
    say("log.* and data.tokenizer are used")


def main():
    with Workspace() as space:
        make_data(space)
        alone_and_under_mpirun(space)
        stops_and_kills(space)
        changed_options(space)
        not_finite(space)
        what_stays(space)
        what_is_logged(space)


if __name__ == "__main__":
    main()
