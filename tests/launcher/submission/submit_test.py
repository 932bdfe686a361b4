"""trireme submit and resume with stand-ins for Slurm's commands: what sbatch gets from the command line and from the
environment, what is refused before anything is written, which site file is taken, what a resume submits again, and what a
run directory's other owner sees."""
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from checks import check

TRIREME = os.environ["TRIREME_BIN"]
SITE = Path(os.environ["TRIREME_SOURCE"]) / "examples" / "site-lab.ini"

SBATCH = """#!/bin/bash
printf '%s\\n' "$@" >>"$FAKE/sbatch.words"; echo -- >>"$FAKE/sbatch.words"
env >"$FAKE/sbatch.env"
echo 41
"""
SQUEUE = """#!/bin/bash
case "$*" in *%o*) cat "$FAKE/queue" 2>/dev/null ;; esac
exit 0
"""
# There is no controller. The real one looks for it for a minute.
SCONTROL = """#!/bin/bash
exit 1
"""


class Desk:
    """A directory with a run file, a dataset and the stand-ins."""

    def __init__(self, folder):
        self.folder = Path(folder)
        programs = self.folder / "programs"
        programs.mkdir()
        for name, text in (("sbatch", SBATCH), ("squeue", SQUEUE), ("scontrol", SCONTROL)):
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith(("SLURM", "SBATCH", "SQUEUE", "TRIREME_SITE"))}
        self.environment |= {"PATH": f"{programs}:/usr/bin:/bin", "FAKE": str(self.folder),
                             "XDG_CONFIG_HOME": str(self.folder / "config")}
        text = self.folder / "text.txt"
        text.write_text("".join(f"{i} times {i % 7} is {i * (i % 7)}.\n\n" for i in range(3000)))
        for words in (["tokenizer", "train", "--vocab", "300", "--output", self.folder / "tokenizer.json", text],
                      ["prepare", "--tokenizer", self.folder / "tokenizer.json", "--output", self.folder / "data.h5",
                       text]):
            subprocess.run([TRIREME, *words], check=True, capture_output=True)
        self.write(self.folder)

    def write(self, where, name="tiny.ini"):
        partition = next(line for line in SITE.read_text().splitlines() if line.startswith("[partition."))[11:-1]
        (where / name).write_text(f"""[model]
layers = 2
hidden = 32
heads = 2
sequence = 32
[data]
train = {self.folder}/data.h5
[train]
steps = 10
global_batch = 8
micro_batch = 1
[slurm]
partition = {partition}
ranks_per_node = 2
gpus_per_node = 0
cpus_per_task = 1
""")

    def call(self, *words, cwd=None, program=TRIREME, variables=(), **more):
        return subprocess.run([program, *map(str, words)], cwd=cwd or self.folder, capture_output=True, text=True,
                              env=self.environment | dict(variables), timeout=120, **more)

    def submit(self, *words, **more):
        return self.call("submit", "tiny.ini", "--site", SITE, *words, **more)

    def sbatch_words(self):
        try:
            return [call.splitlines() for call in (self.folder / "sbatch.words").read_text().split("--\n")[:-1]]
        except FileNotFoundError:
            return []


def environment_overrides_nothing(desk):
    done = desk.submit("--slurm.extra=--comment='two words'",
                       variables={"SBATCH_PARTITION": "high", "SBATCH_TIMELIMIT": "1", "SBATCH_EXPORT": "NONE",
                                  "SLURM_JOB_ID": "7", "SLURM_MEM_PER_CPU": "1", "SLURM_CONF": "/x", "PMIX_RANK": "0"})
    check("submitted", done.returncode == 0, done)
    check("the variables are named", "SBATCH_EXPORT, SBATCH_PARTITION, SBATCH_TIMELIMIT" in done.stderr, done.stderr)
    environment = (desk.folder / "sbatch.env").read_text()
    check("sbatch sees none of them", "SBATCH_" not in environment and "SLURM_JOB" not in environment
          and "SLURM_MEM" not in environment and "PMIX" not in environment, environment)
    check("where Slurm is stays", "SLURM_CONF=/x" in environment, environment)
    words = desk.sbatch_words()[0]
    script = (desk.folder / "runs/tiny/submit.sbatch").read_text()
    lines = [line[8:] for line in script.splitlines() if line.startswith("#SBATCH ")]
    check("settings stand on the command line", words[-1].endswith("runs/tiny/submit.sbatch")
          and "--comment=two words" in words and "--parsable" in words, words)
    check("and in the script", [line.replace('"', "") for line in lines] ==
          [word for word in words[:-1] if word != "--parsable"], (lines, words))
    kept = json.loads((desk.folder / "runs/tiny/submitted.json").read_text())
    check("the job is kept", kept["jobs"] == ["41"])
    check("and what it reads", kept["train"] == f"{desk.folder}/data.h5" and kept["valid"] == "")


def second_submission(desk):
    (desk.folder / "queue").write_text("41|PENDING|tiny|whatever|/anywhere\n")
    before = (desk.folder / "runs/tiny/submit.sbatch").read_bytes(), len(desk.sbatch_words())
    done = desk.submit("--train.steps=11")
    check("a queued run is refused", done.returncode == 2 and "job 41 already (PENDING)" in done.stderr, done)
    check("nothing was written or submitted",
          before == ((desk.folder / "runs/tiny/submit.sbatch").read_bytes(), len(desk.sbatch_words())))
    done = desk.submit("--slurm.extra=--dependency=afterany:41")
    check("one behind it is not", done.returncode == 0, done)
    (desk.folder / "queue").write_text("41|COMPLETING|tiny|whatever|/anywhere\n")
    check("nor one after it", desk.submit().returncode == 0)


def names_and_paths(desk):
    for name in (".", "..", "a/b", "-x", "a\nb", "x" * 201):
        done = desk.submit(f"--run.name={name}")
        check(f"run.name {name[:9]!r} is refused", done.returncode == 2 and "run.name" in done.stderr, done)
    odd = desk.folder / "it's `id` $HOME \"x\" 100% #1"
    odd.mkdir()
    desk.write(odd)
    done = desk.call("submit", "tiny.ini", "--site", SITE, cwd=odd)
    check("an odd working directory is good", done.returncode == 0 and f"--chdir={odd}" in desk.sbatch_words()[-1], done)
    broken = desk.folder / "a\n#SBATCH --wrap=id"
    broken.mkdir()
    desk.write(broken)
    done = desk.call("submit", "tiny.ini", "--site", SITE, "--dry-run", cwd=broken)
    check("one with a line break is refused", done.returncode == 2 and "line break" in done.stderr
          and not done.stdout and not (broken / "runs").exists(), done)
    check("slurm.extra with a key of its own is refused", "slurm.partition" in desk.submit("--slurm.extra=-p x").stderr)


def site_files(desk):
    """The file that --site, $TRIREME_SITE or the user's own configuration names, and what submit says of it."""
    def submit(*words, **more):
        return desk.call("submit", "tiny.ini", "--run.name=sited", *words, **more)

    def said(done):
        return next(line for line in done.stdout.splitlines() if line.startswith("site "))

    done = submit(variables={"PATH": "/nowhere"})
    check("without a site file and Slurm", done.returncode == 2 and "--site" in done.stderr, done)
    own = desk.folder / "config/trireme/site.ini"
    own.parent.mkdir(parents=True)
    shutil.copy(SITE, own)
    check("the user's own", said(submit()) == f"site      {own}", submit())
    done = submit("--dry-run")
    check("a dry run says so beside the script", done.stdout.startswith("#!/bin/bash") and done.stderr.count("\n") == 1
          and f"site file: {own}" in done.stderr, done)
    named = desk.folder / "named.ini"
    shutil.copy(SITE, named)
    done = submit(variables={"TRIREME_SITE": named})
    check("$TRIREME_SITE goes first", said(done) == f"site      {named} (named by $TRIREME_SITE)", done)
    done = submit("--site", SITE, variables={"TRIREME_SITE": "nowhere.ini"})
    check("--site before all", said(done) == f"site      {SITE}", done)
    done = submit(variables={"TRIREME_SITE": "nowhere.ini"})
    check("one that is named must be there", done.returncode == 2 and "nowhere.ini" in done.stderr
          and "$TRIREME_SITE" in done.stderr, done)
    own.write_text("[slurm]\nkill_weight = 3\n")
    for words in (("submit", "tiny.ini"), ("status",)):
        done = desk.call(*words)
        check(f"a wrong one is named: {words[0]}", done.returncode == 2 and str(own) in done.stderr
              and "kill_wait" in done.stderr, done)
    shutil.rmtree(own.parent)


def price(desk):
    """Both numbers have their unit."""
    lines = {line[:10].strip(): line for line in desk.submit("--run.name=priced", "--slurm.nodes=1").stdout.splitlines()}
    check("without weights", re.fullmatch(r"price     partition \S+ has no billing weights: 2 core hours an hour, \S+ core "
                                          r"hours for the whole time limit", lines["price"]), lines)
    text = SITE.read_text()
    weights = re.sub("^billing_weights =.*", "billing_weights = cpu=1.5", text, flags=re.MULTILINE)
    (desk.folder / "weights.ini").write_text(weights)
    done = desk.call("submit", "tiny.ini", "--run.name=weighed", "--site", "weights.ini", "--slurm.nodes=1")
    check("with them", re.search(r"^price     \S+ billing units an hour, \S+ billing units for the whole time limit$",
                                 done.stdout, re.M), done)


def attempt(run, reason, **changes):
    """One attempt in the run's ledger, with its outcome."""
    start = {"event": "start", "attempt": 1, "time": 1.7e9, "run_id": "1-2-3-4", "reason": "first start", "job": "41",
             "ranks": 2, "steps": 10, "first_step": 0} | changes
    end = {"event": "end", "attempt": 1, "time": 1.7e9 + 9, "reason": reason, "last_step": 4, "saved_step": 4}
    (run / "attempts.jsonl").write_text(json.dumps(start) + "\n" + json.dumps(end) + "\n")
    (run / "logs/outcome.1").write_text(json.dumps({"exit_code": 75, "reason": reason, "step": 4, "saved_step": 4,
                                                    "come_back": False}))


def resume(desk):
    (desk.folder / "queue").write_text("")
    check("submitted", desk.submit("--run.name=back").returncode == 0)
    run = desk.folder / "runs/back"
    script = (run / "submit.sbatch").read_bytes()
    attempt(run, "stopped by a request of ann")
    check("stopped", desk.call("stop", run).returncode == 0 and (run / "control/stop").exists())

    done = desk.call("resume", run, "--no-submit")
    calls = len(desk.sbatch_words())
    check("only lifted", done.stdout == "the stop was lifted\n" and not (run / "control/stop").exists()
          and len(desk.sbatch_words()) == calls, done)

    done = desk.call("resume", run)
    check("submitted again", done.returncode == 0 and "job       41: goes on after step 0" in done.stdout, done)
    check("its own script", desk.sbatch_words()[-1] == ["--parsable", f"{run}/submit.sbatch"]
          and (run / "submit.sbatch").read_bytes() == script, desk.sbatch_words()[-1])
    check("the job is kept", json.loads((run / "submitted.json").read_text())["jobs"] == ["41"])

    calls = len(desk.sbatch_words())
    for line, sentence in ((f"9|PENDING|back|{run}/submit.sbatch|/x", "job 9 is queued"),
                           (f"9|RUNNING|back|{run}/submit.sbatch|/x", "job 9 is running")):
        (desk.folder / "queue").write_text(line + "\n")
        done = desk.call("resume", run)
        check(f"not twice: {sentence}", done.returncode == 0 and sentence in done.stdout
              and len(desk.sbatch_words()) == calls, done)
    (desk.folder / "queue").write_text(f"41|RUNNING|back|{run}/submit.sbatch|/x\n")
    done = desk.call("resume", run)
    check("behind the job that saw the stop", desk.sbatch_words()[-1][:1] == ["--dependency=afterany:41"], done)
    (desk.folder / "queue").write_text("")

    (run / "submitted.json").write_text(json.dumps({"jobs": ["41_0", "42_0"]}))
    (run / "submit.sbatch").write_text("#!/bin/bash\n#SBATCH --array=0-2\n")
    done = desk.call("resume", run)
    check("a chain of array tasks", [words[:-2] for words in desk.sbatch_words()[-2:]] ==
          [["--array=0"], ["--array=0", "--dependency=afterany:41_0"]] and "job.41_0.log" in done.stdout,
          (done, desk.sbatch_words()[-2:]))

    calls = len(desk.sbatch_words())
    for program, code, words in (("squeue", 1, "squeue does not answer"), ("sbatch", 1, "refused the job: no")):
        (desk.folder / "programs" / program).rename(desk.folder / "kept")
        (desk.folder / "programs" / program).write_text("#!/bin/sh\necho 'error: no' >&2; exit 1\n")
        (desk.folder / "programs" / program).chmod(0o755)
        done = desk.call("resume", run)
        (desk.folder / "kept").rename(desk.folder / "programs" / program)
        check(f"without {program}", done.returncode == code and words in done.stderr and len(desk.sbatch_words()) == calls,
              done)
    done = desk.call("resume", run, variables={"PATH": "/nowhere"})
    check("without Slurm", done.returncode == 0 and f"trireme resume {run}" in done.stdout, done)
    (run / "submit.sbatch").unlink()
    shutil.copy(desk.folder / "tiny.ini", run / "run.ini")
    done = desk.call("resume", run)
    check("without a script", done.returncode == 0 and f"trireme submit {run}/run.ini" in done.stdout, done)
    attempt(run, "done", steps=4)
    done = desk.call("resume", run)
    check("done", done.stdout.endswith("the run is done\n") and len(desk.sbatch_words()) == calls, done)


def foreign_scripts(desk):
    """Whatever lies in the place of submit.sbatch: only an ordinary file of this user's is submitted."""
    run = desk.folder / "runs/odd"
    check("submitted", desk.submit("--run.name=odd").returncode == 0)
    script, calls = run / "submit.sbatch", len(desk.sbatch_words())
    (desk.folder / "mine.sh").write_text("#!/bin/sh\n")
    for kind, make in (("symbolic link", lambda: script.symlink_to(desk.folder / "mine.sh")),
                       ("FIFO", lambda: os.mkfifo(script)), ("directory", script.mkdir)):
        if script.is_dir():
            script.rmdir()
        script.unlink(missing_ok=True)
        make()
        done = desk.call("resume", run)
        check(f"a {kind}", done.returncode == 2 and f"submit.sbatch is a {kind}" in done.stderr, done)
    script.rmdir()
    if os.geteuid() == 0:
        script.write_text("#!/bin/sh\n")
        os.chown(script, 65534, 65534)
        done = desk.call("resume", run)
        check("another user's", done.returncode == 0 and "ask nobody to type: trireme resume" in done.stdout, done)
    check("nothing was submitted", len(desk.sbatch_words()) == calls)


def directory(desk):
    done = desk.call("job", "directory", "tiny.ini", "--run.name=second")
    check("job directory", (done.returncode, done.stdout) == (0, f"{desk.folder}/runs/second\n"), done)


def colleague(desk):
    """Another user's run directory: refused before anything is written, as long as he may not write all that a job must."""
    if os.geteuid() != 0:
        print("a colleague's submission: SKIPPED here, becoming another user needs root")
        return
    nobody = dict(user=65534, group=65534, extra_groups=[])
    program = desk.folder / "trireme"  # the build may lie where only root comes
    shutil.copy(TRIREME, program)
    for path in (desk.folder, desk.folder / "runs"):
        path.chmod(0o755)
    for path in desk.folder.glob("*.*"):
        if path.is_file():
            path.chmod(0o644)
    for name in ("sbatch.words", "sbatch.env"):
        (desk.folder / name).chmod(0o666)
    run = desk.folder / "runs/tiny"
    run.chmod(0o777)  # but not its logs
    (run / "logs").chmod(0o755)
    site = desk.folder / "site.ini"
    shutil.copy(SITE, site)
    words = ("submit", "tiny.ini", "--site", site)
    before = sorted((path, path.stat().st_mtime_ns) for path in run.rglob("*")), len(desk.sbatch_words())
    done = desk.call(*words, program=program, **nobody)
    check("a colleague is refused", done.returncode == 2 and f"you may not write {run}/logs" in done.stderr, done)
    check("and changed nothing", before == (sorted((path, path.stat().st_mtime_ns) for path in run.rglob("*")),
                                            len(desk.sbatch_words())))
    (run / "logs").chmod(0o777)
    done = desk.call(*words, program=program, **nobody)
    check("one who may write it all is not", done.returncode == 0, done)


def main():
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        desk = Desk(folder)
        for case in (environment_overrides_nothing, second_submission, names_and_paths, site_files, price, resume,
                     foreign_scripts, directory, colleague):
            case(desk)


main()
