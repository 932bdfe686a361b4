"""The checkpoint commands against independent readers: h5py and h5dump for values, numpy for statistics."""
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import h5py
import numpy as np

WRITE_SAMPLE = sys.argv[1]
TRIREME = os.environ["TRIREME_BIN"]


def trireme(*words, code=0, cwd=None):
    done = subprocess.run([TRIREME, "checkpoint", *words], capture_output=True, text=True, timeout=120, cwd=cwd)
    assert done.returncode == code, (words, done)
    return done.stdout if code == 0 else done.stdout + done.stderr


def save(run, step, layout="1 1 1 0", dtype="fp32", large=False):
    os.makedirs(run, exist_ok=True)
    subprocess.run([WRITE_SAMPLE, run, str(step), *layout.split(), dtype, *(["large"] if large else [])], check=True,
                   timeout=120)
    return f"{run}/checkpoints/step_{step}"


def shards_of(step_directory):
    shards = sorted(glob.glob(f"{step_directory}/node_*/shard_*.h5"))
    assert shards
    return shards


def read_whole(step_directory):
    """{(slot, tensor): values} put together with h5py alone."""
    tensors = {}
    for path in shards_of(step_directory):
        with h5py.File(path, "r") as shard:
            for slot in shard:
                for name, group in shard[slot].items():
                    for box in group.values():
                        full = tensors.setdefault((slot, name), np.zeros(box.attrs["global_shape"], box.dtype))
                        full[tuple(slice(o, o + n) for o, n in zip(box.attrs["offset"], box.shape))] = box[()]
    return tensors


def same(a, b):
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def files_below(directory):
    return {os.path.relpath(os.path.join(folder, name), directory)
            for folder, _, names in os.walk(directory) for name in names}


def flip(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


def place_of(shard, slot, name):
    """Of the first byte of the first box of a tensor."""
    with h5py.File(shard, "r") as file:
        return next(iter(file[slot][name].values())).id.get_offset()


def find_tensor(step_directory, slot, name):
    """A shard that holds some of it, and where its first box there begins."""
    for path in shards_of(step_directory):
        with h5py.File(path, "r") as shard:
            if f"{slot}/{name}" in shard:
                break
    return path, place_of(path, slot, name)


def check_list(run):
    step = save(run, 10)
    before = trireme("list", "--json", run)
    for shard in shards_of(step):
        os.unlink(shard)
    os.unlink(f"{step}/BOXES.bin")
    os.mkfifo(f"{step}/BOXES.bin")  # opening it would never return
    entry, other = (json.loads(text)["checkpoints"][0] for text in (trireme("list", "--json", run), before))
    assert 0 <= entry.pop("age_seconds") - other.pop("age_seconds") < 60
    assert entry == other and entry["step"] == 10 and entry["bytes"] > 1000 and entry["state"] == "committed", entry
    table = trireme("list", run).split("\n")
    assert table[0].split() == ["step", "saved", "age", "attempt", "size", "layout", "state"], table


def check_statistics(step):
    shown = {(t["slot"], t["name"]): t for t in json.loads(trireme("inspect", "--stats", "--json", step))["tensors"]}
    tensors = read_whole(step)
    assert set(shown) == set(tensors) and ("param", "large") in shown
    planted = 0
    for key, values in tensors.items():
        finite = values[np.isfinite(values)].astype(np.float64)
        got = shown[key]
        planted += got["not_finite"]
        assert got["not_finite"] == values.size - finite.size, key
        if finite.size == 0:
            assert key[1] == "planted.all" and [got[n] for n in ("min", "max", "mean", "norm")] == [None] * 4, got
            continue
        assert got["min"] == finite.min() and got["max"] == finite.max(), (key, got)
        scale = np.abs(finite).max()
        assert abs(got["mean"] - finite.mean()) <= 1e-12 * scale, (key, got, finite.mean())
        norm = scale * np.sqrt(np.square(finite / scale).sum()) if scale > 0 else 0
        assert abs(got["norm"] - norm) <= 1e-11 * norm, (key, got, norm)
    assert planted > 20, "no NaN and no infinity was in the sample"
    assert "not finite" in trireme("inspect", "--stats", step)
    shard, name = shards_of(step)[0], next(name for slot, name in tensors if slot == "param")
    at = place_of(shard, "param", name)
    flip(shard, at)
    assert f"param {name}" in trireme("inspect", "--stats", step, code=1)
    flip(shard, at)


def dumped(view, path, cwd):
    """All values of a dataset as h5dump prints them."""
    done = subprocess.run(["h5dump", "-y", "-w", "1", "-m", "%.9g", "-d", path, view], capture_output=True, text=True,
                          timeout=60, cwd=cwd)
    assert done.returncode == 0, done
    body = done.stdout[done.stdout.index("DATA {") + 6:done.stdout.rindex("}")]
    return [float(word) for word in re.findall(r"[-+.\w]+", body[:body.rindex("}")] if "}" in body else body)]


def check_view(run, step, elsewhere):
    os.makedirs(f"{run}/views")
    view = f"{run}/views/whole.h5"
    tensors = read_whole(step)
    assert f"{len(tensors)} tensors" in trireme("view", step, "-o", view)
    refusal = trireme("view", step, "-o", view, code=2)
    assert "already" in refusal and "--force" in refusal, refusal
    inode = os.stat(view).st_ino
    os.symlink("whole.h5", f"{run}/views/link.h5")
    trireme("view", step, "--force", "-o", f"{run}/views/link.h5")
    assert os.path.islink(f"{run}/views/link.h5") and os.stat(view).st_ino != inode
    os.unlink(f"{run}/views/link.h5")
    assert os.listdir(f"{run}/views") == ["whole.h5"], os.listdir(f"{run}/views")
    assert "another directory" in trireme("view", step, "-o", f"{step}/../{os.path.basename(step)}/node_0/whole.h5", code=2)
    moved = f"{elsewhere}/moved"
    shutil.move(run, moved)  # sources are relative
    view = f"{moved}/views/whole.h5"
    with h5py.File(view, "r") as file:
        assert file.attrs["step"] == int(step.rsplit("_", 1)[1])
        assert {(slot, name) for slot in file for name in file[slot]} == set(tensors)
        for (slot, name), values in tensors.items():
            assert same(file[slot][name][()], values), (slot, name)
    for slot, name in (("param", "odd"), ("adam_m", "scalar"), ("param", "planted.100%b")):
        if (slot, name) in tensors:
            got = np.array(dumped(view, f"/{slot}/{name}", "/"), tensors[slot, name].dtype)
            assert np.allclose(got, tensors[slot, name].ravel(), rtol=1e-8, atol=0, equal_nan=True), (slot, name)
    shards = shards_of(f"{moved}/{os.path.relpath(step, run)}")
    held = {}
    with h5py.File(shards[-1], "r") as shard:
        for slot in shard:
            for name, group in shard[slot].items():
                held[slot, name] = sum(box.size for box in group.values())
    os.rename(shards[-1], shards[-1] + ".away")
    with h5py.File(view, "r") as file:
        for (slot, name), values in tensors.items():
            got = file[slot][name][()]
            gone = np.isnan(got) & ~np.isnan(values)
            assert np.isnan(got).sum() - np.isnan(values).sum() == gone.sum() <= held.get((slot, name), 0)
            assert np.array_equal(got[~gone], values[~gone], equal_nan=True), (slot, name)
            if name == "odd":
                assert gone.sum() == held.get((slot, name), 0)
    os.rename(shards[-1] + ".away", shards[-1])
    flip(shards[0], 9)
    assert "metadata of" in trireme("view", f"{moved}/{os.path.relpath(step, run)}", "-o", f"{moved}/no.h5", code=1)
    assert not os.path.exists(f"{moved}/no.h5")
    flip(shards[0], 9)
    shutil.move(moved, run)


def interrupt_this_process():
    """SIGINT waits for the program from its first instruction on."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    os.kill(os.getpid(), signal.SIGINT)


def check_copy(step, elsewhere):
    name = os.path.basename(step)
    target = f"{elsewhere}/a/new/place"
    assert "every checksum" in trireme("copy", step, target + "/")
    assert os.listdir(target) == [name]
    assert files_below(f"{target}/{name}") == files_below(step)
    for file in files_below(step):
        with open(f"{step}/{file}", "rb") as a, open(f"{target}/{name}/{file}", "rb") as b:
            assert a.read() == b.read(), file
    trireme("verify", "--deep", f"{target}/{name}")
    assert "equal, bit for bit" in trireme("diff", step, f"{target}/{name}")
    refusal = trireme("copy", step, target, code=2)
    assert "already" in refusal and "--force" in refusal, refusal
    os.unlink(f"{target}/{name}/BOXES.bin")
    assert "every checksum" in trireme("copy", "--force", step, target)
    trireme("verify", f"{target}/{name}")
    assert "the checkpoint itself" in trireme("copy", "--force", step, os.path.dirname(step), code=2)
    os.makedirs(f"{elsewhere}/precious/{name}/thesis")
    assert "no checkpoint" in trireme("copy", "--force", step, f"{elsewhere}/precious", code=2)
    assert os.listdir(f"{elsewhere}/precious/{name}") == ["thesis"]
    assert os.listdir(target) == [name]
    shards = shards_of(step)
    with h5py.File(shards[-1], "r") as shard:
        slot = next(iter(shard))
        tensor = next(iter(shard[slot]))
    data = place_of(shards[-1], slot, tensor)
    for path, at in [(shards[-1], data), (shards[0], 9), (f"{step}/BOXES.bin", 80), (f"{step}/MANIFEST.json", 30)]:
        flip(path, at)
        says = trireme("copy", step, f"{elsewhere}/never/made", code=1)
        assert "is damaged" in says and says.count("\n") == 1, says
        assert not os.path.exists(f"{elsewhere}/never"), "something is left of a copy that failed"
        flip(path, at)
    interrupted = subprocess.run([TRIREME, "checkpoint", "copy", step, f"{elsewhere}/never"], capture_output=True,
                                 text=True, timeout=60, preexec_fn=interrupt_this_process)
    assert interrupted.returncode == -signal.SIGINT and "stopped" in interrupted.stderr, interrupted
    assert not os.path.exists(f"{elsewhere}/never"), "something is left of a copy that was interrupted"
    os.unlink(shards[0])
    trireme("copy", step, f"{elsewhere}/never", code=1)
    assert not os.path.exists(f"{elsewhere}/never")
    shutil.copy(f"{target}/{name}/{os.path.relpath(shards[0], step)}", shards[0])
    trireme("verify", step)


def check_prune(run):
    for step in range(1, 9):
        save(run, step)
    checkpoints = f"{run}/checkpoints"
    size = {step: sum(os.path.getsize(os.path.join(checkpoints, f"step_{step}", file))
                      for file in files_below(f"{checkpoints}/step_{step}")) for step in range(1, 9)}

    def steps():
        return sorted(int(name[5:]) for name in os.listdir(checkpoints) if name.startswith("step_"))

    trireme("verify", f"{checkpoints}/step_2")
    for _ in range(2):
        report = json.loads(trireme("prune", "--keep", "3", "--keep-every", "4", "--dry-run", "--json", run))
        assert [d["step"] for d in report["deleted"]] == [1, 3, 5] and report["dry_run"], report
        assert report["bytes"] == size[1] + size[3] + size[5], (report, size)
    assert steps() == list(range(1, 9))
    assert "--keep" in trireme("prune", "--keep", "1", run, code=2)
    assert "--keep-every" in trireme("prune", "--keep-every", "x", run, code=2)

    with open(f"/proc/{os.getpid()}/stat") as file:
        started = file.read().rsplit(")", 1)[1].split()[19]
    with open("/proc/sys/kernel/random/boot_id") as file:
        machine = file.read().strip() + " " + os.readlink("/proc/self/ns/pid")
    lease = {"job": "4711", "restart": 0, "host": os.uname().nodename, "machine": machine, "process": os.getpid(),
             "started": started, "token": "t", "beat": 0}
    with open(f"{run}/lease", "w") as file:
        file.write(json.dumps(lease) + "\n")
    says = trireme("prune", "--keep", "2", run, code=1)
    assert "job 4711" in says and f"process {os.getpid()}" in says and "in use" in says, says
    assert steps() == list(range(1, 9)) and os.path.exists(f"{run}/lease")
    lease["started"] = "1"  # a process of that number, but not that process: the run is gone
    with open(f"{run}/lease", "w") as file:
        file.write(json.dumps(lease) + "\n")
    out = trireme("prune", "--keep", "3", "--keep-every", "4", run)
    assert steps() == [2, 4, 6, 7, 8] and "3 deleted, 5 kept" in out, out
    table = [line.split() for line in out.splitlines()[:4]]
    assert [row[0] for row in table] == ["deleted", *(f"{checkpoints}/step_{s}" for s in (1, 3, 5))], out
    assert not os.path.exists(f"{run}/lease") and os.listdir(f"{checkpoints}/.trash") == []
    with open(f"{run}/run.ini", "w") as file:
        file.write("[checkpoint]\nkeep = 3\nkeep_every = 2\n")
    assert "0 deleted, 5 kept" in trireme("prune", "--dry-run", run)
    trireme("prune", "--keep-every", "0", run)
    assert steps() == [2, 6, 7, 8]


def check_verify(run, elsewhere):
    step = save(run, 3)
    verified = f"{run}/checkpoints/VERIFIED"
    trireme("verify", ".", cwd=step)
    with open(verified) as file:
        lines = [json.loads(line) for line in file]
    with open(f"{step}/MANIFEST.json") as file:
        assert [(l["step"], l["checksum"]) for l in lines] == [(3, json.load(file)["checksum"])]
    assert json.loads(trireme("list", "--json", run))["checkpoints"][0]["state"] == "verified"
    flip(shards_of(step)[0], 9)
    trireme("verify", step, code=1)
    state = lambda: json.loads(trireme("list", "--json", run))["checkpoints"][0]["state"]
    assert state() == "committed", "damage that was found leaves it verified"
    flip(shards_of(step)[0], 9)
    trireme("verify", step)
    assert state() == "verified"
    with open(verified) as file:
        assert [line.get("damaged", False) for line in map(json.loads, file)] == [False, True, False]
    os.makedirs(f"{elsewhere}/checkpoints")
    shutil.copytree(step, f"{elsewhere}/checkpoints/.step_3.bad.1")
    shutil.copytree(step, f"{elsewhere}/step_3")
    for other in (f"{elsewhere}/checkpoints/.step_3.bad.1", f"{elsewhere}/step_3"):
        trireme("verify", other)
    assert len(open(verified).readlines()) == 3 and "VERIFIED" not in files_below(elsewhere)
    shard = shards_of(step)[0]
    for replace in (lambda: open(shard, "w").close(), lambda: os.mkfifo(shard)):
        os.remove(shard)
        replace()
        first = trireme("verify", step, code=1).splitlines()[:2]
        assert any("metadata of node_0/shard_0.h5: the file is 0 bytes long" in line for line in first), first
    os.remove(verified)
    os.mkdir(verified)
    assert state() == "committed"


def bits(values):
    return values.astype(np.float64).reshape(-1).view(np.uint64)


def check_diff(a, b, others):
    """a and b hold the same in two layouts; `others` differ from a."""
    assert "equal, bit for bit" in trireme("diff", a, b)
    old = read_whole(a)
    for other in others:
        report = {(t["slot"], t["name"]): t for t in json.loads(trireme("diff", "--json", a, other, code=1))["tensors"]}
        new = read_whole(other)
        for key in old:
            assert report[key]["differing"] == (bits(old[key]) != bits(new[key])).sum(), key
            finite = np.abs(old[key].astype(np.float64))[~np.isnan(old[key])]
            assert report[key]["max_a"] == finite.max(initial=0) or np.isinf(finite).any(), key
            assert report[key]["same_type"] == (old[key].dtype == new[key].dtype)
        assert report["param", "large"]["differing"] > 4_000_000
    shard, at = find_tensor(b, "param", "large")
    for words in ((a, b), (b, a)):
        flip(shard, at)
        assert "param large" in trireme("diff", *words, code=1)
        flip(shard, at)


def main():
    with tempfile.TemporaryDirectory() as root:
        check_list(f"{root}/list")
        check_prune(f"{root}/prune")
        check_verify(f"{root}/verify", f"{root}/other")
        for layout, dtype in (("1 1 1 0", "fp32"), ("2 2 2 1", "fp64")):
            run = f"{root}/{dtype}"
            step = save(run, 5, layout, dtype, large=True)
            check_statistics(step)
            check_copy(step, f"{root}/copies_{dtype}")
            os.makedirs(f"{root}/elsewhere_{dtype}")
            check_view(run, step, f"{root}/elsewhere_{dtype}")
        other = save(f"{root}/resharded", 5, "2 3 1 1", "fp32", large=True)
        later = save(f"{root}/resharded", 6, "2 1 2 0", "fp32", large=True)
        wide = save(f"{root}/wide", 6, "1 1 1 0", "fp64", large=True)
        check_diff(f"{root}/fp32/checkpoints/step_5", other, [later, wide])
    print("list, prune, verify, inspect --stats, copy, view and diff agree with h5py, h5dump and numpy")


main()
