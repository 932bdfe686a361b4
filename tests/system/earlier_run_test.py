"""A run of version 0.1, which knew two architectures and 15 keys of a model, goes on: its run.ini and its checkpoint load,
and the steps that follow have the losses and gradient norms that the program of then computed without stopping. The
archive holds such runs (fp64, tp2, dropout), stopped after step 3 of 6, with what steps 4 to 6 gave. Their checkpoints are of format
version 1; what is saved from then on is of version 2, and resumes too."""

import json
import os
import shutil
import tarfile

from support import Workspace, check, say, step_directory, step_lines

ARCHIVE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "earlier", "runs_of_0.1.tar.xz")
LIMIT = 1e-12  # docs/numerics.md: attention adds in another order than then


def expected_lines(path):
    with open(path, encoding="utf-8") as file:
        return {line["step"]: line for line in map(json.loads, file)}


def version_of(directory, step):
    """The format version of a checkpoint, which `trireme checkpoint verify --deep` must find good."""
    path = step_directory(directory, step)
    with Workspace() as space:
        space.must("checkpoint", "verify", "--deep", os.path.abspath(path))
    with open(os.path.join(path, "MANIFEST.json"), encoding="utf-8") as file:
        return json.load(file)["version"]


def main():
    with Workspace() as space:
        with tarfile.open(ARCHIVE) as archive:
            archive.extractall(space.path)
        for arch in ("gpt2", "llama"):
            expected = expected_lines(space / f"{arch}/expected.jsonl")
            for name, options, ranks in (("tp2", [], 2), ("tp1", ["--parallel.tp=1"], 0)):
                copy = f"{arch}-{name}"
                shutil.copytree(space / arch, space / copy)
                check(version_of(space / copy, 3) == 1, f"{copy}: the checkpoint of step 3 is not of version 1")
                said = space.must("train", f"{copy}/run.ini", f"--run.dir={copy}", *options, ranks=ranks).stdout
                check("changed   model." not in said, said)
                steps = {line["step"]: line for line in step_lines(space / copy)}
                check(sorted(steps) == [4, 5, 6], f"{copy}: steps {sorted(steps)} instead of 4 to 6:\n{said}")
                worst = max(abs(steps[step][key] / expected[step][key] - 1)
                            for step in steps for key in ("loss", "grad_norm"))
                check(worst <= LIMIT, f"{copy}: losses and norms are off by {worst:.1e}, allowed {LIMIT:.0e}")
                check(version_of(space / copy, 6) == 2, f"{copy}: the checkpoint of step 6 is not of version 2")
                again = space.must("train", f"{copy}/run.ini", f"--run.dir={copy}", *options, "--train.steps=7", ranks=ranks)
                check("from step 6" in again.stdout and step_lines(space / copy)[-1]["step"] == 7, again.stdout)
                say(f"{copy}: goes on after step 3, off by {worst:.1e}")


if __name__ == "__main__":
    main()
