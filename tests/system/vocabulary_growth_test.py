"""A vocabulary that grows: on resume and from model.init_from, in another layout; old rows as saved, new rows as a run of
the larger vocabulary starts with; refused without permission; never smaller."""

import numpy as np
from support import (Workspace, causes, check, logical_tensors, make_data, run_file, say, step_directory, step_lines,
                     tiny_model)

VOCAB, GROWN = 300, 317
STILL = ["--optimizer.lr=1e-300", "--optimizer.min_lr=0"]  # no step changes an fp64 parameter


def refused(space, *arguments):
    done = space.run("train", "run.ini", *arguments)
    check(done.returncode == 2, f"{arguments} left with {done.returncode}:\n{done.stdout}{done.stderr}")
    said = causes(done.stdout + done.stderr)
    check(len(said) == 1, f"{arguments}: not one sentence:\n{done.stdout}{done.stderr}")
    return said[0]


def check_grown(saved, grown, fresh, tensors, where):
    for (kind, name), value in grown.items():
        if kind != "param":
            continue
        old = saved[("param", name)]
        rows = len(old)
        check(np.array_equal(value[:rows], old), f"{where}: {name} is not what was saved")
        if name in tensors:
            check(value.shape[0] == GROWN, f"{where}: {name} has {value.shape[0]} rows")
            new, initial = value[rows:], fresh[("param", name)][rows:]
            check(np.array_equal(new, initial), f"{where}: new rows of {name} do not start as in a new run")
            check(np.abs(new).max() > 0, f"{where}: new rows of {name} are zero")
        else:
            check(value.shape == old.shape, f"{where}: {name} changed its shape")


def main():
    with Workspace() as space:
        make_data(space, words=3000, vocab=VOCAB)
        for arch, tied in (("llama", "false"), ("gpt2", "true")):
            tensors = ["embed.tokens"] if tied == "true" else ["embed.tokens", "head.weight"]
            permission = ", ".join(f"grow:{name}" for name in tensors)
            space.write("run.ini", run_file("run", model=tiny_model(arch, tie_embeddings=tied), data={"train": "data.h5"},
                                            train={"global_batch": 8, "micro_batch": 2, "precision": "fp64"},
                                            optimizer={"lr": 1e-2, "warmup_steps": 0, "weight_decay": 0}))
            run, fresh = space / f"{arch}/run", space / f"{arch}/fresh"
            space.must("train", "run.ini", f"--run.dir={run}", "--train.steps=3", "--parallel.tp=2", ranks=2)
            saved = logical_tensors(step_directory(run, 3))
            check(len(saved[("param", "embed.tokens")]) == VOCAB, "the run's vocabulary is not the dataset's")
            space.must("train", "run.ini", f"--run.dir={fresh}", "--train.steps=1", f"--model.vocab={GROWN}", *STILL)
            initial = logical_tensors(step_directory(fresh, 1))

            more = [f"--run.dir={run}", "--train.steps=4", f"--model.vocab={GROWN}"]
            sentence = refused(space, *more)
            check(f"checkpoint.allow = {permission}" in sentence, f"no permission is named: {sentence}")
            sentence = refused(space, f"--run.dir={space / arch}/tuned", "--train.steps=1", f"--model.vocab={GROWN}",
                               f"--model.init_from={step_directory(run, 3)}")
            check("grow:" in sentence and f"{VOCAB} rows in the checkpoint" in sentence, f"no permission: {sentence}")

            tuned = space / f"{arch}/tuned-allowed"
            done = space.must("train", "run.ini", f"--run.dir={tuned}", "--train.steps=1", f"--model.vocab={GROWN}",
                              f"--model.init_from={step_directory(run, 3)}", f"--checkpoint.allow={permission}",
                              "--parallel.pp=2", *STILL, ranks=2)
            check(f"grown     param embed.tokens from {VOCAB} to {GROWN} rows" in done.stdout, done.stdout)
            check_grown(saved, logical_tensors(step_directory(tuned, 1)), initial, tensors, f"{arch} init_from")

            done = space.must("train", "run.ini", *more, f"--checkpoint.allow={permission}", "--parallel.dp=2",
                              "--parallel.zero=1", *STILL, ranks=2)
            check(f"changed   model.vocab: {VOCAB} -> {GROWN}" in done.stdout, done.stdout)
            grown = logical_tensors(step_directory(run, 4))
            check_grown(saved, grown, initial, tensors, f"{arch} resume")
            check(grown[("adam_m", "embed.tokens")].shape[0] == GROWN, "Adam's moments did not grow")
            check([line["step"] for line in step_lines(run)] == [1, 2, 3, 4], "the resumed run logged other steps")

            sentence = refused(space, f"--run.dir={run}", "--train.steps=5", f"--model.vocab={GROWN - 1}",
                               f"--checkpoint.allow={permission}")
            check("cannot shrink" in sentence, f"not the reason: {sentence}")
            say(f"{arch}, tied {tied}: grown from {VOCAB} to {GROWN} on resume and from init_from, refused without leave")


if __name__ == "__main__":
    main()
