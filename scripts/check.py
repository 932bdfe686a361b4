#!/usr/bin/env python3
"""What a machine can judge of the sources without running them, after scripts/setup.sh --tests:

    format    clang-format-14 changes nothing in any tracked C++ file
    tidy      clang-tidy-14 has nothing to say (.clang-tidy)
    headers   each header compiles alone

    scripts/check.py           tidy and headers: what changed since the last version, the newest first, LIMIT of each
    scripts/check.py --all     tidy and headers: every file; when all is good, records the commit in .ci/checked

Tidy and headers leave out what includes LibTorch or CUDA, since one such file takes longer than twenty others;
--all has them too. "The last version" is the last tag, or the commit in .ci/checked where there is no tag. In a clone
without either they are not run, and that is said."""

import concurrent.futures
import json
import os
import re
import shlex
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CHECKED = ".ci/checked"
LIMIT = 24
LARGE = re.compile(r"(ATen|torch|c10|cuda|nccl)\b")
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)


def git(*words):
    """Its output; nothing where it fails or there is no git. Who owns the files does not matter: nothing is run here."""
    try:
        return subprocess.run(["git", "-c", f"safe.directory={ROOT}", *words], cwd=ROOT, capture_output=True, text=True,
                              check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""


def tracked():
    return [name for name in git("ls-files", "*.cpp", "*.hpp").splitlines() if os.path.exists(os.path.join(ROOT, name))]


def base():
    """The commit of the last version; nothing where this clone has none."""
    tag = git("describe", "--tags", "--abbrev=0").strip()
    if tag:
        return tag
    try:
        with open(os.path.join(ROOT, CHECKED), encoding="utf-8") as file:
            commit = file.read().strip()
    except OSError:
        return ""
    return commit if git("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}") else ""


def changed_since(commit):
    """Names of files, each once: those with uncommitted changes, then those of the newest commit, and so on."""
    names = git("diff", "--name-only", "HEAD") + git("log", "--format=", "--name-only", f"{commit}..HEAD")
    return list(dict.fromkeys(names.splitlines()))


class Includes:
    """Which files a source includes, directly and through others of ours."""

    def __init__(self):
        self.direct_of = {}

    def direct(self, name):
        """(ours, others')"""
        if name not in self.direct_of:
            with open(os.path.join(ROOT, name), encoding="utf-8") as file:
                found = INCLUDE.findall(file.read())
            self.direct_of[name] = ([ours for ours, _ in found if ours and os.path.isfile(os.path.join(ROOT, ours))],
                                    [other for _, other in found if other])
        return self.direct_of[name]

    def closure(self, name):
        """Ours, `name` too."""
        seen, waiting = set(), [name]
        while waiting:
            one = waiting.pop()
            if one not in seen:
                seen.add(one)
                waiting += self.direct(one)[0]
        return seen

    def is_large(self, name):
        return any(LARGE.match(other) for one in self.closure(name) for other in self.direct(one)[1])


def compile_commands():
    """A source's name -> the words of the command that compiles it in build/."""
    with open(os.path.join(ROOT, "build", "compile_commands.json"), encoding="utf-8") as file:
        entries = json.load(file)
    return {os.path.relpath(entry["file"], ROOT): shlex.split(entry["command"]) for entry in entries}


def header_flags(header, commands, includes):
    """Where to look for includes, and the language, as for a source that includes the header."""
    for source, words in commands.items():
        if os.path.exists(os.path.join(ROOT, source)) and header in includes.closure(source):
            kept = [word for word in words if re.match(r"-(I|D|std)", word)]
            return kept + [word for i, word in enumerate(words) for word in words[i:i + 2] if words[i] == "-isystem"]
    return [f"-I{ROOT}", "-std=c++20"]


def refusals(kind, commands):
    """Runs {name: words} on all cores; the names of those that fail, each with its output printed."""
    def run(item):
        name, words = item
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
        return name if done.returncode else "", done.stdout + (done.stderr if kind != "tidy" else "")
    failed = []
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for name, said in pool.map(run, commands.items()):
            if name:
                failed.append(name)
                print(said.strip())
    print(f"check: {kind}: {len(commands)} files, {len(failed)} with findings{': ' + ' '.join(failed) if failed else ''}")
    return failed


def format_commands(names):
    return {name: ["clang-format-14", "--dry-run", "-Werror", name] for name in names}


def tidy_commands(sources):
    """With a list of commands of its own: clang cannot read g++'s precompiled headers."""
    with open(os.path.join(ROOT, "build", "compile_commands.json"), encoding="utf-8") as file:
        entries = json.load(file)
    for entry in entries:
        entry["command"] = re.sub(r" -Winvalid-pch| -include \S*cmake_pch\.hxx", "", entry["command"])
    directory = os.path.join(ROOT, "build", "tidy")
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, "compile_commands.json"), "w", encoding="utf-8") as file:
        json.dump(entries, file)
    return {name: ["clang-tidy-14", "--quiet", "-p", directory, "--warnings-as-errors=*",
                   "--extra-arg=-Wno-unknown-warning-option", name] for name in sources}


def header_commands(headers, includes):
    commands = compile_commands()
    return {name: ["g++", *header_flags(name, commands, includes), "-fsyntax-only", "-include", name, "-x", "c++", "/dev/null"]
            for name in headers}


def chosen(everything, files, includes):
    """(sources, headers) that tidy and headers look at; nothing where there is nothing to compare with."""
    if everything:
        names = files
    else:
        since = base()
        if not since:
            print(f"check: tidy and headers: not run: this clone has neither a tag nor the commit that {CHECKED} names")
            return [], []
        names = [name for name in changed_since(since) if name in files and not includes.is_large(name)]
    parts = [[name for name in names if name.endswith(suffix)] for suffix in (".cpp", ".hpp")]
    if everything:
        return parts
    for part in parts:
        if len(part) > LIMIT:
            print(f"check: {len(part)} files changed since {since}: the newest {LIMIT}; scripts/soak.sh looks at all")
    return [part[:LIMIT] for part in parts]


def main():
    everything = sys.argv[1:] == ["--all"]
    if sys.argv[1:] and not everything:
        sys.exit("check.py: the only option is --all")
    files, includes = tracked(), Includes()
    if not files:
        print("check: not run: this is no clone of the repository")
        return 1 if os.path.exists(os.path.join(ROOT, ".git")) else 0
    missing = [tool for tool in ("clang-format-14", "clang-tidy-14") if not shutil.which(tool)]
    if missing:
        print(f"check: not run: {' and '.join(missing)} not found (scripts/setup.sh --tests installs them on Debian)")
        return 0
    failed = refusals("format", format_commands(files))
    sources, headers = chosen(everything, files, includes)
    compiled = compile_commands()
    failed += refusals("tidy", tidy_commands([name for name in sources if name in compiled]))
    failed += refusals("headers", header_commands(headers, includes))
    if everything and not failed:
        with open(os.path.join(ROOT, CHECKED), "w", encoding="utf-8") as file:
            file.write(git("rev-parse", "HEAD"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
