"""A team's datasets: names for files that stay where they are, read by every command that reads a dataset."""

import concurrent.futures
import json
import os
import pwd
import shutil
import subprocess

from support import TRIREME, Workspace, check, make_data, say, step_lines

RUN = """[model]
layers = 1
hidden = 16
heads = 2
sequence = 16
[data]
train = TRAIN
valid = team:valid
[train]
steps = 6
global_batch = 4
micro_batch = 2
[log]
valid_every_steps = 3
"""


def listed(space, *words):
    done = space.must("data", "list", "--json", "--tree", "team", *words)
    return {one["name"]: one for one in json.loads(done.stdout)["datasets"]}


def refused(space, *words, holds, code=2):
    done = space.run(*words)
    check(done.returncode == code and holds in done.stderr, f"{words}: {done.returncode} {done.stdout}{done.stderr}")


def check_names(space):
    os.makedirs(space / "team")
    space.must("data", "add", "data.h5", "--name", "web-v2", "--tree", "team")
    space.must("data", "add", "data.valid.h5", "--name", "valid", "--tree", "team")
    check("there already" in space.must("data", "add", "data.h5", "--name", "web-v2", "--tree", "team").stdout, "again")
    refused(space, "data", "add", "more.h5", "--name", "web-v2", "--tree", "team", holds="has a dataset web-v2 already")
    for name in ("../x", "a/b", "", ".x", "-x", "x\ny", "x" * 101):
        refused(space, "data", "add", "more.h5", f"--name={name}", "--tree", "team", holds="")
    refused(space, "data", "add", "run.ini", "--name", "x", "--tree", "team", holds="run.ini")
    os.mkfifo(space / "fifo")
    refused(space, "data", "add", "fifo", "--name", "x", "--tree", "team", holds="no ordinary file")
    refused(space, "data", "add", "data.h5", "--name", "x", "--tree", "none", holds="there is no directory none")
    found = listed(space)
    check(set(found) == {"web-v2", "valid"} and os.listdir(space / "team") == ["data"], str(found))
    check(found["web-v2"]["bytes"] == os.path.getsize(space / "data.h5") and not found["web-v2"]["problem"], str(found))


def check_runs_read_them(space):
    """The same losses as with paths, in the record and the checkpoint the fingerprint."""
    environment = {"XDG_CONFIG_HOME": space / "config"}
    space.write("config/trireme/site.ini", f"[needs]\nteam_tree = {space / 'team'}\n")
    space.write("named.ini", RUN.replace("TRAIN", "team:web-v2 0.6, more.h5 0.4"))
    space.write("plain.ini", RUN.replace("TRAIN", "data.h5 0.6, more.h5 0.4").replace("team:valid", "data.valid.h5"))
    done = space.run("train", "named.ini", "--run.dir=team/named", "--run.pause_at=3", environment=environment)
    check(done.returncode == 75, done.stdout + done.stderr)
    space.must("train", "plain.ini")
    with open(space / "team/named/record.jsonl", encoding="utf-8") as file:
        record = json.loads(file.readline())
    check(record["datasets"][0]["name"] == "team:web-v2" and record["datasets"][0]["path"] == space / "data.h5", record)
    check(record["datasets"][0]["fingerprint"] == listed(space)["web-v2"]["fingerprint"], "its fingerprint")

    reading = listed(space)["web-v2"]["runs"]
    check(reading and all(run["user"] == pwd.getpwuid(os.geteuid()).pw_name for run in reading), f"{reading}")
    check([run["run"] for run in reading] == ["named"] and not reading[0]["finished"], f"who reads it: {reading}")
    refused(space, "data", "remove", "web-v2", "--tree", "team", holds="not finished: named (paused)")
    check(listed(space).keys() == {"web-v2", "valid"}, "it stays")

    # No site file is needed to go on: run.ini knows the tree.
    space.must("train", "team/named/run.ini")
    named, plain = step_lines(space / "team/named"), step_lines(space / "runs/plain")
    check([line["loss"] for line in named] == [line["loss"] for line in plain], "the losses")
    evaluated = [json.loads(space.must("eval", "team/named/run.ini", "--data", data, "--json").stdout)["loss"]
                 for data in ("team:valid", "data.valid.h5")]
    check(evaluated[0] == evaluated[1], f"eval: {evaluated}")
    space.must("generate", "team/named/run.ini", "--prompt", "the", "--max-tokens", "2", "--json")
    space.must("data", "remove", "web-v2", "--tree", "team")
    check(os.path.exists(space / "data.h5") and listed(space).keys() == {"valid"}, "the name is gone, the file is not")
    refused(space, "train", "named.ini", "--data.tree=team", holds="the team has no dataset web-v2")
    refused(space, "data", "remove", "valit", "--tree", "team", holds="did you mean valid?")


def check_what_may_read_them(space):
    """A queued run has nothing but its submission, and what cannot be looked at may hold one too."""
    space.must("data", "add", "more.h5", "--name", "next", "--tree", "team")
    os.makedirs(space / "team/queued/logs")
    waiting = {"jobs": ["12"], "cluster": "lab", "directory": space.path, "train": "team:next", "valid": "", "tree": "team"}
    space.write("team/queued/submitted.json", json.dumps(waiting))

    def open_runs():
        return [run["run"] for run in listed(space)["next"]["runs"] if not run["finished"]]

    check(open_runs() == ["queued"], f"the queued run: {open_runs()}")
    refused(space, "data", "remove", "next", "--tree", "team", holds="not finished: queued")
    space.write("team/queued/submitted.json", json.dumps({**waiting, "tree": "other-team"}))
    check(not open_runs(), f"a queued run of another team: {open_runs()}")
    os.remove(space / "team/queued/submitted.json")
    os.makedirs(space / ("team" + "/d" * 70))
    refused(space, "data", "remove", "next", "--tree", "team", holds="could not be read; --force")
    space.must("data", "remove", "next", "--tree", "team", "--force")
    shutil.rmtree(space / "team/d")
    old = os.umask(0o077)
    try:
        space.must("data", "add", "more.h5", "--name", "private", "--tree", "team")
    finally:
        os.umask(old)
    mode = os.stat(space / "team/data/private.json").st_mode & 0o777
    check(mode == 0o600 | os.stat(space / "team/data").st_mode & 0o044, f"who may read the entry: {mode:o}")
    space.must("data", "remove", "private", "--tree", "team")


def check_jobs(space):
    """A job gets the team's directory on its command line: it looks for no site file."""
    space.write("site.ini", f"""[slurm]
cluster = lab
slurm_version = 23.02
[mpi]
mpirun_version = Open MPI 4.1.4
mpirun_has_slurm = yes
[partition.cpu]
is_default = yes
time_limit = 1-00:00:00
nodes = 4
[needs]
team_tree = {space / "team"}
""")
    space.write("job.ini", RUN.replace("TRAIN", "team:valid") + "[slurm]\nnodes = 1\nranks_per_node = 1\ntime = 00:10:00\n")
    script = space.must("submit", "job.ini", "--dry-run", environment={"TRIREME_SITE": space / "site.ini"}).stdout
    check(f"--data.tree={space / 'team'}" in script, script)
    script = space.must("submit", "job.ini", "--dry-run", "--data.tree=team", "--site", space / "site.ini").stdout
    check("--data.tree=team" in script and script.count("--data.tree=") == script.count("--data.tree=team"), script)


def check_changed_files(space):
    shutil.copy(space / "data.h5", space / "copy.h5")
    space.must("data", "add", "copy.h5", "--name", "copy", "--tree", "team")
    shutil.copy(space / "more.h5", space / "copy.h5")
    space.write("copy.ini", RUN.replace("TRAIN", "team:copy").replace("team:valid", ""))
    refused(space, "train", "copy.ini", "--data.tree=team", holds="team's dataset copy has changed")
    check("has changed" in listed(space)["copy"]["problem"], str(listed(space)))
    os.remove(space / "copy.h5")
    check("cannot be read" in listed(space)["copy"]["problem"], str(listed(space)))


def check_hostile_entries(space):
    where = space / "team/data"
    for name, text in {"torn": '{"path":"/x', "list": "[]", "relative": '{"path":"x.h5","fingerprint":"0"}',
                       "escape": '{"path":"/\\u001b[2J","fingerprint":"0"}', "huge": "x" * (2 << 20)}.items():
        space.write(f"team/data/{name}.json", text)
    os.symlink("/etc/passwd", os.path.join(where, "link.json"))
    os.mkfifo(os.path.join(where, "fifo.json"))
    os.makedirs(os.path.join(where, "folder.json"))
    space.write("team/data/not an entry.json", "{}")
    found = listed(space)
    check(all(found[name]["problem"] for name in ("torn", "list", "relative", "escape", "huge", "link", "fifo", "folder")),
          str(found))
    text = space.must("data", "list", "--tree", "team").stdout
    check("\x1b" not in text and "root:" not in text and "not an entry" not in text, text)
    space.write("hostile.ini", RUN.replace("TRAIN", "team:fifo"))
    refused(space, "train", "hostile.ini", "--data.tree=team", holds="is a FIFO")
    for name in ("torn", "link", "fifo", "huge"):
        space.must("data", "remove", name, "--tree", "team")
    check(os.path.exists("/etc/passwd"), "the link was removed, not its target")


def check_one_of_many_wins(space):
    """Twenty add different files under one name at once: one entry, whole, and nineteen refusals."""
    def add(number):
        return subprocess.run([TRIREME, "data", "add", ("data.h5", "more.h5")[number % 2], "--name", "race", "--tree",
                               "team"], cwd=space.path, capture_output=True, text=True, check=False)
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        done = list(pool.map(add, range(20)))
    added = [one for one in done if "added team:race" in one.stdout]
    check(len(added) == 1, f"{len(added)} added it")
    check(all(one.returncode in (0, 2) for one in done), str(done))
    winner = listed(space)["race"]["path"]
    same = sum(one.returncode == 0 for one in done)
    check(same == 10 and os.path.basename(winner) in added[0].stdout, f"{same} {winner} {added[0].stdout}")
    check(not [name for name in os.listdir(space / "team/data") if name.endswith(".tmp")], "nothing is left behind")


with Workspace() as workspace:
    make_data(workspace, words=2000)
    make_data(workspace, words=1500, name="more")
    workspace.write("run.ini", RUN)
    check_names(workspace)
    check_runs_read_them(workspace)
    check_what_may_read_them(workspace)
    check_jobs(workspace)
    check_changed_files(workspace)
    check_hostile_entries(workspace)
    check_one_of_many_wins(workspace)
    say("the team's datasets were found")
