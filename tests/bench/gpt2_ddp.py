"""The peer of the layout benchmark: the same model under PyTorch DistributedDataParallel over gloo, one thread a rank,
accumulating micro-batches with no_sync. Prints the seconds of each step.

    gpt2_ddp.py RANKS STEPS GLOBAL_BATCH MICRO_BATCH
"""

import os
import socket
import sys
import time

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.nn.parallel import DistributedDataParallel

import gpt2_eager

gpt2_eager.LAYERS, gpt2_eager.HIDDEN, gpt2_eager.HEADS = 6, 384, 6
gpt2_eager.VOCAB, gpt2_eager.POSITIONS = 8192, 256


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def worker(rank, ranks, steps, global_batch, micro_batch, port):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    cpus = sorted(os.sched_getaffinity(0))
    if ranks <= len(cpus):
        os.sched_setaffinity(0, {cpus[rank]})
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=ranks)
    torch.manual_seed(1)
    model = DistributedDataParallel(gpt2_eager.GPT2(), gradient_as_bucket_view=True)
    groups = [{"params": [p for p in model.parameters() if p.dim() == 2], "weight_decay": 0.1},
              {"params": [p for p in model.parameters() if p.dim() != 2], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=3e-4, betas=(0.9, 0.95), fused=True)
    micro_batches = global_batch // (ranks * micro_batch)
    for step in range(steps):
        data = torch.randint(0, gpt2_eager.VOCAB, (micro_batches, micro_batch, 257))
        dist.barrier()
        start = time.perf_counter()
        for index in range(micro_batches):
            model.require_backward_grad_sync = index == micro_batches - 1
            (model(data[index, :, :-1], data[index, :, 1:]) / micro_batches).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
        dist.barrier()
        if rank == 0:
            print(f"step {step + 1} {time.perf_counter() - start:.6f}", flush=True)
    dist.destroy_process_group()


def main():
    ranks, steps, global_batch, micro_batch = (int(a) for a in sys.argv[1:5])
    mp.spawn(worker, args=(ranks, steps, global_batch, micro_batch, free_port()), nprocs=ranks)


if __name__ == "__main__":
    main()
