"""The peer of the generation benchmark: `transformers` in PyTorch eager mode, GPT-2 124M with random weights, greedy,
with its key/value cache. Waits for a line on its input, generates, and prints the tokens, seconds and processor seconds, until
the input ends.

    gpt2_generate.py --write DIRECTORY      makes the model
    gpt2_generate.py DIRECTORY BATCH PROMPT_TOKENS NEW_TOKENS THREADS fp32|bf16
"""

import json
import sys
import time

import torch
from transformers import GPT2Config, GPT2LMHeadModel


def main():
    if sys.argv[1] == "--write":
        torch.manual_seed(1)
        GPT2LMHeadModel(GPT2Config()).save_pretrained(sys.argv[2])
        return
    directory, precision = sys.argv[1], sys.argv[6]
    batch, prompt, fresh, threads = (int(a) for a in sys.argv[2:6])
    torch.set_num_threads(threads)
    model = GPT2LMHeadModel.from_pretrained(directory, dtype=torch.bfloat16 if precision == "bf16" else torch.float32).eval()
    tokens = torch.tensor([[(7919 * b + 104729 * i) % 50257 for i in range(prompt)] for b in range(batch)])
    with torch.inference_mode():
        for _ in sys.stdin:
            start, processor = time.perf_counter(), time.process_time()
            out = model.generate(tokens, attention_mask=torch.ones_like(tokens), do_sample=False, use_cache=True,
                                 min_new_tokens=fresh, max_new_tokens=fresh, pad_token_id=0)
            answer = {"seconds": time.perf_counter() - start, "processor_seconds": time.process_time() - processor,
                      "tokens": out[:, prompt:].tolist()}
            assert out.shape == (batch, prompt + fresh)
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
