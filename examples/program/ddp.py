"""Plain PyTorch, data parallel over gloo, that saves when it is asked to stop and goes on exactly (ddp.ini)."""
import gc
import json
import os
import signal
import sys
import time

import torch
import torch.distributed as dist

RUN, PARAM = os.environ["TRIREME_RUN_DIR"], lambda name: float(os.environ["TRIREME_PARAM_" + name])
asked = []
signal.signal(signal.SIGTERM, lambda *_: asked.append(True))

dist.init_process_group("gloo")
rank, world = dist.get_rank(), dist.get_world_size()
torch.manual_seed(1)
model = torch.nn.parallel.DistributedDataParallel(
    torch.nn.Sequential(torch.nn.Linear(8, 64), torch.nn.Tanh(), torch.nn.Linear(64, 1)))
optimizer = torch.optim.AdamW(model.parameters(), lr=PARAM("lr"))
step = 0
if os.environ["TRIREME_RESUME"] == "1" and os.path.exists(f"{RUN}/state.pt"):
    state = torch.load(f"{RUN}/state.pt")
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    step = state["step"]

if rank == 0 and step == 0:
    print(json.dumps({"saved_step": 0}), file=open(f"{RUN}/metrics.jsonl", "a", encoding="utf-8"))
stopping = False
while step < PARAM("steps") and not stopping:
    x = torch.randn(32, 8, generator=torch.Generator().manual_seed(step))[rank::world]  # the same 32 on any ranks
    loss = (model(x) - x.sum(1, keepdim=True).sin()).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    time.sleep(PARAM("delay"))
    step += 1
    votes = torch.tensor([float(len(asked)), loss.item() / world])
    dist.all_reduce(votes)  # so that all ranks stop after the same step
    stopping = votes[0] > 0
    save = stopping or step % 50 == 0 or step == PARAM("steps")
    if rank == 0:
        if save:
            torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}, f"{RUN}/new.pt")
            os.replace(f"{RUN}/new.pt", f"{RUN}/state.pt")
        with open(f"{RUN}/metrics.jsonl", "a", encoding="utf-8") as log:
            line = {"step": step, "steps": int(PARAM("steps")), "loss": votes[1].item()}
            print(json.dumps(line | ({"saved_step": step} if save else {})), file=log)
del model, optimizer, loss
gc.collect()  # as long as the model lives, gloo's threads do; one that outlives Python aborts the process
dist.destroy_process_group()
sys.exit(75 if stopping and step < PARAM("steps") else 0)
