"""Training steps on one GPU in bf16 at 4,096 tokens: `trireme train` against PyTorch eager and compiled, seconds per step and
share of the peak that Trireme measures at its start. A 1B model, and 8 layers of an 8B one. See gpu.sh.

    gpu_speed.py [STEPS]
"""

import glob
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

TRIREME = os.environ["TRIREME_BIN"]
SOURCE = os.environ["TRIREME_SOURCE"]
PYTHON = os.path.join(os.environ["TRIREME_VENV"], "bin", "python")
HERE = os.path.dirname(os.path.abspath(__file__))
STEPS = int(sys.argv[1]) if len(sys.argv) > 1 else 12
SKIPPED, SEQUENCE = 4, 4096
# preset, layers, sequences of a step, then hidden, heads, kv_heads, ffn, vocab, tied of the preset
MODELS = [("llama-1b", 16, 4, 2048, 32, 8, 8192, 128256, 1), ("llama-8b", 8, 2, 4096, 32, 8, 14336, 128256, 0)]


def must(command, **keywords):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **keywords)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} left with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


def prepare(directory):
    """The project's own pages and sources, until there are enough tokens."""
    text = f"{directory}/text.txt"
    names = sorted(glob.glob(f"{SOURCE}/docs/**/*.md", recursive=True)) + sorted(glob.glob(f"{SOURCE}/*/**/*.cpp", recursive=True))
    with open(text, "w", encoding="utf-8") as out:
        for name in names:
            if os.path.relpath(name, SOURCE).startswith(("build", ".deps")):
                continue
            with open(name, encoding="utf-8") as file:
                out.write(file.read() + "\n\n")
    must([TRIREME, "tokenizer", "train", "--vocab", "1024", "--output", f"{directory}/tok.json", text])
    must([TRIREME, "prepare", "--tokenizer", f"{directory}/tok.json", "--output", f"{directory}/data.h5", text])


def steps_of(command, metrics):
    """The lines of STEPS steps without the first ones; ended before the last step, whose save would write 30 GB."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said = []
    for line in process.stdout:
        said.append(line)
        if line.split()[:2] == ["step", f"{STEPS}/{STEPS + 1}"]:
            break
    else:
        raise SystemExit(f"{' '.join(command)} left with {process.wait()}:\n{''.join(said)[-3000:]}")
    process.kill()
    process.wait()
    with open(metrics, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    return [line for line in lines if "seconds" in line][SKIPPED:]


def ours(directory, model):
    preset, layers, batch, _, _, _, _, vocab, _ = model
    run = f"{directory}/{preset}"
    with open(f"{run}.ini", "w", encoding="utf-8") as file:
        file.write(f"[run]\ndir = {run}\n[model]\npreset = {preset}\nlayers = {layers}\nsequence = {SEQUENCE}\nvocab = {vocab}\n"
                   f"[data]\ntrain = {directory}/data.h5\n[train]\nsteps = {STEPS + 1}\nglobal_batch = {batch}\n"
                   f"micro_batch = {batch}\nprecision = bf16\ndevice = cuda\n[checkpoint]\nevery_steps = 0\nevery_minutes = 0\n"
                   "preflight = false\n")
    lines = steps_of([TRIREME, "train", f"{run}.ini"], f"{run}/metrics.jsonl")
    shutil.rmtree(run)
    shares = [line["peak_share"] for line in lines if "peak_share" in line]
    return statistics.median(line["seconds"] for line in lines), statistics.median(shares) if shares else float("nan")


def peer(mode, model):
    _, layers, batch, hidden, heads, kv_heads, ffn, vocab, tied = model
    words = [layers, hidden, heads, kv_heads, ffn, vocab, tied, batch, SEQUENCE, STEPS]
    output = must([PYTHON, f"{HERE}/llama_peer.py", mode, *(str(word) for word in words)])
    return statistics.median(float(line.split()[2]) for line in output.splitlines()[SKIPPED:] if line.startswith("step"))


def main():
    directory = tempfile.mkdtemp(prefix="trireme-gpu-")
    try:
        prepare(directory)
        for model in MODELS:
            preset, layers, batch, *_ = model
            seconds, share = ours(directory, model)
            print(f"{preset}, {layers} layers, B{batch}·T{SEQUENCE}, bf16: trireme {seconds:.3f} s a step, {100 * share:.1f} % of "
                  f"the measured peak, {batch * SEQUENCE / seconds:.0f} tokens/s", flush=True)
            for mode in ("eager", "compiled"):
                theirs = peer(mode, model)
                print(f"  PyTorch {mode}: {theirs:.3f} s a step, {100 * share * seconds / theirs:.1f} % of the same peak; trireme "
                      f"takes {seconds / theirs:.3f} of it", flush=True)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
