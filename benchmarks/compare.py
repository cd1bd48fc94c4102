"""Time training steps of nptorch against PyTorch's, side by side on this machine.

    python benchmarks/compare.py [--rounds 15]

Each library runs in a process of its own with two threads, and they take turns, so that what
else the machine does hits all of them. A step is zero_grad, forward, loss, backward and SGD with
momentum, or Adam where it says so, in float32; a GPT's is that of notebook 13, with clipping and
AdamW, one text under both libraries. An epoch is 60,000 images in batches: nptorch's from its
shuffling DataLoader, PyTorch's sliced from one array. The table gives PyTorch's time, and for the
others the median of the ratios to it with the smallest and the largest; below 1 is faster than
PyTorch.
autograd, DeZero and micrograd take part where they are installed and have what the net needs.
Needs PyTorch: pip install -e ".[parity]".
"""

import argparse
import importlib.metadata
import importlib.util
import os
import platform
import statistics
import subprocess
import sys
import time
from collections import namedtuple
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np

GPT = Path(__file__).parent.parent / "nptorch/models/gpt.py"
# sizes: the layers', None for LeNet and GPT; repeats: in one round; fewer: divides the rounds
Case = namedtuple("Case", "sizes batch loss repeats fewer adam", defaults=(False,))
CASES = {
    "tiny 2-16-16-1, batch 32": Case((2, 16, 16, 1), 32, "mse_loss", 500, 1),
    "MLP 784-256-128-10, batch 64": Case((784, 256, 128, 10), 64, "cross_entropy", 150, 1),
    "MLP 784-256-128-10, batch 64, Adam": Case(
        (784, 256, 128, 10), 64, "cross_entropy", 100, 1, adam=True),
    "MLP 784-256-128-10, batch 256": Case((784, 256, 128, 10), 256, "cross_entropy", 60, 1),
    "LeNet, batch 64": Case(None, 64, "cross_entropy", 40, 1),
    "LeNet, batch 256": Case(None, 256, "cross_entropy", 15, 1),
    "LeNet, an epoch, batch 64": Case(None, 64, "epoch", 1, 3),
    "GPT, 32 windows of 64 characters": Case(None, 32, "gpt", 10, 1),
}


def layers(nn, sizes):
    """Return the layers of a net: Linear and ReLU of these sizes, or LeNet's."""
    if sizes is None:
        return [nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
                nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                *layers(nn, (400, 120, 84, 10))]
    pairs = [(nn.Linear(n_in, n_out), nn.ReLU()) for n_in, n_out in pairwise(sizes)]
    return [layer for pair in pairs for layer in pair][:-1]


def samples(case, n):
    """Return n random inputs and targets for a net."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, *((1, 28, 28) if case.sizes is None else case.sizes[:1])))
    y = rng.standard_normal((n, 1)) if case.loss == "mse_loss" else rng.integers(0, 10, n)
    return x.astype(np.float32), y.astype(np.float32) if y.ndim == 2 else y


def gpt_steps(torch, batch):
    """Return what makes one training step of a GPT after another; torch is either library."""
    module = ModuleType("gpt")
    exec(GPT.read_text(encoding="utf-8").replace("nptorch", torch.__name__), vars(module))
    ids = np.random.default_rng(0).integers(0, 106, 100_000)
    return module.train(module.GPT(106), ids, 10**6, batch=batch)


def with_torch(torch, case):
    """Return a function that makes one training step, or an epoch; torch is either library."""
    if case.loss == "gpt":
        return gpt_steps(torch, case.batch).__next__
    model = torch.nn.Sequential(*layers(torch.nn, case.sizes))
    optimizer = (torch.optim.Adam(model.parameters(), lr=1e-3) if case.adam else
                 torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9))
    functional = importlib.import_module(f"{torch.__name__}.nn.functional")
    loss_function = getattr(functional, case.loss.replace("epoch", "cross_entropy"))

    def step(x, y):
        optimizer.zero_grad()
        loss_function(model(x), y).backward()
        optimizer.step()

    if case.loss != "epoch":
        x, y = map(torch.tensor, samples(case, case.batch))
        return lambda: step(x, y)
    x, y = map(torch.tensor, samples(case, 60_000))

    def epoch():
        if torch.__name__ == "nptorch":
            data = torch.utils.data.TensorDataset(x, y)
            batches = torch.utils.data.DataLoader(data, case.batch, shuffle=True)
        else:
            starts = range(0, len(x), case.batch)
            batches = ((x[i:i + case.batch], y[i:i + case.batch]) for i in starts)
        for batch in batches:
            step(*batch)

    return epoch


def with_autograd(autograd, case):
    """Return a function that makes one training step with HIPS autograd."""
    import autograd.numpy as anp
    from autograd.scipy.special import logsumexp

    if case.sizes is None or case.adam:
        return None  # it has no pooling, no convolution but SciPy's, no single step of Adam
    rng = np.random.default_rng(0)
    params = [rng.uniform(-1, 1, shape).astype(np.float32) / np.float32(n_in**0.5)
              for n_in, n_out in zip(case.sizes, case.sizes[1:])
              for shape in ((n_in, n_out), (n_out,))]
    x, y = samples(case, case.batch)
    velocity = [np.zeros_like(p) for p in params]

    def loss(params):
        h = x
        for weight, bias in zip(params[:-2:2], params[1:-2:2]):
            h = anp.maximum(anp.dot(h, weight) + bias, 0)
        h = anp.dot(h, params[-2]) + params[-1]
        if case.loss == "mse_loss":
            return anp.mean((h - y) ** 2)
        return anp.mean(logsumexp(h, axis=1) - h[np.arange(len(y)), y])

    gradient = autograd.grad(loss)

    def step():
        for p, v, g in zip(params, velocity, gradient(params)):
            v *= 0.9
            v -= 0.01 * g
            p += v

    return step


def with_dezero(dezero, case):
    """Return a function that makes one training step with DeZero."""
    import dezero.functions as F
    import dezero.layers as L

    class LeNet(dezero.Model):
        def __init__(self):
            super().__init__()
            self.conv1, self.conv2 = L.Conv2d(6, 5, pad=2), L.Conv2d(16, 5)
            self.head = dezero.models.MLP((120, 84, 10), activation=F.relu)

        def forward(self, x):
            for convolution in self.conv1, self.conv2:
                x = F.pooling(F.relu(convolution(x)), 2, 2)
            return self.head(F.reshape(x, (len(x), -1)))

    if case.loss in ("epoch", "gpt"):
        return None
    model = LeNet() if case.sizes is None else dezero.models.MLP(case.sizes[1:], F.relu)
    optimizer = (dezero.optimizers.Adam(alpha=1e-3) if case.adam else
                 dezero.optimizers.MomentumSGD(lr=0.01, momentum=0.9)).setup(model)
    loss_function = F.mean_squared_error if case.loss == "mse_loss" else F.softmax_cross_entropy
    x, y = samples(case, case.batch)

    def step():
        model.cleargrads()
        loss_function(model(x), y).backward()
        optimizer.update()

    return step


def with_micrograd(micrograd, case):
    """Return a function that makes one training step with micrograd, which has no arrays."""
    from micrograd.nn import MLP

    if case.loss != "mse_loss":
        return None
    model = MLP(case.sizes[0], list(case.sizes[1:]))
    parameters = model.parameters()
    x, y = (a.tolist() for a in samples(case, case.batch))
    velocity = [0.0] * len(parameters)

    def step():
        model.zero_grad()
        loss = sum((model(row) - target) ** 2 for row, (target,) in zip(x, y)) * (1 / len(x))
        loss.backward()
        for i, p in enumerate(parameters):
            velocity[i] = 0.9 * velocity[i] - 0.01 * p.grad
            p.data += velocity[i]

    return step


STEPS = {"torch": with_torch, "nptorch": with_torch, "autograd": with_autograd,
         "dezero": with_dezero, "micrograd": with_micrograd}
SLOW = {"micrograd": 250}  # makes fewer steps a round by this factor


def serve(library):
    """Answer each name of a case that arrives on standard input with its milliseconds a step."""
    if library == "dezero":
        np.int = int  # a name that DeZero uses and that NumPy dropped
    module, steps = importlib.import_module(library), {}
    if library == "torch":
        module.set_num_threads(2)
    for line in sys.stdin:
        name = line.rstrip("\n")
        case, times = CASES[name], []
        if name not in steps:
            steps[name] = STEPS[library](module, case)
        step = steps[name]
        for _ in range(-(-case.repeats // SLOW.get(library, 1)) if step else 0):
            start = time.perf_counter()
            step()
            times.append(time.perf_counter() - start)
        print(1e3 * statistics.median(times) if times else "nan", flush=True)


def start(library):
    """Start a process that serves a library, with two threads for its matrix products."""
    threads = {name: "2" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    # Each library at its best: without these some runs spend their time on page faults.
    memory = {"MALLOC_TRIM_THRESHOLD_": "1000000000", "MALLOC_MMAP_THRESHOLD_": "1000000000"}
    environment = os.environ | threads | memory
    return subprocess.Popen([sys.executable, __file__, "--serve", library], env=environment,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def ask(process, name):
    """Return the milliseconds that a step takes in a process, nan for what it can't do."""
    process.stdin.write(name + "\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def cell(ratios):
    """Return the median of the ratios and their spread as text, or a dash for none."""
    if np.isnan(ratios).any():
        return "–"
    digits = 2 if statistics.median(ratios) < 10 else 0
    middle, low, high = statistics.median(ratios), min(ratios), max(ratios)
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def main():
    """Run the command line; see the top of this file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--serve", choices=STEPS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        return serve(options.serve)
    installed = [library for library in STEPS if importlib.util.find_spec(library)]
    if "torch" not in installed:
        sys.exit('compare.py needs PyTorch: pip install -e ".[parity]"')
    others = [name for name in ("numpy", *installed) if name != "nptorch"]
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in others)
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
          f"{versions}\n")
    print(f"| training step | PyTorch | {' | '.join(installed[1:])} |")
    print("| --- " * (len(installed) + 1) + "|")
    processes = [start(library) for library in installed]
    for name, case in CASES.items():
        rounds = max(options.rounds // case.fewer, 1)
        times = [[ask(process, name) for process in processes] for _ in range(rounds + 1)]
        torch, *others = zip(*times[1:])  # the first round warms up
        cells = [cell([a / b for a, b in zip(other, torch)]) for other in others]
        print(f"| {name} | {statistics.median(torch):#.3g} ms | {' | '.join(cells)} |", flush=True)
    for process in processes:
        process.stdin.close()
        process.wait()


if __name__ == "__main__":
    main()
