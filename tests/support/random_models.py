"""Random small configurations: of what each published family has, and of every property at once."""
import math
import random

import reference_models as reference

# What the published models of a kind have in common; sizes and what differs among them are drawn.
LLAMA = {"arch": "llama"}
GEMMA = {"arch": "gemma", "tie_embeddings": True, "norm_unit_offset": True, "norm_place": "around", "norm_eps": 1e-6,
         "activation": "gelu_tanh"}
KINDS = {
    "gpt2": {"arch": "gpt2", "tie_embeddings": True, "norm": "layer", "norm_bias": True, "positions": "learned",
             "qkv_bias": True, "o_bias": True, "ffn_gated": False, "activation": "gelu_tanh", "ffn_bias": True},
    "llama": LLAMA,
    "llama3": {**LLAMA, "rope_theta": [500000.0], "rope_scaling": ["llama3"], "rope_factor": 8.0,
               "rope_original_sequence": 8192},
    "llama linear": {**LLAMA, "rope_scaling": ["linear"], "rope_factor": 4.0},
    "llama yarn": {**LLAMA, "rope_scaling": ["yarn"], "rope_factor": 4.0, "rope_original_sequence": 4096},
    "mistral": {**LLAMA, "window": [4096]},
    "smollm3": {**LLAMA, "tie_embeddings": True, "norm_eps": 1e-6, "rope_theta": [2e6, 2e6, 2e6, 0.0]},
    "qwen2": {"arch": "qwen", "norm_eps": 1e-6, "rope_theta": [1e6], "qkv_bias": True},
    "qwen3": {"arch": "qwen", "norm_eps": 1e-6, "rope_theta": [1e6], "qk_norm": "head"},
    "gemma": {**GEMMA, "norm_place": "before"},
    "gemma2": {**GEMMA, "window": [4096, 0], "attention_soft_cap": 50.0, "head_soft_cap": 30.0},
    "gemma3": {**GEMMA, "window": [512] * 5 + [0], "qk_norm": "head", "rope_theta": [1e4] * 5 + [1e6]},
    "olmo2": {"arch": "olmo2", "norm_place": "after_branch", "norm_eps": 1e-6, "rope_theta": [500000.0],
              "qk_norm": "width"},
    "bert": {"arch": "bert", "tie_embeddings": True, "norm": "layer", "norm_bias": True, "norm_place": "after_residual",
             "norm_eps": 1e-12, "final_norm": False, "positions": "learned", "mask": "full", "qkv_bias": True,
             "o_bias": True, "ffn_gated": False, "activation": "gelu", "ffn_bias": True, "token_types": 2,
             "embedding_norm": True, "head_bias": True, "head_transform": True},
    # No families of ours, but what they have is in transformers nowhere else: the scales, rotary positions of a part of
    # each head, LayerNorm with rotary positions and without a gate.
    "granite": {**LLAMA, "tie_embeddings": True},
    "stablelm": {**LLAMA, "norm": "layer", "norm_bias": True, "rope_fraction": 0.25},
    "starcoder2": {**LLAMA, "tie_embeddings": True, "norm": "layer", "norm_bias": True, "qkv_bias": True,
                   "o_bias": True, "ffn_gated": False, "activation": "gelu_tanh", "ffn_bias": True},
}


def _sizes(r, layers, even):
    kv_heads = r.choice([1, 2, 3])
    heads = kv_heads * r.choice([n for n in (1, 2, 3) if not even or n * kv_heads % 2 == 0])
    # Fewer than 24 elements a norm, and fp32 loses more than it should: the mean of so few squares may be near zero.
    hidden = heads * r.choice([n for n in range(4, 33) if 24 <= n * heads <= 54])
    return {"layers": r.choice(layers), "hidden": hidden, "heads": heads, "kv_heads": kv_heads,
            "head_size": r.choice([4, 8, 12]), "ffn": r.choice([23, 40, 64]),
            "sequence": r.choice([10, 24, 34] if even else [9, 24, 33]), "vocab": r.choice([37, 64, 129]),
            "norm_eps": r.choice([1e-5, 1e-6, 1e-12])}


def _small_rope_scaling(r, scaling):
    """Stretching whose regions all meet the few pairs of a small head. scaling: the words over the layers."""
    return {"rope_scaling": scaling, "rope_theta": [r.choice([20.0, 500.0])],
            "rope_factor": 1.0 if scaling == ["none"] else r.choice([2.0, 5.5]),
            "rope_original_sequence": r.choice([40, 150]), "rope_low_frequency": r.choice([0.5, 1.0]),
            "rope_high_frequency": r.choice([2.0, 4.0]), "rope_beta_fast": r.choice([1.5, 3.0]),
            "rope_beta_slow": r.choice([0.2, 0.5]), "rope_attention_factor": r.choice([0.0, 1.17])}


# The stretchings that read a key; a key that no layer reads is refused.
READERS = {"rope_factor": {"linear", "llama3", "yarn"}, "rope_original_sequence": {"llama3", "yarn"},
           "rope_low_frequency": {"llama3"}, "rope_high_frequency": {"llama3"}, "rope_beta_fast": {"yarn"},
           "rope_beta_slow": {"yarn"}, "rope_attention_factor": {"yarn"}}


def _only_read(keys):
    """The keys without those that no layer reads."""
    thetas, scalings = keys.get("rope_theta", [10000.0]), keys.get("rope_scaling", ["none"])
    used = {scalings[i % len(scalings)] for i in range(keys["layers"]) if thetas[i % len(thetas)] != 0}
    keys = {key: value for key, value in keys.items() if key not in READERS or READERS[key] & used}
    return keys if used - {"none"} or "rope_scaling" not in keys else {**keys, "rope_scaling": ["none"]}


def of_kind(kind, seed, even=False, **changes):
    """A small model of KINDS that transformers has too: windows, caps and scalings shrink with it. even: heads and
    sequence can be divided by two."""
    r = random.Random(f"{kind} {seed}")
    keys = {**_sizes(r, [2, 3], even), **KINDS[kind]}
    keys["norm_eps"] = r.choice([keys["norm_eps"], 1e-5])
    if kind in ("gpt2", "bert"):
        keys["kv_heads"] = keys["heads"]
    if kind in ("gpt2", "bert", "stablelm"):
        keys["head_size"] = r.choice([n for n in (4, 8, 12, 24) if 24 <= n * keys["heads"]])
        keys["hidden"] = keys["heads"] * keys["head_size"]
    width = r.choice([2, 3, 5, 8])
    keys["window"] = [width if w else 0 for w in keys.get("window", [0])]
    if kind.startswith("llama"):
        keys.update(tie_embeddings=r.random() < 0.5, activation=r.choice(["silu", "silu", "gelu", "relu"]))
        keys["qkv_bias"] = keys["o_bias"] = r.random() < 0.3
        keys["ffn_bias"] = r.random() < 0.3
        keys.update(_small_rope_scaling(r, keys.get("rope_scaling", ["none"])))
    elif kind.startswith("gemma"):
        keys["embedding_scale"] = math.sqrt(keys["hidden"])
        if kind == "gemma":
            keys["qkv_bias"] = keys["o_bias"] = r.random() < 0.3
            keys.update(changes)
            return reference.Config(**_only_read(keys))
        keys["attention_scale"] = r.choice([14, 30]) ** -0.5
        if kind == "gemma2":
            keys.update(attention_soft_cap=r.choice([1.5, 4.0]), head_soft_cap=r.choice([3.0, 8.0]))
        else:
            keys.update(layers=r.choice([6, 7]), head_size=r.choice([8, 12]))
            if r.random() < 0.5:
                keys.update(rope_scaling=["none"] * 5 + ["linear"], rope_factor=8.0)
    elif kind == "smollm3":
        keys["layers"] = r.choice([4, 5])
    elif kind in ("qwen2", "qwen3"):
        keys.update(tie_embeddings=r.random() < 0.5, window=r.choice([[0], [0, width]]))
        if r.random() < 0.5:
            keys.update(_small_rope_scaling(r, ["yarn"]))
    elif kind == "granite":
        keys.update(embedding_scale=r.choice([3.0, 12.0]), residual_scale=0.22, attention_scale=0.11, head_scale=1 / 7)
    elif kind == "stablelm":
        keys.update(head_size=16, hidden=16 * keys["heads"], rope_fraction=r.choice([0.25, 0.5]),
                    qkv_bias=r.random() < 0.5)
    elif kind == "starcoder2":
        keys["window"] = [r.choice([0, width])]
    keys.update(changes)
    return reference.Config(**_only_read(keys))


BOTH = [False, True]
CHOICES = {
    "arch": ["gpt2", "llama"], "tie_embeddings": BOTH, "norm": ["rms", "layer"], "norm_bias": BOTH,
    "norm_unit_offset": BOTH, "norm_place": ["before", "after_branch", "around", "after_residual"],
    "final_norm": [True, True, False], "positions": ["rotary", "rotary", "rotary", "rotary", "learned", "none"],
    "rope_scaling": [["none"], ["linear"], ["llama3"], ["yarn"], ["none", "yarn"]],
    "rope_theta": [[100.0], [100.0, 0.0], [30.0, 7.0]], "rope_fraction": [1.0, 1.0, 0.5],
    "mask": ["causal", "causal", "causal", "full"], "window": [[0], [3], [5, 0], [1]], "attention_scale": [0.0, 0.2],
    "attention_soft_cap": [0.0, 2.0], "qk_norm": ["none", "head", "width"], "qkv_bias": BOTH, "o_bias": BOTH,
    "ffn_gated": BOTH, "activation": ["gelu", "gelu_tanh", "silu", "relu"], "ffn_bias": BOTH, "token_types": [0, 0, 2],
    "embedding_scale": [1.0, 2.5], "embedding_norm": BOTH, "residual_scale": [1.0, 0.4], "head_bias": BOTH,
    "head_scale": [1.0, 0.3], "head_soft_cap": [0.0, 2.5], "head_transform": BOTH, "pooler": BOTH,
}


def of_any(seed, even=False, **changes):
    """Every property drawn by itself: models that nobody has published, too. even: as of_kind, and two layers or more.
    As many seeds in a row as a key has choices meet each of them."""
    r = random.Random(f"any {seed}")
    keys = _sizes(r, [2, 3] if even else [1, 2, 3], even)
    for key, choices in CHOICES.items():
        block, place = divmod(seed, len(choices))
        keys[key] = random.Random(f"{key} {block}").sample(choices, len(choices))[place]
    keys["norm_bias"] = keys["norm_bias"] and keys["norm"] == "layer"
    if keys["mask"] == "full":
        keys["window"] = [0]
    if keys["positions"] == "rotary":
        keys = {**_small_rope_scaling(r, keys["rope_scaling"]), **keys}
    else:
        keys = {key: value for key, value in keys.items() if not key.startswith("rope_")}
    keys.update(changes)
    return reference.Config(**_only_read(keys))
