"""tests/support/leftovers.py finds what a command leaves, and takes nobody else's things for it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

LEFTOVERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "leftovers.py")


def look(script):
    done = subprocess.run([sys.executable, LEFTOVERS, "--patience", "0.1", "sh", "-c", script], capture_output=True,
                          text=True, check=False, timeout=60)
    return done.returncode, done.stdout


def remove(said):
    """What a look that failed on purpose left in its places."""
    token = re.search("trireme-suite-([0-9a-f]+)", said).group(1)
    for parent in ("/tmp", "/var/tmp", "/dev/shm"):
        shutil.rmtree(f"{parent}/trireme-suite-{token}", ignore_errors=True)


def main():
    assert look("mkdir $TMPDIR/a $TRIREME_VAR_TMP/b; rmdir $TMPDIR/a $TRIREME_VAR_TMP/b") == (0, "leftovers: none\n")
    code, said = look("exit 3")
    assert code == 3 and "none" in said, (code, said)

    with tempfile.TemporaryDirectory():  # another's, made meanwhile
        other = subprocess.Popen(["sleep", "300"])
        code, said = look("setsid sleep 300 >/dev/null 2>&1 & echo $!; touch $TRIREME_SHM/segment $TMPDIR/file")
        assert code == 1 and said.count("leftovers: process") == 1 and said.count("leftovers: file") == 2, said
        assert f"process {other.pid}:" not in said, said
        other.kill()
        other.wait()
    os.kill(int(re.search("process (\\d+):", said).group(1)), signal.SIGKILL)
    remove(said)
    print("processes and files are found, others are left alone")


if __name__ == "__main__":
    main()
