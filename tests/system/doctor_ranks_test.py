"""`trireme doctor` under mpirun: exit 0 on a healthy job, 1 and the ranks' names on a defect, 2 on bad input; it leaves
nothing behind and ends when a rank dies or stands still."""

import functools
import json
import os
import signal
import subprocess
import time

from support import Workspace, at_once, causes, check, rank_processes, run_file, say, tiny_model, wait_until

HELPER = os.path.join(os.path.dirname(os.path.dirname(os.environ["TRIREME_BIN"])), "libexec", "trireme", "trireme-run")
MPIRUN = ["mpirun", "--oversubscribe", "--bind-to", "none"]
QUICK = ["--disk-mb", "8"]


def doctor(space, *arguments, ranks=4, timeout=60):
    """One application context for all ranks."""
    return contexts(space, [(ranks, [HELPER, "doctor", *arguments])], timeout)


def contexts(space, parts, timeout=60):
    """Ranks that are started in different ways: (number, words)."""
    words = list(MPIRUN)
    for number, (ranks, command) in enumerate(parts):
        words += [*([":"] if number else []), "-n", str(ranks), *command]
    return subprocess.run(words, cwd=space.path, capture_output=True, text=True, timeout=timeout, check=False)


def must_leave(done, code, what):
    check(done.returncode == code, f"{what}: left with {done.returncode}, not {code}:\n{done.stdout}{done.stderr}")


def must_say(done, words, what):
    found = causes(done.stdout + done.stderr)
    check(len(found) == 1, f"{what}: {len(found)} lines begin with trireme:\n{done.stdout}{done.stderr}")
    for word in words:
        check(word in found[0], f"{what}: no '{word}' in: {found[0]}")
    say(f"  {what}: {found[0]}")


def healthy(space):
    start = time.monotonic()
    done = doctor(space, "--dir", "runs/new")
    must_leave(done, 0, "healthy job")
    for word in ("4 ranks on 1 host", "all-reduce over MPI", "within a node", "no defect"):
        check(word in done.stdout, f"healthy job: no '{word}' in:\n{done.stdout}")
    check(not os.path.exists(space / "runs"), "the doctor left the run directory that it made")
    say(f"  healthy job of 4 ranks: {time.monotonic() - start:.1f} s")


def run_file_and_json(space):
    """The run file's directory is the one that is checked; what is in it stays; one JSON object on stdout."""
    space.write("run.ini", run_file("r", model=tiny_model(), data={"train": "data.h5"}, train={"steps": 1}))
    kept = space.write("runs/r/notes.txt", "mine")
    done = doctor(space, "run.ini", "--json", *QUICK)
    must_leave(done, 0, "run file")
    survey = json.loads(done.stdout)
    check(survey["directory"] == "runs/r", survey["directory"])
    check([rank["rank"] for rank in survey["ranks"]] == [0, 1, 2, 3], "ranks are missing")
    for rank in survey["ranks"]:
        view = rank["directory"]
        check(view["sees"] and view["writes"] and view["seen"], f"rank {rank['rank']}: {view}")
        check(rank["versions"]["MPI"] and rank["memory_bytes"] > 0 and rank["cpus"], f"facts are missing: {rank}")
    pairs = sorted(link["ranks"] for link in survey["links"])
    check(pairs == [[0, 1], [0, 3], [1, 2], [2, 3]], f"links of the ring: {pairs}")
    check(all(link["bytes_per_second"] > 0 for link in survey["links"]), "a link without a rate")
    check(survey["rounds_measured"] == survey["rounds_planned"] == 2, "rounds")
    check(survey["nodes"][0]["write_bytes_per_second"] > 0, "the disk was not written")
    check(survey["nodes"][0]["read_bytes_per_second"] > 0, "the disk was not read")
    check(survey["defects"] == 0, f"defects: {survey['findings']}")
    check(os.listdir(space / "runs/r") == ["notes.txt"], f"left in the run directory: {os.listdir(space / 'runs/r')}")
    check(open(kept, encoding="utf-8").read() == "mine", "a file in the run directory was changed")
    say("  run file and --json: every fact is there, nothing is left behind")


def unwritable(space):
    """Root may write everywhere but into /proc; for others a directory without the right does as well."""
    done = doctor(space, "--dir", "/proc/nowhere/run", *QUICK)
    must_leave(done, 1, "a directory that cannot be made")
    must_say(done, ["ranks 0-3", "cannot write", "/proc/nowhere"], "a directory that cannot be made")
    locked = space / "locked"
    os.mkdir(locked)
    os.chmod(locked, 0o555)
    if os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", locked], capture_output=True,
                                            check=False).returncode:
        say("  unwritable directory: SKIPPED here, mounting a read-only tmpfs is not allowed")
        return
    try:
        done = doctor(space, "--dir", "locked", *QUICK)
    finally:
        if os.geteuid() == 0:
            subprocess.run(["umount", "-l", locked], check=False)
    must_leave(done, 1, "unwritable directory")
    must_say(done, ["ranks 0-3", "cannot write", "locked"], "unwritable directory")


def not_shared(space):
    """One rank with another file system in the run directory's place."""
    os.mkdir(space / "local")
    hide = f"mount -t tmpfs tmpfs {space / 'local'}"
    if subprocess.run(["unshare", "-m", "sh", "-c", hide], capture_output=True, check=False).returncode:
        say("  directory that is not shared: SKIPPED here, a mount namespace of its own is not allowed")
        return
    words = [HELPER, "doctor", "--dir", "local", *QUICK]
    done = contexts(space, [(3, words), (1, ["unshare", "-m", "sh", "-c", f"{hide} && exec {' '.join(words)}"])])
    must_leave(done, 1, "directory that is not shared")
    must_say(done, ["rank 3", "is not the same on all nodes", "tmpfs"], "directory that is not shared")
    check("! not shared" in done.stdout, f"the rank is not marked:\n{done.stdout}")
    check(os.listdir(space / "local") == [], f"left behind: {os.listdir(space / 'local')}")


def bound_to_one_core(space):
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        say("  ranks on one core: SKIPPED here, this machine has one core")
        return
    bound = [["taskset", "-c", str(core), HELPER, "doctor", "--dir", "bound", *QUICK] for core in cores[:2]]
    done = contexts(space, [(1, bound[0]), (2, bound[1])])
    must_leave(done, 1, "ranks on one core")
    must_say(done, ["ranks 1-2", f"CPU {cores[1]}"], "ranks on one core")
    check(done.stdout.count("! shared CPU") == 2, f"marked ranks:\n{done.stdout}")


def bad_input(space):
    space.write("file", "no directory")
    def refused(what, arguments, words):
        done = doctor(space, *arguments, ranks=2)
        must_leave(done, 2, what)
        must_say(done, words, what)

    at_once([functools.partial(refused, *case) for case in [
            ("unknown option", ["--dirr", "x"], ["--dir"]),
            ("two run directories", ["run.ini", "--dir", "x"], ["--dir"]),
            ("no run file", ["nowhere.ini"], ["nowhere.ini"]),
            ("a file in the place", ["--dir", "file"], ["file is no directory"]),
            ("a file above the place", ["--dir", "file/below"], ["file is no directory", "file/below"]),
            ("negative amount", ["--disk-mb", "-1"], ["disk-mb"]),
            ("not a number", ["--limit", "soon"], ["limit"]),
            ("two run files", ["run.ini", "run.ini"], ["run.ini"]),
            ("an empty directory name", ["--dir", ""], ["--dir"]),
    ]])


def rank_that_dies_or_stands_still(space):
    for what, number, limit in [("a rank that dies", signal.SIGKILL, 60), ("a rank that stands still", signal.SIGSTOP, 3)]:
        name = f"{number}.txt"
        with open(space / name, "w", encoding="utf-8") as out:
            job = subprocess.Popen([*MPIRUN, "-n", "4", HELPER, "doctor", "--dir", "dying", "--disk-mb", "2048",
                                    "--limit", str(limit)],
                                   cwd=space.path, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
        read = lambda: open(space / name, encoding="utf-8").read()
        wait_until(lambda: "checking: disk" in read(), job, "the disk check")
        for process in rank_processes(job, 2):
            os.kill(process, number)
        try:
            code = job.wait(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(job.pid, signal.SIGKILL)
            check(False, f"{what}: the doctor hangs:\n{read()}")
        check(code != 0, f"{what}: the doctor left with 0:\n{read()}")
        if number == signal.SIGSTOP:
            check("2" in causes(read())[0], f"{what}: rank 2 is not named:\n{read()}")
            say(f"  {what}: {causes(read())[0]}")
        else:
            say(f"  {what}: left with {code}")


def interrupted(space):
    """Ctrl-C on mpirun while a large file is being written."""
    os.mkdir(space / "interrupted")
    with open(space / "interrupted.txt", "w", encoding="utf-8") as out:
        # A rank of a busy machine may need more than the second that mpirun leaves it by default.
        job = subprocess.Popen([*MPIRUN, "--mca", "odls_base_sigkill_timeout", "30", "-n", "2", HELPER, "doctor", "--dir",
                                "interrupted", "--disk-mb", "8192"],
                               cwd=space.path, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
    wait_until(lambda: any(name.endswith(".data") for name in os.listdir(space / "interrupted")), job, "the large file")
    job.send_signal(signal.SIGINT)
    check(job.wait(timeout=60) != 0, "an interrupted doctor left with 0")
    deadline = time.monotonic() + 20  # a rank may outlive mpirun by a moment
    while os.listdir(space / "interrupted") and time.monotonic() < deadline:
        time.sleep(0.01)
    check(os.listdir(space / "interrupted") == [], f"left behind: {os.listdir(space / 'interrupted')}")
    say("  Ctrl-C while the disk is measured: nothing is left behind")


def main():
    with Workspace() as space:
        healthy(space)
        run_file_and_json(space)
        unwritable(space)
        not_shared(space)
        bound_to_one_core(space)
        bad_input(space)
        rank_that_dies_or_stands_still(space)
        interrupted(space)


if __name__ == "__main__":
    main()
