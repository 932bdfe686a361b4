"""Makes a Hugging Face directory of a quantised GGUF model: the weights as fp32, the tokenizer and its chat template.

    gguf_to_directory.py DIRECTORY FILE.gguf OUTPUT

transformers reads GGUF but does not save what it calls quantised, so the weights go into a fresh model.
"""

import os
import shutil
import sys

os.environ["HF_HUB_OFFLINE"] = "1"

import torch  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402


def main(directory, file, output):
    quantised = AutoModelForCausalLM.from_pretrained(directory, gguf_file=file, dtype=torch.float32)
    config = quantised.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    model = type(quantised)(config)
    model.load_state_dict(quantised.state_dict())
    partial = output + ".partial"
    shutil.rmtree(partial, ignore_errors=True)
    model.save_pretrained(partial)
    AutoTokenizer.from_pretrained(directory, gguf_file=file).save_pretrained(partial)
    os.rename(partial, output)


if __name__ == "__main__":
    main(*sys.argv[1:])
