"""`trireme checkpoint inspect --public-names` against transformers: models of every family are made there, and each of
their parameters has the name and, put together as inspect says, the values of the checkpoint's tensors. Checkpoints of
version 0.1 have names too; one whose options describe no model is inspected without."""

import json
import os
import subprocess
import sys
import tarfile
import tempfile

import numpy as np
import torch

SOURCE = os.environ["TRIREME_SOURCE"]
sys.path.insert(0, os.path.join(SOURCE, "tests", "support"))
import checkpoint_writer  # noqa: E402
import random_models  # noqa: E402
import reference_models as reference  # noqa: E402
import transformers_models  # noqa: E402

KINDS = ("gpt2", "llama", "smollm3", "qwen2", "qwen3", "gemma2", "gemma3", "olmo2", "bert")
OLD_RUNS = os.path.join(SOURCE, "tests", "system", "earlier", "runs_of_0.1.tar.xz")


def inspect(*words):
    done = subprocess.run([os.environ["TRIREME_BIN"], "checkpoint", "inspect", *words], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, (words, done)
    return done


def tensors_of(step):
    done = inspect("--public-names", "--json", step)
    assert done.stderr == "", done.stderr
    return json.loads(done.stdout)["tensors"]


def text_of(value):
    if isinstance(value, list):
        return ", ".join(map(text_of, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def write(directory, c, w):
    keys = "".join(f"{key} = {text_of(value)}\n" for key, value in c.__dict__.items())
    checkpoint_writer.write_checkpoint(directory, {name: x.numpy() for name, x in w.items()}, f"[model]\n{keys}")
    return directory


def check_kind(root, kind):
    c = random_models.of_kind(kind, 1)
    w = reference.random_parameters(c, torch.Generator().manual_seed(1))
    stacks = {}
    for tensor in tensors_of(write(f"{root}/{kind}/step_1", c, w)):
        place = tensor["public"]
        stack = stacks.setdefault((place["name"], place["transposed"]), [None] * place["parts"])
        stack[place["part"] - 1] = w[tensor["name"]].numpy()
    with transformers_models.in_double():
        theirs = {name: x.detach().numpy() for name, x in transformers_models.model(c, w).named_parameters()}
    assert {name for name, _ in stacks} == set(theirs), (kind, {name for name, _ in stacks} ^ set(theirs))
    for (name, transposed), parts in stacks.items():
        whole = np.concatenate(parts)
        assert np.array_equal(whole.T if transposed else whole, theirs[name]), (kind, name)
    print(f"{kind}: {len(theirs)} parameters of transformers")


def rows_of(step):
    lines = inspect("--public-names", step).stdout.splitlines()
    start = next(i for i, line in enumerate(lines) if line.split()[:2] == ["tensor", "Hugging"])
    return {line.split()[0]: " ".join(line.split()[1:]) for line in lines[start + 1:]}


def check_table(root):
    """Nobody has published a GPT-2 with norms of query heads."""
    c = random_models.of_kind("gpt2", 2, qk_norm="head")
    w = reference.random_parameters(c, torch.Generator().manual_seed(1))
    step = write(f"{root}/table/step_1", c, w)
    rows = rows_of(step)
    assert set(rows) == set(w), rows
    assert rows["embed.tokens"] == "transformer.wte.weight as here", rows
    assert rows["layers.1.attention.k.weight"] == "transformer.h.1.attn.c_attn.weight part 2 of 3, transposed", rows
    assert rows["layers.1.attention.k.bias"] == "transformer.h.1.attn.c_attn.bias part 2 of 3", rows
    assert rows["layers.0.ffn.up.weight"] == "transformer.h.0.mlp.c_fc.weight transposed", rows
    assert rows["layers.0.attention.q_norm.weight"] == "- -", rows
    assert {t["name"] for t in tensors_of(step) if t["public"] is None} == {
        f"layers.{i}.attention.{n}_norm.weight" for i in range(c.layers) for n in "qk"}
    assert "Hugging" not in inspect(step).stdout
    assert all("public" not in tensor for tensor in json.loads(inspect("--json", step).stdout)["tensors"])


def check_old_runs(root):
    with tarfile.open(OLD_RUNS) as archive:
        archive.extractall(root)
    for arch, tensor, wanted in (
            ("gpt2", "layers.1.attention.v.weight", "transformer.h.1.attn.c_attn.weight part 3 of 3, transposed"),
            ("llama", "layers.1.ffn.gate.weight", "model.layers.1.mlp.gate_proj.weight as here")):
        rows = rows_of(f"{root}/{arch}")
        assert rows[tensor] == wanted and "- -" not in rows.values(), rows
        slots = [t["slot"] for t in tensors_of(f"{root}/{arch}") if t["public"]["name"] in wanted]
        assert sorted(set(slots)) == ["adam_m", "adam_v", "param"], slots
    # The program of then stored a base of angles for GPT-2 too.
    step = f"{root}/base/step_1"
    checkpoint_writer.write_checkpoint(step, {"embed.positions": np.zeros((8, 4), "f4")}, "[model]\narch = gpt2\n"
                                       "layers = 1\nhidden = 4\nheads = 1\nvocab = 9\nrope_theta = 500\n")
    assert rows_of(step)["embed.positions"] == "transformer.wpe.weight as here", rows_of(step)


def check_no_model(root):
    for number, options in enumerate(("[model]\nwings = 2\n", "[model]\nvocab = 9\nheads = 5\n", "no run file")):
        step = f"{root}/none{number}/step_1"
        checkpoint_writer.write_checkpoint(step, {"w": np.zeros((3, 2), "f4")}, options)
        for words in ([], ["--json"]):
            done = inspect("--public-names", *words, step)
            assert done.stderr.startswith("warning: public names are not known: ") and "public" not in done.stdout, done
            assert '"w"' in done.stdout if words else "w " in done.stdout and "Hugging" not in done.stdout, done


def main():
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as root:
        for kind in KINDS:
            check_kind(root, kind)
        check_table(root)
        check_old_runs(f"{root}/old")
        check_no_model(root)


if __name__ == "__main__":
    main()
