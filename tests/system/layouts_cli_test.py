"""Layouts drawn by a printed seed train like one rank, seen from outside: logged losses and norms, the gradients of
step 1 and the parameters after step 5, within the tolerances of docs/numerics.md. layouts_cli_test.py [LAYOUTS], default
8."""

import os
import random
import shutil
import sys

import numpy as np
from support import (Workspace, check, logical_tensors, make_data, run_file, say, step_directory, step_lines, tiny_model)

SEED = int(os.environ.get("TRIREME_SEED", "1807"))
LAYOUTS = int(sys.argv[1]) if len(sys.argv) > 1 else 8
LAYOUTS_OF_MODEL = 3
STEPS = 5
LR = 1e-3
HEADS = {"gpt2": [(4, 4), (6, 6)], "llama": [(6, 3), (4, 2), (6, 2), (4, 1)]}
DEGREES = [(tp, pp, dp) for tp in (1, 2, 3, 4) for pp in (1, 2, 3, 4) for dp in (1, 2, 3, 4) if 2 <= tp * pp * dp <= 8]


def draw_model(rng, number):
    """What the numbers depend on: everything but the layout."""
    arch = ("gpt2", "llama")[number % 2]
    heads, kv_heads = HEADS[arch][number // 2 % len(HEADS[arch])]
    model = tiny_model(arch, layers=rng.choice([4, 5, 7]), heads=heads, kv_heads=kv_heads, hidden=4 * heads,
                       ffn=rng.choice([24, 30]), sequence=12, vocab=rng.choice([300, 307]), init_std=0.2,
                       tie_embeddings=rng.choice(["true", "false"]), dropout=rng.choice([0, 0.1]))
    return {"model": model, "data": {"train": rng.choice(["data.h5", "masked.h5"])},
            "train": {"steps": STEPS, "global_batch": rng.choice([8, 12]), "precision": "fp64", "dump_gradients": 1},
            "optimizer": {"lr": LR, "eps": 1e-8, "clip": rng.choice([0, 0.5])},
            "checkpoint": {"every_steps": 0, "every_minutes": 0}}


def draw_layout(rng):
    tp, pp, dp = rng.choice(DEGREES)
    schedule = rng.choice(["gpipe", "1f1b", "interleaved"]) if pp > 1 else rng.choice(["gpipe", "1f1b"])
    return {"parallel.tp": tp, "parallel.pp": pp, "parallel.dp": dp, "parallel.schedule": schedule,
            "parallel.chunks": rng.choice([2, 2, 3]) if schedule == "interleaved" else rng.choice([1, 1, 1, 2]),
            "parallel.sequence_parallel": rng.choice(["true", "false"]), "parallel.zero": rng.choice([0, 1]),
            "train.recompute": rng.choice(["none", "selective", "full"]), "train.micro_batch": rng.choice([1, 1, 2])}


def words(values):
    return " ".join(f"{key.split('.')[-1]}={value}" for key, value in values.items())


def train(space, name, layout, ranks):
    options = [f"--{key}={value}" for key, value in layout.items()]
    return space.run("train", "model.ini", f"--run.dir={name}", *options, ranks=ranks, timeout=120)


def read_run(directory):
    """Logged (loss, norm) of each step, gradients of step 1, parameters at the end."""
    lines = [(line["loss"], line["grad_norm"]) for line in step_lines(directory)]
    check(len(lines) == STEPS, f"{directory} logged {len(lines)} steps")
    gradients = logical_tensors(os.path.join(directory, "gradients", "step_1"))
    state = logical_tensors(step_directory(directory, STEPS))
    return lines, gradients, {key: value for key, value in state.items() if key[0] == "param"}


def compare(reference, ours, where):
    """Largest shares of the allowed differences in (numbers, gradients, parameters)."""
    shares = [0.0, 0.0, 0.0]
    for step, (expected, found) in enumerate(zip(reference[0], ours[0]), 1):
        for name, a, b in zip(("loss", "norm"), expected, found):
            shares[0] = max(shares[0], abs(a - b) / (1e-12 * abs(a)))
            check(abs(a - b) <= 1e-12 * abs(a), f"{where}: {name} of step {step} is {b!r}, on one rank {a!r}")
    norm = reference[0][0][1]
    for part, allowed in ((1, lambda a: 1e-11 * np.abs(a).max() + 1e-15 * norm), (2, lambda a: 1e-8 * LR * STEPS)):
        check(reference[part].keys() == ours[part].keys() and len(ours[part]) > 0, f"{where}: other tensors stored")
        for key, a in reference[part].items():
            b = ours[part][key]
            check(a.shape == b.shape and a.dtype == b.dtype == np.float64, f"{where}: {key} has another shape or type")
            difference = np.abs(a - b).max()
            shares[part] = max(shares[part], difference / allowed(a))
            check(difference <= allowed(a), f"{where}: {key} differs by {difference}, allowed {allowed(a)}")
    return shares


def main():
    say(f"seed {SEED}")
    rng = random.Random(SEED)
    worst, done, refused, number = [0.0, 0.0, 0.0], 0, 0, 0
    with Workspace() as space:
        make_data(space, words=3000)
        make_data(space, words=3000, name="masked", masked=True)
        while done < LAYOUTS:
            sections = draw_model(rng, number)
            number += 1
            space.write("model.ini", run_file("model", **sections))
            alone = train(space, "alone", {"train.micro_batch": 2}, 1)
            check(alone.returncode == 0, f"one rank left with {alone.returncode}:\n{alone.stdout}{alone.stderr}")
            reference = read_run(space / "alone")
            say(f"model {number}: {words(sections['model'])} {sections['data']['train']} "
                f"global_batch={sections['train']['global_batch']} clip={sections['optimizer']['clip']}")
            for _ in range(LAYOUTS_OF_MODEL):
                while True:
                    layout = draw_layout(rng)
                    ranks = layout["parallel.tp"] * layout["parallel.pp"] * layout["parallel.dp"]
                    run = train(space, "layout", layout, ranks)
                    if run.returncode != 2:
                        break
                    refused += 1
                    causes = [line for line in (run.stdout + run.stderr).splitlines() if line.startswith("trireme:")]
                    check(len(causes) == 1, f"{words(layout)}: not one sentence:\n{run.stdout}{run.stderr}")
                    say(f"  refused {words(layout)}\n    {causes[0]}")
                check(run.returncode == 0, f"{words(layout)} left with {run.returncode}:\n{run.stdout}{run.stderr}")
                shares = compare(reference, read_run(space / "layout"), words(layout))
                worst = [max(a, b) for a, b in zip(worst, shares)]
                done += 1
                say(f"  equal   {words(layout)}")
                shutil.rmtree(space / "layout")
                if done == LAYOUTS:
                    break
            shutil.rmtree(space / "alone")
    say(f"{done} layouts of {number} models equal one rank, {refused} draws refused; largest shares of what is allowed: "
        f"loss and norm {worst[0]:.2g}, gradients {worst[1]:.2g}, parameters {worst[2]:.2g}")


if __name__ == "__main__":
    main()
