"""The house's layers: who may include whom, where outside libraries may appear, and what targets link.

Reads the sources and CMakeLists.txt files under TRIREME_SOURCE. A violation is
printed as file:line. First it
checks that the rules find planted violations."""

import os
import re
import subprocess
import sys
from pathlib import Path

SOURCES = (".hpp", ".cpp", ".cu", ".cuh", ".h")
ROOMS = ("base", "collectives", "slurm", "io", "models", "launcher")

# room of io/checkpoint or of the launcher -> the rooms beside it that it may include
CHECKPOINT_ROOMS = {
    "format": (),
    "ranks": ("format",),
    "save": ("format", "ranks"),
    "load": ("format", "ranks"),
    "tools": ("format", "save"),
    "run": ("format", "ranks", "save", "load", "tools"),
}
LAUNCHER_ROOMS = {
    "options": (),
    "program": ("options",),
    "console": ("options",),
    "run_directory": ("options", "console"),
    "hub": ("options", "console"),
    "session": ("options", "console", "health", "team_data", "hub"),
    "inference": ("options", "console", "hub", "session"),
    "checkpointing": ("options", "console", "run_directory", "session"),
    "health": (),
    "record": ("options", "program"),
    "team_data": ("options",),
    "attempt": ("options", "program", "console", "run_directory", "hub", "session", "inference", "checkpointing", "health",
                "record"),
    "doctor": ("options", "program", "console", "health"),
    "submission": ("options", "console", "run_directory", "team_data"),
    "usage": ("options", "console", "run_directory"),
    "supervisor": ("options", "console", "run_directory", "submission", "record"),
    "sweep": ("options", "console", "run_directory"),
    "repeat": ("options", "console", "hub", "run_directory", "record", "team_data"),
    "runs": ("options", "console", "run_directory", "record", "usage"),
    "report": ("options", "console", "run_directory", "sweep"),
    "commands": ("options", "program", "console", "run_directory", "session", "checkpointing", "attempt", "doctor",
                 "health", "hub", "inference", "record", "repeat", "report", "runs", "submission", "supervisor", "sweep", "team_data", "usage"),
}
BELOW_LAUNCHER = ("base/", "collectives/", "slurm/", "io/", "models/")

# folder prefix (the longest match counts) -> prefixes of our own files that it may include
MAY_INCLUDE = {
    "base": ("base/",),
    "collectives/topology": ("base/", "collectives/topology/"),
    "collectives/ops": ("base/", "collectives/ops/", "collectives/communicator.hpp"),
    "collectives": ("base/", "collectives/"),
    "slurm": ("base/", "slurm/"),
    "io/hdf5": ("base/", "io/hdf5/"),
    "io/text": ("base/", "io/text/"),
    "io/tokens": ("base/", "io/hdf5/", "io/text/", "io/tokens/"),
    "io/lease": ("base/", "io/lease/"),
    "io/safetensors": ("base/", "io/safetensors/"),
    "io/jinja": ("base/", "io/jinja/"),
    "io/checkpoint": (),
    **{f"io/checkpoint/{room}": ("base/", "collectives/topology/", "io/hdf5/", f"io/checkpoint/{room}/",
                                 *(f"io/checkpoint/{below}/" for below in rooms))
       for room, rooms in CHECKPOINT_ROOMS.items()},
    "io/checkpoint/tools": ("base/", "collectives/topology/", "io/hdf5/", "io/lease/", "io/checkpoint/format/",
                            "io/checkpoint/save/", "io/checkpoint/tools/"),
    "models/spec": ("base/", "collectives/topology/", "models/spec/"),
    "models/schedule": ("base/", "models/schedule/", "models/spec/", "collectives/topology/"),
    "models/layout": ("base/", "models/layout/", "models/schedule/", "models/spec/", "collectives/topology/"),
    "models/attention": ("base/", "models/attention/", "models/kernels/", "models/spec/"),
    "models": ("base/", "collectives/", "models/"),
    "launcher": (*BELOW_LAUNCHER, "launcher/program/", "launcher/options/", "launcher/commands/"),
    **{f"launcher/{room}": (*BELOW_LAUNCHER, f"launcher/{room}/", *(f"launcher/{below}/" for below in rooms))
       for room, rooms in LAUNCHER_ROOMS.items()},
}

# outside headers (regular expression) -> prefixes of the files that may include them
OUTSIDE = {
    r"mpi\.h": ("collectives/mpi/",),
    r"nccl\.h": ("collectives/nccl/",),
    r"cuda.*|cub/.*|thrust/.*": ("collectives/nccl/", "models/kernels/cuda/"),
    r"hdf5.*\.h|H5.*": ("io/hdf5/",),
    r"boost/random/.*": ("launcher/sweep/",),
    r"archive(_entry)?\.h": ("launcher/repeat/",),
    r"simdjson.*": ("launcher/run_directory/",),
    r"boost/(?!random/).*": ("launcher/options",),
    r"(ATen|c10|torch)/.*": ("models/attention/", "models/kernels/", "models/optim/", "models/parallel/", "models/pipeline/",
                             "models/transformer/", "launcher/"),
    r"torch/torch\.h|ATen/ATen\.h|torch/extension\.h": (),
}
TORCH = re.compile(r"(ATen|c10|torch)/")
LAUNCHER_TORCH_FILES = 3

# Calls that change or take signals -> the only files that may make them.
SIGNAL_CALL = re.compile(r"\b(sigaction|sigprocmask|pthread_sigmask|sigwait\w*|sigtimedwait|sigsuspend|signalfd|sigaltstack)\s*\("
                         r"|(?<![\w.>])(std::|::)?(signal|raise|sigset)\s*\(|\bposix_spawnattr_init\b")
SIGNAL_FILES = ("base/signals.", "base/child_signals.")
HEADER_TORCH = "ATen/core/Tensor.h"

# target -> libraries that it must not reach by its links
HEAVY = ("Trireme::MPI", "Trireme::TorchCPU", "Trireme::TorchCUDA", "Trireme::HDF5", "Trireme::NCCL",
         "Boost::program_options")
MUST_NOT_REACH = {
    "trireme_base": HEAVY,
    "trireme_topology": HEAVY,
    "trireme_spec": HEAVY,
    "trireme_schedule": HEAVY,
    "trireme_layout": HEAVY,
    "trireme_collectives": HEAVY,
    "trireme_cuda_library": HEAVY,
    "trireme_slurm_queue": HEAVY,
    "trireme_slurm_job": HEAVY,
    "trireme_slurm_devcluster": HEAVY,
    "trireme_slurm_submit": HEAVY,
    "trireme_slurm_site": HEAVY,
    "trireme_mpi": ("Trireme::TorchCPU", "Trireme::HDF5", "Trireme::NCCL", "Boost::program_options"),
    "trireme_hdf5": ("Trireme::MPI", "Trireme::TorchCPU", "Boost::program_options"),
    "trireme_tokens": ("Trireme::MPI", "Trireme::TorchCPU", "Boost::program_options"),
    "trireme_text": HEAVY,
    "trireme_safetensors": HEAVY,
    "trireme_hub": ("Trireme::MPI", "Trireme::TorchCPU", "Trireme::NCCL"),
    "trireme_checkpoint": ("Trireme::MPI", "Trireme::TorchCPU", "Boost::program_options"),
    "trireme_options": ("Trireme::MPI", "Trireme::TorchCPU", "Trireme::HDF5"),
    "trireme_sweep": ("Trireme::MPI", "Trireme::TorchCPU", "Trireme::NCCL"),
    "trireme_health": HEAVY,
    "trireme_attempt": ("Trireme::MPI", "Trireme::TorchCPU", "Trireme::NCCL"),
    "trireme_doctor": ("Trireme::MPI", "Trireme::TorchCPU", "Trireme::NCCL"),
    "trireme_report": ("Trireme::MPI", "Trireme::TorchCPU", "Trireme::NCCL"),
    "trireme_supervisor": ("Trireme::MPI", "Trireme::TorchCPU", "Trireme::NCCL"),
    "trireme_attention": ("Trireme::MPI", "Trireme::HDF5", "Boost::program_options"),
    "trireme_transformer": ("Trireme::MPI", "Trireme::HDF5", "Boost::program_options"),
    "trireme_pipeline": ("Trireme::MPI", "Trireme::HDF5", "Boost::program_options"),
    "trireme_cuda": ("Trireme::MPI", "Trireme::HDF5", "Boost::program_options"),
    "trireme": ("Trireme::MPI", "Trireme::TorchCPU", "Trireme::TorchCUDA", "Trireme::NCCL"),
}


def rule_for(path):
    fitting = [folder for folder in MAY_INCLUDE if path.startswith(folder + "/")]
    return MAY_INCLUDE[max(fitting, key=len)] if fitting else ("",)


def include_problems(path, text):
    """Violations of one file, as (line number, sentence)."""
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
        if not match:
            continue
        header = match.group(1)
        if header.split("/")[0] in ROOMS:
            if not header.startswith(rule_for(path)):
                yield number, f"{path.rsplit('/', 1)[0]} must not include {header}"
            continue
        for pattern, allowed in OUTSIDE.items():
            if re.fullmatch(pattern, header) and not any(path.startswith(prefix) for prefix in allowed):
                yield number, f"{header} is not for this folder"
        if TORCH.match(header) and path.startswith("models/") and path.endswith(".hpp") and header != HEADER_TORCH:
            if not path.startswith(INNER_HEADERS):
                yield number, f"our headers include at most {HEADER_TORCH} of LibTorch, not {header}"


def signal_problems(path, text):
    """One room for signals: a handler of ours would run on the stack of whatever thread computes."""
    if path.startswith(SIGNAL_FILES):
        return
    for number, line in enumerate(text.splitlines(), 1):
        if SIGNAL_CALL.search(re.sub(r"//.*", "", line)):
            yield number, "signals are for base/signals and base/child_signals alone"


INNER_HEADERS = ("models/kernels/cuda/",)


# the only files that may write to standard output, and to a stream that they were given
OUTPUT = {
    r"std::(printf|puts|putchar|cout|cerr|clog)\b": ("base/answer.cpp",),
    # A training's lines are its log.
    r"\bstdout\b": ("base/answer.cpp", "base/patient_output.cpp", "collectives/mpi/failure.cpp",
                    "launcher/commands/train.cpp", "launcher/commands/program.cpp", "launcher/attempt/train_loop.cpp"),
    r"std::(fprintf|fputs|fputc|fwrite)\b": ("base/answer.cpp", "base/patient_output.cpp"),
    r"\bwrite_text\(": ("base/patient_output.cpp", "base/patient_output.hpp", "base/status_line.cpp"),
}


def output_problems(path, text):
    """Lines that reach a terminal past base/answer and base/log, where names are escaped."""
    for number, line in enumerate(text.splitlines(), 1):
        code = line.split("//")[0]
        for pattern, allowed in OUTPUT.items():
            if path not in allowed and re.search(pattern, code):
                yield number, "prints past base/answer and base/log, which escape what others wrote"


def torch_in_launcher(files):
    names = {re.sub(r"\.\w+$", "", path) for path, text in files.items()
             if path.startswith("launcher/") and re.search(r'#\s*include\s*[<"](ATen|c10|torch)/', text)}
    if len(names) > LAUNCHER_TORCH_FILES:
        yield f"launcher: {len(names)} files use LibTorch ({', '.join(sorted(names))}), at most {LAUNCHER_TORCH_FILES} may"


def link_graph(cmake_texts):
    graph = {}
    for text in cmake_texts:
        text = re.sub(r"#.*", "", text)
        for call, name, body in re.findall(r"(trireme_library|trireme_program)\(\s*(\S+)([^)]*)\)", text):
            links = re.search(r"\bLINKS\b(.*)", body, re.S)
            graph.setdefault(name, set()).update(links.group(1).split() if links else ())
        for name, body in re.findall(r"target_link_libraries\(\s*(\S+)([^)]*)\)", text):
            words = [word for word in body.split() if word not in ("PUBLIC", "PRIVATE", "INTERFACE")]
            graph.setdefault(name, set()).update(words)
    return graph


def reachable(graph, target):
    seen, waiting = set(), [target]
    while waiting:
        for library in graph.get(waiting.pop(), ()):
            if library not in seen:
                seen.add(library)
                waiting.append(library)
    return seen


def link_problems(graph):
    for target, forbidden in MUST_NOT_REACH.items():
        for library in sorted(reachable(graph, target) & set(forbidden)):
            yield f"Target links: {target} reaches {library}"


def program_problems(program):
    """What the program that runs on login nodes loads at start."""
    if not program.exists():
        return
    loaded = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    for library in ("libmpi", "libtorch", "libc10", "libnccl", "libcuda"):
        if re.search(rf"\b{library}[\w]*\.so", loaded):
            yield f"Target links: {program.name} loads {library}"


def problems(files, cmake_texts):
    for path, text in sorted(files.items()):
        for number, sentence in (*include_problems(path, text), *output_problems(path, text)):
            yield f"{path}:{number}: {sentence}"
        for number, sentence in signal_problems(path, text):
            yield f"{path}:{number}: {sentence}"
    yield from torch_in_launcher(files)
    yield from link_problems(link_graph(cmake_texts))


def self_test():
    planted = {
        "base/x.cpp": '#include "collectives/communicator.hpp"',
        "collectives/mpi/x.cpp": '#include "io/tokens/dataset.hpp"',
        "collectives/topology/x.hpp": '#include "collectives/communicator.hpp"',
        "slurm/x.cpp": '#include "collectives/topology/mesh.hpp"',
        "io/checkpoint/format/x.cpp": '#include "models/spec/config.hpp"',
        "io/checkpoint/format/y.cpp": '#include "io/checkpoint/run/prune.hpp"',
        "io/checkpoint/save/x.cpp": '#include "io/checkpoint/load/reader.hpp"',
        "io/checkpoint/loose.cpp": '#include "base/error.hpp"',
        "io/lease/x.cpp": '#include "io/checkpoint/format/manifest.hpp"',
        "launcher/loose.cpp": '#include "launcher/console/format.hpp"',
        "launcher/run_directory/x.cpp": '#include "launcher/submission/queue.hpp"',
        "launcher/console/x.cpp": '#include "launcher/session/session.hpp"',
        "io/tokens/x.cpp": '#include "collectives/communicator.hpp"',
        "models/optim/x.cpp": '#include "io/tokens/dataset.hpp"',
        "models/attention/x.cpp": '#include "models/parallel/parameters.hpp"',
        "models/layout/x.cpp": '#include "models/parallel/parameters.hpp"',
        "models/spec/x.cpp": '#include <ATen/core/Tensor.h>',
        "models/pipeline/x.cpp": "#include <mpi.h>",
        "collectives/mpi/y.cpp": "#include <nccl.h>",
        "launcher/session/x.cpp": "#include <boost/program_options.hpp>",
        "launcher/session/y.cpp": "#include <boost/random/sobol.hpp>",
        "launcher/sweep/x.cpp": "#include <boost/program_options.hpp>",
        "launcher/sweep/z.cpp": "#include <simdjson.h>",
        "launcher/sweep/y.cpp": '#include "launcher/submission/queue.hpp"',
        "launcher/attempt/x.cpp": "#include <hdf5.h>",
        "launcher/runs/x.cpp": "#include <archive.h>",
        "launcher/runs/y.cpp": '#include "launcher/repeat/archive.hpp"',
        "models/transformer/x.cpp": "#include <torch/torch.h>",
        "models/transformer/x.hpp": "#include <ATen/ops/mm.h>",
        "models/optim/y.cpp": "#include <cuda_runtime.h>",
    }
    missed = [path for path, text in planted.items() if not list(include_problems(path, text))]
    calls = ("  std::signal(SIGINT, stop);", "::sigaction(SIGTERM, &a, nullptr);", "pthread_sigmask(SIG_BLOCK, &s, nullptr);",
             "  ::signal(SIGXFSZ, SIG_IGN);", "  ::posix_spawnattr_init(&attributes);", "  signal(SIGHUP, SIG_IGN);")
    missed += [call for call in calls if not list(signal_problems("launcher/x.cpp", call))]
    for line in ('std::printf("%s\\n", name);', "std::fputs(name, stderr);", "std::cout << name;"):
        missed += [line] if not list(output_problems("launcher/x.cpp", line)) else []
    if not list(link_problems(link_graph(["trireme_library(trireme_spec SOURCES a.cpp LINKS b)\n"
                                          "trireme_library(b SOURCES b.cpp LINKS Trireme::MPI)"]))):
        missed.append("links")
    if not list(torch_in_launcher({f"launcher/f{i}.cpp": "#include <ATen/core/Tensor.h>" for i in range(4)})):
        missed.append("launcher")
    allowed = {"io/checkpoint/format/x.cpp": '#include "collectives/topology/box.hpp"',
               "models/optim/x.cpp": '#include "collectives/communicator.hpp"\n#include <ATen/ops/mm.h>',
               "launcher/options/x.cpp": "#include <boost/program_options.hpp>"}
    refused = [path for path, text in allowed.items() if list(include_problems(path, text))]
    harmless = ("void on_signal(Action action);", "base::end_by_signal(signal);", "signals.on_signal(f);", "// signal(2) is")
    refused += [line for line in harmless if list(signal_problems("launcher/x.cpp", line))]
    refused += list(signal_problems("base/signals.cpp", "::signal(signal, SIG_DFL);"))
    return [f"a planted violation was not found: {case}" for case in missed] + [f"refused: {case}" for case in refused]


def main():
    source = Path(os.environ["TRIREME_SOURCE"])
    files, cmake_texts = {}, []
    for room in ROOMS:
        for path in sorted((source / room).rglob("*")):
            if path.suffix in SOURCES:
                files[path.relative_to(source).as_posix()] = path.read_text()
            elif path.name == "CMakeLists.txt":
                cmake_texts.append(path.read_text())
    found = self_test() + list(problems(files, cmake_texts))
    found += program_problems(Path(os.environ["TRIREME_BIN"]))
    for line in found:
        print(line)
    print(f"{len(files)} files, {len(cmake_texts)} CMakeLists.txt: {len(found)} violations")
    return 1 if found or len(files) < 10 else 0


sys.exit(main())
