"""What changes between import and export: another rope_theta, another tokenizer or none, directories that hold more than
a model. transformers reads what is exported, and so does import."""

import json
import os
import shutil

import torch
import transformers
from safetensors.torch import load_file, save_file
from support import Workspace, causes, check, make_data, run_file, say, tiny_model

TRAINING = {"data": {"train": "data.h5"}, "train": {"global_batch": 4, "micro_batch": 2, "precision": "fp32", "steps": 1}}
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja")


def write_parent(space):
    """A Llama as transformers 5 writes it, with a tokenizer whose end of text is number 2."""
    space.write("other.txt", "some other words and some more of them " * 50)
    space.must("tokenizer", "train", "--vocab", "270", "--output", "parents.json", "other.txt")
    torch.manual_seed(5)
    config = transformers.LlamaConfig(
        vocab_size=300, hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=32, rope_parameters={"rope_type": "default", "rope_theta": 500.0},
        bos_token_id=1, eos_token_id=[2, 3], pad_token_id=4)
    model = transformers.LlamaForCausalLM(config)
    model.generation_config.temperature = 0.7
    model.generation_config.do_sample = True
    model.save_pretrained(space / "parent")
    shutil.copy(space / "parents.json", space / "parent/tokenizer.json")
    space.write("parent/tokenizer_config.json", json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "</s>"}))
    space.write("parent/special_tokens_map.json", json.dumps({"eos_token": "</s>"}))
    space.write("parent/chat_template.jinja", "{{ messages }}</s>")
    space.must("import", "parent", "-o", "imported")


def read_json(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def changed_model(space):
    space.write("tune.ini", run_file("tune", model={"init_from": space / "imported", "sequence": 48, "rope_theta": 7000},
                                     **TRAINING))
    space.must("train", "tune.ini")
    space.must("export", "runs/tune", "-o", "tuned", "--tokenizer=none")
    config = transformers.AutoConfig.from_pretrained(space / "tuned")
    check(config.rope_parameters["rope_theta"] == 7000, f"rope_theta: {config.rope_parameters}")
    check(config.max_position_embeddings == 48, f"positions: {config.max_position_embeddings}")
    check((config.bos_token_id, config.eos_token_id, config.pad_token_id) == (1, [2, 3], 4), f"ids: {config}")
    said = read_json(space / "tuned/config.json")
    check("rope_parameters" not in said and said["architectures"] == ["LlamaForCausalLM"], f"config.json: {said}")
    was = read_json(space / "parent/config.json")
    same = set(was) - {"rope_parameters", "max_position_embeddings"}
    check(all(said.get(member) == was[member] for member in same), f"config.json: {said}")
    space.must("import", "tuned", "-o", "again")
    options = read_json(space / "again/MANIFEST.json")["options"]
    check("rope_theta = 7000\n" in options and "sequence = 48\n" in options, f"the import has another model: {options}")
    say("another rope_theta and length are in config.json, once")


def tokenizers(space):
    space.must("export", "imported", "-o", "bare", "--tokenizer=none")
    left = [name for name in TOKENIZER_FILES if os.path.exists(space / f"bare/{name}")]
    check(not left, f"--tokenizer=none writes {left}")
    check(read_json(space / "bare/config.json")["eos_token_id"] == [2, 3], "--tokenizer=none changes ids")
    space.must("export", "imported", "-o", "replaced", "--tokenizer", "tokenizer.json")
    tokenizer = transformers.AutoTokenizer.from_pretrained(space / "replaced")
    check(tokenizer.eos_token == "<|endoftext|>" and tokenizer.chat_template is None,
          f"the parent's tokens remain: {tokenizer.eos_token} {tokenizer.chat_template}")
    for file in ("config.json", "generation_config.json"):
        said = read_json(space / f"replaced/{file}")
        check(said["eos_token_id"] == tokenizer.eos_token_id == said["bos_token_id"], f"ids in {file}: {said}")
        check(said.get("pad_token_id") is None, f"the parent's padding in {file}: {said}")
    check(read_json(space / "replaced/generation_config.json")["temperature"] == 0.7, "generation's settings are lost")
    space.must("export", "imported", "-o", "kept", "--tokenizer", "parents.json")
    for name in TOKENIZER_FILES:
        with open(space / f"parent/{name}", "rb") as one, open(space / f"kept/{name}", "rb") as other:
            check(one.read() == other.read(), f"the same tokenizer changes {name}")
    say("another tokenizer replaces all that the parent says of its own")


def foreign_files(space):
    space.must("export", "imported", "-o", "kept", "--force")
    for name in ("thesis.txt", ".git/config", "1_Pooling/notes"):
        path = space.write(f"kept/{name}", "mine")
        done = space.run("export", "imported", "-o", "kept", "--force")
        check(done.returncode == 2 and name.split("/")[0] in causes(done.stderr)[0] and os.path.exists(path),
              f"export --force beside {name}: {done.returncode} {done.stderr}")
        shutil.rmtree(os.path.dirname(path)) if "/" in name else os.remove(path)
    space.must("export", "imported", "-o", "kept", "--force")
    path = space.write("again/thesis.txt", "mine")
    done = space.run("import", "parent", "-o", "again", "--force")
    check(done.returncode == 2 and "thesis.txt" in causes(done.stderr)[0] and os.path.exists(path),
          f"import --force: {done.returncode} {done.stderr}")
    os.remove(path)
    space.must("import", "parent", "-o", "again", "--force")
    say("--force leaves alone what holds a foreign file")


def other_kinds(space):
    """Files that are named as left out, and directories whose numbers are not in model.safetensors alone."""
    shutil.copytree(space / "parent", space / "more")
    for name in ("adapter_model.safetensors", "onnx/model.onnx"):
        space.write(f"more/{name}", "x")
    left_out = json.loads(space.must("import", "more", "-o", "from-more", "--json").stdout)["left_out"]
    check(left_out == ["adapter_model.safetensors", "onnx/"], f"left out: {left_out}")
    space.write("more/modules.json", json.dumps(
        [{"type": f"sentence_transformers.models.{kind}"} for kind in ("Transformer", "Pooling", "Dense", "Normalize")]))
    space.write("adapter/adapter_config.json", "{}")
    shutil.copytree(space / "parent", space / "adapter", dirs_exist_ok=True)
    for directory, what in (("more", "models.Dense"), ("adapter", "adapter_config.json")):
        done = space.run("import", directory, "-o", "refused")
        check(done.returncode == 2 and what in causes(done.stderr)[0], f"{directory}: {done.returncode} {done.stderr}")
    say("what is not carried along is named, what would be another model is refused")


def strange_name(space):
    name = "a\nb\x1b"
    shutil.copytree(space / "parent", space / name)
    space.must("import", name, "-o", "strange")
    space.must("export", "strange", "-o", "strange-hf")
    say("a name with control characters makes no bad run file")


def wide_copy(space):
    """A tied head in F64 beside an embedding in F32: the same numbers, and one that fp32 would round."""
    torch.manual_seed(6)
    config = transformers.GPT2Config(vocab_size=40, n_embd=8, n_layer=1, n_head=2, n_positions=8)
    transformers.GPT2LMHeadModel(config).save_pretrained(space / "wide")
    tensors = load_file(space / "wide/model.safetensors")
    tensors["lm_head.weight"] = tensors["transformer.wte.weight"].double()
    save_file(tensors, space / "wide/model.safetensors")
    space.must("import", "wide", "-o", "from-wide")
    tensors["lm_head.weight"][3, 5] *= 1 + 1e-12
    save_file(tensors, space / "wide/model.safetensors")
    done = space.run("import", "wide", "-o", "refused")
    check(done.returncode == 2 and "lm_head.weight" in causes(done.stderr)[0], f"a rounded copy: {done.returncode} {done.stderr}")
    say("copies are compared in the wider type")


def parents_name(space):
    for name, parent in (("n0", ""), ("n1", "runs/n0/"), ("n2", "runs/n0/checkpoints/step_1/")):
        model = {"init_from": parent} if parent else tiny_model(layers=1)
        space.write("new.ini", run_file(name, model=model, **TRAINING))
        space.must("train", "new.ini")
        space.must("export", f"runs/{name}", "-o", f"{name}-hf")
        with open(space / f"{name}-hf/README.md", encoding="utf-8") as file:
            card = file.read()
        check(("base_model: \"n0\"" in card) == bool(parent), f"the card of {name}: {card}")
    say("a model card names the run that a training began with")


def main():
    with Workspace() as space:
        make_data(space, words=3000)
        write_parent(space)
        changed_model(space)
        tokenizers(space)
        foreign_files(space)
        other_kinds(space)
        strange_name(space)
        wide_copy(space)
        parents_name(space)


main()
