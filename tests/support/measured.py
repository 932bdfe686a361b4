"""Runs a command and records what it took: measured.py NAME LABEL COMMAND …

Exits as the command does. Where $TRIREME_DURATIONS names a directory, this writes NAME.json there: the label, the wall
seconds, and the CPU seconds of the command and of everything that it started, daemons included: those are adopted by
this process when their parent ends, and counted once they have ended too."""

import ctypes
import json
import os
import resource
import signal
import sys
import time

PR_SET_CHILD_SUBREAPER = 36


def run(command):
    """Waits for the command, and for whatever it leaves behind that ends before it. Its wait status."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # Python ignores these two; a program that inherited that would not end when its reader does.
    child = os.posix_spawnp(command[0], command, os.environ, setsigdef=[signal.SIGPIPE, signal.SIGXFSZ])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command's answer to Ctrl-C counts
    while True:
        pid, status = os.wait()
        if pid == child:
            break
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
    return status


def main():
    name, label, *command = sys.argv[1:]
    start = time.monotonic()
    status = run(command)
    wall = time.monotonic() - start
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    directory = os.environ.get("TRIREME_DURATIONS")
    if directory:
        with open(os.path.join(directory, f"{name}.json"), "w", encoding="utf-8") as file:
            json.dump({"name": name, "label": label, "wall": wall, "cpu": usage.ru_utime + usage.ru_stime}, file)
    if os.WIFSIGNALED(status):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the command has left its own
        signal.signal(os.WTERMSIG(status), signal.SIG_DFL) if os.WTERMSIG(status) != signal.SIGKILL else None
        os.kill(os.getpid(), os.WTERMSIG(status))
    return os.WEXITSTATUS(status)


if __name__ == "__main__":
    sys.exit(main())
