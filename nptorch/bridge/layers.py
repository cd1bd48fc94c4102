"""Layers, losses, lists of layers (notebooks/19_layers.ipynb)."""

import functools
import inspect
from collections.abc import MutableMapping

import numpy as np

import nptorch as torch
from nptorch import nn
from nptorch.autograd import Tensor, op
from nptorch.bridge.words import fuller, plain, rows
from nptorch.checks import dimension, integer, number
from nptorch.lookup import chance
from nptorch.nn import functional as F


def ordered(order, usual):
    """The signature of names in this order, with their usual values."""
    return inspect.Signature([
        inspect.Parameter(name, 1, default=usual.get(name)) for name in order.split()])


def told(name, takes, args, given, flags="inplace size_average reduce"):
    """Arguments by their names in the signature takes. TypeError for what name does not take."""
    try:
        bound = takes.bind(*args, **given)
    except TypeError as error:
        raise TypeError(f"{name}{takes}: {error}") from None
    bound.apply_defaults()
    found = dict(bound.arguments)
    for word in f"{flags} weight pos_weight".split():
        kind, said = (Tensor, "a Tensor") if "weight" in word else (bool, "True or False")
        if not isinstance(found.get(word), kind | None):
            raise TypeError(f"{word}: expected {said}, got {found[word]!r}")
    if found.get("reduction") == "elementwise_mean":  # its name in 2018
        found["reduction"] = "mean"
    mean, reduced = old = found.pop("size_average", None), found.pop("reduce", None)
    if old != (None, None):
        found["reduction"] = "none" if reduced is False else "sum" if mean is False else "mean"
    return found


_quiet = "inplace", "size", "scale_factor", "align_corners"  # are not shown where they are off


def layer(name, f, loss=None):
    """f as a layer: what f takes besides its input, or the signature of a loss, are attributes."""
    known = (loss or inspect.signature(f)).parameters
    takes = inspect.Signature([p for p in known.values() if p.name != "training"][1 + bool(loss):])
    usual = {option: p.default for option, p in takes.parameters.items()}

    def __init__(self, *args, **given):
        for option, value in told(name, takes, args, given).items():
            (self.register_buffer if isinstance(value, Tensor) else self.__setattr__)(option, value)
        F.dropout(torch.ones(0), vars(self).get("p", 0))  # refuses a p that is no probability
        nn.loss._checked(vars(self).get("reduction", "mean"))
        if "stride" in usual and self.stride is None:
            self.stride = self.kernel_size

    __init__.__signature__ = takes.replace(  # for help()
        parameters=[inspect.Parameter("self", 0), *takes.parameters.values()])

    def forward(self, *args, **given):
        odd = {k: vars(self)[k] for k, x in usual.items() if vars(self).get(k, x) is not x}
        mode = {"training": self.training} if "training" in known else {}
        return f(*args, **given, **odd, **mode)

    def extra_repr(self):
        return ", ".join(f"{option}={vars(self)[option]!r}" for option in usual if vars(self).get(
            option) or option not in _quiet or "training" in known)

    kind = vars(nn).setdefault(name, type(name, (nn.Module,), {
        "__init__": chance(__init__), "forward": forward, "__module__": "nptorch.nn",
        "__doc__": f"{name}, a function as a module."}))
    fuller(kind.__init__)(__init__)
    if loss:
        kind.forward = fuller(kind.forward)(forward)
    else:
        kind.extra_repr = extra_repr


layer("ReLU", fuller(F.relu)(lambda input, inplace=False: plain(F.relu)(input)))
layer("Softmax", lambda input, dim=None: F.softmax(input, dim=dim))  # which guesses
layer("LogSoftmax", lambda input, dim=None: F.log_softmax(input, dim=dim))
fuller(nn.Identity.__init__)(lambda self, *args, **options: None)
fuller(nn.Dropout.__init__)(lambda self, p=0.5, inplace=False: plain(nn.Dropout.__init__)(self, p))
for _name, _f in [*vars(nn.init).items()]:
    if _name[0] != "_" and _name[-1] == "_":  # an array, such as a weight's data, is filled, too
        fuller(_f)(lambda tensor, *args, f=_f, **options: (
            plain(f)(Tensor(tensor), *args, **options), tensor)[1])


def one_hot(tensor, num_classes=-1):
    """For each class number a row of int64 zeros with a one at its place; ValueError for others."""
    labels = tensor.data
    if labels.dtype.kind not in "iu":
        raise TypeError(f"one_hot: expected class numbers, ints, got {tensor.dtype}")
    n = int(labels.max()) + 1 if num_classes == -1 else num_classes
    if not ((labels >= 0) & (labels < n)).all():
        raise ValueError(f"one_hot: expected class numbers from 0 to {n - 1}")
    return Tensor(np.eye(n, dtype=np.int64)[labels])


def _means(input, sizes, dims):
    """The means of sizes parts of the last dims dimensions, which overlap where they must."""
    sizes = sizes if isinstance(sizes, (tuple, list)) else [sizes] * dims
    if len(sizes) != dims or input.ndim - dims not in (1, 2):
        raise ValueError(f"adaptive_avg_pool{dims}d: expected {dims} of output_size, and input of "
                         f"{dims + 1} or {dims + 2} dimensions, got {sizes} and {input.shape}")
    for dim, parts in enumerate(sizes, -dims):
        n, x = input.shape[dim], input.transpose(dim, -1)
        parts = n if parts is None else integer("output_size", parts, 1)
        means = [x[..., j * n // parts:-(-(j + 1) * n // parts)].mean(-1) for j in range(parts)]
        input = torch.stack(means, -1).transpose(dim, -1)
    return input


def pad(input, pad, mode="constant", value=None):
    """input with pad[0] elements more before and pad[1] behind in its last dimension, and so on for
    those before it. Raises ValueError for lengths below 0, and for a mode other than "constant"
    (value), "reflect", "replicate" and "circular"."""
    modes = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    if mode not in modes or min(pad) < 0 or len(pad) % 2:
        raise ValueError(f"pad: expected pairs of lengths and one of {[*modes]}, got {pad}, {mode}")
    widths = [(0, 0)] * (input.ndim - len(pad) // 2) + [*zip(pad[::2], pad[1::2])][::-1]
    places = np.pad(np.arange(input.numel()).reshape(input.shape) + 1, widths, modes[mode])
    return torch.cat([torch.full((1,), value or 0, dtype=input.dtype), input.flatten()])[places]


def upsample(input, size=None, scale_factor=None, mode="nearest", align_corners=None):
    """input (N, C, d...) of this size, or scale_factor times as large, by its nearest pixels."""
    if mode != "nearest" or align_corners is not None or (size is None) == (scale_factor is None):
        raise TypeError(f"mode: nptorch has only 'nearest', of size or scale_factor, got {mode}")
    asked = zip(input.shape[2:], np.broadcast_to(scale_factor or size, input.ndim - 2).tolist())
    steps = [(int(n * x), 1 / x) if size is None else (x, n / x) for n, x in asked]
    places = [np.arange(n, dtype=np.float32) * np.float32(step) for n, step in steps]  # as PyTorch
    return input[(..., *(i.astype(int) for i in np.ix_(*places)))]


@op
def _less_one(x, /):  # exp(x) - 1, with all digits where x is near 0
    value = np.expm1(x)
    return value, lambda g: g * (value + 1)


@op
def _soft(x, /):
    tail = np.log1p(np.exp(-abs(x)))
    return np.maximum(x, 0) + tail, lambda g: g * np.exp(np.minimum(x, 0) - tail)


rows({
    "one_hot": one_hot, "pad": pad, "upsample": upsample,
    "adaptive_avg_pool1d": lambda input, output_size: _means(input, output_size, 1),
    "adaptive_avg_pool2d": lambda input, output_size: _means(input, output_size, 2),
    "leaky_relu": lambda input, negative_slope=0.01, inplace=False: torch.where(
        input > 0, input, input * negative_slope),
    "elu": lambda input, alpha=1.0, inplace=False: torch.where(
        input <= 0, alpha * _less_one(input.clamp(max=0.0)), input),
    "selu": lambda input, inplace=False: 1.0507009873554805 * F.elu(input, 1.6732632423543772),
    "silu": lambda input, inplace=False: input * torch.sigmoid(input),
    "softplus": lambda input, beta=1.0, threshold=20.0: torch.where(
        input * beta > threshold, input, _soft(input * beta * 1.0) / beta),
    "logsigmoid": lambda input: -_soft(input * -1.0),
    "mish": lambda input, inplace=False: input * torch.tanh(_soft(input * 1.0)),
    "softsign": lambda input: input / (1 + abs(input)),
    "hardtanh": lambda input, min_val=-1.0, max_val=1.0, inplace=False: torch.where(
        (input <= min_val) | (input >= max_val),  # no slope at the ends
        input.detach().clamp(min_val, max_val).to(input.dtype), input),
    "relu6": lambda input, inplace=False: F.hardtanh(input, 0.0, 6.0),
    "hardsigmoid": lambda input, inplace=False: F.relu6(
        torch.where(input.isnan(), input.detach(), input) + 3) / 6,  # no slope at nan
    "dropout2d": lambda input, p=0.5, training=True, inplace=False: input * F.dropout(torch.ones(
        *input.shape[:2], *[1] * (input.ndim - 2), dtype=input.dtype), p, training)
}, "nn.functional")

_functions = {_name.replace("_", ""): _f for _name, _f in vars(F).items()}
for _name in ("LeakyReLU ELU SELU SiLU Softplus LogSigmoid Mish Softsign Hardtanh ReLU6 "
              "Hardsigmoid AdaptiveAvgPool1d AdaptiveAvgPool2d Dropout2d Upsample").split():
    layer(_name, _functions[_name.lower()])
layer("Unflatten", lambda input, dim, unflattened_size: input.reshape(
    *input.shape[:(n := dimension(dim, input.ndim))], *unflattened_size, *input.shape[n + 1:]))

_reduced = nn.loss._reduce


def loss(name, order):
    """The function below is a loss with options in this order; F asks it, and the layer name."""
    def to(full):
        f, own = full.__name__, inspect.signature(full).parameters
        takes = ordered(f"input target {order}", {k: p.default for k, p in own.items()})
        call = functools.wraps(full)(lambda *args, **given: full(**told(f, takes, args, given)))
        call.__signature__ = takes
        fuller(vars(F).setdefault(f, chance(call)))(call)
        layer(name, vars(F)[f], takes)
        return call

    return to


def _weighed(logs, target, weight, ignore_index, reduction, smoothing=None):
    """Minus the log-probabilities logs (N, C, d...), each as often as target says."""
    dim, labels = min(1, logs.ndim - 1), np.asarray(target)
    classes, shares, total = logs.shape[dim], target, logs.data.size / logs.shape[dim]
    weights = np.ones(classes) if weight is None else np.asarray(weight)
    if weights.shape != (classes,):
        raise ValueError(f"weight: expected one for each of {classes} classes, got {weights.shape}")
    if labels.dtype.kind not in ("iu" if smoothing is None else "iuf"):
        raise TypeError(f"target: expected class numbers, got dtype {labels.dtype}")
    each = weights.reshape(-1, *[1] * (logs.ndim - 1 - dim))
    if labels.dtype.kind != "f":
        counted = labels != ignore_index
        labels = np.where(counted, labels, 0)
        if not ((labels >= 0) & (labels < classes)).all():
            raise IndexError(f"target: expected classes 0 ... {classes - 1}, got {target}")
        total = weights[labels][counted].sum()
        shares = Tensor(np.moveaxis(np.eye(classes, dtype=logs.dtype)[labels], -1, dim))
        each = each * np.expand_dims(counted, dim)
    elif ignore_index >= 0:
        raise ValueError("ignore_index: expected none beside shares of the classes")
    if shares.shape != logs.shape:
        raise ValueError(f"expected input (N, C, d...) and target (N, d...) or of input's shape, "
                         f"got {logs.shape} and {target.shape}")
    smoothing = number("label_smoothing", smoothing or 0.0, 0, np.nextafter(1, 2))  # 1 may be, too
    shares = (shares * (1 - smoothing) + smoothing / classes) * Tensor(each.astype(logs.dtype))
    each = logs * shares
    losses = -(each if labels.dtype.kind == "f" else torch.where(shares != 0, each, 0.0)).sum(dim)
    return losses.sum() / float(total) if reduction == "mean" else _reduced(losses, reduction)


@loss("HuberLoss", "reduction delta")
def huber_loss(input, target, reduction="mean", delta=1.0):
    """d²/2 for a difference d up to delta, and from there on its tangent."""
    d = F.l1_loss(input, target, "none")
    near = d.clamp(max=number("delta", delta, np.nextafter(0, 1)))  # not 0
    return _reduced(near * (d - near / 2), reduction)


@loss("SmoothL1Loss", "size_average reduce reduction beta")
def smooth_l1_loss(input, target, reduction="mean", beta=1.0):
    """huber_loss / beta with delta = beta, and l1_loss if that is 0."""
    return huber_loss(input, target, reduction, beta) / beta if number("beta", beta) else (
        F.l1_loss(input, target, reduction))


@loss("BCEWithLogitsLoss", "weight size_average reduce reduction pos_weight")
def binary_cross_entropy_with_logits(input, target, weight=None, reduction="mean", pos_weight=None):
    losses = plain(F.binary_cross_entropy_with_logits)(input, target, "none")
    if pos_weight is not None:  # -log p counts pos_weight times
        losses = losses - (pos_weight - 1) * target * F.logsigmoid(input)
    return _reduced(losses if weight is None else losses * weight, reduction)


@op
def _bce(p, y, /):
    with np.errstate(divide="ignore"):
        yes, no = (np.maximum(np.log(x), -100) for x in (p, 1 - p))
    return (-(y * yes + (1 - y) * no), lambda g: g * (p - y) / np.maximum(p * (1 - p), 1e-12),
            lambda g: g * (no - yes))


@loss("BCELoss", "weight size_average reduce reduction")
def binary_cross_entropy(input, target, weight=None, reduction="mean"):
    """-(y log p + (1 - y) log(1 - p)), p = input, y = target, in [0, 1]; no log is below -100."""
    nn.loss._check_shapes(input, target)
    if not all(((x.data >= 0) & (x.data <= 1)).all() for x in (input, target)):
        raise ValueError("expected input in [0, 1], which sigmoid gives, as target")
    losses = _bce(input, target)
    return _reduced(losses if weight is None else losses * weight, reduction)


loss("MSELoss", "size_average reduce reduction")(plain(F.mse_loss))
loss("L1Loss", "size_average reduce reduction")(plain(F.l1_loss))


@loss("NLLLoss", "weight size_average ignore_index reduce reduction")
def nll_loss(input, target, weight=None, ignore_index=-100, reduction="mean"):
    return _weighed(input, target, weight, ignore_index, reduction)


@loss("CrossEntropyLoss", "weight size_average ignore_index reduce reduction label_smoothing")
def cross_entropy(input, target, weight=None, ignore_index=-100, reduction="mean",
                  label_smoothing=0.0):
    logs = torch.log_softmax(input, min(1, input.ndim - 1))
    return _weighed(logs, target, weight, ignore_index, reduction, label_smoothing)


_held = lambda self: {k: x for k, x in vars(self).items() if isinstance(x, nn.Module)}


class ModuleDict(nn.Module, MutableMapping):
    """Modules in a dict, so that their owner finds their parameters."""

    __setitem__, __delitem__ = nn.Module.add_module, nn.Module.__delattr__
    __eq__, __hash__ = object.__eq__, object.__hash__
    __init__ = lambda self, modules=None: self.update(modules or {})
    __getitem__ = lambda self, key: _held(self)[key]
    __iter__ = lambda self: iter(_held(self))
    __len__ = lambda self: len(_held(self))


def _modules(self):
    view = object.__new__(ModuleDict)
    view.__dict__ = vars(self)  # one dict, seen in two ways
    return view


nn.Module._modules = property(_modules)
rows({"ModuleDict": ModuleDict}, "nn")


def _listed(name):
    def method(self, *args):
        held, names = list(self), list(self._modules)
        result = getattr(held, name)(*args)
        nn.ModuleList(held)  # which refuses what is not a Module
        kept = names if len(held) >= len(names) else []
        self._modules.clear()
        self._modules.update(zip(map(str, [*kept, *range(len(kept), len(held))]), held))
        return result if name == "pop" else self

    return method


_more = lambda self, modules: (
    nn.Sequential(*modules) if isinstance(self, nn.Sequential) else nn.ModuleList(modules))
rows({"__add__": lambda self, other: _more(self, [*self, *other]),
      "__mul__": lambda self, other: _more(self, [*self] * integer("factor", other, 1))},
     nn.ModuleList)
for _name in "extend insert pop __setitem__ __delitem__ __iadd__".split():
    setattr(nn.ModuleList, _name, _listed(_name))


def clip_grad_value_(parameters, clip_value):
    """Clip each number in the gradients of parameters, or of a single one, to ±clip_value."""
    for p in [parameters] if torch.is_tensor(parameters) else parameters:
        if p.grad is not None:
            p.grad.clamp_(-clip_value, clip_value)


rows({"clip_grad_value_": clip_grad_value_}, "nn.utils")
