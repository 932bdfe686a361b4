"""One rank against PyTorch: every family and every property in fp64 against plain operations, the families in fp32
against transformers, in bf16 near the plain operations; prompts fed in pieces; a long one through windows; hidden states,
token types and the pooler.

Argument: the program model_dump."""
import collections
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
import transformers_models  # noqa: E402
from tensor_comparison import gradients_off_by, off_by  # noqa: E402

FP64_LIMIT = 1e-11
FP32_LIMIT = 3e-5
SEEDS_OF_ANY = 24

Case = collections.namedtuple("Case", "name type config weights tokens types targets pieces directory")


def batch_of(c, seed, samples=4):
    g = torch.Generator().manual_seed(seed)
    length = c.sequence if seed % 3 else c.sequence - 1
    tokens = torch.randint(0, c.vocab, (samples, length), generator=g)
    targets = torch.randint(0, c.vocab, (samples, length), generator=g)
    if seed % 2:
        targets[torch.rand(targets.shape, generator=g) < 0.2] = -1
    typed = c.token_types and c.mask == "full"  # generation knows one type only
    types = torch.randint(0, c.token_types, tokens.shape, generator=g) if typed else None
    return tokens, types, targets


def configurations():
    """(name, type, configuration): in fp64 every property, in fp32 what transformers has, in bf16 one of each family."""
    for seed in range(SEEDS_OF_ANY):
        yield f"any {seed}", "fp64", random_models.of_any(seed)
    for kind in random_models.KINDS:
        more = {"pooler": True} if kind == "bert" else {}
        yield kind, "fp64", random_models.of_kind(kind, 1, **more)
        yield kind, "fp32", random_models.of_kind(kind, 2, **more)
    for kind in ("gpt2", "llama", "qwen3", "gemma2", "olmo2", "bert"):
        yield kind, "bf16", random_models.of_kind(kind, 3)
    yield "long", "fp64", random_models.of_kind("gemma2", 1, layers=2, hidden=16, heads=2, kv_heads=1, head_size=4, ffn=24,
                                                sequence=4096, vocab=37, window=[512, 0])


def pieces_of(c, length):
    """How a prompt goes through the cache: 3 tokens, 3, then one by one; a long one in long pieces too."""
    if c.mask == "full":
        return []
    if length > 1000:
        return [1500, 1, 1, 2000, 1, length - 3503]
    return ([3, 3] + [1] * length)[: length - 4]


def make_case(top, number, name, kind, c):
    generator = torch.Generator().manual_seed(1000 + number)
    w = reference.random_parameters(c, generator)
    if kind == "bf16":
        w = {n: x.bfloat16().double() for n, x in w.items()}
    tokens, types, targets = batch_of(c, number, samples=1 if c.sequence > 1000 else 4)
    case = Case(name, kind, c, w, tokens, types, targets, pieces_of(c, tokens.shape[1]),
                pathlib.Path(top) / str(number))
    case.directory.mkdir()
    names = [n for n, _ in reference.logical_shapes(c)]
    (case.directory / "model.json").write_text(json.dumps({
        **c.__dict__, "tensors": names, "batch": len(tokens), "type": kind, "loss_scale": scale_of(case),
        "recompute": ("none", "selective", "full")[number % 3], "pieces": case.pieces,
        "micro_batches": (1, 2, 4)[number // 2 % 3] if len(tokens) == 4 else 1}))
    np.concatenate([w[n].numpy().ravel() for n in names]).tofile(case.directory / "parameters.bin")
    tokens.numpy().tofile(case.directory / "tokens.bin")
    if types is not None:
        types.numpy().tofile(case.directory / "types.bin")
    targets.numpy().tofile(case.directory / "targets.bin")
    return case


def scale_of(case):
    return 1.0 / int((case.targets >= 0).sum())


def read_case(case):
    c = case.config
    logits = np.fromfile(case.directory / "logits.bin").reshape(*case.tokens.shape, c.vocab)
    loss = np.fromfile(case.directory / "loss.bin")
    flat, gradients = np.fromfile(case.directory / "gradients.bin"), {}
    for name, size in reference.logical_shapes(c):
        count = int(np.prod(size))
        gradients[name], flat = flat[:count].reshape(size), flat[count:]
    assert flat.size == 0
    return logits, loss, gradients


def check_exactly(case):
    """fp64 against plain operations, fp32 against transformers."""
    single = case.type == "fp32"
    limit = FP32_LIMIT if single else FP64_LIMIT
    precision = np.float32 if single else np.float64
    oracle = transformers_models if single else reference
    w = {n: x.float() for n, x in case.weights.items()} if single else case.weights
    expected = oracle.logits_loss_gradients(case.config, w, case.tokens, case.targets, scale_of(case), case.types)
    what = f"{case.name} {case.type}"
    logits, losses, gradients = read_case(case)
    worst = off_by(f"{what} logits", logits, expected[0], limit)
    for loss in losses:
        worst = max(worst, off_by(f"{what} loss", loss, expected[1], limit))
    worst = max(worst, gradients_off_by(what, gradients, expected[2], limit, precision))
    return max(worst, check_pieces(case, expected[0], limit), check_hidden(case, oracle, w, limit))


def check_hidden(case, oracle, w, limit):
    """Hidden states, and of a model with a pooler what it makes of them."""
    c, pooled = case.config, None
    if oracle is transformers_models:
        if not c.pooler:
            return 0.0
        expected, pooled = transformers_models.hidden_pooled(c, w, case.tokens, case.types)
    else:
        expected = reference.hidden_states(c, w, case.tokens, case.types)
        pooled = reference.pooled(w, expected).numpy() if c.pooler else None
        expected = expected.numpy()
    what = f"{case.name} {case.type}"
    ours = np.fromfile(case.directory / "hidden.bin").reshape(expected.shape)
    worst = off_by(f"{what} hidden states", ours, expected, limit)
    if pooled is not None:
        ours = np.fromfile(case.directory / "pooled.bin").reshape(pooled.shape)
        worst = max(worst, off_by(f"{what} pooled", ours, pooled, limit))
    return worst


def check_pieces(case, logits, limit):
    """The logits after each piece of a prompt that went through the cache must be those of the whole."""
    if not case.pieces:
        return 0.0
    ours = np.fromfile(case.directory / "generated.bin").reshape(len(case.pieces), logits.shape[0], case.config.vocab)
    ends = np.cumsum(case.pieces) - 1
    return max(off_by(f"{case.name} {case.type} logits after token {end}", row, logits[:, end], limit)
               for end, row in zip(ends, ours))


def check_bf16(case):
    """In bf16 the values themselves are rounded to 8 bits: the whole gradient of each tensor must be near."""
    logits, losses, gradients = read_case(case)
    expected_logits, expected_loss, expected = reference.logits_loss_gradients(
        case.config, case.weights, case.tokens, case.targets, scale_of(case), case.types)
    off_by(f"{case.name} bf16 logits", logits, expected_logits, 0.05)
    off_by(f"{case.name} bf16 loss", losses[0], expected_loss, 2e-3)
    norm = np.sqrt(sum((g ** 2).sum() for g in expected.values()))
    worst = 0.0
    for name, grad in expected.items():
        off = np.sqrt(((gradients[name] - grad) ** 2).sum()) / (np.sqrt((grad ** 2).sum()) + 1e-2 * norm)
        assert off <= 0.1, f"{case.name} bf16 {name}: off by {off:.3f} of its norm"
        worst = max(worst, off)
    return worst


def main():
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as top:
        cases = [make_case(top, number, *given) for number, given in enumerate(configurations())]
        subprocess.run([sys.argv[1]] + [str(case.directory) for case in cases], check=True)
        for case in cases:
            worst = check_bf16(case) if case.type == "bf16" else check_exactly(case)
            c = case.config
            print(f"{case.name:12s} {case.type} layers {c.layers} heads {c.heads}/{c.kv_heads} of {c.head_size} hidden "
                  f"{c.hidden} vocab {c.vocab} tied {c.tie_embeddings}: worst {worst:.1e}")


if __name__ == "__main__":
    main()
