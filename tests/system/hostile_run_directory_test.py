"""Run directories in which somebody put links, FIFOs, devices, huge files and foreign names in the places of the run's own
files (docs/security.md): every command ends with one sentence at most, in bounded memory, and leaves everything outside
the run directory as it was."""

import json
import os
import shutil
import stat
import subprocess

from support import TRIREME, Workspace, causes, check, make_data, run_file, say, tiny_model

SECRET = "-----BEGIN PRIVATE KEY----- 5f4dcc3b5aa765d6"
RUN = "runs/hostile"
ANOTHER = 54321  # a user id that nobody has
MIB = 1 << 20
# The run's own files, and whether a training refuses to start when something else is in their place.
OWN = {"attempts.jsonl": True, "lease": True, "metrics.jsonl": True, "run.ini": False, "control/save": False,
       "logs/outcome.1": False, "checkpoints/LATEST": False, "checkpoints/VERIFIED": False}
STOP = "control/stop"  # a request whatever it is: the training ends with 75
SITE = ("--site", os.path.join(os.environ["TRIREME_SOURCE"], "examples/site-lab.ini"), "--slurm.nodes=1",
        "--slurm.ranks_per_node=1", "--slurm.time=1:00:00")
LIGHT = [("status", RUN), ("status", "--json", RUN), ("save", RUN), ("resume", RUN), ("stop", RUN), ("resume", RUN),
         ("report", RUN, "-o", "page.html", "--force"), ("checkpoint", "list", RUN), ("checkpoint", "prune", "--dry-run", RUN),
         ("job", "next", "hostile.ini", "--dir", RUN)]


class Place:
    """A finished run, copied anew for each case, and victims beside it."""

    def __init__(self, space):
        self.space = space
        self.count = 0
        self.most = 0
        self.victims = {"bashrc": f"export PATH\n{SECRET}\n", "precious/deep/work": SECRET, "precious/step_2/work": SECRET}
        for name, text in self.victims.items():
            space.write(f"home/{name}", text)
        space.write("hostile.ini", run_file("hostile", model=tiny_model(layers=1), data={"train": "data.h5"},
                                            train={"steps": 2, "global_batch": 2, "micro_batch": 2},
                                            checkpoint={"every_steps": 1, "keep": 2, "preflight": "false"}))
        space.must("train", "hostile.ini")
        os.rename(space / RUN, space / "clean")

    def home(self, name=""):
        return self.space / os.path.join("home", name)

    def reset(self):
        shutil.rmtree(self.space / RUN, ignore_errors=True)
        shutil.copytree(self.space / "clean", self.space / RUN, symlinks=True)
        return self.space / RUN

    def put(self, run, name, kind):
        """Something else in the place of a file of the run."""
        path = os.path.join(run, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.lexists(path):
            os.unlink(path)
        if kind == "link":
            os.symlink(self.home("bashrc"), path)
        elif kind == "link to nothing":
            os.symlink(self.home("new"), path)
        elif kind == "link to a device":
            os.symlink("/dev/zero", path)
        elif kind == "FIFO":
            os.mkfifo(path)
        elif kind == "directory":
            os.mkdir(path)
        elif kind == "huge":
            with open(path, "wb") as file:
                file.truncate(1 << 30)
        elif kind == "device":
            os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))

    def run(self, what, words, memory, environment=None, user=None):
        """Returns the finished process; what holds for every command is checked here."""
        as_user = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
        process = subprocess.Popen([*as_user, TRIREME, *words], cwd=self.space.path, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, errors="replace",
                                   env={**os.environ, "XDG_CACHE_HOME": self.space / "cache",
                                        **({"SLURM_JOB_ID": "4711"} if words[0] == "job" else {}), **(environment or {})})
        with process.stdout:
            said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        what = f"{' '.join(words[:2])} with {what}"
        check(process.returncode in (0, 1, 2, 75), f"{what}: left with {process.returncode}: {said}")
        check(len(causes(said)) <= 1, f"{what}: more than one cause: {said}")
        finds = words[0] == "checkpoint" and process.returncode == 1  # what is damaged stands in the answer
        check(finds or bool(causes(said)) == (process.returncode in (1, 2)), f"{what}: {process.returncode} and said {said}")
        check(usage.ru_maxrss * 1024 < memory, f"{what}: took {usage.ru_maxrss >> 10} MiB")
        check(SECRET not in said, f"{what}: printed the secret: {said}")
        if os.path.exists(self.space / "page.html"):
            with open(self.space / "page.html", encoding="utf-8") as file:
                check(SECRET not in file.read(), f"{what}: the page holds the secret")
            os.remove(self.space / "page.html")
        self.intact(what)
        self.count += 1
        process.said = said
        return process

    def light(self, what, words, **more):
        return self.run(what, words, 200 * MIB, **more)

    def train(self, what, *words, **more):
        return self.run(what, ("train", "hostile.ini", *words), 1024 * MIB, **more)

    def intact(self, what):
        for name, text in self.victims.items():
            check(os.path.isfile(self.home(name)), f"{what}: {name} was deleted")
            with open(self.home(name), encoding="utf-8") as file:
                check(file.read() == text, f"{what}: {name} was changed")
        check(sorted(os.listdir(self.home())) == ["bashrc", "precious"], f"{what}: home holds {os.listdir(self.home())}")
        check(sorted(os.listdir(self.home("precious"))) == ["deep", "step_2"], f"{what}: something went from precious")
        for folder, _, names in os.walk(self.space / RUN):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.islink(path) or not os.path.isfile(path) or os.path.getsize(path) > MIB:
                    continue
                with open(path, "rb") as file:
                    check(SECRET.encode() not in file.read(), f"{what}: the secret was copied to {path}")


def kinds():
    kinds = ["link", "link to nothing", "link to a device", "FIFO", "directory", "huge"]
    return [*kinds, "device"] if os.geteuid() == 0 else kinds


def light_commands(place):
    for name in [*OWN, STOP]:
        for kind in kinds():
            run = place.reset()
            place.put(run, name, kind)
            for words in LIGHT:
                place.light(f"{name} a {kind}", words)
    say(f"commands on a login node: {place.count}")


def submits(place):
    for name in ("attempts.jsonl", "metrics.jsonl", "run.ini", STOP):
        for kind in ("link", "FIFO", "huge"):
            place.put(place.reset(), name, kind)
            done = place.light(f"{name} a {kind}", ("submit", "hostile.ini", "--dry-run", *SITE))
            refused = name == "attempts.jsonl"
            check(done.returncode == (2 if refused else 0), f"submit --dry-run with {name} a {kind}: {done.said}")
    say("submit --dry-run: nothing read, nothing written")


def trainings(place):
    for name, refused in OWN.items():
        for kind in ("link", "FIFO", "huge") if name in ("attempts.jsonl", "lease") else ("link", "FIFO"):
            run = place.reset()
            place.put(run, name, kind)
            done = place.train(f"{name} a {kind}")
            if refused:
                words = "is longer than" if kind == "huge" else f"is a {'symbolic link' if kind == 'link' else kind}"
                check(done.returncode == 2 and f"{RUN}/{name} {words}" in done.said, f"train with {name} a {kind}: {done.said}")
            else:
                check(done.returncode == 0, f"train with {name} a {kind}: {done.said}")
    for kind in ("link", "FIFO", "huge"):
        place.put(place.reset(), STOP, kind)
        check(place.train(f"{STOP} a {kind}").returncode == 75, f"a stop that is a {kind} is not a request")
    say("train: refused or replaced")


def ledger(place, run, **changes):
    line = {"event": "start", "attempt": 1, "time": 1700000000.0, "run_id": "1-2-3-4", "reason": "first start",
            "job": "4711", "layout": "tp1", "ranks": 1, "steps": 2, "first_step": 0, **changes}
    with open(os.path.join(run, "attempts.jsonl"), "w", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def names_that_are_paths(place):
    """A run id that leads out of checkpoint.fast_dir, to job next and to a training that deletes its fast tier."""
    space = place.space
    os.makedirs(space / "fast/trireme-x")
    space.write("bin/srun", '#!/bin/sh\nwhile [ "$1" != rm ]; do shift; done\nexec "$@"\n')
    os.chmod(space / "bin/srun", 0o755)
    path = {"PATH": f"{space / 'bin'}:{os.environ['PATH']}", "SLURM_JOB_ID": "4711", "SLURM_JOB_NODELIST": "n1"}
    fast = f"--checkpoint.fast_dir={space / 'fast'}"
    for run_id in ("x/../../home/precious", "x/../../home", "/", "..", "x\n/"):
        run = place.reset()
        ledger(place, run, run_id=run_id)
        shutil.rmtree(os.path.join(run, "logs"))
        done = place.light(f"run id {run_id!r}", ("job", "next", "hostile.ini", "--dir", RUN, fast, "--attempt", "1",
                                                  "--attempts", "1", "--launcher-exit", "2"), environment=path)
        check("end\n" in done.said, f"job next went on: {done.said}")
        done = place.train(f"run id {run_id!r}", fast, "--checkpoint.fast_every_steps=1", "--train.steps=3")
        check(done.returncode == 0 and f"{space / 'fast'}/trireme-" in done.said, f"train: {done.said}")
    # A good one is deleted: the check above would notice if it were not.
    run = place.reset()
    os.makedirs(space / "fast/trireme-1-2-3-4/checkpoints")
    ledger(place, run)
    shutil.rmtree(os.path.join(run, "logs"))
    place.light("a good run id", ("job", "next", "hostile.ini", "--dir", RUN, fast, "--attempt", "1", "--attempts", "1",
                                  "--launcher-exit", "2"), environment=path)
    check(not os.path.exists(space / "fast/trireme-1-2-3-4"), "job next did not delete the fast tier of a good id")
    say("run ids that are paths delete nothing")


def fast_tier(place):
    fast = place.space / "fast2"
    os.makedirs(fast)
    words = (f"--checkpoint.fast_dir={fast}", "--checkpoint.fast_every_steps=1", "--train.steps=3")
    ours = os.path.join(fast, "trireme-1-2-3-4")
    ledger(place, place.reset())
    os.symlink(place.home("precious"), ours)
    done = place.train("the fast tier a link", *words)
    check(done.returncode == 2 and "is no directory" in done.said, f"fast tier behind a link: {done.said}")
    os.unlink(ours)
    if os.geteuid() == 0:
        os.mkdir(ours)
        os.chown(ours, ANOTHER, ANOTHER)
        done = place.train("the fast tier another user's", *words)
        check(done.returncode == 2 and f"belongs to user {ANOTHER}" in done.said, f"another's fast tier: {done.said}")
    say("fast tier: a directory of our own or none")


def trash(place):
    for name in (".trash", ".step_9.1.x.partial", "LATEST.1.tmp"):
        run = place.reset()
        os.symlink(place.home("precious"), os.path.join(run, "checkpoints", name))
        done = place.train(f"checkpoints/{name} a link", "--train.steps=5")
        check(done.returncode == 0, f"train with checkpoints/{name} a link: {done.said}")
        check(not os.path.islink(os.path.join(run, "checkpoints", name)), f"{name} stays")
    run = place.reset()
    os.rename(os.path.join(run, "checkpoints"), place.space / "scratch")
    os.symlink(place.space / "scratch", os.path.join(run, "checkpoints"))
    done = place.train("checkpoints on scratch", "--train.steps=5")
    check(done.returncode == 0 and os.path.isdir(place.space / "scratch/step_5"), f"checkpoints/ linked to scratch: {done.said}")
    say("checkpoints: nothing deleted behind links; a linked folder works")


def checkpoints(place):
    """What a manifest or its files may ask for."""
    for name in ("MANIFEST.json", "BOXES.bin", "node_0/shard_0.h5"):
        for kind in ("FIFO", "huge", "link to a device", "directory"):
            run = place.reset()
            place.put(run, f"checkpoints/step_2/{name}", kind)
            step = f"{RUN}/checkpoints/step_2"
            for words in (("verify", step), ("inspect", step), ("diff", step, f"{RUN}/checkpoints/step_1"),
                          ("copy", step, "copied"), ("view", step, "-o", "view.h5"), ("list", RUN)):
                done = place.run(f"{name} a {kind}", ("checkpoint", *words), 400 * MIB)
                good = words[0] == "list" or (words[0] == "inspect" and name.startswith("node"))
                check(done.returncode != 0 or good, f"checkpoint {words[0]} with {name} a {kind}: {done.said}")
            check(not os.path.exists(place.space / "copied/step_2"), "a damaged checkpoint was copied")
    place.put(place.reset(), "checkpoints/step_2/MANIFEST.json", "huge")
    done = place.train("a huge manifest")
    check(done.returncode == 0 and "longer than 1 MiB; trying the next older one" in done.said,
          f"the older checkpoint was not taken: {done.said}")
    say("checkpoint commands: damage, not waiting")


def run_files(place):
    place.reset()
    with open(place.space / "huge.ini", "wb") as file:
        file.truncate(1 << 30)
    for words in (("submit", "huge.ini", "--dry-run", *SITE), ("job", "next", "huge.ini", "--dir", RUN)):
        done = place.light("a huge run file", words)
        check(done.returncode == 2 and "huge.ini is longer than" in done.said, f"{done.said}")
    with open(os.path.join(place.space / RUN, "attempts.jsonl"), "a", encoding="utf-8") as file:
        file.write('{"event":"start","attempt":2,"reason":"' + "x" * (64 * MIB) + '"}\n')
        for number in range(3, 30000):
            file.write(f'{{"event":"start","attempt":{number},"run_id":"1-2"}}\n')
    done = place.light("a huge line", ("status", "--json", RUN))
    check(json.loads(done.said)["runs"][0]["attempt"] == 29999, f"lines after a huge one: {done.said[:300]}")
    say("run files and ledgers: bounded")


def owners(place):
    """Another user's ledger; root in a user's run; colleagues who may write to control/ alone."""
    if os.geteuid() != 0:
        say("not root: files of other users were not tried")
        return
    run = place.reset()
    os.chown(os.path.join(run, "attempts.jsonl"), ANOTHER, ANOTHER)
    for words in (("train", "hostile.ini"), ("job", "next", "hostile.ini", "--dir", RUN)):
        done = place.run("another user's ledger", words, 1024 * MIB)
        check(done.returncode == 2 and f"belongs to user {ANOTHER}" in done.said, f"{words}: {done.said}")
    check("done" in place.light("another user's ledger", ("status", RUN)).said, "status of a colleague's run")
    os.chmod(place.space.path, 0o755)
    for folder, folders, names in os.walk(run):
        for name in [".", *folders, *names]:
            os.chown(os.path.join(folder, name), ANOTHER, ANOTHER)
    for user in (None, ANOTHER):
        done = place.light("a user's own run", ("status", RUN), user=user)
        check("done" in done.said, f"status as {user}: {done.said}")
        check(place.light("a user's own run", ("stop", RUN), user=user).returncode == 0, "stop")
        check(place.light("a user's own run", ("resume", RUN), user=user).returncode == 0, "resume")
    colleague, control = ANOTHER + 1, os.path.join(run, "control")
    done = place.light("a stranger's run", ("stop", RUN), user=colleague)
    check(done.returncode == 1 and "may not write" in done.said, f"a stranger's stop: {done.said}")
    os.chown(control, ANOTHER, colleague)
    os.chmod(control, 0o2775)
    check(place.light("a shared control/", ("stop", RUN), user=colleague).returncode == 0, "a colleague's stop")
    os.unlink(os.path.join(run, "attempts.jsonl"))  # of a run that is done status says nothing more
    with open(os.path.join(control, "stop"), "w", encoding="utf-8") as file:
        file.write('{"user": "director"}')
    done = place.light("a shared control/", ("status", "--json", RUN))
    check(f"user {colleague}" in done.said and "director" not in done.said, f"who asked: {done.said}")
    say("owners: whose word counts, and who asked")


def main():
    with Workspace() as space:
        make_data(space)
        place = Place(space)
        light_commands(place)
        submits(place)
        run_files(place)
        checkpoints(place)
        names_that_are_paths(place)
        fast_tier(place)
        trash(place)
        owners(place)
        trainings(place)
        say(f"{place.count} commands: no victim touched")


if __name__ == "__main__":
    main()
