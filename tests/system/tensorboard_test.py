"""Event files of log.tensorboard, read by TensorBoard's own reader: what metrics.jsonl says and nothing twice, through kills, torn
records and names from others; a sweep's parameters on TensorBoard's HParams dashboard."""

import glob
import json
import math
import os
import signal
import struct
import sys

from support import (SOURCE, Workspace, attempts, check, checkpoints, english, make_data, metrics, run_file, say, step_lines, tiny_model,
                     wait_until)

sys.path.insert(0, os.path.join(SOURCE, ".deps", "tensorboard"))
from tensorboard.backend.event_processing import data_provider, event_file_loader, plugin_event_accumulator, plugin_event_multiplexer
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard import context
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams import api_pb2, backend_context, get_experiment, list_session_groups

STEPS = 40
ALL = {"scalars": 0, "tensors": 0}  # no event is left out
TAGS = {"loss": "train/loss", "lr": "train/lr", "grad_norm": "train/grad_norm", "valid_loss": "valid/loss", "tokens": "progress/tokens",
        "seconds": "time/step", "compute_seconds": "time/compute", "host_memory_bytes": "memory/host"}


def float32(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def event_files(run):
    return sorted(glob.glob(os.path.join(glob.escape(run), "events.out.tfevents.*")))


def opened(run, purge=True):
    reader = EventAccumulator(run, size_guidance=ALL, purge_orphaned_data=purge)
    reader.Reload()
    return reader


def check_equal(run, what):
    """Every number of every line is there once, under some tag, and nothing else is."""
    wanted = {}
    for line in metrics(run):
        for name, value in line.items():
            if name not in ("step", "time") and not isinstance(value, str):
                wanted.setdefault(name, []).append((line["time"], line["step"], float32(math.nan if value is None else value)))
    # Without purging: the files themselves have nothing twice.
    for reader in (opened(run), opened(run, purge=False)):
        found = {tag: [(e.wall_time, e.step, e.value) for e in reader.Scalars(tag)] for tag in reader.Tags()["scalars"]}
        check(sorted(map(repr, found.values())) == sorted(map(repr, wanted.values())), f"{what}: events are not the lines of metrics.jsonl")
        for name, tag in TAGS.items():
            check(repr(found[tag]) == repr(wanted[name]), f"{what}: {tag} is not {name}")
    return reader


def start_file(space, name, sequence=16, **log):
    return space.write(f"{name}.ini", run_file(name, model=tiny_model(layers=2, sequence=sequence),
                                               data={"train": "data.h5", "valid": "data.valid.h5"},
                                               train={"steps": STEPS, "global_batch": 4, "micro_batch": 4},
                                               checkpoint={"every_steps": 10},
                                               log={"valid_every_steps": 10, "valid_samples": 8, **log}))


def kill_in_the_middle(space, name):
    """Starts a run and kills it with a checkpoint of step 10 and lines of later steps."""
    run = space / f"runs/{name}"
    process = space.start("train", f"{name}.ini", STEP_SECONDS=0.1)
    wait_until(lambda: checkpoints(run) and step_lines(run)[-1]["step"] >= 14, process, "step 14 and a checkpoint")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def killed_and_resumed(space):
    """-9 past a checkpoint, a torn record, and a second life."""
    start_file(space, "killed", tensorboard="true", sample_prompts="\"# The king\", a", sample_tokens=8)
    run = space / "runs/killed"
    kill_in_the_middle(space, "killed")
    saved, logged = checkpoints(run)[-1], step_lines(run)[-1]["step"]
    check(saved < logged, f"killed at {logged} and saved at {saved}")
    newest = event_files(run)[-1]
    with open(newest, "r+b") as file:
        file.truncate(os.path.getsize(newest) - 7)
    space.must("train", "killed.ini")
    check(len(attempts(run)) == 4, "not two attempts")
    reader = check_equal(run, "killed and resumed")
    samples = [line for line in metrics(run) if "sample_text" in line]
    tensors = {tag: [(e.step, e.tensor_proto.string_val[0].decode()) for e in reader.Tensors(tag)] for tag in reader.Tags()["tensors"]}
    check(sorted(tensors) == ["samples/# The king", "samples/a"], sorted(tensors))
    for prompt in ("# The king", "a"):
        wanted = [(line["step"], "    " + (prompt + line["sample_text"]).replace("\n", "\n    ")) for line in samples
                  if line["sample_prompt"] == prompt]
        check(tensors[f"samples/{prompt}"] == wanted and len(wanted) == 4, f"{tensors} is not {wanted}")
        check(reader.SummaryMetadata(f"samples/{prompt}").plugin_data.plugin_name == "text", "not the text plugin's")


def a_reader_that_stays(space):
    """A TensorBoard that saw the steps which are done again forgets them, and sees the new ones."""
    start_file(space, "watched", tensorboard="true")
    run = space / "runs/watched"
    kill_in_the_middle(space, "watched")
    reader = opened(run)
    newer = plugin_event_accumulator.EventAccumulator(run, tensor_size_guidance=ALL)  # takes no notice of a first start
    newer.Reload()
    seen = [e.step for e in reader.Scalars("train/loss")]
    logged = [line["step"] for line in step_lines(run)]
    check(seen in (logged, logged[:-1]), f"{seen} is not {logged}")  # the kill may come between a line and its event
    space.must("train", "watched.ini")
    reader.Reload()
    newer.Reload()
    check([e.step for e in newer.Tensors("train/loss")] == list(range(1, STEPS + 1)), "a newer reader that stayed has steps twice")
    check([e.step for e in reader.Scalars("train/loss")] == list(range(1, STEPS + 1)), "a reader that stayed has steps twice")
    check(sorted(map(repr, ((e.step, e.value) for e in reader.Scalars("train/loss")))) ==
          sorted(repr((line["step"], float32(line["loss"]))) for line in step_lines(run)), "old values stayed")


def rolled_back(space):
    """A run that goes back behind a bad batch: the steps that it undid are gone."""
    noise = "".join(chr(33 + (7 * i * i + 3 * i) % 90) for i in range(300))
    text = english(5000)
    space.write("noisy.txt", text[:9000] + noise + text[9000:])
    space.must("prepare", "--tokenizer", space / "tokenizer.json", "--output", space / "noisy.h5", space / "noisy.txt")
    space.write("rolled.ini", run_file("rolled", model=tiny_model(), data={"train": "noisy.h5", "valid": "data.valid.h5"},
                                       train={"steps": 100, "global_batch": 2, "micro_batch": 1, "spike_score": 7, "spike_window": 24,
                                              "precision": "fp64", "on_spike": "rollback"},
                                       optimizer={"lr": 0.01, "warmup_steps": 5}, checkpoint={"every_steps": 20, "keep": 9},
                                       log={"every_steps": 50, "valid_every_steps": 20, "valid_samples": 4, "tensorboard": "true"}))
    space.must("train", "rolled.ini")
    run = space / "runs/rolled"
    actions = [line["action"] for line in attempts(run) if line["event"] == "health"]
    check(actions and set(actions) == {"rolled back"}, f"no roll-back: {actions}")
    check(len(event_files(run)) > 1, event_files(run))
    check_equal(run, "rolled back")


def turned_on_later(space):
    start_file(space, "later")
    run = space / "runs/later"
    check(space.run("train", "later.ini", "--run.pause_at=10").returncode == 75, "did not pause")
    check(not event_files(run), "events that nobody asked for")
    space.must("train", "later.ini", "--log.tensorboard=true")
    check_equal(run, "turned on later")


def hostile_names(space):
    """A directory with such a name, and prompts that are no words."""
    name = "<script>alert(1)</script> \x1b[2J"
    prompt = "<img src=x onerror=alert(1)> " + "ä" * 20
    start_file(space, "hostile", sequence=128, tensorboard="true", sample_prompts=f"{prompt}, {prompt}b", sample_tokens=4)
    space.must("train", "hostile.ini", f"--run.dir={space.path}/runs/{name.replace('/', '-')}")
    run = space / f"runs/{name.replace('/', '-')}"
    reader = check_equal(run, "hostile")
    check(len(reader.Tags()["tensors"]) == 2, reader.Tags()["tensors"])
    for path in event_files(run):
        for event in event_file_loader.EventFileLoader(path).Load():
            check(event.wall_time > 0, f"an event of {path} has no time")


def sweep_on_the_dashboard(space):
    space.write("lr.ini", run_file("tiny", model=tiny_model(layers=2), data={"train": "data.h5", "valid": "data.valid.h5"},
                                   train={"steps": 8, "global_batch": 4, "micro_batch": 4},
                                   log={"valid_samples": 8, "tensorboard": "true"},
                                   sweep={"name": "lr", "early_stopping": "none", "optimizer.lr": "1e-3, 1e-2",
                                          "optimizer.lr_schedule": "linear"}))
    space.must("sweep", "run", "lr.ini", "--workers", "1", timeout=300)
    tree = space / "sweeps/lr"
    multiplexer = plugin_event_multiplexer.EventMultiplexer(tensor_size_guidance={"scalars": 0})
    multiplexer.AddRunsFromDirectory(tree)
    multiplexer.Reload()
    board = base_plugin.TBContext(data_provider=data_provider.MultiplexerDataProvider(multiplexer, tree))
    hparams = backend_context.Context(board)
    experiment = get_experiment.Handler(context.RequestContext(), hparams, "", api_pb2.GetExperimentRequest()).run()
    check({info.name: (info.type, info.differs) for info in experiment.hparam_infos} ==
          {"optimizer.lr": (api_pb2.DATA_TYPE_FLOAT64, True), "optimizer.lr_schedule": (api_pb2.DATA_TYPE_STRING, False)},
          experiment.hparam_infos)
    check([info.name.tag for info in experiment.metric_infos] == ["valid/loss", "train/loss"], experiment.metric_infos)
    request = api_pb2.ListSessionGroupsRequest(start_index=0, slice_size=10)
    request.allowed_statuses.append(api_pb2.STATUS_SUCCESS)
    groups = list_session_groups.Handler(context.RequestContext(), hparams, "", request).run().session_groups
    check(len(groups) == 2, f"{len(groups)} sessions that ended well")
    for group in groups:
        (session,) = group.sessions
        run = os.path.join(tree, session.name)
        with open(f"{tree}/sweep.jsonl", encoding="utf-8") as file:
            trial = next(event for event in map(json.loads, file)
                         if event["event"] == "trial" and session.name == f"trial_{event['trial']}")
        check(group.hparams["optimizer.lr"].number_value == float(trial["parameters"]["optimizer.lr"]), group.hparams)
        check(group.hparams["optimizer.lr_schedule"].string_value == "linear", group.hparams)
        valid = [line["valid_loss"] for line in metrics(run) if "valid_loss" in line]
        check([value.value for value in session.metric_values if value.name.tag == "valid/loss"] == [float32(valid[-1])],
              session.metric_values)
        check_equal(run, session.name)


def main():
    with Workspace() as space:
        make_data(space)
        for test in (killed_and_resumed, a_reader_that_stays, rolled_back, turned_on_later, hostile_names, sweep_on_the_dashboard):
            test(space)
            say(f"  {test.__name__.replace('_', ' ')}")


main()
