"""Disks that really fill up: a save that does not fit fails in one sentence that names the disk, what was committed
stays, and once there is room again the same run goes on.

Usage: full_disk_test.py MPIEXEC SAVE_LOOP. Mounts small file systems under a temporary directory, so it needs root;
skipped (77) without it."""

import errno
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager

import save_runs

MPIEXEC, SAVE_LOOP = sys.argv[1:3]
MIB = 1 << 20
DISK_MIB = 32
FULL = "No space left on device"


def rooms(step_directories):
    """How much is left on the disk when a save begins that needs at least what one of these takes: it breaks off at another
    of its steps each time."""
    need = min(sum(512 * os.stat(os.path.join(folder, name)).st_blocks
                   for folder, _, names in os.walk(step) for name in names) for step in step_directories)
    return [0, 4 << 10, 64 << 10] + [need * eighths // 8 for eighths in (1, 2, 4, 6, 7)]


class CannotMount(Exception):
    pass


def mount(*words):
    done = subprocess.run(["mount", *words], capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise CannotMount(done.stderr.strip() or "mount failed")


def unmount(path):
    subprocess.run(["umount", "--lazy", path], check=True, timeout=60)


@contextmanager
def tmpfs(path, *options):
    os.mkdir(path)
    mount("-t", "tmpfs", "-o", ",".join([f"size={DISK_MIB}m", *options]), "tmpfs", path)
    try:
        yield path
    finally:
        unmount(path)


@contextmanager
def ext4(path, *make_options):
    os.mkdir(path)
    with open(path + ".image", "wb") as image:
        image.truncate(DISK_MIB * MIB)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", *make_options, path + ".image"], check=True,
                   timeout=60)
    mount("-o", "loop", path + ".image", path)
    try:
        yield path
    finally:
        unmount(path)


def unmount_all_below(path):
    with open("/proc/self/mountinfo") as file:
        points = [line.split()[4] for line in file]
    for point in sorted((p for p in points if p.startswith(path + "/")), reverse=True):
        unmount(point)


def fill(disk, room):
    """A file that leaves `room` bytes on the disk, or what the file system keeps to itself."""
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    with open(f"{disk}/filler", "wb", buffering=0) as file:
        try:
            while free > room:
                free -= file.write(bytes(min(free - room, 64 << 10)))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise


def use_up_inodes(disk):
    os.mkdir(f"{disk}/fillers")
    try:
        for number in range(1 << 20):
            open(f"{disk}/fillers/{number}", "w").close()
    except OSError:
        return
    raise AssertionError("the file system has too many inodes for this test")


def expect_refusal(loop, run, disk):
    """A save that has no room: the sentence, the newest checkpoint as it was, nothing left of the new one."""
    before = save_runs.committed(run)
    step = before[-1] + 1
    line = loop.ask()
    while line.startswith("saved "):  # it did fit; the next one fits even less
        before, step = save_runs.committed(run), step + 1
        line = loop.ask()
    step = int(line.split()[2].rstrip(":"))
    assert f"not saved {step}: cannot save step {step}: rank " in line, line
    assert FULL in line and (disk in line or run in line), line
    assert save_runs.committed(run) == before
    assert save_runs.check_newest(run) == before[-1]
    return step


def expect_going_on(loop, run, step):
    assert loop.ask() == f"saved {step + 1}", loop.said[-1]
    assert save_runs.check_newest(run) == step + 1
    save_runs.check_no_leftovers(run)


def full_disk(name, disk):
    """The run directory lies on the disk, and others fill it."""
    run = f"{disk}/run"
    os.mkdir(run)
    with save_runs.SaveLoop(MPIEXEC, SAVE_LOOP, run, "asked") as loop:
        steps = [int(loop.ask().split()[1]) for _ in range(2)]  # one in few files, one in many
        for room in rooms([f"{run}/checkpoints/step_{step}" for step in steps]):
            fill(disk, room)
            step = expect_refusal(loop, run, disk)
            os.remove(f"{disk}/filler")
            expect_going_on(loop, run, step)
            yield f"{name}: {room} bytes left"


def no_inodes(name, disk):
    run = f"{disk}/run"
    os.mkdir(run)
    with save_runs.SaveLoop(MPIEXEC, SAVE_LOOP, run, "asked") as loop:
        loop.ask()
        use_up_inodes(disk)
        step = expect_refusal(loop, run, disk)
        subprocess.run(["rm", "-r", f"{disk}/fillers"], check=True, timeout=60)
        expect_going_on(loop, run, step)
        yield f"{name}: no inodes left"


def full_target(name, disk, run):
    """Only the shards of one node lie on the disk."""
    os.mkdir(run)
    with save_runs.SaveLoop(MPIEXEC, SAVE_LOOP, run, "asked", disk) as loop:
        loop.ask()
        for room in (0, 64 << 10, MIB):
            fill(disk, room)
            step = expect_refusal(loop, run, disk)
            assert any(f"rank {rank}" in loop.said[-1] for rank in (2, 3)), loop.said[-1]
            assert "/node_1" in loop.said[-1], loop.said[-1]
            os.remove(f"{disk}/filler")
            expect_going_on(loop, run, step)
            yield f"{name}: {room} bytes left"


def main():
    cases = []
    with ExitStack() as stack:
        top = stack.enter_context(tempfile.TemporaryDirectory())
        stack.callback(unmount_all_below, top)
        try:
            cases += full_disk("full tmpfs", stack.enter_context(tmpfs(f"{top}/tmpfs")))
        except CannotMount as error:
            print(f"skipped: a small file system cannot be mounted here ({error}); run it as root")
            return 77
        cases += no_inodes("tmpfs", stack.enter_context(tmpfs(f"{top}/inodes", "nr_inodes=100")))
        cases += full_target("full target of one node", stack.enter_context(tmpfs(f"{top}/target")), f"{top}/run")
        unmount_all_below(f"{top}/run")
        try:
            cases += full_disk("full ext4", stack.enter_context(ext4(f"{top}/ext4")))
            cases += no_inodes("ext4", stack.enter_context(ext4(f"{top}/ext4_inodes", "-N", "128")))
        except (CannotMount, FileNotFoundError) as error:
            print(f"skipped: ext4 in a loop device ({error})")
    print("\n".join(cases))
    save_runs.report("full_disk_test", cases)
    return 0


sys.exit(main())
