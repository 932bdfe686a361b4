"""One rank against PyTorch: fp64 and bf16 against plain operations, fp32 against transformers.

Argument: the program model_dump."""
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

import numpy as np
import torch

sys.path.insert(0, os.path.join(os.environ["TRIREME_SOURCE"], "tests", "support"))
import reference_models as reference  # noqa: E402

FP64_LIMIT = 1e-11
FP32_LIMIT = 3e-5


def configuration(seed):
    r = random.Random(seed)
    arch = ("gpt2", "llama")[seed % 2]
    size = r.choice([4, 8, 16])
    kv_heads = r.choice([1, 2, 3])
    heads = kv_heads * r.choice([1, 2, 3])
    if arch == "gpt2":
        kv_heads = heads
    return reference.Config(
        arch=arch, layers=r.randint(1, 3), hidden=heads * size, heads=heads, kv_heads=kv_heads,
        ffn=r.choice([24, 40, 64]), sequence=r.choice([8, 33, 40]), vocab=r.choice([37, 64, 129]),
        tie=r.random() < 0.5 if arch == "llama" else seed % 4 != 2, rope_theta=r.choice([10000.0, 500.0]),
        norm_eps=r.choice([1e-5, 1e-6]))


def batch_of(c, seed):
    g = torch.Generator().manual_seed(seed)
    length = c.sequence if seed % 3 else c.sequence - 1
    tokens = torch.randint(0, c.vocab, (4, length), generator=g)
    targets = torch.randint(0, c.vocab, (4, length), generator=g)
    if seed % 2:
        targets[torch.rand(targets.shape, generator=g) < 0.2] = -1
    return tokens, targets


def write_case(directory, c, w, tokens, targets, **settings):
    directory.mkdir()
    names = [n for n, _ in reference.logical_shapes(c)]
    (directory / "model.json").write_text(json.dumps({**c.__dict__, **settings, "tensors": names, "batch": len(tokens)}))
    np.concatenate([w[n].numpy().ravel() for n in names]).tofile(directory / "parameters.bin")
    tokens.numpy().tofile(directory / "tokens.bin")
    targets.numpy().tofile(directory / "targets.bin")


def read_case(directory, c, shape):
    logits = np.fromfile(directory / "logits.bin").reshape(*shape, c.vocab)
    loss = np.fromfile(directory / "loss.bin")
    flat, gradients = np.fromfile(directory / "gradients.bin"), {}
    for name, size in reference.logical_shapes(c):
        count = int(np.prod(size))
        gradients[name], flat = flat[:count].reshape(size), flat[count:]
    assert flat.size == 0
    return logits, loss, gradients


def compare(what, ours, theirs, limit, floor=0.0):
    theirs = np.asarray(theirs, dtype=np.float64)
    error = np.abs(ours - theirs).max()
    bound = limit * np.abs(theirs).max() + floor
    assert error <= bound, f"{what}: off by {error:.3e}, allowed {bound:.3e}"
    return error / max(np.abs(theirs).max(), 1e-300)


def plain(c, w, tokens, targets, scale):
    leaves = {n: x.clone().requires_grad_() for n, x in w.items()}
    scores = reference.logits(c, leaves, tokens)
    loss = reference.loss_sum(scores, targets)
    (loss * scale).backward()
    return scores.detach().numpy(), loss.item(), {n: x.grad.numpy() for n, x in leaves.items()}


def transformers_model(c, w, tokens, targets, scale):
    model = reference.hugging_face(c, w)
    scores = model(tokens).logits
    loss = torch.nn.functional.cross_entropy(scores.flatten(0, 1), targets.flatten(), ignore_index=-1, reduction="sum")
    (loss * scale).backward()
    parameters, gradients = dict(model.named_parameters()), {}
    shapes = dict(reference.logical_shapes(c))
    for key, names, transpose in reference.hugging_face_names(c):
        grad = parameters[key].grad
        grad = (grad.T if transpose else grad).numpy()
        for name in names:
            gradients[name], grad = grad[: shapes[name][0]], grad[shapes[name][0]:]
    return scores.detach().numpy(), loss.item(), gradients


def check_generation(directory, c, logits):
    """The cache sees the prompt in pieces of 3, 3, then 1: the logits after each must be those of the whole."""
    length = logits.shape[1]
    ends, first = [], 0
    while first < length:
        first += min(3 if first < 6 else 1, length - first)
        ends.append(first - 1)
    ours = np.fromfile(directory / "generated.bin").reshape(len(ends), logits.shape[0], c.vocab)
    for end, row in zip(ends, ours):
        compare(f"generated logits at {end}", row, logits[:, end], 1e-11)


def check_bf16(directory, c, w, tokens, targets, scale):
    """In bf16 the values themselves are rounded to 8 bits: the whole gradient of each tensor must be near."""
    logits, loss, gradients = read_case(directory, c, tokens.shape)
    expected_logits, expected_loss, expected = plain(c, w, tokens, targets, scale)
    compare("bf16 logits", logits, expected_logits, 0.05)
    compare("bf16 loss", loss[0], expected_loss, 2e-3)
    norm = np.sqrt(sum((g ** 2).sum() for g in expected.values()))
    worst = 0.0
    for name, grad in expected.items():
        off = np.sqrt(((gradients[name] - grad) ** 2).sum()) / (np.sqrt((grad ** 2).sum()) + 1e-2 * norm)
        assert off <= 0.1, f"bf16 {name}: off by {off:.3f} of its norm"
        worst = max(worst, off)
    return worst


def main():
    torch.set_num_threads(1)
    program = sys.argv[1]
    cases = []
    with tempfile.TemporaryDirectory() as top:
        for seed in range(30):
            c = configuration(seed)
            generator = torch.Generator().manual_seed(1000 + seed)
            w = reference.random_parameters(c, generator)
            tokens, targets = batch_of(c, seed)
            scale = 1.0 / int((targets >= 0).sum())
            directory = pathlib.Path(top) / str(seed)
            single = seed % 6 >= 4
            half = seed >= 24
            if half:
                w = {name: x.bfloat16().double() for name, x in w.items()}
            write_case(directory, c, w, tokens, targets, type="bf16" if half else "fp32" if single else "fp64", loss_scale=scale,
                       recompute=("none", "selective", "full")[seed % 3], micro_batches=(1, 2, 4)[seed // 2 % 3])
            cases.append((seed, c, w, tokens, targets, scale, directory, single, half))
        subprocess.run([program] + [str(case[6]) for case in cases], check=True)
        for seed, c, w, tokens, targets, scale, directory, single, half in cases:
            if half:
                print(f"{seed:3d} {c.arch:5s} bf16 plain: worst {check_bf16(directory, c, w, tokens, targets, scale):.2e}")
                continue
            logits, loss, gradients = read_case(directory, c, tokens.shape)
            oracle = transformers_model if single else plain
            limit = FP32_LIMIT if single else FP64_LIMIT
            expected_logits, expected_loss, expected = oracle(c, w, tokens, targets, scale)
            norm = np.sqrt(sum((g.astype(np.float64) ** 2).sum() for g in expected.values()))
            worst = compare("logits", logits, expected_logits, limit)
            for value in loss:
                worst = max(worst, compare("loss", value, expected_loss, limit))
            for name, grad in expected.items():
                # The key bias shifts all scores of a query alike: its true gradient is zero.
                floor = norm * (1e-6 if single else 1e-15)
                error = compare(name, gradients[name], grad, limit, floor)
                if not name.endswith("attention.k.bias"):
                    worst = max(worst, error)
            if not single:
                check_generation(directory, c, logits)
            print(f"{seed:3d} {c.arch:5s} {'fp32 transformers' if single else 'fp64 plain'} layers {c.layers} heads "
                  f"{c.heads}/{c.kv_heads} vocab {c.vocab} tie {c.tie}: worst {worst:.2e}")


if __name__ == "__main__":
    main()
