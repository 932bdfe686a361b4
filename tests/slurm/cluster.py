"""A devcluster for tests: a real Slurm of several nodes on this machine, ended whatever happens."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

TRIREME = os.environ["TRIREME_BIN"]
FAULTS = os.path.join(os.environ["TRIREME_BUILD"], "tests", "faults.so")  # see tests/support/faults.cpp
VAR_TMP = os.environ.get("TRIREME_VAR_TMP", "/var/tmp")
PATIENCE = 4
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "munged", "unshare", "nsenter")


def skip_unless_possible(*more):
    """Ends the test as skipped, with the reason, where no cluster can be started."""
    missing = [name for name in PROGRAMS + more if shutil.which(name) is None]
    if missing:
        print(f"skipped: {', '.join(missing)} not installed (scripts/setup.sh --tests installs Slurm)")
        sys.exit(77)
    if os.geteuid() != 0:
        print("skipped: a devcluster needs root")
        sys.exit(77)
    if subprocess.run(["unshare", "--mount", "--uts", "true"], capture_output=True).returncode != 0:
        print("skipped: this machine lets nobody make namespaces")
        sys.exit(77)


class Cluster:
    """with Cluster("--nodes", "4") as cluster: …"""

    def __init__(self, *options):
        self.options = options
        self.directory = tempfile.mkdtemp(prefix="trireme-slurm-test.", dir=VAR_TMP)
        os.rmdir(self.directory)

    def __enter__(self):
        try:
            print(self.devcluster("up", *self.options).splitlines()[0], flush=True)
        except BaseException:
            self.__exit__()  # what has started already
            raise
        self.environment = dict(os.environ, SLURM_CONF=f"{self.directory}/etc/slurm.conf", TRIREME_SITE="none")
        if os.path.exists(FAULTS):  # for the ranks, which jobs start with this environment
            self.environment["LD_PRELOAD"] = FAULTS
        return self

    def __exit__(self, *error):
        done = subprocess.run([TRIREME, "devcluster", "down", "--dir", self.directory], capture_output=True, text=True,
                              timeout=60 * PATIENCE)
        assert done.returncode == 0, ("devcluster down", done.stdout, done.stderr)

    def devcluster(self, command, *words):
        done = subprocess.run([TRIREME, "devcluster", command, "--dir", self.directory, *map(str, words)],
                              capture_output=True, text=True, timeout=90 * PATIENCE)
        assert done.returncode == 0, (command, words, done.stdout, done.stderr)
        return done.stdout

    def run(self, *words, check=True, timeout=60, **more):
        done = subprocess.run([str(word) for word in words], env=self.environment, capture_output=True, text=True,
                              timeout=timeout, **more)
        assert not check or done.returncode == 0, (words, done.stdout, done.stderr)
        return done

    def sbatch(self, *words, **more):
        """The new job's id."""
        return self.run("sbatch", "--parsable", *words, **more).stdout.strip()

    def job(self, job):
        """scontrol's words on a job as a dict; empty when Slurm does not know it any more."""
        text = self.run("scontrol", "--oneliner", "show", "job", job, check=False).stdout
        return dict(re.findall(r"(\S+?)=(\S*)", text))

    def state(self, job):
        return self.job(job).get("JobState", "")

    def hosts(self, job):
        return self.run("scontrol", "show", "hostnames", self.job(job)["NodeList"]).stdout.split()

    def wait(self, condition, seconds, what):
        """Until `condition()` is true; its value. `seconds` are more than a quiet machine needs; a busy one gets
        PATIENCE times as many, since what is limited here is a hang, not speed. A failure says what was waited for (a
        text, or a function that makes it then) and how the cluster looks."""
        seconds *= PATIENCE
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            time.sleep(0.1)
        what = what() if callable(what) else what
        raise AssertionError(f"not within {seconds} s: {what}\n{self.run('squeue', check=False).stdout}"
                             f"{self.run('sinfo', check=False).stdout}")

    def wait_state(self, job, states, seconds=60):
        states = (states,) if isinstance(states, str) else states
        return self.wait(lambda: self.state(job) in states and self.state(job), seconds,
                         lambda: f"job {job} {' or '.join(states)}, is {self.state(job)}")

    def files_on(self, node, directory):
        """Names in a directory as the node sees it: each has /dev/shm and /tmp of its own."""
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                words = open(f"/proc/{entry}/cmdline", "rb").read().decode(errors="replace").split("\0")
                if words[0].endswith("slurmd") and node in words and self.directory in " ".join(words):
                    return os.listdir(f"/proc/{entry}/root{directory}")
            except (FileNotFoundError, ProcessLookupError):
                continue  # the process ended, or the directory is not there
        return []

    def node_state(self, node):
        return self.run("sinfo", "--noheader", f"--nodes={node}", "--partition=low", "--format=%T").stdout.strip()
