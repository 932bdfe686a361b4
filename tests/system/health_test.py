"""Bad batches, corrupted replicas, slow ranks, the best checkpoint: what docs/health.md promises, through the command line,
the run directory, and the memory of the ranks."""

import contextlib
import itertools
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time

import numpy as np

from support import (SOURCE, Workspace, attempts, causes, check, checkpoints, english, logical_tensors, make_data, metrics, outcome,
                     rank_process, run_file, say, session_processes, step_directory, step_lines, tiny_model, wait_until, without_timing)

sys.path.insert(0, os.path.join(SOURCE, "tests", "support"))
from memory import flipped, poke  # noqa: E402

# metrics.jsonl's fields: others read them, so no name changes.
FIELDS = set("""step time tokens samples loss grad_norm lr seconds tokens_per_second peak_share data_wait_seconds compute_seconds
             exposed_communication_seconds saving_seconds host_memory_bytes device_memory_bytes slowest_rank
             slowest_rank_compute_seconds skipped_steps valid_loss valid_tokens sample_prompt sample_text""".split())
LAYOUTS = {"one": (0, {}), "tp2": (2, {"tp": 2}), "pp2": (2, {"pp": 2}), "dp2": (2, {})}


def health(directory):
    """The health lines of the ledger; none before there is one."""
    if not os.path.exists(os.path.join(directory, "attempts.jsonl")):
        return []
    return [line for line in attempts(directory) if line["event"] == "health"]


def losses(directory):
    return [(line["step"], line["loss"], line["grad_norm"]) for line in step_lines(directory)]


def with_noise(space):
    """Data in which a few samples are of another kind than all others."""
    make_data(space)
    noise = "".join(chr(33 + (7 * i * i + 3 * i) % 90) for i in range(300))
    text = english(5000)
    space.write("noisy.txt", text[:9000] + noise + text[9000:])
    space.must("prepare", "--tokenizer", space / "tokenizer.json", "--output", space / "noisy.h5", space / "noisy.txt")


def spiky(space, name, parallel, **train):
    return space.write(f"{name}.ini", run_file(
        name, model=tiny_model(), data={"train": "noisy.h5", **train.pop("data", {})}, parallel=parallel,
        train={"steps": 200, "global_batch": 2, "micro_batch": 1, "spike_score": 7, "spike_window": 24, "precision": "fp64", **train},
        optimizer={"lr": 0.01, "warmup_steps": 5}, checkpoint={"every_steps": 20, "keep": 9},
        log={"every_steps": 50, "valid_every_steps": 0}))


def test_spikes(space):
    """In each layout: batches that are skipped, or left out after a roll-back, change the losses as if they had never been
    there."""
    seen = None
    for layout, (ranks, parallel) in LAYOUTS.items():
        space.must("train", spiky(space, f"skip-{layout}", parallel, on_spike="skip"), ranks=ranks)
        events = health(space / f"runs/skip-{layout}")
        check(len(events) >= 2, f"{layout}: only {len(events)} spikes")
        check({(e["kind"], e["action"]) for e in events} == {("spike", "skipped")}, f"{layout}: {events}")
        check([line["step"] for line in step_lines(space / f"runs/skip-{layout}")] == list(range(1, 201)), "each step once")
        samples = [(e["step"], e["first_sample"], e["last_sample"]) for e in events]
        seen = seen or samples
        check(samples == seen, f"{layout} skipped {samples}, one rank {seen}")

        skip = ", ".join(f"{first}-{last}" for _, first, last in samples)
        space.must("train", spiky(space, f"never-{layout}", parallel, data={"skip": skip}), ranks=ranks)
        check(losses(space / f"runs/never-{layout}") == losses(space / f"runs/skip-{layout}"),
              f"{layout}: a run that never saw the samples has other losses")
        check(not health(space / f"runs/never-{layout}"), "and no events")

        if layout in ("tp2", "pp2") and "--all" not in sys.argv:
            continue  # scripts/soak.sh rolls back in these too
        space.must("train", spiky(space, f"roll-{layout}", parallel, on_spike="rollback"), ranks=ranks)
        rolled = health(space / f"runs/roll-{layout}")
        check([(e["step"], e["first_sample"], e["last_sample"]) for e in rolled] == samples, f"{layout}: {rolled}")
        for event in rolled:
            check(event["action"] == "rolled back" and event["to_step"] == (event["step"] - 1) // 20 * 20, f"{event}")
        check(losses(space / f"runs/roll-{layout}") == losses(space / f"runs/skip-{layout}"),
              f"{layout}: after roll-backs the losses are others")
    say(f"spikes at steps {[step for step, _, _ in seen]}: alike in {', '.join(LAYOUTS)}")


def test_killed_in_between(space):
    """A killed run skips again what it skipped, and what a roll-back left out."""
    layouts = LAYOUTS if "--all" in sys.argv else {"one": LAYOUTS["one"]}
    for layout, policy in itertools.product(layouts, ("skip", "rollback")):
        ranks, parallel = LAYOUTS[layout]
        name = f"killed-{policy}-{layout}"
        file = spiky(space, name, parallel, on_spike=policy)
        directory = space / f"runs/{name}"
        first = health(space / "runs/skip-one")[0]
        process = space.start("train", file, ranks=ranks, STEP_SECONDS=0.03)
        wait_until(lambda: health(directory) and
                   step_lines(directory)[-1]["step"] > first["step"] - 5, process, "a bad batch")
        for pid in session_processes(process):
            os.kill(pid, signal.SIGKILL)
        process.wait()
        check(step_lines(directory)[-1]["step"] < 200, "it was killed too late")
        done = space.must("train", file, f"--train.on_spike={policy}", ranks=ranks)
        check(losses(directory) == losses(space / f"runs/skip-{layout}"), f"{name}: killed and resumed, other losses:\n{done.stdout}")
        check(re.search(rf"skips     samples .*\b{first['first_sample']}-{first['last_sample']}\b", done.stdout) or
              max(s for s in checkpoints(directory)) > first["step"], f"nobody says what is skipped:\n{done.stdout}")
    say(f"killed after a bad batch and resumed in {', '.join(layouts)}: the same losses")


def test_stops(space):
    done = space.run("train", spiky(space, "stops", {}, on_spike="stop"))
    check(done.returncode == 1 and re.search(r"robust z-score", causes(done.stderr)[0]), done.stderr)
    check(health(space / "runs/stops")[-1]["action"] == "stopped", "the ledger does not know")
    check(step_lines(space / "runs/stops")[-1]["step"] == health(space / "runs/stops")[-1]["step"] - 1, "it updated")
    bad = space.run("train", spiky(space, "bad", {}, data={"skip": "7-3"}))
    check(bad.returncode == 2 and "data.skip = 7-3" in bad.stderr, bad.stderr)
    say("train.on_spike = stop ends before the update")


def constant(space, name, ranks, parallel, **train):
    """Steps whose updates are too small to change a bit of the parameters: their bytes can be found in memory."""
    space.write(f"{name}.ini", run_file(
        name, model=tiny_model(), data={"train": "data.h5", **train.pop("data", {})}, parallel=parallel,
        train={"steps": 40, "global_batch": 12, "micro_batch": 1, **train},
        optimizer={"lr": 1e-12, "weight_decay": 0, "lr_schedule": "constant", "warmup_steps": 0},
        checkpoint={"every_steps": 5, "keep": 9, "preflight": "false"}, log={"every_steps": 50, "valid_every_steps": 0}))
    return space / f"{name}.ini"


def disturb(space, name, ranks, rank, change):
    """Starts the run, changes a parameter in one rank's memory between two steps, and waits for its end."""
    directory = space / f"runs/{name}"
    pace = space.write(f"runs/{name}.pace", "0.4")  # until the change is made
    process = space.start("train", space / f"{name}.ini", ranks=ranks, output=f"{name}.log", STEP_SECONDS=0.01)
    wait_until(lambda: os.path.isdir(directory) and 5 in checkpoints(directory), process, "a checkpoint")
    values = logical_tensors(step_directory(directory, 5))[("param", "layers.1.ffn.up.weight")].astype(np.float32)
    # Under tensor parallelism the rank holds the one row or the other.
    check(any(poke(rank_process(process, rank), piece.tobytes(), change(piece.copy()).tobytes())
              for piece in (values[0, :16], values[-1, -16:])), f"{name}: rank {rank} does not hold the tensor")
    os.remove(pace)
    process.wait(timeout=100)
    with open(space / f"{name}.log", encoding="utf-8") as file:
        return process.returncode, file.read()


def not_a_number(piece):
    piece[3] = np.nan
    return piece


def test_not_a_number(space):
    for layout, rank in (("tp2", 1), ("pp2", 0), ("dp2", 1)):
        ranks, parallel = LAYOUTS[layout]
        name = f"nan-{layout}"
        constant(space, name, ranks, parallel, on_nonfinite="rollback")
        code, said = disturb(space, name, ranks, rank, not_a_number)
        check(code == 0, f"{name} left with {code}:\n{said}")
        events = health(space / f"runs/{name}")
        check(len(events) == 1 and events[0]["kind"] == "nonfinite" and events[0]["action"] == "rolled back", f"{events}")
        never = constant(space, f"never-{name}", ranks, parallel,
                         data={"skip": f"{events[0]['first_sample']}-{events[0]['last_sample']}"})
        space.must("train", never, ranks=ranks)
        check(losses(space / f"runs/{name}") == losses(space / f"runs/never-{name}"), f"{name}: other losses")
    constant(space, "nan-skip", 2, {}, on_nonfinite="skip")
    code, said = disturb(space, "nan-skip", 2, 0, not_a_number)
    check(code == 1 and "it is not the data" in said, f"it left with {code}:\n{said}")
    actions = [event["action"] for event in health(space / "runs/nan-skip")]
    check(actions == 5 * ["skipped"] + ["stopped"], f"{actions}")
    constant(space, "nan-stop", 2, {})
    code, said = disturb(space, "nan-stop", 2, 1, not_a_number)
    check(code == 1 and "nothing was updated or saved" in said, f"it left with {code}:\n{said}")
    last = health(space / "runs/nan-stop")[-1]
    check((last["kind"], last["action"]) == ("nonfinite", "stopped"), f"{last}")
    say("a parameter that is not a number: rolled back, and the losses are those of a run that never saw the batch")


def test_corruption(space):
    # Under ZeRO rank 2 holds a copy of this tensor, which the next update renews, and updates others.
    for ranks, bad, parallel, named in ((2, 1, {}, "01"), (3, 1, {}, "1"), (3, 2, {"zero": 1}, "2"), (4, 1, {"tp": 2}, "13")):
        name, certain = f"flip-{ranks}-{bad}", len(named) == 1
        constant(space, name, ranks, parallel, compare_replicas_every=1 if "zero" in parallel else 2)
        code, said = disturb(space, name, ranks, bad, flipped)
        check(code == 0, f"{name} left with {code}:\n{said}")
        events = health(space / f"runs/{name}")
        check(len(events) == 1 and (events[0]["kind"], events[0]["action"]) == ("corruption", "rolled back"), f"{events}")
        check((events[0]["rank"], bool(events[0]["host"])) == ((bad, True) if certain else (-1, False)), f"{events}")
        check(re.findall(r"rank (\d) \(host", events[0]["message"]) == list(named), events[0]["message"])
        check(events[0]["to_step"] < events[0]["step"], f"{events}")
        space.must("train", constant(space, f"never-{name}", ranks, parallel), ranks=ranks)
        check(losses(space / f"runs/{name}") == losses(space / f"runs/never-{name}"), f"{name}: other losses")
    say("a flipped bit is found: of two replicas both are named, of three the one; the losses are those of a sound run")


def test_straggler(space):
    file = constant(space, "slow", 2, {}, straggler_every=4, straggler_seconds=0, straggler_factor=1.8)
    process = space.start("train", file, ranks=2, output="slow.log", STEP_SECONDS=0.05)
    over = threading.Event()

    def hold_up():
        pid = rank_process(process, 1)
        # It runs for moments only, shorter than its part of a step on any machine: so what is held up is its computing.
        with contextlib.suppress(ProcessLookupError):
            while not over.is_set():
                os.kill(pid, signal.SIGSTOP)
                time.sleep(0.03)
                os.kill(pid, signal.SIGCONT)
                time.sleep(0.001)

    wait_until(lambda: os.path.exists(space / "runs/slow/metrics.jsonl"), process, "its first step")
    thread = threading.Thread(target=hold_up)
    thread.start()
    try:
        wait_until(lambda: health(space / "runs/slow"), None, "a straggler", 60)
    finally:
        over.set()
        thread.join()
    check(process.wait(timeout=100) == 0, "the run failed")
    event = health(space / "runs/slow")[0]
    check((event["kind"], event["action"], event["rank"]) == ("straggler", "named", 1) and event["host"], f"{event}")
    slowest = [line["slowest_rank"] for line in step_lines(space / "runs/slow")]
    check(slowest.count(1) > 3, f"the metrics name others: {slowest}")
    say(f"a slow rank is named: {event['message']}")


def test_best_and_samples(space):
    """Trained on one kind of text and validated on another, the loss has a lowest value in between."""
    space.write("other.txt", "".join(chr(97 + (5 * i * i + i) % 26) + " " * (i % 3 == 0) for i in range(3000)))
    space.must("prepare", "--tokenizer", space / "tokenizer.json", "--output", space / "other.h5", space / "other.txt")
    space.write("best.ini", run_file(
        "best", model=tiny_model(), data={"train": "data.h5", "valid": "other.h5"},
        train={"steps": 60, "global_batch": 4, "micro_batch": 2}, optimizer={"lr": 0.01, "lr_schedule": "constant"},
        checkpoint={"every_steps": 0, "every_minutes": 0, "keep": 2, "keep_best": "true"},
        log={"every_steps": 50, "valid_every_steps": 3, "valid_samples": 16, "sample_prompts": 'The king, "A ship, a"', "sample_tokens": 5}))
    space.must("train", "best.ini", ranks=2)
    directory = space / "runs/best"
    validated = {line["step"]: line["valid_loss"] for line in metrics(directory) if "valid_loss" in line}
    best = min(validated, key=lambda step: (validated[step], -step))
    check(0 < best < 55, f"the lowest loss is that of step {best}: {validated}")
    check(best in checkpoints(directory), f"step {best} has the lowest loss, and {checkpoints(directory)} are left")
    space.must("checkpoint", "prune", "--keep", "2", directory)
    check(best in checkpoints(directory), f"prune deleted step {best}: {checkpoints(directory)} are left")
    samples = [line for line in metrics(directory) if "sample_text" in line]
    check(len(samples) == 2 * len(validated), f"{len(samples)} samples at {len(validated)} validations")
    check({line["sample_prompt"] for line in samples} == {"The king", "A ship, a"}, f"{samples[:2]}")
    last = [line for line in samples if line["step"] == 60][0]
    said = space.must("generate", "best.ini", "--prompt", "The king", "--max-tokens", "5", "--temperature", "0.8", "--seed", "1",
                      ranks=2)
    check(said.stdout == "The king" + last["sample_text"] + "\n", f"{said.stdout!r} is not {last!r}")

    before = [without_timing(line) for line in metrics(directory)]
    space.must("train", "best.ini", "--run.dir=runs/plain", "--log.sample_prompts=", "--checkpoint.keep_best=false", ranks=2)
    plain = [without_timing(line) for line in metrics(space / "runs/plain")]
    check([line for line in before if "sample_text" not in line] == plain, "samples change the training")
    refused = space.run("train", "best.ini", "--data.valid=", "--run.dir=runs/none", "--log.valid_every_steps=0")
    check(refused.returncode == 2 and "checkpoint.keep_best" in refused.stderr, refused.stderr)
    say(f"the checkpoint with the lowest validation loss (step {best}) stays; samples are as generate writes them")


def test_who_is_to_blame(space):
    """What rank 0 alone meets is told with its node, which the next attempt of a job may leave out. A full disk is nobody's
    fault."""
    file = constant(space, "alone", 2, {})
    process = space.start("train", file, ranks=2, STEP_SECONDS=0.05)
    wait_until(lambda: os.path.exists(space / "runs/alone/metrics.jsonl"), process, "its first step")
    resource.prlimit(rank_process(process, 0), resource.RLIMIT_FSIZE, (4000, 4000))
    check(process.wait(timeout=60) == 1, "a rank that cannot write goes on")
    reason = outcome(space / "runs/alone", 1)["reason"]
    check(reason.startswith(f"failed on {socket.gethostname()}: ") and "File too large" in reason, reason)

    os.makedirs(space / "runs/full")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "none", space / "runs/full"], check=True)
    try:
        full = space.run("train", constant(space, "full", 2, {}), ranks=2)
        check(full.returncode == 1, f"left with {full.returncode}: {full.stdout}{full.stderr}")
        reasons = [line["reason"] for line in attempts(space / "runs/full") if line["event"] == "end"]
        check(reasons == [] or reasons[0].startswith("failed: "), f"{reasons}")
        left = [name for name in os.listdir(space / "runs/full/logs")] if os.path.isdir(space / "runs/full/logs") else []
        for name in left:
            check("failed on" not in outcome(space / "runs/full", name.rpartition(".")[2])["reason"], name)
        check("No space left" in full.stdout + full.stderr, full.stderr)
    finally:
        subprocess.run(["umount", space / "runs/full"], check=True)
        os.rmdir(space / "runs/full")
    say(f"rank 0 alone: {reason[:60]}…; a full disk names no node")


def test_fields_are_documented(space):
    """docs/metrics.md names each field that the runs above wrote, and no other."""
    with open(os.path.join(SOURCE, "docs", "metrics.md"), encoding="utf-8") as file:
        rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", file.read(), re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    written = set()
    for name in os.listdir(space / "runs"):
        for line in metrics(space / f"runs/{name}"):
            written |= set(line)
    check(documented == FIELDS, f"names that are fixed changed: {documented ^ FIELDS}")
    elsewhere = {"device_memory_bytes", "skipped_steps"}  # on GPUs; with masked targets (masked_batches_test)
    check(written == documented - elsewhere, f"not documented: {written - documented}; not written: {documented - written}")
    parts = ["data_wait_seconds", "compute_seconds", "exposed_communication_seconds"]
    for line in step_lines(space / "runs/skip-tp2"):
        total = sum(line[part] for part in parts)
        # Means over two ranks; saving counts what lies between the steps too.
        check(0.3 * line["seconds"] < total < 3 * line["seconds"], f"{total} s of {line}")
        check(line["host_memory_bytes"] > 30e6 and line["slowest_rank"] in (0, 1), f"{line}")
    say(f"{len(documented)} fields of metrics.jsonl are documented and written")


def main():
    with Workspace() as space:
        with_noise(space)
        for test in (test_spikes, test_killed_in_between, test_stops, test_not_a_number, test_corruption, test_straggler,
                     test_best_and_samples, test_who_is_to_blame, test_fields_are_documented):
            test(space)


if __name__ == "__main__":
    main()
