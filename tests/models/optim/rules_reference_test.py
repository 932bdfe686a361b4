"""Five training steps with each optimizer on one rank against its implementation in PyTorch: torch.optim.SGD and
torch.optim.Muon (with torch.optim.AdamW for what is no matrix of a layer), and Lion in plain operations, from the paper.
In fp64, and but for Lion in fp32 with the tolerance of its roundings. Argument: training_dump."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch

sys.path.insert(0, os.path.join(os.environ["TRIREME_SOURCE"], "tests", "support"))
import random_models  # noqa: E402
import reference_models as reference  # noqa: E402

STEPS, BATCH, LR = 5, 4, 1e-2
BETAS, EPS = (0.9, 0.95), 1e-8
# Shares of the largest value, or of 1. In fp32 the gradients differ by what their products round, and Newton-Schulz raises what
# rounding left of a small singular value up to 3.4445^5 times.
LIMITS = {"fp64": 1e-11, "fp32": 1e-4}
DTYPES = {"fp64": torch.float64, "fp32": torch.float32}
CASES = [
    {"name": "sgd", "momentum": 0.9, "nesterov": False},
    {"name": "sgd", "momentum": 0.9, "nesterov": True},
    {"name": "sgd", "momentum": 0.0, "nesterov": False},
    {"name": "lion", "beta1": 0.9, "beta2": 0.99},
    {"name": "muon", "momentum": 0.95, "nesterov": True, "muon_lr": "match_rms_adamw"},
    {"name": "muon", "momentum": 0.9, "nesterov": False, "muon_lr": "original"},
]


class Lion(torch.optim.Optimizer):
    """Algorithm 2 of Chen et al., "Symbolic discovery of optimization algorithms", 2023."""

    def __init__(self, groups, lr, betas):
        super().__init__(groups, {"lr": lr, "betas": betas})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for x in group["params"]:
                m = self.state[x].setdefault("m", torch.zeros_like(x))
                update = torch.sign(beta1 * m + (1 - beta1) * x.grad)
                x.copy_(x - group["lr"] * (update + group["weight_decay"] * x))
                m.copy_(beta2 * m + (1 - beta2) * x.grad)


def decayed(leaves, weight_decay):
    return [{"params": [x for x in leaves.values() if x.dim() == 2], "weight_decay": weight_decay},
            {"params": [x for x in leaves.values() if x.dim() == 1], "weight_decay": 0.0}]


def optimizers(case, leaves, weight_decay):
    if case["name"] == "sgd":
        return [torch.optim.SGD(decayed(leaves, weight_decay), lr=LR, momentum=case["momentum"],
                                nesterov=case["nesterov"])]
    if case["name"] == "lion":
        return [Lion(decayed(leaves, weight_decay), lr=LR, betas=(case["beta1"], case["beta2"]))]
    matrices = {n: x for n, x in leaves.items() if n.startswith("layers.") and x.dim() == 2}
    rest = {n: x for n, x in leaves.items() if n not in matrices}
    return [torch.optim.Muon(matrices.values(), lr=LR, weight_decay=weight_decay, momentum=case["momentum"],
                             nesterov=case["nesterov"], adjust_lr_fn=case["muon_lr"]),
            torch.optim.AdamW(decayed(rest, weight_decay), lr=LR, betas=BETAS, eps=EPS)]


def train(case, c, w, tokens, targets, weight_decay, clip):
    leaves = {n: x.clone().requires_grad_() for n, x in w.items()}
    own = optimizers(case, leaves, weight_decay)
    losses = []
    for step in range(STEPS):
        count = int((targets[step] >= 0).sum())
        loss = reference.loss_sum(reference.logits(c, leaves, tokens[step]), targets[step]) / count
        for x in leaves.values():
            x.grad = None
        loss.backward()
        torch.nn.utils.clip_grad_norm_(leaves.values(), clip or float("inf"))
        losses.append(loss.item())
        for each in own:
            each.step()
    return losses, {n: x.detach().double().numpy() for n, x in leaves.items()}


def error(what, ours, theirs, limit):
    worst = np.abs(np.asarray(ours) - np.asarray(theirs)).max() / max(np.abs(theirs).max(), 1.0)
    assert worst <= limit, f"{what}: off by {worst:.3e} of the largest value, or of 1"
    return worst


def write_case(directory, c, w, tokens, targets, **settings):
    directory.mkdir()
    names = [n for n, _ in reference.logical_shapes(c)]
    (directory / "model.json").write_text(json.dumps({**c.__dict__, **settings, "tensors": names}))
    np.concatenate([w[n].numpy().ravel() for n in names]).tofile(directory / "parameters.bin")
    tokens.numpy().tofile(directory / "tokens.bin")
    targets.numpy().tofile(directory / "targets.bin")


def main():
    torch.set_num_threads(1)
    # PyTorch's Muon orthogonalises in bf16; the oracle computes in the run's precision.
    torch.Tensor.bfloat16 = lambda self: self.clone()
    cases = []
    with tempfile.TemporaryDirectory() as top:
        for seed, case in enumerate(CASES):
            # Lion needs the sign of every element: no tensor whose true gradient is zero, as GPT-2's key bias, and no
            # fp32, in which some element's rounding decides.
            lion = case["name"] == "lion"
            for precision in ("fp64",) if lion else DTYPES:
                c = random_models.of_kind("llama" if lion else ("gpt2", "llama", "qwen3")[seed % 3], seed)
                generator = torch.Generator().manual_seed(seed)
                w = reference.random_parameters(c, generator)
                tokens = torch.randint(0, c.vocab, (STEPS, BATCH, c.sequence), generator=generator)
                targets = torch.randint(-1, c.vocab, (STEPS, BATCH, c.sequence), generator=generator)
                settings = {"weight_decay": (0.1, 0.0)[seed // 2 % 2], "clip": (0.3, 1e6)[seed % 2]}
                directory = pathlib.Path(top) / f"{seed}-{precision}"
                write_case(directory, c, w, tokens, targets, steps=STEPS, batch=BATCH, lr=LR, micro_batches=2,
                           precision=precision, optimizer=case, **settings)
                cases.append((case, precision, c, w, tokens, targets, settings, directory))
        subprocess.run([sys.argv[1]] + [str(case[-1]) for case in cases], check=True)
        for case, precision, c, w, tokens, targets, settings, directory in cases:
            w = {n: x.to(DTYPES[precision]) for n, x in w.items()}
            losses, parameters = train(case, c, w, tokens, targets, **settings)
            what, limit = f"{case} in {precision}", LIMITS[precision]
            worst = error(f"{what}: losses", np.fromfile(directory / "losses.bin"), losses, limit)
            flat = np.fromfile(directory / "trained.bin")
            moved = 0.0
            for name, shape in reference.logical_shapes(c):
                count = int(np.prod(shape))
                worst = max(worst, error(f"{what}: {name}", flat[:count].reshape(shape), parameters[name], limit))
                moved = max(moved, np.abs(parameters[name] - w[name].double().numpy()).max())
                flat = flat[count:]
            assert moved > 1e-5, f"{what}: nothing moved"
            print(f"{what}, {settings}: worst {worst:.2e}, moved by {moved:.2e}")


if __name__ == "__main__":
    main()
