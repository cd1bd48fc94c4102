"""Write adam.json: PyTorch's losses in 100 steps of each optimizer and of each schedule, on one
small net from PyTorch's initial weights.

    python tests/golden/make_adam.py
"""

import json
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("adam.json")
STEPS = 100
OPTIMIZERS = {  # {name: (class, options)}
    "Adam": ("Adam", {"lr": 0.01}),
    "Adam, L2": ("Adam", {"lr": 0.01, "weight_decay": 0.05}),
    "Adam, other betas": ("Adam", {"lr": 0.02, "betas": (0.5, 0.9), "eps": 1e-3}),
    "Adam, amsgrad": ("Adam", {"lr": 0.02, "betas": (0.9, 0.9), "amsgrad": True}),
    "AdamW": ("AdamW", {"lr": 0.01}),
    "AdamW, decay": ("AdamW", {"lr": 0.01, "weight_decay": 0.3, "amsgrad": True}),
    "RMSprop": ("RMSprop", {"lr": 0.005}),
    "RMSprop, momentum": ("RMSprop", {"lr": 0.001, "momentum": 0.8, "weight_decay": 0.02}),
    "RMSprop, centered": ("RMSprop", {"lr": 0.005, "alpha": 0.9, "centered": True, "eps": 1e-4}),
    "RMSprop, all": ("RMSprop", {"lr": 0.001, "momentum": 0.5, "centered": True}),
    "Adagrad": ("Adagrad", {"lr": 0.05}),
    "Adagrad, all": ("Adagrad", {"lr": 0.1, "lr_decay": 0.02, "weight_decay": 0.03,
                                 "initial_accumulator_value": 0.1}),
}
SCHEDULES = {  # {name: (lr_scheduler, optimizer) -> scheduler}
    "LambdaLR": lambda s, o: s.LambdaLR(o, [lambda n: 0.97**n, lambda n: 1 / (1 + n)]),
    "LinearLR": lambda s, o: s.LinearLR(o, 0.1, total_iters=30),
    "LinearLR, down": lambda s, o: s.LinearLR(o, 1.0, 0.05, 80),
    "CosineAnnealingLR": lambda s, o: s.CosineAnnealingLR(o, 40),
    "CosineAnnealingLR, above 0": lambda s, o: s.CosineAnnealingLR(o, 99, eta_min=1e-3),
    "StepLR": lambda s, o: s.StepLR(o, 15, 0.5),
    "OneCycleLR": lambda s, o: s.OneCycleLR(o, 0.05, STEPS),
    "OneCycleLR, linear": lambda s, o: s.OneCycleLR(
        o, 0.05, epochs=10, steps_per_epoch=10, pct_start=0.4, anneal_strategy="linear",
        cycle_momentum=False, div_factor=10, final_div_factor=100),
    "SequentialLR": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, 0.01, total_iters=10), s.CosineAnnealingLR(o, 60),
            s.LinearLR(o, 0.1, 0.1)], [10, 70]),
}


def data():
    """Return 64 points (64, 5) and their classes (64,), made by a formula."""
    x = np.sin(np.arange(320) ** 1.3).reshape(64, 5)
    return x, (x[:, :3] + x[:, 2:]).argmax(1)


def losses(torch, lr_scheduler, weights, dtype, kind, options, schedule=None):
    """Return the losses of 100 steps on the small net, and the rates of its two groups.

    torch is either library, weights its first ones, {name: nested lists}; the second layer has
    half the rate of the first if there is a schedule.
    """
    net = torch.nn.Sequential(torch.nn.Linear(5, 12), torch.nn.Tanh(), torch.nn.Linear(12, 3))
    if dtype == "float64":
        for p in net.parameters():
            p.data = p.detach().double().data
    net.load_state_dict({name: torch.tensor(w, dtype=getattr(torch, dtype))
                         for name, w in weights.items()})
    points, classes = data()
    x, y = torch.tensor(points, dtype=getattr(torch, dtype)), torch.tensor(classes)
    groups = [{"params": list(net[0].parameters())},
              {"params": net[2].parameters(), "lr": options["lr"] / 2}]
    params = groups if schedule else net.parameters()
    optimizer = getattr(torch.optim, kind)(params, **options)
    scheduler = schedule and schedule(lr_scheduler, optimizer)
    found, rates = [], []
    for step in range(STEPS):
        part = slice(step % 4 * 16, step % 4 * 16 + 16)
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(x[part]), y[part])
        loss.backward()
        rates.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        if scheduler:
            scheduler.step()
        found.append(loss.item())
    return found, rates


def runs():
    """Return {name: (class, options, schedule or None)} of all that is compared."""
    plain = {name: (*settings, None) for name, settings in OPTIMIZERS.items()}
    return plain | {name: ("AdamW", {"lr": 0.03}, schedule) for name, schedule in SCHEDULES.items()}


def main():
    """Run PyTorch in float64 and write its first weights and its losses, with 13 digits."""
    import torch

    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(5, 12), torch.nn.Tanh(), torch.nn.Linear(12, 3))
    weights = {name: w.tolist() for name, w in net.state_dict().items()}
    blocks = [f'"weights": {json.dumps(weights)}']
    for name, settings in runs().items():
        found, _ = losses(torch, torch.optim.lr_scheduler, weights, "float64", *settings)
        blocks.append(f'"{name}": {json.dumps([float(f"{value:.13g}") for value in found])}')
    FILE.write_text("{\n" + ",\n".join(blocks) + "\n}\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
