"""Train LeNet on MNIST and save its weights. Ctrl-C ends the training early, and what has been
learned until then is saved."""

import argparse
import math
import os
import signal
import sys
from pathlib import Path

from nptorch import manual_seed, nn, optim, save
from nptorch.datasets import mnist_or_digits
from nptorch.models import LeNet
from nptorch.training import evaluate, fit
from nptorch.utils.data import DataLoader, random_split


def checked(name, description, out, **options):
    """A parser for `python -m name`, and what it found. options: {name: (default, help, least)},
    to which --seed and --out come. Exits with a sentence for one that makes no sense."""
    parser = argparse.ArgumentParser(f"python -m {name}", description=description,
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    options["seed"] = 0, "seed of the weights and of chance", 0
    options["out"] = Path(out), "file for the weights", None
    for option, (default, text, _) in options.items():
        parser.add_argument(f"--{option}", type=type(default), default=default, help=text)
    found = parser.parse_args()
    for option, (_, _, least) in options.items():
        value = getattr(found, option)
        if least is not None and not least <= value < math.inf:
            parser.error(f"--{option}: expected a number, at least {least}, got {value}")
    if found.out.is_dir() or not os.access(found.out.absolute().parent, os.W_OK):
        parser.error(f"--out: can't write a file {found.out}")
    return parser, found


def interrupt_once(*_):
    """Ctrl-C: end the training. A second one must not keep its result from being saved."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def until_interrupted(train, save):
    """Call train(), which Ctrl-C ends early, then save(), which it does not disturb."""
    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.default_int_handler:  # else someone has decided otherwise, as nohup does
        signal.signal(signal.SIGINT, interrupt_once)
    try:
        train()
    except KeyboardInterrupt:
        print("interrupted")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    save()
    signal.signal(signal.SIGINT, usual)


def main():
    """Run the command line: train as notebooks/09_lenet.ipynb does, save, then open the test."""
    _, options = checked("nptorch", __doc__, "lenet.npz", epochs=(5, "epochs to train", 1))
    try:
        train, test = mnist_or_digits()
    except (ImportError, OSError, ValueError) as error:
        sys.exit(f"nptorch: {error}")
    learn, valid = random_split(train, [11 / 12, 1 / 12], generator=0)
    manual_seed(options.seed)
    model, loss, loader = LeNet(), nn.CrossEntropyLoss(), DataLoader(learn, 64, shuffle=True)
    optimizer = optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
    steps = options.epochs * len(loader)
    falling = optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    until_interrupted(lambda: fit(model, loader, loss, optimizer, options.epochs,
                                  DataLoader(valid, 500), falling),
                      lambda: save(model.state_dict(), options.out))
    print(f"weights saved to {options.out}", flush=True)
    print(f"test accuracy {evaluate(model, DataLoader(test, 500), loss).accuracy:.2%}")


if __name__ == "__main__":
    main()
