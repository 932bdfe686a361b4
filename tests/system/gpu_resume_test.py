"""On a GPU: a run that is stopped and resumed goes on in the same numbers as an undisturbed one, and ends in the same bytes.
Skipped where no GPU is visible."""

import sys

from support import Workspace, causes, check, make_data, run_file, say, step_lines, tiny_model, without_timing


def main():
    with Workspace() as space:
        make_data(space)
        space.write("run.ini", run_file("run", model=tiny_model(dropout=0.1), data={"train": "data.h5"},
                                        train={"steps": 6, "global_batch": 4, "micro_batch": 2, "device": "cuda",
                                               "deterministic": "true"},
                                        optimizer={"lr_schedule": "constant", "warmup_steps": 0},
                                        checkpoint={"every_steps": 3}))
        straight = space.run("train", "run.ini", "--run.dir=straight")
        if straight.returncode == 2 and "no GPU visible" in straight.stderr:
            say(f"skipped: {causes(straight.stderr)[0]}")
            sys.exit(77)
        check(straight.returncode == 0, f"train on a GPU left with {straight.returncode}:\n{straight.stdout}{straight.stderr}")
        space.must("train", "run.ini", "--run.dir=halved", "--train.steps=3")
        space.must("train", "run.ini", "--run.dir=halved")
        lines = [[without_timing(line) for line in step_lines(space / name)] for name in ("straight", "halved")]
        check(lines[0] == lines[1], f"logged numbers differ:\n{lines[0]}\n{lines[1]}")
        said = space.must("checkpoint", "diff", "straight/checkpoints/step_6", "halved/checkpoints/step_6").stdout
        check("equal, bit for bit" in said, f"the last checkpoints differ:\n{said}")
        say("saved from the GPU and restored to it: the same numbers, the same bytes")


if __name__ == "__main__":
    main()
