"""trireme runs archive: read back by Python's tarfile and by tar; what is unpacked is a run that every command accepts.
Nothing of what others put into the run directory gets in, and nothing is left behind where it fails."""

import glob
import hashlib
import json
import os
import resource
import shutil
import subprocess
import tarfile

import xxhash

from support import TRIREME, Workspace, check, checkpoints, make_data, say, step_lines

RUN = """[model]
layers = 1
hidden = 16
heads = 2
sequence = 16
[data]
train = data.h5
valid = data.valid.h5
[train]
steps = 12
global_batch = 4
micro_batch = 2
[checkpoint]
every_steps = 4
[log]
valid_every_steps = 4
"""
SECRET = "hush-9f2c"


def archive(space, *words, code=0, holds="", **keywords):
    done = subprocess.run([TRIREME, "runs", "archive", *words], cwd=space.path, capture_output=True, text=True,
                          check=False, **keywords)
    check(done.returncode == code and holds in done.stdout + done.stderr,
          f"archive {words}: {done.returncode} {done.stdout}{done.stderr}")
    return done


def plant(space):
    """What does not belong into a run directory, and must not leave it."""
    run = space / "runs/run"
    space.write("secret.txt", SECRET)
    space.write("runs/run/notes.txt", SECRET)
    space.write("runs/run/.netrc", SECRET)
    os.symlink(space / "secret.txt", f"{run}/metrics.jsonl.7")
    os.symlink(space / "secret.txt", f"{run}/logs/outcome.9")
    os.symlink(space / "secret.txt", f"{run}/logs/job.log")
    os.symlink(space / "secret.txt", f"{run}/checkpoints/step_12/node_0/extra.h5")
    os.mkfifo(f"{run}/logs/outcome.8")
    space.write("runs/run/checkpoints/step_12/foreign.txt", SECRET)
    with open(f"{run}/record.jsonl", encoding="utf-8") as file:
        line = json.loads(file.readline())
    line["environment"]["WANDB_API_KEY"] = SECRET
    line["secret"] = SECRET
    with open(f"{run}/record.jsonl", "w", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n" + '{"attempt":2,"secret":"' + SECRET)
    with open(f"{run}/metrics.jsonl", "a", encoding="utf-8") as file:
        file.write('{"step":99,"lo')  # torn
    space.write("runs/run/logs/train.log", "what it printed\n")


def contents(path):
    """name -> bytes, by tar itself where Python cannot unpack it."""
    if path.endswith(".zst"):
        plain = subprocess.run(["zstd", "-dcq", path], capture_output=True, check=True).stdout
        with open(path + ".plain", "wb") as file:
            file.write(plain)
        path += ".plain"
    with tarfile.open(path) as tar:
        check(all(one.isfile() or one.isdir() for one in tar), "ordinary files and directories only")
        check(not any(one.name.startswith("/") or ".." in one.name for one in tar), "names below one directory")
        return {one.name: tar.extractfile(one).read() for one in tar if one.isfile()}


def check_contents(space):
    for name in ("a.tar.zst", "a.tar.gz", "a.tar", "a.tgz"):
        archive(space, "runs/run", "-o", name, "--checkpoint", "all", "--logs", holds="left out: ")
    found = contents(space / "a.tar")
    check(contents(space / "a.tar.zst").keys() == contents(space / "a.tar.gz").keys() == found.keys(), "the same files")
    check(not any(SECRET.encode() in data for data in found.values()), "a secret got in")
    steps = {name.split("/")[2] for name in found if "/checkpoints/" in name}
    check(steps == {"step_4", "step_8", "step_12"}, str(steps))
    for name, data in found.items():
        if name.endswith(("record.jsonl", "MANIFEST.xxh128")):
            continue
        with open(space / f"runs/{name}", "rb") as file:
            there = file.read()
        check(data == (there[:there.rindex(b"\n") + 1] if name.endswith(".jsonl") else there), f"{name} differs")
    check(len(found["run/record.jsonl"].splitlines()) == 1, "the torn record")
    lines = dict(reversed(line.split("  ", 1)) for line in found["run/MANIFEST.xxh128"].decode().splitlines())
    check(lines == {name[4:]: xxhash.xxh3_128_hexdigest(data) for name, data in found.items() if name[4:] in lines} and
          len(lines) == len(found) - 1, "the digests")
    check("run/logs/train.log" in found and not any("job.log" in name for name in found), "logs")
    archive(space, "runs/run", "-o", "n.tar")
    check({name.split("/")[2] for name in contents(space / "n.tar") if "/checkpoints/" in name} == {"step_12"}, "newest")
    check("run/logs/train.log" not in contents(space / "n.tar"), "logs only where asked for")
    losses = {line["step"]: line["valid_loss"] for line in map(json.loads, found["run/metrics.jsonl"].splitlines())
              if "valid_loss" in line}
    archive(space, "runs/run", "-o", "b.tar", "--checkpoint", "best", holds=f"step_{min(losses, key=losses.get)}")
    archive(space, "runs/run", "-o", "4.tar", "--checkpoint", "4", holds="checkpoints: step_4")
    archive(space, "runs/run", "-o", "0.tar", "--checkpoint", "none", holds="checkpoints: none")
    again = hashlib.sha256(found["run/run.ini"]).hexdigest()
    with open(space / "runs/run/run.ini", "rb") as file:
        check(hashlib.sha256(file.read()).hexdigest() == again, "the run is as it was")


def check_unpacked(space):
    os.makedirs(space / "far/away")
    subprocess.run(["tar", "-C", space / "far/away", "-xf", space / "a.tar.gz"], check=True)
    os.rename(space / "far/away/run", space / "far/away/other name")
    run = "far/away/other name"
    check('"state":"done"' in space.must("status", run, "--json").stdout, "its status")
    for step in checkpoints(space / run):
        space.must("checkpoint", "verify", f"{run}/checkpoints/step_{step}")
    check(json.loads(space.must("runs", "list", "--tree", "far", "--json").stdout)["runs"][0]["loss"] > 0, "its loss")
    done = space.must("reproduce", run, "-o", "again", "--check", "4")
    check("4 of 4 losses bit-equal" in done.stdout, done.stdout)
    done = space.must("train", f"{run}/run.ini", "--train.steps=14")
    check(f"{run}/checkpoints/step_14" in done.stdout, done.stdout)
    check([line["step"] for line in step_lines(space / run)] == list(range(1, 15)), "it went on")
    os.makedirs(space / "none")
    subprocess.run(["tar", "-C", space / "none", "-xf", space / "0.tar"], check=True)
    check("3 of 3 losses bit-equal" in space.must("reproduce", "none/run", "-o", "again-0", "--check", "3").stdout,
          "records alone are enough to repeat it")


def check_names(space):
    """A run may be called in any language, and in bytes that are of none."""
    for name in ("größe".encode(), b"gr\xf6\xdfe"):
        shutil.copytree(os.fsencode(space / "none/run"), os.path.join(os.fsencode(space.path), name))
        archive(space, name, "-o", "name.tar", "--force")
        with tarfile.open(space / "name.tar", encoding="utf-8", errors="surrogateescape") as tar:
            check(os.fsencode(tar.getnames()[0]).split(b"/")[0] == name, str(tar.getnames()))


def check_failures(space):
    before = set(os.listdir(space.path))
    for words, why in ((("-o", "x.zip"), "ends with none of"), (("-o", "a.tar"), "--force"), (("-o", "none"), "ends with"),
                       (("-o", "x.tar", "--checkpoint", "7"), "no checkpoint of step 7"),
                       (("-o", "x.tar", "--checkpoint", "../4"), "give newest"), (("-o", "no/x.tar"), "does not exist")):
        archive(space, "runs/run", *words, code=2, holds=why)
    archive(space, "data.h5", "-o", "x.tar", code=2, holds="is no run directory")
    archive(space, "runs/run", "-o", "x.tar", code=1, holds="x.tar",
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50000, 50000)))
    shard = glob.glob(space / "runs/run/checkpoints/step_8/node_0/shard_0.h5")[0]
    for place in (os.path.getsize(shard) // 2, 100):
        shutil.copy(shard, space / "shard")
        with open(shard, "r+b") as file:
            file.seek(place)
            byte = file.read(1)
            file.seek(place)
            file.write(bytes([byte[0] ^ 1]))
        archive(space, "runs/run", "-o", "x.tar.zst", "--checkpoint", "8", code=1, holds="is damaged")
        shutil.move(space / "shard", shard)
    archive(space, "runs/run", "-o", "x.tar.zst", "--checkpoint", "8")
    check(set(os.listdir(space.path)) - before == {"x.tar.zst"}, f"left behind: {set(os.listdir(space.path)) - before}")
    process = space.start("train", "run.ini", "--train.steps=900", "--run.dir=runs/live", STEP_SECONDS=0.2)
    try:
        while not os.path.exists(space / "runs/live/metrics.jsonl"):
            check(process.poll() is None, "the training ended")
        archive(space, "runs/live", "-o", "live.tar", code=2, holds="is being trained")
    finally:
        process.kill()
        process.wait()


with Workspace() as workspace:
    make_data(workspace, words=2000)
    workspace.write("run.ini", RUN)
    workspace.must("train", "run.ini")
    plant(workspace)
    check_contents(workspace)
    check_unpacked(workspace)
    check_names(workspace)
    check_failures(workspace)
    say("the archives held what they should")
