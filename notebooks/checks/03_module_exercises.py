"""Checks for the exercises of 03_module.ipynb."""

import itertools
import re

import numpy as np
from workbook import Wrong, expect, hole


def by_hand(x, weights, biases):
    """The values of affine maps with tanh between them."""
    for weight, bias in zip(weights[:-1], biases):
        x = np.tanh(x @ weight.T + bias)
    return x @ weights[-1].T + biases[-1]


@hole("mended", "Which net has the wrong number of parameters? Which has parameters whose "
                "gradient is None? Which net changes x?")
def _(First, Second, Third, Fourth, Fifth, Tensor):
    rng = np.random.default_rng(3)
    nets = {"First": First, "Second": Second, "Third": Third, "Fourth": Fourth, "Fifth": Fifth}
    for name, Net in nets.items():
        net, before = Net(), rng.standard_normal((7, 2)).astype(np.float32)
        x, sizes = Tensor(before.copy()), [32, 16, *[256, 16] * (2 * (name == "Fifth")), 16, 1]
        parameters = list(net.parameters())
        expect(f"{name}: how many numbers its parameters have",
               sum(p.data.size for p in parameters), sum(sizes))
        out = net(x)
        expect(f"{name}: x after net(x)", x.data, before)
        shapes = {(16, 2): 0, (16, 16): 1, (1, 16): 2}
        matrices = sorted((p for p in parameters if p.ndim == 2), key=lambda p: shapes[p.shape])
        vectors = [p for p in parameters if p.ndim == 1 and len(p.data) == 16]
        last = [p for p in parameters if p.ndim == 1 and len(p.data) == 1]
        seen = before - before.mean(0) if name == "Third" else before
        orders = [[matrices[0], *inner, matrices[-1]]  # in which order the inner ones are used
                  for inner in itertools.permutations(matrices[1:-1])]
        values = [by_hand(seen, [m.data for m in order], [v.data for v in [*vs, *last]])
                  for order in orders for vs in itertools.permutations(vectors)]
        if not any(out.shape == v.shape and np.allclose(out.data, v, atol=1e-5) for v in values):
            expect(f"{name}: its values, with a tanh between any two layers", out, values[0], 1e-5)
        out.backward(np.ones(out.shape, np.float32))
        still = [path for path, p in net.named_parameters()
                 if p.grad is None or not np.any(np.asarray(p.grad.data))]
        if still:
            raise Wrong(f"{name}: expected a gradient for each parameter, got none for {still}")


@hole("summary", "p.shape is a tuple and p.numel() a number; an f-string shows both.")
def _(summary, Module, Parameter, Tensor):
    class Net(Module):
        pass

    net, sizes = Net(), [("weight", (3, 2)), ("inner.weight", (1, 4)), ("inner.bias", (5,))]
    net.weight, net.inner = Parameter(np.zeros((3, 2))), Net()
    net.inner.weight, net.inner.bias = Parameter(np.zeros((1, 4))), Parameter(np.zeros(5))
    net.again, net.note, net.mean = net.weight, "a note", Tensor([1.0])
    for module, rows in (net, sizes), (net.inner, [(path[6:], shape) for path, shape in sizes[1:]]):
        text = summary(module)
        expect("is a summary a text", isinstance(text, str), True)
        lines = text.strip().split("\n")
        said = f"the summary of a net with {', '.join(path for path, _ in rows)}"
        expect(f"{said}: how many lines it has", len(lines), len(rows) + 1)
        for line, (path, shape) in zip(lines, rows):
            expect(f"{said}: the path in {line!r}", line.split()[0].rstrip(":,"), path)
            expect(f"{said}: the shape and size in {line!r}",
                   [int(n) for n in re.findall(r"\d+", line.partition(path)[2])],
                   [*shape, int(np.prod(shape))])
        expect(f"{said}: the sum in {lines[-1]!r}", re.findall(r"\d+", lines[-1]),
               [str(sum(int(np.prod(shape)) for _, shape in rows))])


@hole("widen", "Is it a Linear? Then change the data of its weight in place.")
def _(widen, Linear, Tanh, Sequential):
    layer, rng = Linear(100, 100), np.random.default_rng(3)
    weight, bias = layer.weight.data.copy(), layer.bias.data.copy()
    widen(layer)
    factor = float(layer.weight.data[0, 0] / weight[0, 0])
    expect("the weight of a Linear, by one factor", layer.weight.data, factor * weight, 1e-6)
    expect("its bias", layer.bias.data, bias)
    for other in Tanh(), Sequential(Tanh()):
        expect(f"widen({other!r})".replace("\n", ""), lambda other=other: widen(other), None)
    for depth in 10, 20:
        x = rng.standard_normal((400, 100))
        for _ in range(depth):
            bound = factor / 10
            x = np.tanh(x @ rng.uniform(-bound, bound, (100, 100)).T)
        spread = x.std(0).mean()
        if not 0.25 < spread < 0.5:
            raise Wrong(f"with the weights times {factor:.4g}, after {depth} layers: expected a "
                        f"spread between 0.25 and 0.5, got {spread:.3f}")
