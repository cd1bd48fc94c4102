"""Lazy layers, convolution and pooling in 1d, and transposed (notebooks/19_layers.ipynb)."""

import re

import numpy as np

from nptorch import nn
from nptorch.bridge.layers import layer
from nptorch.bridge.words import fuller, plain, rows
from nptorch.nn import functional as F
from nptorch.nn.conv import pair
from nptorch.nn.module import ShapeError


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
_flat = lambda pool: lambda input, kernel_size, stride=None, padding=0: pool(
    input.unsqueeze(-2), *map(_tall, (kernel_size, stride, padding), (1, 1, 0))).squeeze(-2)
layer("MaxPool1d", _flat(F.max_pool2d))
layer("AvgPool1d", _flat(F.avg_pool2d))


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
                              **options).bias  # drawn as far, since this sees as many numbers
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
