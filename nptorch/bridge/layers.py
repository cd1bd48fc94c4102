"""Functions and layers without parameters, losses (notebooks/18_names.ipynb)."""

import inspect

import numpy as np

import nptorch as torch
from nptorch import nn
from nptorch.autograd import Tensor, op
from nptorch.bridge.words import fuller, plain, rows
from nptorch.nn import functional as F
from nptorch.nn.conv import pair


def layer(name, f, inputs=1, base=nn.Module):
    """f as a layer: what f takes besides its first arguments, inputs, are the layer's options."""
    signature = inspect.signature(f)

    def __init__(self, *args, inplace=False, **options):
        bound = signature.bind(*[None] * inputs, *args, **options).arguments
        self.options = dict(list(bound.items())[inputs:])

    return type(name, (base,), {
        "__init__": __init__, "__doc__": f"{name}, a function as a module.",
        "forward": lambda self, *args: f(*args, **self.options),
        "extra_repr": lambda self: ", ".join(f"{k}={v}" for k, v in self.options.items())})


def one_hot(tensor, num_classes=-1):
    """For each class number a row of int64 zeros with a one at its place."""
    n = int(tensor.data.max()) + 1 if num_classes == -1 else num_classes
    if tensor.data.size and not 0 <= tensor.data.min() <= tensor.data.max() < n:
        raise ValueError(f"one_hot: expected class numbers from 0 to {n - 1}")
    return Tensor(np.eye(n, dtype=np.int64)[tensor.data])


def adaptive_avg_pool2d(input, output_size):
    """The mean of each of output_size equal parts (down, across) of images, or ValueError."""
    (down, across), (*lead, h, w) = pair("output_size", output_size), input.shape
    return input.reshape(*lead, down, h // down, across, w // across).mean((-3, -1))


rows({
    "one_hot": one_hot, "adaptive_avg_pool2d": adaptive_avg_pool2d,
    "leaky_relu": lambda input, negative_slope=0.01: torch.where(
        input > 0, input, input * negative_slope),
    "silu": lambda input: input * torch.sigmoid(input)}, "nn.functional")
rows({name: layer(name, f) for name, f in {
    "Softmax": torch.softmax, "LogSoftmax": torch.log_softmax, "LeakyReLU": F.leaky_relu,
    "SiLU": F.silu, "AdaptiveAvgPool2d": adaptive_avg_pool2d}.items()}, "nn")


def _lazy(kind, width):
    def __init__(self, *args, **options):
        self.later, self.weight, self.bias = (args, options), nn.Parameter([]), nn.Parameter([])

    def forward(self, x):
        (args, options), self.__class__, early = self.later, kind, dict(self.named_parameters())
        kind.__init__(self, x.shape[width], *args, **options)
        for name, p in self.named_parameters():  # those that an optimizer may have by now
            early[name].data = p.data
            setattr(self, name, early[name])
        return self(x)

    return type(f"Lazy{kind.__name__}", (nn.Module,), {"__init__": __init__, "forward": forward,
                "__doc__": f"{kind.__name__} of as many inputs as it first sees."})


rows({"LazyLinear": _lazy(nn.Linear, -1), "LazyConv2d": _lazy(nn.Conv2d, 1)}, "nn")

fuller(F.nll_loss)(lambda input, target, weight=None, ignore_index=-100, reduction="mean":
                   _weighed(input, target, weight, ignore_index, reduction))
fuller(F.cross_entropy)(
    lambda input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0:
    _weighed(torch.log_softmax(input, min(1, input.ndim - 1)), target, weight, ignore_index,
             reduction, label_smoothing))


def _reduced(losses, reduction):
    reduction = nn.MSELoss(reduction).reduction  # which checks it
    return losses if reduction == "none" else getattr(losses, reduction)()


def _weighed(logs, target, weight, ignore_index, reduction, smoothing=None):
    """Minus the log-probabilities logs (N, C, d...), each as often as target says: with class
    numbers (N, d...) or, unless smoothing is None, with shares of the classes in logs' shape."""
    dim, labels = min(1, logs.ndim - 1), np.asarray(target)
    classes, shares, total = logs.shape[dim], target, logs.data.size / logs.shape[dim]
    each = np.ones(classes) if weight is None else np.asarray(weight)
    if labels.dtype.kind not in ("iu" if smoothing is None else "iuf"):
        raise TypeError(f"target: expected class numbers, got dtype {labels.dtype}")
    if labels.dtype.kind != "f":
        counted, labels = labels != ignore_index, np.where(labels == ignore_index, 0, labels)
        if not ((labels >= 0) & (labels < classes)).all():
            raise IndexError(f"target: expected classes 0 ... {classes - 1}, got {target}")
        total = each[labels][counted].sum()
        shares = Tensor(np.moveaxis(np.eye(classes)[labels], -1, dim).astype(logs.dtype))
        each = np.moveaxis(each * counted[..., None], -1, dim)
    else:
        each = each.reshape(-1, *[1] * (logs.ndim - 1 - dim))
    if shares.shape != logs.shape:
        raise ValueError(f"expected input (N, C, d...) and target (N, d...) or of input's shape, "
                         f"got {logs.shape} and {target.shape}")
    even = (smoothing or 0.0) / classes
    shares = (shares * (1 - even * classes) + even) * Tensor(each.astype(logs.dtype))
    losses = -torch.where(shares != 0, logs * shares, 0.0).sum(dim)
    return losses.sum() / float(total) if reduction == "mean" else _reduced(losses, reduction)


@fuller(F.binary_cross_entropy_with_logits)
def _bce_with_logits(input, target, weight=None, reduction="mean", pos_weight=None):
    losses = F.binary_cross_entropy_with_logits(input, target, "none")
    if pos_weight is not None:  # -log p counts pos_weight times
        hits = F.binary_cross_entropy_with_logits(input, target * 0 + 1, "none")
        losses = losses + (pos_weight - 1) * target * hits
    return _reduced(losses if weight is None else losses * weight, reduction)


@op
def _bce(p, y, /):
    with np.errstate(divide="ignore"):
        yes, no = (np.maximum(np.log(x), -100) for x in (p, 1 - p))
    return (-(y * yes + (1 - y) * no), lambda g: g * (p - y) / np.maximum(p * (1 - p), 1e-12),
            lambda g: g * (no - yes))


def binary_cross_entropy(input, target, reduction="mean"):
    """-(y log p + (1 - y) log(1 - p)) for p = input and y = target, both in [0, 1]; no logarithm
    counts as less than -100."""
    if input.shape != target.shape or not ((input.data >= 0) & (input.data <= 1)).all():
        raise ValueError(f"binary_cross_entropy: expected one shape, and input in [0, 1] (which "
                         f"sigmoid gives), got {input.shape} and {target.shape}")
    return _reduced(_bce(input, target), reduction)


for _name, _f in {"NLLLoss": F.nll_loss, "CrossEntropyLoss": F.cross_entropy,
                  "BCEWithLogitsLoss": F.binary_cross_entropy_with_logits}.items():
    _full = layer(_name, plain(_f).fuller, 2, getattr(nn, _name))
    fuller(getattr(nn, _name).__init__)(lambda self, full=_full, **options: setattr(
        self, "__class__", full) or full.__init__(self, **options))
rows({"binary_cross_entropy": binary_cross_entropy}, "nn.functional")
rows({"BCELoss": layer("BCELoss", F.binary_cross_entropy, 2)}, "nn")
