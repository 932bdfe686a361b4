"""The light trireme: its help, versions, refusals, what it links, and the exec of the helper."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TRIREME = os.environ["TRIREME_BIN"]


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, timeout=60)


def check(name, condition, shown=""):
    if not condition:
        sys.exit(f"FAILED: {name}: {shown}")
    print(f"ok: {name}")


help_text = run(TRIREME, "--help")
check("help", help_text.returncode == 0 and help_text.stdout.startswith("example:\n"), help_text)
commands = re.findall(r"^  (\w+)  +\S", help_text.stdout, re.M)
check("help lists commands", len(commands) > 0, help_text.stdout)
for command in commands:
    shown = run(TRIREME, command, "--help")
    check(f"{command} --help", shown.returncode == 0 and shown.stdout.startswith("example:\n"), shown)
    check(f"help {command}", run(TRIREME, "help", command).stdout == shown.stdout, shown)
check("help alone, and nothing", run(TRIREME, "help").stdout == run(TRIREME).stdout == help_text.stdout)
check("help of a part", run(TRIREME, "help", "checkpoint", "list").stdout.startswith("example:\n  trireme checkpoint list"))
for command in ("eval", "generate", "submit"):
    own = run(TRIREME, command, "--help").stdout
    check(f"{command} --help without keys", "--help-keys" in own and "--train.steps" not in own, own)
    check(f"{command} --help-keys", "--train.steps N" in run(TRIREME, command, "--help-keys").stdout)
other_rank = subprocess.run((TRIREME, "eval", "--help"), capture_output=True, text=True, timeout=60,
                            env=os.environ | {"OMPI_COMM_WORLD_RANK": "1"})
check("one rank prints the help", other_rank.returncode == 0 and other_rank.stdout == "", other_rank)

version = run(TRIREME, "--version").stdout
check("version", run(TRIREME, "version").stdout == run(TRIREME, "-V").stdout == version, version)
check("commit", re.match(r"trireme \d+\.\d+\.\d+, (commit [0-9a-f]{12}( with uncommitted changes)?|of no known commit)\n", version),
      version)
check("build options", re.search(r"^build: \w+, \S+ [\d.]+, \S+; LibTorch (yes|no), CUDA (yes|no), MPI ", version, re.M), version)
for library in ("trireme", "LibTorch", "NCCL", "MPI", "HDF5", "Boost", "Oniguruma", "zstd"):
    check(f"version of {library}", re.search(rf"^{library}(: built without| \S*\d)", version, re.M) or
          (library == "MPI" and re.search(r"^MPI .*\d", version, re.M)), version)

unknown = run(TRIREME, "tran")
check("unknown command", unknown.returncode == 2 and "unknown command tran" in unknown.stderr, unknown)
check("one line", unknown.stderr.startswith("trireme: ") and unknown.stderr.count("\n") == 1, unknown)
check("no command", run(TRIREME).returncode == 0)

libraries = run("ldd", TRIREME).stdout
for heavy in ("libmpi", "libtorch", "libc10", "libcuda", "libnccl"):
    check(f"does not load {heavy}", heavy not in libraries, libraries)

with tempfile.TemporaryDirectory() as directory:
    alone = Path(directory) / "bin" / "trireme"
    alone.parent.mkdir()
    shutil.copy(TRIREME, alone)
    ours, theirs = Path(directory) / "x.ini", Path(directory) / "program.ini"
    ours.write_text("[model]\nlayers = 2\n")
    missing = run(str(alone), "train", str(ours))
    theirs.write_text(f"[run]\ndir = {directory}/run\n[program]\ncommand = exit 0\n")
    check("a program needs no helper", run(str(alone), "train", str(theirs)).returncode == 0)
    check("no helper", missing.returncode == 2 and "was built without LibTorch" in missing.stderr, missing)
    check("no helper, not listed", not re.search("^  train ", run(str(alone), "--help").stdout, re.M))
    helper = Path(directory) / "libexec" / "trireme" / "trireme-run"
    helper.parent.mkdir(parents=True)
    helper.write_text('#!/bin/sh\nprintf "%s|" "$@"\nexit 75\n')
    helper.chmod(0o755)
    ran = run(str(alone), "generate", "x.ini", "--prompt", "a b", "")
    check("helper gets the words", ran.stdout == "generate|x.ini|--prompt|a b||" and ran.returncode == 75, ran)
    helper.write_text('#!/bin/sh\necho "$GOMP_SPINCOUNT"\n')
    own = {key: value for key, value in os.environ.items() if key not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    for setting, spins in (({}, "1000"), ({"OMP_WAIT_POLICY": "active"}, ""), ({"GOMP_SPINCOUNT": "7"}, "7")):
        ran = subprocess.run((str(alone), "eval"), capture_output=True, text=True, timeout=60, env=own | setting)
        check(f"waiting threads, {setting}", ran.stdout.strip() == spins, ran)
    check("listed with helper", re.search("^  train ", run(str(alone), "--help").stdout, re.M))
    check("train --help without helper", run(str(alone), "train", "--help").stdout.startswith("example:\n"))
