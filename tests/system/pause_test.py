"""Ends before the last step that the options ask for: run.pause_at and train.stop_when, with a SIGKILL in between."""

import json
import os
import signal

from support import (Workspace, attempts, check, checkpoints, make_data, metrics, outcome, run_file, say, step_directory,
                     step_lines, tiny_model, wait_until, without_timing)

STEPS, VALID_EVERY = 15, 3


def write(space, name, **train):
    space.write(f"{name}.ini", run_file(name, model=tiny_model(layers=2, dropout=0.1),
                                        data={"train": "data.h5", "valid": "data.valid.h5"},
                                        train={"steps": STEPS, "global_batch": 4, "micro_batch": 1, "precision": "fp64", **train},
                                        optimizer={"lr": 1e-2, "warmup_steps": 3, "lr_schedule": "cosine"},
                                        checkpoint={"every_steps": 2, "keep": 3},
                                        log={"valid_every_steps": VALID_EVERY, "valid_samples": 8}))
    return f"{name}.ini", space / f"runs/{name}"


def lines(directory):
    return [without_timing(line) for line in metrics(directory)]


def state(space, directory):
    return json.loads(space.must("status", "--json", directory).stdout)["runs"][0]["state"]


def kill_after(space, directory, step, *arguments):
    """SIGKILL to everything once `step` is logged."""
    process = space.start("train", *arguments, ranks=2, STEP_SECONDS=0.3)
    wait_until(lambda: os.path.exists(os.path.join(directory, "metrics.jsonl")) and
               any(line["step"] >= step for line in step_lines(directory)), process, f"step {step}")
    os.killpg(process.pid, signal.SIGKILL)
    check(process.wait() == -signal.SIGKILL, "the attempt ended before it was killed")


def paused(space, directory, step, attempt, *arguments):
    done = space.run("train", *arguments, ranks=2)
    written = outcome(directory, attempt)
    check(written["exit_code"] == 75 and written["reason"] == f"paused at step {step}" and not written["come_back"],
          f"outcome {written}:\n{done.stdout}{done.stderr}")
    check(written["step"] == written["saved_step"] == step, f"outcome {written}")
    check(done.returncode == 75, f"left with {done.returncode}:\n{done.stdout}{done.stderr}")
    check(checkpoints(directory)[-1] == step, f"paused at {step} with checkpoints {checkpoints(directory)}")
    check(state(space, directory) == "paused", f"status says {state(space, directory)}")
    return done


def pauses(space, straight):
    ini, run = write(space, "paused")
    paused(space, run, 5, 1, ini, "--run.pause_at=5")
    with open(os.path.join(run, "run.ini"), encoding="utf-8") as file:
        check("pause_at = 0" in file.read(), "the run's own file would pause again")
    recorded = attempts(run)
    for attempt, step in ((2, 5), (2, 4)):
        again = paused(space, run, 5, attempt, ini, f"--run.pause_at={step}")
        check("parameters" not in again.stdout, f"the model was built for nothing:\n{again.stdout}")
    check(attempts(run) == recorded, "an attempt that had nothing to do is in the ledger")
    kill_after(space, run, 7, ini, "--run.pause_at=9")
    check(state(space, run) == "dead", f"status says {state(space, run)}")
    paused(space, run, 9, 3, ini, "--run.pause_at=9")
    check(any(line["step"] == 9 and "valid_loss" in line for line in metrics(run)), "no validation before the pause")
    space.must("train", ini, ranks=2)
    check(lines(run) == lines(straight), f"logged numbers differ:\n{lines(run)}\n{lines(straight)}")
    done = space.must("train", ini, "--run.pause_at=4", ranks=2)
    check(f"all {STEPS} steps were done before" in done.stdout, done.stdout)
    say(f"paused at 5 and 9, killed between them: the same {STEPS} steps as a run without a pause")


def ended_early(space, directory, step, attempt, *arguments):
    done = space.must("train", *arguments, ranks=2)
    written = outcome(directory, attempt)
    check(written["exit_code"] == 0 and written["reason"].startswith("done early: "), f"outcome {written}:\n{done.stdout}")
    check(written["step"] == written["saved_step"] == step, f"outcome {written}")
    check(os.path.isdir(step_directory(directory, step)), f"no checkpoint of step {step}: {checkpoints(directory)}")
    check(state(space, directory) == "done", f"status says {state(space, directory)}")
    return written["reason"]


def reaches_target(space, straight):
    losses = {line["step"]: line["valid_loss"] for line in metrics(straight) if "valid_loss" in line}
    check(all(losses[step] > losses[9] for step in (3, 6)), f"the losses do not fall: {losses}")
    ini, run = write(space, "target", stop_when=f"target {losses[9]!r}")
    kill_after(space, run, 7, ini)
    reason = ended_early(space, run, 9, 2, ini)
    check(lines(run) == [line for line in lines(straight) if line["step"] <= 9], "logged numbers differ")
    # As if it had been killed after its last checkpoint: no end in the ledger.
    ledger = attempts(run)
    with open(os.path.join(run, "attempts.jsonl"), "w", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in ledger[:-1])
    check(ended_early(space, run, 9, 3, ini) == reason, "another reason")
    check(attempts(run)[-1]["last_step"] == 9, f"it trained on: {attempts(run)}")
    space.must("train", ini, "--train.stop_when=", ranks=2)
    check(lines(run) == lines(straight), "without the rule the run is another one")
    say(f"killed, resumed and ended at step 9 ({reason}); without the rule it went on to step {STEPS}")


def reaches_plateau(space):
    """A learning rate that changes nothing: every validation is the first one again."""
    ini, run = write(space, "plateau", stop_when="plateau 2")
    flat = ["--optimizer.lr=1e-30", "--optimizer.min_lr=0"]
    kill_after(space, run, 7, ini, *flat)
    ended_early(space, run, 9, 2, ini, *flat)
    ended_early(space, run, 9, 3, ini, *flat)
    ended_early(space, run, 12, 4, ini, *flat, "--train.stop_when=plateau 3")
    ended_early(space, run, 12, 5, ini, *flat)
    refused = space.run("train", ini, "--data.valid=", ranks=2)
    check(refused.returncode == 2 and "data.valid" in refused.stderr, f"{refused.returncode}: {refused.stderr}")
    say("killed, resumed and ended at the second validation without a lower loss; a longer plateau went on")


def main():
    with Workspace() as space:
        make_data(space)
        ini, straight = write(space, "straight")
        space.must("train", ini, ranks=2)
        pauses(space, straight)
        reaches_target(space, straight)
        reaches_plateau(space)


if __name__ == "__main__":
    main()
