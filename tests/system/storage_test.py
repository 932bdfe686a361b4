"""What a run does about the file system that it saves to: quotas, as the site's own programs tell them, and into how many
files a node writes."""

import glob
import os
import re
import subprocess
import time

from support import Workspace, attempts, causes, check, checkpoints, make_data, run_file, say, step_lines, tiny_model

QUOTA_KINDS = {"ext2/ext3", "ext4", "xfs", "nfs"}
GIB = 1 << 20  # in blocks of 1 KiB


def run_ini(name, steps=4, **checkpoint):
    return run_file(name, model=tiny_model(), data={"train": "data.h5"},
                    train={"steps": steps, "global_batch": 4, "micro_batch": 1},
                    checkpoint={"every_steps": 2, **{key.rstrip("_"): value for key, value in checkpoint.items()}})


def program(space, name, script):
    """A program `name` that stands first on the PATH of the environment returned."""
    path = space.write(f"bin/{name}", f"#!/bin/sh\n{script}")
    os.chmod(path, 0o755)
    return {"PATH": f"{space / 'bin'}:{os.environ['PATH']}"}


def mount_source(path):
    return subprocess.run(["findmnt", "-no", "SOURCE", "-T", path], capture_output=True, text=True, check=True,
                          timeout=20).stdout.strip()


def quota_text(space, used, hard, files=5, most_files=0):
    row = f"{mount_source(space.path)} {used} 0 {hard} 0 {files} 0 {most_files} 0"
    return (f"Disk quotas for user me (uid {os.geteuid()}): \n"
            f"     Filesystem  blocks   quota   limit   grace   files   quota   limit   grace\n{row}\n")


def quotas(space):
    kind = subprocess.run(["stat", "-f", "-c", "%T", space.path], capture_output=True, text=True, check=True,
                          timeout=20).stdout.strip()
    if kind not in QUOTA_KINDS:
        say(f"quotas: SKIPPED here, quota(1) is not asked about {kind} (set TMPDIR to an ext4, XFS or NFS directory)")
        return
    space.write("quota.ini", run_ini("quota"))

    def says(text, code=0):
        return program(space, "quota", f"cat << 'END'\n{text}END\nexit {code}\n")

    def refused(text, words, code=0):
        done = space.run("train", "quota.ini", ranks=2, environment=says(text, code))
        said = done.stdout + done.stderr
        check(done.returncode == 2, f"a quota that is too small: left with {done.returncode}\n{said}")
        check(len(causes(said)) == 1, f"not one sentence:\n{said}")
        for word in words:
            check(word in causes(said)[0], f"no '{word}' in: {causes(said)[0]}")
        return causes(said)[0]

    sentence = refused(quota_text(space, 9 * GIB, 9 * GIB + 1200), ["your quota on ", " leaves 0.00123 GB", "checkpoint.keep"])
    say(f"  {sentence}")
    # quota(1) ends with 1 when a limit is exceeded
    refused(quota_text(space, f"{9 * GIB}*", 8 * GIB), [" leaves 0 GB"], code=1)
    refused(quota_text(space, 1, 0, files=95, most_files=100), ["your quota on ", " leaves 5 files"])
    check(not os.path.exists(space / "runs/quota/checkpoints"), "something was saved")
    for text in (quota_text(space, 1, 9 * GIB), "quota: Cannot open quotafile\n", quota_text(space, 1, "words")):
        space.must("train", "quota.ini", "--run.dir=runs/fits", ranks=2, environment=says(text, 1))
    say("quotas: too small is exit 2 in one sentence; wide or unreadable ones do not matter")

    start = time.monotonic()
    space.must("train", "quota.ini", "--run.dir=runs/hangs", ranks=2, timeout=60,
               environment=program(space, "quota", "echo Disk quotas\nsleep 600\n"))
    check(checkpoints(space / "runs/hangs") == [2, 4], "the run beside a hanging quota did not save")
    say(f"quotas: a program that hangs cost the start at most 5 s; the run took {time.monotonic() - start:.1f} s")


def shards(directory):
    """Files of each checkpoint by step; checked against what a checkpoint of one node may have."""
    counts = {}
    for step in checkpoints(directory):
        path = f"{directory}/checkpoints/step_{step}"
        counts[step] = len(glob.glob(f"{path}/node_0/shard_*.h5"))
        files = sum(len(names) for _, _, names in os.walk(path))
        check(files <= counts[step] + 4, f"step {step} has {files} files, {counts[step]} of them shards")
    return counts


def chosen(done):
    found = re.findall(r"each node writes (\d+) files? per checkpoint from now on", done.stdout + done.stderr)
    check(len(found) == 1, f"the number of files is said {len(found)} times in\n{done.stdout}{done.stderr}")
    return int(found[0])


def files_by_measured_speed(space):
    directory = space / "runs/shards"

    def attempt(steps, **options):
        space.write("shards.ini", run_ini("shards", steps=steps, every_steps=1, keep=50, **options))
        before = set(checkpoints(directory)) if os.path.isdir(directory) else set()
        done = space.must("train", "shards.ini", ranks=4)
        check([line["step"] for line in step_lines(directory)] == list(range(1, steps + 1)), "a step is missing")
        return done, [count for step, count in shards(directory).items() if step not in before]

    done, counts = attempt(9, async_="false")
    first = chosen(done)
    tries = [4, 4, 2, 2]
    if first != 4:
        tries += [1, 1]
    check(counts == tries + [first] * (9 - len(tries)), f"{first} was chosen after saves into {counts} files")
    check(attempts(directory)[-1]["shards_per_node"] == first, f"the ledger says {attempts(directory)[-1]}")

    done, counts = attempt(17)  # beside the training
    second = chosen(done)
    check(counts[:2] == [first, first], f"the second attempt began with {counts}, not with {first} files")
    check(counts[-1] == second == attempts(directory)[-1]["shards_per_node"], f"{second} was chosen, then came {counts}")

    _, counts = attempt(19, shards_per_node=3)
    check(counts == [3, 3], f"shards_per_node = 3 wrote {counts} files")
    _, counts = attempt(20)
    check(counts == [second], f"what the ledger has of two attempts ago, {second}, was not taken up: {counts}")
    say(f"shards_per_node = auto took {first}, then {second} of 4 files, recorded them and went on from them")


def checkpoints_behind_a_link(space):
    """It counts what the link leads to; a link to nothing is no run without checkpoints."""
    directory = space / "runs/linked"
    os.makedirs(directory)
    os.symlink(space / "scratch", f"{directory}/checkpoints")
    space.write("linked.ini", run_ini("linked"))
    done = space.run("train", "linked.ini", ranks=2)
    check(done.returncode == 1 and "is no directory, nor a link to one" in causes(done.stderr)[0], done.stderr)
    say(f"  {causes(done.stderr)[0]}")
    os.makedirs(space / "scratch")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", space / "scratch"], capture_output=True,
                      check=False).returncode:
        say("  checkpoints on a small disk behind a link: SKIPPED here, mounting a tmpfs is not allowed")
        return
    try:
        done = space.run("train", "linked.ini", ranks=2)
        check(done.returncode == 2 and "runs/linked/checkpoints" in causes(done.stderr)[0], done.stderr)
        say(f"  {causes(done.stderr)[0]}")
    finally:
        subprocess.run(["umount", "-l", space / "scratch"], check=True)


def main():
    with Workspace() as space:
        make_data(space)
        quotas(space)
        checkpoints_behind_a_link(space)
        files_by_measured_speed(space)


if __name__ == "__main__":
    main()
