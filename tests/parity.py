"""Random programs under nptorch and under PyTorch: every value and every gradient must agree.

    python tests/parity.py [--programs 5000] [--seed 0]
    python tests/parity.py --run '["v0 = torch.ones(2, requires_grad=True)", "v1 = v0 * v0"]'
    python tests/parity.py --freeze 80

A program is a list of Python statements. It runs unchanged under both libraries, because nptorch
has PyTorch's names: `torch` in it is the one or the other. Hypothesis makes the programs, statement
by statement, with PyTorch's values at hand to keep each one valid, and shrinks what fails; what is
left is printed, with its seed and the command that runs it alone. Every line of the table in
cases.py is a template for a statement; those below it vary what a line cannot: kinds, shapes,
dimensions, indices. --freeze writes golden/programs.json, some programs with PyTorch's numbers, for
test_parity.py where PyTorch is not.
Needs PyTorch: pip install -e ".[parity]".
"""

import argparse
import json
import math
import re
import shlex
import sys
import time
import warnings
from collections import Counter
from itertools import count
from pathlib import Path

import numpy as np
from cases import CASES, WITHOUT_GRADIENT
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis import strategies as st

import nptorch

FILE = Path(__file__).parent / "golden" / "programs.json"
BATCH = 25  # programs from one seed


# The interpreter: one for both libraries

# What each library rounds in its own way. All else gives the same bits in both, ties included.
ROUNDS = re.compile(r"@|\*\*|\b(exp|log|tanh|sigmoid|gelu|pow|sum|mean|var|std|logsumexp|softmax|"
                    r"log_softmax|matmul|scaled_dot_product_attention|linear|linspace|conv2d|avg_pool2d|fold|\w+_loss|\w+Loss|"
                    r"cross_entropy|\w+_with_logits|Linear|Tanh|Sigmoid|Conv2d|AvgPool2d)\(")


def namespace(torch, shake=0):
    """What a program can name: the library, and fixed(module), which gives a module its weights.

    With shake, 1 or -1, the last digits of what shaken gets go up or down, at random; the other
    way with -1 than with 1, so that one of the two turns round what is equal but for rounding.
    """
    rng = np.random.default_rng(0)

    def shaken(value):
        if not (shake and isinstance(value, torch.Tensor) and value.is_floating_point()):
            return value
        noise = 16 * np.finfo(value.detach().numpy().dtype).eps * rng.uniform(-1, 1, value.shape)
        return value * torch.tensor(1 + shake * noise, dtype=value.dtype)

    def fixed(module):
        weights = {}
        for name, p in module.state_dict().items():
            numbers = np.sin(1 + len(weights) + 1.7 * np.arange(p.numel())).round(3)
            weights[name] = torch.tensor(numbers.reshape(tuple(p.shape)), dtype=p.dtype)
        module.load_state_dict(weights)
        for layer in module.modules() if shake else ():
            if ROUNDS.search(f"{type(layer).__name__}("):
                layer.register_forward_hook(lambda layer, inputs, out: shaken(out))
        return module.eval()

    return {"torch": torch, "nn": torch.nn, "F": torch.nn.functional, "fixed": fixed,
            "shaken": shaken, "inf": math.inf, "nan": math.nan, "np": np}


def run(torch, program, shake=0):
    """Run a program, and then backward from a weighted sum of all that has a gradient. Return
    {name: array} for every value, and for the gradient of every leaf and every parameter.

    With shake, every result that rounding can touch is shaken, which only PyTorch's can be.
    """
    space = namespace(torch, shake)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for statement in program:
            exec(statement, space)
            if ROUNDS.search(statement) and (name := statement.split()[0]) in space:
                space[name] = space["shaken"](space[name])
        values = {name: value for name, value in space.items() if re.fullmatch(r"v\d+", name)}
        tensors = {name: v for name, v in values.items() if isinstance(v, torch.Tensor)}
        loss = torch.tensor(0.0, requires_grad=True)
        for i, t in enumerate(tensors.values()):
            if t.requires_grad:
                weights = np.random.default_rng(i).uniform(0.5, 1.5, tuple(t.shape))
                loss = loss + (t * torch.tensor(weights, dtype=t.dtype)).sum()
        loss.backward()
    results = {name: v.detach().numpy() for name, v in tensors.items()}
    for name, value in values.items():
        if isinstance(value, torch.nn.Module):
            tensors |= {f"{name}.{path}": p for path, p in value.named_parameters()}
        elif name not in tensors:
            results[name] = np.asarray(value)
    gradients, seen = {}, set()  # x.to(x.dtype) is x itself in PyTorch: two names, one gradient
    for name, t in tensors.items():
        if t.is_leaf and t.grad is not None and id(t) not in seen:
            gradients[f"{name}.grad"] = t.grad.numpy()
        seen.add(id(t))
    return results | gradients


def difference(expected, found, strictness=1):
    """The first difference between two results of run, as a sentence; None if they agree."""
    if odd := expected.keys() ^ found.keys():
        return f"{', '.join(sorted(odd))}: in one of the two alone"
    # A float64 that was computed from a float32 is no more exact than that.
    single = any(array.dtype == np.float32 for array in expected.values())
    tolerance = (1e-4 if single else 1e-10) / strictness
    for name, e in expected.items():
        f = found[name]
        if (e.dtype, e.shape) != (f.dtype, f.shape):
            return f"{name}: PyTorch {e.dtype} {e.shape}, nptorch {f.dtype} {f.shape}"
        rtol = tolerance if e.dtype.kind == "f" else 0
        if not np.allclose(f, e, rtol=rtol, atol=rtol, equal_nan=True):
            return f"{name}: PyTorch {e.tolist()}, nptorch {f.tolist()}"
    return None


# The generator

SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**", "matmul": "@", "eq": "==",
         "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
LOSSES = {"mse_loss": "MSELoss", "nll_loss": "NLLLoss", "cross_entropy": "CrossEntropyLoss",
          "binary_cross_entropy_with_logits": "BCEWithLogitsLoss"}
# What a value must be like for a slot that ends in this sign, and how to make a new one so: a
# shape stands for all with as many lengths, each from 1 to what it says.
TESTS = {
    "+": (lambda v: (v > 0.1).all(), {"style": "positive"}),
    "/": (lambda v: (v.double().abs() > 0.1).all(), {"style": "positive"}),
    "~": (lambda v: v.isfinite().all(), {"style": "real"}),
    "!": (lambda v: v.numel(), {"shape": (3, 2)}),
    "1": (lambda v: v.ndim, {"shape": (2, 3)}),
    "2": (lambda v: v.ndim == 2, {"shape": (2, 3)}),
    "3": (lambda v: v.ndim > 2, {"shape": (2, 3, 4)}),
    "4": (lambda v: v.ndim == 4 and v.numel(), {"shape": (2, 2, 3, 4)}),
    "C": (lambda v: v.is_contiguous(), {}),
    "K": (lambda v: v.ndim and v.shape[-1], {"shape": (2, 3)}),
    "N": (lambda v: v.ndim in (1, 2) and v.numel(), {"shape": (3, 4)}),
    "S": (lambda v: v.numel() == 1, {"shape": (1, 1)}),
    "V": (lambda v: v.ndim and v.numel() == v.unique().numel() > 0,  # no variance near 0
          {"shape": (4, 3), "style": "real"}),
    "Z": (lambda v: (v == 0).any(), {"style": "i"}),
    "W": (lambda v: dtype(v) == "float32", {"dtype": "float32"}),  # as a module's weights are
}


def dtype(value):
    return str(value.dtype).removeprefix("torch.")


def kind(value):
    """f, i or b for a Tensor of floats, integers or bools; x for all else."""
    kinds = {"fl": "f", "in": "i", "ui": "i", "bo": "b"}
    return kinds[dtype(value)[:2]] if hasattr(value, "is_leaf") else "x"


class Draft:
    """A program in the making, with PyTorch's value of every name."""

    def __init__(self, torch, draw):
        self.torch, self.draw, self.program, self.space = torch, draw, [], namespace(torch)
        self.dtypes = self.pick(["float64"], ["float32"], ["float32", "float64"])
        self.styles = ["i", "real", "positive"] + self.pick(*[[]] * 9, ["wild"])

    def pick(self, *options):
        return self.draw(st.sampled_from(options))

    def number(self, low, high):
        return self.draw(st.integers(low, high))

    def do(self, statement):
        """Add a statement."""
        try:
            exec(statement, self.space)
        except Exception as error:
            lines = "\n".join([*self.program, statement])
            raise SystemError(f"PyTorch refuses what it should take:\n{lines}") from error
        self.program.append(statement)

    def say(self, expression):
        """A new name for the value of an expression."""
        name = f"v{len(self.program)}"
        self.do(f"{name} = {expression}")
        return name

    def shape(self, name):
        return tuple(self.space[name].shape)

    def numbers(self, shape, style):
        """Numbers of few digits."""
        rng = np.random.default_rng(self.number(0, 999))
        if style == "b":
            return rng.random(shape) < 0.5
        if style == "i":  # with zeros and ties
            return rng.integers(-2, 4, shape)
        if style == "positive":
            return rng.uniform(0.3, 3, shape).round(2)
        special = rng.choice([np.inf, -np.inf, np.nan, 0.0, -0.0], shape)
        return np.where((rng.random(shape) < 0.2) & (style == "wild"), special,
                        rng.standard_normal(shape).round(2))

    def new(self, kind="f", shape=None, style=None, dtype=None):
        """The name of a new leaf: of floats, integers or bools."""
        if shape is None:
            shape = tuple(self.draw(st.lists(st.sampled_from([2, 3, 1, 4, 2, 3, 0]), max_size=3)))
        options = ""
        if kind == "f":
            style = style or self.pick(*self.styles)
            options = f", dtype=torch.{dtype or self.pick(*self.dtypes)}"
            options += self.pick(", requires_grad=True", ", requires_grad=True", "")
        if 0 in shape:  # which no list of lists could say
            zeros = f"torch.zeros({shape}{options})"
            return self.say(zeros + {"f": "", "i": ".long()", "b": " > 0"}[kind])
        numbers = self.numbers(shape, style if kind == "f" else kind).tolist()
        return self.say(f"torch.tensor({numbers}{options})")

    def operand(self, relation, kinds, signs):
        """The name of a value, old or new, of one of these kinds, which passes the signs' tests,
        and broadcasts with the other operands (&), or has the shape of the first one (=)."""
        fresh = {key: value for sign in signs for key, value in TESTS[sign][1].items()}
        if "shape" in fresh:
            fresh["shape"] = tuple(n - self.number(0, n - 1) for n in fresh["shape"])
        shapes = [self.shape(name) for name in self.operands]
        if relation == "&":
            shape = [self.pick(n, 1) for n in np.broadcast_shapes(*shapes)]
            fresh["shape"] = tuple(shape[self.number(0, len(shape)):])
        elif relation == "=":
            fresh["shape"] = shapes[0]

        def fits(value):
            if kind(value) not in kinds or not all(TESTS[sign][0](value) for sign in signs):
                return False
            if relation == "=":
                return tuple(value.shape) == shapes[0]
            try:
                return math.prod(np.broadcast_shapes(*shapes, tuple(value.shape))) <= 200
            except ValueError:
                return False

        old = [name for name, value in reversed(self.space.items()) if fits(value)]
        new = not old or not self.number(0, 3)
        name = self.new(self.pick(*kinds), **fresh) if new else self.pick(*old)
        self.operands.append(name)
        return name

    def fill(self, template):
        """A template with its slots filled, sometimes said as a method or with an operator."""
        self.operands = []
        if callable(template):
            return template(self)
        text = re.sub(r"\{(.*?)\}", lambda match: self.slot(match[1]), template)
        if call := re.match(r"torch\.(\w+)\((v\d+)(?:, )?", text):
            name, x, rest = call[1], call[2], text[call.end():]
            forms = [text]
            if name != "where" and hasattr(self.torch.Tensor, name):
                forms.append(f"{x}.{name}({rest}")
            if name in SIGNS:
                forms.append(f"{x} {SIGNS[name]} {rest[:-1]}")
            if hasattr(nptorch.nn.functional, name):
                forms.append(f"F.{text.removeprefix('torch.')}")
            return self.pick(*forms)
        return text

    def slot(self, text):
        if "|" in text:
            return self.pick(*text.split("|"))
        if operand := re.fullmatch(r"([&=]?)([fib]+)([^a-z]*)", text):
            return self.operand(*operand.groups())
        return str(getattr(self, text)(self.shape(self.operands[0]) if self.operands else ()))

    # Slots that are no operands; shape is the first operand's.

    def dim(self, shape, more=0):
        n = max(len(shape) + more, 1)
        return self.number(-n, n - 1)

    def newdim(self, shape):
        return self.dim(shape, 1)

    def dims(self, shape):
        """Different dimensions, at least one, some counted from the end."""
        n = len(shape)
        dims = self.draw(st.lists(st.integers(0, n - 1), min_size=1, unique=True))
        return tuple(self.pick(d, d - n) for d in dims)

    def sizes(self, shape):
        """Another shape for as many elements."""
        total = math.prod(shape)
        new = list(self.pick((total,), shape[::-1], (1, total), (*shape, 1), shape[1:] + shape[:1]))
        if total and new and self.pick(False, True):
            new[self.number(0, len(new) - 1)] = -1
        return tuple(new)

    def order(self, shape):
        n = len(shape)
        return tuple(self.pick(d, d - n) for d in self.draw(st.permutations(range(n))))

    def wide(self, shape):
        """What expand can make of this shape."""
        new = [self.number(1, 3) if n == 1 else self.pick(n, -1) for n in shape]
        return (*self.pick((), (2,), (1,)), *new)

    def key(self, shape):
        """An index: numbers, slices, lists, Tensors of integers or bools, None and ..."""
        parts, length = [], self.number(1, 3)
        for n in shape[:self.number(0, len(shape))]:
            a, b = self.number(-n, n), self.number(-n, n)
            part = self.pick(":", f"{a}:{b}", f"{a}::2", f":{b}")
            if n:
                spots = [self.number(-n, n - 1) for _ in range(length)]
                mask = [i == spots[0] % n for i in range(n)]
                part = self.pick(part, spots[0], spots, f"torch.tensor({spots})",
                                 f"torch.tensor({spots[0]})", f"torch.tensor({mask})")
            parts.append(str(part))
        if self.pick(False, False, True):
            parts.insert(self.number(0, len(parts)), "None")
        return ", ".join(parts + self.pick([], ["..."])) or "..."

    def right(self, shape):
        """What matmul takes for a left side of this shape."""
        k, left = shape[-1], self.space[self.operands[0]]
        old = [name for name, v in self.space.items() if kind(v) != "x" and v.ndim in (1, 2)
               and v.shape[0] == k and v.dtype is left.dtype]
        if old and self.pick(False, True):
            return self.pick(*old)
        new = self.pick((k,), (k, 3), (k, 1), shape[:-2] + (k, 2), (1, k, 2))
        return self.new(kind(left), new, dtype=dtype(left))

    # Expressions that need more than slots

    def line(self):
        """A line of the table in cases.py, about values of the shapes that its numbers have, all of
        one dtype, their elements different, and positive where its numbers are."""
        lines, ending = self.pick(*4 * [(CASES, "")], (WITHOUT_GRADIENT, ".detach()"))
        (text, *arrays), like, names = self.pick(*lines), self.pick(*self.dtypes), {}
        for letter, array in zip("abc", arrays):
            positive = array.size > 0 and array.min() > 0
            old = [name for name, v in reversed(self.space.items())
                   if kind(v) == "f" and dtype(v) == like and tuple(v.shape) == array.shape
                   and v.numel() == v.unique().numel() and (not positive or (v > 0.1).all())]
            use_old = old and self.number(0, 3)
            names[letter] = (self.pick(*old) if use_old else self.new(
                "f", array.shape, "positive" if positive else "real", like)) + ending
        text = re.sub(r"\b[abc]\b", lambda match: names[match[0]], text)
        return re.sub(r"\bm\.", "torch.", text)

    def joined(self):
        x = self.fill("{fib1}")
        same = [self.operand("=", "fib", "") for _ in range(self.number(0, 2))]
        shape = list(self.shape(x))
        if self.pick(False, True):
            return f"torch.stack([{', '.join([x, *same])}], {self.newdim(shape)})"
        dim = self.dim(shape)
        shape[dim] = self.number(0, 3)
        return f"torch.cat(({', '.join([x, self.new('f', tuple(shape)), *same])}), dim={dim})"

    def in_place(self):
        x = self.say(self.fill("{f}.detach().clone()"))  # an array that nothing else has
        y = self.new(self.pick("f", "i"), self.pick(self.shape(x), ()), "positive")
        y = self.pick("2", "0.5", f"{y}.detach()")
        self.do(self.pick(
            f"{x} += {y}", f"{x} -= {y}", f"{x} *= {y}", f"{x} /= {y}", f"{x} **= 2",
            f"{x}.zero_()", f"{x}.fill_(3)", f"{x}[{self.key(self.shape(x))}] = 1.5",
            f"{x}[...] = {y}", f"{x}.copy_({x} * {y})"))
        return f"{x}.requires_grad_()"

    def window(self, size, dilated=True):
        """A kernel that fits on images of this size, and its options, as text."""
        kernel = [self.number(1, min(n, 3)) for n in size]
        options = {"stride": [self.number(1, 3) for _ in size],
                   "padding": [self.number(0, k // 2) for k in kernel],
                   "dilation": [self.number(1, 1 + (2 * k - 1 <= n)) for k, n in zip(kernel, size)]}
        return tuple(kernel), "".join(
            f", {name}={tuple(pair) if pair[0] != pair[1] else pair[0]}"
            for name, pair in options.items()
            if self.pick(True, False) and (dilated or name != "dilation"))

    def linear(self):
        x = self.fill("{fK}")
        return f"F.linear({self.arrays(x, (m := self.number(1, 3), self.shape(x)[-1]), (m,))})"

    def arrays(self, x, *shapes):
        """x and its weights of these shapes, as text; the last one may be left out."""
        like = dtype(self.space[x])
        return ", ".join([x, *(self.new("f", shape, "real", like)
                               for shape in self.pick(shapes, shapes[:-1]))])

    def images(self):
        x = self.fill("{f4}")
        c, *size = self.shape(x)[1:]
        name = self.pick("conv2d", "max_pool2d", "avg_pool2d", "fold")
        kernel, options = self.window(size, dilated="pool" not in name)
        if name == "conv2d":
            groups, times = self.pick(1, c), self.number(1, 2)
            maps = groups * times
            arrays = self.arrays(x, (maps, c // groups, *kernel), (maps,))
            return f"F.conv2d({arrays}{options}, groups={groups})"
        if name == "fold":
            x = self.say(f"F.unfold({x}, {kernel}{options})")
            options = f", {kernel}{options}"
            kernel = tuple(size)
        return f"F.{name}({x}, {kernel}{options})"

    def net(self):
        x = self.fill(self.pick("{f1!W}", "{f4W}"))
        layers = [self.pick("nn.ReLU()", "nn.Tanh()", "nn.Sigmoid()", "nn.Identity()",
                            "nn.Dropout(0.3)")]
        if len(self.shape(x)) == 4:
            c, *size = self.shape(x)[1:]
            kernel, options = self.window(size)
            groups = self.pick(1, c)
            layers.insert(0, f"nn.Conv2d({c}, {2 * groups}, {kernel}{options}, groups={groups})")
            layers += [self.pick("nn.MaxPool2d(2, 1, 1)", "nn.AvgPool2d((3, 2), 1, 1)"),
                       self.pick("nn.Flatten()", "nn.Flatten(2)")]
        else:
            m = self.number(1, 4)
            layers.insert(0, f"nn.Linear({self.shape(x)[-1]}, {m})")
            layers.append(f"nn.Linear({m}, 2, bias=False)")
        if self.pick(False, False, True):
            net = self.say(f"fixed(nn.ModuleList([{', '.join(layers)}]))")
            return f"{net}[1]({net}[0]({x}))"
        return f"{self.say('fixed(nn.Sequential(' + ', '.join(layers) + '))')}({x})"

    def loss(self):
        function, module = self.pick(*LOSSES.items())
        if function in ("nll_loss", "cross_entropy"):
            x = self.fill("{fN}")
            *n, c = self.shape(x)
            y = self.say(f"torch.tensor({(self.numbers(n, 'i') % c).tolist()})")
        else:
            x = self.fill("{f!}")
            y = self.new("f", self.shape(x), "real", dtype(self.space[x]))
            if function != "mse_loss":  # nptorch refuses targets outside [0, 1]
                y = self.say(f"{y}.sigmoid()")
        how = f'reduction="{self.pick("mean", "sum", "none")}"'
        return self.pick(f"F.{function}({x}, {y}, {how})", f"nn.{module}({how})({x}, {y})",
                         f"F.{function}({x}, {y})")


# A slot, in braces, is an operand of kinds f, i, b (see Draft.operand), or a choice, or a method
# of Draft. What PyTorch does not take is left out, such as differences of bools, and so is what
# nptorch leaves to it: max over the one dimension of a single number, softmax over an empty one,
# the sum over no dimension.
NUMBER = "{2|0.5|-1|3|-1.5|0}"
BOTH = "add", "mul", "eq", "ne", "lt", "le", "gt", "ge"
OVER = ", {dim}", ", {dim}, True", ", dim={dim}, keepdim=True"
OVERS = *OVER, ", {dims}", ", dim={dims}, keepdim=True"
GROUPS = [
    ["torch.exp({fib})", "torch.tanh({fib})", "torch.sigmoid({fib})", "torch.neg({fi})",
     "-{fi}", "torch.log({fi+})", "torch.sqrt({fi+})"],
    [f"torch.{name}({{fib}}, {{&fib}})" for name in BOTH] + ["torch.sub({fi}, {&fi})",
     "torch.div({fib}, {&fib/})", "torch.div({fib}, {3|0.5|-4})", "{2|-1.5} / {fib/}"],
    ["torch.{add|mul|div}({fib1}, torch.tensor({2|0.5}, dtype=torch.{float32|float64|int64}))"],
    [f"torch.{name}({{fib}}, {NUMBER})" for name in BOTH] + [f"torch.sub({{fi}}, {NUMBER})",
     *(f"{NUMBER} {sign} {{fi}}" for sign in ("+", "*", "<", ">=", "-"))],
    [f"torch.{name}({{fi}}, {{&fi}})" for name in ("maximum", "minimum", "max", "min")],
    ["torch.clamp({fi}, {-1|0|0.5}, {1|1.0|2.5})", "torch.clamp({fi}, {min|max}={0|0.5|1})"],
    ["torch.where({b}, {&fi}, {&fi})", f"torch.where({{b}}, {{&fi}}, {NUMBER})",
     f"torch.where({{b}}, {NUMBER}, {{&f}})", "{f}.where({&b}, {&f})"],
    *([f"torch.{name}({{{kinds}}})", *(f"torch.{name}({{{kinds}1}}{over})" for over in overs)]
      for name, kinds, overs in [
        ("sum", "fib", OVERS), ("mean", "f", OVERS), ("argmax", "fi!", OVER),
        ("argmin", "fi!", OVER)]),
    *([f"torch.{name}({{fi!1}}{over}){{.values|.indices|[0]|[1]}}" for over in OVER]
      for name in ("max", "min")),
    ["torch.logsumexp({f!}, {dim})", *(f"torch.logsumexp({{f!1}}{over})" for over in OVERS)],
    ["torch.softmax({f1!}, {|dim=}{dim})", "torch.log_softmax({f1!}, {|dim=}{dim})"],
    ["torch.matmul({fiK}, {right})", "torch.matmul({fK}, {right})"],
    ["torch.reshape({fib}, {sizes})", "{fibC}.view({sizes})", "torch.flatten({fib})",
     "torch.flatten({fib1}, {dim})", "torch.flatten({fib1}, 0, {dim})"],
    ["torch.permute({fib}, {order})", "torch.permute({f3}, {order})", "{fib2}.T",
     "torch.transpose({fib1}, {dim}, {dim})"],
    ["torch.squeeze({fib})", "torch.squeeze({fib}, {dim})", "torch.squeeze({fib1}, {dims})",
     "torch.unsqueeze({fib}, {newdim})"], ["{fib}.expand({wide})"], [Draft.joined],
    ["{fib}[{key}]"], ["{f1}[{key}]"], ["{f3}[{key}]", "{fib}[{=b}]"],
    ["{fib~}.to(torch.{float32|float64|int64})", "{fib~}.{float|double|long}()"],
    ["torch.zeros({0|2}, {1|3})", "torch.ones((2, {0|2}), dtype=torch.int64)",
     f"torch.full(({{1|2}},), {NUMBER})", "torch.eye({0|2|3})", "torch.eye({1|2}, 3)",
     "torch.arange({0|3})", "torch.arange({0|3|2.5}, 9, {3|2})", "torch.linspace(-1, 2, {1|4})",
     "torch.{zeros|ones}_like({fib})", "torch.full_like({fib}, {2|-1}, dtype=torch.float64)"],
    ["torch.clone({fib})", "{fib}.detach()", "{f}.detach().requires_grad_()",
     "torch.no_grad()(torch.mul)({f}, 2)", "F.dropout({f}, 0.5, training=False)"],
    ["{fib}.tolist()", "{fibS}.item()", "{fib1}.size()", "({fib}.dim(), {fib}.numel())"],
    [Draft.in_place], [Draft.linear],
]
# And those that nptorch leaves to PyTorch where there is nan or inf: one of the two multiplies by
# a mask there and the other does not, or adds zeros beside a kernel, or takes inf from inf.
FINITE = [
    ["torch.pow({f}, {2|3|1|0|2.0})", "torch.pow({f/}, {-1|-2})", "torch.pow({f+}, {0.5|-1.5})",
     "torch.pow({f+}, {&fi})", "torch.pow({i}, {0|1|2|3})", "torch.pow({fZ}, {0|1|2})",
     "{2|0.5|3.0} ** {f}"],
    *([f"torch.{name}({{fV}}{over})" for over in (
        "", *OVERS, ", correction=0", ", correction=0, dim={dims}, keepdim=True")]
      for name in ("var", "std")),
    ["torch.relu({fi})"], ["torch.abs({fi})", "abs({fi})"],
    [f"torch.{name}({{fi!}})" for name in ("max", "min", "amax", "amin")],
    [f"torch.{name}({{fi!1}}{over})" for name in ("amax", "amin") for over in OVERS],
    *3 * [[Draft.images], [Draft.loss], [Draft.net]],
    *12 * [[Draft.line]],
]


@st.composite
def step(draw, draft):
    """Add the statements of one template, unless they make numbers too large to go on with."""
    draft.draw, before, space = draw, len(draft.program), dict(draft.space)
    groups = GROUPS if "wild" in draft.styles else GROUPS + FINITE
    value = draft.space[draft.say(draft.fill(draft.pick(*draft.pick(*groups))))]
    if kind(value) != "x" and not (value.numel() <= 200 and (
            "wild" in draft.styles or (value.double().abs() <= 1e3).all())):
        del draft.program[before:]
        draft.space = space


@st.composite
def programs(draw):
    """Programs that PyTorch runs."""
    import torch

    draft = Draft(torch, draw)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        while True:
            draw(step(draft))
            if len(draft.program) > 15 or (draft.program and not draw(st.integers(0, 6))):
                return draft.program


# The command


def complaint(torch, program):
    """What nptorch makes of a program that it should not, as a sentence; None if all is well."""
    expected = run(torch, program)
    try:
        return difference(expected, run(nptorch, program))
    except Exception as error:
        return f"nptorch raises {type(error).__name__}: {error}"


def pruned(torch, program):
    """A failing program without the statements that its failure does not need."""
    for statement in program[::-1]:
        rest = [other for other in program if other != statement]
        try:
            program = rest if complaint(torch, rest) else program
        except NameError:  # a later statement needs this one
            pass
    return program


def check(torch, number, first_seed):
    """Return so many pairs (program, PyTorch's results) from a seed, on all of which nptorch
    agrees, and how many others were dropped. Raises AssertionError with one that fails."""
    agreed, dropped = [], 0

    @seed(first_seed)
    @settings(max_examples=number, deadline=None, database=None, report_multiple_bugs=False,
              phases=[Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck))
    @given(programs())
    def agree(program):
        nonlocal dropped
        expected = run(torch, program)
        # Numbers that hang on their last digits, on which no two libraries agree, prove nothing.
        if any(difference(expected, run(torch, program, shake), 4) for shake in (1, -1)):
            dropped += 1
            assume(False)
        if complaint(torch, program):
            program = pruned(torch, program)
            command = "python tests/parity.py --run " + shlex.quote(json.dumps(program))
            raise AssertionError("\n".join([*program, complaint(torch, program), command]))
        agreed.append((program, expected))

    agree()
    return agreed, dropped


def names(program):
    """The names of functions, methods and modules in a program."""
    return set(re.findall(r"\b(?!v\d+\b)[A-Za-z_]\w*", "\n".join(program)))


def freeze(torch, number, first_seed):
    """Write programs and PyTorch's results to FILE: of ten times as many, those with rare names."""
    pool = {}
    for current in count(first_seed):
        pool |= {tuple(program): results for program, results in check(torch, BATCH, current)[0]}
        if len(pool) >= 10 * number:
            break
    common = Counter(name for program in pool for name in names(program))
    uses, chosen, others = Counter(), [], []
    for program in sorted(pool, key=lambda p: min(common[name] for name in names(p))):
        needed = min(uses[name] for name in names(program)) < 10
        uses.update(names(program) if needed else ())
        (chosen if needed else others).append(program)
    lines = [json.dumps([program, {name: [str(a.dtype), a.shape, [
                 float(f"{x:.{7 if a.dtype == np.float32 else 12}g}") if a.dtype.kind == "f" else x
                 for x in a.ravel().tolist()]] for name, a in pool[program].items()}],
                        separators=(",", ":")) for program in (chosen + others)[:number]]
    text = "[\n" + ",\n".join(lines) + "\n]\n"
    FILE.write_text(text, encoding="utf-8", newline="\n")


def frozen():
    """The pairs (program, results) in FILE."""
    return [(program, {name: np.array(numbers, dtype).reshape(shape)
                       for name, (dtype, shape, numbers) in results.items()})
            for program, results in json.loads(FILE.read_text(encoding="utf-8"))]


def main():
    """Run the command line; see the top of this file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0, help="the first one; the next is one more")
    parser.add_argument("--run", type=json.loads, metavar="JSON", help="run this program alone")
    parser.add_argument("--freeze", type=int, metavar="NUMBER", help="write so many programs")
    options = parser.parse_args()
    import torch

    if options.run:
        return complaint(torch, options.run) or print("nptorch and PyTorch agree")
    if options.freeze:
        return freeze(torch, options.freeze, options.seed)
    start, different, unstable = time.time(), set(), 0
    for current in count(options.seed):
        try:
            agreed, dropped = check(torch, BATCH, current)
        except AssertionError as error:
            return f"{error}\nfound by seed {current}"
        different |= {tuple(program) for program, _ in agreed}
        unstable += dropped
        if len(different) >= options.programs or current % 10 == 9:
            print(f"seeds {options.seed} to {current}: {len(different)} different programs agree, "
                  f"{unstable} dropped, {time.time() - start:.0f} s", flush=True)
        if len(different) >= options.programs:
            return None


if __name__ == "__main__":
    sys.exit(main())
