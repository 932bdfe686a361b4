"""SmolLM2-135M-Instruct against transformers: greedy tokens, log-probabilities, chats, and the way back.

    smollm2.py DIRECTORY [--record]
"""

import filecmp
import sys
import tempfile
from pathlib import Path

from peer import check, peer_numbers, read_lines, trireme, write_lines

PROMPTS = ["The capital of France is", "In the beginning God created", "def fibonacci(n):", "Water boils at",
           "Dear Professor,\n\nI am writing to", "1, 1, 2, 3, 5, 8,", "Größere Städte in Österreich sind",
           "日本の首都は"]
NEW_TOKENS = 24
TEXTS = [("The capital of France is", " Paris."), ("The capital of France is", " a small fish."),
         ("Two plus two equals", " four"), ("", "Once upon a time"), ("She opened the door ", "and walked in.")]
CHATS = [[{"role": "user", "content": "What is gravity? Answer in one sentence."}],
         [{"role": "system", "content": "You answer with one word."},
          {"role": "user", "content": "What colour is the sky?"},
          {"role": "assistant", "content": "Blue."},
          {"role": "user", "content": "And grass?"}]]


def by_transformers(directory):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(directory)

    def continued(ids):
        with torch.inference_mode():
            made = model.generate(torch.tensor([ids]), max_new_tokens=NEW_TOKENS, do_sample=False)
        made = made[0, len(ids):].tolist()
        return made[:-1] if made[-1] == tokenizer.eos_token_id else made

    def logprob(context, continuation):
        kept = context.rstrip()
        whole = tokenizer(kept + context[len(kept):] + continuation, add_special_tokens=False).input_ids
        before = tokenizer(kept, add_special_tokens=False).input_ids or [tokenizer.bos_token_id]
        whole = whole if context else before + whole
        with torch.inference_mode():
            scores = torch.log_softmax(model(torch.tensor([whole])).logits[0].double(), -1)
        return sum(float(scores[at - 1, whole[at]]) for at in range(len(before), len(whole)))

    chats = [tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=True)["input_ids"]
             for chat in CHATS]
    return {"greedy": [continued(tokenizer(prompt, add_special_tokens=False).input_ids) for prompt in PROMPTS],
            "logprobs": [logprob(*pair) for pair in TEXTS],
            "chats": [continued(ids) for ids in chats]}


def tokens_of(model, lines, place, *options, ranks=1):
    file = write_lines(place / "prompts.jsonl", lines)
    trireme("generate", model, "--prompts", file, "-o", place / "answers.jsonl", "--force", "--temperature", "0",
            "--max-tokens", NEW_TOKENS, *options, ranks=ranks)
    return [line["tokens"] for line in read_lines(place / "answers.jsonl")]


def logprobs_of(model, place, *options, ranks=1):
    file = write_lines(place / "texts.jsonl", [{"context": a, "continuation": b} for a, b in TEXTS])
    trireme("eval", model, "--logprobs", file, "-o", place / "scores.jsonl", "--force", *options, ranks=ranks)
    return [line["logprob"] for line in read_lines(place / "scores.jsonl")]


def main(directory):
    directory = Path(directory).resolve()
    theirs = peer_numbers("smollm2", lambda: by_transformers(directory))
    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        step = place / "imported"
        trireme("import", directory, "-o", step)
        prompts = [{"prompt": prompt} for prompt in PROMPTS]
        check("greedy tokens, from the directory", tokens_of(directory, prompts, place) == theirs["greedy"])
        check("greedy tokens, imported, in batches", tokens_of(step, prompts, place, "--batch", 8) == theirs["greedy"])
        check("greedy tokens, pp2 with 2 ranks",
              tokens_of(step, prompts, place, "--parallel.pp=2", ranks=2) == theirs["greedy"])
        check("greedy tokens, tp3 with 3 ranks",
              tokens_of(step, prompts, place, "--parallel.tp=3", ranks=3) == theirs["greedy"])
        check("chats", tokens_of(step, [{"messages": chat} for chat in CHATS], place) == theirs["chats"])
        worst = max(abs(a - b) for a, b in zip(logprobs_of(step, place), theirs["logprobs"]))
        check("log-probabilities of texts", worst < 1e-4, f"largest difference {worst:.1e}")
        trireme("export", step, "-o", place / "exported")
        for file in sorted(directory.iterdir()):
            if file.suffix in (".safetensors", ".json", ".jinja"):
                check(f"exported {file.name}", filecmp.cmp(file, place / "exported" / file.name, shallow=False))


if __name__ == "__main__":
    main(sys.argv[1])
