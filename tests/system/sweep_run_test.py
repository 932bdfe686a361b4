"""A sweep of real trainings: the price first, paused trials go on as if they had never been paused, a diverged one stops and
says why, a stop saves and a second call goes on."""

import json
import os
import shutil
import signal
import time

from support import (Workspace, check, make_data, metrics, outcome, run_file, say, step_lines, tiny_model, wait_until,
                     without_timing)

STEPS = 12


def sweep_file(**sweep):
    return run_file("tiny", model=tiny_model(layers=2), data={"train": "data.h5", "valid": "data.valid.h5"},
                    train={"steps": STEPS, "global_batch": 8, "micro_batch": 4}, log={"valid_samples": 8},
                    sweep={"min_steps": 2, "reduction": 2, **sweep})


def log(space, name):
    with open(space / f"sweeps/{name}/sweep.jsonl", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def the_price_comes_first(space):
    space.write("lr.ini", sweep_file(**{"optimizer.lr": "1e-4, 1e-3, 1e-2, 1e30", "name": "lr"}))
    said = space.must("sweep", "run", "lr.ini", "--dry-run").stdout
    check("4 trials of 12 steps" in said and "48 steps in full, about 20 (42%) with early stopping" in said, said)
    check(not os.path.exists(space / "sweeps"), "a dry run made something")
    planned = json.loads(space.must("sweep", "run", "lr.ini", "--dry-run", "--json").stdout)
    check([trial["parameters"]["optimizer.lr"] for trial in planned["trials"]] == ["1e-4", "1e-3", "1e-2", "1e30"], planned)
    for text, words in (("optimizer.lrr = 1, 2", "did you mean optimizer.lr?"), ("model.heads = 4, 3", "trial 1: "),
                        ("trails = 3", "did you mean trials?")):
        space.write("bad.ini", sweep_file() + text + "\n")
        refused = space.run("sweep", "run", "bad.ini")
        check(refused.returncode == 2 and words in refused.stderr, f"{text}: {refused.returncode} {refused.stderr}")


def trials_run_and_pause_and_go_on(space):
    said = space.must("sweep", "run", "lr.ini", "--workers", "2", timeout=300).stdout
    status = json.loads(space.must("sweep", "status", "sweeps/lr", "--json").stdout)
    states = [trial["state"] for trial in status["trials"]]
    check(states[3] == "diverged" and "loss" in status["trials"][3]["note"], f"{status['trials'][3]}")
    check(states.count("done") >= 1 and set(states) == {"done", "paused", "diverged"}, states)
    share = round(100 * status["steps_done"] / status["full_steps"])
    check(f"4 ideas for {share}% of the full price" in said, said)
    best = json.loads(space.must("sweep", "best", "sweeps/lr", "--json").stdout)["best"][0]
    check(states[best["trial"]] == "done", f"the best trial is {states[best['trial']]}")
    paused = best["run_directory"]
    pauses = [event["step"] for event in log(space, "lr") if event["event"] == "result" and event["trial"] == best["trial"]]
    check(pauses == [2, 4, 8, 12], f"measured at {pauses}")
    space.must("train", f"{paused}/trial.ini", "--run.dir=whole", timeout=300)
    check(list(map(without_timing, step_lines(space / paused))) == list(map(without_timing, step_lines(space / "whole"))),
          "a trial that was paused has other losses than one that was not")
    final = [line["valid_loss"] for line in metrics(space / "whole") if line["step"] == STEPS and "valid_loss" in line]
    check(final == [best["results"][-1]["metric"]], f"{final} is not {best['results'][-1]}")
    again = space.must("sweep", "run", "lr.ini").stdout
    check("4 ideas" in again and "starts" not in again, "a sweep that was over did something again: " + again)


def a_stop_saves_and_the_next_call_goes_on(space):
    space.write("stop.ini", sweep_file(**{"optimizer.lr": "1e-3, 1e-2", "name": "stop", "early_stopping": "none", "reduction": 3}
                                       ).replace("min_steps = 2\n", ""))
    run, words = space / "sweeps/stop/trial_0", ["stop.ini", "--log.every_steps=1", "--optimizer.beta2=0.97"]
    for how in ("signal", "command"):
        sweep = space.start("sweep", "run", *words, "--workers", "1", output="stop.txt", STEP_SECONDS=0.3)
        before = len(step_lines(run)) if os.path.exists(f"{run}/metrics.jsonl") else 0
        wait_until(lambda: os.path.exists(f"{run}/metrics.jsonl") and len(step_lines(run)) >= before + 2, sweep, "steps")
        if how == "signal":
            os.kill(sweep.pid, signal.SIGTERM)
        else:
            space.must("sweep", "stop", "sweeps/stop")
        check(sweep.wait(60) == 75, f"the stopped sweep left with {sweep.returncode}")
        with open(space / "stop.txt", encoding="utf-8") as said:
            check(f"to go on: trireme sweep run {' '.join(words)}\n" in said.read(), "the words that go on are others")
        ended = outcome(run, 1 if how == "signal" else 2)
        check(ended["exit_code"] == 75 and ended["saved_step"] == ended["step"] > 0, f"{ended}")
    space.must("sweep", "run", *words, timeout=300)
    steps = [line["step"] for line in step_lines(run)]
    check(steps == list(range(1, STEPS + 1)), f"steps {steps}")
    check(not [event for event in log(space, "stop") if event.get("failed")], "a stop counted as a failure")


def a_second_signal_kills(space):
    program = "trap '' TERM USR1; touch begun.{x}; while true; do sleep 0.2; done"
    space.write("deaf.ini", run_file("deaf", program={"command": program, "stop_seconds": 600},
                                     sweep={"x": "1, 2", "metric": "score", "early_stopping": "none"}))
    sweep = space.start("sweep", "run", "deaf.ini", "--workers", "2", output="deaf.txt")
    wait_until(lambda: os.path.exists(space / "begun.1") and os.path.exists(space / "begun.2"), sweep, "both programs")
    os.kill(sweep.pid, signal.SIGINT)
    wait_until(lambda: "gets SIGTERM" in open(space / "sweeps/deaf/trial_0/logs/sweep.log").read(), sweep, "the first stop")
    os.kill(sweep.pid, signal.SIGINT)
    check(sweep.wait(60) == 75, f"the killed sweep left with {sweep.returncode}")
    check([trial["state"] for trial in json.loads(space.must("sweep", "status", "sweeps/deaf", "--json").stdout)["trials"]]
          == ["waiting", "waiting"], "a killed trial goes on later")


def where_trials_run_is_said_or_follows_from_the_file(space):
    space.write("where.ini", sweep_file(**{"optimizer.lr": "1e-3, 1e-2", "name": "where"}) + "[slurm]\nranks_per_node = 1\n")
    for words, sentence in ((["--local", "--submit"], "exclude each other"),
                            (["--local", "--max-running", "2"], "--max-running is for Slurm jobs"),
                            (["--submit", "--workers", "2"], "--workers is for trials on this machine")):
        refused = space.run("sweep", "run", "where.ini", *words)
        check(refused.returncode == 2 and sentence in refused.stderr, f"{words}: {refused.returncode} {refused.stderr}")
    space.must("sweep", "run", "where.ini", "--local", "--dry-run")
    if shutil.which("sbatch"):  # of a cluster that nobody started
        space.write("empty.conf", "")
        refused = space.run("sweep", "run", "where.ini", environment={"SLURM_CONF": space / "empty.conf", "TRIREME_SITE": "none"})
        check(refused.returncode == 1 and "--local runs the trials on this machine" in refused.stderr, refused.stderr)


def trials_may_have_ranks(space):
    space.write("ranks.ini", sweep_file(**{"optimizer.lr": "1e-3, 1e-2", "name": "ranks"}))
    space.must("sweep", "run", "ranks.ini", "--ranks", "2", "--workers", "1", timeout=300)
    with open(space / "sweeps/ranks/trial_0/attempts.jsonl", encoding="utf-8") as file:
        check(json.loads(file.readline())["ranks"] == 2, "a trial did not have two ranks")


def main():
    with Workspace() as space:
        make_data(space)
        for test in (the_price_comes_first, trials_run_and_pause_and_go_on, a_stop_saves_and_the_next_call_goes_on,
                     a_second_signal_kills, where_trials_run_is_said_or_follows_from_the_file, trials_may_have_ranks):
            started = time.monotonic()
            test(space)
            say(f"{test.__name__}: {time.monotonic() - started:.1f} s")


main()
