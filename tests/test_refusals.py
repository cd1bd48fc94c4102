"""Bad input: what each public function says to it, and that it changes nothing."""

import os
import re
from types import FunctionType

import numpy as np
import pytest

import nptorch
from nptorch import data, models, nn, ops, optim, training

AxisError = np.exceptions.AxisError
MATMUL = "matmul: expected shapes (..., n, k) and (..., k, m), got {} and {}"
OPERAND = "expected a Tensor, an array or a number, got {}"
BROADCAST = "operands could not be broadcast together with shapes {} "
DIM = "{}: expected an int from -{} to {}, got {!r}"
REAL = "data: expected real numbers, got dtype {}"
NOT_SAME = ("input and target must have the same shape, got {} and {}: broadcasting would compare "
            "the wrong pairs")
CLASSES = "expected input (N, C) and target (N,), got {} and {}"
INTEGERS = "target: expected class indices (integers), got dtype {}"
REDUCTION = 'reduction: expected "mean", "sum" or "none", got {!r}'
POSITIVE = "{}: expected a positive integer, got {!r}"
PAIR = "{}: expected an int or a pair of ints, none below {}, got {!r}"
ITERABLE = "expected an iterable of Tensors, such as net.parameters(), got {}"
LENGTHS = "lengths: expected integers that add up to 2, or fractions that add up to 1, got {}"
STATE = "state_dict: expected a dict, such as load(path) or net.state_dict(), got {}"
MISFIT = "state_dict does not fit Sequential:\n    "

# A case is a line of Python that works with things() below; then the error, and its message, in
# which three dots stand for anything. Those lists that PyTorch can run come first.

TENSORS = [
    ("tensor('a')", TypeError, REAL.format("<U1")),
    ("tensor(1j)", TypeError, REAL.format("complex128")),
    ("tensor([1.5, None])", TypeError, REAL.format("object")),
    ("tensor(text)", TypeError, REAL.format("<U1")),
    ("tensor(ones)", TypeError, REAL.format("object")),
    ("tensor([[1], [1, 2]])", ValueError, "...inhomogeneous shape..."),
    ("tensor([1, 2], requires_grad=True)", TypeError,
     "only floats can require grad, got dtype int64"),
    ("labels.requires_grad_()", TypeError, "only floats can require grad, got dtype int64"),
    ("made.requires_grad_(False)", RuntimeError,
     "only a leaf can stop to require grad: use detach()"),
    ("leaf.numpy()", RuntimeError, "this Tensor requires grad: use detach().numpy()"),
    ("x.retain_grad()", RuntimeError, "this Tensor does not require grad, it will never get one"),
    ("x.item()", ValueError, "expected exactly one element, got shape (2, 3)"),
    ("if x: pass", ValueError, "expected exactly one element, got shape (2, 3)"),
    ("len(one)", TypeError, "a Tensor without dimensions has no length"),
    ("x.size(2)", IndexError, "tuple index out of range"),
    ("x.cuda", AttributeError, "'Tensor' object has no attribute 'cuda'"),
    ("x.sum().backward()", RuntimeError,
     "backward: this Tensor does not require grad, so it has no graph: was it made inside "
     "no_grad(), or from nothing that requires grad?"),
    ("made.backward()", RuntimeError, "backward: only a single number has an implied gradient, "
     "not shape (2, 3): reduce it, as in t.sum(), or pass gradient"),
    ("made.backward(ones(2))", ValueError, "gradient: expected shape (2, 3), got (2,)"),
    ("y = x.clone(); z = leaf * y; y += 1; z.backward(ones(2, 3))", RuntimeError,
     "backward: <MulBackward0> saved a Tensor of shape (2, 3), which was changed in place "
     "afterwards: do that after backward(), or make a new Tensor, as in h = h + y"),
    ("leaf += 1", RuntimeError, "a leaf that requires grad can't be changed in place while "
     "recording: do it inside no_grad()"),
    ("x += ones(2)", ValueError, BROADCAST.format("(2,3) (2,) (2,3)")),
    ("x.copy_(ones(4))", ValueError,
     "could not broadcast input array from shape (4,) into shape (2,3)"),
    ("x.fill_('a')", ValueError, "could not convert string to float: ..."),
]
ARITHMETIC = [
    *[(case, ValueError, BROADCAST.format("(2,3) (2,)")) for case in (
        "x + ones(2)", "x - ones(2)", "x * ones(2)", "x / ones(2)", "x ** ones(2)",
        "x < ones(2)", "x == ones(2)", "maximum(x, ones(2))", "minimum(x, ones(2))",
        "x.max(ones(2))")],
    ("x + 'a'", TypeError, OPERAND.format("str")),
    ("x + [1, 2, 3]", TypeError, OPERAND.format("list")),
    ("x + None", TypeError, OPERAND.format("NoneType")),
    ("x + text", TypeError, "expected real numbers, got ['float32', '<U1']"),
    ("[1, 2, 3] * x", TypeError, OPERAND.format("list")),
    ("add(x)", TypeError, "add() missing 1 required positional argument: 'b'"),
    ("mul(x, nn)", TypeError, OPERAND.format("module")),
    ("sub(x, nn.ReLU())", TypeError, OPERAND.format("ReLU")),
    ("div(x, {})", TypeError, OPERAND.format("dict")),
    ("pow(x, '2')", TypeError, OPERAND.format("str")),
    ("-flag", TypeError, "The numpy boolean negative, the `-` operator, is not supported..."),
    ("neg(None)", TypeError, OPERAND.format("NoneType")),
    *[(f"{name}([1.0, 2.0])", TypeError, OPERAND.format("list")) for name in (
        "exp", "log", "sqrt", "abs", "tanh", "sigmoid", "relu")],
    ("exp(print)", TypeError, OPERAND.format("builtin_function_or_method")),
    *[(f"{name}(x, None)", TypeError, OPERAND.format("NoneType")) for name in (
        "eq", "ne", "lt", "le", "gt", "ge")],
    ("clone([1.0])", TypeError, OPERAND.format("list")),
    ("x @ x", ValueError, MATMUL.format((2, 3), (2, 3))),
    ("x @ 2", ValueError, MATMUL.format((2, 3), ())),
    ("x @ one", ValueError, MATMUL.format((2, 3), ())),
    ("x @ ones(2)", ValueError, MATMUL.format((2, 3), (2,))),
    ("ones(3) @ x", ValueError, MATMUL.format((3,), (2, 3))),
    ("matmul(ones(2, 2, 3), ones(4, 3, 2))", ValueError, MATMUL.format((2, 2, 3), (4, 3, 2))),
    ("x @ [1, 2, 3]", TypeError, OPERAND.format("list")),
    ("x.clamp()", ValueError, "clamp: expected min, max or both"),
    ("clamp(x, 'a', 1)", TypeError, "clamp: expected numbers, got min='a' and max=1"),
    ("where(x > 0, ones(2), ones(2))", ValueError, BROADCAST.format("(2,3) (2,) (2,)")),
    ("where(x > 0, x, 'a')", TypeError, OPERAND.format("str")),
    ("x.to('cuda')", TypeError, "dtype: expected one such as float32, got 'cuda'"),
    ("x.to(str)", TypeError, REAL.format("<U32")),
]
REDUCTIONS = [
    *[(f"x.{name}(2)", IndexError, DIM.format("dim", 2, 1, 2)) for name in (
        "sum", "mean", "var", "std", "amax", "amin", "argmax", "argmin", "max", "min",
        "logsumexp", "softmax", "log_softmax")],
    ("x.sum(-3)", IndexError, DIM.format("dim", 2, 1, -3)),
    ("x.sum((0, 5))", IndexError, DIM.format("dim", 2, 1, 5)),
    ("x.sum((0, 0))", ValueError, "duplicate value in 'axis'"),
    ("one.sum(1)", IndexError, DIM.format("dim", 1, 0, 1)),
    ("x.sum('rows')", TypeError, DIM.format("dim", 2, 1, "rows")),
    ("x.mean(0.5)", TypeError, DIM.format("dim", 2, 1, 0.5)),
    ("x.max(1.0)", TypeError, DIM.format("dim", 2, 1, 1.0)),
    *[(f"labels.{name}()", TypeError, "mean and var: expected floats, got int64: "
      "convert them first, as in t.float().mean()") for name in (
        "mean", "var", "std")],
    ("softmax(x, 'a')", TypeError, DIM.format("dim", 2, 1, "a")),
    ("zeros(0).max()", ValueError, "zero-size array to reduction operation maximum ..."),
    ("zeros(0).amin()", ValueError, "zero-size array to reduction operation minimum ..."),
    ("zeros(0).argmax()", ValueError, "attempt to get argmax of an empty sequence"),
]
SHAPES = [
    ("x.reshape(4, 2)", ValueError, "cannot reshape array of size 6 into shape (4,2)"),
    ("x.view(-1, 4)", ValueError, "cannot reshape array of size 6 into shape ..."),
    ("x.reshape(-1, -1)", ValueError, "can only specify one unknown dimension"),
    ("x.reshape(3.0, 2)", TypeError, "shape: expected ints, got (3.0, 2)"),
    ("reshape(x, 'a')", TypeError, "shape: expected ints, got ('a',)"),
    ("x.flatten(2)", IndexError, DIM.format("start_dim", 2, 1, 2)),
    ("flatten(x, 0, 2)", IndexError, DIM.format("end_dim", 2, 1, 2)),
    ("x.flatten(1, 0)", ValueError, "flatten: start_dim 1 comes after end_dim 0"),
    *[(f"x.permute{dims}", ValueError, f"dims: expected each of the 2 dimensions once, got {dims}")
      for dims in ((0, 0), (0, 2), (0, 1, 2), ())],
    ("permute(x, 'a', 1)", TypeError, "dims: expected ints, got ('a', 1)"),
    ("x.transpose(0, 2)", IndexError, DIM.format("dim1", 2, 1, 2)),
    ("transpose(x, 'a', 1)", TypeError, DIM.format("dim0", 2, 1, "a")),
    ("x.squeeze(2)", IndexError, DIM.format("dim", 2, 1, 2)),
    ("squeeze(x, 'a')", TypeError, DIM.format("dim", 2, 1, "a")),
    ("x.unsqueeze(3)", IndexError, DIM.format("dim", 3, 2, 3)),
    ("unsqueeze(x, 0.0)", TypeError, DIM.format("dim", 3, 2, 0.0)),
    *[(f"x.expand{size}", ValueError, f"size: expected one that (2, 3) stretches to, got {size}")
      for size in ((3, 3), (3,), (-1, -1, -1))],
    ("expand(x, 'a')", TypeError, "size: expected ints, got ('a',)"),
    ("cat([])", ValueError, "need at least one array to concatenate"),
    ("cat(x)", TypeError, "tensors: expected a list of Tensors, got one Tensor: cat([a, b])"),
    ("cat(x, x)", TypeError, "tensors: expected a list of Tensors, got one Tensor: cat([a, b])"),
    ("cat([x, ones(2, 2)])", ValueError, "...along dimension 1, ... 0 has size 3 and ... size 2"),
    ("cat([x, ones(3)])", ValueError, "...same number of dimensions...2 dim...1 dim..."),
    ("cat([x, x], 2)", AxisError, "axis 2 is out of bounds for array of dimension 2"),
    ("cat([one, one])", ValueError, "zero-dimensional arrays cannot be concatenated"),
    ("cat([x, [1, 2, 3]])", TypeError, OPERAND.format("list")),
    ("stack([])", ValueError, "need at least one array to concatenate"),
    ("stack([x, ones(3)])", ValueError, "...same number of dimensions..."),
    ("stack([x, x], 4)", IndexError, DIM.format("dim", 3, 2, 4)),
    ("x[2]", IndexError, "index 2 is out of bounds for axis 0 with size 2"),
    ("x[0, 3]", IndexError, "index 3 is out of bounds for axis 1 with size 3"),
    ("x[0, 0, 0]", IndexError, "too many indices for array: ... 2-dimensional, but 3 were indexed"),
    ("x[1.0]", IndexError, "only integers, slices..."),
    ("x[tensor([0.0])]", IndexError, "arrays used as indices must be of integer (or boolean) type"),
    ("x[tensor([True])]", IndexError, "boolean index did not match ... axis is 2 ... axis is 1"),
    ("x[0] = ones(4)", ValueError,
     "could not broadcast input array from shape (4,) into shape (3,)"),
    ("x[0] = 'a'", ValueError, "could not convert string to float: ..."),
]
CREATION = [
    ("zeros('a')", TypeError, "size: expected ints, got ('a',)"),
    ("ones(2.5)", TypeError, "size: expected ints, got (2.5,)"),
    ("rand(2, None)", TypeError, "size: expected ints, got (2, None)"),
    ("randn((2, 2.0))", TypeError, "size: expected ints, got (2, 2.0)"),
    ("full('a', 0)", TypeError, "size: expected ints, got ('a',)"),
    *[(case, ValueError, "negative dimensions are not allowed") for case in (
        "zeros(-1)", "ones(2, -3)", "rand(-1)", "randn(-1)", "full((-1,), 0)", "eye(-1)")],
    ("full((2,), 'a')", TypeError, REAL.format("<U1")),
    ("zeros(2, dtype='flot')", TypeError, "data type 'flot' not understood"),
    ("zeros(2, dtype=str)", TypeError, REAL.format("<U1")),
    ("rand(2, dtype=int64)", TypeError, "Unsupported dtype dtype('int64') for random"),
    ("randn(2, dtype=int64)", TypeError, "Unsupported dtype dtype('int64') for standard_normal"),
    ("ones(2, dtype=int64, requires_grad=True)", TypeError,
     "only floats can require grad, got dtype int64"),
    ("randint(1, 7)", TypeError, "size: expected a tuple of ints, got 7"),
    ("randint(6)", TypeError, "size: expected a tuple of ints, got None"),
    ("randint(0.5, 3, (2,))", TypeError, "low and high: expected ints, got (0.5, 3)"),
    ("randint(5, 5, (2,))", ValueError, "low >= high"),
    ("randperm(-1)", ValueError, "n: expected an int, 0 or more, got -1"),
    ("randperm(2.5)", ValueError, "n: expected an int, 0 or more, got 2.5"),
    ("manual_seed('a')", ValueError, "seed: expected an int, 0 or more, got 'a'"),
    ("manual_seed(None)", ValueError, "seed: expected an int, 0 or more, got None"),
    ("manual_seed(1.5)", ValueError, "seed: expected an int, 0 or more, got 1.5"),
    ("arange(0, 5, 0)", ValueError, "step: expected a number other than 0, got 0"),
    ("arange(0, float('nan'))", ValueError, "arange: cannot compute length"),
    ("linspace(0, 1, -1)", ValueError, "Number of samples, -1, must be non-negative."),
    ("linspace(0, 1, 2.5)", TypeError, "'float' object cannot be interpreted as an integer"),
    ("full_like(2, 1)", AttributeError, "'int' object has no attribute 'shape'"),
    *[(f"{name}_like([1, 2])", AttributeError, "'list' object has no attribute 'shape'")
      for name in ("zeros", "ones", "rand", "randn")],
]
LAYERS = [
    ("nn.Linear(3)", TypeError, "...missing 1 required positional argument: 'out_features'"),
    ("nn.Linear(0, 2)", ValueError, POSITIVE.format("in_features", 0)),
    ("nn.Linear(3, -2)", ValueError, POSITIVE.format("out_features", -2)),
    ("nn.Linear(28 * 28 / 2, 10)", ValueError, POSITIVE.format("in_features", 392.0)),
    ("nn.Linear('3', 2)", ValueError, POSITIVE.format("in_features", "3")),
    ("nn.Linear(3, ones(2))", ValueError, POSITIVE.format("out_features", np.nan)[:-3] + "..."),
    ("linear(x)", nn.ShapeError, "Linear 4 → 2: got (2, 3), expected (…, 4)"),
    ("bare(x)", nn.ShapeError, "Linear 4 → 2: got (2, 3), expected (…, 4)"),
    ("linear(one)", nn.ShapeError, "Linear 4 → 2: got (), expected (…, 4)"),
    ("linear([1, 2, 3, 4])", TypeError, OPERAND.format("list")),
    ("linear(None)", TypeError, OPERAND.format("NoneType")),
    ("linear()", TypeError, "...missing 1 required positional argument: 'x'"),
    ("nn.ReLU(x)", TypeError, "ReLU() takes no arguments"),
    *[(f"nn.{name}()([1.0])", TypeError, OPERAND.format("list")) for name in (
        "ReLU", "Tanh", "Sigmoid")],
    ("nn.Flatten()(ones(2))", IndexError, DIM.format("start_dim", 1, 0, 1)),
    ("nn.Sequential([nn.ReLU()])", TypeError, "Sequential, entry 0: expected a Module, got list"),
    ("nn.Sequential()[0]", IndexError, "list index out of range"),
    ("nn.ModuleList(nn.ReLU())", TypeError, "'ReLU' object is not iterable"),
    ("nn.ModuleList()(x)", NotImplementedError, "ModuleList does not define forward"),
    ("nn.Module()(x)", NotImplementedError, "Module does not define forward"),
    ("nn.Identity(1)", TypeError, "Identity() takes no arguments"),
    *[(f"nn.Dropout({p!r})", ValueError, f"Invalid dropout probability: {p}")
      for p in (-0.1, 2, "0.5", None)],
    ("nn.Dropout(float('nan'))", ValueError, "Invalid dropout probability: nan"),
    ("F.dropout(x, 1.5, False)", ValueError, "Invalid dropout probability: 1.5"),
    ("nn.Parameter('a')", TypeError, REAL.format("<U1")),
    ("nn.Parameter(labels)", TypeError, "only floats can require grad, got dtype int64"),
    ("F.linear(x, ones(4, 5), ones(4))", ValueError,
     "linear: expected shapes (..., in), (out, in) and (out,), got (2, 3), (4, 5) and (4,)"),
    ("F.linear(x, ones(4, 3), ones(5))", ValueError,
     "linear: expected shapes (..., in), (out, in) and (out,), got (2, 3), (4, 3) and (5,)"),
    ("F.linear(x, ones(4, 5))", ValueError, MATMUL.format((2, 3), (5, 4))),
]
LOSSES = [
    *[(f"F.{loss}(ones{left}, ones{right})", ValueError, NOT_SAME.format(left, right))
      for loss in ("mse_loss", "binary_cross_entropy_with_logits")
      for left, right in (((64, 1), (64,)), ((64,), (64, 1)), ((4, 3), (3,)), ((4, 3), (1, 3)),
                          ((4, 3), ()), ((1,), ()), ((4, 3), (3, 4)))],
    ("nn.MSELoss()(x, ones(3, 2))", ValueError, NOT_SAME.format((2, 3), (3, 2))),
    ("F.mse_loss(x, None)", ValueError, NOT_SAME.format((2, 3), ())),
    ("F.mse_loss(ones(2), [1.0, 2.0])", TypeError, OPERAND.format("list")),
    *[(f"{loss}(x, tensor({target}))", error, message)
      for loss in ("F.nll_loss", "F.cross_entropy", "nn.NLLLoss()", "nn.CrossEntropyLoss()")
      for target, error, message in (
        ([0, 3], IndexError, "target: class 3 is not one of the 3 classes 0 ... 2"),
        ([0, -1], IndexError, "target: class -1 is not one of the 3 classes 0 ... 2"),
        ([-100, 3], IndexError, "target: class -100 is not one of the 3 classes 0 ... 2"),
        ([0.0, 2.0], TypeError, INTEGERS.format("float32")),
        ([False, True], TypeError, INTEGERS.format("bool")),
        ([[0, 1, 0], [0, 0, 1]], ValueError, CLASSES.format((2, 3), (2, 3))),
        ([[0], [1]], ValueError, CLASSES.format((2, 3), (2, 1))),
        ([0, 1, 2], ValueError, CLASSES.format((2, 3), (3,))),
        ([0], ValueError, CLASSES.format((2, 3), (1,))),
        (1, ValueError, CLASSES.format((2, 3), ())))],
    ("F.nll_loss(ones(4), tensor(4))", IndexError,
     "target: class 4 is not one of the 4 classes 0 ... 3"),
    ("F.cross_entropy(ones(2, 3, 4), labels)", ValueError, CLASSES.format((2, 3, 4), (2,))),
    ("F.cross_entropy(x, text)", TypeError, INTEGERS.format("<U1")),
    ("F.cross_entropy(x, None)", TypeError, INTEGERS.format("object")),
    ("F.cross_entropy(labels, x)", TypeError, INTEGERS.format("float32")),
    ("F.cross_entropy([[1.0, 2.0]], [0])", TypeError, OPERAND.format("list")),
    ("F.cross_entropy(x)", TypeError, "...missing 1 required positional argument: 'target'"),
    ("nn.CrossEntropyLoss(x, labels)", TypeError, "...takes from 1 to 2 positional arguments..."),
    *[(f"F.binary_cross_entropy_with_logits(ones(3), tensor([0, {wrong}, -2]))", ValueError,
       f"target: expected numbers from 0 to 1, got {got}")
      for wrong, got in (("-1.0", -1.0), ("1.5", 1.5), ("float('nan')", "nan"))],
    ("nn.BCEWithLogitsLoss()(ones(1), 2 * ones(1))", ValueError,
     "target: expected numbers from 0 to 1, got 2.0"),
    *[(f"{case}reduction={word!r})", ValueError, REDUCTION.format(word))
      for case in ("F.mse_loss(x, x, ", "F.nll_loss(x, labels, ", "F.cross_entropy(x, labels, ",
                   "F.binary_cross_entropy_with_logits(x, ones(2, 3), ")
      for word in ("average", None, True)],
]
CONVOLUTION = [
    ("nn.Conv2d(1, 2)", TypeError, "...missing 1 required positional argument: 'kernel_size'"),
    ("nn.Conv2d(0, 2, 3)", ValueError, POSITIVE.format("in_channels", 0)),
    ("nn.Conv2d(1, 0, 3)", ValueError, POSITIVE.format("out_channels", 0)),
    ("nn.Conv2d('a', 2, 3)", ValueError, POSITIVE.format("in_channels", "a")),
    ("nn.Conv2d(1, 2, 3, groups=0)", ValueError, POSITIVE.format("groups", 0)),
    ("nn.Conv2d(4, 4, 3, groups=2.0)", ValueError, POSITIVE.format("groups", 2.0)),
    ("nn.Conv2d(3, 4, 5, groups=2)", ValueError,
     "groups: expected a divisor of 3 and 4, the channels, got 2"),
    ("nn.Conv2d(4, 3, 5, groups=2)", ValueError,
     "groups: expected a divisor of 4 and 3, the channels, got 2"),
    ("nn.Conv2d(1, 2, 0)", ValueError, PAIR.format("kernel_size", 1, 0)),
    ("nn.Conv2d(1, 2, 3.0)", ValueError, PAIR.format("kernel_size", 1, 3.0)),
    ("conv(ones(2, 3, 6, 6))", nn.ShapeError,
     "Conv2d 1 → 2: got (2, 3, 6, 6), expected (N, 1, H ≥ 3, W ≥ 6)"),
    ("conv(x)", nn.ShapeError, "Conv2d 1 → 2: got (2, 3), expected (N, 1, H ≥ 3, W ≥ 6)"),
    ("conv(image)", nn.ShapeError,
     "Conv2d 1 → 2: got (2, 1, 6, 5), expected (N, 1, H ≥ 3, W ≥ 6)"),
    ("F.conv2d(image, ones(4, 2, 3, 3))", ValueError,
     "input: expected 2 channels, for weight (4, 2, 3, 3) and groups=1, got 1 in (2, 1, 6, 5)"),
    ("F.conv2d(image, ones(4, 1, 3, 3), groups=2)", ValueError,
     "input: expected 2 channels, for weight (4, 1, 3, 3) and groups=2, got 1 in (2, 1, 6, 5)"),
    *[(f"F.conv2d(image, ones{shape}, groups={groups})", ValueError, "weight: expected shape "
       f"(O, C, kh, kw) and O a multiple of groups, got {shape} and groups={groups}")
      for shape, groups in (((3, 1, 3, 3), 2), ((4, 1, 3), 1))],
    *[(f"F.conv2d(image, ones(4, 1, 3, 3), groups={groups!r})", ValueError,
       POSITIVE.format("groups", groups)) for groups in (0, -1, 1.5, True, "1")],
    ("F.conv2d(image[0, 0], ones(4, 1, 3, 3))", ValueError,
     "input: expected shape (N, C, H, W), got (6, 5)"),
    ("F.conv2d(image, ones(4, 1, 3, 3), ones(3))", ValueError,
     "bias: expected shape (4,), got (3,)"),
    ("F.conv2d(image, ones(4, 1, 7, 3))", ValueError,
     "kernel: 7 x 3 is larger than the input, which is 6 x 5 with its padding"),
    ("F.conv2d(image, ones(4, 1, 3, 3), dilation=4, padding=(1, 0))", ValueError,
     "kernel: 9 x 9 is larger than the input, which is 8 x 5 with its padding"),
    *[(f"F.conv2d(image, ones(4, 1, 3, 3), {name}={value!r})", ValueError,
       PAIR.format(name, least, value))
      for name, least, value in (("stride", 1, 0), ("padding", 0, -1), ("padding", 0, "valid?"),
                                 ("dilation", 1, (1, 2, 3)), ("stride", 1, 1.5),
                                 ("padding", 0, True), ("stride", 1, True))],
    *[(f"F.{pool}2d({arguments})", ValueError, message)
      for pool in ("max_pool", "avg_pool") for arguments, message in (
        ("image, 3, 1, 2", "padding: expected at most half of kernel_size (3, 3), got (2, 2)"),
        ("image, 7", "kernel: 7 x 7 is larger than the input, which is 6 x 5 with its padding"),
        ("image, 0", PAIR.format("kernel_size", 1, 0)),
        ("image, 2, 0", PAIR.format("stride", 1, 0)),
        ("image[0, 0], 2", "input: expected shape (N, C, H, W), got (6, 5)"))],
    ("F.max_pool2d(image.long(), 2, padding=1)", TypeError, "input: expected floats, got int64"),
    ("F.avg_pool2d(image.long(), 2)", TypeError, "input: expected floats, got int64"),
    ("nn.MaxPool2d(2, padding=2)(image)", ValueError,
     "padding: expected at most half of kernel_size (2, 2), got (2, 2)"),
    ("nn.AvgPool2d(2, 0)(image)", ValueError, PAIR.format("stride", 1, 0)),
    ("nn.MaxPool2d(7)(image)", nn.ShapeError,
     "MaxPool2d: got (2, 1, 6, 5), expected (N, C, H ≥ 7, W ≥ 7)"),
    ("nn.AvgPool2d(2)(x)", nn.ShapeError,
     "AvgPool2d: got (2, 3), expected (N, C, H ≥ 2, W ≥ 2)"),
    ("F.unfold(image, 7)", ValueError,
     "kernel: 7 x 7 is larger than the input, which is 6 x 5 with its padding"),
    ("F.unfold(image, (2, 2, 2))", ValueError, PAIR.format("kernel_size", 1, (2, 2, 2))),
    ("F.fold(ones(2, 13, 12), (5, 5), (2, 3))", ValueError,
     "input: expected shape (N, a multiple of 6, 12), got (2, 13, 12)"),
    ("F.fold(ones(2, 12, 13), (5, 5), (2, 3))", ValueError,
     "input: expected shape (N, a multiple of 6, 12), got (2, 12, 13)"),
    ("F.fold(ones(12, 12), (5, 5), (2, 3))", ValueError,
     "input: expected shape (N, a multiple of 6, 12), got (12, 12)"),
    ("F.fold(x, (5, 5), 2, stride='a')", ValueError, PAIR.format("stride", 1, "a")),
]
OURS = [  # what PyTorch doesn't have, or not like this
    ("Tensor('a')", TypeError, REAL.format("<U1")),
    ("Tensor([1j], requires_grad=True)", TypeError, REAL.format("complex128")),
    ("gradcheck(exp, [])", ValueError,
     "gradcheck: at least one input must be a Tensor that requires grad"),
    ("gradcheck(exp, x)", ValueError,
     "gradcheck: at least one input must be a Tensor that requires grad"),
    ("gradcheck(add, [x, 2.0])", ValueError,
     "gradcheck: at least one input must be a Tensor that requires grad"),
    ("gradcheck(lambda a: a.detach(), leaf)", RuntimeError,
     "backward: this Tensor does not require grad, so it has no graph: was it made inside "
     "no_grad(), or from nothing that requires grad?"),
    ("net(ones(2, 4))", nn.ShapeError, "0 (Linear 3 → 4): got (2, 4), expected (…, 3)"),
    ("net[0].weight = net[0].weight * 0.5", TypeError,
     "weight: expected a Parameter or None, got Tensor"),
    *[(case.format(wrong), TypeError, f"{entry}: expected a Module, got {kind}")
      for case, entry in (
        ("nn.Sequential(nn.Tanh(), {})", "Sequential, entry 1"),
        ("nn.Sequential(nn.Tanh()).append({})", "Sequential, entry 1"),
        ("nn.Sequential({{'fc': nn.Tanh(), 'act': {}}})", "Sequential, entry act"),
        ("nn.ModuleList([{}])", "ModuleList, entry 0"))
      for wrong, kind in (("nn.ReLU", "type"), ("F.relu", "function"), ("{}", "dict"),
                          ("None", "NoneType"))],
    ("nn.Sequential({'fc': nn.ReLU()}, nn.ReLU())", TypeError,  # the second would be lost
     "Sequential, entry 0: expected a Module, got dict"),
    *[(f"{loss}({word!r})", ValueError, REDUCTION.format(word))
      for loss in ("nn.MSELoss", "nn.BCEWithLogitsLoss", "nn.NLLLoss", "nn.CrossEntropyLoss")
      for word in ("average", None, True)],
    ("net.apply(1)", TypeError, "'int' object is not callable"),
    ("net.load_state_dict('weights.npz')", TypeError, STATE.format("str")),
    ("net.load_state_dict(net)", TypeError, STATE.format("Sequential")),
    ("net.load_state_dict(net.state_dict)", TypeError, STATE.format("method")),
    ("net.load_state_dict(None)", TypeError, STATE.format("NoneType")),
    ("net.load_state_dict({})", ValueError, MISFIT + "0.weight: missing\n    ..."),
    ("net.load_state_dict(state | {'fc': x})", ValueError, MISFIT + "fc: unexpected"),
    *[(f"net.load_state_dict(state | {{'0.bias': {value}}}, strict={strict})", ValueError,
       MISFIT + f"0.bias: {problem}")
      for strict in (True, False) for value, problem in (
        ("ones(3)", "got (3,), expected (4,)"),
        ("1.0", "got (), expected (4,)"),
        ("np.array(list('abcd'))", "got dtype <U1, expected real numbers"),
        ("1j * np.ones(4)", "got dtype complex128, expected real numbers"),
        ("np.array([None] * 4)", "got dtype object, expected real numbers"))],
    *[(f"{kind}({params})", error, f"params: {message}")
      for kind in ("Optimizer", "SGD") for params, error, message in (
        ("net.parameters", TypeError, ITERABLE.format("method")),
        ("net[0]", TypeError, ITERABLE.format("Linear")),
        ("None", TypeError, ITERABLE.format("NoneType")),
        ("leaf", TypeError, "expected an iterable of Tensors, got one Tensor: put it in a list"),
        ("net", TypeError, "expected Tensors, got Linear"),
        ("[leaf, array]", TypeError, "expected Tensors, got ndarray"),
        ("net.state_dict()", TypeError, "expected Tensors, got str"),
        ("net.named_parameters()", TypeError, "expected Tensors, got tuple"),
        ("[]", ValueError, "expected at least one Tensor, got none (a plain list hides "
         "a net's layers: use nn.ModuleList)"),
        ("iter(())", ValueError, "expected at least one Tensor, got none (a plain list hides "
         "a net's layers: use nn.ModuleList)"),
        ("[made]", ValueError,
         "expected leaves, got a Tensor that an op made: it never gets a grad"),
        ("[leaf, leaf]", ValueError, "expected each Tensor once, got one twice"))],
    ("SGD([leaf], nesterov=True)", TypeError, "...unexpected keyword argument 'nesterov'"),
    *[(f"SGD([leaf], {name}=float('{value}'))", ValueError, f"Invalid {name} value: {value}")
      for name in ("lr", "momentum", "alpha", "weight_decay") for value in ("-0.1", "nan", "inf")],
    ("SGD([leaf], momentum=1)", ValueError, "Invalid momentum value: 1"),
    *[(f"SGD([leaf], {name}={value})", TypeError, f"{name}: expected a number, got {value}")
      for name, value in (("lr", "'0.1'"), ("lr", "None"), ("lr", "[0.1]"), ("momentum", "'a'"),
                          ("alpha", "None"), ("weight_decay", "'a'"))],
    ("SGD([leaf], lr=x)", TypeError, "lr: expected a number, got tensor(..."),
    ("Optimizer([leaf], lr=-1)", ValueError, "Invalid lr value: -1"),
    ("Optimizer([leaf]).step()", NotImplementedError, "Optimizer does not define step"),
    ("next(iter(Dataset()))", NotImplementedError, "Dataset does not define __len__"),
    ("TensorDataset()", ValueError, "tensors: expected one or more of one length, got lengths []"),
    ("TensorDataset(x, ones(3))", ValueError,
     "tensors: expected one or more of one length, got lengths [2, 3]"),
    ("TensorDataset(array)", TypeError, "tensors: expected Tensors, got ndarray"),
    ("TensorDataset(one)", TypeError, "a Tensor without dimensions has no length"),
    ("pairs[2]", IndexError, "index 2 is out of bounds for axis 0 with size 2"),
    ("len(Dataset())", NotImplementedError, "Dataset does not define __len__"),
    ("Dataset()[0]", NotImplementedError, "Dataset does not define __getitem__"),
    *[(f"DataLoader(pairs, {size!r})", ValueError, POSITIVE.format("batch_size", size))
      for size in (0, -3, 2.0, "2", None)],
    ("DataLoader([], 2)", ValueError, "dataset: expected at least one sample, got none"),
    ("DataLoader(TensorDataset(zeros(0, 3)), 2)", ValueError,
     "dataset: expected at least one sample, got none"),
    ("DataLoader(sample for sample in pairs)", TypeError,
     "dataset: expected a Dataset or a list of samples, got generator"),
    ("DataLoader(None)", TypeError,
     "dataset: expected a Dataset or a list of samples, got NoneType"),
    ("DataLoader(pairs, generator='a')", TypeError, "SeedSequence expects int ... not a"),
    ("DataLoader(pairs, generator=-1)", ValueError, "expected non-negative integer"),
    ("list(DataLoader([zeros(1), zeros(2)], 2))", ValueError,
     "a batch needs samples of one shape, got [(1,), (2,)]"),
    ("list(DataLoader(['a', 'b'], 2))", TypeError, REAL.format("<U1")),
    ("Subset(pairs, [0, 2])", IndexError, "indices: 2 is not in a dataset of 2 samples"),
    ("Subset(pairs, [-3])", IndexError, "indices: -3 is not in a dataset of 2 samples"),
    ("Subset(pairs, flag)", TypeError,
     "indices: expected a row of integers, got shape (2,) and dtype bool"),
    ("Subset(pairs, [0.0])", TypeError,
     "indices: expected a row of integers, got shape (1,) and dtype float64"),
    ("Subset(pairs, [[0, 1]])", TypeError,
     "indices: expected a row of integers, got shape (1, 2) and dtype int64"),
    ("Subset(pairs, 1)", TypeError,
     "indices: expected a row of integers, got shape () and dtype int64"),
    *[(f"random_split(pairs, {lengths})", ValueError, LENGTHS.format(lengths))
      for lengths in ([1, 2], [3, -1], [0.5, 0.4], [1.5, 0.5], [1.5, -0.5], [])],
    ("random_split(pairs, [float('nan'), 1.0])", ValueError, LENGTHS.format("[nan, 1.0]")),
    ("random_split(pairs, [float('inf'), -float('inf')])", ValueError,
     LENGTHS.format("[inf, -inf]")),
    ("random_split(pairs, 2)", TypeError, "lengths: expected a list of numbers, got 2"),
    ("random_split(pairs, 'ab')", TypeError, "lengths: expected a list of numbers, got 'ab'"),
    ("parse_idx(b'')", ValueError, "no IDX file of unsigned bytes: it begins with b''"),
    ("parse_idx(b'\\0\\0\\x08\\x01\\0\\0\\0\\x05ab')", ValueError,
     "truncated: 10 bytes, and shape (5,) makes 13"),
    ("sha256('abc')", TypeError, "Strings must be encoded before hashing"),
    ("mnist(3)", TypeError, "expected str, bytes or os.PathLike object, not int"),
    ("evaluate(net, [])", ValueError, "loader: expected at least one batch, got none ..."),
    ("evaluate(net, pairs)", TypeError, "loader: expected batches, got a TensorDataset: "
     "wrap it, loader=DataLoader(dataset, batch_size)"),
    ("evaluate(net.parameters(), batches)", TypeError,
     "model: expected a Module, got generator"),
    ("evaluate(type('Forgetful', (nn.Module,), {'forward': print})(), batches)", TypeError,
     "model: Forgetful answered None, expected a Tensor: does its forward return it?"),
    ("evaluate(nn.ReLU, batches)", TypeError,
     "model: expected an instance, got the class ReLU: ReLU(...) makes one"),
    ("evaluate(net, batches, nn.CrossEntropyLoss)", TypeError, "loss: expected an instance, "
     "got the class CrossEntropyLoss: CrossEntropyLoss(...) makes one"),
    ("evaluate(net, [(ones(2, 4), labels)])", nn.ShapeError,
     "0 (Linear 3 → 4): got (2, 4), expected (…, 3)"),
    *[(f"fit({arguments}, progress=False)", TypeError, message) for arguments, message in (
        ("net, pairs, loss, sgd, 1", "loader: expected batches, got a TensorDataset: "
         "wrap it, loader=DataLoader(dataset, batch_size)"),
        ("net, batches, loss, sgd, 1, pairs", "test_loader: expected batches, got a TensorDataset: "
         "wrap it, test_loader=DataLoader(dataset, batch_size)"),
        ("net, batches, nn.MSELoss, sgd, 1",
         "loss: expected an instance, got the class MSELoss: MSELoss(...) makes one"),
        ("net, batches, loss, SGD, 1",
         "optimizer: expected an instance, got the class SGD: SGD(...) makes one"),
        ("net, batches, sgd, loss, 1",
         "optimizer: expected an Optimizer, got CrossEntropyLoss"),
        ("sgd, batches, loss, net, 1", "model: expected a Module, got SGD"),
        ("net.parameters(), batches, loss, sgd, 1", "model: expected a Module, got generator"),
        ("net, 3, loss, sgd, 1", "'int' object is not iterable"))],
    *[(f"fit(net, batches, loss, sgd, {epochs!r})", ValueError,
       f"epochs: expected an int, 0 or more, got {epochs!r}") for epochs in (-1, 1.5, "3", None)],
    ("fit(net, batches, loss, SGD([leaf]), 1)", ValueError,
     "optimizer: none of its parameters is this model's: make it anew, after the model"),
    ("LeNet(10)", TypeError, "...takes 1 positional argument but 2 were given"),
    ("lenet(zeros(2, 3, 28, 28))", nn.ShapeError,
     "layers.0 (Conv2d 1 → 6): got (2, 3, 28, 28), expected (N, 1, H ≥ 1, W ≥ 1)"),
    ("lenet(zeros(2, 1, 8, 8))", nn.ShapeError,
     "layers.3 (Conv2d 6 → 16): got (2, 6, 4, 4), expected (N, 6, H ≥ 5, W ≥ 5)"),
    ("lenet(zeros(2, 1, 32, 32))", nn.ShapeError,
     "layers.7 (Linear 400 → 120): got (2, 576), expected (…, 400)"),
    ("ScheduledSGD([leaf], [-1.0])", ValueError, "Invalid lr value: -1.0"),
    *[(f"train_lenet(pairs, pairs, {epochs})", ValueError,
       f"epochs: expected at least 1, got {epochs}") for epochs in (0, -1)],
    ("save(net, 'net.npz')", TypeError, STATE.format("Sequential")),
    ("save('net.npz', state)", TypeError, STATE.format("str")),
    ("save({'a': 1j}, 'net.npz')", TypeError,
     "a: expected an array of real numbers, got complex"),
    ("save({'a': x, 'b': text}, 'net.npz')", TypeError,
     "b: expected an array of real numbers, got ndarray"),
    ("save(state, 3)", TypeError, "expected str, bytes or os.PathLike object, not int"),
    ("save(state, 'no/folder/net.npz')", FileNotFoundError, "...no/folder/net.npz..."),
    ("load('nowhere.npz')", FileNotFoundError, "...nowhere.npz..."),
    ("load(3)", TypeError, "expected str, bytes or os.PathLike object, not int"),
    ("load(state)", TypeError, "expected str, bytes or os.PathLike object, not dict"),
    ("load('readme.txt')", ValueError, "readme.txt: expected an .npz archive"),
]
OF_BOTH = [*TENSORS, *ARITHMETIC, *REDUCTIONS, *SHAPES, *CREATION, *LAYERS, *LOSSES, *CONVOLUTION]
CASES = OF_BOTH + OURS


def things(m):
    """Return fresh arguments for one case, made with m, nptorch or torch, by their names."""
    leaf = m.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True)
    leaf.grad = m.ones(2, 3)
    return {
        "x": m.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), "leaf": leaf, "made": leaf * 2,
        "one": m.tensor(1.0), "labels": m.tensor([0, 2]), "flag": m.tensor([True, False]),
        "image": m.ones(2, 1, 6, 5), "linear": m.nn.Linear(4, 2),
        "bare": m.nn.Linear(4, 2, bias=False), "conv": m.nn.Conv2d(1, 2, (3, 6)),
        "array": np.array([1.0, 2.0]), "text": np.array(["a", "b"]),
    }


LENET = models.LeNet()


def our_things():
    """Return what is ours alone: a net after one step, its optimizer, and data for it."""
    nptorch.manual_seed(0)
    own = things(nptorch) | {"lenet": LENET}
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Sequential(nn.Linear(4, 3)).eval())
    sgd = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    nn.cross_entropy(net(own["x"]), own["labels"]).backward()
    sgd.step()
    return own | {"net": net, "sgd": sgd, "state": net.state_dict(), "loss": nn.CrossEntropyLoss(),
                  "pairs": data.TensorDataset(own["x"], own["labels"]),
                  "batches": [(own["x"], own["labels"])]}


def frozen(value):
    """Return all that can be seen of a value, and of what it holds, in a form that == compares."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.strides, value.flags.writeable, value.tobytes()
    if isinstance(value, nptorch.Tensor):
        edges = None if value.grad_fn is None else value.grad_fn.edges
        back = edges and [frozen(tensor) for tensor, _ in edges]
        return (id(value.data), frozen(value.data), frozen(value.grad), value.requires_grad,
                value._retains_grad, id(value.grad_fn), back)
    if isinstance(value, (list, tuple)):
        return [frozen(item) for item in value]
    if isinstance(value, dict):
        return [(key, frozen(item)) for key, item in value.items()]
    if isinstance(value, nn.Module):
        return value.training, frozen({k: v for k, v in vars(value).items() if k != "training"})
    if hasattr(value, "__dict__"):
        return frozen(vars(value))
    return repr(value)


def surroundings():
    """Return what a function could leave behind: modes, the random numbers' state, and files."""
    files = {path: open(path, "rb").read() for path in os.listdir()}
    return nptorch.is_grad_enabled(), ops._rng().bit_generator.state, np.geterr(), files


def pattern(message):
    return ".*".join(map(re.escape, message.split("...")))


NAMES = {name: value for module in (nptorch, data, models, optim, training)
         for name, value in vars(module).items() if not name.startswith("__")}
NAMES |= {"nn": nn, "F": nn.functional, "np": np}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Work in a folder of its own, with one file in it."""
    before = os.getcwd()
    os.chdir(tmp_path_factory.mktemp("folder"))
    with open("readme.txt", "w") as file:
        file.write("no archive")
    yield
    os.chdir(before)


@pytest.mark.parametrize("case, error, message", CASES, ids=[case for case, _, _ in CASES])
def test_is_refused_and_changes_nothing(case, error, message, folder):
    given = our_things()
    before = frozen(given), surroundings()
    with pytest.raises(error) as caught:
        exec(case, NAMES | given)
    assert type(caught.value) is error
    assert re.fullmatch(pattern(message), str(caught.value), re.DOTALL), str(caught.value)
    assert (frozen(given), surroundings()) == before


def test_the_check_for_changes_sees_them(folder):
    for change in ("x.data[0, 0] = 9", "leaf.grad.zero_()", "made.sum().backward()",
                   "x.requires_grad_()", "net.train()", "sgd.v[0][0] = 9", "sgd.lr = 1.0",
                   "net[0].bias = None", "made.retain_grad()", "pairs.tensors[1].data[0] = 1",
                   "batches.append(1)", "state.clear()", "array[0] = 9",
                   "rand(1)", "open('new', 'w').close()", "np.seterr(over='raise')"):
        given, errors = our_things(), np.geterr()
        before = frozen(given), surroundings()
        exec(change, NAMES | given)
        assert (frozen(given), surroundings()) != before, change
        np.seterr(**errors)
    os.remove("new")


# What an author of ops works with, and what takes no input that could be wrong.
NOT_IN_THE_TABLE = {
    "is_grad_enabled", "no_grad", "op", "unbroadcast", "refuse_if_recorded", "increment_version",
    "zero_", "Node", "ValuesAndIndices", "IncompatibleKeys", "ShapeError", "digits", "History",
    "mnist_or_digits", "sawtooth",
}


def test_every_public_function_is_in_the_table():
    cases = "\n".join(case for case, _, _ in CASES)
    public = {name for module in (nptorch, nn, optim, data, training, models)
              for name, value in vars(module).items()
              if isinstance(value, (FunctionType, type)) and not name.startswith("_")
              and value.__module__.startswith("nptorch")}
    missing = {name for name in public if not re.search(rf"\b{name}\b", cases)}
    assert missing == NOT_IN_THE_TABLE


# PyTorch takes the cases that begin like these, and not all of them on purpose.
TAKEN_BY_PYTORCH = (
    "F.avg_pool2d(image.long(), 2)", "F.max_pool2d(image.long(), 2, padding=1)",
    "F.binary_cross_entropy_with_logits(ones(3), tensor([0, ", "F.mse_loss(ones",
    "F.fold(ones(12, 12), (5, 5), (2, 3))", "manual_seed(1.5)",
    "nn.BCEWithLogitsLoss()(ones(1), 2 * ones(1))", "nn.Conv2d(0, 2, 3)",
    "nn.Conv2d(1, 0, 3)", "nn.Conv2d(1, 2, 0)", "nn.Identity(1)", "nn.Linear(0, 2)",
    "nn.ReLU(x)", "tensor(1j)", "x.cuda",
)


@pytest.mark.filterwarnings("ignore")
def test_pytorch_refuses_the_same():
    torch = pytest.importorskip("torch")
    names = vars(torch) | {"nn": torch.nn, "F": torch.nn.functional, "np": np}
    taken = []
    for case, _, _ in OF_BOTH:
        try:
            exec(case, names | things(torch))
            taken.append(case)
        except Exception:
            pass
    assert [case for case in taken if not case.startswith(TAKEN_BY_PYTORCH)] == []
