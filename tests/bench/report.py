"""trireme report of 50 runs x 100,000 steps with all the fields of docs/metrics.md: how long the page takes to be made and
to be opened, on a laptop's screen, in headless Chromium. Written runs of five kinds, ten copies each."""

import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ["TRIREME_SOURCE"], "tests", "support"))
from browser import Browser  # noqa: E402

RUNS, STEPS = int(os.environ.get("RUNS", "50")), int(os.environ.get("STEPS", "100000"))
KINDS = 5


def write_run(directory, kind):
    dice = random.Random(kind)
    os.makedirs(directory)
    begin = 1.7e9
    start = {"event": "start", "attempt": 1, "time": begin, "run_id": "r", "reason": "first start", "job": "", "cluster": "",
             "restart_count": 0, "partition": "", "layout": "tp2·pp2·dp2", "hosts": ["n1"], "ranks": 8, "gpus": True,
             "steps": STEPS, "first_step": 0, "start_up_seconds": 9.0}
    with open(f"{directory}/attempts.jsonl", "w") as file:
        file.write(json.dumps(start) + "\n")
    with open(f"{directory}/metrics.jsonl", "w") as file:
        for step in range(1, STEPS + 1):
            seconds = 0.2 + dice.random() * 0.05
            begin += seconds
            loss = 2 + 9 / (1 + step / 500) + dice.gauss(0, 0.05)
            file.write(f'{{"step":{step},"time":{begin!r},"tokens":{step * 4096},"samples":{step * 32},"loss":{loss!r},'
                       f'"grad_norm":{0.3 + dice.random()!r},"lr":{3e-4 * (1 - step / STEPS)!r},"seconds":{seconds!r},'
                       f'"tokens_per_second":{4096 / seconds!r},"peak_share":{0.5 + dice.random() / 10!r},'
                       f'"data_wait_seconds":{dice.random() / 1e3!r},"compute_seconds":{seconds * 0.8!r},'
                       f'"exposed_communication_seconds":{seconds * 0.1!r},"saving_seconds":{0.0!r},'
                       f'"host_memory_bytes":{10 ** 9 + step},"device_memory_bytes":{4 * 10 ** 10 + step},'
                       f'"slowest_rank":{dice.randrange(8)},"slowest_rank_compute_seconds":{seconds * 0.9!r}}}\n')
            if step % 500 == 0:
                file.write(f'{{"step":{step},"time":{begin!r},"valid_loss":{loss + 0.1!r},"valid_tokens":8192}}\n')


def main():
    if not shutil.which("chromium"):
        print("no chromium here: skipped")
        sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="trireme-bench-") as root:
        runs = [f"{root}/run_{i}" for i in range(RUNS)]
        for i, run in enumerate(runs):
            if i < KINDS:
                write_run(run, i)
            else:
                shutil.copytree(runs[i % KINDS], run)
        size = sum(os.path.getsize(f"{run}/metrics.jsonl") for run in runs)
        page = f"{root}/page.html"
        best, spent = 1e9, 1e9
        for _ in range(3):
            used, before = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
            subprocess.run([os.environ["TRIREME_BIN"], "report", *runs, "-o", page, "--force"], check=True,
                           stdout=subprocess.DEVNULL)
            best = min(best, time.monotonic() - before)
            now = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent = min(spent, now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime)
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3
        before = time.monotonic()
        for run in runs:
            subprocess.run(["wc", "-l", f"{run}/metrics.jsonl"], check=True, stdout=subprocess.DEVNULL)
        counted = time.monotonic() - before
        print(f"{RUNS} runs x {STEPS} steps, {size / 1e9:.2f} GB of metrics.jsonl, {os.cpu_count()} CPUs")
        print(f"made in    {best:.2f} s (limit 5 s), {spent:.2f} s of CPU, {size / best / 1e9:.2f} GB/s; {memory:.0f} MB of memory; "
              f"{best / counted:.1f} times as long as wc -l")
        with Browser() as browser:
            browser.open(page)
            opened = []
            for _ in range(3):
                before = time.monotonic()
                browser.open(page)
                opened.append(time.monotonic() - before)
            drawn = browser.run("document.querySelectorAll('.canvas canvas').length")
            print(f"opened in  {min(opened):.2f} s (limit 2 s), {os.path.getsize(page) / 1e6:.1f} MB, "
                  f"{drawn // 2} curves on the screen; problems: {browser.problems or 'none'}")
        if best > 5 or min(opened) > 2:
            sys.exit(1)


main()
