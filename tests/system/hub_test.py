"""Public models in and out: random models that transformers wrote are imported, verified, exported as the same bytes,
trained from on two ranks, and load in transformers again. Damaged and hostile directories are refused in one sentence and
leave nothing behind, and so do a kill, a file size limit and a stop."""

import filecmp
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys

import numpy as np
import torch
import transformers
from safetensors.torch import load_file, save_file
from support import (TRIREME, Workspace, causes, check, checkpoints, logical_tensors, make_data, run_file, say,
                     step_directory, step_lines, wait_until)

SEED = int(sys.argv[1]) if len(sys.argv) > 1 else random.randrange(1 << 31)
VOCAB = 300
INDEX = "model.safetensors.index.json"


def llama(**changes):
    config = {"vocab_size": VOCAB, "hidden_size": 32, "intermediate_size": 40, "num_hidden_layers": 3,
              "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 12, "max_position_embeddings": 64,
              "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": None, **changes}
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**config))


def gpt2(**changes):
    config = {"vocab_size": VOCAB, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "bos_token_id": 0,
              "eos_token_id": 0, **changes}
    return transformers.GPT2LMHeadModel(transformers.GPT2Config(**config))


def randomise(model):
    """Every parameter, biases and norms too: a swapped one must show."""
    for parameter in model.parameters():
        parameter.data.normal_(0, 0.2)
    return model


def write_models(space):
    """Name of a directory -> whether its tensors are those of the model alone."""
    torch.manual_seed(SEED)
    randomise(llama()).save_pretrained(space / "llama")
    with open(space / "llama/README.md", "w", encoding="utf-8") as file:
        file.write("---\nlanguage: en\nlicense: other\nlicense_name: some-licence\n---\n# The parent's words\n")
    for name in ("tokenizer_config.json", "chat_template.jinja"):
        space.write(f"llama/{name}", "{}" if name.endswith("json") else "{{ messages }} é\n")
    randomise(llama(tie_word_embeddings=True)).to(torch.bfloat16).save_pretrained(space / "sharded", max_shard_size="20KB")
    randomise(gpt2()).save_pretrained(space / "gpt2")
    randomise(gpt2()).half().save_pretrained(space / "half")
    # Transposed matrices of several checksum blocks: an export puts one together in two pieces, and the other not at all.
    for name, inner in (("wide", 16384), ("wider", 20000)):
        randomise(gpt2(n_embd=1024, n_inner=inner, n_layer=1, n_positions=8)).save_pretrained(space / name)
    old_gpt2(space)
    cache_of_links(space)


def old_gpt2(space):
    """As GPT-2 was first published: names of the base model, masks in the file, no metadata; and a copy of the head."""
    randomise(gpt2()).save_pretrained(space / "old")
    tensors = {name.removeprefix("transformer."): tensor for name, tensor in load_file(space / "old/model.safetensors").items()}
    for layer in range(2):
        tensors[f"h.{layer}.attn.bias"] = torch.ones(64, 64).tril().view(1, 1, 64, 64)
        tensors[f"h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
    save_file(tensors, space / "old/model.safetensors")


def cache_of_links(space):
    """As a hub cache keeps a model: every file of the snapshot is a link to a blob."""
    snapshot = space / "models--some--model/snapshots/0123abcd"
    os.makedirs(snapshot)
    os.makedirs(space / "models--some--model/blobs")
    for number, name in enumerate(sorted(os.listdir(space / "sharded"))):
        shutil.copy(space / f"sharded/{name}", space / f"models--some--model/blobs/{number}")
        os.symlink(f"../../blobs/{number}", os.path.join(snapshot, name))


def same_files(one, other, what):
    names = {name for name in os.listdir(one) if name != "README.md"}
    check(names == set(os.listdir(other)) - {"README.md"}, f"{what}: files {names ^ set(os.listdir(other))}")
    for name in names:
        check(filecmp.cmp(os.path.join(one, name), os.path.join(other, name), shallow=False), f"{what}: {name} differs")


def expected(directory):
    """Our names -> numbers in fp32, from the files, by the published names."""
    out = {}
    tensors = {}
    for name in os.listdir(directory):
        if name.endswith(".safetensors"):
            tensors.update(load_file(os.path.join(directory, name)))
    for name, tensor in tensors.items():
        value = tensor.float().numpy()
        name = name.removeprefix("transformer.").removeprefix("model.")
        if name.startswith("h."):
            _, layer, part = name.split(".", 2)
            if part in ("attn.bias", "attn.masked_bias"):
                continue
            value = value.T if value.ndim == 2 else value
            module, kind = part.rsplit(".", 1)
            ours = {"ln_1": ["attention_norm"], "ln_2": ["ffn_norm"], "attn.c_proj": ["attention.o"], "mlp.c_fc": ["ffn.up"],
                    "mlp.c_proj": ["ffn.down"], "attn.c_attn": ["attention.q", "attention.k", "attention.v"]}[module]
            for piece, values in zip(ours, np.split(value, len(ours))):
                out[f"layers.{layer}.{piece}.{kind}"] = values
        else:
            fixed = {"wte.weight": "embed.tokens", "wpe.weight": "embed.positions", "embed_tokens.weight": "embed.tokens",
                     "ln_f.weight": "final_norm.weight", "ln_f.bias": "final_norm.bias", "norm.weight": "final_norm.weight",
                     "lm_head.weight": "head.weight"}
            ours = fixed.get(name, name).replace("input_layernorm", "attention_norm").replace("self_attn.", "attention.")
            ours = ours.replace("post_attention_layernorm", "ffn_norm").replace("mlp.", "ffn.").replace("_proj", "")
            out[ours] = value
    return out


def same_numbers(directory, checkpoint, what):
    found = {name: value for (kind, name), value in logical_tensors(checkpoint).items() if kind == "param"}
    wanted = expected(directory)
    check(found.keys() == wanted.keys(), f"{what}: tensors {found.keys() ^ wanted.keys()}")
    for name, value in wanted.items():
        check(np.array_equal(found[name], value), f"{what}: {name} has other numbers")


def there_and_back(space):
    names = ("llama", "sharded", "gpt2", "half", "wide", "wider", "old", "models--some--model/snapshots/0123abcd")
    for name in names:
        checkpoint, out = space / f"in/{os.path.basename(name)}", space / f"out/{os.path.basename(name)}"
        for folder in (checkpoint, out):
            os.makedirs(os.path.dirname(folder), exist_ok=True)
        report = json.loads(space.must("import", name, "-o", checkpoint, "--json", "--threads", "3").stdout)
        space.must("checkpoint", "verify", "--deep", checkpoint)
        inspected = json.loads(space.must("checkpoint", "inspect", "--json", checkpoint).stdout)
        check(report["parameters"] == sum(int(np.prod(t["shape"])) for t in inspected["tensors"]), f"{name}: parameters")
        check([file["name"] for file in inspected["files"]][-1] == "HUB.json", f"{name}: no HUB.json in the manifest")
        listed = json.loads(space.must("checkpoint", "list", "--json", checkpoint).stdout)["checkpoints"]
        check([entry["step"] for entry in listed] == [0], f"{name}: listed as {listed}")
        same_numbers(space / name, checkpoint, name)
        space.must("export", checkpoint, "-o", out)
        same_files(space / name, out, name)
    cached = json.loads(space.must("checkpoint", "inspect", "--json", "in/0123abcd").stdout)
    check(cached["extra"]["imported"] == "some/model", "a snapshot's name is not that of its model")
    with open(space / "out/llama/README.md", encoding="utf-8") as file:
        card = file.read()
    check("\nlicense: other\nlicense_name: some-licence\n" in card and "parent's words" not in card, f"card: {card}")
    space.must("checkpoint", "copy", "in/old", "copied")
    space.must("export", "copied/step_0", "-o", "out/copied")
    same_files(space / "old", space / "out/copied", "a copy")
    say(f"{len(names)} models are the same bytes after import and export")


def train_and_export(space):
    """Training from the checkpoint and from the directory itself is the same; its checkpoints carry the record on."""
    make_data(space, words=3000, vocab=VOCAB)
    for name, arch in (("gpt2", "gpt2"), ("sharded", "llama")):
        space.write("tune.ini", run_file("tune", model={"sequence": 16}, data={"train": "data.h5"},
                                         train={"global_batch": 4, "micro_batch": 2, "precision": "fp32"},
                                         checkpoint={"every_steps": 1}) if arch == "llama" else
                    run_file("tune", data={"train": "data.h5"}, train={"global_batch": 4, "micro_batch": 2, "precision": "fp32"},
                             checkpoint={"every_steps": 1}))
        runs = {}
        for source in (space / f"in/{name}", space / name):
            runs[source] = space / f"runs/{name}-{len(runs)}"
            space.must("train", "tune.ini", f"--run.dir={runs[source]}", f"--model.init_from={source}", "--train.steps=2",
                       "--parallel.tp=2", ranks=2)
        one, other = runs.values()
        losses = [[line["loss"] for line in step_lines(run)] for run in (one, other)]
        check(losses[0] == losses[1] and len(losses[0]) == 2, f"{name}: from the directory itself: {losses}")
        for run in (one, other):
            with open(os.path.join(step_directory(run, 2), "HUB.json"), "rb") as file, \
                    open(space / f"in/{name}/HUB.json", "rb") as original:
                check(file.read() == original.read(), f"{name}: the record changed in {run}")
        space.must("train", "tune.ini", f"--run.dir={one}", f"--model.init_from={space / name}", "--train.steps=3",
                   "--parallel.pp=2", ranks=2)
        check(checkpoints(one)[-1] == 3 and os.path.exists(os.path.join(step_directory(one, 3), "HUB.json")),
              f"{name}: a resumed run carries no record on")
        space.must("export", one, "-o", f"tuned-{name}", "--dtype", "fp32")
        same_numbers(space / f"tuned-{name}", step_directory(one, 3), f"{name} after training")
        model = transformers.AutoModelForCausalLM.from_pretrained(space / f"tuned-{name}")
        check(model.dtype == torch.float32, f"{name}: exported as {model.dtype}")
        space.must("export", one, "-o", f"tuned-{name}-bf16", "--dtype", "bf16")
        exact, rounded = (load_all(space / f"tuned-{name}{end}") for end in ("", "-bf16"))
        for key, value in exact.items():
            check(torch.equal(value.to(torch.bfloat16), rounded[key]), f"{name}: {key} is not rounded as torch does")
        with open(space / f"tuned-{name}/README.md", encoding="utf-8") as file:
            card = file.read()
        check("training loss" in card and "- \"data\"" in card and f"base_model: \"{name}\"" in card, f"card: {card}")
    say("trained from a public model on tp2, resumed on pp2, exported")


def load_all(directory):
    tensors = {}
    for name in os.listdir(directory):
        if name.endswith(".safetensors"):
            tensors.update(load_file(os.path.join(directory, name)))
    return tensors


def grown_vocabulary(space):
    space.write("grow.ini", run_file("grow", model={"sequence": 16}, data={"train": "data.h5"},
                                     train={"global_batch": 4, "micro_batch": 2, "precision": "fp32"}))
    more = ["--model.vocab=317", "--checkpoint.allow=grow:embed.tokens, grow:head.weight", "--train.steps=1"]
    for source in ("in/llama", "llama"):
        run = space / f"runs/grown-{os.path.dirname(source) or 'hub'}"
        space.must("train", "grow.ini", f"--run.dir={run}", f"--model.init_from={space / source}", *more)
        out = run + "-hf"
        space.must("export", run, "-o", out, "--tokenizer=none")
        model = transformers.AutoModelForCausalLM.from_pretrained(out)
        check(model.config.vocab_size == 317 and model.lm_head.weight.shape[0] == 317, "the vocabulary did not grow")
        same_numbers(out, step_directory(run, 1), "a grown vocabulary")
    say("a vocabulary that grew is exported")


def without_record(space):
    space.write("new.ini", run_file("new", model={"arch": "gpt2", "layers": 2, "hidden": 32, "heads": 4, "sequence": 16},
                                    data={"train": "data.h5"}, train={"global_batch": 4, "micro_batch": 2, "steps": 1}))
    space.must("train", "new.ini")
    report = json.loads(space.must("export", "runs/new", "-o", "new-hf", "--json").stdout)
    check(report["as_recorded"] is False and report["step"] == 1, f"report: {report}")
    same_numbers(space / "new-hf", step_directory(space / "runs/new", 1), "a model without a record")
    model = transformers.AutoModelForCausalLM.from_pretrained(space / "new-hf")
    check(model.config.eos_token_id == 0, f"the end of text is {model.config.eos_token_id}")
    tokenizer = transformers.AutoTokenizer.from_pretrained(space / "new-hf")
    text = "The king saw the river."
    check(tokenizer.decode(tokenizer(text)["input_ids"]) == text, "the tokenizer")
    say("a model that was never public is exported")


def edited(space, name, change):
    """A copy of a model's directory in which `change` edits {tensor: numbers}."""
    out = space / f"bad/{name}"
    shutil.copytree(space / "gpt2", out)
    tensors = load_file(os.path.join(out, "model.safetensors"))
    change(tensors)
    save_file(tensors, os.path.join(out, "model.safetensors"))
    return out


def edited_config(space, name, **changes):
    out = space / f"bad/{name}"
    shutil.copytree(space / "gpt2", out)
    with open(os.path.join(out, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    config.update(changes)
    with open(os.path.join(out, "config.json"), "w", encoding="utf-8") as file:
        json.dump(config, file)
    return out


def with_index(space, name, change):
    out = space / f"bad/{name}"
    shutil.copytree(space / "sharded", out)
    with open(os.path.join(out, INDEX), encoding="utf-8") as file:
        index = json.load(file)
    change(index["weight_map"], out)
    with open(os.path.join(out, INDEX), "w", encoding="utf-8") as file:
        json.dump(index, file)
    return out


def hostile_directories(space):
    """(directory, what the sentence must say)."""
    norm = "transformer.ln_f.weight"
    yield edited(space, "missing", lambda t: t.pop(norm)), "ln_f.weight"
    yield edited(space, "unexpected", lambda t: t.update(surprise=torch.ones(3))), "surprise"
    yield edited(space, "shape", lambda t: t.update({norm: torch.ones(33)})), "ln_f.weight"
    yield edited(space, "integers", lambda t: t.update({norm: torch.ones(32, dtype=torch.int32)})), "I32"
    yield edited(space, "untied", lambda t: t.update({"lm_head.weight": t["transformer.wte.weight"] + 1})), "lm_head.weight"
    yield edited_config(space, "activation", activation_function="quick_gelu"), "quick_gelu"
    yield edited_config(space, "field", surprising_field=7), "surprising_field"
    for name, data in (("empty", b""), ("short", b"\x40" + bytes(90)), ("nonsense", b"\xff" * 91)):
        out = edited(space, name, lambda t: None)
        with open(os.path.join(out, "model.safetensors"), "wb") as file:
            file.write(data)
        yield out, "model.safetensors"
    out = edited(space, "cut off", lambda t: None)
    os.truncate(os.path.join(out, "model.safetensors"), os.path.getsize(os.path.join(out, "model.safetensors")) - 100)
    yield out, "model.safetensors"
    first = "model.embed_tokens.weight"
    yield with_index(space, "up", lambda m, _: m.update({first: "../llama/model.safetensors"})), "../llama/model.safetensors"
    yield with_index(space, "root", lambda m, _: m.update({first: "/etc/passwd"})), "/etc/passwd"
    yield with_index(space, "orphan", lambda m, _: m.pop(first)), first
    yield with_index(space, "elsewhere", lambda m, _: m.update({first: sorted(set(m.values()))[-1]})), first
    yield with_index(space, "gone", lambda m, out: os.remove(os.path.join(out, m[first]))), "missing"
    out = edited(space, "pickled", lambda t: None)
    os.rename(os.path.join(out, "model.safetensors"), os.path.join(out, "pytorch_model.bin"))
    yield out, "pytorch_model.bin"
    os.makedirs(space / "bad/nothing")
    yield space / "bad/nothing", "config.json"


def refused(space, words, output, say_what, code=2, **keywords):
    """One sentence, the exit code, and nothing left beside or in the place of the output."""
    before = sorted(os.listdir(os.path.dirname(output)))
    done = space.run(*words, "-o", output, **keywords)
    said = causes(done.stderr)
    check(done.returncode == code and len(said) == 1, f"{words} left with {done.returncode}:\n{done.stdout}{done.stderr}")
    check(say_what in said[0], f"{words}: '{say_what}' is not named in: {said[0]}")
    check(sorted(os.listdir(os.path.dirname(output))) == before, f"{words} left something behind")


def refusals(space):
    os.makedirs(space / "refused")
    cases = list(hostile_directories(space))
    for directory, what in cases:
        refused(space, ["import", directory], space / "refused/out", what)
    refused(space, ["import", "llama"], space / "in/llama", "--force")
    refused(space, ["import", "llama", "--force"], space / "gpt2", "is not a checkpoint")
    refused(space, ["export", "in/llama", "--force"], space / "in/gpt2", "is not a model")
    space.must("import", "llama", "-o", "in/llama", "--force")
    space.must("export", "in/llama", "-o", "out/llama", "--force")
    large = edited(space, "large", lambda t: t.update({"transformer.ln_f.weight": torch.full((32,), 1e6)}))
    space.must("import", large, "-o", "in/large")
    refused(space, ["export", "in/large", "--dtype", "fp16"], space / "refused/out", "transformer.ln_f.weight")
    damaged = space / "in/half"
    with open(os.path.join(damaged, "HUB.json"), "r+b") as file:
        file.seek(40)
        file.write(b"#")
    refused(space, ["export", damaged], space / "refused/out", "HUB.json", code=1)
    check(space.run("checkpoint", "verify", damaged).returncode == 1, "verify does not see a changed HUB.json")
    say(f"{len(cases)} damaged and hostile directories refused, nothing left behind")


def broken_off(space):
    """A limit of the size of files stands for a full disk; a kill leaves a name that nothing takes for the result."""
    os.makedirs(space / "broken")
    for words in (["import", "llama"], ["export", "in/llama"]):
        before = os.listdir(space / "broken")
        done = subprocess.run([TRIREME, *words, "-o", "broken/out"], cwd=space.path, capture_output=True, text=True, timeout=60,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)), check=False)
        check(done.returncode == 1 and len(causes(done.stderr)) == 1, f"{words}: {done.returncode} {done.stderr}")
        check(os.listdir(space / "broken") == before, f"{words} left {os.listdir(space / 'broken')}")
    torch.manual_seed(SEED)
    llama(hidden_size=512, intermediate_size=4096, num_hidden_layers=8).save_pretrained(space / "big")
    space.must("import", "big", "-o", "in/big")
    for words, number in ((["import", "big"], signal.SIGKILL), (["export", "in/big"], signal.SIGKILL),
                          (["import", "big"], signal.SIGTERM)):
        process = space.start(*words, "-o", "broken/out")
        wait_until(lambda: any(name.endswith(".partial") for name in os.listdir(space / "broken")) or
                   os.path.exists(space / "broken/out"), None, "the partial directory")
        process.send_signal(number)
        code = process.wait(timeout=60)
        whole = os.path.exists(space / "broken/out")
        check(code == -number or whole, f"{words} left with {code}")
        check(whole == (code == 0), f"{words}: killed with a result, or ended without")
        left = [name for name in os.listdir(space / "broken") if name.endswith(".partial")]
        check(number == signal.SIGKILL or not left, f"{words}: a stop left {left}")
        for name in os.listdir(space / "broken"):
            shutil.rmtree(space / f"broken/{name}")
    say("broken off: nothing that looks whole")


def main():
    print(f"seed {SEED}")
    with Workspace() as space:
        write_models(space)
        there_and_back(space)
        train_and_export(space)
        grown_vocabulary(space)
        without_record(space)
        refusals(space)
        broken_off(space)


main()
