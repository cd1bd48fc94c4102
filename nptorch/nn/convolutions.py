"""Convolution and pooling, all options, 1d, transposed; lazy (notebooks/19_layers.ipynb)."""

import functools
import inspect
import math
import re

import numpy as np

import nptorch as torch
from nptorch import nn
from nptorch.autograd import Tensor
from nptorch.bridge.layers import layer, told
from nptorch.bridge.words import WORDS, fuller, plain, rows
from nptorch.checks import integer
from nptorch.nn import conv
from nptorch.nn import functional as F
from nptorch.nn.conv import pair
from nptorch.nn.fast import fitted
from nptorch.nn.module import ShapeError


def _freer(f):
    takes = inspect.signature(f)

    @functools.wraps(f)
    def call(*args, **options):
        given = told(f.__qualname__, takes, args, options)
        padding = given.get("padding")
        if padding == "valid":
            given["padding"] = 0
        elif padding == "same" and pair("stride", given["stride"]) == (1, 1):
            kernel = given["weight"].shape[2:] if "weight" in given else given["kernel_size"]
            sizes = zip(pair("kernel_size", kernel), pair("dilation", given["dilation"]))
            beyond = [d * (k - 1) for k, d in sizes]
            given["padding"] = [n / 2 if n % 2 else n // 2 for n in beyond]  # no int: refused
        alone = [name for name in ("input", "x") if name in given and given[name].ndim == 3]
        given |= {name: given[name].unsqueeze(0) for name in alone}
        return f(**given).squeeze(0) if alone else f(**given)

    return call


def _mode(call, value, usual=WORDS["padding_mode"]):  # of convolutions in 2d
    if isinstance([*call.args, None][0], nn.Conv2d) and value in (
            "reflect", "replicate", "circular"):
        call.args[0].padding_mode = value
    else:
        usual(call, value)


def _framed(self, x, usual=nn.Conv2d.forward.refusing):
    if vars(self).get("padding_mode", "zeros") == "zeros":
        return usual(self, x)
    x = F.pad(x, [n for n in self.padding[::-1] for _ in range(2)], self.padding_mode)
    return self.function(x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


WORDS["padding_mode"], nn.Conv2d.forward.refusing = _mode, _framed
for _f in F.conv2d, nn.Conv2d.__init__, nn.Conv2d.forward:
    fuller(_f)(_freer(plain(_f)))


def lazy(kind, inputs, width):
    """Make the lazy sibling of a kind of layer, whose attribute inputs is input.shape[width]."""
    def __init__(self, *args, **options):
        groups = options.get("groups", [*args, *[1] * 6][5])
        kind.__init__(self, groups, *args, **options)  # which refuses what makes no sense
        vars(self).update({"later": (args, options), inputs: 0})
        for p in self.parameters():
            p.data = p.data.ravel()[:1]  # which stretches

    def become(self, n):
        made, self.__class__ = kind(n, *self.later[0], **self.later[1]), kind
        setattr(self, inputs, n)
        held = lambda layer: [*layer.parameters(), *layer.buffers()]
        for own, x in zip(held(self), held(made)):  # an optimizer may have own by now
            own.data = x.data.astype(own.dtype)

    rows({f"Lazy{kind.__name__}": type(f"Lazy{kind.__name__}", (kind,), {
        "__init__": __init__, "become": become, "__doc__":
        f"{kind.__name__} of as many inputs as it first sees, or as a state_dict has.",
        "forward": lambda self, x: self.become(x.shape[width]) or self(x)})}, "nn")


@fuller(nn.Module.load_state_dict)
def _load(self, state_dict, strict=True):
    for name, module in self.named_modules():
        own = (f"{name}.{tensor}".lstrip(".") for tensor in ("weight", "running_mean"))
        weight = next((state_dict[key] for key in own if key in state_dict), None)
        if hasattr(type(module), "become") and weight is not None:
            module.become(weight.shape[weight.ndim > 1] * vars(module).get("groups", 1))
    return plain(nn.Module.load_state_dict)(self, state_dict, strict)


for _kind, _inputs, _width in ((nn.Linear, "in_features", -1), (nn.Conv2d, "in_channels", -3),
        (nn.BatchNorm1d, "num_features", 1), (nn.BatchNorm2d, "num_features", 1)):
    lazy(_kind, _inputs, _width)

_tall = lambda x, one: x if x is None or isinstance(x, str) else (one, *np.ravel(x).tolist())
rows({"conv1d": lambda input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1:
      F.conv2d(input.unsqueeze(-2), weight.unsqueeze(-2), bias, *map(
          _tall, (stride, padding, dilation), (1, 0, 1)), groups).squeeze(-2)}, "nn.functional")


class Conv1d(nn.Module):
    """conv1d with its own weight (out_channels, in_channels/groups, k). Raises as Conv2d."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1,
                 *args, **options):
        sizes = map(_tall, (kernel_size, stride, padding, dilation), (1, 1, 0, 1))
        nn.Conv2d.__init__(self, in_channels, out_channels, *sizes, *args, **options)
        self.weight.data = self.weight.data[:, :, 0]
        for name in ("kernel_size", "stride", "padding", "dilation"):
            setattr(self, name, getattr(self, name)[1:])

    def forward(self, x):
        try:
            return F.conv1d(x, self.weight, self.bias, self.stride, self.padding, self.dilation,
                            self.groups)
        except ValueError:
            raise ShapeError(self, f"Conv1d {self.in_channels} -> {self.out_channels}", x.shape,
                             f"(N, {self.in_channels}, L) with room for a window") from None

    def extra_repr(self):
        return re.sub(r", (padding=\(0|dilation=\(1),\)", "", nn.Conv2d.extra_repr(self))


def _seen(input, kernel_size, stride, padding, dilation=1, ceil_mode=False):
    """The places in images input (..., H, W) that each window has, (kh·kw, h, w), counted row by
    row: in the border -1, and beyond it, where ceil_mode goes, -2."""
    if input.ndim not in (3, 4):
        raise ValueError(f"input: expected (C, H, W) or (N, C, H, W), got {input.shape}")
    stride = kernel_size if stride is None else stride
    options, _ = fitted((1, 1, *input.shape[-2:]), kernel_size, stride, padding, dilation)
    (kernel, stride, padding, dilation), ahead = options, []
    for n, k, s, p, d in zip(input.shape[-2:], *options):
        if 2 * p > d * (k - 1) + 1:
            raise ValueError(f"padding: expected at most half of what the window covers, got {p}")
        room = n + 2 * p - d * (k - 1) - 1
        steps = min(-(-room // s), (n + p - 1) // s)  # no window begins behind the images
        ahead.append((0, max(steps * s - room, 0) * ceil_mode))
    places = np.arange(math.prod(input.shape[-2:])).reshape(input.shape[-2:])
    places = np.pad(places, [(p, p) for p in padding], constant_values=-1)
    places = np.pad(places, ahead, constant_values=-2)
    seen = conv.windows(places[None, None], kernel, stride, dilation)
    return seen.reshape(-1, *seen.shape[-2:])


_fits = lambda input: input.dtype.kind == "f" and input.ndim in (3, 4)
_usual = lambda pool, input, *options: (  # 15's fast way, where nothing is odd
    plain(pool)(input, *options) if input.ndim == 4
    else plain(pool)(input.unsqueeze(0), *options).squeeze(0))


def avg_pool2d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
               divisor_override=None):
    """nptorch.nn.conv.avg_pool2d of images (..., H, W), a last window that is cut off with
    ceil_mode. A sum is divided by divisor_override, or by how many count. Raises ValueError."""
    if _fits(input) and not ceil_mode and count_include_pad and divisor_override is None:
        return _usual(F.avg_pool2d, input, kernel_size, stride, padding)
    places = _seen(input, kernel_size, stride, padding, 1, ceil_mode)
    wide = input.float() if input.dtype == np.float16 else input  # a sum may be too large
    total = F.pad(wide.flatten(-2), (0, 1))[..., places.clip(-1)].sum(-3)
    counts = ((places >= (-1 if count_include_pad else 0)).sum(0) if divisor_override is None
              else integer("divisor_override", divisor_override, 1))
    return (total / counts).to(input.dtype)


def max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1, *, ceil_mode=False,
               return_indices=False):
    """nptorch.nn.conv.max_pool2d of images (..., H, W), a last window that is cut off with
    ceil_mode; with return_indices beside the values their places. Raises ValueError for misfits."""
    if _fits(input) and not ceil_mode and not return_indices and dilation in (1, (1, 1)):
        return _usual(F.max_pool2d, input, kernel_size, stride, padding)
    places = _seen(input, kernel_size, stride, padding, dilation, ceil_mode)
    least = -np.inf if input.dtype.kind == "f" else np.iinfo(input.dtype).min
    seen = np.where(places < 0, least, input.flatten(-2).data[..., places.clip(-1)])
    last = np.isnan(seen) * np.arange(1, len(places) + 1).reshape(-1, 1, 1)  # nan wins, the last
    best = np.where(last.any(-3), last.argmax(-3), seen.argmax(-3))
    at = np.indices(places.shape[1:], sparse=True)
    found, first = places[(best, *at)], places[((places >= 0).argmax(0), *at)]
    found = Tensor(np.where(found < 0, first, found))  # the border never wins, not over -inf
    values = torch.gather(input.flatten(-2), -1, found.flatten(-2)).reshape(found.shape)
    return (values, found) if return_indices else values


def _flat(pool):  # of rows, as of images one pixel high
    @functools.wraps(pool)
    def call(*args, **options):
        given = inspect.signature(pool).bind(*args, **options).arguments
        given |= {name: _tall(given[name], one) for name, one in {
            "kernel_size": 1, "stride": 1, "padding": 0, "dilation": 1}.items() if name in given}
        found = pool(**given | {"input": given["input"].unsqueeze(-2)})
        return tuple(x.squeeze(-2) for x in found) if type(found) is tuple else found.squeeze(-2)

    return call


_full = lambda self: max_pool2d if isinstance(self, nn.MaxPool2d) else avg_pool2d
_odd = lambda self: {k: x for k, x in vars(self).items() if k in (
    "dilation", "ceil_mode", "return_indices", "count_include_pad", "divisor_override")}


@fuller(nn.MaxPool2d.__init__)  # which is AvgPool2d's as well
def _pool(self, *args, **given):
    _, *takes = inspect.signature(_full(self)).parameters.values()
    given = told(type(self).__name__, inspect.Signature(takes), args, given,
                 "ceil_mode return_indices count_include_pad")
    plain(nn.MaxPool2d.__init__)(self, *(given[p.name] for p in takes[:3]))
    vars(self).update({p.name: given[p.name] for p in takes[3:] if given[p.name] != p.default})


def _pooled(self, x, usual=nn.MaxPool2d.forward.refusing):
    odd = _odd(self)
    return usual(self, x) if x.ndim != 3 and not odd else _full(self)(
        x, self.kernel_size, self.stride, self.padding, **odd)


nn.MaxPool2d.forward.refusing = _pooled
fuller(nn.MaxPool2d.forward)(lambda self, x: _pooled(self, x))  # once more, in the first call
rows({"extra_repr": lambda self, usual=nn.MaxPool2d.extra_repr: usual(self) + "".join(
    f", {k}={x}" for k, x in _odd(self).items())}, nn.MaxPool2d, nn.AvgPool2d)
for _f in max_pool2d, avg_pool2d:
    fuller(vars(F)[_f.__name__])(_f)
layer("MaxPool1d", _flat(max_pool2d))
layer("AvgPool1d", _flat(avg_pool2d))
rows({"max_pool1d": _flat(max_pool2d), "avg_pool1d": _flat(avg_pool2d)}, "nn.functional")


def _blank(kind):  # whose options mean something once this module is there: unpickling loads it
    return object.__new__(kind)


for _kind in nn.MaxPool2d, nn.AvgPool2d, nn.Conv2d:
    _kind.__reduce__ = lambda self: (_blank, (type(self),), vars(self))


def conv_transpose2d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1,
                     dilation=1):
    """conv2d's way back, forwards: each number of input (N, C, h, w) adds its kernel of weight
    (C, O/groups, kh, kw), times itself, to (N, O, H, W), H = (h - 1)·stride - 2·padding
    + dilation·(kh - 1) + output_padding + 1. Raises ValueError for sizes that do not fit."""
    (*n, c, h, w), (channels, depth, *kernel) = input.shape, weight.shape
    if c != channels or not np.less(output_padding, stride).all():
        raise ValueError(f"conv_transpose2d: expected input (N, {channels}, h, w), and "
                         f"output_padding less than stride, got {input.shape} and {output_padding}")
    size = (np.subtract((h, w), 1) * stride - np.multiply(padding, 2)
            + np.subtract(kernel, 1) * dilation + output_padding + 1)
    x = input.reshape(-1, c, h * w).transpose(0, 1).reshape(groups, c // groups, -1)
    added = weight.reshape(groups, c // groups, -1).transpose(1, 2) @ x
    added = added.reshape(-1, x.shape[2] // (h * w), h * w).transpose(0, 1)
    out = F.fold(added, size.tolist(), kernel, dilation, padding, stride)
    out = out if bias is None else out + bias.reshape(depth * groups, 1, 1)
    return out.reshape(*n, *out.shape[1:])


rows({"conv_transpose2d": conv_transpose2d}, "nn.functional")


class ConvTranspose2d(nn.Module):
    """conv_transpose2d with a Conv2d's weight, from out_channels to in_channels. Raises alike."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0,
                 output_padding=0, groups=1, bias=True, dilation=1, **options):
        nn.Conv2d.__init__(self, out_channels, in_channels, kernel_size, stride, padding, dilation,
                           groups, False, **options)
        self.bias = nn.Conv2d(out_channels, out_channels, kernel_size, groups=groups, bias=bias,
                              **options).bias  # the same bound: as many inputs
        self.in_channels, self.out_channels = in_channels, out_channels
        self.output_padding = pair("output_padding", output_padding, 0)

    def forward(self, input):
        return F.conv_transpose2d(input, self.weight, self.bias, self.stride, self.padding,
                                  self.output_padding, self.groups, self.dilation)

    def extra_repr(self):
        ahead = f", output_padding={self.output_padding}" * any(self.output_padding)
        return re.sub("(, groups.*|, bias.*|)$", ahead + r"\1", nn.Conv2d.extra_repr(self), count=1)


rows({"Conv1d": Conv1d, "ConvTranspose2d": ConvTranspose2d}, "nn")
lazy(Conv1d, "in_channels", -2)
