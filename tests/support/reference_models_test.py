"""The oracles against each other, without Trireme: plain operations against transformers, logits, loss and gradients,
in fp64 to its rounding and in fp32 to that of fp32."""
import os

import numpy as np
import torch
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

import random_models
import reference_models as reference
import transformers_models
from tensor_comparison import gradients_off_by, off_by

FP64_LIMIT = 1e-12
FP32_LIMIT = 3e-5
CASES = 4


def worst_of(what, ours, theirs, limit, precision):
    """Logits, loss and gradients."""
    return max(off_by(f"{what} logits", ours[0], theirs[0], limit), off_by(f"{what} loss", ours[1], theirs[1], limit),
               gradients_off_by(what, ours[2], theirs[2], limit, precision))


def compare(kind, seed):
    c = random_models.of_kind(kind, seed)
    generator = torch.Generator().manual_seed(seed)
    w = reference.random_parameters(c, generator)
    tokens = torch.randint(0, c.vocab, (3, c.sequence), generator=generator)
    targets = torch.randint(-1, c.vocab, (3, c.sequence), generator=generator)
    scale = 1.0 / int((targets >= 0).sum())
    plain = reference.logits_loss_gradients(c, w, tokens, targets, scale)
    with transformers_models.in_double():
        theirs = transformers_models.logits_loss_gradients(c, w, tokens, targets, scale)
    assert theirs[0].dtype == np.float64
    exact = worst_of(f"{kind} {seed} fp64", plain, theirs, FP64_LIMIT, np.float64)
    single = {name: x.float() for name, x in w.items()}
    theirs = transformers_models.logits_loss_gradients(c, single, tokens, targets, scale)
    assert theirs[0].dtype == np.float32
    rounded = worst_of(f"{kind} {seed} fp32", plain, theirs, FP32_LIMIT, np.float32)
    ours = reference.logits_loss_gradients(c, single, tokens, targets, scale)
    rounded = max(rounded, worst_of(f"{kind} {seed} both fp32", ours, theirs, FP32_LIMIT, np.float32))
    return exact, rounded, transformers_models.class_of(c)


def compare_published_rotary_frequencies():
    """The small models' heads have few pairs: all of those of a published size, with the published settings."""
    for kind in ("llama", "llama3", "llama linear", "llama yarn"):
        c = reference.Config(layers=1, hidden=4096, heads=32, kv_heads=8, head_size=128, ffn=14336, sequence=131072,
                             vocab=128256, **random_models.KINDS[kind])
        scaling = c.rope_scaling[0]
        with transformers_models.in_double():
            configuration = transformers_models.configuration_of(c)
            theirs, factor = (LlamaRotaryEmbedding.compute_default_rope_parameters(configuration) if scaling == "none"
                              else ROPE_INIT_FUNCTIONS[scaling](configuration))
        ours, our_factor = reference.rotary_frequencies(c, 0)
        assert theirs.dtype == torch.float64 and factor == our_factor, (kind, factor, our_factor)
        error = (theirs / torch.tensor(ours, dtype=torch.float64) - 1).abs().max().item()
        assert error <= 1e-13, (kind, error)
        print(f"{kind:12s} frequencies of a head of 128: worst {error:.1e}")


def main():
    torch.set_num_threads(1)
    first = int(os.environ.get("TRIREME_SEED", "1"))
    print(f"seed {first}")
    compare_published_rotary_frequencies()
    for kind in random_models.KINDS:
        results = [compare(kind, seed) for seed in range(first, first + CASES)]
        exact, rounded = max(r[0] for r in results), max(r[1] for r in results)
        print(f"{kind:12s} {results[0][2]:22s} worst {exact:.1e} in fp64, {rounded:.1e} in fp32")


if __name__ == "__main__":
    main()
