"""Bad input: what each public function says to it, and that it changes nothing.

A case is a line of Python that works with things() below, then the error that it raises and, where
the words are nptorch's own, the message, in which three dots stand for anything. What NumPy or
Python say in their own words is theirs to change.
"""

import os
import re
from pathlib import Path
from types import FunctionType

import cases
import numpy as np
import pytest

import nptorch
from nptorch import nn, optim
from nptorch.autograd import gradcheck
from nptorch.bridge.elementwise import ALIASES
from nptorch.nn.module import ShapeError
from nptorch.utils import data

DEVICE = "device: nptorch computes in this computer's memory, 'cpu', alone, got 'cuda'"
MATMUL = "matmul: expected shapes (..., n, k) and (..., k, m), got {} and {}"
OPERAND = "expected a Tensor, an array or a number, got {}"
DIM = "{}: expected an int from -{} to {}, got {!r}"
REAL = "data: expected real numbers, got dtype {}"
INT = "{}: expected an int, got {!r}"
LEAST = "{}: expected an int, {} or more, got {!r}"
NOT_SAME = "input and target must have the same shape, got {} and {}..."
CLASSES = "expected input (N, C) and target (N,), got {} and {}"
INTEGERS = "target: expected class indices (integers), got dtype {}"
REDUCTION = "reduction: ... got {!r}"
PAIR = "{}: expected an int or a pair of ints, got {!r}"
SPACE = "input: expected shape (N, {}, H >= {}, W >= {}), got {}"
REFUSAL = (TypeError, ValueError, IndexError, NotImplementedError)
STATE = "state_dict: expected a dict, such as ... got {}"
MISFIT = "state_dict does not fit Sequential:\n    "

# Those lists that PyTorch can run come first.

TENSORS = [
    ("tensor('a')", TypeError, REAL.format("<U1")),
    ("tensor(1j)", TypeError, REAL.format("complex128")),
    ("tensor([1.5, None])", TypeError, REAL.format("object")),
    ("tensor(text)", TypeError, REAL.format("<U1")),
    ("tensor(ones)", TypeError, REAL.format("object")),
    ("tensor([[1], [1, 2]])", ValueError),
    ("tensor([1, 2], requires_grad=True)", RuntimeError,
     "only floats can require grad, got dtype int64"),
    ("labels.requires_grad_()", RuntimeError, "only floats can require grad, got dtype int64"),
    ("made.requires_grad_(False)", RuntimeError,
     "only a leaf can stop requiring grad: use detach()"),
    ("leaf.numpy()", RuntimeError, "this Tensor requires grad: use detach().numpy()"),
    ("x.retain_grad()", RuntimeError, "this Tensor does not require grad, it will never get one"),
    ("x.item()", ValueError, "expected exactly one element, got shape (2, 3)"),
    ("if x: pass", ValueError, "expected exactly one element, got shape (2, 3)"),
    ("len(one)", TypeError, "a Tensor without dimensions has no length"),
    ("x.size(2)", IndexError),
    ("x.cuda()", RuntimeError, DEVICE),
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
    ("x += ones(2)", ValueError),
    ("x.copy_(ones(4))", ValueError),
    ("x.fill_('a')", ValueError),
]
ARITHMETIC = [
    *[(case, ValueError) for case in (
        "x + ones(2)", "x - ones(2)", "x * ones(2)", "x / ones(2)", "x ** ones(2)",
        "x < ones(2)", "x == ones(2)", "maximum(x, ones(2))", "minimum(x, ones(2))",
        "x.max(ones(2))")],
    ("x + 'a'", TypeError),
    ("x + [1, 2, 3]", TypeError),
    ("x + None", TypeError),
    ("x + text", TypeError, "expected real numbers, got ['float32', '<U1']"),
    ("[1, 2, 3] * x", TypeError),
    ("add(x)", TypeError),
    ("mul(x, nn)", TypeError, OPERAND.format("module")),
    ("sub(x, nn.ReLU())", TypeError, OPERAND.format("ReLU")),
    ("div(x, {})", TypeError, OPERAND.format("dict")),
    ("pow(x, '2')", TypeError, OPERAND.format("str")),
    ("-flag", TypeError),
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
    ("x @ [1, 2, 3]", TypeError),
    ("x.clamp()", ValueError, "clamp: expected min, max or both"),
    ("clamp(x, 'a', 1)", TypeError, "clamp: expected numbers, got min='a' and max=1"),
    ("where(x > 0, ones(2), ones(2))", ValueError),
    ("where(x > 0, x, 'a')", TypeError, OPERAND.format("str")),
    ("x.to('cuda')", RuntimeError, DEVICE),
    ("x.to(str)", TypeError, REAL.format("<U32")),
]
REDUCTIONS = [
    *[(f"x.{name}(2)", IndexError, DIM.format("dim", 2, 1, 2)) for name in (
        "sum", "mean", "var", "std", "amax", "amin", "argmax", "argmin", "max", "min",
        "logsumexp", "softmax", "log_softmax")],
    ("x.sum(-3)", IndexError, DIM.format("dim", 2, 1, -3)),
    ("x.sum((0, 5))", IndexError, DIM.format("dim", 2, 1, 5)),
    ("x.sum((0, 0))", ValueError),
    ("one.sum(1)", IndexError, DIM.format("dim", 1, 0, 1)),
    ("x.sum('rows')", TypeError, DIM.format("dim", 2, 1, "rows")),
    ("x.mean(0.5)", TypeError, DIM.format("dim", 2, 1, 0.5)),
    ("x.max(1.0)", TypeError, DIM.format("dim", 2, 1, 1.0)),
    *[(f"labels.{name}()", TypeError, "mean and var: expected floats, got int64: "
      "convert them first, as in t.float().mean()") for name in (
        "mean", "var", "std")],
    ("softmax(x, 'a')", TypeError, DIM.format("dim", 2, 1, "a")),
    ("softmax(x, (0, 1))", TypeError, DIM.format("dim", 2, 1, (0, 1))),
    ("log_softmax(x, [0])", TypeError, DIM.format("dim", 2, 1, [0])),
    ("zeros(0).max()", ValueError),
    ("zeros(0).amin()", ValueError),
    ("zeros(0).argmax()", ValueError),
]
SHAPES = [
    ("x.reshape(4, 2)", ValueError),
    ("x.view(-1, 4)", ValueError),
    ("x.reshape(-1, -1)", ValueError),
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
    ("x.expand('a')", TypeError, "size: expected ints, got ('a',)"),
    ("cat([])", ValueError),
    ("cat(x)", TypeError, "tensors: expected a list of Tensors, got one Tensor: write [a, b]"),
    ("cat(x, x)", TypeError, "tensors: expected a list of Tensors, got one Tensor: write [a, b]"),
    ("stack(x)", TypeError, "tensors: expected a list of Tensors, got one Tensor: write [a, b]"),
    ("stack(x, x)", TypeError, "tensors: expected a list of Tensors, got one Tensor: write [a, b]"),
    ("cat([x, ones(2, 2)])", ValueError),
    ("cat([x, ones(3)])", ValueError),
    ("cat([x, x], 2)", IndexError, "dim: expected an int from -2 to 1, got 2"),
    ("cat([one, one])", ValueError),
    ("cat([x, [1, 2, 3]])", TypeError, OPERAND.format("list")),
    ("stack([])", ValueError),
    ("stack([x, ones(3)])", ValueError),
    ("stack([x, x], 4)", IndexError, DIM.format("dim", 3, 2, 4)),
    ("x[2]", IndexError),
    ("x[0, 3]", IndexError),
    ("x[0, 0, 0]", IndexError),
    ("x[1.0]", IndexError),
    ("x[tensor([0.0])]", IndexError),
    ("x[tensor([True])]", IndexError),
    ("x[0] = ones(4)", ValueError),
    ("x[0] = 'a'", ValueError),
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
    ("zeros(2, dtype='flot')", TypeError),
    ("zeros(2, dtype=str)", TypeError, REAL.format("<U1")),
    ("rand(2, dtype=int64)", TypeError),
    ("randn(2, dtype=int64)", TypeError),
    ("ones(2, dtype=int64, requires_grad=True)", RuntimeError,
     "only floats can require grad, got dtype int64"),
    ("randint(1, 7)", TypeError, "size: expected a tuple of ints, got 7"),
    ("randint(6)", TypeError, "size: expected a tuple of ints, got None"),
    ("randint(0.5, 3, (2,))", TypeError, "low and high: expected ints, got (0.5, 3)"),
    ("randint(5, 5, (2,))", ValueError),
    ("randperm(-1)", ValueError, "n: expected an int, 0 or more, got -1"),
    ("randperm(2.5)", TypeError, "n: expected an int, got 2.5"),
    ("manual_seed('a')", TypeError, "seed: expected an int, got 'a'"),
    ("manual_seed(None)", TypeError, "seed: expected an int, got None"),
    ("manual_seed(1.5)", TypeError, "seed: expected an int, got 1.5"),
    ("arange(0, 5, 0)", ValueError, "step: expected a number other than 0, got 0"),
    ("arange(0, float('nan'))", ValueError),
    ("arange(0, -0.5)", ValueError, "arange: no way from 0 to -0.5 in steps of 1"),
    ("linspace(0, 1, -1)", ValueError),
    ("linspace(0, 1, 2.5)", TypeError),
    ("full_like(2, 1)", TypeError, "expected a Tensor, got int"),
    *[(f"{name}_like([1, 2])", TypeError, "expected a Tensor, got list")
      for name in ("zeros", "ones", "rand", "randn")],
]
LAYERS = [
    ("nn.Linear(3)", TypeError),
    ("nn.Linear(0, 2)", ValueError, LEAST.format("in_features", 1, 0)),
    ("nn.Linear(3, -2)", ValueError, LEAST.format("out_features", 1, -2)),
    ("nn.Linear(28 * 28 / 2, 10)", TypeError, INT.format("in_features", 392.0)),
    ("nn.Linear('3', 2)", TypeError, INT.format("in_features", "3")),
    ("nn.Linear(3, ones(2))", TypeError, "out_features: expected an int, got tensor(..."),
    ("linear(x)", ShapeError, "Linear 4 -> 2: got (2, 3), expected (..., 4)"),
    ("bare(x)", ShapeError, "Linear 4 -> 2: got (2, 3), expected (..., 4)"),
    ("linear(one)", ShapeError, "Linear 4 -> 2: got (), expected (..., 4)"),
    ("linear([1, 2, 3, 4])", TypeError, OPERAND.format("list")),
    ("linear(None)", TypeError, OPERAND.format("NoneType")),
    ("linear()", TypeError),
    ("nn.ReLU(x)", TypeError),
    *[(f"nn.{name}()([1.0])", TypeError, OPERAND.format("list")) for name in (
        "ReLU", "Tanh", "Sigmoid")],
    ("nn.Flatten()(ones(2))", IndexError, DIM.format("start_dim", 1, 0, 1)),
    ("nn.Sequential([nn.ReLU()])", TypeError, "Sequential, entry 0: expected a Module, got list"),
    ("nn.Sequential()[0]", IndexError),
    ("nn.ModuleList(nn.ReLU())", TypeError),
    ("nn.ModuleList()(x)", NotImplementedError, "ModuleList does not define forward"),
    ("nn.Module()(x)", NotImplementedError, "Module does not define forward"),
    ("linear.train(x)", ValueError, "mode: expected True or False, got tensor(..."),
    ("linear.train(None)", ValueError, "mode: expected True or False, got None"),
    ("linear.add_module(3, nn.ReLU())", TypeError, "...attribute name must be string..."),
    *[(f"nn.Dropout(float('{p}'))", ValueError, f"...{p}") for p in ("-0.1", "2.0", "nan")],
    *[(f"nn.Dropout({p!r})", TypeError, f"p: ... {p!r}") for p in ("0.5", None, True)],
    ("nn.BatchNorm1d(3)(x[:1])", ValueError, "input: expected two numbers a feature while "
     "training, got (1, 3): use drop_last=True in the loader, or eval()"),
    ("nn.BatchNorm1d(2)(x)", ShapeError, "BatchNorm1d 2: got (2, 3), ... (N, 2) or (N, 2, L)"),
    ("nn.BatchNorm2d(3)(x)", ShapeError, "BatchNorm2d 3: got (2, 3), expected (N, 3, H, W)"),
    ("nn.LayerNorm(4)(x)", ValueError, "input: expected (..., 4), got (2, 3)"),
    ("nn.functional.embedding(x, x)", TypeError, "embedding: expected integers, got ... float32"),
    ("nn.functional.embedding(tensor([1, 3]), x)", IndexError,
     "embedding: 3 is not one of the rows 0 ... 1"),
    ("nn.Embedding(0, 2)", ValueError, "num_embeddings: expected an int, 1 or more, got 0"),
    ("nn.GELU('erf')", ValueError, "approximate: expected \"none\" or \"tanh\", got 'erf'"),
    ("nn.MultiheadAttention(6, 4)", ValueError, "num_heads: expected a divisor of 6, got 4"),
    ("nn.functional.layer_norm(x, (4,))", ValueError, "input: expected (..., 4), got (2, 3)"),
    ("nn.functional.batch_norm(x, None, None)", TypeError),
    ("nn.Buffer('a')", TypeError, REAL.format("<U1")),
    ("F.dropout(x, 1.5, False)", ValueError, "...1.5"),
    ("nn.Parameter('a')", TypeError, REAL.format("<U1")),
    ("nn.Parameter(labels)", RuntimeError, "only floats can require grad, got dtype int64"),
    ("F.linear(x, ones(4, 5), ones(4))", ValueError,
     "linear: expected shapes (..., in), (out, in) and (out,), got (2, 3), (4, 5) and (4,)"),
    ("F.linear(x, ones(4, 3), ones(5))", ValueError,
     "linear: expected shapes (..., in), (out, in) and (out,), got (2, 3), (4, 3) and (5,)"),
    ("F.linear(x, ones(4, 5))", ValueError, MATMUL.format((2, 3), (5, 4))),
]
LOSSES = [
    *[(f"F.{loss}(ones{left}, ones{right})", ValueError, NOT_SAME.format(left, right))
      for loss in ("mse_loss", "l1_loss", "binary_cross_entropy_with_logits")
      for left, right in (((64, 1), (64,)), ((64,), (64, 1)), ((4, 3), (3,)), ((4, 3), (1, 3)),
                          ((4, 3), ()), ((1,), ()), ((4, 3), (3, 4)))],
    *[(f"nn.{loss}()(x, ones(3, 2))", ValueError, NOT_SAME.format((2, 3), (3, 2)))
      for loss in ("MSELoss", "L1Loss", "BCEWithLogitsLoss")],
    ("F.mse_loss(x, None)", ValueError, NOT_SAME.format((2, 3), ())),
    ("F.mse_loss(ones(2), [1.0, 2.0])", TypeError),
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
    ("F.cross_entropy(x)", TypeError),
    ("nn.CrossEntropyLoss(x, labels)", TypeError),
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
    ("nn.Conv2d(1, 2)", TypeError),
    ("nn.Conv2d(0, 2, 3)", ValueError, LEAST.format("in_channels", 1, 0)),
    ("nn.Conv2d(1, 0, 3)", ValueError, LEAST.format("out_channels", 1, 0)),
    ("nn.Conv2d('a', 2, 3)", TypeError, INT.format("in_channels", "a")),
    ("nn.Conv2d(1, 2, 3, groups=0)", ValueError, LEAST.format("groups", 1, 0)),
    ("nn.Conv2d(4, 4, 3, groups=2.0)", TypeError, INT.format("groups", 2.0)),
    ("nn.Conv2d(3, 4, 5, groups=2)", ValueError,
     "groups: expected a divisor of 3 and 4, the channels, got 2"),
    ("nn.Conv2d(4, 3, 5, groups=2)", ValueError,
     "groups: expected a divisor of 4 and 3, the channels, got 2"),
    ("nn.Conv2d(1, 2, 0)", ValueError, LEAST.format("kernel_size", 1, 0)),
    ("nn.Conv2d(1, 2, 3.0)", TypeError, INT.format("kernel_size", 3.0)),
    ("conv(ones(2, 3, 6, 6))", ShapeError,
     "Conv2d 1 -> 2: got (2, 3, 6, 6), expected (N, 1, H >= 3, W >= 6)"),
    ("conv(x)", ShapeError, "Conv2d 1 -> 2: got (2, 3), expected (N, 1, H >= 3, W >= 6)"),
    ("conv(image)", ShapeError,
     "Conv2d 1 -> 2: got (2, 1, 6, 5), expected (N, 1, H >= 3, W >= 6)"),
    ("F.conv2d(image, ones(4, 2, 3, 3))", ValueError,
     SPACE.format(2, 3, 3, (2, 1, 6, 5))),
    ("F.conv2d(image, ones(4, 1, 3, 3), groups=2)", ValueError,
     SPACE.format(2, 3, 3, (2, 1, 6, 5))),
    *[(f"F.conv2d(image, ones{shape}, groups={groups})", ValueError, "weight: expected shape "
       f"(O, C, kh, kw) and O a multiple of groups, got {shape} and groups={groups}")
      for shape, groups in (((3, 1, 3, 3), 2), ((4, 1, 3), 1))],
    *[(f"F.conv2d(image, ones(4, 1, 3, 3), groups={groups!r})", (TypeError, ValueError),
       "groups: ...") for groups in (0, -1, 1.5, True, "1")],
    ("F.conv2d(image[0, 0], ones(4, 1, 3, 3))", ValueError,
     SPACE.format(1, 3, 3, (6, 5))),
    ("F.conv2d(image, ones(4, 1, 3, 3), ones(3))", ValueError,
     "bias: expected shape (4,), got (3,)"),
    ("F.conv2d(zeros(1, 1, 0, 4), ones(1, 1, 3, 3), padding=4)", ValueError,
     SPACE.format(1, 1, 1, (1, 1, 0, 4))),
    ("F.conv2d(image, ones(4, 1, 7, 3))", ValueError, SPACE.format(1, 7, 3, (2, 1, 6, 5))),
    ("F.conv2d(image, ones(4, 1, 3, 3), dilation=4, padding=(1, 0))", ValueError,
     SPACE.format(1, 7, 9, (2, 1, 6, 5))),
    *[(f"F.conv2d(image, ones(4, 1, 3, 3), {name}={value!r})", ValueError,
       LEAST.format(name, least, value))
      for name, least, value in (("stride", 1, 0), ("padding", 0, -1))],
    *[(f"F.conv2d(image, ones(4, 1, 3, 3), {name}={value!r})", TypeError, INT.format(name, value))
      for name, value in (("padding", "valid?"), ("stride", 1.5), ("padding", True),
                          ("stride", True))],
    ("F.conv2d(image, ones(4, 1, 3, 3), dilation=(1, 2, 3))", ValueError,
     PAIR.format("dilation", (1, 2, 3))),
    *[(f"F.{pool}2d({arguments})", ValueError, message)
      for pool in ("max_pool", "avg_pool") for arguments, message in (
        ("image, 3, 1, 2", "padding: expected at most half of kernel_size (3, 3), got (2, 2)"),
        ("image, 7", SPACE.format("C", 7, 7, (2, 1, 6, 5))),
        ("image, 0", LEAST.format("kernel_size", 1, 0)),
        ("image, 2, 0", LEAST.format("stride", 1, 0)),
        ("image[0, 0], 2", SPACE.format("C", 2, 2, (6, 5))))],
    ("nn.MaxPool2d(2, padding=2)(image)", ValueError,
     "padding: expected at most half of kernel_size (2, 2), got (2, 2)"),
    ("nn.AvgPool2d(2, 0)(image)", ValueError, LEAST.format("stride", 1, 0)),
    ("nn.MaxPool2d(7)(image)", ShapeError,
     "MaxPool2d: got (2, 1, 6, 5), expected (N, C, H >= 7, W >= 7)"),
    ("nn.AvgPool2d(2)(x)", ShapeError,
     "AvgPool2d: got (2, 3), expected (N, C, H >= 2, W >= 2)"),
    ("F.unfold(image, 7)", ValueError, SPACE.format("C", 7, 7, (2, 1, 6, 5))),
    ("F.unfold(image, (2, 2, 2))", ValueError, PAIR.format("kernel_size", (2, 2, 2))),
    ("F.fold(ones(2, 13, 12), (5, 5), (2, 3))", ValueError,
     "input: expected (N, a multiple of 6, 12), got (2, 13, 12)"),
    ("F.fold(ones(2, 12, 13), (5, 5), (2, 3))", ValueError,
     "input: expected (N, a multiple of 6, 12), got (2, 12, 13)"),
    ("F.fold(ones(12, 12), (5, 5), (2, 3))", ValueError,
     "input: expected (N, a multiple of 6, 12), got (12, 12)"),
    ("F.fold(x, (5, 5), 2, stride='a')", TypeError, INT.format("stride", "a")),
]
OURS = [  # what PyTorch doesn't have, or not like this
    ("Tensor('a')", TypeError, REAL.format("<U1")),
    ("Tensor([1j], requires_grad=True)", TypeError, REAL.format("complex128")),
    ("F.unfold(image, (2,))", ValueError, PAIR.format("kernel_size", (2,))),
    ("gradcheck(exp, [])", ValueError,
     "gradcheck: at least one input must be a Tensor that requires grad"),
    ("gradcheck(exp, x)", ValueError,
     "gradcheck: at least one input must be a Tensor that requires grad"),
    ("gradcheck(add, [x, 2.0])", ValueError,
     "gradcheck: at least one input must be a Tensor that requires grad"),
    ("gradcheck(lambda a: a.detach(), leaf)", RuntimeError,
     "backward: this Tensor does not require grad, so it has no graph: was it made inside "
     "no_grad(), or from nothing that requires grad?"),
    ("net(ones(2, 4))", ShapeError, "0 (Linear 3 -> 4): got (2, 4), expected (..., 3)"),
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
    *[(f"{loss}('average')", ValueError, REDUCTION.format("average"))
      for loss in ("nn.MSELoss", "nn.BCEWithLogitsLoss", "nn.NLLLoss", "nn.CrossEntropyLoss")],
    ("net.apply(1)", TypeError),
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
    *[(f"{kind}({params})", error, f"params: {message}" if message != "..." else message)
      for kind in ("Optimizer", "SGD", "Adam", "AdamW", "RMSprop", "Adagrad")
      for params, error, message in (
        ("net.parameters", TypeError, "..."),
        ("net[0]", TypeError, "..."),
        ("None", TypeError, "..."),
        ("leaf", TypeError, "expected an iterable of Tensors, got one Tensor: put it in a list"),
        ("net", TypeError, "expected Tensors, got Linear"),
        ("[leaf, array]", TypeError, "expected Tensors, got ndarray"),
        ("net.state_dict()", TypeError, "expected Tensors, got str"),
        ("net.named_parameters()", TypeError, "expected Tensors, got tuple"),
        ("[]", ValueError, "expected at least one Tensor, got none..."),
        ("iter(())", ValueError, "expected at least one Tensor, got none..."),
        ("[made]", ValueError, "expected leaves, got a Tensor that an op made: it never ..."),
        ("[leaf, leaf]", ValueError, "expected each Tensor once, got one twice"))],
    *[(f"{kind}([leaf], {name}={value})", TypeError, f"{name}: expected a number, got {value}")
      for kind in ("Adam", "AdamW", "RMSprop", "Adagrad") for name, value in (
        ("lr", "'0.1'"), ("lr", "True"), ("eps", "None"), ("weight_decay", "'a'"))],
    *[(f"SGD([leaf], {name}=float('{value}'))", ValueError, f"Invalid {name} value: {value}")
      for name in ("lr", "momentum", "alpha", "weight_decay") for value in ("-0.1", "nan", "inf")],
    ("SGD([leaf], momentum=1)", ValueError, "Invalid momentum value: 1"),
    *[(f"SGD([leaf], {name}={value})", TypeError, f"{name}: expected a number, got {value}")
      for name, value in (("lr", "'0.1'"), ("lr", "None"), ("lr", "True"), ("lr", "[0.1]"),
                          ("momentum", "'a'"), ("alpha", "None"), ("weight_decay", "'a'"),
                          ("dampening", "None"))],
    ("SGD([leaf], dampening=float('nan'))", ValueError, "Invalid dampening value: nan"),
    ("SGD([leaf], lr=x)", TypeError, "lr: expected a number, got tensor(..."),
    ("Optimizer([leaf], lr=-1)", ValueError, "Invalid lr value: -1"),
    ("Optimizer([leaf]).step()", NotImplementedError, "Optimizer does not define step"),
    # what each of these says, its own file of tests knows
    *[(case, REFUSAL) for case in (
        "next(iter(Dataset()))", "len(Dataset())", "Dataset()[0]", "TensorDataset()",
        "TensorDataset(x, ones(3))", "TensorDataset(array)", "TensorDataset(one)", "pairs[2]",
        "DataLoader(pairs, 0)", "DataLoader(pairs, -3)", "DataLoader(pairs, 2.0)",
        "DataLoader(pairs, '2')", "DataLoader(pairs, None)", "DataLoader(pairs, True)",
        "DataLoader([], 2)", "DataLoader(TensorDataset(zeros(0, 3)), 2)",
        "DataLoader(sample for sample in pairs)", "DataLoader(None)",
        "DataLoader(pairs, generator='a')", "DataLoader(pairs, generator=-1)",
        "list(DataLoader([zeros(1), zeros(2)], 2))", "list(DataLoader([object(), object()], 2))",
        "Subset(pairs, [0, 2])", "Subset(pairs, [-3])", "Subset(pairs, [0.0])",
        "Subset(pairs, [[0, 1]])", "Subset(pairs, 1)", "random_split(pairs, [1, 2])",
        "random_split(pairs, [3, -1])", "random_split(pairs, [0.5, 0.4])",
        "random_split(pairs, [1.5, 0.5])", "random_split(pairs, [1.5, -0.5])",
        "random_split(pairs, [])", "random_split(pairs, [float('nan'), 1.0])",
        "random_split(pairs, 2)", "random_split(pairs, 'ab')")],
    ("save(type('Lost', (nn.Module,), {})(), 'net.npz')", TypeError, STATE.format("Lost")),
    ("save('net.npz', state)", TypeError, STATE.format("str")),
    ("save({'a': 1j}, 'net.npz')", TypeError,
     "...a...: expected ...an array of real numbers, got complex"),
    ("save({'a': x, 'b': text}, 'net.npz')", TypeError,
     "...b...: expected ...an array of real numbers, got ndarray"),
    ("save(state, 3)", TypeError),
    ("save(state, 'no/folder/net.npz')", FileNotFoundError),
    ("load('nowhere.npz')", FileNotFoundError),
    ("load(3)", (TypeError, ValueError)),
    ("load(state)", (TypeError, ValueError)),
    ("load('readme.txt')", ValueError, "readme.txt: ..."),
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


def our_things():
    """Return what is ours alone: a net after one step, its optimizer, and data for it."""
    nptorch.manual_seed(0)
    own = things(nptorch)
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Sequential(nn.Linear(4, 3)).eval())
    sgd = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    nn.functional.cross_entropy(net(own["x"]), own["labels"]).backward()
    sgd.step()
    return own | {"net": net, "sgd": sgd, "state": net.state_dict(),
                  "pairs": data.TensorDataset(own["x"], own["labels"])}


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
    following = nptorch.rand(3).tolist()  # our_things() sets the seed anew for each case
    return nptorch.is_grad_enabled(), following, np.geterr(), files


def pattern(message):
    return ".*".join(map(re.escape, message.split("...")))


NAMES = {name: value for module in (nptorch, data, optim)
         for name, value in vars(module).items()
         if not name.startswith("__") and name not in ("float", "int", "bool")}  # Python's
NAMES |= {"nn": nn, "F": nn.functional, "np": np, "gradcheck": gradcheck}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Work in a folder of its own, with one file in it."""
    before = os.getcwd()
    os.chdir(tmp_path_factory.mktemp("folder"))
    with open("readme.txt", "w") as file:
        file.write("no archive")
    yield
    os.chdir(before)


@pytest.mark.parametrize("case, error, message", [(*case, None)[:3] for case in CASES],
                         ids=[case[0] for case in CASES])
def test_is_refused_and_changes_nothing(case, error, message, folder):
    our_things()
    around, given = surroundings(), our_things()
    before = frozen(given)
    with pytest.raises(error) as caught:
        exec(case, NAMES | given)
    if message is not None:
        names = [kind.__name__ for kind in (error if isinstance(error, tuple) else (error,))]
        assert type(caught.value).__name__ in names  # it may be a RuntimeError, too
        assert re.fullmatch(pattern(message), str(caught.value), re.DOTALL), str(caught.value)
    assert (frozen(given), surroundings()) == (before, around)


@pytest.mark.parametrize("wrong", [None, "text", [1.0, 2.0], {}, print], ids=repr)
@cases.table([line for line in cases.CASES + cases.WITHOUT_GRADIENT
              if line[0].startswith(("m.", "F.")) and "dropout" not in line[0]
              and "for " not in line[0]])
def test_ops_take_nothing_but_tensors_arrays_and_numbers(f, arrays, wrong):
    """Every op of the table, with something else in the place of its first input."""
    rest = cases.leaves(nptorch, arrays, np.float32)[1:]
    with pytest.raises((TypeError, AttributeError, ValueError)):
        f(nptorch, wrong, *rest)


def test_the_check_for_changes_sees_them(folder):
    for change in ("x.data[0, 0] = 9", "leaf.grad.zero_()", "made.sum().backward()",
                   "x.requires_grad_()", "net.train()", "sgd.v[0][0] = 9", "sgd.lr = 1.0",
                   "net[0].bias = None", "made.retain_grad()", "pairs.tensors[1].data[0] = 1",
                   "state.clear()", "array[0] = 9",
                   "rand(1)", "open('new', 'w').close()", "np.seterr(over='raise')"):
        our_things()
        around, given, errors = surroundings(), our_things(), np.geterr()
        before = frozen(given)
        exec(change, NAMES | given)
        assert (frozen(given), surroundings()) != (before, around), change
        np.seterr(**errors)
    os.remove("new")


# What takes no input that could be wrong.
NOT_IN_THE_TABLE = {"is_grad_enabled", "no_grad", "default_collate"}

# The bridge's names that test_bridge.py asks for, one by one.
OF_THE_BRIDGE = {word for path in Path(__file__).parent.glob("test_bridge*.py")
                 for word in re.findall(r"\w+", path.read_text("utf-8"))}


def test_every_public_function_is_in_the_table():
    text = "\n".join(case[0] for case in CASES)
    public = {name for module in (nptorch, nn, nn.functional, optim, data)
              for name, value in vars(module).items()
              if isinstance(value, (FunctionType, type)) and not name.startswith("_")
              and value.__module__.startswith("nptorch") and value.__module__ != "nptorch.checks"}
    called = cases.called() | set(re.findall(r"\w+", text))
    missing = public - called - NOT_IN_THE_TABLE - OF_THE_BRIDGE
    # Rows of the table that are called without a dash, or under their other name.
    missing = {name for name in missing - set(ALIASES) if name[-1] != "_"}
    assert not missing, f"in no line of cases.py, and in none here: {sorted(missing)}"


# PyTorch takes the cases that begin like these, and not all of them on purpose.
TAKEN_BY_PYTORCH = (
    "F.binary_cross_entropy_with_logits(ones(3), tensor([0, ", "F.mse_loss(ones", "F.l1_loss(ones",
    "F.fold(ones(12, 12), (5, 5), (2, 3))", "manual_seed(1.5)",
    "nn.BCEWithLogitsLoss()(ones(1), 2 * ones(1))", "nn.Conv2d(0, 2, 3)",
    "nn.Conv2d(1, 0, 3)", "nn.Conv2d(1, 2, 0)", "nn.Linear(0, 2)",
    "nn.Dropout(True)", "nn.Embedding(0, 2)", "nn.GELU('erf')", "nn.ReLU(x)", "tensor(1j)",
    "x.cuda",
)


@pytest.mark.filterwarnings("ignore")
def test_pytorch_refuses_the_same():
    torch = pytest.importorskip("torch")
    names = vars(torch) | {"nn": torch.nn, "F": torch.nn.functional, "np": np}
    taken = []
    for case, *_ in OF_BOTH:
        try:
            exec(case, names | things(torch))
            taken.append(case)
        except Exception:
            pass
    assert [case for case in taken if not case.startswith(TAKEN_BY_PYTORCH)] == []
