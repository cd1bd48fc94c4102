"""Built, step by step, in notebooks/09_lenet.ipynb."""

import numpy as np

from nptorch import Tensor, manual_seed, nn
from nptorch.data import DataLoader, Subset, TensorDataset, digits, mnist
from nptorch.optim import SGD
from nptorch.training import fit


def _enlarged(dataset):
    """dataset with images (N, 1, 28, 28) in the place of (N, 1, 8, 8): each pixel three wide, in
    a margin of two zeros."""
    images, labels = dataset.tensors
    large = np.kron(images.data, np.ones((3, 3), np.float32))
    return TensorDataset(Tensor(np.pad(large, [(0, 0), (0, 0), (2, 2), (2, 2)])), labels)


def mnist_or_digits():
    """MNIST as (train, test), or, where it can't be had, digits() in its shape.

    Images float32 (N, 1, 28, 28) from 0 to 1, labels int64 (N,). Without MNIST one printed
    sentence says why, and the images to train on are those of digits(), four times over. Raises
    ValueError if a file of MNIST's is damaged, and what digits() raises.
    """
    try:
        return mnist()
    except OSError as error:
        reason = str(error).partition(":\n")[0]  # a list of mirrors may follow
    print(f"MNIST can't be had ({reason}), so digits() takes its place, enlarged to 28 x 28.")
    train, test = map(_enlarged, digits())
    return Subset(train, np.tile(np.arange(len(train)), 4)), test


class LeNet(nn.Module):
    """From images (N, 1, 28, 28), with pixels from 0 to 1, to the logits (N, 10) of ten digits.

    Source: LeNet-5 of LeCun, Bottou, Bengio and Haffner (1998). That has images of 32 x 32 in the
    place of the padding, tanh for ReLU, scaled means for the largest of four, a second convolution
    of which each map sees only some of the first's, and distances to ten drawn patterns at the end.
    """

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))

    def standardized(self, x):
        """Pixels x without MNIST's mean and spread: with mean 0 and spread 1, as in the source."""
        return (x - 0.13) / 0.31

    def forward(self, x):
        return self.layers(self.standardized(x))


def sawtooth(lr, epochs, steps):
    """A list with a learning rate for each step of a training, epochs · steps of them: in every
    epoch it falls evenly from a peak towards 0, which it never reaches. The peaks fall evenly,
    too, and the first of them is lr."""
    return [lr * (1 - epoch / epochs) * (1 - step / steps)
            for epoch in range(epochs) for step in range(steps)]


class ScheduledSGD(SGD):
    """SGD with a learning rate for each step, and without penalties.

    rates: a sequence of at least one number; after its end the last one stays.
    """

    def __init__(self, params, rates, momentum=0.0):
        super().__init__(params, rates[0], momentum)
        self.rates = iter(rates)

    def step(self):
        """Set lr to the next of the rates, then move every parameter that has a gradient."""
        self.lr = next(self.rates, self.lr)
        super().step()


def train_lenet(train, test, epochs=5, seed=0, lr=0.03, momentum=0.9, progress=True):
    """Train a LeNet in batches of 64, with the rates of sawtooth; return it and its History.

    train and test are datasets as mnist_or_digits gives them; progress: as in fit. Raises
    ValueError for epochs below 1.
    """
    if epochs < 1:
        raise ValueError(f"epochs: expected at least 1, got {epochs}")
    manual_seed(seed)
    model, loader = LeNet(), DataLoader(train, batch_size=64, shuffle=True)
    rates = sawtooth(lr, epochs, steps=len(loader))
    optimizer = ScheduledSGD(model.parameters(), rates, momentum)
    return model, fit(model, loader, nn.functional.cross_entropy, optimizer, epochs,
                      DataLoader(test, batch_size=500), progress)
