"""trireme doctor on a login node: Slurm's commands are stand-ins that print recorded answers."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TRIREME = os.environ["TRIREME_BIN"]
SAMPLES = Path(os.environ["TRIREME_SOURCE"]) / "tests" / "slurm" / "site" / "samples"
PROGRAMS = {"scontrol": 'case "$*" in *config*) n=scontrol_show_config;; *) n=scontrol_show_partition;; esac',
            "sinfo": "n=sinfo", "srun": "n=srun_mpi_list", "sacctmgr": "n=sacctmgr_show_qos", "sshare": "n=sshare",
            "mpirun": "n=mpirun_version", "ompi_info": "n=ompi_info", "prte_info": "n=prte_info"}
CLEAN = {key: value for key, value in os.environ.items()
         if not key.startswith(("SLURM", "PMI", "OMPI", "PRTE", "TRIREME_SITE"))} | {"XDG_CONFIG_HOME": "/nowhere"}


def check(name, condition, shown=""):
    if not condition:
        sys.exit(f"FAILED: {name}: {shown}")
    print(f"ok: {name}")


def cluster(directory, version):
    """A directory of programs that answer like that version's Slurm."""
    programs = Path(directory) / f"bin-{version}"
    programs.mkdir()
    for program, choice in PROGRAMS.items():
        if program in ("scontrol", "srun", "mpirun") or (SAMPLES / version / f"{program}.txt").exists() or \
                (program == "sacctmgr" and (SAMPLES / version / "sacctmgr_show_qos.txt").exists()):
            (programs / program).write_text(f"#!/bin/sh\n{choice}\nexec /bin/cat {SAMPLES}/{version}/$n.txt\n")
            (programs / program).chmod(0o755)
    return str(programs)


def doctor(path, *words, program=TRIREME, cwd=None, **environment):
    return subprocess.run((program, "doctor", *words), capture_output=True, text=True, timeout=60, cwd=cwd,
                          env=CLEAN | {"PATH": path} | environment)


def one_line(result, code, *parts):
    return (result.returncode == code and result.stderr.startswith("trireme: ") and result.stderr.count("\n") == 1 and
            all(part in result.stderr for part in parts))


def reports(work):
    university = cluster(work, "21.08")
    shown = doctor(university)
    check("exit code", shown.returncode == 0 and shown.stderr == "", shown)
    for part in ("campus, Slurm 21.08.8-2", "Open MPI 4.0.5 with Slurm support", "scavenge", "physics", "Preemption",
                 "Time limit", "Node failure", "scavenge: Preempted by: cpu, gpu."):
        check(f"prints {part}", part in shown.stdout, shown.stdout)
    check("lines fit", max(map(len, shown.stdout.splitlines())) <= 110, shown.stdout)
    for version in ("21.08", "22.05", "23.11", "24.05"):
        path = university if version == "21.08" else cluster(work, version)
        result = doctor(path, "--json")
        data = json.loads(result.stdout)
        check(f"{version}: JSON", data["slurm_version"].startswith(version) and data["partitions"] and data["advice"],
              result)
        check(f"{version}: JSON in one line", result.stdout.count("\n") == 1 and result.stderr == "")
    return university


def site_files(work, university):
    site = work / "site.ini"
    first = doctor(university, "--site-out", str(site))
    check("writes", first.returncode == 0 and f"wrote {site}" in first.stdout, first)
    text = site.read_text()
    text = text.replace("modules =", "# the group's\nmodules = gcc/12 # mine\nmodules = openmpi\n#", 1)
    text = text.replace("submit_from_nodes = unknown", "submit_from_nodes = yes").replace("grace = 0", "grace = 7")
    site.write_text(text)
    again = doctor(university, "--site-out", str(site))
    kept = site.read_text()
    check("refreshes", again.returncode == 0 and "kept your [needs]; changed:" in again.stdout, again)
    check("names changes", "partition.cpu.grace: 7 -> 0" in again.stdout, again.stdout)
    check("keeps needs with their comments", text[text.index("\n[needs]"):] == kept[kept.index("\n[needs]"):], kept)
    check("keeps what only a person knows", "submit_from_nodes = yes" in kept, kept)
    same = doctor(university, "--site-out", str(site))
    check("says that nothing changed", "nothing has changed" in same.stdout and site.read_text() == kept, same)
    quiet = doctor(university, "--json", "--site-out", str(site))
    check("JSON alone on stdout", json.loads(quiet.stdout) and "kept your [needs]" in quiet.stderr, quiet)
    link = work / "link.ini"
    link.symlink_to(site)
    check("follows a link", doctor(university, "--site-out", str(link)).returncode == 0 and link.is_symlink())


def found_files(work, university):
    """The site file that submit would take: compared with Slurm, and shown where there is no Slurm."""
    own = work / "config/trireme/site.ini"
    config = {"XDG_CONFIG_HOME": str(work / "config")}
    nothing = work / "nothing"
    nothing.mkdir()
    wrote = doctor(university, "--site-out", str(own), **config)
    check("its directory is made", wrote.returncode == 0 and "which finds it there" in wrote.stdout, wrote)
    same = doctor(university, **config)
    check("as Slurm says", same.stdout.endswith(f"\nsite file {own}: as Slurm says now\n"), same)
    own.write_text(own.read_text().replace("grace = 0", "grace = 7", 1))
    other = doctor(university, **config)
    check("Slurm says otherwise", "Slurm says otherwise now" in other.stdout and f"--site-out {own}" in other.stdout
          and other.stdout.endswith("grace: 7 -> 0\n"), other)
    check("JSON is Slurm's alone", json.loads(doctor(university, "--json", **config).stdout)["cluster"] == "campus")
    alone = doctor(str(nothing), **config)
    check("without Slurm", alone.returncode == 0 and "campus, Slurm 21.08" in alone.stdout and str(own) in alone.stderr,
          alone)
    own.write_text(own.read_text().replace("cluster = campus", "cluster = elsewhere"))
    named = doctor(university, "--site", str(own))
    check("--site shows the file", named.returncode == 0 and named.stderr == ""
          and named.stdout.startswith("cluster   elsewhere") and "otherwise" not in named.stdout, named)
    own.write_text("[slurm]\nkill_weight = 3\n")
    wrong = doctor(university, **config)
    check("a wrong one", one_line(wrong, 2, str(own), "kill_wait") and wrong.stdout == "", wrong)
    both = doctor(university, "--site", str(own), "--site-out", str(own))
    check("not both", one_line(both, 2, "give one of them"), both)


def refusals(work, university):
    run_file = work / "run.ini"
    run_file.write_text("[run]\nname = x\n")
    wrong = doctor(university, "--site-out", str(run_file))
    check("not a site file", one_line(wrong, 2, "unknown section run", "name another one"), wrong)
    check("which stays", run_file.read_text() == "[run]\nname = x\n")
    check("it says how", "--force" in wrong.stderr, wrong)
    check("a directory", one_line(doctor(university, "--site-out", str(work)), 2, "is a directory"))
    fifo = work / "fifo"
    os.mkfifo(fifo)
    check("a FIFO", one_line(doctor(university, "--site-out", str(fifo)), 2, "is a FIFO"))
    check("a FIFO, forced", one_line(doctor(university, "--force", "--site-out", str(fifo)), 2, "is a FIFO"))
    check("a device", one_line(doctor(university, "--force", "--site-out", "/dev/null"), 2, "is a device"))
    noted = work / "noted.ini"
    doctor(university, "--site-out", str(noted))
    noted.write_text("# ask Ada about QOS long\n" + noted.read_text())
    lost = doctor(university, "--site-out", str(noted))
    check("a comment that would go", one_line(lost, 2, "ask Ada about QOS long", "--force"), lost)
    check("stays", noted.read_text().startswith("# ask Ada"))
    check("goes by force", doctor(university, "--force", "--site-out", str(noted)).returncode == 0 and
          "Ada" not in noted.read_text())
    nowhere = doctor(university, "--site-out", str(work / "no" / "such" / "site.ini"))
    check("no directory", one_line(nowhere, 2, "no/such", "make it first"), nowhere)
    nameless = doctor(university, "--site-out", "")
    check("an empty name", one_line(nameless, 2, "--site-out needs"), nameless)
    check("a typo", one_line(doctor(university, "--site-ot", "x"), 2, "did you mean --site-out?"))
    check("a word", one_line(doctor(university, "site.ini"), 2, "unexpected word site.ini"))

    empty = work / "empty"
    empty.mkdir()
    alone = doctor(str(empty))
    check("no Slurm", alone.returncode == 0 and alone.stdout.startswith("no Slurm here: scontrol"), alone)
    check("no Slurm, JSON", json.loads(doctor(str(empty), "--json").stdout) is None)
    unwritten = doctor(str(empty), "--site-out", str(work / "new.ini"))
    check("no Slurm, no file", one_line(unwritten, 1, "no Slurm here", "new.ini is not written"), unwritten)
    check("really none", not (work / "new.ini").exists())

    down = work / "down"
    down.mkdir()
    (down / "scontrol").write_text("#!/bin/sh\necho 'slurm_load_ctl_conf error: Unable to contact slurm controller' >&2\n"
                                   "exit 1\n")
    (down / "scontrol").chmod(0o755)
    silent = doctor(str(down), "--site-out", str(work / "new.ini"))
    check("controller down", one_line(silent, 1, "Unable to contact", "scontrol ping"), silent)
    check("and no file", not (work / "new.ini").exists())

    (Path(university) / "sinfo").write_text("#!/bin/sh\necho broken >&2\nexit 3\n")
    partly = doctor(university)
    check("sinfo broken", partly.returncode == 0 and "not known: nodes (sinfo" in partly.stdout, partly.stdout)


def under_a_launcher(work, university):
    program = work / "bin" / "trireme"
    helper = work / "libexec" / "trireme" / "trireme-run"
    for path in (program, helper):
        path.parent.mkdir(parents=True)
    shutil.copy(TRIREME, program)
    helper.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    helper.chmod(0o755)
    for variable in ("OMPI_COMM_WORLD_SIZE", "PMIX_RANK"):
        ran = doctor(university, "--json", program=str(program), **{variable: "0"})
        check(f"{variable}: the helper does it", ran.stdout == "doctor|--json|", ran)
    check("else not", doctor(university, program=str(program)).stdout.startswith("cluster"))


with tempfile.TemporaryDirectory() as directory:
    programs = reports(Path(directory))
    site_files(Path(directory), programs)
    found_files(Path(directory), programs)
    refusals(Path(directory), programs)
    under_a_launcher(Path(directory), programs)
