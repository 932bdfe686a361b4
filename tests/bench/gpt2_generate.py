"""The peer of the generation benchmark: `transformers` in PyTorch eager mode, GPT-2 124M with random weights, greedy,
with its key/value cache. Waits for a line on its input, generates, and prints seconds and processor seconds, until the input
ends.

    gpt2_generate.py BATCH PROMPT_TOKENS NEW_TOKENS THREADS [fp32|bf16]
"""

import json
import sys
import time

import torch
from transformers import GPT2Config, GPT2LMHeadModel


def main():
    batch, prompt, fresh, threads = (int(a) for a in sys.argv[1:5])
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    model = GPT2LMHeadModel(GPT2Config()).eval()
    if sys.argv[5:] == ["bf16"]:
        model = model.to(torch.bfloat16)
    tokens = torch.tensor([[(7919 * b + 104729 * i) % 50257 for i in range(prompt)] for b in range(batch)])
    with torch.inference_mode():
        for _ in sys.stdin:
            start, processor = time.perf_counter(), time.process_time()
            out = model.generate(tokens, attention_mask=torch.ones_like(tokens), do_sample=False, use_cache=True,
                                 min_new_tokens=fresh, max_new_tokens=fresh, pad_token_id=0)
            answer = {"seconds": time.perf_counter() - start, "processor_seconds": time.process_time() - processor}
            assert out.shape == (batch, prompt + fresh)
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
