"""trireme checkpoint average: the mean of checkpoints that different layouts and precisions wrote, against numpy; what is done
with the result; what is refused; disks that are full, kills, and the memory that it takes."""

import filecmp
import json
import os
import random
import resource
import shutil
import signal
import struct
import subprocess
import sys

import numpy as np
import torch
import transformers
from safetensors.torch import load_file
from support import (SOURCE, TRIREME, Workspace, at_once, causes, check, logical_tensors, make_data, run_file, say,
                     step_directory, step_lines, tiny_model, wait_until)

sys.path.insert(0, os.path.join(SOURCE, "tests", "support"))
from checkpoint_writer import write_checkpoint  # noqa: E402  pylint: disable=wrong-import-position

SEED = int(os.environ.get("TRIREME_SEED", random.randrange(1 << 31)))
LIMIT = 400e6  # bytes of memory, as docs/checkpoint_tools.md says
# run -> ranks and options; those of one model
RUNS = {"one": (0, []), "tp2": (2, ["--parallel.tp=2", "--run.seed=2"]),
        "pp2dp2": (4, ["--parallel.pp=2", "--parallel.dp=2", "--run.seed=3"]),
        "wide": (2, ["--parallel.tp=2", "--train.precision=fp64", "--run.seed=4"])}


def train_runs(space):
    make_data(space, words=3000)
    space.write("run.ini", run_file("run", model=tiny_model(layers=2), data={"train": "data.h5", "valid": "data.valid.h5"},
                                    train={"steps": 4, "global_batch": 4, "micro_batch": 1, "precision": "fp32"},
                                    optimizer={"lr": 1e-2}, checkpoint={"every_steps": 2}))
    at_once([lambda run=run, ranks=ranks, options=options:
             space.must("train", "run.ini", f"--run.dir=runs/{run}", *options, ranks=ranks)
             for run, (ranks, options) in RUNS.items()], 2)


def parameters(directory):
    return {name: value for (kind, name), value in logical_tensors(directory).items() if kind == "param"}


def mean_of(directories, weights):
    """By numpy, in fp64, in the order of the sources; fp32 unless any source is wider."""
    sources = [parameters(directory) for directory in directories]
    means = {}
    for name in sources[0]:
        total = np.zeros(sources[0][name].shape)
        for source, weight in zip(sources, weights):
            total = total + np.float64(weight) * source[name].astype(np.float64)
        means[name] = (total / sum(weights)).astype(np.result_type(*(source[name].dtype for source in sources)))
    return means


def same(found, expected, what):
    check(found.keys() == expected.keys(), f"{what}: tensors {found.keys() ^ expected.keys()}")
    for name, value in expected.items():
        check(found[name].dtype == value.dtype and np.array_equal(found[name], value), f"{what}: {name} has other numbers")


def means(space):
    """(sources, --weights)"""
    last = {run: step_directory(space / f"runs/{run}", 4) for run in RUNS}
    early = step_directory(space / "runs/tp2", 2)
    cases = [([last["one"], last["tp2"]], None), ([last["tp2"], last["pp2dp2"], last["one"]], None),
             ([last["pp2dp2"], early, last["tp2"]], [1, 0.5, 3]), ([last["one"], last["wide"]], [1e-3, 7e4]),
             ([last["wide"], last["wide"], last["tp2"]], None)]
    for number, (sources, weights) in enumerate(cases):
        out = f"average-{number}"
        words = ["--weights", ",".join(map(str, weights))] if weights else []
        report = json.loads(space.must("checkpoint", "average", *sources, "-o", out, "--json", *words, "--threads", "3").stdout)
        same(parameters(space / out), mean_of(sources, weights or [1] * len(sources)), f"{sources} {weights}")
        check(set(kind for kind, _ in logical_tensors(space / out)) == {"param"}, "more than parameters")
        space.must("checkpoint", "verify", "--deep", out)
        inspected = json.loads(space.must("checkpoint", "inspect", "--json", out).stdout)
        averaged = inspected["extra"]["averaged"]
        check(report["sources"] == averaged and [s["path"] for s in averaged] == [os.path.abspath(s) for s in sources],
              f"the manifest lists {averaged}")
        shares = np.array(weights or [1] * len(sources)) / sum(weights or [1] * len(sources))
        check(np.allclose([s["weight"] for s in averaged], shares, rtol=1e-15), f"weights {averaged}")
        check(inspected["step"] == report["step"] == max(s["step"] for s in averaged) == 4, f"steps of {averaged}")
    shown = space.must("checkpoint", "inspect", "average-2").stdout
    check(all(f"{source}, step" in shown for source in cases[2][0]) and "weight 0.667" in shown, f"inspect: {shown}")
    check(json.loads(space.must("checkpoint", "list", "--json", "average-2").stdout)["checkpoints"][0]["step"] == 4, "list")
    # A run directory stands for its newest checkpoint.
    space.must("checkpoint", "average", "runs/one", "runs/tp2/", "-o", "average-of-runs")
    done = space.must("checkpoint", "diff", "average-0", "average-of-runs")
    check("equal" in done.stdout, done.stdout)
    say(f"{len(cases)} means of {len(RUNS)} layouts and precisions are numpy's")


def use(space):
    """The average of a checkpoint with itself is the checkpoint; others are evaluated, trained on and continued."""
    space.must("checkpoint", "average", "runs/tp2", "runs/tp2", "runs/tp2", "-o", "itself", "--weights", "1,2,4")
    same(parameters(space / "itself"), parameters(step_directory(space / "runs/tp2", 4)), "itself")
    texts = [space.must("generate", model, "--prompt", "The king", "--max-tokens", "12", "--temperature", "0").stdout
             for model in ("runs/tp2", "itself", "average-0")]
    check(texts[0] == texts[1] and texts[0].startswith("The king"), f"greedy texts: {texts}")
    check(texts[2].startswith("The king"), f"the average's text: {texts[2]}")
    losses = [json.loads(space.must("eval", model, "--json").stdout)["loss"] for model in ("runs/tp2", "itself", "average-0")]
    check(losses[0] == losses[1] != losses[2] and 0 < losses[2] < 7, f"losses: {losses}")
    space.must("train", "run.ini", "--run.dir=runs/onward", "--train.steps=1", "--optimizer.lr=1e-30", "--parallel.tp=2",
               "--model.init_from=average-1", ranks=2)
    same(parameters(step_directory(space / "runs/onward", 1)), parameters(space / "average-1"), "training from an average")
    check(len(step_lines(space / "runs/onward")) == 1, "one step")
    space.must("checkpoint", "average", "average-0", "average-1", "-o", "average-of-averages")
    space.must("checkpoint", "average", "average-0", "itself", "-o", "average-of-averages", "--force")
    same(parameters(space / "average-of-averages"), mean_of([space / "average-0", space / "itself"], [1, 1]), "--force")
    say("averages are generated from, evaluated, trained from, averaged and replaced")


def public_models(space):
    """What was imported is exported again, with the mean of the weights."""
    torch.manual_seed(SEED)
    for name in ("a", "b"):
        config = transformers.LlamaConfig(vocab_size=300, hidden_size=32, intermediate_size=40, num_hidden_layers=2,
                                          num_attention_heads=4, max_position_embeddings=64, bos_token_id=0, eos_token_id=0)
        transformers.LlamaForCausalLM(config).save_pretrained(space / f"hf-{name}")
        space.must("import", f"hf-{name}", "-o", f"imported-{name}")
    space.must("checkpoint", "average", "imported-a", "imported-b", "-o", "imported-mean")
    check(filecmp.cmp(space / "imported-a/HUB.json", space / "imported-mean/HUB.json", shallow=False), "HUB.json")
    space.must("export", "imported-mean", "-o", "hf-mean")
    a, b, mean = (load_file(space / f"hf-{name}/model.safetensors") for name in ("a", "b", "mean"))
    for name, value in a.items():
        check(torch.equal(((value.double() + b[name].double()) / 2).float(), mean[name]), f"{name} of the exported mean")
    check(filecmp.cmp(space / "hf-a/config.json", space / "hf-mean/config.json", shallow=False), "config.json")
    say("the mean of imported models is exported")


def refused(space, words, what, code=2, **keywords):
    """One sentence that names `what`, and nothing left behind."""
    before = sorted(os.listdir(space / "refused"))
    done = space.run("checkpoint", "average", *words, **keywords)
    said = causes(done.stderr)
    check(done.returncode == code and len(said) == 1, f"{words} left with {done.returncode}:\n{done.stdout}{done.stderr}")
    check(all(part in said[0] for part in ([what] if isinstance(what, str) else what)), f"{words}: no '{what}' in: {said[0]}")
    check(sorted(os.listdir(space / "refused")) == before, f"{words} left {os.listdir(space / 'refused')}")


def other_models(space):
    """Checkpoints of other models, written by the page that describes the format."""
    with_options = space.must("checkpoint", "inspect", "--options", "runs/one").stdout
    tensors = parameters(step_directory(space / "runs/one", 4))
    name = "layers.1.ffn.up.weight"
    changes = {"missing": {n: v for n, v in tensors.items() if n != name}, "shape": {**tensors, name: tensors[name][:, :-1]},
               "more": {**tensors, "layers.9.surprise": np.ones(3, np.float32)}}
    for directory, changed in changes.items():
        write_checkpoint(space / f"{directory}/step_1", changed, with_options)
        yield f"{directory}/step_1", name if directory != "more" else "layers.9.surprise"
    changed = [("heads = 4", "heads = 2", "model.heads is 4 in the first and 2 in the second"),
               ("rope_theta = 10000", "rope_theta = 500000", "model.rope_theta")]
    for number, (old, new, what) in enumerate(changed):
        check(with_options.count(old) > 0, f"no '{old}' in the stored options")
        write_checkpoint(space / f"keys-{number}/step_1", tensors, with_options.replace(old, new))
        yield f"keys-{number}/step_1", what
    write_checkpoint(space / "twin/step_1", tensors, with_options.replace("dropout = 0", "dropout = 0.1"))


def other_tokenizer(space):
    os.makedirs(space / "other")
    text = space.write("other/text.txt", "a b c d e f g h i j k l m n o p q r s t u v w x y z\n" * 400)
    space.must("tokenizer", "train", "--vocab", "300", "--output", "other/tokenizer.json", text)
    space.must("prepare", "--tokenizer", "other/tokenizer.json", "--output", "other/data.h5", text)
    space.must("train", "run.ini", "--run.dir=runs/other", "--data.train=other/data.h5", "--data.valid=", "--train.steps=1",
               "--model.vocab=300")


def refusals(space):
    os.makedirs(space / "refused")
    good, out = ["runs/one", "runs/tp2"], ["-o", "refused/out"]
    for directory, what in other_models(space):
        refused(space, ["runs/one", directory, *out], what)
    space.must("checkpoint", "average", "runs/one", "twin/step_1", "-o", "with-twin")  # dropout is no part of the model
    other_tokenizer(space)
    refused(space, ["runs/one", "runs/other", *out], "tokenizer")
    refused(space, ["runs/one", *out], "two checkpoints or more")
    refused(space, out, "STEP_DIR")
    refused(space, good, "output")
    for weights, what in (("1", "1 numbers for 2"), ("1,2,3", "3 numbers for 2"), ("1,0", "'0'"), ("1,-1", "'-1'"),
                          ("1,nan", "'nan'"), ("1,inf", "'inf'"), ("1,,2", "''"), ("a,b", "'a'"), ("1e-320,1e300", "--weights")):
        refused(space, [*good, *out, f"--weights={weights}"], what)
    refused(space, ["runs/one", "runs/nothing", *out], "runs/nothing")
    refused(space, ["runs/one", "data.h5", *out], "data.h5", code=1)
    refused(space, [*good, "-o", "average-0"], "--force")
    os.makedirs(space / "precious")
    space.write("precious/thesis.txt", "years of work")
    refused(space, [*good, "-o", "precious", "--force"], "is not a checkpoint")
    refused(space, [*good, "-o", "data.h5", "--force"], "is a file")
    refused(space, [*good, "-o", "nowhere/out"], "no directory")
    refused(space, ["average-0", "average-1", "-o", "average-1", "--force"], "to be averaged")
    refused(space, ["average-0", "average-1", "-o", "average-1/node_0/out"], "to be averaged")
    refused(space, [*good, "-o", "refused/step_7"], "another step")
    refused(space, [*good, "-o", "runs/one/checkpoints/mean"], "cannot resume")
    space.must("checkpoint", "average", *good, "-o", "step_4")
    with open(space / "precious/thesis.txt", encoding="utf-8") as file:
        check(file.read() == "years of work", "--force deleted a file")
    say("what cannot be averaged is refused, and nothing is left behind")


def damaged(space):
    """A flipped byte of a source, wherever it lies in what is read, names the source."""
    rng = random.Random(SEED)
    for number in range(6):
        shutil.copytree(step_directory(space / "runs/tp2", 4), space / "bad/step_4")
        name, at = rng.choice([("node_0/shard_0.h5", None), ("node_0/shard_1.h5", None), ("BOXES.bin", 100), ("MANIFEST.json", 50)])
        if at is None:
            at = place_of_parameter(space / f"bad/step_4/{name}", rng)
        with open(space / f"bad/step_4/{name}", "r+b") as file:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 1 << rng.randrange(8)]))
        order = ["runs/one", "bad/step_4"] if number % 2 else ["bad/step_4", "runs/one"]
        refused(space, [*order, "-o", "refused/out"], ["bad/step_4", "is damaged"], code=1)
        shutil.rmtree(space / "bad")
    shutil.copytree(space / "imported-a", space / "bad")
    with open(space / "bad/HUB.json", "r+b") as file:
        file.write(b" ")
    refused(space, ["bad", "imported-b", "-o", "refused/out"], ["bad", "HUB.json"], code=1)
    say("flipped bytes of sources are found")


def place_of_parameter(shard, rng):
    import h5py
    with h5py.File(shard, "r") as file:
        boxes = [box for group in file["param"].values() for box in group.values()]
        box = rng.choice(boxes)
        return box.id.get_offset() + rng.randrange(box.id.get_storage_size())


def write_large_model(space):
    """Some 540 MB of zeros, which take no room in the source: more than the memory that an averaging may take."""
    hidden, layers, vocabulary, positions = 1344, 6, 4096, 64
    config = {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": vocabulary, "n_positions": positions,
              "n_embd": hidden, "n_layer": layers, "n_head": 21, "n_inner": None, "activation_function": "gelu_new",
              "layer_norm_epsilon": 1e-5, "tie_word_embeddings": True}
    shapes = {"wte.weight": [vocabulary, hidden], "wpe.weight": [positions, hidden]}
    for i in range(layers):
        for name, shape in (("attn.c_attn", [hidden, 3 * hidden]), ("attn.c_proj", [hidden, hidden]),
                            ("mlp.c_fc", [hidden, 4 * hidden]), ("mlp.c_proj", [4 * hidden, hidden])):
            shapes[f"h.{i}.{name}.weight"], shapes[f"h.{i}.{name}.bias"] = shape, shape[1:]
        for name in ("ln_1", "ln_2"):
            shapes[f"h.{i}.{name}.weight"] = shapes[f"h.{i}.{name}.bias"] = [hidden]
    shapes["ln_f.weight"] = shapes["ln_f.bias"] = [hidden]
    header, at = {}, 0
    for name, shape in sorted(shapes.items()):
        size = 4 * int(np.prod(shape))
        header[f"transformer.{name}"] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    space.write("large/config.json", json.dumps(config))
    with open(space / "large/model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + at)
    space.must("import", "large", "-o", "large-checkpoint")
    shutil.rmtree(space / "large")
    return at


# A child's peak memory counts what its parent held when it was started, so a small process starts it.
MEASURE = ("import resource, subprocess, sys; code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL); "
           "print(1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(code)")


def memory(space, size):
    check(size > LIMIT, f"a model of {size} bytes shows nothing")
    done = subprocess.run([sys.executable, "-S", "-c", MEASURE, TRIREME, "checkpoint", "average", *["large-checkpoint"] * 3, "-o",
                           "large-average", "--threads", "4"], cwd=space.path, capture_output=True, text=True, timeout=120,
                          check=False)
    check(done.returncode == 0, f"left with {done.returncode}: {done.stderr}")
    peak = int(done.stdout)
    check(peak < LIMIT, f"averaging {size} bytes three times took {peak} bytes of memory")
    space.must("checkpoint", "verify", "large-average")
    shutil.rmtree(space / "large-average")
    say(f"averaging three checkpoints of {size / 1e6:.0f} MB with 4 threads takes {peak / 1e6:.0f} MB")


def broken_off(space):
    """A limit of the size of files stands for a full disk; a kill leaves a name that nothing takes for the result."""
    os.makedirs(space / "broken")
    done = subprocess.run([TRIREME, "checkpoint", "average", "runs/one", "runs/tp2", "-o", "broken/out"], cwd=space.path,
                          capture_output=True, text=True, timeout=60, check=False,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)))
    check(done.returncode == 1 and len(causes(done.stderr)) == 1, f"{done.returncode} {done.stderr}")
    check(os.listdir(space / "broken") == [], f"a full disk leaves {os.listdir(space / 'broken')}")
    ended = {}
    for number in (signal.SIGKILL, signal.SIGTERM):
        process = space.start("checkpoint", "average", "large-checkpoint", "large-checkpoint", "-o", "broken/out",
                              SLOW_READS="shard_0.h5")  # 20 s and more
        wait_until(lambda: os.listdir(space / "broken") != [], None, "the partial directory")
        process.send_signal(number)
        ended[number] = process.wait(timeout=60)
        left = os.listdir(space / "broken")
        check(("out" in left) == (ended[number] == 0), f"left with {ended[number]} and {left}")
        check(number == signal.SIGKILL or ended[number] == 0 or left == [], f"a stop left {left}")
        for name in left:
            shutil.rmtree(space / f"broken/{name}")
    check(ended[signal.SIGKILL] == -signal.SIGKILL and ended[signal.SIGTERM] == -signal.SIGTERM, f"not in the middle: {ended}")
    say("broken off: nothing that looks whole")


def full_disk(space):
    """A disk that really fills up; as root only."""
    os.makedirs(space / "disk")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", space / "disk"], check=False,
                      capture_output=True).returncode != 0:
        say("no file system can be mounted here: the real full disk is left out")
        return
    try:
        done = space.run("checkpoint", "average", "large-checkpoint", "large-checkpoint", "-o", "disk/out")
        said = causes(done.stderr)
        check(done.returncode == 1 and len(said) == 1 and "No space left on device" in said[0], f"{done.returncode} {done.stderr}")
        check(os.listdir(space / "disk") == [], f"a full disk leaves {os.listdir(space / 'disk')}")
    finally:
        subprocess.run(["umount", "--lazy", space / "disk"], check=True)
    say("a full disk: one sentence, nothing left")


def main():
    say(f"seed {SEED}")
    with Workspace() as space:
        train_runs(space)
        means(space)
        use(space)
        public_models(space)
        refusals(space)
        damaged(space)
        size = write_large_model(space)
        memory(space, size)
        broken_off(space)
        full_disk(space)


main()
