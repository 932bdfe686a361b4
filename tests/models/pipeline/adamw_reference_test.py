"""Five training steps of a model of each family on one rank against PyTorch in fp64: plain operations,
torch.optim.AdamW, clip_grad_norm_.
Argument: training_dump."""
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

STEPS, BATCH, LR = 5, 4, 1e-3
LIMIT = 1e-11
KINDS = ("gpt2", "llama", "qwen2", "gemma2", "qwen3", "olmo2", "gemma3", "bert")


def write_case(directory, c, w, tokens, targets, **settings):
    directory.mkdir()
    names = [n for n, _ in reference.logical_shapes(c)]
    (directory / "model.json").write_text(json.dumps({**c.__dict__, **settings, "tensors": names}))
    np.concatenate([w[n].numpy().ravel() for n in names]).tofile(directory / "parameters.bin")
    tokens.numpy().tofile(directory / "tokens.bin")
    targets.numpy().tofile(directory / "targets.bin")


def train(c, w, tokens, targets, weight_decay, clip):
    leaves = {n: x.clone().requires_grad_() for n, x in w.items()}
    groups = [{"params": [x for x in leaves.values() if x.dim() == 2], "weight_decay": weight_decay},
              {"params": [x for x in leaves.values() if x.dim() == 1], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=LR, betas=(0.9, 0.95), eps=1e-8)
    losses, norms = [], []
    for step in range(STEPS):
        optimizer.zero_grad()
        count = int((targets[step] >= 0).sum())
        loss = reference.loss_sum(reference.logits(c, leaves, tokens[step]), targets[step]) / count
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(leaves.values(), clip or float("inf")).item())
        losses.append(loss.item())
        optimizer.step()
    return losses, norms, {n: x.detach().numpy() for n, x in leaves.items()}


def check(what, ours, theirs):
    # Where the true gradient is zero, as of the key bias without rotary positions, Adam enlarges what rounding left.
    error = np.abs(np.asarray(ours) - np.asarray(theirs)).max() / max(np.abs(theirs).max(), 1.0)
    assert error <= LIMIT, f"{what}: off by {error:.3e} of the largest value, or of 1"
    return error


def main():
    torch.set_num_threads(1)
    cases = []
    with tempfile.TemporaryDirectory() as top:
        for seed, kind in enumerate(KINDS):
            c = random_models.of_kind(kind, seed)
            generator = torch.Generator().manual_seed(seed)
            w = reference.random_parameters(c, generator)
            tokens = torch.randint(0, c.vocab, (STEPS, BATCH, c.sequence), generator=generator)
            targets = torch.randint(-1, c.vocab, (STEPS, BATCH, c.sequence), generator=generator)
            settings = {"weight_decay": (0.0, 0.1)[seed // 2 % 2], "clip": (0.0, 0.3, 1e6)[seed % 3]}
            directory = pathlib.Path(top) / str(seed)
            write_case(directory, c, w, tokens, targets, steps=STEPS, batch=BATCH, lr=LR,
                       micro_batches=(1, 2, 4)[seed % 3], **settings)
            cases.append((kind, c, w, tokens, targets, settings, directory))
        subprocess.run([sys.argv[1]] + [str(case[-1]) for case in cases], check=True)
        for kind, c, w, tokens, targets, settings, directory in cases:
            losses, norms, parameters = train(c, w, tokens, targets, **settings)
            worst = check("losses", np.fromfile(directory / "losses.bin"), losses)
            worst = max(worst, check("norms", np.fromfile(directory / "norms.bin"), norms))
            flat = np.fromfile(directory / "trained.bin")
            for name, shape in reference.logical_shapes(c):
                count = int(np.prod(shape))
                worst = max(worst, check(name, flat[:count].reshape(shape), parameters[name]))
                flat = flat[count:]
            print(f"{kind:6s} tied {c.tie_embeddings}, {settings}: worst {worst:.2e}")


if __name__ == "__main__":
    main()
