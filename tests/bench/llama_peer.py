"""The peer of the GPU benchmark: a Llama model in PyTorch as its users write it (bf16 autocast over fp32 weights, fused
attention, fused AdamW, gradient clipping), eager or compiled. Prints the seconds of each step.

    llama_peer.py eager|compiled LAYERS HIDDEN HEADS KV_HEADS FFN VOCAB TIED BATCH SEQUENCE STEPS
"""

import sys
import time

import torch
import torch.nn.functional as F
from torch import nn


class Layer(nn.Module):
    def __init__(self, hidden, heads, kv_heads, ffn):
        super().__init__()
        self.heads, self.kv_heads, self.size = heads, kv_heads, hidden // heads
        self.attention_norm = nn.RMSNorm(hidden, eps=1e-5)
        self.qkv = nn.Linear(hidden, (heads + 2 * kv_heads) * self.size, bias=False)
        self.out = nn.Linear(hidden, hidden, bias=False)
        self.ffn_norm = nn.RMSNorm(hidden, eps=1e-5)
        self.gate_up = nn.Linear(hidden, 2 * ffn, bias=False)
        self.down = nn.Linear(ffn, hidden, bias=False)

    def rotate(self, x, cosine, sine):
        low, high = x.chunk(2, dim=-1)
        return torch.cat((low * cosine - high * sine, high * cosine + low * sine), dim=-1).to(x.dtype)

    def forward(self, x, cosine, sine):
        b, t, d = x.shape
        q, k, v = self.qkv(self.attention_norm(x)).view(b, t, -1, self.size).transpose(1, 2).split(
            [self.heads, self.kv_heads, self.kv_heads], dim=1)
        y = F.scaled_dot_product_attention(self.rotate(q, cosine, sine), self.rotate(k, cosine, sine), v, is_causal=True,
                                           enable_gqa=self.heads != self.kv_heads)
        x = x + self.out(y.transpose(1, 2).reshape(b, t, d))
        gate, up = self.gate_up(self.ffn_norm(x)).chunk(2, dim=-1)
        return x + self.down(F.silu(gate) * up)


class Llama(nn.Module):
    def __init__(self, layers, hidden, heads, kv_heads, ffn, vocab, tied):
        super().__init__()
        self.size = hidden // heads
        self.tokens = nn.Embedding(vocab, hidden)
        self.layers = nn.ModuleList(Layer(hidden, heads, kv_heads, ffn) for _ in range(layers))
        self.norm = nn.RMSNorm(hidden, eps=1e-5)
        self.head = nn.Linear(hidden, vocab, bias=False)
        if tied:
            self.head.weight = self.tokens.weight
        for p in self.parameters():
            if p.dim() == 2:
                nn.init.normal_(p, std=0.02)

    def forward(self, tokens, targets):
        t = tokens.shape[1]
        frequency = 500000.0 ** (-torch.arange(0, self.size, 2, device=tokens.device) / self.size)
        angle = torch.arange(t, device=tokens.device)[:, None] * frequency
        cosine, sine = angle.cos(), angle.sin()
        x = self.tokens(tokens)
        for layer in self.layers:
            x = layer(x, cosine, sine)
        logits = self.head(self.norm(x))
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.reshape(-1))


def main():
    mode = sys.argv[1]
    layers, hidden, heads, kv_heads, ffn, vocab, tied, batch, sequence, steps = (int(word) for word in sys.argv[2:])
    torch.manual_seed(1)
    with torch.device("cuda"):
        model = Llama(layers, hidden, heads, kv_heads, ffn, vocab, tied)
    run = torch.compile(model) if mode == "compiled" else model
    decay = [p for p in model.parameters() if p.dim() == 2]
    rest = [p for p in model.parameters() if p.dim() != 2]
    optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}],
                                  lr=3e-4, betas=(0.9, 0.95), fused=True)
    for step in range(steps):
        data = torch.randint(0, vocab, (batch, sequence + 1), device="cuda")
        torch.cuda.synchronize()
        start = time.perf_counter()
        with torch.autocast("cuda", dtype=torch.bfloat16):
            loss = run(data[:, :-1], data[:, 1:])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        loss.item()
        print(f"step {step + 1} {time.perf_counter() - start:.6f}", flush=True)
    print(f"peak_bytes {torch.cuda.max_memory_allocated()}")


if __name__ == "__main__":
    main()
