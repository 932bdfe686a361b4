"""examples/train.sbatch with stand-ins for mpirun and scontrol: what it starts, passes on and requeues. The run directory
is the real program's answer."""
import os
import signal
import subprocess
import tempfile
from pathlib import Path

from checks import check

SCRIPT = Path(os.environ["TRIREME_SOURCE"]) / "examples" / "train.sbatch"

# Writes what it was called with; with WAIT set it says so into mpirun.ready and lives until USR1 comes. Then writes the outcome file, if any.
MPIRUN = """#!/bin/bash
echo "$@" >mpirun.called
finish() { [ -n "${OUTCOME:-}" ] && { mkdir -p runs/tiny/logs; echo "{\\"exit_code\\":$OUTCOME,\\"step\\":3${REST:-}}" >runs/tiny/logs/outcome.2; }; exit "${CODE:-0}"; }
trap 'echo got-usr1 >>mpirun.called; finish' USR1
if [ -n "${WAIT:-}" ]; then echo >mpirun.ready; while :; do sleep 0.05; done; fi
finish
"""
SCONTROL = '#!/bin/bash\necho "$@" >>scontrol.called\n[ "$(wc -l <scontrol.called)" -gt "${FAILS:-0}" ]\n'


def start(directory, **environment):
    bin_directory = directory / "bin"
    bin_directory.mkdir()
    for name, text in (("mpirun", MPIRUN), ("scontrol", SCONTROL)):
        (bin_directory / name).write_text(text)
        (bin_directory / name).chmod(0o755)
    (bin_directory / "trireme").symlink_to(os.environ["TRIREME_BIN"])
    # Not even a reader of the first "name =" would find the run in this file.
    (directory / "tiny-8gpu.ini").write_text("[model]\nlayers = 2\n[run]\nname=other  # shared\n")
    text = SCRIPT.read_text()
    assert "tries=40 pause=15\n" in text
    os.mkfifo(directory / "mpirun.ready")
    (directory / "train.sbatch").write_text(text.replace("tries=40 pause=15\n", "tries=4 pause=0\n"))
    # An earlier attempt's outcome must not be taken for this one's.
    (directory / "runs/tiny/logs").mkdir(parents=True)
    (directory / "runs/tiny/logs/outcome.1").write_text('{"exit_code":75}\n')
    os.utime(directory / "runs/tiny/logs/outcome.1", (1, 1))
    full = {**os.environ, "PATH": f"{bin_directory}:{os.environ['PATH']}", "SLURM_JOB_ID": "77", **environment}
    return subprocess.Popen(["bash", "train.sbatch", "tiny-8gpu.ini", "--parallel.tp=2", "--run.name=tiny"], cwd=directory, env=full,
                            stdout=subprocess.PIPE, text=True)


def case(name, expected_code, requeued, **environment):
    with tempfile.TemporaryDirectory() as path:
        directory = Path(path)
        process = start(directory, **environment)
        if "WAIT" in environment:
            (directory / "mpirun.ready").read_text()
            process.send_signal(signal.SIGUSR1)
        output, _ = process.communicate(timeout=30)
        called = (directory / "mpirun.called").read_text()
        calls = directory / "scontrol.called"
        shown = (process.returncode, output, called, calls.read_text() if calls.exists() else None)
        check(name, process.returncode == expected_code, shown)
        check(name + ": command", "trireme train tiny-8gpu.ini --parallel.tp=2 --run.name=tiny" in called, shown)
        check(name + ": requeue", (calls.read_text().strip() if calls.exists() else None) == requeued, shown)
        if "WAIT" in environment:
            check(name + ": signal", "got-usr1" in called, shown)


case("done", 0, None, OUTCOME="0")
case("bad input is not requeued", 2, None, OUTCOME="2", CODE="2")
case("killed without an outcome is not requeued", 137, None, CODE="137")
case("stopped by USR1 is requeued", 75, "requeue 77", OUTCOME="75", CODE="143", WAIT="1")
case("stopped by request is not requeued", 75, None, OUTCOME="75", REST=',"come_back":false')
case("a stop that comes back is requeued", 75, "requeue 77", OUTCOME="75", REST=',"come_back":true')
case("an array task requeues itself alone", 75, "requeue 70_3", OUTCOME="75", SLURM_ARRAY_JOB_ID="70",
     SLURM_ARRAY_TASK_ID="3")
case("a requeue that Slurm does not take at once is asked for again", 75, "requeue 77\nrequeue 77\nrequeue 77",
     OUTCOME="75", FAILS="2")
