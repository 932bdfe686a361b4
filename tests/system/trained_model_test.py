"""A trained model in use: eval and generate say the same in every layout, and its weights start another run."""

import json
import os
import pty
import subprocess

from support import (Workspace, causes, check, command, logical_tensors, make_data, metrics, run_file, say, step_directory,
                     step_lines, tiny_model)

STEPS = 30
LAYOUTS = [("one rank", 0, []), ("tp2", 2, ["--parallel.tp=2"]), ("pp2", 2, ["--parallel.pp=2"]),
           ("dp2", 2, ["--parallel.dp=2"])]


def run_ini(name, arch, **train):
    return run_file(name, model=tiny_model(arch), data={"train": "data.h5", "valid": "data.valid.h5"},
                    train={"steps": STEPS, "global_batch": 8, "micro_batch": 2, "precision": "fp64", **train},
                    optimizer={"lr": 1e-2}, log={"valid_samples": 7, "valid_every_steps": 20})


def evaluations(space, arch):
    valid = [line for line in metrics(space / f"runs/{arch}") if "valid_loss" in line]
    check([line["step"] for line in valid] == [20, STEPS], f"validations: {valid}")
    for layout, ranks, options in LAYOUTS:
        done = space.must("eval", "run.ini", "--samples", "7", "--json", *options, ranks=ranks)
        found = json.loads(done.stdout)
        check(abs(found["loss"] - valid[-1]["valid_loss"]) <= 1e-12 * found["loss"],
              f"{layout}: loss {found['loss']!r}, in training {valid[-1]['valid_loss']!r}")
        check(found["tokens"] == valid[-1]["valid_tokens"] and found["samples"] == 7, f"{layout}: {found}")
        check(found["checkpoint"].endswith(f"step_{STEPS}"), f"{layout}: not of the newest checkpoint: {found}")
    done = space.must("eval", "run.ini", "--data", "data.h5", "--samples", "3")
    check(f"{valid[-1]['valid_loss']:.6f}" not in done.stdout and "perplexity" in done.stdout, f"--data: {done.stdout}")
    say(f"  eval in {len(LAYOUTS)} layouts: the last valid_loss, {valid[-1]['valid_loss']}")


def texts(space, arch):
    def generate(*options, ranks=0):
        return space.must("generate", "run.ini", "--prompt", "The king", "--max-tokens", "10", *options, ranks=ranks).stdout

    greedy = generate("--temperature", "0")
    check(greedy.startswith("The king") and len(greedy.strip()) > len("The king"), f"greedy: {greedy!r}")
    drawn = generate("--temperature", "1.5", "--top-k", "40", "--seed", "3")
    for layout, ranks, options in LAYOUTS[1:]:
        found = generate("--temperature", "0", *options, ranks=ranks)
        check(found == greedy, f"{layout}: {found!r}, on one rank {greedy!r}")
    again = generate("--temperature", "1.5", "--top-k", "40", "--seed", "3", "--parallel.tp=2", ranks=2)
    check(again == drawn, f"the same seed drew {drawn!r} and {again!r}")
    others = {generate("--temperature", "1.5", "--top-k", "40", "--seed", str(seed)) for seed in (4, 5)}
    check(drawn not in others and drawn != greedy, f"other seeds drew the same: {drawn!r}")
    check(generate("--temperature", "1.5", "--top-k", "1") == greedy, "--top-k 1 is not greedy")
    check(generate("--temperature", "1.5", "--top-p", "0") == greedy, "--top-p 0 is not greedy")
    say(f"  greedy in {len(LAYOUTS)} layouts: {greedy.strip()!r}; drawn: {drawn.strip()!r}")


def answers(space):
    """An answer that the disk does not take ends with 1; a terminal gets no control characters of the model's."""
    prompt = ["generate", "run.ini", "--prompt", "The king\x1b[2J", "--max-tokens", "2", "--temperature", "0"]
    for words in (["eval", "run.ini", "--samples", "1"], prompt):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(command(*words), cwd=space.path, stdout=full, stderr=subprocess.PIPE, text=True,
                                  timeout=120, check=False)
        said = causes(done.stderr)
        check(done.returncode == 1 and len(said) == 1 and "could not be written" in said[0],
              f"{words[0]} > /dev/full left with {done.returncode}: {done.stderr}")
    piped = space.must(*prompt).stdout
    check(piped.startswith("The king\x1b[2J"), f"in a pipe: {piped!r}")
    main_end, terminal = pty.openpty()
    done = subprocess.run(command(*prompt), cwd=space.path, stdout=terminal, stderr=subprocess.PIPE, timeout=120,
                          check=False)
    os.close(terminal)
    shown = os.read(main_end, 4096).decode()
    os.close(main_end)
    check(done.returncode == 0 and shown.startswith("The king\\x1B[2J") and "\x1b" not in shown, f"a terminal: {shown!r}")
    say("  answers: 1 on a full disk, raw in a pipe, escaped on a terminal")


def initial_weights(space, arch):
    """One step with a learning rate that moves nothing leaves the weights of the checkpoint."""
    source = step_directory(space / f"runs/{arch}", STEPS)
    space.write("from.ini", run_file(f"from-{arch}", model={"init_from": source}, data={"train": "data.h5"},
                                     train={"steps": 1, "global_batch": 8, "micro_batch": 2, "precision": "fp64"},
                                     optimizer={"lr": 1e-300, "warmup_steps": 0}))
    done = space.must("train", "from.ini", "--parallel.tp=2", ranks=2)
    check("weights   from" in done.stdout, done.stdout)
    lines = step_lines(space / f"runs/from-{arch}")
    check([(line["step"], line["samples"]) for line in lines] == [(1, 8)], f"did not start at step 0: {lines}")
    ours, theirs = (logical_tensors(path) for path in (source, step_directory(space / f"runs/from-{arch}", 1)))
    check(ours.keys() == theirs.keys(), "other tensors after init_from")
    for (kind, tensor), value in ours.items():
        same = value.tobytes() == theirs[(kind, tensor)].tobytes()
        check(same == (kind == "param"), f"{kind} {tensor} {'is taken over' if same else 'differs'}")
    done = space.run("train", "from.ini", "--run.dir=other", f"--model.hidden=64")
    check(done.returncode in (1, 2) and len(causes(done.stdout + done.stderr)) == 1,
          f"weights of another size: {done.returncode}\n{done.stdout}{done.stderr}")
    say(f"  init_from: the weights, step 0; of another size refused with {done.returncode}: {causes(done.stderr)[0]}")


def main():
    with Workspace() as space:
        make_data(space)
        for arch in ("llama", "gpt2"):
            say(arch)
            space.write("run.ini", run_ini(arch, arch))
            space.must("train", "run.ini")
            evaluations(space, arch)
            texts(space, arch)
            initial_weights(space, arch)
        answers(space)


if __name__ == "__main__":
    main()
