"""Checks for the exercises of 07_training.ipynb."""

import numpy as np
from workbook import Wrong, expect, hole, shown


@hole("overfit", "[few] * 500 is a loader, too: 500 batches, each the same.",
      "softmax of (1, 0, ..., 0) has e / (e + 9) in its first place.")
def _(last_loss, least, few, start, Softmax, nn):
    from nptorch import manual_seed

    x, y = (np.asarray(part.data) for part in few)
    x = x.reshape(len(x), -1).astype(float)
    manual_seed(7)
    line = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    w, b = (p.data.astype(float) for p in line.parameters())
    speeds, losses = [np.zeros_like(w), np.zeros_like(b)], []
    for _ in range(502):
        z = x @ w.T + b
        p = np.exp(z - z.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        losses.append(-np.log(p[range(len(y)), y]).mean())
        g = (p - np.eye(10)[y]) / len(y)
        speeds = [0.9 * v - 0.05 * grad for v, grad in zip(speeds, (g.T @ x, g.sum(0)))]
        w, b = w + speeds[0], b + speeds[1]
    got = last_loss(line)
    if not isinstance(got, (float, np.floating)) or not losses[500] * 0.9999 < got < (
            losses[499] * 1.0001):
        raise Wrong(f"a single Linear, after 500 steps: expected the loss {losses[499]:.6f}, got "
                    f"{shown(got)}")
    got = last_loss(nn.Sequential(start()[0], Softmax()))
    if not 1.4611 < got < 1.6:
        raise Wrong(f"the net with a softmax: expected a last loss from 1.46 to 1.6, got {got:.4f}")
    best = nn.functional.cross_entropy(Softmax()(1e4 * nn.Parameter(np.eye(10, dtype=float))),
                                       np.arange(10)).item()
    expect("the least loss behind a softmax", float(least), best, 5e-4)


@hole("in_parts", "zero_grad before the first part, step after the last.",
      "A part's loss counts by its share of the batch, len(part) / len(y).")
def _(in_parts, start, train_loader, cross_entropy):
    net, optimizer = start()
    wanted = []
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        wanted.append(loss.item())
    weights = [p.data for p in net.parameters()]
    for parts in 1, 3, 5:
        net, optimizer = start()
        steps, step = [], optimizer.step
        optimizer.step = lambda steps=steps, step=step: (steps.append(1), step())
        losses = in_parts(net, optimizer, parts)
        case = f"{len(wanted)} batches, each in {parts} parts"
        expect(f"{case}: how many losses", len(losses), len(wanted))
        expect(f"{case}: how many steps", len(steps), len(wanted))
        expect(f"{case}: the losses", np.array(losses, float), np.array(wanted), 1e-4, 1e-3)
        for p, weight in zip(net.parameters(), weights):
            expect(f"{case}: the weights at the end", p.data, weight, 1e-4, 1e-3)


@hole("suspects", "Train a net with weight_decay=0.01, from start, on lying_loader, 100 epochs.",
      "Suspicious is an image that the net reads otherwise than it was told.")
def _(suspects, lie):
    suspects = np.asarray(suspects)
    expect("the shape and the dtype of suspects", (suspects.shape, str(suspects.dtype)),
           ((400,), "bool"))
    found, false = (suspects & lie).sum(), (suspects & ~lie).sum()
    if found < 65 or false > 20:
        raise Wrong(f"expected at least 65 of the 80 lies and at most 20 false alarms, got {found} "
                    f"and {false}")
