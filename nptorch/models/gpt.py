"""GPT, a net that writes, and how it learns to (notebooks/13_gpt.ipynb)."""

import math

import numpy as np

import nptorch as torch
from nptorch import nn


def surprise(model, windows, known=0):
    """The mean of -log p, in nats, of the characters in windows (N, T + 1) after the first and
    known more; model makes logits (N, T, kinds) of the first T."""
    logits, targets = model(windows[:, :-1])[:, known:], windows[:, known + 1:]
    return nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())


def train(model, ids, steps, lr=4e-3, batch=32, rng=0):
    """Train model on ids, a row of integers, in batches of random windows of model.context; yield
    each step's loss. AdamW, at a rate that warms up and then falls along a cosine."""
    rng = np.random.default_rng(rng)
    optimizer = torch.optim.AdamW(model.parameters(), lr, betas=(0.9, 0.99), weight_decay=0.1)
    plan = lambda n: min((n + 1) / 50, (1 + math.cos(math.pi * n / steps)) / 2)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, plan)
    for _ in range(steps):
        starts = rng.integers(len(ids) - model.context, size=(batch, 1))
        optimizer.zero_grad()
        loss = surprise(model, torch.tensor(ids[starts + np.arange(model.context + 1)]))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        yield loss.item()


@torch.no_grad()
def generate(model, ids, length, temperature=1.0, rng=0):
    """ids, a list of integers, and length more, drawn one by one from
    softmax(logits / temperature), where model is shown the last model.context."""
    ids, rng = list(ids), np.random.default_rng(rng)
    for _ in range(length):
        logits = model(torch.tensor(np.array([ids[-model.context:]])))[0, -1]
        p = nn.functional.softmax(logits / temperature, -1).numpy().astype(float)
        ids.append(int(rng.choice(len(p), p=p / p.sum())))
    return ids


@torch.no_grad()
def bits(model, ids):
    """The bits that model spends on a character of ids, a row of integers longer than
    model.context, each guessed from half a context or more."""
    T = model.context
    windows = [ids[i:i + T + 1] for i in range(0, len(ids) - T, T - T // 2)]
    parts = np.array_split(windows, len(windows) // 64 + 1)
    losses = [surprise(model, torch.tensor(part), T // 2).item() for part in parts]
    return np.average(losses, weights=[len(part) for part in parts]) / math.log(2)


class Block(nn.Module):
    """x + attention(norm(x)), and to that the same with a small net in attention's place."""

    def __init__(self, width, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"),
                                 nn.Linear(4 * width, width))

    def forward(self, x, mask):
        h = self.norm1(x)
        x = x + self.attention(h, h, h, attn_mask=mask, need_weights=False)[0]
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    """From characters (N, T) or (T,), integers below kinds, to the logits (..., T, kinds) of what
    comes after each of them; T is at most context. Source: Radford et al., Language Models are
    Unsupervised Multitask Learners, 2019 (GPT-2, with 12 to 48 blocks)."""

    def __init__(self, kinds, context=64, width=96, heads=4, blocks=2):
        super().__init__()
        self.context = context
        self.token, self.position = nn.Embedding(kinds, width), nn.Embedding(context, width)
        self.blocks = nn.ModuleList([Block(width, heads) for _ in range(blocks)])
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, kinds)
        for table in self.token, self.position:
            nn.init.normal_(table.weight, std=0.02)

    def forward(self, x):
        place = torch.arange(x.shape[-1])
        h = self.token(x) + self.position(place)
        for block in self.blocks:
            h = block(h, place > place[:, None])  # the mask: nobody looks at who comes later
        return self.head(self.norm(h))
