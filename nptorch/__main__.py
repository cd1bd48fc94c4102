"""Train LeNet and save its weights. Ctrl-C ends the training early, and what has been learned
until then is saved."""

import argparse
import os
from pathlib import Path

from nptorch import save
from nptorch.data import DataLoader
from nptorch.models import mnist_or_digits, train_lenet
from nptorch.training import evaluate


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser("python -m nptorch", description=__doc__,
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--epochs", type=int, default=5, help="epochs to train")
    parser.add_argument("--seed", type=int, default=0, help="seed of the weights and the order")
    parser.add_argument("--out", type=Path, default="lenet.npz", help="file for the weights")
    options = parser.parse_args()
    # What train_lenet and save would refuse is refused here: before a download, and a training.
    if options.epochs < 1:
        parser.error(f"--epochs: expected at least 1, got {options.epochs}")
    if options.out.is_dir() or not os.access(options.out.absolute().parent, os.W_OK):
        parser.error(f"--out: can't write a file {options.out}")
    train, test = mnist_or_digits()
    model, _ = train_lenet(train, test, options.epochs, options.seed)
    print(f"test accuracy {evaluate(model, DataLoader(test, batch_size=500)):.2%}")
    save(model.state_dict(), options.out)
    print(f"weights saved to {options.out}")


if __name__ == "__main__":
    main()
