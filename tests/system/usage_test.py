"""trireme usage over generated trees of several people: every sum is computed again here, from the numbers that were
written and not from what the program printed."""

import json
import math
import os
import pwd
import random
import shutil
import subprocess
import time

from support import TRIREME, Workspace, check, say

NOW = time.time()
DAY = 86400
SEED = int(os.environ.get("TRIREME_SEED", random.randrange(1 << 30)))
PEOPLE = [12001, 12002, 12003] if os.geteuid() == 0 else [os.geteuid()]
UNITS = ("used_hours", "killed_hours", "starting_hours", "saving_hours")


def name_of(uid):
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def start_line(number, began, start_up, ranks, gpus, job="", restarts=0):
    return {"event": "start", "attempt": number, "time": began + start_up, "run_id": "r1", "reason": "first start",
            "job": job, "cluster": "lab" if job else "", "restart_count": restarts, "partition": "", "layout": "dp1",
            "hosts": ["n1"], "ranks": ranks, "gpus": gpus, "steps": 100, "first_step": 0, "start_up_seconds": start_up}


def end_line(number, ended, used, lost, stalled):
    return {"event": "end", "attempt": number, "time": ended, "reason": "stopped by SIGTERM", "last_step": 50,
            "saved_step": 40, "device_seconds": used, "lost_seconds": lost, "step_seconds": 1.0, "save_seconds": 1.0,
            "save_stall_seconds": 0.0, "save_interval_seconds": 0.0, "shards_per_node": 1, "stalled_seconds": stalled}


class Sums:
    """What lines of people and projects must say: (name, gpus) -> numbers."""

    def __init__(self):
        self.lines = {}

    def at(self, name, gpus):
        return self.lines.setdefault((name, gpus), {**dict.fromkeys(UNITS, 0.0), "runs": 0, "attempts": 0,
                                                    "checkpoint_bytes": 0, "wait": 0.0, "starts": 0})


def overlap(begin, end, since):
    return max(0.0, min(end, NOW) - max(begin, since))


def make_run(space, dice, path, uid, gpus, days, sums, since):
    """One run with random attempts, and what it adds to the sums of its owner and its folder."""
    where = space / path
    os.makedirs(f"{where}/logs")
    project = path.split("/")[1] + "/"
    lines = [sums[0].at(name_of(uid), gpus), sums[1].at(project, gpus)]
    text, ran = [], False
    began, job_end = NOW - days * DAY, None
    for number in range(1, dice.randint(2, 9)):
        start_up, seconds, ranks = dice.uniform(1, 60), dice.uniform(100, 20000), dice.choice((1, 4, 16))
        ended = began + start_up + seconds
        if ended > NOW:
            break
        used = ranks * (start_up + seconds)
        unsaved, stalled = dice.uniform(0, 0.2) * used, dice.uniform(0, 0.1) * seconds
        text += [start_line(number, began, start_up, ranks, gpus, "77", number - 1),
                 end_line(number, ended, used, ranks * start_up + unsaved, stalled)]
        share = overlap(began, ended, since) / (ended - began)
        waited = began >= since and job_end is not None
        for line in lines:
            for unit, amount in zip(UNITS, (used, unsaved, ranks * start_up, ranks * stalled)):
                line[unit] += amount * share / 3600
            line["attempts"] += 1 if share > 0 else 0
            line["wait"] += overlap(job_end, began, since) if waited else 0
            line["starts"] += 1 if waited else 0
        ran = ran or share > 0
        job_end = ended
        began = ended + dice.uniform(1, 5000)
    with open(f"{where}/attempts.jsonl", "w") as file:
        file.write("".join(json.dumps(line) + "\n" for line in text) + '{"event":"start","attempt":99,"time"')
    size = 0
    for step in range(dice.randint(0, 3)):
        os.makedirs(f"{where}/checkpoints/step_{step}/node_0")
        size += (one := dice.randint(1, 100000))
        with open(f"{where}/checkpoints/step_{step}/node_0/shard_0.h5", "wb") as file:
            file.write(os.urandom(one))
    if PEOPLE[0] >= 12000:
        os.chown(f"{where}/attempts.jsonl", uid, uid)
    for line in lines:
        line["runs"] += 1 if ran else 0
        line["checkpoint_bytes"] += size


def usage(space, *words, environment=None, code=0):
    done = subprocess.run([TRIREME, "usage", *words], cwd=space.path, capture_output=True, text=True, timeout=120,
                          env={**os.environ, **(environment or {})}, check=False)
    check(done.returncode == code, f"usage {words} left with {done.returncode}: {done.stdout}{done.stderr}")
    return done


def same(shown, sums, what):
    wanted = {key: line for key, line in sums.lines.items() if line["attempts"] or line["checkpoint_bytes"]}
    check({(line["name"], line["gpus"]) for line in shown} == set(wanted), f"{what}: {shown} for {wanted}")
    for line in shown:
        want = wanted[(line["name"], line["gpus"])]
        for unit in UNITS:
            check(math.isclose(line[unit], want[unit], rel_tol=1e-9, abs_tol=1e-6), f"{what} {unit}: {line}, {want}")
        for unit in ("runs", "attempts", "checkpoint_bytes"):
            check(line[unit] == want[unit], f"{what} {unit}: {line}, {want}")
        check(line["waits"]["starts"] == want["starts"], f"{what}: {line}, {want}")
        check(abs(line["waits"]["seconds"] - want["wait"]) < 1e-3, f"{what}: {line}, {want}")


def top(amounts):
    amounts = sorted((amount for amount in amounts if amount > 0), reverse=True)
    return sum(amounts[:math.ceil(len(amounts) / 20)]) / sum(amounts)


def no_slurm(space):
    """A PATH on which env is, and no Slurm."""
    os.makedirs(space / "bin", exist_ok=True)
    if not os.path.exists(space / "bin/env"):
        os.symlink("/usr/bin/env", space / "bin/env")
    return {"PATH": space / "bin"}


def sums_of_a_tree():
    dice = random.Random(SEED)
    with Workspace() as space:
        days = 10
        # The program's "now" is some moment later than NOW, and its window begins that much later too.
        sums = (Sums(), Sums())
        for number in range(60):
            folder = dice.choice(("vision", "speech", "vision/old"))
            make_run(space, dice, f"tree/{folder}/runs/run{number}", dice.choice(PEOPLE), number % 3 == 0,
                     dice.choice((0.5, 3, 9, 40)), sums, NOW - days * DAY)
        # Attempts that the window's edge cuts are tested with a fixed window in usage_report_test.cpp: here none begins
        # between 9 and 40 days ago.
        shown = json.loads(usage(space, "--tree", "tree", "--days", str(days), "--json", environment=no_slurm(space)).stdout)
        same(shown["people"], sums[0], "people")
        same(shown["projects"], sums[1], "projects")
        check(shown["runs"] <= 60 and shown["impossible_attempts"] == 0 and not shown["sacct"], f"{shown}")
        for share in (share for share in shown["top"] if share["of"] == "people"):
            want = top([line["used_hours"] for (_, gpus), line in sums[0].lines.items() if gpus == share["gpus"]])
            check(math.isclose(share["share"], want, rel_tol=1e-9), f"{share} for {want}")
        check(any(share["of"] == "people" for share in shown["top"]), f"{shown['top']}")
        table = usage(space, "--tree", "tree", "--days", str(days), environment=no_slurm(space)).stdout
        check(all(name_of(uid) in table for uid in PEOPLE if (name_of(uid), False) in sums[0].lines), table)
        check(max(map(len, table.splitlines())) <= 100, table)
        check("note: there is no sacct here" in table, table)
        twice = json.loads(usage(space, "--tree", "tree", "--tree", "tree/vision", "--days", str(days), "--json",
                                 environment=no_slurm(space)).stdout)
        same(twice["people"], sums[0], "people of two trees, one in the other")
        say(f"60 runs of {len(PEOPLE)} people: every sum as computed here (seed {SEED})")


def hostile_trees():
    with Workspace() as space:
        good = [start_line(1, NOW - 5000, 10, 4, False), end_line(1, NOW - 4000, 4000, 100, 0)]
        ledger = "".join(json.dumps(line) + "\n" for line in good)
        space.write("tree/good/attempts.jsonl", ledger)
        space.write("tree/\x1b[2Jesc\u202e\n/run/attempts.jsonl", ledger)
        space.write("tree/torn/attempts.jsonl", ledger[:-30])
        space.write("tree/binary/attempts.jsonl", "\0\x01\x02\n" * 100 + "[" * 100000 + "\n")
        space.write("tree/run.ini/attempts.jsonl", ledger.replace("4000", "1e300"))
        space.write("tree/nan/attempts.jsonl", ledger.replace('"device_seconds": 4000', '"device_seconds": NaN'))
        space.write("tree/negative/attempts.jsonl", ledger.replace('"device_seconds": 4000', '"device_seconds": -4000'))
        space.write("tree/future/attempts.jsonl", ledger.replace(str(good[0]["time"]), str(NOW * 3)))
        os.makedirs(space / "tree/fifo/control")
        os.mkfifo(space / "tree/fifo/attempts.jsonl")
        os.symlink("/", space / "tree/everything")
        os.symlink("..", space / "tree/good/loop")
        os.symlink("/etc/passwd", space / "tree/good/lease")
        os.makedirs(space / "tree/linked")
        os.symlink(space / "tree/good/attempts.jsonl", space / "tree/linked/attempts.jsonl")
        os.makedirs(space / "tree/closed/run", 0o755)
        os.chmod(space / "tree/closed", 0)
        who = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"] if os.geteuid() == 0 else []
        os.chmod(space.path, 0o755)
        who[:1] = [shutil.which("setpriv")] if who else []
        words = [TRIREME, "usage", "--tree", space / "tree"]
        done = subprocess.run([*who, *words, "--json"], capture_output=True, text=True, timeout=60, env=no_slurm(space))
        check(done.returncode == 0, f"{done}")
        shown = json.loads(done.stdout)
        check(sum(line["attempts"] for line in shown["people"]) >= 2, f"{shown}")
        check(math.isclose(sum(line["used_hours"] for line in shown["projects"] if line["name"] == "tree/"),
                           4000 / 3600 + unended(shown), rel_tol=1e-6), f"{shown}")
        notes = " ".join(shown["notes"])
        for part in ("1 directories could not be read", "2 links to directories", "2 ledgers could not be read",
                     "impossible"):
            check(part in notes, f"{part} is not in {notes}")
        check(shown["impossible_attempts"] >= 3, f"{shown}")
        text = subprocess.run([*who, *words], capture_output=True, text=True, timeout=60, env=no_slurm(space)).stdout
        check("\x1b" not in text and "\u202e" not in text and "\\x1B[2Jesc" in text, repr(text))
        check(all(line.isprintable() for line in text.splitlines()), repr(text))
        for bad in (["--tree", space / "none"], ["--tree", space / "tree/good/attempts.jsonl"], ["--days", "0"], ["word"]):
            usage(space, *bad, code=2)
        os.chmod(space / "tree/closed", 0o755)
    say("hostile trees: one good sum, and a sentence for everything that was left out")


def unended(shown):
    """Hours of attempts that left no readable end: 40 device seconds of start-up each."""
    attempts = sum(line["attempts"] for line in shown["projects"] if line["name"] == "tree/")
    return (attempts - 1) * 40 / 3600


def accounting():
    """sacct and sshare are asked once each; what they say of a run's job wins, and others' jobs are there too."""
    with Workspace() as space:
        stamp = lambda seconds: time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(seconds))
        begin = math.floor(NOW) - 7200
        space.write("runs/mine/attempts.jsonl", "".join(json.dumps(line) + "\n" for line in (
            start_line(1, begin, 10, 4, False, "41"), end_line(1, begin + 3600, 14400, 40, 0))))
        rows = [f"41|lab|ada|physics|{stamp(begin - 900)}|{stamp(begin - 600)}|{stamp(begin)}|{stamp(begin + 3600)}|cpu=4,node=1",
                f"42|lab|eve\x1b[2J|chem|{stamp(begin)}|{stamp(begin)}|{stamp(begin + 60)}|{stamp(begin + 3660)}|"
                "cpu=8,gres/gpu:a100=2,gres/gpu=2",
                f"43|lab|ada|physics|{stamp(begin)}|{stamp(begin)}|Unknown|Unknown|"]
        space.write("answers", "\n".join(rows) + "\n")
        for name, text in (("sacct", f"cat {space / 'answers'}"), ("sshare", "echo 'physics|ada|1|0.5|0.25|0.125'")):
            space.write(f"slurm/{name}", f'#!/bin/sh\necho "$0 $*" >>{space / "calls"}\n{text}\n')
            os.chmod(space / f"slurm/{name}", 0o755)
        path = {"PATH": f"{space / 'slurm'}:{os.environ['PATH']}", "SLURM_CLUSTERS": "elsewhere"}
        shown = json.loads(usage(space, "--json", environment=path).stdout)
        (project,) = shown["projects"]
        check(project["name"] == "physics" and project["waits"] == {"seconds": 600, "starts": 1}, f"{project}")
        jobs = {line["name"]: line for line in shown["jobs"]}
        check(math.isclose(jobs["ada"]["cpu_hours"], 4) and jobs["ada"]["fair_share"] == 0.125, f"{jobs}")
        eve = jobs["eve\x1b[2J"]
        check(math.isclose(eve["gpu_hours"], 2) and math.isclose(eve["cpu_hours"], 8), f"{jobs}")
        check(shown["sacct"] and shown["sshare"] and shown["notes"] == [], f"{shown}")
        calls = open(space / "calls").read().splitlines()
        check([call.split()[0].rsplit("/", 1)[1] for call in calls] == ["sacct", "sshare"], f"{calls}")
        check("\x1b" not in usage(space, environment=path).stdout, "a user's name moves the cursor")
        space.write("slurm/sacct", "#!/bin/sh\necho 'sacct: error: slurmdbd is away' >&2; exit 1\n")
        shown = json.loads(usage(space, "--json", environment=path).stdout)
        check("slurmdbd is away" in shown["notes"][0] and not shown["sacct"] and shown["jobs"] == [], f"{shown}")
        check(shown["projects"][0]["name"] == os.path.basename(space.path) + "/", f"{shown['projects']}")
    say("sacct and sshare: one question each")


def speed():
    """1,000 runs with 50 attempts each; the time is printed, not judged."""
    with Workspace() as space:
        ledger = []
        for number in range(1, 51):
            began = NOW - 20 * DAY + number * 9000
            ledger += [start_line(number, began, 10, 64, True, "7", number), end_line(number, began + 8000, 500000, 5000, 9)]
        text = "".join(json.dumps(line) + "\n" for line in ledger)
        for number in range(1000):
            space.write(f"p{number % 7}/runs/r{number}/attempts.jsonl", text)
            space.write(f"p{number % 7}/runs/r{number}/run.ini", "[slurm]\naccount = physics\n[model]\nlayers = 2\n")
        begin = time.monotonic()
        shown = json.loads(usage(space, "--json", environment=no_slurm(space)).stdout)
        seconds = time.monotonic() - begin
        check(sum(line["attempts"] for line in shown["people"]) == 50000, f"{shown['people']}")
    say(f"1,000 runs with 50 attempts each in {seconds:.2f} s")


sums_of_a_tree()
hostile_trees()
accounting()
speed()
