"""nptorch.nn.init: that numbers are drawn as promised, into the tensor that is there."""

import math

import numpy as np
import pytest

import nptorch
from nptorch import manual_seed, nn, zeros
from nptorch.nn import init

SHAPE = (40, 20, 3, 5)  # fan in 300, fan out 600
STDS = [
    ("uniform_", {"a": -1.0, "b": 2.0}, 3 / math.sqrt(12)),
    ("normal_", {"mean": 0.5, "std": 0.25}, 0.25),
    ("kaiming_normal_", {}, math.sqrt(2 / 300)),
    ("kaiming_uniform_", {}, math.sqrt(2 / 300)),
    ("kaiming_normal_", {"mode": "fan_out", "nonlinearity": "relu"}, math.sqrt(2 / 600)),
    ("kaiming_uniform_", {"a": math.sqrt(5)}, math.sqrt(1 / 900)),
    ("kaiming_uniform_", {"nonlinearity": "tanh"}, 5 / 3 / math.sqrt(300)),
    ("xavier_normal_", {}, math.sqrt(2 / 900)),
    ("xavier_uniform_", {"gain": 3.0}, 3 * math.sqrt(2 / 900)),
]


@pytest.mark.parametrize("name, options, std", STDS)
def test_mean_spread_and_shape_of_the_distribution(name, options, std):
    manual_seed(0)
    tensor = zeros(*SHAPE)
    assert getattr(init, name)(tensor, **options) is tensor
    x, mean = tensor.data, {"uniform_": 0.5, "normal_": 0.5}.get(name, 0)
    assert x.dtype == np.float32
    assert abs(x.mean() - mean) < 5 * std / math.sqrt(x.size)
    assert abs(x.std() / std - 1) < 0.03
    farthest = abs(x - mean).max() / std
    assert 1.7 < farthest <= math.sqrt(3) + 1e-5 if "uniform" in name else 3.5 < farthest < 6


@pytest.mark.parametrize("name, options, std", STDS)
def test_pytorch_draws_as_wide(name, options, std):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    theirs = getattr(torch.nn.init, name)(torch.zeros(SHAPE), **options)
    assert abs(theirs.std().item() / std - 1) < 0.03


def test_a_fan_of_one():
    manual_seed(0)
    x = init.kaiming_normal_(zeros(9000, 1), nonlinearity="linear").data
    assert abs(x.std() - 1) < 0.03


def test_constants():
    tensor = zeros(2, 3)
    assert init.constant_(tensor, 0.5) is tensor and (tensor.data == 0.5).all()
    assert (init.ones_(tensor).data == 1).all() and (init.zeros_(tensor).data == 0).all()


def test_a_layer_may_be_drawn_anew():
    layer = nn.Linear(30, 20)
    array = layer.weight.data
    init.kaiming_normal_(layer.weight, nonlinearity="relu")
    init.zeros_(layer.bias)
    assert layer.weight.data is array and layer.weight.requires_grad and layer.weight.is_leaf
    assert not layer.bias.data.any() and abs(array.std() / math.sqrt(2 / 30) - 1) < 0.1


def test_the_seed_decides_and_the_dtype_stays():
    drawn = []
    for _ in range(2):
        manual_seed(3)
        drawn.append(init.xavier_uniform_(zeros(4, 5, dtype=np.float64)).data)
    np.testing.assert_array_equal(*drawn)
    assert drawn[0].dtype == np.float64 and len(np.unique(drawn[0])) == 20


GAINS = {"linear": 1, "conv1d": 1, "conv2d": 1, "conv3d": 1, "sigmoid": 1, "tanh": 5 / 3,
         "relu": math.sqrt(2), "selu": 0.75, "leaky_relu": math.sqrt(2 / (1 + 0.01**2))}


@pytest.mark.parametrize("name", GAINS)
def test_gains(name):
    assert init.calculate_gain(name) == pytest.approx(GAINS[name])


def test_gains_are_pytorchs():
    torch = pytest.importorskip("torch")
    for name in GAINS:
        assert init.calculate_gain(name) == pytest.approx(torch.nn.init.calculate_gain(name))
    for slope in 0, 0.2, math.sqrt(5):
        assert init.calculate_gain("leaky_relu", slope) == pytest.approx(
            torch.nn.init.calculate_gain("leaky_relu", slope))


@pytest.mark.parametrize("call, message", [
    (lambda: init.kaiming_normal_(zeros(3)), "expected at least 2, got 1"),
    (lambda: init.xavier_uniform_(zeros()), "expected at least 2, got 0"),
    (lambda: init.kaiming_uniform_(zeros(3, 2), nonlinearity="gelu"), "nonlinearity: expected one"),
    (lambda: init.calculate_gain("ReLU"), "nonlinearity: expected one of"),
    (lambda: init.kaiming_uniform_(zeros(3, 2), mode="fan"), '^mode: expected "fan_in" or "fan'),
    (lambda: init.kaiming_normal_(zeros(3, 2), mode="both"), "^mode: .* got 'both'"),
])
def test_what_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_an_empty_weight_stays_empty():
    assert init.kaiming_normal_(zeros(3, 0)).shape == (3, 0)


def test_the_address_is_pytorchs():
    assert nptorch.nn.init is init
    torch = pytest.importorskip("torch")
    names = {name for name, x in vars(init).items()
             if getattr(x, "__module__", "") == init.__name__ and name[0] != "_"}
    assert len(names) >= 10 and all(hasattr(torch.nn.init, name) for name in names)
