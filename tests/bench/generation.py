"""Greedy generation by GPT-2 124M (random weights) with two threads: Trireme on the imported model against `transformers` in
PyTorch eager mode on the same directory, in processes that live through all rounds, so that loading counts on neither side.
A run is the prompt and all new tokens of all texts. Beside it the bytes of weights read per second in the steps behind the
prompt, what two threads read of memory laid out like the weights, and how many of the texts are token for token the same.

    generation.py [ROUNDS]
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile

from harness import alternate, processor, ratio_line

PROGRAM = os.path.join(os.path.dirname(os.environ["TRIREME_BIN"]), "..", "bench", "generation_bench")
PYTHON = os.path.join(os.environ["TRIREME_VENV"], "bin", "python")
HERE = os.path.dirname(os.path.abspath(__file__))
THREADS, PROMPT, NEW = 2, 32, 128
# (batch, precision, tokens/s over the peer's that was asked for)
CASES = [(1, "fp32", 2.0), (8, "fp32", 1.5), (1, "bf16", 1.0)]


class Answering:
    """A process that answers each line with a line."""

    def __init__(self, command):
        environment = {**os.environ, "OMP_NUM_THREADS": str(THREADS)}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=environment)

    def ask(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args} ended")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def compare(models, batch, precision, asked, rounds):
    arguments = [str(batch), str(PROMPT), str(NEW), str(THREADS), precision]
    ours = Answering([PROGRAM, models["trireme"], *arguments])
    peer = Answering([PYTHON, f"{HERE}/gpt2_generate.py", models["transformers"], *arguments])
    answers = {"trireme": [], "transformers": []}

    def run(name, process):
        answers[name].append(process.ask())
        return batch * NEW / answers[name][-1]["seconds"]

    try:
        figures = alternate({"trireme": lambda: run("trireme", ours),
                             "transformers": lambda: run("transformers", peer)}, rounds)
    finally:
        ours.close()
        peer.close()
    ratio_line(f"GPT-2 124M, {precision}, {batch} text(s) at a time, {PROMPT} + {NEW} tokens, {THREADS} threads, tokens/s",
               figures["trireme"], figures["transformers"], asked, lower_is_better=False,
               names=("trireme", "transformers"))
    kept = answers["trireme"][-rounds:]
    used = [statistics.median(a["processor_seconds"] for a in answers[name][-rounds:]) for name in answers]
    texts = [answers[name][-1]["tokens"] for name in answers]
    same = sum(a == b for a, b in zip(*texts))
    print(f"  {same} of {batch} text(s) the same, token for token")
    print(f"  processor seconds of the threads, waits included: {used[0]:.2f} to {used[1]:.2f}")
    read = [a["weight_bytes"] * (NEW - 1) / a["decode_seconds"] for a in kept]
    shares = [r / a["stream"] for r, a in zip(read, kept)]
    share = "" if batch > 1 else f" (asked >= 0.8: {'met' if statistics.median(shares) >= 0.8 else 'MISSED'})"
    print(f"  weights read at {statistics.median(read) / 1e9:.1f} GB/s, best {max(read) / 1e9:.1f}; memory alone at "
          f"{statistics.median(a['stream'] for a in kept) / 1e9:.1f}, best {max(a['stream'] for a in kept) / 1e9:.1f}: "
          f"median share {statistics.median(shares):.2f}{share}", flush=True)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print(processor(), flush=True)
    with tempfile.TemporaryDirectory(prefix="trireme-generation-") as folder:
        models = {"trireme": f"{folder}/imported", "transformers": f"{folder}/model"}
        subprocess.run([PYTHON, f"{HERE}/gpt2_generate.py", "--write", models["transformers"]], check=True)
        subprocess.run([os.environ["TRIREME_BIN"], "import", models["transformers"], "-o", models["trireme"]], check=True)
        for case in CASES:
            compare(models, *case, rounds)


if __name__ == "__main__":
    main()
