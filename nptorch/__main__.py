"""Train LeNet on MNIST and save its weights. Ctrl-C ends the training early, and what has been
learned until then is saved."""

import argparse
import os
import signal
from pathlib import Path

from nptorch import manual_seed, nn, optim, save
from nptorch.datasets import mnist_or_digits
from nptorch.models import LeNet
from nptorch.training import evaluate, fit
from nptorch.utils.data import DataLoader, random_split


def checked():
    """The options of the command line; exits with a sentence for one that makes no sense."""
    parser = argparse.ArgumentParser("python -m nptorch", description=__doc__,
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--epochs", type=int, default=5, help="epochs to train")
    parser.add_argument("--seed", type=int, default=0, help="seed of the weights and the order")
    parser.add_argument("--out", type=Path, default="lenet.npz", help="file for the weights")
    options = parser.parse_args()
    for name, least in ("epochs", 1), ("seed", 0):
        if (value := getattr(options, name)) < least:
            parser.error(f"--{name}: expected at least {least}, got {value}")
    if options.out.is_dir() or not os.access(options.out.absolute().parent, os.W_OK):
        parser.error(f"--out: can't write a file {options.out}")
    return options


def interrupt_once(*_):
    """Ctrl-C: end the training. A second one must not keep its result from being saved."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def main():
    """Run the command line: train as notebooks/09_lenet.ipynb does, save, then open the test."""
    options = checked()
    train, test = mnist_or_digits()
    learn, valid = random_split(train, [11 / 12, 1 / 12], generator=0)
    manual_seed(options.seed)
    model, loss, loader = LeNet(), nn.CrossEntropyLoss(), DataLoader(learn, 64, shuffle=True)
    optimizer = optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
    steps = options.epochs * len(loader)
    falling = optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)

    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.default_int_handler:  # else someone has decided otherwise, as nohup does
        signal.signal(signal.SIGINT, interrupt_once)
    fit(model, loader, loss, optimizer, options.epochs, DataLoader(valid, 500), falling)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    save(model.state_dict(), options.out)
    signal.signal(signal.SIGINT, usual)
    print(f"weights saved to {options.out}", flush=True)
    print(f"test accuracy {evaluate(model, DataLoader(test, 500), loss).accuracy:.2%}")


if __name__ == "__main__":
    main()
