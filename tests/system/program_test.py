"""A [program] run on this machine: the contract of docs/program.md, with small programs that keep and break it.

Nothing here knows Trireme but by its command line, the run directory and what the program is given."""

import json
import os
import random
import signal
import sys
import time

from support import Workspace, at_once, causes, check, say, wait_until

RUN_FILE = """
[program]
command = {command}
{more}
"""

# Counts to {steps} in steps of 20 ms, saves every tenth and when it is asked, goes on from there.
COUNTER = """
import json, os, signal, sys, time
run = os.environ["TRIREME_RUN_DIR"]
asked = []
signal.signal(signal.SIGTERM, lambda *_: asked.append("TERM"))
signal.signal(signal.SIGUSR2, lambda *_: asked.append("save"))
step, value = 0, 1.0
if os.environ["TRIREME_RESUME"] == "1" and os.path.exists(run + "/metrics.jsonl"):
    # The last state that a line speaks of: a kill may have come between a state and its line.
    saved = [line["saved_step"] for line in map(json.loads, open(run + "/metrics.jsonl")) if line.get("saved_step")]
    if saved:
        step, value = json.load(open(f"{run}/state_{saved[-1]}"))
if step == 0:
    print(json.dumps({"saved_step": 0}), file=open(run + "/metrics.jsonl", "a"))
open(run + "/starts", "a").write(json.dumps([step, os.environ["TRIREME_ATTEMPT"], os.environ["TRIREME_SEED"]]) + "\\n")
steps = int(sys.argv[1])
while step < steps:
    time.sleep(0.02)
    step, value = step + 1, (value * 1.1) % 7
    line = {"step": step, "steps": steps, "loss": value}
    now = list(asked)  # a signal that comes later is for the next step
    if now or step % 10 == 0 or step == steps:
        json.dump([step, value], open(run + "/new", "w"))
        os.replace(run + "/new", f"{run}/state_{step}")
        line["saved_step"] = step
    print(json.dumps(line), file=open(run + "/metrics.jsonl", "a"))
    if "TERM" in now:
        open(run + "/asked", "a").write(json.dumps([now, open(os.environ["TRIREME_STOP_FILE"]).read()]) + "\\n")
        sys.exit(75)
    del asked[:len(now)]
"""


def run_file(space, name, command, more=""):
    return space.write(f"{name}.ini", RUN_FILE.format(command=command, more=more))


def counter(space, name, steps, more=""):
    space.write("counter.py", COUNTER)
    run_file(space, name, f"{sys.executable} counter.py {steps}", more)


def metrics(space, name):
    path = space / f"runs/{name}/metrics.jsonl"
    if not os.path.exists(path):
        return []
    return [json.loads(line) for line in open(path) if line.endswith("\n")]


def ends(space, name):
    lines = [json.loads(line) for line in open(space / f"runs/{name}/attempts.jsonl")]
    return [line for line in lines if line["event"] == "end"]


def wait_step(space, name, process, step):
    wait_until(lambda: any(line.get("step", 0) >= step for line in metrics(space, name)), process, f"step {step}")


def status(space, name):
    return json.loads(space.must("status", f"runs/{name}", "--json").stdout)["runs"][0]


def same_numbers(space, name, steps):
    """Every step once, with the numbers of a run that nobody disturbed."""
    value, expected = 1.0, []
    for step in range(1, steps + 1):
        value = (value * 1.1) % 7
        expected.append((step, value))
    got = [(line["step"], line["loss"]) for line in metrics(space, name) if "loss" in line]
    check(got == expected, f"{name}: {len(got)} lines instead of {steps}, or other numbers: {got[-3:]}")


def stopped_and_resumed(space):
    counter(space, "stop", 120, "stop_seconds = 20")
    process = space.start("train", "stop.ini", output="stop.txt")
    wait_step(space, "stop", process, 15)
    check(status(space, "stop")["state"] == "running", status(space, "stop"))
    process.send_signal(signal.SIGUSR1)  # what the batch script sends; the program gets its own stop_signal
    check(process.wait(60) == 75, f"left with {process.returncode}")
    asked, told = json.loads(open(space / "runs/stop/asked").readline())
    check(asked == ["TERM"], f"asked {asked}")
    check(0 < json.loads(told)["seconds"] <= 20 and json.loads(told)["deadline"] > time.time() - 60, told)
    end = ends(space, "stop")[0]
    check(end["reason"] == "stopped by SIGUSR1" and end["last_step"] == end["saved_step"] >= 15, end)
    check(status(space, "stop")["state"] == "stopped", status(space, "stop"))

    process = space.start("train", "stop.ini", output="stop.txt")
    wait_step(space, "stop", process, end["last_step"] + 10)
    space.must("stop", "runs/stop")
    check(process.wait(60) == 75, "trireme stop")
    outcome = json.load(open(space / "runs/stop/logs/outcome.2"))
    check(not outcome["come_back"] and "request" in outcome["reason"], outcome)
    held = space.run("train", "stop.ini")
    check(held.returncode == 75, held.stderr)
    space.must("resume", "runs/stop")
    space.must("train", "stop.ini")
    same_numbers(space, "stop", 120)
    check(status(space, "stop")["state"] == "done" and status(space, "stop")["steps"] == 120, status(space, "stop"))
    again = space.must("train", "stop.ini")
    check("done already" in again.stderr and len(ends(space, "stop")) == 3, again.stderr)
    say("stopped by a signal and by trireme stop, resumed twice: every step once, the same numbers")


def killed(space):
    """kill -9 of the supervisor at random: the program dies with it, and no line is lost or doubled."""
    counter(space, "kill", 200)
    seed = int(os.environ.get("TRIREME_SEED", random.randrange(10**6)))
    rng = random.Random(seed)
    say(f"kills: TRIREME_SEED={seed}")
    for attempt in range(3):
        process = space.start("train", "kill.ini", output="kill.txt")
        wait_until(lambda attempt=attempt: len(starts(space / "runs/kill")) > attempt, process, "the program")
        time.sleep(rng.uniform(0, 0.7))
        process.kill()
        process.wait()
        wait_until(lambda: not program_processes(space / "runs/kill"), None, "the end of the program")
    space.must("train", "kill.ini")
    same_numbers(space, "kill", 200)
    reasons = [end["reason"] for end in ends(space, "kill")]
    check(reasons == ["killed"] * 3 + ["done"], reasons)
    lost = [end["lost_seconds"] for end in ends(space, "kill")]
    check(all(0 <= seconds < 60 for seconds in lost), lost)
    say("killed three times: every step once, the same numbers")


def starts(directory):
    return open(f"{directory}/starts").readlines() if os.path.exists(f"{directory}/starts") else []


def program_processes(directory):
    mark = f"TRIREME_RUN_DIR={directory}".encode()
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/environ", "rb") as file, open(f"/proc/{entry}/stat", "rb") as state:
                if mark in file.read().split(b"\0") and b") Z" not in state.read():
                    found.append(int(entry))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def paused(space):
    counter(space, "pause", 60)
    done = space.run("train", "pause.ini", "--run.pause_at=25")
    check(done.returncode == 75, done.stdout + done.stderr)
    end = ends(space, "pause")[0]
    check(end["reason"].startswith("paused at step") and 25 <= end["saved_step"] < 60, end)
    check(status(space, "pause")["state"] == "paused", status(space, "pause"))
    check(space.run("train", "pause.ini", "--run.pause_at=20").returncode == 75, "a run past the pause")
    space.must("train", "pause.ini")
    same_numbers(space, "pause", 60)
    say("paused at a step and promoted")


def saved(space):
    counter(space, "save", 400, "save_signal = USR2")
    process = space.start("train", "save.ini", output="save.txt")
    wait_step(space, "save", process, 11)
    space.must("save", "runs/save")
    wait_until(lambda: any(line.get("saved_step", 0) % 10 for line in metrics(space, "save")), process, "a save between")
    check(process.wait(60) == 0, open(space / "save.txt").read())
    check(not os.path.exists(space / "runs/save/control/save"), "the request is still there")
    counter(space, "never", 500)
    space.run("train", "never.ini", "--run.pause_at=5")
    refused = space.run("save", "runs/never")
    check(refused.returncode == 2 and "save_signal" in refused.stderr, refused.stderr)
    say("trireme save: saved when asked, and went on")


def codes(space):
    for code, expected, word in ((0, 0, "done"), (1, 1, "failed"), (2, 2, "refused its input"), (75, 75, "by itself"),
                                 (9, 1, "exit code 9"), (127, 1, "not found")):
        run_file(space, f"code{code}", f"exit {code}")
        done = space.run("train", f"code{code}.ini")
        check(done.returncode == expected, f"exit {code} became {done.returncode}")
        check(word in ends(space, f"code{code}")[0]["reason"], ends(space, f"code{code}"))
        check(len(causes(done.stderr)) == (1 if expected in (1, 2) else 0), done.stderr)
    run_file(space, "signal", "kill -SEGV $$")
    check(space.run("train", "signal.ini").returncode == 1, "a crash")
    check("signal 11" in ends(space, "signal")[0]["reason"], ends(space, "signal"))
    say("exit codes 0, 1, 2, 75, others and signals")


def knows_nothing(space):
    """A program that handles no signal and says nothing is ended by the stop signal, and may come back."""
    run_file(space, "plain", "echo $TRIREME_RESUME >>$TRIREME_RUN_DIR/resume; sleep 60; echo never")
    process = space.start("train", "plain.ini", output="plain.txt")
    wait_until(lambda: os.path.exists(space / "runs/plain/resume"), process, "the program")
    process.send_signal(signal.SIGTERM)
    check(process.wait(30) == 75, f"left with {process.returncode}: {open(space / 'plain.txt').read()}")
    outcome = json.load(open(space / "runs/plain/logs/outcome.1"))
    check(outcome["come_back"], outcome)
    process = space.start("train", "plain.ini", output="plain.txt")
    wait_until(lambda: open(space / "runs/plain/resume").read() == "0\n1\n", process, "TRIREME_RESUME=1")
    process.send_signal(signal.SIGTERM)
    check(process.wait(30) == 75, f"left with {process.returncode}")
    # One that will not end is killed when its time is over, with what it started.
    run_file(space, "deaf", "trap '' TERM; touch $TRIREME_RUN_DIR/up; while :; do sleep 1; done", "stop_seconds = 1")
    process = space.start("train", "deaf.ini", output="deaf.txt")
    wait_until(lambda: os.path.exists(space / "runs/deaf/up"), process, "the program")
    process.send_signal(signal.SIGTERM)
    check(process.wait(30) == 75, f"left with {process.returncode}")
    check("did not end within 1 s" in ends(space, "deaf")[0]["reason"], ends(space, "deaf"))
    check(not program_processes(space / "runs/deaf"), "something of it still runs")
    say("programs that know nothing of signals: ended, killed in time, and brought back")


def shells(space):
    """The signal goes to the process that works, once, also behind a shell, which begins nothing more; a script that
    traps gets it itself."""
    space.write("trap.sh", "trap 'echo got >>$TRIREME_RUN_DIR/got; exit 75' TERM\ntouch $TRIREME_RUN_DIR/up\n"
                           "while :; do sleep 0.1; done\n")
    run_file(space, "script", "bash trap.sh")
    run_file(space, "behind", "cd . && bash trap.sh; echo after >>$TRIREME_RUN_DIR/got")
    for name, got in (("script", "got\n"), ("behind", "got\n")):
        process = space.start("train", f"{name}.ini", output=f"{name}.txt")
        wait_until(lambda name=name: os.path.exists(space / f"runs/{name}/up"), process, "the script")
        process.send_signal(signal.SIGTERM)
        check(process.wait(30) == 75, f"{name} left with {process.returncode}")
        check(open(space / f"runs/{name}/got").read() == got, open(space / f"runs/{name}/got").read())
    say("shells: one signal, to the process that works")


def parameters(space):
    run_file(space, "params", "printf '%s|' {a} {b} $TRIREME_PARAM_a \"$TRIREME_PARAM_b\" >$TRIREME_RUN_DIR/out",
             "params = a = 3e-4, b = \"x y; rm -rf $HOME '\"")
    space.must("train", "params.ini")
    got = open(space / "runs/params/out").read()
    check(got == "3e-4|x y; rm -rf $HOME '|3e-4|x y; rm -rf $HOME '|", got)
    for words, said in ((["--program.params=a = 1"], "{b}"), (["--program.launcher=srun"], "srun"),
                        (["--model.layers=2"], "model.layers"), (["--program.stop_signal=KILL"], "stop_signal")):
        done = space.run("train", "params.ini", "--run.dir=runs/others", *words)
        check(done.returncode == 2 and said in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr)
    under = space.run("train", "params.ini", ranks=1)
    check(under.returncode == 2 and "without mpirun" in under.stderr, under.stderr)
    say("parameters reach the command quoted, and what does nothing is refused")


def hostile(space):
    """What a program may write into metrics.jsonl cannot hurt the run."""
    space.write("noise.py", "import os\nout = open(os.environ['TRIREME_RUN_DIR'] + '/metrics.jsonl', 'ab')\n"
                            "for line in (b'[1]', b'{\"step\": 1e400}', b'{\"step\": \"x\"}', b'\\xff\\x1b[2J', b'{' * 100000,\n"
                            "             b'x' * 3000000, b'{\"step\": 3, \"steps\": 4, \"loss\": \"NaN\"}', b'{\"step\": 4}'):\n"
                            "    out.write(line + b'\\n')\nout.write(b'{\"step\": 9')\n")
    run_file(space, "noise", f"{sys.executable} noise.py")
    space.must("train", "noise.ini")
    check(ends(space, "noise")[0]["last_step"] == 4, ends(space, "noise"))
    check(status(space, "noise")["step"] == 4, status(space, "noise"))
    os.remove(space / "runs/noise/metrics.jsonl")
    os.symlink("/etc/passwd", space / "runs/noise/metrics.jsonl")
    linked = space.run("train", "noise.ini", "--program.command=true")
    check(linked.returncode == 2 and "metrics.jsonl" in linked.stderr, linked.stderr)
    say("hostile metrics: passed over, a link is refused")


def ranks(space):
    """mpirun's ranks get what torch.distributed needs; the first one's 75 is not lost in mpirun's own code."""
    space.write("rank.py", "import json, os, signal, sys, time\nasked = []\n"
                           "signal.signal(signal.SIGTERM, lambda *_: asked.append(1))\n"
                           "names = 'RANK WORLD_SIZE LOCAL_RANK LOCAL_WORLD_SIZE MASTER_ADDR MASTER_PORT'.split()\n"
                           "run = os.environ['TRIREME_RUN_DIR']\n"
                           "path = run + '/rank' + os.environ['RANK']\n"
                           "json.dump({n: os.environ[n] for n in names}, open(path + '.partial', 'w'))\n"
                           "os.rename(path + '.partial', path)\n"
                           "while not asked: time.sleep(0.05)\n"
                           "time.sleep(0.5 * int(os.environ['RANK']))\n"
                           "open(run + '/saved' + os.environ['RANK'], 'w')\nsys.exit(75)\n")
    space.write("ranks.ini", RUN_FILE.format(command=f"{sys.executable} rank.py", more="launcher = mpirun") +
                "[slurm]\nranks_per_node = 3\n")
    process = space.start("train", "ranks.ini", output="ranks.txt")
    wait_until(lambda: all(os.path.exists(space / f"runs/ranks/rank{r}") for r in range(3)), process, "three ranks")
    told = [json.load(open(space / f"runs/ranks/rank{r}")) for r in range(3)]
    check([t["RANK"] for t in told] == ["0", "1", "2"] and {t["WORLD_SIZE"] for t in told} == {"3"}, told)
    check(len({t["MASTER_PORT"] for t in told}) == 1 and told[2]["LOCAL_RANK"] == "2", told)
    process.send_signal(signal.SIGTERM)
    check(process.wait(60) == 75, open(space / "ranks.txt").read())
    check(all(os.path.exists(space / f"runs/ranks/saved{r}") for r in range(3)), "a rank was killed while it saved")
    say("mpirun: ranks and rendezvous told, all ranks saved before the first one's 75 ended anything")


def main():
    cases = [stopped_and_resumed, killed, paused, saved, codes, knows_nothing, shells, parameters, hostile, ranks]
    wanted = sys.argv[1:]
    with Workspace() as space:
        at_once([lambda case=case: case(space) for case in cases if not wanted or case.__name__ in wanted])


main()
