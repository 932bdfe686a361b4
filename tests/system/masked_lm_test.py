"""Masked language modelling by `trireme train`: the same losses in any layout, with any micro-batch and after a restart;
validation by masks of its own, which this test recomputes; a pooler that nothing trains keeps its bits; a model without an
output head gets one; and what is refused."""

import json
import os
import sys

import numpy as np
import torch

from support import Workspace, at_once, boxes, check, logical_tensors, metrics, run_file, say, step_directory, step_lines
from support import without_timing

sys.path.insert(0, os.path.join(os.environ["TRIREME_SOURCE"], "tests", "support"))
import checkpoint_writer  # noqa: E402
import masked_samples  # noqa: E402
import reference_models as reference  # noqa: E402
import token_dataset_writer  # noqa: E402

VOCAB, SEQUENCE, STEPS, VALID = 61, 16, 6, 10
MASK = token_dataset_writer.WORDPIECE_SPECIALS.index("[MASK]")
RULE = {"fraction": 0.3, "whole_words": True}
BERT = {"arch": "bert", "tie_embeddings": True, "norm": "layer", "norm_bias": True, "norm_place": "after_residual",
        "norm_eps": 1e-12, "final_norm": False, "positions": "learned", "mask": "full", "qkv_bias": True, "o_bias": True,
        "ffn_gated": False, "activation": "gelu", "ffn_bias": True, "token_types": 2, "embedding_norm": True,
        "head_bias": True, "head_transform": True, "pooler": True}
CONFIG = reference.Config(layers=4, hidden=32, heads=4, kv_heads=4, head_size=8, ffn=128, sequence=SEQUENCE, vocab=VOCAB,
                          **BERT)
MODEL = {"arch": "bert", "layers": 4, "hidden": 32, "heads": 4, "sequence": SEQUENCE, "pooler": "true"}
LAYOUTS = (("dp2 micro1", ["--train.micro_batch=1", "--parallel.zero=1"], 2),
           ("tp2 pp2", ["--parallel.tp=2", "--parallel.pp=2", "--train.micro_batch=4"], 4),
           ("pp2", ["--parallel.pp=2"], 2))


def write_data(space):
    rng = np.random.default_rng(3)
    tokenizer, continuing = token_dataset_writer.wordpiece(VOCAB)
    valid = rng.integers(0, VOCAB, VALID * SEQUENCE + 1)
    for name, tokens in (("train.h5", rng.integers(0, VOCAB, 30 * SEQUENCE + 1)), ("valid.h5", valid)):
        token_dataset_writer.write_token_dataset(space / name, tokens, VOCAB, tokenizer=tokenizer)
    special = [*range(len(token_dataset_writer.WORDPIECE_SPECIALS)), VOCAB - 1]
    return valid[:-1].reshape(VALID, SEQUENCE), masked_samples.Vocabulary(VOCAB, MASK, special, continuing)


def write_run_file(space, name, model):
    space.write(name, run_file(
        "run", model=model, data={"train": "train.h5", "valid": "valid.h5"},
        masking={key: str(value).lower() for key, value in RULE.items()},
        train={"steps": STEPS, "global_batch": 8, "micro_batch": 2, "precision": "fp64"},
        optimizer={"lr": 1e-3, "lr_schedule": "constant", "warmup_steps": 0, "weight_decay": 0.1},
        checkpoint={"every_steps": 3, "async": "false", "preflight": "false"},
        log={"valid_every_steps": 3, "valid_samples": VALID}))


def valid_losses(directory):
    return [line["valid_loss"] for line in metrics(directory) if "valid_loss" in line]


def check_layouts(space):
    straight = step_lines(space / "straight")
    check(len(straight) == STEPS, straight)

    def in_layout(name, options, ranks):
        space.must("train", "run.ini", f"--run.dir={name}", *options, ranks=ranks)
        for a, b in zip(step_lines(space / name), straight, strict=True):
            for key in ("loss", "grad_norm"):
                check(abs(a[key] - b[key]) <= 1e-12 * b[key], f"{name}, step {b['step']}: {key} {a[key]}, not {b[key]}")
        for a, b in zip(valid_losses(space / name), valid_losses(space / "straight"), strict=True):
            check(abs(a - b) <= 1e-12 * b, f"{name}: valid_loss {a}, not {b}")

    at_once([lambda one=one: in_layout(*one) for one in LAYOUTS], 2)
    say(f"losses of {STEPS} steps and two validations agree to 1e-12 in {len(LAYOUTS)} layouts")


def check_resumed(space):
    space.must("train", "run.ini", "--run.dir=halves", "--train.steps=4")
    space.must("train", "run.ini", "--run.dir=halves")
    kept = [[without_timing(line) for line in step_lines(space / name)] for name in ("halves", "straight")]
    check(kept[0] == kept[1], "resumed: other losses than in one go")
    ours, theirs = (boxes(step_directory(space / name, STEPS)) for name in ("halves", "straight"))
    check(ours.keys() == theirs.keys() and all(np.array_equal(ours[key][1], theirs[key][1]) for key in ours),
          "resumed: another state than in one go")
    say("a resumed run has the same bits")


def check_validation(space, samples, vocabulary):
    """The loss of the last validation, recomputed from the checkpoint; another run seed has the same masks."""
    seen, targets = masked_samples.masked_batch(samples, range(VALID), masked_samples.VALIDATION_KEY, vocabulary, **RULE)
    state = logical_tensors(step_directory(space / "straight", STEPS))
    w = {name: torch.from_numpy(value) for (kind, name), value in state.items() if kind == "param"}
    scores = reference.logits(CONFIG, w, torch.from_numpy(seen))
    wanted = reference.loss_sum(scores, torch.from_numpy(targets)).item() / int((targets >= 0).sum())
    found = valid_losses(space / "straight")[-1]
    check(abs(found - wanted) <= 1e-11 * wanted, f"valid_loss {found}, recomputed {wanted}")
    told = json.loads(space.must("eval", "run.ini", "--checkpoint", step_directory(space / "straight", STEPS),
                                 "--run.seed=9", "--json").stdout)
    check(abs(told["loss"] - found) <= 1e-12 * found, f"eval says {told}, the run's validation {found}")
    say(f"validation: loss {found:.6f} by {int((targets >= 0).sum())} masks recomputed from the documented formula")


def check_pooler(space):
    for name in ("straight", "dp2 micro1", "tp2 pp2"):
        first, last = (logical_tensors(step_directory(space / name, step)) for step in (3, STEPS))
        for tensor in ("pooler.weight", "pooler.bias"):
            check(np.array_equal(first["param", tensor], last["param", tensor]), f"{name}: {tensor} changed")
        check(first["param", "pooler.weight"].std() > 0.01, "the pooler has no initial values")
        check(not np.array_equal(first["param", "embed.tokens"], last["param", "embed.tokens"]), "nothing was trained")
    say("the pooler keeps its bits under weight decay")


def check_headless(space):
    """A model without an output head cannot be trained; with one added its other weights are those of the checkpoint."""
    headless = reference.Config(**{**CONFIG.__dict__, "lm_head": False})
    w = reference.random_parameters(headless, torch.Generator().manual_seed(1))
    checkpoint_writer.write_checkpoint(space / "headless/step_1", {n: x.numpy() for n, x in w.items()},
                                       run_file("headless", model={**MODEL, "vocab": VOCAB, "lm_head": "false"}))
    write_run_file(space, "from.ini", {"init_from": space / "headless/step_1"})
    start = ("train", "from.ini", "--optimizer.lr=1e-30", "--train.steps=1")
    done = space.run(*start, "--run.dir=refused")
    check(done.returncode == 2 and "model.lm_head = false (as in model.init_from): a model without an output head has no "
          "loss to train by: set model.lm_head = true, and the head starts from initial values" in done.stderr + done.stdout,
          f"{done.returncode}: {done.stdout}{done.stderr}")
    said = space.must(*start, "--run.dir=headed", "--model.lm_head=true").stdout
    names = {"head.transform.weight", "head.transform.bias", "head.transform_norm.weight", "head.transform_norm.bias",
             "head.bias"}
    for name in names:
        check(f"initial   param {name}: not in the checkpoint" in said, f"no word about {name}:\n{said}")
    space.must(*start, "--run.dir=headed-tp2", "--model.lm_head=true", "--parallel.tp=2", ranks=2)
    ours, theirs = (step_lines(space / name)[0]["loss"] for name in ("headed", "headed-tp2"))
    check(abs(ours - theirs) <= 1e-12 * ours, f"the head's initial values depend on the layout: {ours}, {theirs}")
    state = logical_tensors(step_directory(space / "headed", 1))
    check({name for kind, name in state if kind == "param"} == set(w) | names, "another set of tensors")
    for name, value in w.items():
        check(np.abs(state["param", name] - value.numpy()).max() <= 1e-20, f"{name} is not the checkpoint's")
    say("a model without an output head is refused, and trained when it gets one")


def check_refusals(space):
    token_dataset_writer.write_token_dataset(
        space / "no-mask.h5", np.arange(200) % VOCAB, VOCAB,
        tokenizer=token_dataset_writer.wordpiece(VOCAB)[0].replace(b"[MASK]", b"[MOSK]"))
    for options, wanted in (
            (["--data.train=no-mask.h5"], "data.train: the tokenizer of no-mask.h5 has no mask token ([MASK] or <mask>), which "
             "masked language modelling needs: prepare the text with a tokenizer that has one"),
            (["--model.mask=causal"], "masking.fraction is about masked language modelling, and model.mask = causal predicts "
             "the next token")):
        done = space.run("train", "run.ini", "--run.dir=refused", *options)
        check(done.returncode == 2 and wanted in done.stderr + done.stdout, f"{options}: {done.stdout}{done.stderr}")
    say("what cannot be masked is refused")


def main():
    torch.set_num_threads(1)
    with Workspace() as space:
        samples, vocabulary = write_data(space)
        write_run_file(space, "run.ini", {**MODEL, "dropout": 0.1})
        space.must("train", "run.ini", "--run.dir=straight")
        check_layouts(space)
        check_resumed(space)
        check_validation(space, samples, vocabulary)
        check_pooler(space)
        check_headless(space)
        check_refusals(space)


if __name__ == "__main__":
    main()
