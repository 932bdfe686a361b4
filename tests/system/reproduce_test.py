"""What each attempt of a run had lies in record.jsonl, and trireme reproduce makes a run of it that gives the same
losses: of a run that was killed, resumed and continued in another layout. Its answer is computed again here."""

import json
import os
import shutil
import signal

from support import (Workspace, attempts, check, english, make_data, run_file, say, session_processes, step_lines, tiny_model,
                     wait_until)

RUN = """[model]
layers = 1
hidden = 16
heads = 2
sequence = 16
[data]
train = data.h5 0.6, more.h5 0.4
valid = data.valid.h5
[train]
steps = 24
global_batch = 4
micro_batch = 2
[checkpoint]
every_steps = 5
[log]
valid_every_steps = 0
"""


def records(directory):
    with open(os.path.join(directory, "record.jsonl"), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def losses(directory):
    return {line["step"]: line["loss"] for line in step_lines(directory)}


def train_killed_and_resharded(space):
    """Two ranks killed by SIGKILL, two ranks again, then one rank to the end."""
    process = space.start("train", "run.ini", ranks=2, STEP_SECONDS=0.2, OMP_WAIT_POLICY="PASSIVE",
                          WANDB_API_KEY="hush-1", OMPI_MCA_btl_tcp_token="hush-2", MKL_CBWR="AVX2")
    path = space / "runs/run/checkpoints/step_5/MANIFEST.json"
    wait_until(lambda: os.path.exists(path) and len(step_lines(space / "runs/run")) >= 7, process, "seven steps")
    for one in session_processes(process):
        os.kill(one, signal.SIGKILL)
    process.wait()
    with open(space / "runs/run/record.jsonl", "a", encoding="utf-8") as file:
        file.write('{"attempt":2,"time":17')  # as a crash leaves it
    done = space.run("train", "run.ini", "--run.pause_at=14", ranks=2, environment={"MKL_CBWR": "AVX2"})
    check("paused at step 14" in done.stdout, done.stdout + done.stderr)
    space.must("train", "run.ini", environment={"MKL_CBWR": "AVX2"})


def check_record(space):
    found = records(space / "runs/run")
    check([line["attempt"] for line in found] == [1, 2, 3], f"attempts in the record: {found}")
    check([line["from"] for line in found] == ["scratch", "checkpoints/step_5", "checkpoints/step_14"] or
          found[1]["from"] == "checkpoints/step_10", f"where they began: {[line['from'] for line in found]}")
    check([line["ranks"] for line in found] == [2, 2, 1], "ranks")
    first = found[0]
    check([one["name"] for one in first["datasets"]] == ["data.h5", "more.h5", "data.valid.h5"], first["datasets"])
    for one in first["datasets"]:
        check(one["path"] == os.path.realpath(space / one["name"]) or one["path"] == space / one["name"], one["path"])
        check(one["bytes"] == os.path.getsize(one["path"]) and len(one["fingerprint"]) == 32, str(one))
    check(first["environment"].get("OMP_WAIT_POLICY") == "PASSIVE", first["environment"])
    check(first["cpu"]["model"] and first["libraries"]["HDF5"] and first["version"], "CPU and versions")
    with open(space / "runs/run/record.jsonl", encoding="utf-8") as file:
        text = file.read()
    check("hush" not in text and "WANDB" not in text, "a secret of the environment is in the record")


def check_same_losses(space):
    done = space.must("reproduce", "runs/run", "-o", "again", "--check", "20")
    say(done.stdout)
    lines = done.stdout.splitlines()
    check(lines[0].startswith("differs here: "), "what differs is said first")
    check("changed in the run: after step 14 (attempt 3): parallel.dp 2 -> 1" in done.stdout, "the change of layout")
    check("MKL_CBWR=AVX2 mpirun -n 2" in done.stdout, "the command with what was set")
    check(lines[-1].startswith("14 of 14 losses bit-equal; after step 14, where the run changed, 6 agree to rounding"),
          lines[-1])
    there, here = losses(space / "runs/run"), losses(space / "again")
    check(len(here) == 20 and all(there[step] == here[step] for step in range(1, 15)), "the losses themselves")
    check(all(abs(there[step] - here[step]) < 1e-5 for step in here), "the rest agrees to rounding")
    done = space.must("reproduce", "runs/run", "-o", "third", "--attempt", "3", "--check", "99")
    check("10 of 10 losses bit-equal; 89 steps of the 99 asked for cannot be compared" in done.stdout, done.stdout)
    check(losses(space / "third") == {step: there[step] for step in range(15, 25)}, "from its checkpoint on")
    with open(space / "again/run.ini", encoding="utf-8") as file:
        check("ranks_per_node = 2\n" in file.read(), "a job would have the same ranks on a node")
    for _ in range(2):
        space.must("reproduce", "runs/run", "-o", "twice", "--attempt", "3")
    os.remove(space / "twice/run.ini")
    os.rename(space / "twice/checkpoints/step_14", space / "twice/checkpoints/.step_14.copy.local.0.partial")
    space.must("reproduce", "runs/run", "-o", "twice", "--attempt", "3")
    check(os.listdir(space / "twice/checkpoints") == ["step_14"], "the half copy of a call that was killed is gone")
    os.remove(space / "twice/run.ini")
    space.must("reproduce", "runs/run", "-o", "twice", "--attempt", "3")
    shutil.copy(space / "run.ini", space / "twice/checkpoints")
    check(space.run("reproduce", "runs/run", "-o", "twice", "--attempt", "3").returncode == 2, "not ours alone")


def check_threads(space):
    """Fewer CPUs give a rank the threads that it had; more than there are cannot be had."""
    cpus = sorted(os.sched_getaffinity(0))
    check(len(cpus) > 1, "this test needs two CPUs")
    os.sched_setaffinity(0, cpus[-1:])
    space.must("train", "run.ini", "--run.dir=runs/narrow", "--train.steps=4")
    os.sched_setaffinity(0, cpus)
    check(records(space / "runs/narrow")[0]["threads"] == 1, "one thread")
    done = space.must("reproduce", "runs/narrow", "-o", "narrow", "--check", "4")
    check(f"taskset -c {cpus[0]} trireme train" in done.stdout and "threads of a rank" not in done.stdout, done.stdout)
    check(records(space / "narrow")[0]["threads"] == 1 and "4 of 4 losses bit-equal" in done.stdout, done.stdout)
    forge(space, "runs/narrow", "wide", lambda record: record.update(threads=100000))
    done = space.must("reproduce", "wide", "-o", "wide-again")
    check("on this machine: bit-equal losses cannot be expected" in done.stdout and "taskset" not in done.stdout, done.stdout)


def forge(space, run, copy, change):
    """A copy of a run whose first record is another; returns the records."""
    shutil.copytree(space / run, space / copy)
    found = records(space / copy)
    change(found[0])
    with open(space / f"{copy}/record.jsonl", "w", encoding="utf-8") as file:
        file.writelines(json.dumps(one) + "\n" for one in found)


def check_initial_weights(space):
    """A run that began with the newest checkpoint of another run, which has a newer one by now."""
    shutil.copytree(space / "runs/run", space / "base")
    space.must("train", "run.ini", "--run.dir=runs/child", "--model.init_from=base", "--train.steps=3")
    check(records(space / "runs/child")[0]["from"].endswith("base/checkpoints/step_24"), str(records(space / "runs/child")[0]))
    space.must("train", "base/run.ini", "--train.steps=26")
    done = space.must("reproduce", "runs/child", "-o", "child", "--check", "3")
    check("3 of 3 losses bit-equal" in done.stdout, done.stdout)
    with open(space / "base/checkpoints/step_24/MANIFEST.json", "a", encoding="utf-8") as file:
        file.write(" ")
    for what in ("has changed", "is missing"):
        done = space.run("reproduce", "runs/child", "-o", "no", "--check", "3")
        check(done.returncode == 2 and f"step_24 {what}" in done.stdout and "--data" not in done.stderr, done.stdout + done.stderr)
        shutil.rmtree(space / "base/checkpoints/step_24", ignore_errors=True)
    check(not os.path.exists(space / "no"), "what cannot be checked is not written")


def check_a_difference_is_found(space):
    shutil.copytree(space / "runs/run", space / "forged")
    with open(space / "forged/metrics.jsonl", encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    for line in lines:
        if line["step"] == 3:
            line["loss"] *= 1 + 2**-52
    with open(space / "forged/metrics.jsonl", "w", encoding="utf-8") as file:
        file.writelines(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    done = space.run("reproduce", "forged", "-o", "again-2", "--check", "4")
    check(done.returncode == 1 and "3 of 4 losses bit-equal; they differ first at step 3: " in done.stdout,
          f"{done.returncode} {done.stdout}{done.stderr}")


def check_moved(space):
    """The run goes on where it lies after a move, and its dataset is found by its fingerprint."""
    os.makedirs(space / "elsewhere")
    shutil.move(space / "runs/run", space / "elsewhere/renamed")
    done = space.must("train", "elsewhere/renamed/run.ini", "--train.steps=26")
    check("was moved or copied from runs/run" in done.stdout, done.stdout)
    check(len(losses(space / "elsewhere/renamed")) == 26 and not os.path.exists(space / "runs/run"), "it went on there")
    check('"state":"done"' in space.must("status", "elsewhere/renamed", "--json").stdout, "its status")
    os.makedirs(space / "shelf")
    shutil.move(space / "more.h5", space / "shelf/other-name.h5")
    done = space.run("reproduce", "elsewhere/renamed", "-o", "no", "--check", "2")
    check(done.returncode == 2 and done.stdout.startswith("MISSING here: data.train more.h5: "), done.stdout)
    check("--data FILE" in done.stderr and not os.path.exists(space / "no"), "it was refused before anything was written")
    shutil.move(space / "data.valid.h5", space / "valid.away")
    done = space.must("reproduce", "elsewhere/renamed", "-o", "no-valid", "--check", "2", "--data", "shelf/other-name.h5")
    check("the repeated run does without validations" in done.stdout and "2 of 2 losses" in done.stdout, done.stdout)
    shutil.move(space / "valid.away", space / "data.valid.h5")
    done = space.must("reproduce", "elsewhere/renamed", "-o", "moved", "--check", "3", "--data", "shelf/other-name.h5")
    check("shelf/other-name.h5 holds the same data" in done.stdout, done.stdout)
    check("3 of 3 losses bit-equal" in done.stdout, done.stdout)
    shutil.copy(space / "data.h5", space / "more.h5")  # the right place, other data
    done = space.must("reproduce", "elsewhere/renamed", "-o", "changed")
    check("more.h5 has changed (fingerprint" in done.stdout, done.stdout)
    space.must("data", "add", "shelf/other-name.h5", "--name", "web", "--tree", "elsewhere")
    done = space.must("reproduce", "elsewhere/renamed", "-o", "team", "--tree", "elsewhere")
    check("shelf/other-name.h5 holds the same data" in done.stdout, done.stdout)
    space.write("config/trireme/site.ini", f"[needs]\nteam_tree = {space / 'elsewhere'}\n")
    done = space.must("reproduce", "elsewhere/renamed", "-o", "site", environment={"XDG_CONFIG_HOME": space / "config"})
    check("shelf/other-name.h5 holds the same data" in done.stdout, done.stdout)


def check_refusals(space):
    run = space / "elsewhere/renamed"
    done = space.run("reproduce", run, "-o", "moved")
    check(done.returncode == 2 and "is not empty" in done.stderr, done.stderr)
    done = space.run("reproduce", run, "-o", "x", "--attempt", "9")
    check(done.returncode == 2 and "has no attempt 9, only 1, 2, 3, 4" in done.stderr, done.stderr)
    hostile = json.loads(json.dumps(records(run)[0]))
    hostile["datasets"][0]["path"] = "/x.h5\n[program]\ncommand = touch owned"
    hostile["environment"]["LD_PRELOAD"] = "/x.so"
    os.makedirs(space / "hostile")
    with open(space / "hostile/record.jsonl", "w", encoding="utf-8") as file:
        file.write("\0\n{}\n[]\n" + json.dumps(hostile) + "\n")
    done = space.run("reproduce", "hostile", "-o", "h", "--check", "1")
    check(done.returncode == 2 and "cannot stand in a run file" in done.stderr and "\n[program]" not in done.stderr,
          done.stderr)
    check(not os.path.exists(space / "h") and "LD_PRELOAD" not in done.stdout, "nothing of it is believed")
    os.makedirs(space / "old")
    shutil.copy(os.path.join(run, "run.ini"), space / "old/run.ini")
    done = space.run("reproduce", "old", "-o", "x")
    check(done.returncode == 2 and "has no record.jsonl" in done.stderr, done.stderr)


def check_left_out_samples(space):
    """A run that skipped batches: the repeated one never sees them, and has the same losses."""
    noise = "".join(chr(33 + (7 * i * i + 3 * i) % 90) for i in range(300))
    text = english(5000)
    space.write("noisy.txt", text[:9000] + noise + text[9000:])
    space.must("prepare", "--tokenizer", space / "tokenizer.json", "--output", space / "noisy.h5", space / "noisy.txt")
    space.write("spiky.ini", run_file("spiky", model=tiny_model(), data={"train": "noisy.h5"}, optimizer={"lr": 0.01, "warmup_steps": 5},
                                      train={"steps": 110, "global_batch": 2, "micro_batch": 1, "spike_score": 7, "spike_window": 24,
                                             "precision": "fp64", "on_spike": "skip"}, log={"valid_every_steps": 0}))
    space.must("train", "spiky.ini")
    skipped = [line for line in attempts(space / "runs/spiky") if line.get("action") == "skipped"]
    check(skipped, "the run skipped nothing, so nothing is tested")
    done = space.must("reproduce", "runs/spiky", "-o", "calm", "--check", "110")
    check(f"data.skip = {skipped[0]['first_sample']}-{skipped[0]['last_sample']}" in done.stdout, done.stdout)
    check("110 of 110 losses bit-equal" in done.stdout, done.stdout)
    check(not [line for line in attempts(space / "calm") if line.get("action")], "it saw nothing odd")
    for order, holds in ((skipped[0]["order"], True), ("0" * 16, False)):
        # The attempt that skipped had another learning rate: what the positions mean is told by the order alone.
        name = f"order-{order}"
        forge(space, "runs/spiky", name, lambda record: record.update(options=record["options"].replace("lr = 0.01", "lr = 0.02")))
        second = {**records(space / "runs/spiky")[0], "attempt": 2, "order": order}
        with open(space / f"{name}/record.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(second) + "\n")
        done = space.must("reproduce", name, "-o", f"again-{order}", "--attempt", "2")
        check(("data.skip = " in done.stdout) == holds, done.stdout)


def check_program(space):
    """Somebody else's program: its record has the command, and what it computes is not judged."""
    space.write("program.ini", "[program]\ncommand = true\nparams = lr = 3e-4\n")
    space.must("train", "program.ini", environment={"HF_TOKEN": "hush-3", "OMP_NUM_THREADS": "3"})
    found = records(space / "runs/program")
    check(len(found) == 1 and "command = true" in found[0]["options"] and found[0]["datasets"] == [], str(found))
    check(found[0]["environment"]["OMP_NUM_THREADS"] == "3" and "hush" not in json.dumps(found), str(found))
    done = space.must("reproduce", "runs/program", "-o", "program")
    check("trireme train " + space / "program/run.ini" in done.stdout, done.stdout)
    check(space.run("reproduce", "runs/program", "-o", "program", "--check", "3").returncode == 2, "it is not judged")


with Workspace() as workspace:
    make_data(workspace, words=2000)
    make_data(workspace, words=1500, name="more", vocab=300)
    workspace.write("run.ini", RUN)
    train_killed_and_resharded(workspace)
    check_record(workspace)
    check_same_losses(workspace)
    check_a_difference_is_found(workspace)
    check_threads(workspace)
    check_initial_weights(workspace)
    check_moved(workspace)
    check_refusals(workspace)
    check_left_out_samples(workspace)
    check_program(workspace)
    say("the losses were the same")
