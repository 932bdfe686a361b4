"""train.precision = bf16: near fp32 where every CPU multiplies bf16 in hardware, else fp32 with a sentence that says so."""

import json
import os
import re

from support import Workspace, check, logical_tensors, make_data, run_file, say, step_directory, step_lines, tiny_model

STEPS = 30


def cpu_has_bf16():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        return "avx512_bf16" in file.read()


def main():
    with Workspace() as space:
        make_data(space)
        for arch in ("llama", "gpt2"):
            space.write("run.ini", run_file("run", model=tiny_model(arch), data={"train": "data.h5"},
                                            train={"steps": STEPS, "global_batch": 8, "micro_batch": 2},
                                            optimizer={"lr": 3e-3}))
            said, losses = {}, {}
            for name, options, ranks in [("fp32", ["--train.precision=fp32"], 0),
                                         ("bf16", ["--train.precision=bf16"], 0),
                                         ("bf16 tp2", ["--train.precision=bf16", "--parallel.tp=2"], 2)]:
                directory = space / f"{arch} {name}"
                said[name] = space.must("train", "run.ini", f"--run.dir={directory}", *options, ranks=ranks).stdout
                losses[name] = [line["loss"] for line in step_lines(directory)]
                check(len(losses[name]) == STEPS, f"{name}: {len(losses[name])} steps logged")
                state = logical_tensors(step_directory(directory, STEPS))
                check({str(value.dtype) for value in state.values()} == {"float32"}, f"{name}: masters are not fp32")
            check(losses["fp32"][-1] < 0.8 * losses["fp32"][0], f"nothing was learned: {losses['fp32']}")
            for name in ("bf16", "bf16 tp2"):
                away = max(abs(a - b) for a, b in zip(losses["fp32"], losses[name]))
                check(away <= 2e-2, f"{arch} {name}: losses are up to {away} from those in fp32")
                computes_in_fp32 = "computes in fp32" in said[name]
                check(computes_in_fp32 != cpu_has_bf16(), f"{name} on this CPU:\n{said[name]}")
                computed = "fp32" if computes_in_fp32 else "bf16"
                check(f"thread(s), {computed}" in said[name], f"{name}: the log does not say {computed}:\n{said[name]}")
                directory = space / f"{arch} {name}"
                with open(os.path.join(step_directory(directory, STEPS), "MANIFEST.json"), encoding="utf-8") as file:
                    manifest = json.load(file)
                with open(os.path.join(directory, "run.ini"), encoding="utf-8") as file:
                    resolved = file.read()
                check(manifest["extra"]["precision"] == computed, f"{name}: the manifest says {manifest['extra']}")
                for text in (resolved, manifest["options"]):
                    check(re.search(rf"^precision *= *{computed}$", text, re.MULTILINE), f"{name}: not {computed}: {text}")
                check((losses[name] != losses["fp32"]) or computes_in_fp32, f"{name} computed in fp32 and did not say so")
                say(f"{arch} {name}: {'computed in fp32, as it says' if computes_in_fp32 else 'in hardware'}, "
                    f"losses within {away:.1e} of fp32")


if __name__ == "__main__":
    main()
