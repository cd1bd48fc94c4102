"""Time a training step of nptorch against PyTorch's, side by side on this machine.

    python benchmarks/compare.py [--rounds 15]

Each library runs in a process of its own with two threads, and the two take turns, so that what
else the machine does hits both. A step is zero_grad, forward, loss, backward and SGD with
momentum, in float32. The table gives the median of the ratios and, in brackets, the smallest and
the largest; below 1 nptorch is faster. Needs PyTorch: pip install -e ".[parity]".
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

LIBRARIES = ("nptorch", "torch")
# name: layer sizes (None for LeNet), batch size, loss, steps in one round
NETS = {
    "tiny 2-16-16-1, batch 32": ((2, 16, 16, 1), 32, "mse_loss", 500),
    "MLP 784-256-128-10, batch 64": ((784, 256, 128, 10), 64, "cross_entropy", 150),
    "MLP 784-256-128-10, batch 256": ((784, 256, 128, 10), 256, "cross_entropy", 60),
    "LeNet, batch 64": (None, 64, "cross_entropy", 40),
    "LeNet, batch 256": (None, 256, "cross_entropy", 15),
}


def layers(nn, sizes):
    """Return the layers of a net: Linear and ReLU of these sizes, or LeNet's."""
    if sizes is None:
        return [nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
                nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                *layers(nn, (400, 120, 84, 10))]
    pairs = [(nn.Linear(n_in, n_out), nn.ReLU()) for n_in, n_out in zip(sizes, sizes[1:])]
    return [layer for pair in pairs for layer in pair][:-1]


def training_step(torch, sizes, batch, loss_name):
    """Return a function that makes one training step; torch is either library."""
    model = torch.nn.Sequential(*layers(torch.nn, sizes))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    functional = importlib.import_module(f"{torch.__name__}.nn.functional")
    loss_function = getattr(functional, loss_name)
    x = torch.randn(batch, sizes[0]) if sizes else torch.randn(batch, 1, 28, 28)
    y = torch.randint(0, 10, (batch,)) if loss_name == "cross_entropy" else torch.randn(batch, 1)

    def step():
        optimizer.zero_grad()
        loss_function(model(x), y).backward()
        optimizer.step()

    return step


def serve(library):
    """Answer each name of a net that arrives on standard input with its milliseconds a step."""
    torch = importlib.import_module(library)
    if library == "torch":
        torch.set_num_threads(2)
    steps = {name: training_step(torch, *net[:3]) for name, net in NETS.items()}
    for line in sys.stdin:
        name = line.rstrip("\n")
        step, times = steps[name], []
        for _ in range(NETS[name][3]):
            start = time.perf_counter()
            step()
            times.append(time.perf_counter() - start)
        print(1e3 * statistics.median(times), flush=True)


def start(library):
    """Start a process that serves a library, with two threads for its matrix products."""
    threads = {name: "2" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    # PyTorch at its best: without these some of its runs spend their time on page faults.
    memory = {"MALLOC_TRIM_THRESHOLD_": "1000000000", "MALLOC_MMAP_THRESHOLD_": "1000000000"}
    environment = os.environ | threads | (memory if library == "torch" else {})
    return subprocess.Popen([sys.executable, __file__, "--serve", library], env=environment,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def ask(process, name):
    """Return the milliseconds that a step of a net takes in a process."""
    process.stdin.write(name + "\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def main():
    """Run the command line; see the top of this file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--serve", choices=LIBRARIES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        return serve(options.serve)
    if importlib.util.find_spec("torch") is None:
        sys.exit('compare.py needs PyTorch: pip install -e ".[parity]"')
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "torch")]
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
          f"{', '.join(versions)}")
    processes = {library: start(library) for library in LIBRARIES}
    for name in NETS:
        rounds = [[ask(process, name) for process in processes.values()]
                  for _ in range(options.rounds + 1)][1:]  # the first one warms up
        ratios = sorted(ours / theirs for ours, theirs in rounds)
        ours, theirs = (statistics.median(times) for times in zip(*rounds))
        print(f"{name:<30} {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
              f"   {ours:.3f} ms against {theirs:.3f} ms")
    for process in processes.values():
        process.stdin.close()
        process.wait()


if __name__ == "__main__":
    main()
