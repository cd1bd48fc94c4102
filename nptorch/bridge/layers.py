"""Functions and layers of them, losses, Adadelta (notebooks/19_layers.ipynb)."""

import inspect

import numpy as np

import nptorch as torch
from nptorch import nn
from nptorch.autograd import Tensor, op
from nptorch.bridge.words import fuller, plain, rows
from nptorch.checks import integer
from nptorch.lookup import chance
from nptorch.nn import functional as F
from nptorch.nn.conv import pair
from nptorch.nn.module import ShapeError
from nptorch.optim.adam import Adaptive
from nptorch.optim.lr_scheduler import LambdaLR

_told = lambda self: ", ".join(f"{k}={v}" for k, v in self.options.items())
_IN_PLACE = "LeakyReLU ELU SELU SiLU Mish Hardtanh ReLU6 Hardsigmoid Dropout2d".split()


def layer(name, f, inputs=1):
    """f as a layer: what f takes besides its first arguments, inputs, are the layer's options."""
    known = inspect.signature(f).parameters
    options = [p for p in known.values() if p.name != "training"] + [inspect.Parameter(
        "inplace", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=False)] * (name in _IN_PLACE)

    def __init__(self, *args, **given):
        bound = inspect.Signature(options).bind(*[None] * inputs, *args, **given).arguments
        self.options = dict(list(bound.items())[inputs:])
        self.options.pop("inplace", None)  # the result is a new Tensor all the same

    def forward(self, *args):
        mode = {"training": self.training} if "training" in known else {}
        return f(*args, **self.options, **mode)

    return type(name, (nn.Module,), {
        "__init__": chance(__init__), "__doc__": f"{name}, a function as a module.",
        "__module__": "nptorch.nn", "forward": forward, "extra_repr": _told})


@fuller(nn.Dropout.__init__)
def _dropout(self, p=0.5, inplace=False):
    plain(nn.Dropout.__init__)(self, p)


def one_hot(tensor, num_classes=-1):
    """For each class number a row of int64 zeros with a one at its place."""
    n = int(tensor.data.max()) + 1 if num_classes == -1 else num_classes
    if tensor.data.size and not 0 <= tensor.data.min() <= tensor.data.max() < n:
        raise ValueError(f"one_hot: expected class numbers from 0 to {n - 1}")
    return Tensor(np.eye(n, dtype=np.int64)[tensor.data])


def _means(input, sizes, dims):
    """The means of sizes parts of the last dims dimensions, which overlap where they must."""
    sizes = sizes if isinstance(sizes, (tuple, list)) else [sizes] * dims
    for dim, parts in enumerate(sizes, -dims):
        n, x = input.shape[dim], input.transpose(dim, -1)
        parts = n if parts is None else integer("output_size", parts, 1)
        means = [x[..., j * n // parts:-(-(j + 1) * n // parts)].mean(-1) for j in range(parts)]
        input = torch.stack(means, -1).transpose(dim, -1)
    return input


@op
def _soft(x, /):
    tail = np.log1p(np.exp(-abs(x)))
    return np.maximum(x, 0) + tail, lambda g: g * np.exp(np.minimum(x, 0) - tail)


rows({
    "one_hot": one_hot,
    "adaptive_avg_pool1d": lambda input, output_size: _means(input, output_size, 1),
    "adaptive_avg_pool2d": lambda input, output_size: _means(input, output_size, 2),
    "leaky_relu": lambda input, negative_slope=0.01: torch.where(
        input > 0, input, input * negative_slope),
    "elu": lambda input, alpha=1.0: torch.where(
        input > 0, input, alpha * (input.clamp(max=0.0).exp() - 1)),
    "selu": lambda input: 1.0507009873554805 * F.elu(input, 1.6732632423543772),
    "silu": lambda input: input * torch.sigmoid(input),
    "softplus": lambda input, beta=1.0, threshold=20.0: torch.where(
        input * beta > threshold, input, _soft(input * beta * 1.0) / beta),
    "logsigmoid": lambda input: -_soft(input * -1.0),
    "mish": lambda input: input * torch.tanh(_soft(input * 1.0)),
    "softsign": lambda input: input / (1 + abs(input)),
    "hardtanh": lambda input, min_val=-1.0, max_val=1.0: torch.where(  # no slope at the ends
        (input > min_val) & (input < max_val), input,
        input.detach().clamp(min_val, max_val).to(input.dtype)),
    "relu6": lambda input: F.hardtanh(input, 0.0, 6.0),
    "hardsigmoid": lambda input: F.relu6(input + 3) / 6,
    "dropout2d": lambda input, p=0.5, training=True: input * F.dropout(torch.ones(
        *input.shape[:2], *[1] * (input.ndim - 2), dtype=input.dtype), p, training)
}, "nn.functional")


def named(names, inputs=1):
    """Layers of the functions that have these names, in small letters."""
    known = {name.replace("_", ""): f for name, f in vars(F).items()}
    rows({name: layer(name, known[name.lower()], inputs) for name in names.split()}, "nn")


named("Softmax LogSoftmax LeakyReLU ELU SELU SiLU Softplus LogSigmoid Mish Softsign Hardtanh "
      "ReLU6 Hardsigmoid AdaptiveAvgPool2d Dropout2d")
rows({"Unflatten": layer("Unflatten", lambda input, dim, unflattened_size: input.reshape(
    *input.shape[:dim], *unflattened_size, *input.shape[dim:][1:]))}, "nn")


def _lazy(kind, width):
    def __init__(self, *args, **options):
        self.later, self.weight, self.bias = (args, options), nn.Parameter([]), nn.Parameter([])

    def become(self, inputs):
        (args, options), self.__class__, early = self.later, kind, dict(self.named_parameters())
        kind.__init__(self, inputs, *args, **options)
        for name, p in self.named_parameters():  # those that an optimizer may have by now
            early[name].data = p.data
            setattr(self, name, early[name])

    return type(f"Lazy{kind.__name__}", (nn.Module,), {
        "__init__": __init__, "become": become, "__doc__":
        f"{kind.__name__} of as many inputs as it first sees, or as a state_dict has.",
        "forward": lambda self, x: self.become(x.shape[width]) or self(x)})


@fuller(nn.Module.load_state_dict)
def _load(self, state_dict, strict=True):
    for name, module in self.named_modules():
        weight = state_dict.get(f"{name}.weight".lstrip("."))
        if hasattr(type(module), "become") and weight is not None:
            module.become(weight.shape[1] * module.later[1].get("groups", 1))
    return plain(nn.Module.load_state_dict)(self, state_dict, strict)


def _alone(f):
    def call(*args, **options):  # (image, ...), or (layer, image)
        args, at = list(args), int(isinstance(args[0], nn.Module))
        if args[at].ndim != 3:
            return f(*args, **options)
        args[at] = args[at].unsqueeze(0)
        return f(*args, **options).squeeze(0)

    return call


for _f in (F.max_pool2d, F.avg_pool2d, nn.Conv2d.forward, nn.MaxPool2d.forward):
    fuller(_f)(_alone(plain(_f)))


def _sides(padding, kernel, stride, dilation):
    if padding == "same" and pair("stride", stride) == (1, 1):
        sizes = zip(pair("kernel_size", kernel), pair("dilation", dilation))
        sides = [d * (k - 1) / 2 for k, d in sizes]  # what is no int is refused
        return [int(p) if p == int(p) else p for p in sides]
    return 0 if isinstance(padding, str) and padding == "valid" else padding


@fuller(nn.Conv2d.__init__)
def _padded(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, *args,
            **options):
    sides = _sides(padding, kernel_size, stride, dilation)
    plain(nn.Conv2d.__init__)(self, in_channels, out_channels, kernel_size, stride, sides, dilation,
                              *args, **options)


@fuller(F.conv2d)
def _conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    sides = _sides(padding, weight.shape[2:], stride, dilation)
    return _alone(plain(F.conv2d))(input, weight, bias, stride, sides, dilation, groups)


_tall = lambda x, one: x if x is None or isinstance(x, str) else (one, *np.ravel(x).tolist())
rows({"conv1d": lambda input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1:
      F.conv2d(input.unsqueeze(-2), weight.unsqueeze(-2), bias, _tall(stride, 1), _tall(
          padding, 0), _tall(dilation, 1), groups).squeeze(-2)}, "nn.functional")
rows({f"{kind}Pool1d": layer(
    f"{kind}Pool1d", lambda input, kernel_size, stride=None, padding=0, *, f=f: f(
        input.unsqueeze(-2), _tall(kernel_size, 1), _tall(stride, 1), _tall(
            padding, 0)).squeeze(-2))
      for kind, f in (("Max", F.max_pool2d), ("Avg", F.avg_pool2d))}, "nn")
named("AdaptiveAvgPool1d")


class Conv1d(nn.Conv2d):
    """conv1d with its own weight (out_channels, in_channels/groups, k), bias (out_channels,).
    Raises as Conv2d."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1,
                 *args, **options):
        super().__init__(in_channels, out_channels, _tall(kernel_size, 1), _tall(stride, 1),
                         _tall(padding, 0), _tall(dilation, 1), *args, **options)
        self.weight.data = self.weight.data[:, :, 0]
        for name in ("kernel_size", "stride", "padding", "dilation"):
            setattr(self, name, getattr(self, name)[1:])

    def forward(self, x):
        (k,), (d,), (p,) = self.kernel_size, self.dilation, self.padding
        least = max(d * (k - 1) + 1 - 2 * p, 1)
        if x.ndim not in (2, 3) or x.shape[-2] != self.in_channels or x.shape[-1] < least:
            raise ShapeError(self, f"Conv1d {self.in_channels} -> {self.out_channels}", x.shape,
                             f"(N, {self.in_channels}, L >= {least})")
        return F.conv1d(x, self.weight, self.bias, self.stride, self.padding, self.dilation,
                        self.groups)

    def extra_repr(self):
        return super().extra_repr().replace(", padding=(0,)", "").replace(", dilation=(1,)", "")


rows({"Conv1d": Conv1d} | {f"Lazy{kind.__name__}": _lazy(kind, width) for kind, width in (
    (nn.Linear, -1), (Conv1d, -2), (nn.Conv2d, -3))}, "nn")

fuller(F.nll_loss)(lambda input, target, weight=None, ignore_index=-100, reduction="mean":
                   _weighed(input, target, weight, ignore_index, reduction))
fuller(F.cross_entropy)(
    lambda input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0:
    _weighed(torch.log_softmax(input, min(1, input.ndim - 1)), target, weight, ignore_index,
             reduction, label_smoothing))
_reduced = nn.loss._reduce


def _weighed(logs, target, weight, ignore_index, reduction, smoothing=None):
    """Minus the log-probabilities logs (N, C, d...), each as often as target says: with class
    numbers (N, d...) or, unless smoothing is None, with shares of the classes in logs' shape."""
    dim, labels = min(1, logs.ndim - 1), np.asarray(target)
    classes, shares, total = logs.shape[dim], target, logs.data.size / logs.shape[dim]
    each = np.ones(classes) if weight is None else np.asarray(weight)
    if each.shape != (classes,):
        raise ValueError(f"weight: expected one for each of {classes} classes, got {each.shape}")
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


def huber_loss(input, target, reduction="mean", delta=1.0):
    """d²/2 for a difference d up to delta, and from there on its tangent."""
    if not delta > 0:
        raise ValueError(f"delta: expected more than 0, got {delta}")
    d = F.l1_loss(input, target, "none")
    near = d.clamp(max=delta)
    return _reduced(near * (d - near / 2), reduction)


def smooth_l1_loss(input, target, reduction="mean", beta=1.0):
    """huber_loss / beta with delta = beta, and l1_loss if that is 0."""
    if not beta >= 0:
        raise ValueError(f"beta: expected 0 or more, got {beta}")
    if beta == 0:
        return F.l1_loss(input, target, reduction)
    return huber_loss(input, target, reduction, beta) / beta


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


def binary_cross_entropy(input, target, weight=None, reduction="mean"):
    """-(y log p + (1 - y) log(1 - p)) for p = input and y = target, both in [0, 1]; no logarithm
    counts as less than -100."""
    if input.shape != target.shape or not ((input.data >= 0) & (input.data <= 1)).all():
        raise ValueError(f"binary_cross_entropy: expected one shape, and input in [0, 1] (which "
                         f"sigmoid gives), got {input.shape} and {target.shape}")
    losses = _bce(input, target)
    return _reduced(losses if weight is None else losses * weight, reduction)


def _with_options(kind, f):
    full = plain(f).fuller

    @fuller(kind.__init__)
    def __init__(self, **options):
        inspect.signature(full).bind(None, None, **options)
        self.options, self.reduction = options, nn.loss._checked(options.get("reduction", "mean"))

    def forward(self, input, target):
        return f(input, target, **{"reduction": self.reduction} | self.options)

    kind.options, kind.extra_repr = {}, _told
    kind.forward = fuller(kind.forward)(forward)


for _kind, _f in ((nn.NLLLoss, F.nll_loss), (nn.CrossEntropyLoss, F.cross_entropy),
                  (nn.BCEWithLogitsLoss, F.binary_cross_entropy_with_logits)):
    _with_options(_kind, _f)

rows({"binary_cross_entropy": binary_cross_entropy, "huber_loss": huber_loss,
      "smooth_l1_loss": smooth_l1_loss}, "nn.functional")
rows({"BCELoss": layer("BCELoss", F.binary_cross_entropy, 2)}, "nn")
named("SmoothL1Loss HuberLoss", 2)


class Adadelta(Adaptive):
    """p = p - lr · sqrt(d + eps) / sqrt(r + eps) · grad: r is grad², and d what was taken, squared,
    both averages that fade by rho. Raises as Optimizer. Source: Zeiler, ADADELTA, 2012."""

    _memory = {"square_avg": None, "acc_delta": None}

    def __init__(self, params, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0.0):
        super().__init__(params, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay)

    def _move(self, p, grad, n, group, square_avg, acc_delta):
        square_avg += (1 - group["rho"]) * (grad * grad - square_avg)
        push = np.sqrt((acc_delta + group["eps"]) / (square_avg + group["eps"])) * grad
        acc_delta += (1 - group["rho"]) * (push * push - acc_delta)
        p -= group["lr"] * push


rows({"Adadelta": Adadelta}, "optim")


def _plan(name, factor):
    factor.__qualname__ = name  # which errors show
    return type(name, (LambdaLR,), {"__doc__": f"As torch's {name}.", "__init__": lambda self, \
        optimizer, *args, last_epoch=-1, **options: LambdaLR.__init__(
            self, optimizer, factor(*args, **options), last_epoch)})


rows({name: _plan(name, factor) for name, factor in {
    "ExponentialLR": lambda gamma: lambda n: gamma**n,
    "MultiStepLR": lambda milestones, gamma=0.1: lambda n: gamma ** sum(m <= n for m in milestones),
    "ConstantLR": lambda factor=1 / 3, total_iters=5: lambda n: (
        factor if n < total_iters or not total_iters else 1.0),
    "PolynomialLR": lambda total_iters=5, power=1.0: lambda n: max(
        1 - n / total_iters, 0) ** power if total_iters else 1.0}.items()}, "optim.lr_scheduler")


class LBFGS(torch.optim.Optimizer):
    """step(closure) makes up to max_iter moves of -lr · H · grad, and after each asks closure for
    the loss and its gradients; H goes by the last moves s and how they changed the gradients, y.
    Returns the first loss. Source: Liu and Nocedal, On the Limited Memory BFGS Method, 1989."""

    @chance
    def __init__(self, params, lr=1.0, max_iter=20, max_eval=None, tolerance_grad=1e-7,
                 tolerance_change=1e-9, history_size=100):
        super().__init__(params, lr)
        vars(self).update(max_iter=max_iter, max_eval=max_eval or max_iter * 5 // 4, pairs=[],
                          tolerance_grad=tolerance_grad, tolerance_change=tolerance_change,
                          history_size=history_size, last=None)

    def _turned(self, q, pairs):  # H · q
        s, y = (pairs or self.pairs or [(q, q)])[-1]
        if not pairs:
            return q * ((y @ s) / (y @ y))
        share = s @ q / (y @ s)
        q = self._turned(q - share * y, pairs[:-1])
        return q + (share - y @ q / (y @ s)) * s


def _moves(self, closure):
    first = loss = closure()
    for n in range(1, self.max_iter + 1):
        g = np.concatenate([np.ravel(p.data * 0 if p.grad is None else p.grad.data)
                            for p in self.params])
        if abs(g).max() <= self.tolerance_grad:
            break
        if self.last is not None and (y := g - self.last[1]) @ (s := self.last[0]) > 1e-10:
            self.pairs = [*self.pairs, (s, y)][-self.history_size:]
        d = self._turned(-g, self.pairs)
        move = self.lr * (min(1.0, 1 / abs(g).sum()) if self.last is None else 1.0) * d
        self.last = move, g
        if g @ d > -self.tolerance_change:
            break
        ends = np.cumsum([p.data.size for p in self.params])
        for p, part in zip(self.params, np.split(move, ends)):
            p.data += part.reshape(p.shape)
        if n == self.max_iter:
            break
        before, loss = float(loss), closure()
        if n + 1 >= self.max_eval or self.tolerance_change >= min(
                abs(move).max(), abs(float(loss) - before)):
            break
    return first


LBFGS.step = _moves
rows({"LBFGS": LBFGS}, "optim")
