"""Every model that a run file's `[model]` keys describe, in plain PyTorch operations and any precision: an oracle
written from the papers.

Parameters are a dict by Trireme's logical names. No fused operations, no library layers.
"""
import math

import torch

# What a key means when neither its family nor the case says anything.
NEUTRAL = {
    "tie_embeddings": False, "dropout": 0.0, "init_std": 0.02,
    "norm": "rms", "norm_bias": False, "norm_unit_offset": False, "norm_place": "before", "norm_eps": 1e-5,
    "final_norm": True, "mask": "causal", "window": [0], "attention_scale": 0.0, "attention_soft_cap": 0.0,
    "qk_norm": "none", "qkv_bias": False, "o_bias": False, "rope_theta": [10000.0], "rope_scaling": ["none"],
    "rope_factor": 1.0, "rope_original_sequence": 0, "rope_low_frequency": 1.0, "rope_high_frequency": 4.0,
    "rope_beta_fast": 32.0, "rope_beta_slow": 1.0, "rope_attention_factor": 0.0, "rope_fraction": 1.0,
    "ffn_gated": True, "activation": "silu", "ffn_bias": False, "positions": "rotary", "token_types": 0,
    "embedding_scale": 1.0, "embedding_norm": False, "residual_scale": 1.0, "pooler": False, "lm_head": True,
    "head_bias": False, "head_scale": 1.0, "head_soft_cap": 0.0, "head_transform": False,
}
QUERIES_AT_ONCE = 512  # in attention, so that a long prompt's scores outside its window take no memory
SIZES = ("arch", "layers", "hidden", "heads", "kv_heads", "head_size", "ffn", "sequence", "vocab")


class Config:
    """The keys of `[model]` as attributes, all of them: sizes as given, the others as given or as in NEUTRAL."""

    def __init__(self, **keys):
        unknown = set(keys) - set(NEUTRAL) - set(SIZES)
        if unknown or set(SIZES) - set(keys):
            raise ValueError(f"unknown keys {unknown}, missing sizes {set(SIZES) - set(keys)}")
        self.__dict__.update(NEUTRAL)
        self.__dict__.update(keys)

    def of_layer(self, key, layer):
        """The element of a list that is repeated over the layers."""
        values = getattr(self, key)
        return values[layer % len(values)]


def logical_shapes(c):
    """Names and shapes in the order of the forward pass."""
    out = [("embed.tokens", (c.vocab, c.hidden))]
    if c.positions == "learned":
        out.append(("embed.positions", (c.sequence, c.hidden)))
    if c.token_types:
        out.append(("embed.types", (c.token_types, c.hidden)))

    def norm(name):
        out.append((name + ".weight", (c.hidden,)))
        if c.norm_bias:
            out.append((name + ".bias", (c.hidden,)))

    def linear(name, rows, columns, bias):
        out.append((name + ".weight", (rows, columns)))
        if bias:
            out.append((name + ".bias", (rows,)))

    if c.embedding_norm:
        norm("embed.norm")
    for i in range(c.layers):
        _layer_shapes(c, f"layers.{i}.", out, norm, linear)
    if c.final_norm:
        norm("final_norm")
    if c.pooler:
        linear("pooler", c.hidden, c.hidden, True)
    if not c.lm_head:
        return out
    if c.head_transform:
        linear("head.transform", c.hidden, c.hidden, True)
        norm("head.transform_norm")
    if not c.tie_embeddings:
        out.append(("head.weight", (c.vocab, c.hidden)))
    if c.head_bias:
        out.append(("head.bias", (c.vocab,)))
    return out


def _layer_shapes(c, p, out, norm, linear):
    before, after = c.norm_place in ("before", "around"), c.norm_place != "before"
    queries, keys = c.heads * c.head_size, c.kv_heads * c.head_size
    if before:
        norm(p + "attention_norm")
    linear(p + "attention.q", queries, c.hidden, c.qkv_bias)
    linear(p + "attention.k", keys, c.hidden, c.qkv_bias)
    linear(p + "attention.v", keys, c.hidden, c.qkv_bias)
    if c.qk_norm != "none":
        out.append((p + "attention.q_norm.weight", (c.head_size if c.qk_norm == "head" else queries,)))
        out.append((p + "attention.k_norm.weight", (c.head_size if c.qk_norm == "head" else keys,)))
    linear(p + "attention.o", c.hidden, queries, c.o_bias)
    if after:
        norm(p + "attention_post_norm")
    if before:
        norm(p + "ffn_norm")
    if c.ffn_gated:
        linear(p + "ffn.gate", c.ffn, c.hidden, c.ffn_bias)
    linear(p + "ffn.up", c.ffn, c.hidden, c.ffn_bias)
    linear(p + "ffn.down", c.hidden, c.ffn, c.ffn_bias)
    if after:
        norm(p + "ffn_post_norm")


def _rms_norm(c, w, name, x):
    weight = w[name + ".weight"]
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + c.norm_eps) * (1 + weight if c.norm_unit_offset else weight)


def _norm(c, w, name, x):
    if c.norm == "layer":
        x = x - x.mean(-1, keepdim=True)  # the mean square that is left is the variance
    y = _rms_norm(c, w, name, x)
    return y + w[name + ".bias"] if c.norm_bias else y


def _linear(w, name, x):
    y = x @ w[name + ".weight"].T
    return y + w[name + ".bias"] if name + ".bias" in w else y


def _activation(c, x):
    if c.activation == "gelu":
        return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))
    if c.activation == "gelu_tanh":
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))
    if c.activation == "silu":
        return x / (1 + torch.exp(-x))
    return torch.where(x > 0, x, torch.zeros_like(x))


def rotary_frequencies(c, layer):
    """Radians a position for each rotated pair of a head, fp64, and the factor of cosines and sines."""
    theta, scaling = c.of_layer("rope_theta", layer), c.of_layer("rope_scaling", layer)
    pairs = int(c.head_size * c.rope_fraction) // 2
    plain = [theta ** (-i / pairs) for i in range(pairs)]
    if scaling == "linear":
        return [f / c.rope_factor for f in plain], 1.0
    if scaling == "llama3":
        return [_llama3(c, f) for f in plain], 1.0
    if scaling == "yarn":
        return _yarn(c, theta, plain), c.rope_attention_factor or 0.1 * math.log(c.rope_factor) + 1
    return plain, 1.0


def _llama3(c, frequency):
    turns = c.rope_original_sequence * frequency / (2 * math.pi)  # within the length of the first training
    if turns < c.rope_low_frequency:
        return frequency / c.rope_factor
    if turns > c.rope_high_frequency:
        return frequency
    kept = (turns - c.rope_low_frequency) / (c.rope_high_frequency - c.rope_low_frequency)
    return kept * frequency + (1 - kept) * frequency / c.rope_factor


def _yarn(c, theta, plain):
    def pair_with(turns):
        return len(plain) * math.log(c.rope_original_sequence / (turns * 2 * math.pi)) / math.log(theta)

    # Whole pairs on either side, as published: the ramp is in pairs, not in frequencies.
    first = max(math.floor(pair_with(c.rope_beta_fast)), 0)
    last = min(math.ceil(pair_with(c.rope_beta_slow)), 2 * len(plain) - 1)
    out = []
    for i, frequency in enumerate(plain):
        stretched = min(max((i - first) / ((last - first) or 0.001), 0.0), 1.0)
        out.append(frequency * (1 - stretched) + frequency / c.rope_factor * stretched)
    return out


def _rotate(c, x, layer):
    """x (B, heads, T, size): pairs (i, i + rotated/2) of the first `rotated` elements, turned by position * frequency."""
    frequencies, factor = rotary_frequencies(c, layer)
    half = len(frequencies)
    position = torch.arange(x.shape[-2], dtype=torch.float64)
    angle = position[:, None] * torch.tensor(frequencies, dtype=torch.float64)
    cosine, sine = (torch.cos(angle) * factor).to(x.dtype), (torch.sin(angle) * factor).to(x.dtype)
    a, b = x[..., :half], x[..., half: 2 * half]
    return torch.cat([a * cosine - b * sine, b * cosine + a * sine, x[..., 2 * half:]], -1)


def _seen(c, length, layer):
    """(query, key): which keys a query sees."""
    if c.mask == "full":
        return torch.ones(length, length, dtype=torch.bool)
    back = torch.arange(length)[:, None] - torch.arange(length)
    window = c.of_layer("window", layer)
    return (back >= 0) & (back < window) if window else back >= 0


def _soft_cap(x, cap):
    return cap * torch.tanh(x / cap) if cap else x


def _attention(c, w, p, x, layer):
    batch, length, _ = x.shape
    rotary = c.positions == "rotary" and c.of_layer("rope_theta", layer)

    def heads(name, n):
        y = _linear(w, p + name, x)
        normed = c.qk_norm != "none" and name != "v"
        if normed and c.qk_norm == "width":
            y = _rms_norm(c, w, p + name + "_norm", y)
        y = y.view(batch, length, n, c.head_size)
        if normed and c.qk_norm == "head":
            y = _rms_norm(c, w, p + name + "_norm", y)
        y = y.transpose(1, 2)
        return _rotate(c, y, layer) if name != "v" and rotary else y

    q, k, v = heads("q", c.heads), heads("k", c.kv_heads), heads("v", c.kv_heads)
    k = k[:, [h * c.kv_heads // c.heads for h in range(c.heads)]]
    v = v[:, [h * c.kv_heads // c.heads for h in range(c.heads)]]
    seen, pieces = _seen(c, length, layer), []
    for rows in torch.arange(length).split(QUERIES_AT_ONCE):
        columns = seen[rows].any(0)
        scores = q[:, :, rows] @ k[:, :, columns].transpose(2, 3) * (c.attention_scale or c.head_size ** -0.5)
        scores = _soft_cap(scores, c.attention_soft_cap).masked_fill(~seen[rows][:, columns], -math.inf)
        weights = torch.exp(scores - scores.max(-1, keepdim=True).values)
        pieces.append(weights / weights.sum(-1, keepdim=True) @ v[:, :, columns])
    return _linear(w, p + "o", torch.cat(pieces, 2).transpose(1, 2).reshape(batch, length, -1))


def _ffn(c, w, p, x):
    up = _linear(w, p + "up", x)
    h = _activation(c, _linear(w, p + "gate", x)) * up if c.ffn_gated else _activation(c, up)
    return _linear(w, p + "down", h)


def _half(c, w, name, x, function):
    """One half of a layer: `function` is its attention or feed-forward."""
    y = x
    if c.norm_place in ("before", "around"):
        y = _norm(c, w, name + "_norm", y)
    y = function(y)
    if c.norm_place in ("after_branch", "around"):
        y = _norm(c, w, name + "_post_norm", y)
    x = x + c.residual_scale * y
    return _norm(c, w, name + "_post_norm", x) if c.norm_place == "after_residual" else x


def hidden_states(c, w, tokens, types=None):
    """tokens and types (B, T) -> (B, T, hidden), before the head."""
    x = w["embed.tokens"][tokens] * c.embedding_scale
    if c.positions == "learned":
        x = x + w["embed.positions"][: tokens.shape[1]]
    if c.token_types:
        x = x + w["embed.types"][torch.zeros_like(tokens) if types is None else types]
    if c.embedding_norm:
        x = _norm(c, w, "embed.norm", x)
    for i in range(c.layers):
        p = f"layers.{i}."
        x = _half(c, w, p + "attention", x, lambda y: _attention(c, w, p + "attention.", y, i))
        x = _half(c, w, p + "ffn", x, lambda y: _ffn(c, w, p + "ffn.", y))
    return _norm(c, w, "final_norm", x) if c.final_norm else x


def pooled(w, hidden):
    """Hidden states (B, T, hidden) -> (B, hidden)."""
    return torch.tanh(_linear(w, "pooler", hidden[:, 0]))


def logits(c, w, tokens, types=None):
    """tokens and types (B, T) -> (B, T, vocab)."""
    x = hidden_states(c, w, tokens, types)
    if c.head_transform:
        x = _norm(c, w, "head.transform_norm", _activation(c, _linear(w, "head.transform", x)))
    scores = x @ (w["embed.tokens"] if c.tie_embeddings else w["head.weight"]).T
    if c.head_bias:
        scores = scores + w["head.bias"]
    return _soft_cap(scores * c.head_scale, c.head_soft_cap)


def loss_sum(scores, targets):
    """Sum over targets >= 0 of -log softmax."""
    flat, wanted = scores.flatten(0, 1), targets.flatten()
    shift = flat.max(-1, keepdim=True).values
    normaliser = torch.log(torch.exp(flat - shift).sum(-1)) + shift[:, 0]
    at_target = flat.gather(1, wanted.clamp(min=0)[:, None])[:, 0]
    return torch.where(wanted >= 0, normaliser - at_target, torch.zeros_like(normaliser)).sum()


def logits_loss_gradients(c, w, tokens, targets, scale, types=None):
    """Plain operations in the precision of w: logits, the sum of the losses, and scale times its gradients."""
    leaves = {n: x.clone().requires_grad_() for n, x in w.items()}
    scores = logits(c, leaves, tokens, types)
    loss = loss_sum(scores, targets)
    (loss * scale).backward()
    return scores.detach().numpy(), loss.item(), {
        n: (torch.zeros_like(x) if x.grad is None else x.grad).numpy() for n, x in leaves.items()}


def random_parameters(c, generator, spread=0.15):
    """Weights large enough that every path matters, fp64."""
    w = {}
    for name, shape in logical_shapes(c):
        x = torch.randn(shape, generator=generator, dtype=torch.float64) * spread
        w[name] = x + 1 if name.endswith("norm.weight") and not c.norm_unit_offset else x
    return w
