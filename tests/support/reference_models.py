"""GPT-2 and Llama in plain PyTorch operations, in any precision: an oracle written from the papers.

Parameters are a dict by Trireme's logical names. No fused operations, no library layers.
"""
import math

import torch


class Config:
    def __init__(self, **kw):
        self.__dict__.update(kw)


def logical_shapes(c):
    """Names and shapes in the order of the forward pass."""
    gpt2 = c.arch == "gpt2"
    size = c.hidden // c.heads
    out = [("embed.tokens", (c.vocab, c.hidden))]
    if gpt2:
        out.append(("embed.positions", (c.sequence, c.hidden)))

    def norm(name):
        out.append((name + ".weight", (c.hidden,)))
        if gpt2:
            out.append((name + ".bias", (c.hidden,)))

    def linear(name, rows, columns):
        out.append((name + ".weight", (rows, columns)))
        if gpt2:
            out.append((name + ".bias", (rows,)))

    for i in range(c.layers):
        p = f"layers.{i}."
        norm(p + "attention_norm")
        linear(p + "attention.q", c.heads * size, c.hidden)
        linear(p + "attention.k", c.kv_heads * size, c.hidden)
        linear(p + "attention.v", c.kv_heads * size, c.hidden)
        linear(p + "attention.o", c.hidden, c.heads * size)
        norm(p + "ffn_norm")
        if not gpt2:
            linear(p + "ffn.gate", c.ffn, c.hidden)
        linear(p + "ffn.up", c.ffn, c.hidden)
        linear(p + "ffn.down", c.hidden, c.ffn)
    norm("final_norm")
    if not c.tie:
        out.append(("head.weight", (c.vocab, c.hidden)))
    return out


def _norm(c, w, name, x):
    if c.arch == "gpt2":
        centred = x - x.mean(-1, keepdim=True)
        scaled = centred / torch.sqrt((centred * centred).mean(-1, keepdim=True) + c.norm_eps)
        return scaled * w[name + ".weight"] + w[name + ".bias"]
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + c.norm_eps) * w[name + ".weight"]


def _linear(w, name, x):
    y = x @ w[name + ".weight"].T
    return y + w[name + ".bias"] if name + ".bias" in w else y


def _rotate(x, theta):
    """x (B, heads, T, size): pairs (i, i + size/2) turned by position * theta^(-2i/size)."""
    size, length = x.shape[-1], x.shape[-2]
    frequency = theta ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
    angle = torch.arange(length, dtype=torch.float64)[:, None] * frequency
    cosine, sine = torch.cos(angle).to(x.dtype), torch.sin(angle).to(x.dtype)
    a, b = x[..., : size // 2], x[..., size // 2:]
    return torch.cat([a * cosine - b * sine, b * cosine + a * sine], -1)


def _attention(c, w, p, x):
    batch, length, _ = x.shape
    size = c.hidden // c.heads

    def heads(name, n):
        return _linear(w, p + name, x).view(batch, length, n, size).transpose(1, 2)

    q, k, v = heads("q", c.heads), heads("k", c.kv_heads), heads("v", c.kv_heads)
    if c.arch == "llama":
        q, k = _rotate(q, c.rope_theta), _rotate(k, c.rope_theta)
    k = k[:, [h * c.kv_heads // c.heads for h in range(c.heads)]]
    v = v[:, [h * c.kv_heads // c.heads for h in range(c.heads)]]
    scores = q @ k.transpose(2, 3) / math.sqrt(size)
    future = torch.ones(length, length, dtype=torch.bool).triu(1)
    scores = scores.masked_fill(future, -math.inf)
    scores = scores - scores.max(-1, keepdim=True).values
    p_ = torch.exp(scores)
    p_ = p_ / p_.sum(-1, keepdim=True)
    return _linear(w, p + "o", (p_ @ v).transpose(1, 2).reshape(batch, length, -1))


def _ffn(c, w, p, x):
    if c.arch == "gpt2":
        h = _linear(w, p + "up", x)
        h = 0.5 * h * (1 + torch.tanh(math.sqrt(2 / math.pi) * (h + 0.044715 * h ** 3)))
    else:
        gate = _linear(w, p + "gate", x)
        h = gate / (1 + torch.exp(-gate)) * _linear(w, p + "up", x)
    return _linear(w, p + "down", h)


def logits(c, w, tokens):
    """tokens (B, T) -> (B, T, vocab)."""
    x = w["embed.tokens"][tokens]
    if c.arch == "gpt2":
        x = x + w["embed.positions"][: tokens.shape[1]]
    for i in range(c.layers):
        p = f"layers.{i}."
        x = x + _attention(c, w, p + "attention.", _norm(c, w, p + "attention_norm", x))
        x = x + _ffn(c, w, p + "ffn.", _norm(c, w, p + "ffn_norm", x))
    x = _norm(c, w, "final_norm", x)
    return x @ (w["embed.tokens"] if c.tie else w["head.weight"]).T


def loss_sum(scores, targets):
    """Sum over targets >= 0 of -log softmax."""
    flat, wanted = scores.flatten(0, 1), targets.flatten()
    shift = flat.max(-1, keepdim=True).values
    normaliser = torch.log(torch.exp(flat - shift).sum(-1)) + shift[:, 0]
    at_target = flat.gather(1, wanted.clamp(min=0)[:, None])[:, 0]
    return torch.where(wanted >= 0, normaliser - at_target, torch.zeros_like(normaliser)).sum()


def random_parameters(c, generator, spread=0.15):
    """Weights large enough that every path matters."""
    w = {}
    for name, shape in logical_shapes(c):
        x = torch.randn(shape, generator=generator, dtype=torch.float64) * spread
        w[name] = x + 1 if "norm.weight" in name else x
    return w


def hugging_face(c, w):
    """The same model in transformers, fp32, eager attention."""
    import transformers

    size = c.hidden // c.heads
    if c.arch == "gpt2":
        model = transformers.GPT2LMHeadModel(transformers.GPT2Config(
            vocab_size=c.vocab, n_positions=c.sequence, n_embd=c.hidden, n_layer=c.layers, n_head=c.heads,
            n_inner=c.ffn, activation_function="gelu_new", resid_pdrop=0, embd_pdrop=0, attn_pdrop=0,
            layer_norm_epsilon=c.norm_eps, tie_word_embeddings=c.tie, attn_implementation="eager"))
    else:
        model = transformers.LlamaForCausalLM(transformers.LlamaConfig(
            vocab_size=c.vocab, hidden_size=c.hidden, intermediate_size=c.ffn, num_hidden_layers=c.layers,
            num_attention_heads=c.heads, num_key_value_heads=c.kv_heads, head_dim=size,
            max_position_embeddings=c.sequence, rms_norm_eps=c.norm_eps, tie_word_embeddings=c.tie,
            rope_parameters={"rope_type": "default", "rope_theta": c.rope_theta}, attn_implementation="eager"))
    model = model.float().train()
    parameters = dict(model.named_parameters())
    for key, names, transpose in hugging_face_names(c):
        if key in parameters:
            value = torch.cat([w[n] for n in names], 0)
            parameters[key].data.copy_(value.T if transpose else value)
    return model


def hugging_face_names(c):
    """(their name, our names stacked along dim 0, transposed there)."""
    if c.arch == "gpt2":
        out = [("transformer.wte.weight", ["embed.tokens"], False),
               ("transformer.wpe.weight", ["embed.positions"], False)]
        for i in range(c.layers):
            h, p = f"transformer.h.{i}.", f"layers.{i}."
            for kind in ("weight", "bias"):
                t = kind == "weight"
                out += [(h + "ln_1." + kind, [p + "attention_norm." + kind], False),
                        (h + "attn.c_attn." + kind, [p + f"attention.{n}." + kind for n in "qkv"], t),
                        (h + "attn.c_proj." + kind, [p + "attention.o." + kind], t),
                        (h + "ln_2." + kind, [p + "ffn_norm." + kind], False),
                        (h + "mlp.c_fc." + kind, [p + "ffn.up." + kind], t),
                        (h + "mlp.c_proj." + kind, [p + "ffn.down." + kind], t)]
        out += [("transformer.ln_f." + kind, ["final_norm." + kind], False) for kind in ("weight", "bias")]
    else:
        out = [("model.embed_tokens.weight", ["embed.tokens"], False)]
        for i in range(c.layers):
            h, p = f"model.layers.{i}.", f"layers.{i}."
            out += [(h + "input_layernorm.weight", [p + "attention_norm.weight"], False),
                    (h + "post_attention_layernorm.weight", [p + "ffn_norm.weight"], False)]
            out += [(h + f"self_attn.{n}_proj.weight", [p + f"attention.{n}.weight"], False) for n in "qkvo"]
            out += [(h + f"mlp.{n}_proj.weight", [p + f"ffn.{n}.weight"], False) for n in ("gate", "up", "down")]
        out.append(("model.norm.weight", ["final_norm.weight"], False))
    if not c.tie:
        out.append(("lm_head.weight", ["head.weight"], False))
    return out
