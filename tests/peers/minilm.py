"""MiniLM-L6 (a BERT without a head) against transformers: hidden states, pooled and mean embeddings, and the way back.

    minilm.py DIRECTORY [--record]
"""

import filecmp
import sys
import tempfile
from pathlib import Path

from peer import check, peer_numbers, read_lines, trireme, write_lines

TEXTS = ["The cat sits outside", "A man is playing guitar", "Naïve café résumé, 東京", "x",
         "The new movie is awesome. " * 20]
PAIR = ("How big is London?", "London has 9 million inhabitants.")


def by_transformers(directory):
    import torch
    from transformers import AutoModel, AutoTokenizer

    model = AutoModel.from_pretrained(directory, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(directory)

    def of(*texts):
        with torch.inference_mode():
            return model(**tokenizer(*texts, return_tensors="pt"))

    numbers = {"hidden": [], "mean": [], "pooler": []}
    for texts in [(text,) for text in TEXTS] + [PAIR]:
        output = of(*texts)
        hidden = output.last_hidden_state[0]
        # Eight elements of each position are enough to tell, and keep what is recorded short.
        numbers["hidden"].append(hidden[:, ::48].tolist())
        numbers["mean"].append(hidden.mean(0)[::8].tolist())
        numbers["pooler"].append(output.pooler_output[0][::8].tolist())
    return numbers


def embeddings(model, place, pooling, key, *options, ranks=1):
    lines = [{"text": text} for text in TEXTS] + [{"text": PAIR[0], "pair": PAIR[1]}]
    file = write_lines(place / "texts.jsonl", lines)
    trireme("eval", model, "--embed", file, "--pooling", pooling, "-o", place / "out.jsonl", "--force", *options,
            ranks=ranks)
    return [line[key] for line in read_lines(place / "out.jsonl")]


def worst_of(ours, theirs):
    return max(abs(a - b) for mine, other in zip(ours, theirs, strict=True) for a, b in zip(mine, other, strict=True))


def main(directory):
    directory = Path(directory).resolve()
    theirs = peer_numbers("minilm", lambda: by_transformers(directory))
    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        step = place / "imported"
        trireme("import", directory, "-o", step)
        for model, ranks, options in ((directory, 1, ()), (step, 1, ()), (step, 4, ("--parallel.tp=2", "--parallel.pp=2"))):
            hidden = embeddings(model, place, "none", "hidden", *options, ranks=ranks)
            ours = [[row[::48] for row in text] for text in hidden]
            worst = max(worst_of(a, b) for a, b in zip(ours, theirs["hidden"], strict=True))
            check(f"hidden states, {ranks} ranks", worst < 3e-5, f"largest difference {worst:.1e}")
        for pooling in ("mean", "pooler"):
            ours = [row[::8] for row in embeddings(step, place, pooling, "embedding")]
            worst = worst_of(ours, theirs[pooling])
            check(f"pooling {pooling}", worst < 3e-5, f"largest difference {worst:.1e}")
        trireme("export", step, "-o", place / "exported")
        for file in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt"):
            check(f"exported {file}", filecmp.cmp(directory / file, place / "exported" / file, shallow=False))


if __name__ == "__main__":
    main(sys.argv[1])
