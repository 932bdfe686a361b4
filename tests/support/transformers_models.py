"""The models of reference_models.Config as those of Hugging Face's transformers, eager attention: a second oracle,
written by others."""
import contextlib

import numpy as np
import torch
import transformers
from torch.overrides import TorchFunctionMode

import reference_models as reference

# It finds lengths and stretching factors of models this small strange, and says so each time.
transformers.logging.set_verbosity_error()

ACTIVATIONS = {"gelu": "gelu", "gelu_tanh": "gelu_pytorch_tanh", "silu": "silu", "relu": "relu"}


class _InDouble(TorchFunctionMode):
    """Every request for fp32 becomes one for fp64: their norms, rotary angles and softmax ask for fp32 by name."""

    def __torch_function__(self, function, types, arguments=(), keywords=None):
        if function is torch.Tensor.float:
            function = torch.Tensor.double

        def wide(x):
            return torch.float64 if x is torch.float32 else x

        return function(*map(wide, arguments), **{key: wide(x) for key, x in (keywords or {}).items()})


@contextlib.contextmanager
def in_double():
    torch.set_default_dtype(torch.float64)
    try:
        with _InDouble():
            yield
    finally:
        torch.set_default_dtype(torch.float32)


def class_of(c):
    """The class that has all that c has. Whether it is the same model is what the comparison shows."""
    if c.arch == "gemma":
        if c.norm_place == "before":
            return "GemmaForCausalLM"
        return "Gemma3ForCausalLM" if c.qk_norm == "head" else "Gemma2ForCausalLM"
    if c.arch == "qwen":
        return "Qwen3ForCausalLM" if c.qk_norm == "head" else "Qwen2ForCausalLM"
    if c.arch == "llama":
        if c.norm == "layer":
            return "StableLmForCausalLM" if c.ffn_gated else "Starcoder2ForCausalLM"
        if 0 in c.rope_theta:
            return "SmolLM3ForCausalLM"
        if c.window != [0]:
            return "MistralForCausalLM"
        return "GraniteForCausalLM" if c.residual_scale != 1 else "LlamaForCausalLM"
    return {"gpt2": "GPT2LMHeadModel", "olmo2": "Olmo2ForCausalLM", "bert": "BertForMaskedLM"}[c.arch]


def _rope(c, layer=0):
    scaling = c.of_layer("rope_scaling", layer)
    out = {"rope_type": "default" if scaling == "none" else scaling, "rope_theta": c.of_layer("rope_theta", layer)}
    if c.rope_fraction != 1:
        out["partial_rotary_factor"] = c.rope_fraction
    if scaling != "none":
        out["factor"] = c.rope_factor
    if scaling in ("llama3", "yarn"):
        out["original_max_position_embeddings"] = c.rope_original_sequence
    if scaling == "llama3":
        out.update(low_freq_factor=c.rope_low_frequency, high_freq_factor=c.rope_high_frequency)
    if scaling == "yarn":
        out.update(beta_fast=c.rope_beta_fast, beta_slow=c.rope_beta_slow,
                   attention_factor=c.rope_attention_factor or None)
    return out


def _windows(c):
    """Their layers are of two kinds, and all windows of a model are equally wide."""
    windows = [c.of_layer("window", i) for i in range(c.layers)]
    return {"sliding_window": max(windows) or None,
            "layer_types": ["sliding_attention" if width else "full_attention" for width in windows]}


def _rope_of_kinds(c, kinds):
    """The rotary positions of the first layer of each kind; of a kind that no layer is of, any."""
    return {kind: _rope(c, kinds.index(kind) if kind in kinds else 0)
            for kind in ("sliding_attention", "full_attention")}


def configuration_of(c):
    """Their configuration."""
    name = class_of(c)
    common = {
        "vocab_size": c.vocab, "hidden_size": c.hidden, "intermediate_size": c.ffn, "num_hidden_layers": c.layers,
        "num_attention_heads": c.heads, "max_position_embeddings": c.sequence, "hidden_act": ACTIVATIONS[c.activation],
        "tie_word_embeddings": c.tie_embeddings,
        # The gradient of a padding token's row would be left out.
        "pad_token_id": None, "bos_token_id": None, "eos_token_id": None,
    }
    if name == "GPT2LMHeadModel":
        del common["intermediate_size"], common["hidden_act"]  # which have other names there
        return transformers.GPT2Config(
            **common, n_inner=c.ffn, activation_function="gelu_new", resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
            layer_norm_epsilon=c.norm_eps)
    if name == "BertForMaskedLM":
        return transformers.BertConfig(**common, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
                                       type_vocab_size=c.token_types, layer_norm_eps=c.norm_eps)
    common.update(num_key_value_heads=c.kv_heads, head_dim=c.head_size, rms_norm_eps=c.norm_eps)
    if name == "Gemma3ForCausalLM":
        windows = _windows(c)
        return transformers.Gemma3TextConfig(
            **common, **windows, rope_parameters=_rope_of_kinds(c, windows["layer_types"]), **_gemma(c))
    common["rope_parameters"] = _rope(c)
    if name == "Gemma2ForCausalLM":
        return transformers.Gemma2Config(**common, **_windows(c), **_gemma(c))
    if name == "GemmaForCausalLM":
        return transformers.GemmaConfig(**common, attention_bias=c.qkv_bias)
    if name in ("Qwen2ForCausalLM", "Qwen3ForCausalLM"):
        kind = getattr(transformers, name.replace("ForCausalLM", "Config"))
        return kind(**common, use_sliding_window=True, **_windows(c))
    if name == "SmolLM3ForCausalLM":
        turned = [int(c.of_layer("rope_theta", i) != 0) for i in range(c.layers)]
        return transformers.SmolLM3Config(**common, no_rope_layers=turned)
    if name == "MistralForCausalLM":
        return transformers.MistralConfig(**common, sliding_window=c.window[0])
    if name == "StableLmForCausalLM":
        return transformers.StableLmConfig(**common, layer_norm_eps=c.norm_eps, use_qkv_bias=c.qkv_bias)
    if name == "Starcoder2ForCausalLM":
        return transformers.Starcoder2Config(**common, norm_epsilon=c.norm_eps, use_bias=c.ffn_bias,
                                             sliding_window=c.window[0] or None)
    if name == "GraniteForCausalLM":
        return transformers.GraniteConfig(
            **common, embedding_multiplier=c.embedding_scale, residual_multiplier=c.residual_scale,
            attention_multiplier=c.attention_scale, logits_scaling=1 / c.head_scale)
    kind = getattr(transformers, name.replace("ForCausalLM", "Config"))  # Llama, OLMo 2
    return kind(**common, attention_bias=c.qkv_bias, mlp_bias=c.ffn_bias)


def _gemma(c):
    return {"hidden_activation": ACTIVATIONS[c.activation],
            "query_pre_attn_scalar": round((c.attention_scale or c.head_size ** -0.5) ** -2),
            "final_logit_softcapping": c.head_soft_cap or None, "attn_logit_softcapping": c.attention_soft_cap or None}


def model(c, w):
    """The same model in transformers, in the default precision (see in_double)."""
    configuration = configuration_of(c)
    configuration._attn_implementation = "eager"  # pylint: disable=protected-access
    out = getattr(transformers, class_of(c))(configuration).train()
    parameters = dict(out.named_parameters())
    left = set(parameters)
    for key, names, transpose in names_of(c):
        value = torch.cat([w[n] for n in names], 0)
        parameters[key].data.copy_(value.T if transpose else value)
        left.discard(key)
    if c.pooler:
        out.bert.pooler = transformers.models.bert.modeling_bert.BertPooler(configuration)
        for key in ("weight", "bias"):
            getattr(out.bert.pooler.dense, key).data.copy_(w["pooler." + key])
    if c.arch == "bert" and not c.tie_embeddings:
        left.discard("cls.predictions.bias")  # of the tied head; an untied one does not use it
    if left:
        raise ValueError(f"{class_of(c)} has parameters that Trireme has not: {sorted(left)}")
    return out


def names_of(c):
    """(their name, our names stacked along dim 0, transposed there)."""
    if c.arch == "gpt2":
        out = _gpt2_names(c)
    elif c.arch == "bert":
        out = _bert_names(c)
    else:
        out = _llama_like_names(c)
    known = {name for name, _ in reference.logical_shapes(c)}
    return [entry for entry in out if entry[1][0] in known]


def _gpt2_names(c):
    out = [("transformer.wte.weight", ["embed.tokens"], False), ("transformer.wpe.weight", ["embed.positions"], False)]
    for kind in ("weight", "bias"):
        matrix = kind == "weight"
        for i in range(c.layers):
            h, p = f"transformer.h.{i}.", f"layers.{i}."
            out += [(h + "ln_1." + kind, [p + "attention_norm." + kind], False),
                    (h + "attn.c_attn." + kind, [p + f"attention.{n}." + kind for n in "qkv"], matrix),
                    (h + "attn.c_proj." + kind, [p + "attention.o." + kind], matrix),
                    (h + "ln_2." + kind, [p + "ffn_norm." + kind], False),
                    (h + "mlp.c_fc." + kind, [p + "ffn.up." + kind], matrix),
                    (h + "mlp.c_proj." + kind, [p + "ffn.down." + kind], matrix)]
        out.append(("transformer.ln_f." + kind, ["final_norm." + kind], False))
    return out + [("lm_head.weight", ["head.weight"], False)]


def _bert_names(c):
    out = [("bert.embeddings.word_embeddings.weight", ["embed.tokens"], False),
           ("bert.embeddings.position_embeddings.weight", ["embed.positions"], False),
           ("bert.embeddings.token_type_embeddings.weight", ["embed.types"], False)]
    layer = (("attention.self.query", "attention.q"), ("attention.self.key", "attention.k"),
             ("attention.self.value", "attention.v"), ("attention.output.dense", "attention.o"),
             ("attention.output.LayerNorm", "attention_post_norm"), ("intermediate.dense", "ffn.up"),
             ("output.dense", "ffn.down"), ("output.LayerNorm", "ffn_post_norm"))
    for kind in (".weight", ".bias"):
        out.append(("bert.embeddings.LayerNorm" + kind, ["embed.norm" + kind], False))
        for i in range(c.layers):
            out += [(f"bert.encoder.layer.{i}.{theirs}{kind}", [f"layers.{i}.{ours}{kind}"], False)
                    for theirs, ours in layer]
        out.append(("cls.predictions.transform.dense" + kind, ["head.transform" + kind], False))
        out.append(("cls.predictions.transform.LayerNorm" + kind, ["head.transform_norm" + kind], False))
    bias = "cls.predictions.bias" if c.tie_embeddings else "cls.predictions.decoder.bias"
    return out + [("cls.predictions.decoder.weight", ["head.weight"], False), (bias, ["head.bias"], False)]


def _llama_like_names(c):
    """Entries that the model does not have are for the caller to leave out."""
    norms = {"before": (("input_layernorm", "attention_norm"), ("post_attention_layernorm", "ffn_norm")),
             "around": (("input_layernorm", "attention_norm"), ("post_attention_layernorm", "attention_post_norm"),
                        ("pre_feedforward_layernorm", "ffn_norm"), ("post_feedforward_layernorm", "ffn_post_norm")),
             "after_branch": (("post_attention_layernorm", "attention_post_norm"),
                              ("post_feedforward_layernorm", "ffn_post_norm"))}[c.norm_place]
    ffn = ("gate_proj", "up_proj", "down_proj") if c.ffn_gated else (None, "c_fc", "c_proj")
    out = [("model.embed_tokens.weight", ["embed.tokens"], False), ("lm_head.weight", ["head.weight"], False)]
    for kind in (".weight", ".bias"):
        for i in range(c.layers):
            h, p = f"model.layers.{i}.", f"layers.{i}."
            out += [(h + theirs + kind, [p + ours + kind], False) for theirs, ours in norms]
            out += [(h + f"self_attn.{n}_proj{kind}", [p + f"attention.{n}{kind}"], False) for n in "qkvo"]
            out += [(h + f"self_attn.{n}_norm{kind}", [p + f"attention.{n}_norm{kind}"], False) for n in "qk"]
            out += [(h + f"mlp.{theirs}{kind}", [p + f"ffn.{ours}{kind}"], False)
                    for theirs, ours in zip(ffn, ("gate", "up", "down")) if theirs]
        out.append(("model.norm" + kind, ["final_norm" + kind], False))
    return out


def hidden_pooled(c, w, tokens, types=None):
    """BERT's hidden states (B, T, hidden), and what its pooler makes of them, (B, hidden)."""
    with torch.no_grad():
        out = model(c, w).bert(input_ids=tokens, token_type_ids=types)
    return out.last_hidden_state.numpy(), out.pooler_output.numpy()


def logits_loss_gradients(c, w, tokens, targets, scale, types=None):
    """As reference_models.logits_loss_gradients."""
    theirs = model(c, w)
    given = {"use_cache": False} if c.arch != "bert" else {} if types is None else {"token_type_ids": types}
    scores = theirs(input_ids=tokens, **given).logits
    loss = torch.nn.functional.cross_entropy(scores.flatten(0, 1), targets.flatten(), ignore_index=-1, reduction="sum")
    (loss * scale).backward()
    parameters, gradients = dict(theirs.named_parameters()), {}
    shapes = dict(reference.logical_shapes(c))
    for key, names, transpose in names_of(c):
        grad = parameters[key].grad
        grad = (grad.T if transpose else grad).numpy()
        for name in names:
            gradients[name], grad = grad[: shapes[name][0]], grad[shapes[name][0]:]
    for name in shapes:
        if name.startswith("pooler."):  # masked language modelling does not use it
            gradients[name] = np.zeros(shapes[name], scores.detach().numpy().dtype)
    return scores.detach().numpy(), loss.item(), gradients
