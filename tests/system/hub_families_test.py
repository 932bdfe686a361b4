"""Random small models of every family that Hugging Face's transformers saved: imported, their log-probabilities (BERT:
hidden states) are those of transformers on one rank and with tp = 2, pp = 2; exported again they are the same files; and
what is exported from a checkpoint that was never imported is loaded there as the same model."""

import json
import os
import sys
import threading

import torch
import transformers

from families_test import model_section
from support import Workspace, at_once, check, run_file, say

sys.path.insert(0, os.path.join(os.environ["TRIREME_SOURCE"], "tests", "support"))
import checkpoint_writer  # noqa: E402
import random_models  # noqa: E402
import reference_models as reference  # noqa: E402
import transformers_models  # noqa: E402

LIMIT = 3e-5
VOCAB = 261  # the bytes, and some tokens that no text has
# (kind, seed, layouts): each kind of random_models, and seeds that bring stretched positions, windows and biases.
CASES = (("gpt2", 1, "both"), ("llama", 2, "one"), ("llama3", 1, "both"), ("llama linear", 1, "one"),
         ("llama yarn", 1, "one"), ("mistral", 1, "one"), ("smollm3", 3, "one"), ("qwen2", 1, "one"),
         ("qwen3", 3, "both"), ("gemma", 1, "one"), ("gemma2", 1, "one"), ("gemma3", 3, "both"), ("olmo2", 2, "one"),
         ("olmo2", 3, "four"), ("granite", 1, "one"), ("stablelm", 1, "one"), ("starcoder2", 1, "one"),
         ("bert", 1, "one"), ("bert", 2, "both"))
# Continuations of one token and of many; contexts and continuations of other lengths.
# transformers changes global functions while it makes and loads a model.
ONE_AT_A_TIME = threading.Lock()
PAIRS = (("The ship", " sails on"), ("a", "b"), ("Three banks of oars,", " x"), ("1 2 3", " 4 5 6 7"))


def byte_tokenizer():
    """tokenizer.json whose tokens are the bytes."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={letter: i for i, letter in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class Case:
    """One model: its directories, and what transformers computes with it."""

    def __init__(self, space, tokenizer, kind, seed):
        self.space, self.tokenizer, self.kind = space, tokenizer, kind
        self.name = f"{kind.replace(' ', '-')}-{seed}"
        self.config = random_models.of_kind(kind, seed, even=True, vocab=VOCAB, sequence=34)
        generator = torch.Generator().manual_seed(seed)
        self.weights = {name: value.float()
                        for name, value in reference.random_parameters(self.config, generator).items()}
        self.directory = space / self.name
        with ONE_AT_A_TIME:
            self.model = transformers_models.model(self.config, self.weights).eval()
            self.save(self.directory)

    def save(self, directory, **how):
        self.model.save_pretrained(directory, **how)
        self.tokenizer.save(os.path.join(directory, "tokenizer.json"))

    @property
    def is_bert(self):
        return self.config.arch == "bert"

    def expected(self, context, continuation):
        """Log-probability of each token of the continuation; a BERT's hidden states of all tokens."""
        tokens = self.tokenizer.encode(context + continuation).ids
        with torch.no_grad():
            if self.is_bert:
                return self.model.bert(input_ids=torch.tensor([tokens])).last_hidden_state[0].flatten()
            scores = self.model(input_ids=torch.tensor([tokens]), use_cache=False).logits[0].double().log_softmax(-1)
        first = len(self.tokenizer.encode(context).ids)
        return torch.tensor([scores[i - 1, tokens[i]] for i in range(first, len(tokens))])

    def compare(self, model, ranks, extra=()):
        """eval's numbers of `model` beside those of transformers."""
        label = f"{self.name} on {ranks or 1}"
        lines, out = self.space / f"{self.name}.jsonl", self.space / f"{self.name}-{ranks}.out"
        ask = [{"text": a + b} if self.is_bert else {"context": a, "continuation": b} for a, b in PAIRS]
        self.space.write(f"{self.name}.jsonl", "".join(json.dumps(line) + "\n" for line in ask))
        how = ["--embed", lines, "--pooling", "none"] if self.is_bert else ["--logprobs", lines, "--per-token"]
        self.space.must("eval", model, *how, "-o", out, "--force", "--train.device=cpu", "--train.precision=fp32", *extra,
                        ranks=ranks)
        found = lines_of(out)
        check(len(found) == len(PAIRS), f"{label}: {len(found)} lines")
        worst = 0.0
        for pair, line in zip(PAIRS, found):
            wanted = self.expected(*pair)
            numbers = next(value for value in line.values() if isinstance(value, list))
            numbers = torch.tensor(numbers, dtype=torch.float64).flatten()
            check(numbers.shape == wanted.shape, f"{label} {pair}: {numbers.shape}, not {wanted.shape}")
            off = float((numbers - wanted).abs().max() / wanted.abs().max())
            check(off < LIMIT, f"{label} {pair}: off by {off:.1e}")
            worst = max(worst, off)
        say(f"{label}: worst {worst:.1e}")


def same_files(case, first, second):
    """The same tensors, names, types and metadata, byte for byte, and the same config.json."""
    names = sorted(name for name in os.listdir(first) if name.endswith(".safetensors"))
    check(names == sorted(name for name in os.listdir(second) if name.endswith(".safetensors")),
          f"{case.name}: other shards")
    for name in [*names, "config.json", "tokenizer.json"]:
        with open(os.path.join(first, name), "rb") as one, open(os.path.join(second, name), "rb") as other:
            check(one.read() == other.read(), f"{case.name}: {name} has changed")


def check_new_export(case):
    """A checkpoint without a record becomes a directory that transformers loads as the same model."""
    step, directory = os.path.join(case.directory, "step_1"), case.space / f"{case.name}-new"
    options = run_file(case.name, model=model_section(case.config, complete=True))
    checkpoint_writer.write_checkpoint(step, {n: x.numpy() for n, x in case.weights.items()}, options)
    case.space.must("export", step, "-o", directory)
    with open(os.path.join(directory, "config.json"), encoding="utf-8") as file:
        name = json.load(file)["architectures"][0]
    check(name == type(case.model).__name__, f"{case.name}: written as {name}")
    with ONE_AT_A_TIME:
        model, info = getattr(transformers, name).from_pretrained(
            directory, output_loading_info=True, dtype=torch.float32, attn_implementation="eager")
    left = {kind: keys for kind, keys in info.items() if keys}
    if case.is_bert and not case.config.tie_embeddings:
        left.pop("missing_keys", None)  # the bias of a tied head
    check(not left, f"{case.name}: {left}")
    tokens = torch.arange(16).view(1, 16)
    with torch.no_grad():
        found, wanted = (m.eval()(input_ids=tokens).logits for m in (model, case.model))
    check(torch.equal(found, wanted), f"{case.name}: other logits, by {float((found - wanted).abs().max()):.1e}")
    for key, value in case.model.state_dict().items():
        check(torch.equal(model.state_dict()[key], value), f"{case.name}: another {key}")


def check_case(case, layouts):
    step = case.space / f"{case.name}-step"
    case.space.must("import", case.directory, "-o", step)
    if layouts != "four":
        case.compare(step, 0)
    if layouts != "one":
        case.compare(case.directory, 4, ["--parallel.tp=2", "--parallel.pp=2"])
    again = case.space / f"{case.name}-again"
    case.space.must("export", step, "-o", again)
    same_files(case, case.directory, again)
    check_new_export(case)


def check_shards_in_bf16(space, tokenizer):
    """Several files in bf16: the numbers are those of transformers with the rounded weights in fp32."""
    case = Case(space, tokenizer, "llama3", 2)
    case.model.bfloat16()
    directory = space / "bf16"
    with ONE_AT_A_TIME:
        case.save(directory, max_shard_size="50KB")
    check(os.path.exists(os.path.join(directory, "model.safetensors.index.json")), "bf16: one shard")
    with ONE_AT_A_TIME:  # not .float(), which would leave the angles rounded
        case.model = transformers.LlamaForCausalLM.from_pretrained(directory, dtype=torch.float32,
                                                                   attn_implementation="eager").eval()
    step, again = space / "bf16-step", space / "bf16-again"
    space.must("import", directory, "-o", step)
    case.compare(step, 0)
    space.must("export", step, "-o", again)
    same_files(case, directory, again)


def check_refusals(space, tokenizer):
    """What a config asks for and is not done ends with exit code 2 and the field's name."""
    case = Case(space, tokenizer, "llama", 3)
    path = os.path.join(case.directory, "config.json")
    with open(path, encoding="utf-8") as file:
        config = json.load(file)
    for changes, words in (
            ({"rope_parameters": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4}}, "rope_parameters.rope_type"),
            ({"hidden_act": "quick_gelu"}, "hidden_act = quick_gelu"), ({"model_type": "opt"}, "model_type = opt"),
            ({"attention_sinks": 4}, "attention_sinks = 4"), ({"num_hidden_layers": "2"}, "num_hidden_layers = 2: a whole"),
            ({"vocab_size": 300}, "is of shape [261, ")):
        with open(path, "w", encoding="utf-8") as file:
            json.dump({**config, **changes}, file)
        done = space.run("import", case.directory, "-o", space / "refused")
        check(done.returncode == 2 and words in done.stderr, f"{changes}: {done.returncode} {done.stderr}")


def main():
    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()
    tokenizer = byte_tokenizer()
    with Workspace() as space:
        calls = [lambda given=given: check_case(Case(space, tokenizer, *given[:2]), given[2]) for given in CASES]
        calls += [lambda: check_shards_in_bf16(space, tokenizer), lambda: check_refusals(space, tokenizer)]
        at_once(calls, 2)


if __name__ == "__main__":
    main()
