"""Calls of ATen's operations as our code makes them, against LibTorch's meta registrations: shapes and dtypes.

Arguments: tests that record their calls in $TRIREME_CALLS (tests/models/device_operations.hpp). Each call is made again
with meta tensors of the same shapes, strides and dtypes, and must give what the test's CPU stand-in gave."""
import collections
import json
import os
import subprocess
import sys
import tempfile

import torch

DTYPES = {"Double": torch.float64, "Float": torch.float32, "BFloat16": torch.bfloat16, "Long": torch.int64,
          "Bool": torch.bool, "UInt64": torch.uint64}
# Operations that only devices have, and that our code must call at least once.
DEVICE_ONLY = ["aten::_flash_attention_forward", "aten::_flash_attention_backward",
               "aten::_scaled_dot_product_flash_attention", "aten::_scaled_dot_product_flash_attention_backward",
               "aten::_scaled_dot_product_efficient_attention", "aten::_scaled_dot_product_efficient_attention_backward",
               "aten::addmm.dtype_out", "aten::_fused_rms_norm_backward"]
BOTH = ["aten::_fused_rms_norm", "aten::native_layer_norm", "aten::native_layer_norm_backward", "aten::gelu",
        "aten::gelu_backward.grad_input", "aten::index_put_"]


def recorded_calls(programs):
    """Different calls only: {JSON line: call}."""
    calls = {}
    for program in programs:
        with tempfile.NamedTemporaryFile() as file:
            done = subprocess.run([program, "--gtest_brief=1"], capture_output=True, text=True,
                                  env={**os.environ, "TRIREME_CALLS": file.name, "OMP_NUM_THREADS": "1"})
            if done.returncode != 0:
                sys.exit(f"{program} failed:\n{done.stdout}{done.stderr}")
            calls.update({line: json.loads(line) for line in file.read().decode().splitlines()})
    return calls.values()


def is_tensor(value):
    return isinstance(value, dict)


def meta(value):
    if is_tensor(value):
        return torch.empty_strided(value["shape"], value["strides"], dtype=DTYPES[value["dtype"]], device="meta")
    return [meta(x) for x in value] if isinstance(value, list) else value


def operation(name):
    base, _, overload = name.removeprefix("aten::").partition(".")
    return getattr(getattr(torch.ops.aten, base), overload or "default")


def addmm_of_wide_operands(self, mat1, mat2, dtype, *, beta, alpha, out):
    """addmm.dtype_out, whose registration in 2.11 takes the dtype for beta: shapes by addmm.out, in the result's dtype."""
    assert mat1.dtype == mat2.dtype == torch.bfloat16 and self.dtype == out.dtype == torch.float32
    return torch.ops.aten.addmm.out(self, mat1.float(), mat2.float(), beta=beta, alpha=alpha, out=out)


def call_again(call):
    op = operation(call["name"])
    arguments = op._schema.arguments
    assert len(arguments) == len(call["inputs"]), call["name"]
    positional, keywords = [], {}
    for argument, value in zip(arguments, call["inputs"]):
        if argument.kwarg_only:
            keywords[argument.name] = meta(value)
        else:
            positional.append(meta(value))
    if call["name"] == "aten::addmm.dtype_out":
        positional[3] = torch.float32
        op = addmm_of_wide_operands
    result = op(*positional, **keywords)
    return list(result) if isinstance(result, tuple) else [result]


def expected_results(call):
    """What the CPU gave, where devices differ from it: there LayerNorm's mean and 1/std of bf16 rows are fp32."""
    results = call["outputs"]
    if call["name"] == "aten::native_layer_norm":
        results = [results[0]] + [{**x, "dtype": "Double" if results[0]["dtype"] == "Double" else "Float"}
                                  for x in results[1:]]
    return results


def problems(call):
    try:
        results = call_again(call)
    except Exception as error:  # noqa: BLE001 - whatever a registration refuses
        return [f"refused: {error}"]
    expected = expected_results(call)
    if len(results) != len(expected):
        return [f"{len(results)} results instead of {len(expected)}"]
    found = []
    for i, (ours, theirs) in enumerate(zip(expected, results)):
        if not is_tensor(ours):
            if ours != theirs:
                found.append(f"result {i} is {theirs} instead of {ours}")
        elif theirs is None or list(theirs.shape) != ours["shape"] or theirs.dtype != DTYPES[ours["dtype"]]:
            shape = "nothing" if theirs is None else f"{list(theirs.shape)} {theirs.dtype}"
            found.append(f"result {i} is {shape} instead of {ours['shape']} {ours['dtype']}")
    return found


def main():
    failed, counts = 0, collections.Counter()
    for call in recorded_calls(sys.argv[1:]):
        counts[call["name"]] += 1
        for problem in problems(call):
            failed += 1
            print(f"{call['name']}: {problem}\n  inputs {json.dumps(call['inputs'])}")
    for name in DEVICE_ONLY + BOTH:
        print(f"{name}: {counts[name]} different calls")
        if counts[name] == 0:
            failed += 1
            print(f"{name} was never called")
        if not torch._C._dispatch_has_kernel_for_dispatch_key(operation(name).name(), "CUDA"):
            if name != "aten::index_put_":  # made of others
                failed += 1
                print(f"{name} has no kernel for CUDA")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
