"""torch.distributed.checkpoint on the state that checkpoint_bench has: dcp_peer.py DIRECTORY RANKS.

For each word on stdin (save, load, clean) one timed operation of all ranks, its seconds on stdout. The ranks hold the
same tensors, as data parallel training does; DCP writes each once, spread over the ranks, and fsyncs. The processes live
on between operations.
"""

import multiprocessing
import os
import shutil
import sys
import time
import warnings

LAYERS, HIDDEN, VOCAB, POSITIONS = 12, 768, 50257, 1024


def make_state(torch):
    shapes = {"embed.tokens": (VOCAB, HIDDEN), "embed.positions": (POSITIONS, HIDDEN)}
    for layer in range(LAYERS):
        for name in ("q", "k", "v", "o"):
            shapes[f"layers.{layer}.attention.{name}.weight"] = (HIDDEN, HIDDEN)
            shapes[f"layers.{layer}.attention.{name}.bias"] = (HIDDEN,)
        shapes[f"layers.{layer}.ffn.up.weight"] = (4 * HIDDEN, HIDDEN)
        shapes[f"layers.{layer}.ffn.up.bias"] = (4 * HIDDEN,)
        shapes[f"layers.{layer}.ffn.down.weight"] = (HIDDEN, 4 * HIDDEN)
        shapes[f"layers.{layer}.ffn.down.bias"] = (HIDDEN,)
        shapes[f"layers.{layer}.ffn_norm.weight"] = (HIDDEN,)
    return {f"{kind}.{name}": torch.full(shape, 0.5) for kind in ("param", "adam_m", "adam_v") for name, shape in shapes.items()}


def drop_caches(directory):
    for folder, _, names in os.walk(directory):
        for name in names:
            descriptor = os.open(os.path.join(folder, name), os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def run(rank, ranks, directory, store, words, answers):
    warnings.filterwarnings("ignore")
    import torch
    import torch.distributed as dist
    import torch.distributed.checkpoint as dcp
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=ranks)
    state = make_state(torch)
    target = os.path.join(directory, "dcp")
    while True:
        word = words.get()
        if word == "end":
            break
        if word == "clean":
            if rank == 0:
                shutil.rmtree(target, ignore_errors=True)
                os.sync()
            dist.barrier()
            answers.put(0.0)
            continue
        if word == "load" and rank == 0:
            drop_caches(target)
        dist.barrier()
        start = time.perf_counter()
        (dcp.save if word == "save" else dcp.load)(state, checkpoint_id=target)
        dist.barrier()
        answers.put(time.perf_counter() - start)
    dist.destroy_process_group()


def main():
    directory, ranks = sys.argv[1], int(sys.argv[2])
    context = multiprocessing.get_context("spawn")
    words = [context.Queue() for _ in range(ranks)]
    answers = context.Queue()
    store = os.path.join(directory, f"store.{os.getpid()}")
    workers = [context.Process(target=run, args=(r, ranks, directory, store, words[r], answers)) for r in range(ranks)]
    for worker in workers:
        worker.start()
    for line in sys.stdin:
        for queue in words:
            queue.put(line.strip())
        print(f"{max(answers.get() for _ in workers):.6f}", flush=True)
    for queue in words:
        queue.put("end")
    for worker in workers:
        worker.join()


if __name__ == "__main__":
    main()
