"""trireme eval on lines and datasets: what it says about texts is what transformers and the rules of lm-evaluation-harness
give, in any layout and for all four kinds of model; what cannot be evaluated is refused with file and line."""

import json
import math
import os
import re
import shutil
import signal
import sys

import h5py
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from support import Workspace, causes, check, command, english, make_data, run_file, say, step_directory, tiny_model
from window import Window

LIMIT = 3e-5
SEQUENCE = 24
TP2_PP2 = ["--parallel.tp=2", "--parallel.pp=2"]


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def jsonl(lines):
    return "".join(json.dumps(line) + "\n" for line in lines)


# The models that transformers writes.

def make_llama(space):
    """A LLaMA whose tokenizer puts <s> in front of a text, with random weights."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator([english(4000, seed=9)], trainers.BpeTrainer(
        vocab_size=320, special_tokens=["<s>", "</s>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="$A <s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 1)])
    directory = space / "llama"
    torch.manual_seed(7)
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(
        vocab_size=320, hidden_size=32, intermediate_size=48, num_hidden_layers=4, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=SEQUENCE, bos_token_id=0, eos_token_id=1, initializer_range=0.3))
    model.save_pretrained(directory)
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")
    fast.save_pretrained(directory)
    return directory, model.eval(), tokenizer


def make_bert(space):
    """A BERT without a head, with WordPiece tokens."""
    words = sorted(set(english(4000, seed=9).lower().replace(".", " .").split()))
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words, "##s", "##ed", "s", "t"]
    tokenizer = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    directory = space / "bert"
    torch.manual_seed(8)
    model = transformers.BertModel(transformers.BertConfig(
        vocab_size=len(pieces), hidden_size=32, num_hidden_layers=4, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=SEQUENCE, initializer_range=0.3))
    model.save_pretrained(directory)
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, cls_token="[CLS]", sep_token="[SEP]",
                                                unk_token="[UNK]", pad_token="[PAD]", mask_token="[MASK]")
    fast.save_pretrained(directory)
    return directory, model.eval(), tokenizer


# lm-evaluation-harness, from its documentation: TemplateLM.loglikelihood and HFLM with add_bos_token unset (special: True)
# or False.

def encoded(tokenizer, text, special):
    return tokenizer.encode(text, add_special_tokens=special and not text.startswith("<s>")).ids


def pair_of(tokenizer, context, continuation, special=True, prefix=0):
    stripped = context.rstrip()
    if not stripped:
        rest = tokenizer.encode(context + continuation, add_special_tokens=False).ids
        return ([prefix], rest) if rest[0] != prefix else (rest[:1], rest[1:])
    whole = encoded(tokenizer, context + continuation, special)
    before = encoded(tokenizer, stripped, special)
    return before, whole[len(before):]


def scored(model, before, rest):
    tokens = (before + rest)[-(SEQUENCE + 1):]
    with torch.no_grad():
        scores = model(torch.tensor([tokens[:-1]])).logits[0].double().log_softmax(-1)[-len(rest):]
    return [float(scores[i, token]) for i, token in enumerate(rest)], bool((scores.argmax(-1) == torch.tensor(rest)).all())


def greedy_text(model, tokenizer, context):
    before, _ = pair_of(tokenizer, context, "x")
    with torch.no_grad():
        made = model.generate(torch.tensor([before]), max_new_tokens=3, do_sample=False, pad_token_id=1)[0, len(before):]
    return tokenizer.decode(made.tolist(), skip_special_tokens=False)


def log_probabilities(space, directory, model, tokenizer):
    texts = [("The king held", " the stone"), ("the ship ", "made a house."), ("", "Every captain"), ("  ", "no wind"),
             ("a river", "s"), ("Größe 東京 ", "ünd"), ("<s>the king", " saw"), ("x", "</s>the"),
             (english(60, seed=3), " and held it."), ("A", " " + english(12, seed=4)[:40])]
    texts.append(("The oar", greedy_text(model, tokenizer, "The oar")))
    lines = [{"context": a, "continuation": b, **({"id": {"n": i}} if i % 2 else {})} for i, (a, b) in enumerate(texts)]
    space.write("pairs.jsonl", jsonl(lines))
    asked = ["--logprobs", "pairs.jsonl", "--per-token", "--force", "--train.precision=fp32"]
    for special in (True, False):
        wanted = [scored(model, *pair_of(tokenizer, a, b, special)) for a, b in texts]
        # fp32 sums in another order may turn the largest of two nearly equal logits around; not here.
        for label, source, ranks, more in (("a directory", directory, 0, []), ("tp2·pp2", space / "imported", 4, TP2_PP2),
                                           ("dp2, batches", directory, 2, ["--batch", "4"])):
            out = f"out-{special}-{ranks}.jsonl"
            done = space.must("eval", source, *asked, "-o", out, *more, "--special-tokens", "yes" if special else "no",
                              "--json", ranks=ranks)
            found = lines_of(space / out)
            check(len(found) == len(texts), f"{label}: {len(found)} lines")
            for i, (line, (logprobs, greedy)) in enumerate(zip(found, wanted)):
                where = f"{label}, special {special}, line {i}"
                check(line.get("id") == ({"n": i} if i % 2 else None), f"{where}: id {line.get('id')}")
                check(line["tokens"] == len(logprobs) == len(line["token_logprobs"]), f"{where}: {line['tokens']} tokens")
                worst = max(abs(a - b) for a, b in zip(line["token_logprobs"], logprobs))
                check(worst < LIMIT * max(1, abs(min(logprobs))), f"{where}: off by {worst:.1e}")
                check(abs(line["logprob"] - math.fsum(line["token_logprobs"])) < 1e-9, f"{where}: {line['logprob']}")
                check(line["greedy"] == greedy, f"{where}: greedy {line['greedy']}")
            answer = json.loads(done.stdout)
            check(answer["lines"] == len(texts) and answer["cut"] == 1 and answer["greedy"] == sum(g for _, g in wanted),
                  f"{label}: {answer}")
            check("1 text(s) are longer" in done.stderr, f"{label}: {done.stderr}")
    check(any(greedy for _, greedy in wanted), "no continuation is greedy")
    # A line's result does not depend on its company.
    space.write("some.jsonl", jsonl(lines[3:6]))
    space.must("eval", directory, "--logprobs", "some.jsonl", "--per-token", "-o", "some.out")
    alone = lines_of(space / "some.out")
    check(alone == lines_of(space / "out-True-0.jsonl")[3:6], f"other numbers among other lines: {alone}")
    say(f"  {len(texts)} log-probabilities with and without special tokens, in three layouts")


def choices(space, directory, model, tokenizer):
    questions = [{"context": f"The {word} saw ", "choices": ["the house", "a", "ünd the captain held it", "no"], "answer": i % 4}
                 for i, word in enumerate("king ship wind stone oar field".split())]
    questions.append({"context": "a", "choices": ["bc", "bc"], "answer": 0, "id": "tie"})
    space.write("questions.jsonl", jsonl(questions))
    done = space.must("eval", directory, "--choices", "questions.jsonl", "-o", "choices.jsonl", "--json")
    answer, right = json.loads(done.stdout), {"acc": 0, "acc_norm": 0, "acc_bytes": 0}
    for question, line in zip(questions, lines_of(space / "choices.jsonl"), strict=True):
        sums = [sum(scored(model, *pair_of(tokenizer, question["context"], choice))[0]) for choice in question["choices"]]
        check(max(abs(a - b) for a, b in zip(line["logprobs"], sums)) < 1e-3, f"choices: {line} and {sums}")
        for name, key, size in (("acc", "choice", lambda text: 1), ("acc_norm", "choice_norm", len),
                                ("acc_bytes", "choice_bytes", lambda text: len(text.encode()))):
            scores = [value / size(choice) for value, choice in zip(line["logprobs"], question["choices"])]
            best = scores.index(max(scores))
            check(line[key] == best, f"{key} of {line}")
            right[name] += best == question["answer"]
    count = len(questions)
    for name, number in right.items():
        share = number / count
        check(answer[name] == share, f"{name}: {answer}, {right}")
        check(abs(answer[f"{name}_stderr"] - math.sqrt(share * (1 - share) / (count - 1))) < 1e-12, f"{name}: {answer}")
    table = space.must("eval", directory, "--choices", "questions.jsonl").stdout
    check("acc_bytes" in table and f"({right['acc']} right by log-probability)" in table, table)
    say(f"  {count} choices: {right}")


def vectors_without_types(space, directory, model, tokenizer):
    """A LLaMA has no token types; a pair has the special tokens of the tokenizer's template for pairs."""
    lines = [{"text": "the king saw a house."}, {"text": "Every captain", "pair": "held it"}, {"text": "a"}]
    space.write("plain.jsonl", jsonl(lines))
    wanted = []
    for line in lines:
        ids = tokenizer.encode(line["text"], line.get("pair")).ids
        with torch.no_grad():
            wanted.append(model.model(torch.tensor([ids])).last_hidden_state[0])
    for pooling, ranks, of in (("none", 0, lambda one: one), ("mean", 2, lambda one: one.mean(0))):
        space.must("eval", directory, "--embed", "plain.jsonl", "-o", "plain.out", "--force", "--pooling", pooling,
                   "--train.precision=fp32", ranks=ranks)
        for line, one in zip(lines_of(space / "plain.out"), wanted, strict=True):
            expected, ours = of(one), torch.tensor(line.get("embedding") or line["hidden"])
            check(ours.shape == expected.shape, f"{pooling}: {ours.shape}, wanted {expected.shape}")
            worst = float((ours - expected).abs().max())
            check(worst < LIMIT * max(1, float(expected.abs().max())), f"{pooling} of a LLaMA: off by {worst:.1e}")
    say(f"  vectors of {len(lines)} texts of a model without token types")


def vectors(space, directory, model, tokenizer):
    texts = ["the king saw a house.", "Every captain unknown word held it", "a", english(40, seed=5)]
    lines = [{"text": text} for text in texts] + [{"text": "the king", "pair": "saw a stone"}]
    space.write("texts.jsonl", jsonl(lines))
    wanted = []
    for line in lines:
        tokens = tokenizer.encode(line["text"], line["pair"]) if "pair" in line else tokenizer.encode(line["text"])
        ids, types = tokens.ids, tokens.type_ids
        if len(ids) > SEQUENCE:
            ids, types = [*ids[:SEQUENCE - 1], ids[-1]], types[:SEQUENCE]
        with torch.no_grad():
            wanted.append(model(torch.tensor([ids]), token_type_ids=torch.tensor([types])))

    def compare(label, found, of):
        for line, one in zip(found, wanted, strict=True):
            expected = of(one)
            ours = torch.tensor(line.get("embedding") or line["hidden"])
            check(ours.shape == expected.shape, f"{label}: {ours.shape}")
            worst = float((ours - expected).abs().max())
            check(worst < LIMIT * max(1, float(expected.abs().max())), f"{label}: off by {worst:.1e}")

    def embed(pooling, source, *more, ranks=0):
        done = space.must("eval", source, "--embed", "texts.jsonl", "-o", "vectors.jsonl", "--force", "--pooling", pooling,
                          *more, ranks=ranks)
        return lines_of(space / "vectors.jsonl"), done

    hidden = lambda one: one.last_hidden_state[0]  # noqa: E731
    found, done = embed("none", directory)
    compare("hidden states", found, hidden)
    check("1 text(s) are longer" in done.stderr and "lost their last tokens" in done.stderr, done.stderr)
    compare("tp2·pp2", embed("none", space / "bert-imported", *TP2_PP2, ranks=4)[0], hidden)
    compare("mean", embed("mean", directory, "--batch", "3", ranks=2)[0], lambda one: hidden(one).mean(0))
    compare("first", embed("first", directory, "--normalize")[0],
            lambda one: torch.nn.functional.normalize(hidden(one)[0], dim=0))
    compare("last", embed("last", directory)[0], lambda one: hidden(one)[-1])
    compare("pooler", embed("pooler", space / "bert-imported", *TP2_PP2, ranks=4)[0], lambda one: one.pooler_output[0])
    say(f"  vectors of {len(lines)} texts, pooled in five ways")


def datasets_and_kinds(space):
    """The same run as run file, run directory, checkpoint and exported directory."""
    make_data(space)
    space.write("run.ini", run_file("run", model=tiny_model(), data={"train": "data.h5", "valid": "data.valid.h5"},
                                    train={"steps": 6, "global_batch": 8, "micro_batch": 2, "precision": "fp32"},
                                    optimizer={"lr": 1e-2}, checkpoint={"every_steps": 3}))
    space.must("train", "run.ini")
    space.must("export", "runs/run", "-o", "hub")
    step = step_directory(space / "runs/run", 6)
    numbers = {}
    for kind, source in (("run file", "run.ini"), ("run directory", "runs/run"), ("checkpoint", step), ("directory", "hub")):
        more = ["--data", "data.valid.h5"] if kind == "directory" else []
        numbers[kind] = json.loads(space.must("eval", source, "--json", *more).stdout)
    first = numbers["run file"]
    for kind, found in numbers.items():
        check(found["loss"] == first["loss"], f"{kind}: loss {found['loss']}, of the run file {first['loss']}")
        check(found["checkpoint"].endswith("hub" if kind == "directory" else "step_6"), f"{kind}: {found['checkpoint']}")

    # Bits per byte: by the tokens' texts.
    tokenizer = Tokenizer.from_file(space / "tokenizer.json")
    with h5py.File(space / "data.valid.h5") as file:
        targets = file["tokens"][1:first["tokens"] + 1].tolist()
    written = sum(len(tokenizer.decode([token]).encode()) for token in targets)
    bits = first["loss"] * first["tokens"] / math.log(2) / written
    check(first["bytes"] == written and abs(first["bits_per_byte"] - bits) < 1e-9, f"{first}, {written} bytes")
    check(abs(first["perplexity"] - math.exp(first["loss"])) < 1e-9, f"{first}")

    # The tokens behind the last whole sample are left out, and this is said.
    with h5py.File(space / "data.valid.h5") as file:
        count = len(file["tokens"])
    check(first["left_out"] == (count - 1) % 16, f"{first} of {count} tokens")
    odd = space.must("eval", "runs/run", "--json", "--data", "data.valid.h5", "--sequence", "13")
    left = (count - 1) % 13 or "no"
    check(json.loads(odd.stdout)["left_out"] == left and f"data.valid.h5: the last {left} tokens are too few for one more sample of 13"
          in odd.stderr, f"{odd.stdout}{odd.stderr}")

    # Several datasets, each with its own numbers.
    asked = ["--data", "data.valid.h5, data.h5", "--data", "data.h5", "--samples", "5", "--sequence", "12"]
    several = json.loads(space.must("eval", "runs/run", "--json", *asked, ranks=2).stdout)
    parts = several["datasets"]
    check([part["name"] for part in parts] == ["data.valid.h5", "data.h5", "data.h5"] and parts[1]["loss"] == parts[2]["loss"],
          f"datasets: {several}")
    check(all(part["tokens"] == 60 and part["samples"] == 5 for part in parts), f"datasets: {several}")
    mean = sum(part["loss"] for part in parts) / 3
    check(abs(several["loss"] - mean) < 1e-12 and several["bytes"] == sum(part["bytes"] for part in parts), f"{several}")
    check("\nall " in space.must("eval", "runs/run", *asked).stdout, "no table of several datasets")

    texts = {space.must("generate", source, "--prompt", "The king", "--max-tokens", "8", "--temperature", "0").stdout
             for source in ("run.ini", "runs/run", step, "hub")}
    check(len(texts) == 1, f"four kinds of model wrote {texts}")

    # A moved run: its data are missed only where they are needed. A damaged checkpoint is passed over.
    shutil.copytree(space / "runs/run", space / "moved/run")
    shutil.copy(space / "data.valid.h5", space / "moved/valid.h5")
    shutil.copy(space / "tokenizer.json", space / "moved/tokenizer.json")
    with open(step_directory(space / "moved/run", 6) + "/MANIFEST.json", "r+", encoding="utf-8") as file:
        file.write("x")
    inside = ["--data", "moved/valid.h5", "--data.train=gone.h5", "--json"]
    done = space.must("eval", "moved/run", *inside)
    check(json.loads(done.stdout)["checkpoint"].endswith("moved/run/checkpoints/step_3") and "step_6" in done.stderr,
          f"a damaged checkpoint: {done.stdout}{done.stderr}")
    prompt = ["generate", "moved/run", "--prompt", "a", "--max-tokens", "2", "--data.train=gone.h5"]
    done = space.run(*prompt)
    check(done.returncode == 2 and "gone.h5" in causes(done.stderr)[0] and "data.tokenizer" in causes(done.stderr)[0],
          f"a tokenizer that is gone: {done.stderr}")
    space.must(*prompt, "--data.tokenizer=moved/tokenizer.json")
    say(f"  four kinds of model: loss {first['loss']}, {first['bits_per_byte']:.3f} bits per byte")


def refusals(space, llama, bert):
    space.write("good.jsonl", jsonl([{"context": "a", "continuation": "b", "text": "a"}]))
    space.write("bad.jsonl", jsonl([{"context": "a", "continuation": "b"}]) + "\n{\"context\": \"a\"}\n")
    space.write("old.out", "kept")
    space.must("prepare", "--tokenizer", "tokenizer.json", "--output", "short.h5", space.write("short.txt", "a"))
    good, lines = ["--logprobs", "good.jsonl"], ["--logprobs", "bad.jsonl", "-o", "new.out"]
    os.makedirs(space / "empty")
    os.makedirs(space / "config")
    shutil.copy(os.path.join(llama, "config.json"), space / "config")
    step = step_directory(space / "moved/run", 6)
    cases = [
        ("no model", ["nowhere", *good, "-o", "new.out"], 2, ["nowhere", "give a run file"]),
        ("an empty directory", ["empty", *good, "-o", "new.out"], 2, ["empty holds no run.ini"]),
        ("a directory without weights", ["config", *good, "-o", "new.out"], 2, ["config", "model.safetensors"]),
        ("a damaged checkpoint", [step, *good, "-o", "new.out"], 1, ["step_6 is damaged"]),
        ("the file of a model", [os.path.join(llama, "config.json"), *good, "-o", "new.out"], 2, ["the directory that holds it"]),
        ("--checkpoint beside a directory", [llama, *good, "-o", "new.out", "--checkpoint", step], 2, ["--checkpoint"]),
        ("other sizes", [llama, *good, "-o", "new.out", "--model.hidden=64"], 2, ["model.hidden=64", "has 32"]),
        ("a wrong line", [llama, *lines], 2, ["bad.jsonl:3", "continuation"]),
        ("output that is there", [llama, *good, "-o", "old.out"], 2, ["old.out"]),
        ("no output", [llama, *good], 2, ["--output"]),
        ("two modes", [llama, *good, "--embed", "good.jsonl", "-o", "new.out"], 2, ["--logprobs and --embed"]),
        ("data beside lines", [llama, *good, "-o", "new.out", "--data", "data.h5"], 2, ["--data"]),
        ("no data", [llama], 2, ["no dataset"]),
        ("data of another tokenizer", [llama, "--data", "data.h5"], 2, ["data.h5 has another tokenizer"]),
        ("data that are too short", [step_directory("runs/run", 6), "--data", "short.h5"], 2,
         ["short.h5 holds 2 tokens", "--sequence"]),
        ("a sequence that is too long", ["runs/run", "--sequence", "17"], 2, ["--sequence 17"]),
        ("log-probabilities of BERT", [bert, *good, "-o", "new.out"], 2, ["--logprobs", "left to right"]),
        ("a pooler that is not there", [llama, "--embed", "good.jsonl", "-o", "new.out", "--pooling", "pooler"], 2, ["pooler"]),
    ]
    for what, words, code, said in cases:
        done = space.run("eval", *words, timeout=60)
        found = causes(done.stderr)
        check(done.returncode == code and len(found) == 1, f"{what}: left with {done.returncode}\n{done.stdout}{done.stderr}")
        for word in said:
            check(word in found[0], f"{what}: no '{word}' in {found[0]}")
    check(not os.path.exists(space / "new.out") and not [name for name in os.listdir(space.path) if name.endswith(".tmp")],
          f"a refusal left {os.listdir(space.path)}")
    with open(space / "old.out", encoding="utf-8") as file:
        check(file.read() == "kept", "the output was replaced")

    # How far it is is shown long before the end; a stop signal removes what is written halfway.
    space.write("many.jsonl", jsonl([{"context": "a" * 20, "continuation": "b"}] * 20000))
    window = Window(command("eval", llama, "--logprobs", "many.jsonl", "-o", "stopped.out"), 80, space.path)
    while "%" not in window.text:
        check(window.read(), f"no progress: {window.text}")
    share = int(re.search(r"scoring .*?(\d+)%", window.text).group(1))
    check(share < 50, f"the first progress: {window.text!r}")
    check(any(name.startswith("stopped.out.") for name in os.listdir(space.path)), "no temporary file")
    os.kill(window.process, signal.SIGTERM)
    code = window.end()
    check(code == -signal.SIGTERM, f"a stop signal: left with {code}")
    check(not [name for name in os.listdir(space.path) if name.startswith("stopped.out")], "a stop signal left a file")
    say(f"  {len(cases)} refusals, each one sentence")


def main():
    with Workspace() as space:
        llama, llama_model, llama_tokenizer = make_llama(space)
        bert, bert_model, bert_tokenizer = make_bert(space)
        space.must("import", llama, "-o", "imported")
        space.must("import", bert, "-o", "bert-imported")
        log_probabilities(space, llama, llama_model, llama_tokenizer)
        choices(space, llama, llama_model, llama_tokenizer)
        vectors(space, bert, bert_model, bert_tokenizer)
        vectors_without_types(space, llama, llama_model, llama_tokenizer)
        datasets_and_kinds(space)
        refusals(space, llama, bert)


if __name__ == "__main__":
    main()
