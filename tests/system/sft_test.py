"""Supervised fine-tuning on datasets of format 2, written by this test from the documentation: the loss of packed documents is
that of each document alone, recomputed in plain operations; packed or not, in any layout, with any micro-batch and after a
kill the same numbers; the last turns alone; batches without a target; and what is refused."""

import json
import os
import random
import signal
import sys

import numpy as np
import torch

from support import SOURCE, Workspace, at_once, boxes, check, checkpoints, logical_tensors, metrics, run_file, say, step_directory
from support import step_lines, wait_until, without_timing

sys.path.insert(0, os.path.join(SOURCE, "tests", "support"))
import random_models  # noqa: E402
import reference_models as reference  # noqa: E402
import token_dataset_writer  # noqa: E402

VOCAB, SEQUENCE, STEPS = 61, 24, 6
SIZES = {"layers": 4, "hidden": 32, "heads": 4, "kv_heads": 4, "head_size": 8, "ffn": 64, "sequence": SEQUENCE, "vocab": VOCAB}
LAYOUTS = (("dp2 micro1", ["--train.micro_batch=1", "--parallel.zero=1"], 2),
           ("tp2 pp2", ["--parallel.tp=2", "--parallel.pp=2", "--train.micro_batch=4"], 4))


def documents(count, seed, last=0.7):
    """Lists of (token, role); `last`: the probability of a last turn."""
    rng = random.Random(seed)
    found = []
    while len(found) < count:
        turns = [[(rng.randrange(VOCAB), role) for _ in range(rng.randrange(1, 6))]
                 for role in (0, 1, 0, 2 if rng.random() < last else 0)[rng.choice((0, 2)):]]
        found.append([token for turn in turns for token in turn])
    return found


def first_fit(docs, sequence=SEQUENCE):
    samples = []
    for document in docs:
        for sample in samples:
            if sum(map(len, sample)) + len(document) <= sequence:
                sample.append(document)
                break
        else:
            samples.append([document])
    return samples


def write_data(space):
    tokenizer, _ = token_dataset_writer.wordpiece(VOCAB)
    train, valid = documents(40, 1), documents(20, 2)
    samples = first_fit(train)
    check(len(samples) < len(train) * 2 // 3, "the documents are not packed")
    for name, packed in (("train.h5", samples), ("valid.h5", first_fit(valid)), ("single.h5", [[d] for d in valid]),
                         ("rare.h5", first_fit(documents(40, 3, last=0.15))),
                         ("mute.h5", first_fit([d for d in documents(20, 4, last=0) if any(role for _, role in d[1:])])),
                         ("late.h5", [[[(5, 0), (6, 1)]]] + [[d] for d in valid if any(role == 2 for _, role in d[1:])])):
        token_dataset_writer.write_packed_dataset(space / name, packed, VOCAB, SEQUENCE, tokenizer)
    short = [d for d in valid if len(d) <= SEQUENCE // 2]
    token_dataset_writer.write_packed_dataset(space / "short.h5", first_fit(short, SEQUENCE // 2), VOCAB, SEQUENCE // 2, tokenizer)
    token_dataset_writer.write_token_dataset(space / "stream.h5", np.arange(200) % VOCAB, VOCAB, tokenizer=tokenizer)
    space.must("prepare", "--verify", "train.h5", "valid.h5", "single.h5", "rare.h5")
    return valid


def write_run_file(space, arch):
    space.write(f"{arch}.ini", run_file(
        arch, model={"arch": arch, **{key: SIZES[key] for key in ("layers", "hidden", "heads", "ffn", "sequence")}},
        data={"train": "train.h5", "valid": "valid.h5"},
        train={"steps": STEPS, "global_batch": 4, "micro_batch": 2, "precision": "fp64"},
        optimizer={"lr": 1e-2, "lr_schedule": "constant", "warmup_steps": 0},
        checkpoint={"every_steps": 1, "keep": STEPS, "async": "false", "preflight": "false"}, log={"valid_every_steps": 3}))


def valid_losses(directory):
    return [line["valid_loss"] for line in metrics(directory) if "valid_loss" in line]


def alone(config, weights, docs, counts):
    """The mean loss of the documents, each computed by itself, and the number of targets."""
    total, targets = 0.0, 0
    for document in docs:
        tokens = torch.tensor([[token for token, _ in document]])
        wanted = torch.tensor([[token if role in counts else -1 for token, role in document][1:] + [-1]])
        total += reference.loss_sum(reference.logits(config, weights, tokens), wanted).item()
        targets += int((wanted >= 0).sum())
    return total / targets, targets


def near(name, found, wanted, limit):
    check(abs(found - wanted) <= limit * abs(wanted), f"{name}: {found}, not {wanted}")


def check_layouts(space, arch):
    straight = step_lines(space / arch)
    check(len(straight) == STEPS, straight)

    def in_layout(name, options, ranks):
        space.must("train", f"{arch}.ini", f"--run.dir={arch} {name}", *options, ranks=ranks)
        for a, b in zip(step_lines(space / f"{arch} {name}"), straight, strict=True):
            for key in ("loss", "grad_norm"):
                near(f"{name}, step {b['step']}: {key}", a[key], b[key], 1e-11)
        for a, b in zip(valid_losses(space / f"{arch} {name}"), valid_losses(space / arch), strict=True):
            near(f"{name}: valid_loss", a, b, 1e-11)

    at_once([lambda one=one: in_layout(*one) for one in LAYOUTS], 2)
    say(f"{arch}: losses of {STEPS} steps and two validations agree to 1e-11 in {len(LAYOUTS)} layouts")


def check_documents_alone(space, arch, valid):
    config = reference.Config(**{**SIZES, **random_models.KINDS[arch]})
    state = logical_tensors(step_directory(space / arch, STEPS))
    weights = {name: torch.from_numpy(value) for (kind, name), value in state.items() if kind == "param"}
    short = [d for d in valid if len(d) <= SEQUENCE // 2]
    told = json.loads(space.must("eval", f"{arch}.ini", f"--run.dir={arch}", "--data", "short.h5", "--sequence",
                                 str(SEQUENCE // 2), "--json").stdout)
    near(f"{arch}: eval of shorter samples", told["loss"], alone(config, weights, short, (1, 2))[0], 1e-11)
    for loss, counts in (("all", (1, 2)), ("last", (2,))):
        wanted, targets = alone(config, weights, valid, counts)
        for data in ("valid.h5", "single.h5"):
            told = json.loads(space.must("eval", f"{arch}.ini", f"--run.dir={arch}", f"--sft.loss={loss}", "--data", data,
                                         "--json").stdout)
            check(told["tokens"] == targets and told["left_out"] == 0, f"{told}, {targets} targets")
            near(f"{arch}: eval of {data}, loss = {loss}", told["loss"], wanted, 1e-11)
        if loss == "all":
            near(f"{arch}: the run's validation", valid_losses(space / arch)[-1], wanted, 1e-11)
        say(f"{arch}, loss = {loss}: packed and unpacked {wanted:.6f} over {targets} targets, as of each document alone")


def check_killed(space, arch):
    job = space.start("train", f"{arch}.ini", "--run.dir=killed", STEP_SECONDS=0.2)
    wait_until(lambda: len(checkpoints(space / "killed")) >= 2, job, "two checkpoints")
    os.killpg(job.pid, signal.SIGKILL)
    job.wait()
    check(checkpoints(space / "killed")[-1] < STEPS, "it was killed too late")
    space.must("train", f"{arch}.ini", "--run.dir=killed")
    kept = [{line["step"]: without_timing(line) for line in step_lines(space / name)} for name in ("killed", arch)]
    check(kept[0] == kept[1], "after a kill: other losses than in one go")
    ours, theirs = (boxes(step_directory(space / name, STEPS)) for name in ("killed", arch))
    check(ours.keys() == theirs.keys() and all(np.array_equal(ours[key][1], theirs[key][1]) for key in ours),
          "after a kill: another state than in one go")
    say("a killed run has the same bits")


def check_without_targets(space):
    """Batches of one sample, most of which hold no last turn."""
    options = ("train", "llama.ini", "--data.train=rare.h5", "--data.valid=", "--sft.loss=last", "--train.global_batch=2",
               "--train.micro_batch=1", "--train.steps=12", "--checkpoint.every_steps=12")
    said = space.must(*options, "--run.dir=rare").stdout
    skipped = [line["step"] for line in metrics(space / "rare") if "skipped_steps" in line]
    check(2 <= len(skipped) <= 10 and said.count("has no token to predict: no last response lies in samples") == len(skipped),
          f"{skipped}\n{said}")
    space.must(*options, "--run.dir=rare dp2", ranks=2)
    check(skipped == [line["step"] for line in metrics(space / "rare dp2") if "skipped_steps" in line], "dp2 skips others")
    for a, b in zip(step_lines(space / "rare dp2"), step_lines(space / "rare"), strict=True):
        near(f"dp2, step {b['step']}", a["loss"], b["loss"], 1e-11)
    say(f"{len(skipped)} of 12 batches without a target updated nothing, in dp2 the same")


def check_plain_validation(space):
    """Training on last turns beside a validation on plain text, all of whose tokens count."""
    space.must("train", "llama.ini", "--data.valid=stream.h5", "--sft.loss=last", "--train.steps=3", "--run.dir=plain")
    told = json.loads(space.must("eval", "llama.ini", "--run.dir=plain", "--data", "stream.h5", "--json").stdout)
    near("validation on plain text", valid_losses(space / "plain")[-1], told["loss"], 1e-11)
    space.must("submit", "llama.ini", "--data.valid=stream.h5", "--sft.loss=last", "--run.dir=plain submitted", "--dry-run",
               "--site", os.path.join(SOURCE, "examples", "site-lab.ini"))
    say(f"sft.loss = last with plain text to validate on: {told['loss']:.6f} over {told['tokens']} targets")


def check_refusals(space):
    step = step_directory(space / "llama", STEPS)
    for what, arguments, words in (
            ("another sequence", ["train", "llama.ini", "--model.sequence=12", "--run.dir=no"],
             ["train.h5", "samples of 24 tokens", "samples of 12", "trireme prepare --chat --sequence 12"]),
            ("another sequence of eval", ["eval", step, "--data", "valid.h5", "--sequence", "12"],
             ["samples of 24 tokens", "samples of 12"]),
            ("no roles", ["train", "llama.ini", "--data.train=stream.h5", "--sft.loss=last", "--run.dir=no"],
             ["stream.h5", "trireme prepare --chat", "sft.loss"]),
            ("no roles to submit", ["submit", "llama.ini", "--data.train=stream.h5", "--sft.loss=last", "--run.dir=no",
                                    "--dry-run", "--site", os.path.join(SOURCE, "examples", "site-lab.ini")], ["stream.h5", "trireme prepare --chat"]),
            ("nothing to validate", ["train", "llama.ini", "--data.valid=mute.h5", "--sft.loss=last", "--run.dir=no"],
             ["data.valid", "mute.h5", "sft.loss = last", "--sequence"]),
            ("nothing in what is validated", ["train", "llama.ini", "--data.valid=late.h5", "--sft.loss=last", "--log.valid_samples=1",
                                              "--run.dir=no"], ["data.valid", "none of the 1 samples", "late.h5", "sft.loss = last"]),
            ("nothing to evaluate", ["eval", step, "--sft.loss=last", "--data", "valid.h5", "--data", "mute.h5"],
             ["--data", "mute.h5", "sft.loss = last"]),
            ("nothing in what is evaluated", ["eval", step, "--sft.loss=last", "--data", "late.h5", "--samples", "1"],
             ["--data", "late.h5", "sft.loss = last"]),
            ("an unknown loss", ["train", "llama.ini", "--sft.loss=some", "--run.dir=no"], ["sft.loss", "all", "last"])):
        done = space.run(*arguments)
        causes = [line for line in done.stderr.splitlines() if line.startswith("trireme:")]
        check(done.returncode == 2 and len(causes) == 1, f"{what}: {done.returncode} {done.stderr}")
        check(all(word in causes[0] for word in words), f"{what}: {causes[0]}")
    for options in (["--data", "mute.h5"], ["--sft.loss=last", "--data", "late.h5"]):
        space.must("eval", step, *options)
    say("wrong inputs are one sentence each")


def main():
    with Workspace() as space:
        valid = write_data(space)
        for arch in ("gpt2", "llama"):
            write_run_file(space, arch)
            space.must("train", f"{arch}.ini", f"--run.dir={arch}")
            check_layouts(space, arch)
            check_documents_alone(space, arch, valid)
        check_killed(space, "llama")
        check_without_targets(space)
        check_plain_validation(space)
        check_refusals(space)


if __name__ == "__main__":
    main()
