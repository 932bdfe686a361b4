"""trireme submit with stand-ins for Slurm's commands: what sbatch gets from the command line and from the environment, what
is refused before anything is written, and what a run directory's other owner sees."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

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


def check(name, condition, shown=None):
    if not condition:
        sys.exit(f"FAILED: {name}: {shown}")
    print(f"ok: {name}")


class Desk:
    """A directory with a run file, a dataset and the stand-ins."""

    def __init__(self, folder):
        self.folder = Path(folder)
        programs = self.folder / "programs"
        programs.mkdir()
        for name, text in (("sbatch", SBATCH), ("squeue", SQUEUE)):
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith(("SLURM", "SBATCH", "SQUEUE"))}
        self.environment |= {"PATH": f"{programs}:/usr/bin:/bin", "FAKE": str(self.folder)}
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
    check("the job is kept", json.loads((desk.folder / "runs/tiny/submitted.json").read_text())["jobs"] == ["41"])


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
        for case in (environment_overrides_nothing, second_submission, names_and_paths, directory, colleague):
            case(desk)


main()
