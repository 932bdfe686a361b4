"""Requests by control files, the job's time limit, and what `trireme status` makes of it all."""

import json
import os
import time

from support import (Workspace, attempts, causes, check, checkpoints, make_data, outcome, run_file, say, step_lines,
                     tiny_model, wait_until)

RUN = "runs/long"
HANDFUL = 50


def long_ini(steps):
    return run_file("long", model=tiny_model(layers=2), data={"train": "data.h5"},
                    train={"steps": steps, "global_batch": 4, "micro_batch": 2},
                    checkpoint={"every_steps": 0, "every_minutes": 0})


def start(space, number):
    """Starts an attempt and waits until it has logged a step of its own."""
    before = step_lines(space / RUN)[-1]["step"] if os.path.exists(space / f"{RUN}/metrics.jsonl") else 0
    process = space.start("train", "long.ini", ranks=2, output=f"attempt{number}.txt")

    def stepped():
        try:
            return step_lines(space / RUN)[-1]["step"] > before
        except (FileNotFoundError, IndexError, ValueError):
            return False

    wait_until(stepped, process, f"a step of attempt {number}")
    return process


def status(space, *directories, environment=None):
    done = space.must("status", "--json", *directories, environment=environment)
    return {run["run"]: run for run in json.loads(done.stdout)["runs"]}


def save_and_stop(space):
    process = start(space, 1)
    check(status(space)["long"]["state"] == "running", f"status: {status(space)}")
    said = space.must("save", RUN).stdout
    check("is running" in said, f"save said {said}")
    wait_until(lambda: checkpoints(space / RUN), process, "the save that was asked for")
    wait_until(lambda: not os.path.exists(space / f"{RUN}/control/save"), process, "the end of the request")
    saved = checkpoints(space / RUN)
    wait_until(lambda: step_lines(space / RUN)[-1]["step"] > saved[-1] + 50, process, "steps after the save")
    check(checkpoints(space / RUN) == saved, "more than one save for one request")
    check("is running" in space.must("stop", RUN).stdout, "stop does not say that it runs")
    code = process.wait(timeout=60)
    written = outcome(space / RUN, 1)
    check(code == 75 and written["exit_code"] == 75, f"left with {code}: {written}")
    check(written["come_back"] is False and "request" in written["reason"], f"outcome {written}")
    check(written["saved_step"] == written["step"] == checkpoints(space / RUN)[-1], f"not saved: {written}")
    run = status(space)["long"]
    check(run["state"] == "stopped" and "request" in run["note"], f"status after a stop: {run}")
    say(f"save and stop: {written['reason']} at step {written['step']}")


def stays_stopped(space):
    """The seconds that an attempt takes which starts and ends at once."""
    began = time.monotonic()
    done = space.run("train", "long.ini", ranks=2)
    seconds = time.monotonic() - began
    check(done.returncode == 75 and not causes(done.stdout + done.stderr), f"started in spite of the stop: {done}")
    check(outcome(space / RUN, 2)["come_back"] is False, f"would come back: {outcome(space / RUN, 2)}")
    said = space.must("resume", RUN).stdout
    check("the stop was lifted" in said and f"mpirun -n 2 trireme train {RUN}/run.ini" in said, f"resume said {said}")
    check("no stop" in space.must("resume", RUN).stdout, "a second resume lifted something")
    say("stays stopped until resume")
    return seconds


def time_limit(space, start_seconds):
    """A job with little time: it trains until a save and the margin would no longer fit."""
    end = time.time() + 18 + 3 * start_seconds
    job = {"SLURM_JOB_ID": "4711", "SLURM_JOB_END_TIME": str(int(end)), "SLURM_JOB_PARTITION": "low"}
    done = space.run("train", "long.ini", ranks=2, environment=job)
    left = end - time.time()
    written = outcome(space / RUN, 2)
    check(done.returncode == 75 and written["reason"] == "stopped before the time limit", f"{written}\n{done.stdout}")
    check(left > 0 and written["saved_step"] == written["step"] > 0, f"too late or not saved: {written}")
    check(written["come_back"] is True, f"would not come back: {written}")
    first, last = attempts(space / RUN)[-2:]
    check(first["reason"].startswith("next job after it was stopped by"), f"start reason: {first}")
    check(first["partition"] == "low" and last["device_seconds"] > 0 and last["save_seconds"] > 0, f"ledger {last}")
    again = space.run("train", "long.ini", ranks=2, environment={**job, "SLURM_JOB_END_TIME": str(int(time.time()) + 5)})
    check(again.returncode == 75 and "before the time limit" in outcome(space / RUN, 3)["reason"],
          f"a job without time for a step trained: {again.stdout}")
    say(f"time limit: stopped and saved {left:.0f} s before the end; a job of 5 s ends at once")


def refusals(space):
    for name in ("stop", "save", "resume", "status"):
        done = space.run(name, "nowhere")
        check(done.returncode == 2 and "no run directory" in done.stderr, f"{name} nowhere: {done}")
        done = space.run(name, ".")
        check(done.returncode == 2 and "no run directory" in done.stderr, f"{name} of a foreign directory: {done}")
    if os.geteuid() == 0:
        say("as root every directory can be written: stop without rights is not tried")
    else:
        os.makedirs(space / "closed/logs")
        os.chmod(space / "closed", 0o555)
        done = space.run("stop", "closed")
        check(done.returncode == 1 and "may not write" in done.stderr, f"stop without rights: {done}")
        os.chmod(space / "closed", 0o755)
    say("refusals: one sentence each")


def many_runs(space):
    """Fifty runs with long logs, and what may lie around in a run directory."""
    line = json.dumps({"step": 7, "time": 1700000100.0, "loss": 2.5, "seconds": 0.5, "tokens_per_second": 1e4})
    begin = {"event": "start", "attempt": 1, "time": 1700000000.0, "run_id": "x", "reason": "first start", "job": "12",
             "layout": "tp1", "ranks": 4, "gpus": True, "steps": 100, "first_step": 0}
    for i in range(HANDFUL):
        space.write(f"many/runs/r{i:02}/attempts.jsonl", json.dumps(begin) + "\n")
        space.write(f"many/runs/r{i:02}/metrics.jsonl", (line + "\n") * 5000 + '{"step": 8, "lo')
    for name, text in (("attempts.jsonl", '{"event": "start", "attempt": "one"}\n[1]\n'), ("metrics.jsonl", "\0\xff\n"),
                       ("lease", "{}"), ("run.ini", "[what\n"), ("control/stop", "{")):
        space.write(f"many/runs/torn/{name}", text)
    os.makedirs(space / "many/runs/odd/attempts.jsonl")
    os.makedirs(space / "many/runs/odd/control/stop")
    os.makedirs(space / "many/runs/foreign")
    names = [f"many/runs/{name}" for name in sorted(os.listdir(space / "many/runs")) if name != "foreign"]
    began = time.monotonic()
    runs = status(space, *names, environment={"PATH": "/nowhere", "XDG_CACHE_HOME": space / "cache"})
    seconds = time.monotonic() - began
    check(len(runs) == HANDFUL + 2, f"{len(runs)} runs")
    check(runs["r07"]["state"] == "dead" and runs["r07"]["loss"] == 2.5, f"{runs['r07']}")
    check(abs(runs["r07"]["device_hours"] - 4 * 100 / 3600) < 1e-6, f"hours of a killed attempt: {runs['r07']}")
    check(runs["torn"]["state"] == "stopped" and runs["odd"]["state"] == "new", f"{runs['torn']}, {runs['odd']}")
    say(f"status of {HANDFUL + 2} runs: {seconds:.3f} s")


def squeue_once(space):
    """A squeue of our own in PATH, which counts its calls."""
    space.write("bin/squeue", "#!/bin/sh\necho call >> calls\necho '12|PENDING|Priority|1:00:00|x|/home'\n")
    os.chmod(space / "bin/squeue", 0o755)
    environment = {"PATH": f"{space / 'bin'}:{os.environ['PATH']}", "XDG_CACHE_HOME": space / "cache2"}
    for _ in range(2):
        run = status(space, "many/runs/r03", environment=environment)["r03"]
        check(run["state"] == "requeued" and run["note"] == "other jobs go first", f"{run}")
        check(run["seconds_left"] > 0, f"no time left: {run}")
    with open(space / "calls", encoding="utf-8") as file:
        check(len(file.readlines()) == 1, "squeue was asked twice within a minute")
    say("squeue is asked once for two looks")


def main():
    with Workspace() as space:
        make_data(space)
        space.write("long.ini", long_ini(10_000_000))
        many_runs(space)
        squeue_once(space)
        refusals(space)
        save_and_stop(space)
        time_limit(space, stays_stopped(space))


if __name__ == "__main__":
    main()
