"""Runs the test suite in places of its own and looks for what it leaves behind: processes, mounts, bridges, files.

    leftovers.py [--patience SECONDS] COMMAND …     the command's exit code, or 1 when it was 0 and something is left

Everything is known by a mark that only this suite has, so that nobody else's things are taken for ours: processes by
TRIREME_SUITE in their environment; files, mounts and network bridges by directories below /tmp, /var/tmp and /dev/shm
that are made for the suite (TMPDIR, TRIREME_VAR_TMP and TRIREME_SHM in the tests; MPI's segments go there too). Shared
memory of MPI that lies elsewhere all the same counts when it is new, nobody has it open, and nobody else runs MPI here
at the time."""

import glob
import os
import re
import secrets
import shutil
import subprocess
import sys
import time

PATIENCE_S = 30.0  # ranks outlive a killed mpirun by a moment
MPI_SHARED = "/dev/shm/vader_segment.*"
# What other programs leave in the suite's own places: sessions and segments of MPI launchers and directories of torchruns
# that a test killed, and PyTorch's cache.
OF_OTHER_PROGRAMS = ("ompi.*", "vader_segment.*", "torchelastic_*", "torchinductor_*",
                     "trireme-[0-9]*-devcluster*")  # where a job's MPI had them, when its cluster ended under it


def processes():
    """(process id, environment, command line) of all processes that this user may look at, but this one."""
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/environ", "rb") as file:
                environment = file.read().split(b"\0")
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                words = file.read().decode(errors="replace").split("\0")
        except OSError:
            continue  # it ended while we looked, or is another user's
        if int(entry) != os.getpid():
            yield int(entry), environment, " ".join(words).strip()


def marked(mark):
    return [f"process {pid}: {words}" for pid, environment, words in processes() if mark.encode() in environment]


def mpi_of_others(mark):
    return any(re.match(r"(\S*/)?(mpirun|mpiexec|orted|srun|trireme-run)\b", words) and mark.encode() not in environment
               for _, environment, words in processes())


def mounts(places):
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        points = [line.split()[4] for line in file]
    return [f"mount {point}" for point in points if any(point.startswith(f"{place}/") for place in places)]


def bridges(places):
    if shutil.which("ip") is None:
        return []
    shown = subprocess.run(["ip", "-details", "link"], capture_output=True, text=True, check=False).stdout
    return [f"network {line.strip()}" for line in shown.splitlines() if any(f"alias {place}/" in line for place in places)]


def files(places):
    """What other programs leave is theirs, not a test's: it goes without a word."""
    for name in (name for place in places for pattern in OF_OTHER_PROGRAMS for name in glob.glob(f"{place}/{pattern}")):
        if os.path.isdir(name):
            shutil.rmtree(name, ignore_errors=True)
        else:
            os.unlink(name)
    return [f"file {entry.path}" for place in places for entry in os.scandir(place)]


def mapped():
    """Names of /dev/shm that some process has in its memory."""
    names = set()
    for maps in glob.glob("/proc/[0-9]*/maps"):
        try:
            with open(maps, encoding="utf-8", errors="replace") as file:
                names.update(re.findall(r"/dev/shm/\S+", file.read()))
        except OSError:
            continue
    return names


def shared_memory(before):
    return sorted(set(glob.glob(MPI_SHARED)) - before - mapped())


def remaining(mark, places):
    return marked(mark) + mounts(places) + bridges(places) + files(places)


def main():
    patience, command = PATIENCE_S, sys.argv[1:]
    if command[:1] == ["--patience"]:
        patience, command = float(command[1]), command[2:]
    token = secrets.token_hex(4)
    mark = f"TRIREME_SUITE={token}"
    places = [f"{parent}/trireme-suite-{token}" for parent in ("/tmp", "/var/tmp", "/dev/shm")]
    for place in places:
        os.mkdir(place)
        os.chmod(place, 0o1777)  # some tests have other users
    environment = {**os.environ, "TRIREME_SUITE": token, "TMPDIR": places[0], "TRIREME_VAR_TMP": places[1],
                   "TRIREME_SHM": places[2], "OMPI_MCA_btl_vader_backing_directory": places[2],
                   "XDG_CACHE_HOME": f"{places[1]}/cache"}
    segments = set(glob.glob(MPI_SHARED))
    others = mpi_of_others(mark)
    code = subprocess.run(command, env=environment, check=False).returncode
    shutil.rmtree(environment["XDG_CACHE_HOME"], ignore_errors=True)
    deadline = time.monotonic() + patience
    while (left := remaining(mark, places)) and time.monotonic() < deadline:
        time.sleep(0.2)
    others = others or mpi_of_others(mark)
    lost = shared_memory(segments)
    if lost and others:
        print(f"leftovers: {len(lost)} segments of MPI are unused in /dev/shm, ours or of others who run MPI here")
    elif lost:
        left += [f"shared memory {name}" for name in lost]
    for line in left:
        print(f"leftovers: {line}", flush=True)
    if not left:
        print("leftovers: none", flush=True)
        for place in places:
            os.rmdir(place)
    return code or (1 if left else 0)


if __name__ == "__main__":
    sys.exit(main())
