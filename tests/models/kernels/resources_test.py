"""What the device kernels take: compiles each .cu file with ptxas -v for sm_80, sm_90 and sm_100 and compares registers,
shared memory and stack of every kernel with models/kernels/cuda/resources.txt. Nothing may spill. Registers are not
compared where nvcc is of another release than the one in the table.

    resources_test.py TABLE INCLUDE_ROOT COMPILER_OPTION… -- FILE.cu…    exit 77 where there is no nvcc
    resources_test.py --write …                                          writes the table anew

First it checks that planted excesses are found."""

import os
import re
import shutil
import subprocess
import sys
import tempfile

ARCHITECTURES = ("80", "90", "100")
ENTRY = re.compile(r"Compiling entry function '(\w+)' for 'sm_(\d+)\w?'")
FRAME = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
USED = re.compile(r"Used (\d+) registers(?:.*?, (\d+) bytes smem)?")
KERNEL = re.compile(r"::(\w+(?:<.*>)?)\(")
HEAD = """# The most that each kernel may take: bytes of shared memory and of stack (local memory), and registers of a thread on
# each architecture. tests/models/kernels/resources_test.py compares it with what ptxas says, and writes it anew with
# --write. Raise a number together with the reason, in the commit.
# compiled by nvcc {release}
"""


def used_by(log, names):
    """{(kernel, architecture): {"stack", "spills", "shared", "registers"}} of what ptxas said; `names` demangles."""
    used, current = {}, None
    for line in log.splitlines():
        if found := ENTRY.search(line):
            current = used.setdefault((names(found[1]), found[2]), {})
        elif current is not None and (found := FRAME.search(line)):
            current.update(stack=int(found[1]), spills=int(found[2]) + int(found[3]))
        elif current is not None and (found := USED.search(line)):
            current.update(registers=int(found[1]), shared=int(found[2] or 0))
            current = None
    return used


def read_table(text):
    """{kernel: {"shared", "stack", "80", "90", "100"}}"""
    table = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            kernel, *numbers = re.fullmatch(r"(.*\S)" + r"\s+(\d+)" * 5 + r"\s*", line).groups()
            table[kernel] = dict(zip(("shared", "stack", *ARCHITECTURES), map(int, numbers)))
    return table


def problems(used, table, registers=True):
    found = []
    for (kernel, architecture), have in sorted(used.items()):
        where = f"{kernel} on sm_{architecture}"
        if set(have) != {"stack", "spills", "shared", "registers"}:
            found.append(f"{where}: ptxas said only {sorted(have)}")
            continue
        if have["spills"]:
            found.append(f"{where} spills {have['spills']} bytes")
        if kernel not in table:
            found.append(f"{kernel} is not in the table")
            continue
        for what, limit in (("shared", table[kernel]["shared"]), ("stack", table[kernel]["stack"]),
                            ("registers", table[kernel][architecture])):
            if have[what] > limit and (registers or what != "registers"):
                found.append(f"{where}: {what} {have[what]}, the table allows {limit}")
    for kernel in table:
        found += [f"{kernel} is in the table, but was not compiled for sm_{each}" for each in ARCHITECTURES
                  if (kernel, each) not in used]
    return found


def check_itself():
    log = """ptxas info    : Compiling entry function 'k' for 'sm_80'
ptxas info    : Function properties for k
    16 bytes stack frame, 4 bytes spill stores, 8 bytes spill loads
ptxas info    : Used 40 registers, used 1 barriers, 128 bytes smem, 392 bytes cmem[0]
"""
    used = used_by(log, lambda name: name)
    assert used == {("k", "80"): {"stack": 16, "spills": 12, "shared": 128, "registers": 40}}, used
    used = {("k", each): dict(used[("k", "80")], spills=0) for each in ARCHITECTURES}
    allowed = read_table("# a comment\nk 128 16 40 40 40\n")
    assert problems(used, allowed) == [], problems(used, allowed)
    assert len(problems(used, read_table("k 127 16 40 40 40"))) == 3
    assert len(problems(used, read_table("k 128 15 40 40 40"))) == 3
    assert len(problems(used, read_table("k 128 16 40 39 40"))) == 1
    assert problems(used, read_table("k 128 16 40 39 40"), registers=False) == []
    assert len(problems(used, {})) == 3
    assert len(problems({}, allowed)) == 3
    used[("k", "90")]["spills"] = 4
    assert len(problems(used, allowed)) == 1


def demangled(name):
    full = subprocess.run(["c++filt", name], capture_output=True, text=True, check=True).stdout.strip()
    return KERNEL.search(full)[1]


def compiled(nvcc, options, source):
    """What ptxas says of one file."""
    targets = [f"-gencode=arch=compute_{each},code=sm_{each}" for each in ARCHITECTURES]
    with tempfile.TemporaryDirectory() as directory:
        done = subprocess.run([nvcc, *options, *targets, "-Xptxas", "-v", "-c", source, "-o",
                               os.path.join(directory, "object")], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{source} does not compile:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def release_of(nvcc):
    said = subprocess.run([nvcc, "--version"], capture_output=True, text=True, check=True).stdout
    return re.search(r"release (\S+),", said)[1]


def table_text(used, release):
    lines = [HEAD.format(release=release) + f"#\n# {'kernel':<54} shared  stack  sm_80  sm_90  sm_100"]
    for kernel in sorted({kernel for kernel, _ in used}):
        each = [used[(kernel, architecture)] for architecture in ARCHITECTURES]
        lines.append(f"{kernel:<56} {max(e['shared'] for e in each):6} {max(e['stack'] for e in each):6} "
                     + " ".join(f"{e['registers']:6}" for e in each))
    return "\n".join(lines) + "\n"


def main():
    check_itself()
    words = sys.argv[1:]
    write = words[0] == "--write"
    table, root, *rest = words[1:] if write else words
    options, sources = rest[:rest.index("--")], rest[rest.index("--") + 1:]
    nvcc = shutil.which("nvcc", path=os.environ.get("PATH", "") + ":/usr/local/cuda/bin")
    if not nvcc:
        print("skipped: no nvcc found")
        sys.exit(77)
    used = {}
    for source in sources:
        used |= used_by(compiled(nvcc, [f"-I{root}", *options], source), demangled)
    if write:
        with open(table, "w", encoding="utf-8") as file:
            file.write(table_text(used, release_of(nvcc)))
        return
    with open(table, encoding="utf-8") as file:
        text = file.read()
    same = f"# compiled by nvcc {release_of(nvcc)}\n" in text
    found = problems(used, read_table(text), registers=same)
    if not same:
        print(f"registers are not compared: this is nvcc {release_of(nvcc)}")
    print("\n".join(found) or f"{len({kernel for kernel, _ in used})} kernels on {len(ARCHITECTURES)} architectures take what they may")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
