"""LeNet, the net that read the digits on cheques (notebooks/09_lenet.ipynb)."""

from nptorch import nn


class LeNet(nn.Module):
    """From images (N, 1, 28, 28), with pixels from 0 to 1, to the logits (N, 10) of ten digits.

    Source: LeNet-5 of LeCun, Bottou, Bengio and Haffner (1998). That has images of 32 x 32 for the
    padding, tanh for ReLU, scaled means for the largest of four, a second convolution of which each
    map sees only some of the first's, and distances to ten drawn patterns at the end."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))

    def normalized(self, x):
        """Pixels x with mean 0 and spread 1, as in the source: MNIST's have 0.13 and 0.31."""
        return (x - 0.13) / 0.31

    def forward(self, x):
        return self.layers(self.normalized(x))
