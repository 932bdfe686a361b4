"""What the commands without MPI write: answers that do not fit on the disk end with 1, a reader that leaves is no failure,
names of others reach no terminal raw, and --output replaces only what it may."""
import contextlib
import json
import os
import pty
import resource
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

WRITE_SAMPLE = sys.argv[1]
TRIREME = os.environ["TRIREME_BIN"]
SITE = Path(os.environ["TRIREME_SOURCE"]) / "examples/site-lab.ini"
HOSTILE = "x\x1b[2J\x1b]0;owned\x07\r\ntrireme: done \u202egnp.exe\u2028\u009b31m"
# Whatever a terminal obeys; a newline is allowed where our own lines end.
RAW = [chr(c) for c in range(32) if c != 10] + ["\x7f", "\u202e", "\u2028"] + [chr(c) for c in range(0x80, 0xA0)]


def check(name, condition, shown=""):
    if not condition:
        sys.exit(f"FAILED: {name}: {shown}")
    print(f"ok: {name}")


def trireme(space, *words, **keywords):
    """Where there is no Slurm, whatever this machine has."""
    keywords.setdefault("stdin", subprocess.DEVNULL)
    keywords.setdefault("env", {**os.environ, "PATH": "/nonexistent", "XDG_CACHE_HOME": str(space / "cache")})
    keywords.setdefault("stdout", subprocess.PIPE)
    return subprocess.run([TRIREME, *map(str, words)], cwd=space, stderr=subprocess.PIPE, timeout=120, check=False,
                          **keywords)


def must(space, *words):
    done = trireme(space, *words)
    check(" ".join(map(str, words)), done.returncode == 0, done)
    return done


def refused(name, done, code, *parts):
    """One sentence that holds all parts."""
    text = done.stderr.decode()
    lines = [line for line in text.splitlines() if not line.startswith("warning: ")]
    check(name, done.returncode == code and len(lines) == 1 and all(part in text for part in parts), done)


def prepare_space(space):
    (space / "text.txt").write_text("the king saw the river\n" * 400)
    must(space, "tokenizer", "train", "--vocab", 300, "--output", "tok.json", "text.txt")
    must(space, "prepare", "--tokenizer", "tok.json", "--output", "data.h5", "text.txt")
    (space / "run.ini").write_text("[model]\narch = llama\nlayers = 2\nhidden = 16\nheads = 2\nsequence = 16\n"
                                   "[data]\ntrain = data.h5\n[train]\nsteps = 4\nglobal_batch = 4\nmicro_batch = 1\n"
                                   "[slurm]\nnodes = 1\nranks_per_node = 1\ncpus_per_task = 1\n")
    for run, kind in (("runs/good", []), ("runs/evil", ["hostile"])):
        (space / run).mkdir(parents=True)
        subprocess.run([WRITE_SAMPLE, space / run, "5", "1", "1", "1", "0", "fp32", *kind], check=True, timeout=60)
    (space / "runs/good/run.ini").write_text("[run]\nname = good\n")


# Every command that answers on standard output, with what makes it do so.
def answers(space):
    step = "runs/good/checkpoints/step_5"
    return [
        ["--help"], ["--version"], ["checkpoint", "--help"], ["prepare", "--help"], ["submit", "--help"],
        ["status"], ["status", "--json"], ["doctor"], ["doctor", "--json"],
        ["submit", "run.ini", "--site", SITE, "--dry-run"],
        ["prepare", "--verify", "data.h5"], ["prepare", "--verify", "--json", "data.h5"],
        ["prepare", "--force", "--tokenizer", "tok.json", "--output", "again.h5", "text.txt"],
        ["tokenizer", "train", "--force", "--vocab", "300", "--output", "again.json", "text.txt"],
        ["tokenizer", "encode", "tok.json", "text.txt"],
        ["checkpoint", "list", "runs/good"], ["checkpoint", "list", "--json", "runs/good"],
        ["checkpoint", "inspect", step], ["checkpoint", "inspect", "--options", step], ["checkpoint", "verify", step],
        ["checkpoint", "diff", step, step], ["checkpoint", "prune", "--dry-run", "runs/good"],
        ["checkpoint", "copy", "--force", step, "copies"], ["checkpoint", "view", "--force", step, "-o", "view.h5"],
        ["checkpoint", "average", "--force", step, step, "-o", "average"],
        ["save", "runs/good"], ["stop", "runs/good"], ["resume", "runs/good"],
    ]


def full_disk(space):
    for words in answers(space):
        with open("/dev/full", "wb") as full:
            done = trireme(space, *words, stdout=full)
        refused(f"{' '.join(map(str, words))} > /dev/full", done, 1, "could not be written", "No space left on device")
    done = trireme(space, "status", preexec_fn=lambda: os.close(1), stdout=None)
    refused("status >&-", done, 1, "could not be written")


def reader_leaves(space):
    """With SIGPIPE as a shell leaves it, and ignored as some launchers leave it."""
    for how in (signal.SIG_DFL, signal.SIG_IGN):
        for words in (["--help"], ["checkpoint", "inspect", "runs/good"], ["status", "--json"]):
            read, write = os.pipe()
            os.close(read)
            with os.fdopen(write, "wb") as gone:
                done = trireme(space, *words, stdout=gone, preexec_fn=lambda how=how: signal.signal(signal.SIGPIPE, how))
            quiet = done.stderr == b"" and done.returncode in (0, -signal.SIGPIPE)
            check(f"{' '.join(words)} | true, SIGPIPE {how.name}", quiet, done)


def nothing_obeyed(name, text):
    check(f"{name}: nothing raw", not [c for c in RAW if c in text], repr(text))


def nothing_raw(name, text):
    nothing_obeyed(name, text)
    check(f"{name}: no forged line", not [line for line in text.splitlines() if line.startswith("trireme: done")],
          repr(text))


def hostile_names(space):
    ledger = [{"event": "start", "attempt": 1, "time": 1.0, "run_id": "honest", "reason": HOSTILE, "job": HOSTILE,
               "partition": HOSTILE, "layout": HOSTILE, "hosts": [HOSTILE], "ranks": 1, "steps": 9},
              {"event": "end", "attempt": 1, "time": 2.0, "reason": HOSTILE, "last_step": 5, "saved_step": 5}]
    (space / "runs" / HOSTILE).mkdir()
    for run in (space / "runs/evil", space / "runs" / HOSTILE):
        (run / "attempts.jsonl").write_text("".join(json.dumps(line) + "\n" for line in ledger))
        (run / "run.ini").write_text(f"[run]\nname = {HOSTILE}\n")
    (space / "bad.ini").write_text("[run]\nna\x1b[2Jme = x\n")
    step = "runs/evil/checkpoints/step_5"
    for code, words in [
            (0, ["status"]), (0, ["status", "--json"]), (0, ["status", f"runs/{HOSTILE}"]),
            (0, ["checkpoint", "list", "runs/evil"]), (0, ["checkpoint", "list", "--json", "runs/evil"]),
            (0, ["checkpoint", "inspect", step]), (0, ["checkpoint", "inspect", "--json", step]),
            (0, ["checkpoint", "inspect", "--stats", step]), (0, ["checkpoint", "inspect", "--public-names", step]),
            (0, ["checkpoint", "verify", step]),
            (0, ["checkpoint", "verify", "--deep", step]),
            (1, ["checkpoint", "diff", step, "runs/good"]), (1, ["checkpoint", "diff", "--json", step, "runs/good"]),
            (0, ["checkpoint", "copy", step, HOSTILE]), (0, ["checkpoint", "view", step, "-o", f"{HOSTILE}.h5"]),
            (2, ["checkpoint", "prune", "--keep", "2", "--keep-every", "0", "--dry-run", "runs/evil"]),
            (0, ["stop", f"runs/{HOSTILE}"]), (0, ["resume", f"runs/{HOSTILE}"]),
            (2, ["status", f"runs/{HOSTILE}none"]), (2, ["checkpoint", "list", HOSTILE + "none"]),
            (2, [HOSTILE]), (2, ["checkpoint", HOSTILE]), (2, ["status", f"--{HOSTILE}"]),
            (2, ["prepare", "--format", HOSTILE, "x"]),
            (2, ["tokenizer", "encode", HOSTILE + "none", "text.txt"]),
            (2, ["submit", "bad.ini", "--site", SITE, "--dry-run"]), (2, ["submit", f"{HOSTILE}none.ini", "--dry-run"]),
            (2, ["submit", "run.ini", "--site", SITE, "--dry-run", f"--data.train={HOSTILE}"]),
            (None, ["submit", "run.ini", "--site", SITE, "--dry-run", f"--model.arch={HOSTILE}"])]:
        done = trireme(space, *words)
        name = ascii(" ".join(map(str, words)))
        check(f"{name}: code", done.returncode == code or code is None, done)
        nothing_raw(f"{name}: stdout", done.stdout.decode())
        nothing_raw(f"{name}: stderr", done.stderr.decode())
    shown = trireme(space, "status", f"runs/{HOSTILE}").stdout.decode()
    check("escaped, not left out", "\\x1B[2J" in shown and "\\u{202E}" in shown, shown)
    same = json.loads(trireme(space, "checkpoint", "inspect", "--json", step).stdout)
    check("JSON keeps the value", same["run_id"] == HOSTILE, same)


def on_terminal(space, *words):
    """What a terminal is sent."""
    main, side = pty.openpty()
    with os.fdopen(side, "wb") as terminal:
        done = trireme(space, *words, stdout=terminal)
    check(f"{words}: on a terminal", done.returncode == 0, done)
    text = b""
    with contextlib.suppress(OSError):
        while part := os.read(main, 65536):
            text += part
    os.close(main)
    return text.replace(b"\r\n", b"\n").decode()


def content(space):
    """What is itself the answer goes through a pipe byte for byte, and to a terminal escaped."""
    text = "a\tb\x1b[2Jc\u202ed\n"
    (space / "raw.txt").write_text(text)
    ids = must(space, "tokenizer", "encode", "tok.json", "raw.txt").stdout
    (space / "ids.txt").write_bytes(ids)
    check("decode in a pipe", must(space, "tokenizer", "decode", "tok.json", "ids.txt").stdout.decode() == text)
    shown = on_terminal(space, "tokenizer", "decode", "tok.json", "ids.txt")
    check("decode on a terminal", "b\\x1B[2Jc\\u{202E}d" in shown and "\x1b" not in shown, repr(shown))
    step = "runs/evil/checkpoints/step_5"
    piped = must(space, "checkpoint", "inspect", "--options", step).stdout.decode()
    check("a run file in a pipe", HOSTILE in piped, repr(piped))
    # Its own lines stay lines.
    nothing_obeyed("a run file on a terminal", on_terminal(space, "checkpoint", "inspect", "--options", step))


def writers(output):
    """The commands that write where they are told, by their words without and with --force."""
    step = "runs/good/checkpoints/step_5"
    yield "prepare", ["prepare", "--tokenizer", "tok.json", "--output", output, "text.txt"]
    yield "prepare, validation", ["prepare", "--tokenizer", "tok.json", "--output", "train.h5", "--valid-fraction", "0.1",
                                  "--valid-output", output, "text.txt", "--force"]
    yield "tokenizer train", ["tokenizer", "train", "--vocab", 300, "--output", output, "text.txt"]
    yield "view", ["checkpoint", "view", step, "-o", output]
    yield "report", ["report", "runs/good", "-o", output]


def no_ordinary_files(space):
    os.mkfifo(space / "fifo")
    os.symlink("fifo", space / "to_fifo")
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(space / "socket"))
    targets = {"fifo": "is a FIFO", "to_fifo": "is a FIFO", "socket": "is a socket", ".": "is a directory",
               "/dev/null": "is a device", "/dev/stdout": "is an open stream", "/dev/fd/2": "is an open stream"}
    if os.geteuid() == 0:
        os.mknod(space / "null", 0o20600, os.makedev(1, 3))
        targets["null"] = "is a device"
    for target, words_of_refusal in targets.items():
        for name, words in writers(target):
            forced = words if "--force" in words else [*words, "--force"]
            refused(f"{name} into {target}", trireme(space, *forced), 2, words_of_refusal)
    server.close()
    check("they are still there", os.path.exists("/dev/null") and (space / "fifo").is_fifo()
          and (space / "socket").is_socket())


def only_by_force(space):
    for name, words in writers("precious"):
        if "--force" in words:
            continue
        (space / "precious").write_text("the only copy")
        refused(f"{name} over data", trireme(space, *words), 2, "there is precious already (13 bytes)", "--force")
        check(f"{name}: untouched", (space / "precious").read_bytes() == b"the only copy")
        must(space, *words, "--force")
        check(f"{name}: replaced", (space / "precious").stat().st_size > 100)
        (space / "far").mkdir()
        os.symlink("far/result", space / "link")
        must(space, *[word if word != "precious" else "link" for word in words])
        link_stays = (space / "link").is_symlink() and (space / "far/result").stat().st_size > 100
        check(f"{name}: a link writes where it leads", link_stays and os.listdir(space / "far") == ["result"])
        for path in ("link", "far/result", "precious"):
            (space / path).unlink()
        (space / "far").rmdir()
    (space / "d.h5").write_text("")
    (space / "d.valid.h5").write_text("held out")
    words = ["prepare", "--tokenizer", "tok.json", "--output", "d.h5", "--valid-fraction", "0.1"]
    # Standard input stays open: a refusal that came only after reading it would never come.
    read, write = os.pipe()
    refused("before the work", trireme(space, *words, "-", stdin=read), 2, "d.valid.h5 already", "--force")
    os.close(read)
    os.close(write)
    (space / "d.valid.h5").unlink()
    must(space, *words, "text.txt")
    check("an empty file holds nothing", (space / "d.h5").stat().st_size > 100)


def file_size_limit(space):
    def limit(most=20_000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    (space / "long.txt").write_text("the king saw the river at night\n" * 20_000)
    before = sorted(os.listdir(space))
    for name, most, words in (
            ("prepare", 20_000, ["prepare", "--tokenizer", "tok.json", "--output", "new.h5", "long.txt"]),
            ("copy", 20_000, ["checkpoint", "copy", "runs/good", "new"]),
            ("view", 1_000, ["checkpoint", "view", "runs/good", "-o", "new.h5"]),
            ("tokenizer train", 1_000, ["tokenizer", "train", "--vocab", 300, "--output", "new.json", "long.txt"])):
        done = trireme(space, *words, preexec_fn=lambda most=most: limit(most))
        refused(f"{name} beyond ulimit -f", done, 1, "File too large", f"no file grow beyond {most} bytes", "ulimit -f")
        check(f"{name}: nothing is left", sorted(os.listdir(space)) == before, os.listdir(space))
    with open(space / "answer.txt", "wb") as file:
        file.truncate(20_000)
        file.seek(20_000)
        done = trireme(space, "status", stdout=file, preexec_fn=limit)
    refused("status beyond ulimit -f", done, 1, "could not be written", "ulimit -f")


def main():
    with tempfile.TemporaryDirectory() as path:
        space = Path(path)
        prepare_space(space)
        full_disk(space)
        reader_leaves(space)
        no_ordinary_files(space)
        only_by_force(space)
        file_size_limit(space)
        hostile_names(space)
        content(space)


main()
